"""Shelf: one credential's place in a store. It encrypts entries, limits each call, and contains the store's failures.

Law: a store may be down, slow, full, or full of garbage. Requests then go on with tokens of this process only, with one
warning, and the store is tried again every few seconds.
"""

import atexit
import contextlib
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from tokenauth._core import errors
from tokenauth._core.clock import SYSTEM, Clock
from tokenauth._core.credential import purpose
from tokenauth._core.effects import Ask
from tokenauth._core.provider import Provider
from tokenauth._core.record import Record
from tokenauth._core.secrets import check_plain
from tokenauth.providers._sources import lasting
from tokenauth.stores import _seats
from tokenauth.stores._base import Lease, Store
from tokenauth.stores._health import Health
from tokenauth.stores._sealed import SEALS, FromLater, NotOurs, Seal

T = TypeVar("T")
log = logging.getLogger("tokenauth")

SECONDS = 2.0
"""Maximum time in seconds for one call to a store."""
_DUE = 0.9  # of its time: to look up a known key takes a moment, too
_LATER = "the store holds a token from a later tokenauth. It stays, and this process uses only its own tokens"
_DAMAGED = "the store holds an entry that is damaged or forged; it will be replaced"


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease as the flow holds it; `lease` is None if the store is out of order.

    until: monotonic seconds by which the login must be done, for then another process may take over.
    seal: of the secrets for which the lease was taken: a callable may return others meanwhile.
    """

    until: float
    lease: Lease | None
    seal: Seal | None = None


class ShelfInStore:
    """See `fleet.Shelf`. *timeout*: seconds that a request waits for a token; a lease lasts half of that, so that a
    request that waited for a dead holder has the other half to log in; one call of the store may take a quarter."""

    def __init__(self, store: Store, provider: Provider, *, timeout: float, clock: Clock = SYSTEM) -> None:
        for name, takes in (("load", 1), ("save", 4), ("acquire", 2), ("release", 2)):
            label = f"{type(store).__name__}.{name}"
            check_plain(label, getattr(store, name), ". It may block: it is called in a thread", takes=takes)
        self._secrets = lasting(provider.secrets)
        if not self._secrets:
            text = "store= encrypts its entries with a key that is derived from the secrets of the login, and"
            raise ValueError(f"{text} {provider.name} has none: leave out store=")
        if "_unique" in vars(provider) or type(provider).identity is Provider.identity:
            raise ValueError("store= needs a provider that says what its tokens are for: define its `identity`")
        self._store = store
        self._provider = provider
        self._purpose = purpose(provider).encoded
        self._lease_seconds = timeout / 2
        self._call_seconds = min(SECONDS, timeout / 4)
        self._seal_seconds = timeout / 4
        self._names: deque[str] = deque(maxlen=8)
        self._warned = False
        self._reads = any(secret.dynamic for secret in self._secrets)
        self._sealed = False
        self._clock = clock
        self.health = Health(provider, clock)
        self._told = ""
        self._saving: tuple[Lease | None, Future[Any]] | None = None

    def key(self) -> str:
        """Return the key of this credential's entry. Reads the secrets, and takes a tenth of a second."""
        return self._seal().name

    # effects for the flow

    def load(self, held: Hold | None = None) -> Ask:
        return self._ask("load", self._load, None, held=held)

    def acquire(self) -> Ask:
        now = self._clock.monotonic()  # not in the store's thread, which freezegun leaves on real time
        alone = Hold(now + 2 * self._lease_seconds, None)
        function = partial(self._acquire, now + self._lease_seconds)
        return self._ask("acquire", function, alone, lambda asked: asked.add_done_callback(self._unwanted))

    def save(self, record: Record, held: Hold) -> Ask:
        def leave(asked: "Future[Any]") -> None:
            self._saving = held.lease, asked

        return self._ask("save", partial(self._save, record, held), False, leave, held)

    def take_seat(self) -> Ask:
        return self._ask("acquire", lambda seal: _seats.take(self._store, seal.name), False)

    def leave_seat(self) -> Ask:
        return self._ask("release", lambda seal: _seats.leave(self._store, seal.name), False)

    def occupied(self) -> Ask:
        return self._ask("acquire", lambda seal: _seats.occupied(self._store, seal.name), True)

    def release_soon(self, held: Hold) -> None:
        """End the lease from another thread: this one may be an event loop's, or about to end."""
        if held.lease is None or held.seal is None:
            return
        what = held.seal.name, held.lease
        if self._saving is not None and self._saving[0] is held.lease:  # else another process would overtake the save
            self._saving[1].add_done_callback(lambda _: self._release(*what))
        else:
            with contextlib.suppress(RuntimeError):  # no more threads: it ends by itself
                thread = threading.Thread(target=self._release, args=what, name="tokenauth-release", daemon=True)
                thread.start()
                _releasing.add(thread)

    # what runs in a thread

    def _load(self, seal: Seal) -> Record | None:
        entry = self._store.load(seal.name)
        if entry is None:
            self._told = ""
            return None
        _check("load", entry, bytes | bytearray | memoryview, "bytes or None")
        try:
            record = Record.from_json(seal.open(bytes(entry)))
        except FromLater:
            self._tell(_LATER)
            return None
        except (NotOurs, ValueError, KeyError, TypeError):
            self._tell(_DAMAGED)
            return None
        self._told = ""
        return record

    def _acquire(self, until: float, seal: Seal) -> Hold | None:
        lease = self._store.acquire(seal.name, self._lease_seconds)
        if lease is None:
            return None
        _check("acquire", lease, Lease, "a Lease or None")
        return Hold(until, lease, seal)

    def _save(self, record: Record, held: Hold, seal: Seal) -> bool:
        """Return whether the fleet has been told."""
        seconds = record.until - self._clock.wall()
        in_time = self._clock.monotonic() < held.until  # else another process may have taken over
        if held.lease is None or not in_time or seconds <= 0 or self._told == _LATER:
            return False
        told = self._store.save(seal.name, seal.close(record.to_json()), seconds, held.lease)
        _check("save", told, bool, "True or False")
        return told

    def _release(self, name: str, lease: Lease) -> None:
        with contextlib.suppress(BaseException):  # it ends by itself, too
            self._store.release(name, lease)

    def _unwanted(self, asked: "Future[Any]") -> None:
        """Release the lease that was *asked* for, if it comes after all: nobody waits for it any more."""
        held = None if asked.exception() else asked.result()
        if isinstance(held, Hold):
            self.release_soon(held)

    def _seal(self, held: Hold | None = None) -> Seal:
        """Return the seal, which is that of what is *held*, if any."""
        if held is not None and held.seal is not None:
            return held.seal
        seal = SEALS.of(tuple(secret.reveal() for secret in self._secrets), self._purpose)
        self._sealed = True
        self._count(seal.name)
        return seal

    def _count(self, name: str) -> None:
        """Warn once where the secret is another one each time, and so is the entry's name."""
        self._names.append(name)
        if len(self._names) == self._names.maxlen == len(set(self._names)) and not self._warned:
            self._warned = True
            text = "%s: its secret changes each time that it is read, so processes can't share a token through store="
            log.warning(f"{text}. Pass a secret that stays the same, such as the signing key", self._provider.name)

    # faults

    def _ask(
        self,
        method: str,
        function: Callable[[Seal], Any],
        otherwise: Any,
        leave: "Callable[[Future[Any]], object]" = lambda _: None,
        held: Hold | None = None,
    ) -> Ask:
        """Return the effect that calls *function* with the seal. *otherwise*: the result where the store doesn't work.

        *leave* is called with what is under way when its time is over. Where what is *held* is no lease, the store is
        not asked.
        """
        seconds = self._call_seconds
        if self._reads or not self._sealed:  # a callable for a secret may take its time, and so does the first seal
            seconds += self._seal_seconds
        sealing: list[float] = []  # how long that took
        given_up = threading.Event()

        def asked() -> Any:
            began = self._clock.monotonic()
            seal = self._seal(held)
            sealing.append(self._clock.monotonic() - began)
            try:
                result = function(seal)
            except KeyboardInterrupt:
                raise
            except BaseException as problem:  # whatever is raised in the store's own thread is the store's
                self.health.failed(method, problem)
                return otherwise
            if not given_up.is_set():
                self.health.works(method)
            return result

        def late(asking: "Future[Any]", waited: float) -> Any:
            given_up.set()
            leave(asking)
            if not sealing:
                self.health.keyless(asking)
            elif waited - sealing[0] >= _DUE * self._call_seconds:  # else it had less time than is its due
                self.health.failed(method, f"it took longer than {self._call_seconds:g} s")
            return otherwise

        return Ask(partial(self._guarded, method, asked, otherwise, held), seconds, late)

    def _guarded(self, method: str, asked: Callable[[], T], otherwise: T, held: Hold | None) -> T:
        """Return what the store says to what is *asked*."""
        without_lease = held is not None and held.lease is None
        if without_lease or self.health.rests:
            return otherwise
        try:
            return asked()
        except errors.TokenAuthError:  # a callable for a secret failed; so would the login
            raise
        except Exception as problem:
            self.health.failed(method, problem)
            return otherwise

    def _tell(self, what: str) -> None:
        """Warn of a strange entry, once for as long as it is there."""
        if self._told != what:
            self._told = what
            log.warning("%s: %s", self._provider.name, what)


_releasing: "weakref.WeakSet[threading.Thread]" = weakref.WeakSet()


def _finish() -> None:
    """Let this process, which ends, release its leases, or others would wait until these are over. A second must do."""
    end = time.monotonic() + 1.0
    for each in list(_releasing):
        each.join(max(end - time.monotonic(), 0.0))


atexit.register(_finish)


def _check(method: str, result: object, kind: Any, wanted: str) -> None:
    """TypeError where *method* of the user's store has a *result* that its interface doesn't know."""
    if not isinstance(result, kind):
        raise TypeError(f"{method} returned {type(result).__name__}, not {wanted}")
