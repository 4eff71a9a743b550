"""Shelf: one credential's place in a store. It seals, bounds every call, and keeps a faulty store from doing harm.

Law: a store may be down, slow, full or full of garbage; requests then go on with tokens of this process alone, with
one warning, and the store is tried again every few seconds.
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cachetools import LRUCache

from tokenauth._cache import digest
from tokenauth._clock import SYSTEM, Clock
from tokenauth._effects import Ask
from tokenauth._record import Record
from tokenauth.providers._base import Provider
from tokenauth.stores._base import Lease, Store
from tokenauth.stores._sealed import FromLater, NotOurs, Seal

T = TypeVar("T")
log = logging.getLogger("tokenauth")

SECONDS = 2.0
"""What one call of a store may take."""
REST = 5.0
"""Seconds for which a store that failed is left alone."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease as the flow holds it; `lease` is None where the store is out of order and there is none to be had.

    until: monotonic seconds by which the login must be done, for then another process may take over.
    """

    until: float
    lease: Lease | None


class ShelfInStore:
    """See `_source.Shelf`. *timeout*: seconds that a request waits for a token; a lease lasts half of that, so that a
    request that waited for a dead holder has the other half to log in."""

    def __init__(self, store: Store, provider: Provider, *, timeout: float, clock: Clock = SYSTEM) -> None:
        if not provider.secrets:
            raise ValueError("store= needs a provider with secrets: its entries are sealed with a key made of them")
        if "_unique" in vars(provider) or type(provider).identity is Provider.identity:
            raise ValueError("store= needs a provider whose `identity` says what its tokens are for")
        self._store = store
        self._provider = provider
        self._lease_seconds = timeout / 2
        self._clock = clock
        self._out_until: float | None = None
        self._foreign = False

    # effects for the flow

    def load(self) -> Ask:
        return self._ask(self._load, None)

    def acquire(self) -> Ask:
        alone = Hold(self._clock.monotonic() + 2 * self._lease_seconds, None)
        return self._ask(self._acquire, alone)

    def save(self, record: Record, held: Hold) -> Ask:
        return self._ask(partial(self._save, record, held), None)

    def release_soon(self, held: Hold) -> None:
        """End the lease from another thread: this one may be an event loop's, or about to end."""
        if held.lease is not None:
            release = partial(self._guarded, partial(self._release, held.lease), None)
            threading.Thread(target=release, name="tokenauth-release", daemon=True).start()

    # what runs in a thread

    def _load(self) -> Record | None:
        seal = self._seal()
        entry = self._store.load(seal.name)
        if entry is None:
            return None
        try:
            record = Record.from_json(seal.open(bytes(entry)))
        except FromLater:
            if not self._foreign:
                log.warning("%s: the store holds a token of a later tokenauth; it is left alone, unused", self._name)
            self._foreign = True
            return None
        except (NotOurs, ValueError, KeyError, TypeError):
            log.warning("%s: the store holds an entry that is damaged or forged; it will be replaced", self._name)
            record = None
        self._foreign = False
        return record

    def _acquire(self) -> Hold | None:
        until = self._clock.monotonic() + self._lease_seconds
        lease = self._store.acquire(self._seal().name, self._lease_seconds)
        return None if lease is None else Hold(until, lease)

    def _save(self, record: Record, held: Hold) -> None:
        seconds = record.until - self._clock.wall()
        in_time = self._clock.monotonic() < held.until  # else another process may have taken over
        if held.lease is not None and in_time and seconds > 0 and not self._foreign:
            seal = self._seal()
            self._store.save(seal.name, seal.close(record.to_json()), seconds, held.lease)

    def _release(self, lease: Lease) -> None:
        self._store.release(self._seal().name, lease)

    def _seal(self) -> Seal:
        kind = f"{type(self._provider).__module__}.{type(self._provider).__qualname__}"
        return _seal(
            tuple(secret.reveal() for secret in self._provider.secrets), f"{kind}\n{self._provider.identity!r}"
        )

    # faults

    def _ask(self, function: Callable[[], Any], otherwise: Any) -> Ask:
        def late() -> Any:
            return self._out(otherwise, f"it took longer than {SECONDS:g} s")

        return Ask(partial(self._guarded, function, otherwise), SECONDS, late)

    def _guarded(self, function: Callable[[], T], otherwise: T) -> T:
        if self._out_until is not None and self._clock.monotonic() < self._out_until:
            return otherwise
        try:
            result = function()
        except Exception as problem:
            return self._out(otherwise, " ".join(f"{type(problem).__name__}: {problem}".split())[:300])
        if self._out_until is not None:
            self._out_until = None
            log.info("%s: the store works again", self._name)
        return result

    def _out(self, otherwise: T, reason: str) -> T:
        if self._out_until is None:
            log.warning("%s: the store is out of order, tokens are this process's own: %s", self._name, reason)
        self._out_until = self._clock.monotonic() + REST
        return otherwise

    @property
    def _name(self) -> str:
        return self._provider.name


_seals: LRUCache[str, Seal] = LRUCache(256)
_seals_lock = threading.Lock()


def _seal(secrets: tuple[str, ...], purpose: str) -> Seal:
    """Return the seal, made once for each process and credential: that takes a tenth of a second."""
    key = digest(secrets, purpose)
    with _seals_lock:
        seal = _seals.get(key)
        if seal is None:
            seal = _seals[key] = Seal(secrets, purpose)
    return seal


os.register_at_fork(before=_seals_lock.acquire, after_in_parent=_seals_lock.release, after_in_child=_seals_lock.release)
