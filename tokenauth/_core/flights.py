"""Flights: the fetches in progress, by key. One caller leads each flight; the others wait for its result.

Law: a flight leaves the registry before its result is set, so that a waiter who can't use the result finds the key
free. Law: a flight is in its `with` block before it is in the registry. So whatever ends its leader, even Ctrl-C
between two instructions, the flight lands, fails, or is abandoned.

An abandoned flight wakes its waiters with None, and one of them leads next. If the caller that leads is cancelled while
it waits, its flow goes on without it (`_io.drive`), and so does the flight. If it can't go on, because its event loop
is closed or stopped, or its time is over, the next caller abandons it, or one that waits.

After `invalidate()` an outdated flight goes on, so that no two logins overlap; what it brings is for its leader alone.
After `close()` it is for nobody: it is `parting`, and its flow logs out.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import InvalidStateError
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from tokenauth._core import errors
from tokenauth._core.effects import LONGER
from tokenauth._core.meeting import Meeting

T = TypeVar("T")


class Flight:
    """A fetch that is in progress or about to start. Threads and tasks can wait for its `future`.

    *key*: what is fetched. *stale_at*: monotonic seconds. *rejected*: the token whose rejection started it, if any.
    `replaced`: the token that its login replaced, if any. `began`: monotonic seconds when its login started. `kept`:
    what it has brought is in the cache. `thread`, `greenlet` and `loop`: what must run for it to go on; see `tie`.
    """

    def __init__(self, registry: "Flights", key: Hashable, stale_at: float, rejected: Any = None) -> None:
        self.future: Meeting[Any] = Meeting()
        self.future.set_running_or_notify_cancel()  # so that no waiter can cancel it
        self.thread, self.greenlet, self.loop = threading.get_ident(), current_greenlet(), current_loop()
        self.key = key
        self.stale_at = stale_at
        self.rejected = rejected
        self.mark = ""
        self.replaced: Any = None
        self.began: float | None = None
        self.outdated = self.parting = self.kept = False
        self._registry = registry
        self._epoch = registry.epoch

    def __enter__(self) -> "Flight":
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def tie(self, thread: int = -1, loop: Any = None) -> None:
        """From now on the flight needs this *thread*, and the event *loop* in it. By default it needs none. The code
        that led it has left, so that it may wait for it."""
        self.thread, self.greenlet, self.loop = thread, -1, loop

    def land(self, result: object) -> None:
        """Give *result* to all waiters. None lets one of them lead."""
        self._registry.remove(self)
        with contextlib.suppress(InvalidStateError):  # it has a result already
            self.future.set_result(None if self.outdated else result)

    def fail(self, failure: Exception) -> None:
        """Give *failure* to all who wait."""
        if self.outdated:
            self.abandon()
            return
        self._registry.remove(self)
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(failure)

    def abandon(self) -> None:
        """Let one of those who wait lead. No effect on a flight that has landed or failed."""
        self.land(None)

    def brought(self) -> Any:
        """Return its result, None where it was abandoned; raise a copy of what its leader met, or that it is late."""
        if not self.future.done():
            text = f"Another thread or task is fetching the token and did not finish in time. {LONGER}"
            raise errors.TokenEndpointError(text, retryable=True)
        failure = self.future.exception()
        if failure is None:
            return self.future.result()
        if isinstance(failure, errors.TokenAuthError):
            raise failure.again() from failure
        text = f"Fetching the token failed in another thread or task: {type(failure).__name__}"
        raise errors.TokenAuthError(text) from failure

    @property
    def forgotten(self) -> bool:
        """Whether all has been forgotten since this began: what it brings is for those alone who wait for it."""
        return self.outdated or self._epoch != self._registry.epoch

    @property
    def counts(self) -> bool:
        """Whether its failure is news: nobody has taken over, nor is it to be `forgotten`."""
        return not self.forgotten and not self.future.done()

    @property
    def lost(self) -> bool:
        """Whether the event loop that brings its answer is closed: its tasks were not even cancelled."""
        return self.loop is not None and self.loop.is_closed()

    @property
    def stands_still(self) -> bool:
        """Whether the event loop that brings its answer does not run. It may run again, unless it is closed."""
        return self.loop is not None and not self.loop.is_running()

    @property
    def is_mine(self) -> bool:
        """Whether the running code was called from inside this very fetch, so that to wait would be for ever."""
        return self in _leading.get()

    def calls(self, function: Callable[[], T]) -> T:
        """Return what *function* returns, which is called by this flight's fetch. An interrupt leaves no mark."""
        context = copy_context()
        context.run(_leading.set, (*_leading.get(), self))
        return context.run(function)


class Watch:
    """Tells a caller that waits for *flight* whether its leader is lost. It is asked at intervals.

    A stopped event loop may run again, as in programs that run it in turns. So it is given something to run: the leader
    is lost if that has not run by the next time, and the loop doesn't run then either.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._ran: list[None] | None = None

    def __call__(self) -> bool:
        loop = self._flight.loop
        if loop is None or loop.is_closed():
            return loop is not None
        if loop.is_running():
            self._ran = None
            return False
        if self._ran is None or self._ran:
            self._ran = []
            with contextlib.suppress(RuntimeError):  # it was closed meanwhile
                loop.call_soon_threadsafe(self._ran.append, None)
            return False
        return True


def current_greenlet() -> int | None:
    """Return which greenlet of its thread the running code is in; None where nobody uses greenlets."""
    current = getattr(sys.modules.get("greenlet"), "getcurrent", None)  # it may be half imported
    return id(current()) if current is not None else None


def current_loop() -> Any:
    """Return the event loop of asyncio that runs in this thread, or None."""
    running = getattr(sys.modules.get("asyncio"), "get_running_loop", None)  # it may be half imported
    with contextlib.suppress(RuntimeError):
        return running() if running is not None else None
    return None


_leading: ContextVar[tuple[Flight, ...]] = ContextVar("tokenauth_leading", default=())


class Flights:
    """The flights under way, by key. *epoch*: how often all has been forgotten."""

    def __init__(self, lock: "threading.RLock | None" = None) -> None:
        # re-entrant: a garbage collection under the lock may close an abandoned flow, which comes back here
        self._lock = lock or threading.RLock()
        self.epoch = 0
        self._flights: dict[Hashable, Flight] = {}

    def flight(self, key: Hashable, stale_at: float, rejected: Any = None) -> Flight:
        """Return a flight that may `join`."""
        return Flight(self, key, stale_at, rejected)

    def join(self, fresh: Flight, now: float) -> Flight:
        """Return the flight that is under way for the key of *fresh*, else *fresh*, which is now. *now*: monotonic."""
        with self._lock:
            flight = self._flights.get(fresh.key)
            if flight is not None and now < flight.stale_at and not flight.lost:
                return flight
            self._flights[fresh.key] = fresh
        if flight is not None:
            flight.abandon()
        return fresh

    def remove(self, flight: Flight) -> None:
        """Take *flight* off the register, where it still stands."""
        with self._lock:
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def outdate(self, key: Hashable) -> None:
        """Let the result of the flight under way for *key* count for nobody but its leader."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                flight.outdated = True

    def part(self, key: Hashable) -> Flight | None:
        """Return the flight under way for *key*, if there is one: what it brings is to be logged out."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and not flight.kept:
                flight.outdated = flight.parting = True
            return flight

    def begin_anew(self) -> None:
        """Have none under way: their leaders don't come along into a child process."""
        self._flights.clear()

    def forget(self) -> None:
        with self._lock:
            self.epoch += 1
            self._flights.clear()
