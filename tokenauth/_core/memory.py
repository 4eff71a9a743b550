"""Memory: one object with everything that is remembered about tokens, logins and refusals.

    tokens      the mapping itself                          `cache`
    flights     who is fetching                             `flights`
    cooldowns   failures that still count                   `cooldown`
    futilities  renewals that help nobody                   `futility`
    refused     tokens that a 401 came back for, each with its credential
    lines       which refresh token comes next                `lines`
    notes       what logins have learnt of servers            `under_way`
    given       what requests were signed with              `given`
    learned     who has worked out something of all this that is to be forgotten, too
    invalidated when the user said `invalidate()`, in Unix seconds

Law: there is one memory for each mapping, so what shares tokens shares all of it, and nothing else is shared. `PROCESS`
is the one of all auth objects without a `cache=` of their own. Law: it has one lock, which is held over a fork.
"""

import importlib
import math
import threading
import weakref
from collections.abc import Hashable, MutableMapping
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from tokenauth._core.cache import MAX_AGE, MAX_TOKENS, Marks, Recent, Telling, TokenCache
from tokenauth._core.clock import SYSTEM
from tokenauth._core.forks import free, over_fork

if TYPE_CHECKING:  # needed when there is no token
    from tokenauth._core.cooldown import Cooldowns
    from tokenauth._core.flights import Flights
    from tokenauth._core.futility import Futilities
    from tokenauth._core.given import Given
    from tokenauth._core.lines import Lines
    from tokenauth._core.under_way import Notes


class Learned(weakref.WeakSet[Any]):
    """Objects with a `forget` of their own."""

    def __init__(self, lock: "threading.RLock") -> None:
        super().__init__()
        self._lock = lock

    def add(self, item: Any) -> None:
        with self._lock:
            super().add(item)

    def forget(self) -> None:
        for each in list(self):
            each.forget()


_PARTS = {
    "cooldowns": "cooldown.Cooldowns",
    "futilities": "futility.Futilities",
    "flights": "flights.Flights",
    "refused": "cache.Marks",
    "lines": "lines.Lines",
    "notes": "under_way.Notes",
    "given": "given.Given",
    "learned": "memory.Learned",
    "invalidated": "cache.Recent",
}
"""Module and class of each part. Its module is loaded when it is first needed."""


class Memory:
    """What is remembered together with one mapping of tokens. Its parts are made when first needed."""

    cooldowns: "Cooldowns"
    futilities: "Futilities"
    flights: "Flights"
    refused: Marks
    lines: "Lines"
    notes: "Notes"
    given: "Given"
    learned: Learned
    invalidated: Recent[float]

    def __init__(self, mapping: MutableMapping[Any, Any]) -> None:
        self.lock = threading.RLock()  # re-entrant: a garbage collection under the lock may run any code
        self.tokens = TokenCache(mapping, self.lock)
        self._forgotten_at = -math.inf

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            if name not in _PARTS:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            module, _, kind = _PARTS[name].partition(".")
            make = getattr(importlib.import_module(f"tokenauth._core.{module}"), kind)
            return vars(self).setdefault(name, make(self.lock))  # of two threads, one is first

    def invalidate(self, key: Hashable, now: float) -> None:
        """Let nothing count that a store was told of the credential *key* before *now* (Unix seconds)."""
        self.invalidated.put(key, now)

    def invalidated_at(self, key: Hashable) -> float:
        """Return the Unix seconds up to which nothing counts that a store was told of the credential *key*."""
        return max(self._forgotten_at, self.invalidated.get(key) or -math.inf)

    def forget(self) -> None:
        """Forget everything. A login in progress serves its waiters, but leaves nothing in here."""
        with self.lock:
            self._forgotten_at = SYSTEM.wall()
            self.tokens.forget()
            for name in _PARTS.keys() & vars(self).keys():
                getattr(self, name).forget()

    def begin_anew(self) -> None:
        """Go on in a child process."""
        if "flights" in vars(self):
            self.flights.begin_anew()


_living: "weakref.WeakValueDictionary[int, Memory]" = weakref.WeakValueDictionary()
_recent: LRUCache[int, Memory] = LRUCache(256)
"""Those used lately: objects that are made for one request must not forget the failure of the one before."""
_lock = threading.RLock()
_held_over_fork: list[Memory] = []


def memory_of(mapping: MutableMapping[Any, Any]) -> Memory:
    """Return the one memory beside *mapping*."""
    with _lock:
        memory = _living.get(id(mapping))  # an id is taken while its memory lives, for that holds the mapping
        if memory is None:
            memory = _living[id(mapping)] = Memory(mapping)
        _recent[id(mapping)] = memory
        return memory


PROCESS = memory_of(Telling(maxsize=MAX_TOKENS, ttl=MAX_AGE))


def forget() -> None:
    """Forget all tokens, failures and futile renewals in this process: in a REPL, or between tests.

    This affects every auth object, and empties mappings passed as `cache=`. A login in progress still serves the
    requests that wait for it, but its token is not cached. Stores are not changed, but this process ignores what they
    held until now.
    """
    with _lock:
        memories = list(_living.values())
    for each in memories:
        each.forget()


def _before_fork() -> None:
    _lock.acquire()
    _held_over_fork.extend(_living.values())
    for memory in _held_over_fork:
        memory.lock.acquire()


def _after_fork() -> None:
    while _held_over_fork:
        _held_over_fork.pop().lock.release()
    _lock.release()


def _in_child() -> None:
    free(_lock)
    _held_over_fork.clear()
    for memory in list(_living.values()):
        free(memory.lock)
        memory.begin_anew()


over_fork(_before_fork, _after_fork, _in_child)
