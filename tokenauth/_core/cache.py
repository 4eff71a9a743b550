"""The token cache: a mapping under a lock. It is a bounded `cachetools.TTLCache`, or the user's own mapping.

Keys are digests, keyed with a random number of this process, so a dump of the cache reveals nothing about the
credentials. An entry is a `Held`.
"""

import contextlib
import hashlib
import logging
import math
import secrets
import threading
import weakref
from collections.abc import Callable, Hashable, MutableMapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from cachetools import LRUCache, TTLCache

from tokenauth._core.clock import Clock
from tokenauth._core.identity import Identity
from tokenauth._core.sliding import LastUse
from tokenauth._core.token import Token

T = TypeVar("T")
log = logging.getLogger("tokenauth")

MAX_TOKENS = 16_384
MAX_AGE = 30 * 86400.0
"""Seconds after which a token is fetched again whatever its expiry; longer than any documented lifetime. `Ready` uses
the same limit, so the cache need not report entries that expire in it."""

_PEPPER = secrets.token_bytes(32)


def digest(*parts: object) -> str:
    """Return a keyed digest (RFC 7693) of *parts*, for use as a key; TypeError where they have no `Identity`."""
    return hashlib.blake2b(Identity.of(parts).encoded, key=_PEPPER, digest_size=32).hexdigest()


class Held(NamedTuple):
    """A token as this process holds it. Times are monotonic seconds, `math.inf` for never.

    Attributes:
        since: when it was requested.
        wall_until: `usable_until` by the wall clock, in Unix seconds. Monotonic time may stop while a machine is
            suspended.
        last_use: when it was last used, if each use restarts its lifetime.
    """

    token: Token
    usable_until: float
    refresh_from: float
    since: float
    wall_until: float = math.inf
    last_use: LastUse | None = None

    def is_usable(self, clock: Clock) -> bool:
        return clock.monotonic() < self.usable_until and clock.wall() < self.wall_until


class Telling(TTLCache[Any, Any]):
    """A TTLCache that reports each entry it drops, except expired ones: see `MAX_AGE`."""

    tell: Callable[[Hashable], object] = bool
    _warned = False

    def __delitem__(self, key: Hashable, *args: Any) -> None:
        self.tell(key)
        super().__delitem__(key, *args)

    def popitem(self) -> tuple[Any, Any]:
        if len(self) >= self.maxsize and not self._warned:
            self._warned = True
            text = "More than %d credentials are in use: their tokens push each other out of the cache. Give each auth"
            log.warning(f"{text} object a cache of its own (cache=)", self.maxsize)
        return super().popitem()


class Cell:
    """One credential's entry, for use at each request without a look-up or a lock.

    *held* is None if there is no entry, or if only the cache knows.
    """

    __slots__ = ("__weakref__", "held")

    def __init__(self) -> None:
        self.held: Held | None = None


class _Asking(Cell):
    """The cell of a user's mapping. It asks the mapping each time, because the user may change it directly."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], Held | None]) -> None:
        self._ask = ask

    @property
    def held(self) -> Held | None:  # type: ignore[override]  # read-only: nobody but the mapping decides
        return self._ask()


class TokenCache:
    """A mapping and its lock. There is one object per mapping, however many auth objects share it."""

    def __init__(self, mapping: MutableMapping[Any, Any], lock: "threading.RLock | None" = None) -> None:
        self._mapping = mapping
        self._lock = lock or threading.RLock()  # re-entrant: a garbage collection under it may run any code
        self._cells: weakref.WeakValueDictionary[Hashable, Cell] = weakref.WeakValueDictionary()
        self._warned = False
        if isinstance(mapping, Telling):
            mapping.tell = self._fill_cell

    def cell(self, key: Hashable) -> Cell:
        """Return the cell of *key*, which stays up to date from now on."""
        if not isinstance(self._mapping, Telling):
            return _Asking(partial(self.get, key))
        with self._lock:
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = Cell()
                cell.held = self._mapping.get(key)
            return cell

    def _fill_cell(self, key: Hashable, held: Held | None = None) -> None:
        cell = self._cells.get(key)
        if cell is not None:
            cell.held = held

    def get(self, key: Hashable) -> Held | None:
        with self._lock:
            return self._mapping.get(key)

    def put(self, key: Hashable, held: Held) -> None:
        try:
            with self._lock:
                self._mapping[key] = held
                if self._cells:
                    self._fill_cell(key, held)
        except ValueError:  # of cachetools
            if not self._warned:
                self._warned = True
                log.warning(
                    "The mapping that is passed as cache= has no room for a token, so that each request logs in"
                )

    def drop(self, key: Hashable, value: str | None = None) -> Held | None:
        """Remove and return the entry, if there is one. With *value*, only if it holds exactly that token."""
        with self._lock:
            held: Held | None = self._mapping.get(key)
            if held is None or (value is not None and held.token.value != value):
                return None
            with contextlib.suppress(KeyError):  # it has expired since we looked
                del self._mapping[key]
            return held

    def replace(self, key: Hashable, held: Held) -> None:
        """Replace the entry that holds the same token with *held*, if it is still there."""
        with self._lock:
            if self.drop(key, held.token.value) is not None:
                self.put(key, held)

    def forget(self) -> None:
        with self._lock:
            self._mapping.clear()
            for cell in list(self._cells.values()):
                cell.held = None


class Recent(Generic[T]):
    """The most recent thousands of values, by key. *lock*: of the memory that it is a part of."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = MAX_TOKENS) -> None:
        self.lock = lock or threading.RLock()
        self._values: LRUCache[Hashable, T] = LRUCache(maxsize)

    def get(self, key: Hashable) -> T | None:
        with self.lock:
            return self._values.get(key)

    def put(self, key: Hashable, value: T) -> None:
        with self.lock:
            self._values[key] = value

    def drop(self, key: Hashable) -> None:
        with self.lock:
            self._values.pop(key, None)

    def has(self, key: Hashable) -> bool:
        with self.lock:
            return key in self._values

    def forget(self) -> None:
        with self.lock:
            self._values.clear()


class Marks(Recent[bool]):
    """A set of tokens that share a property: the most recent few thousand, as digests."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = 4096) -> None:
        super().__init__(lock, maxsize)

    def add(self, *parts: object) -> None:
        self.put(digest(*parts), True)

    def discard(self, *parts: object) -> None:
        self.drop(digest(*parts))

    def marked(self, *parts: object) -> bool:
        return self.has(digest(*parts))
