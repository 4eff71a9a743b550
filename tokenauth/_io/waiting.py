"""Waiting: for a future or for some seconds, in a thread. For tasks see `loops`."""

import contextlib
import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from tokenauth._core import errors
from tokenauth._core.meeting import Meeting, Started

T = TypeVar("T")


class Late(Exception):
    """What was awaited did not end in time."""


class Gone(Exception):
    """What was awaited was cancelled, as when its event loop ends: there will be no answer. The text says why."""

    def __init__(self, why: str = "it was cancelled") -> None:
        super().__init__(why)


class Outcome(Meeting[T]):
    """What some work brings. `turn`: to be acquired before the work, so that it is done once, however often begun.
    `awaited`: what is awaited for it."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Lock()
        self.awaited: Any = None

    def drop(self) -> None:
        """Close what was to be awaited and has not begun, or may not have: its event loop has ended."""
        if inspect.iscoroutine(self.awaited):
            closes = inspect.getcoroutinestate(self.awaited) == inspect.CORO_CREATED
        else:
            closes = self.done() and isinstance(self.exception(), Gone)
        if closes:
            awaited, self.awaited = self.awaited, None
            getattr(awaited, "close", bool)()


def in_thread(function: Callable[[], T], outcome: Outcome[T]) -> None:
    """Call *function* in a daemon thread, so that its caller doesn't hang with it (DNS, a slow server)."""
    context = copy_context()

    def work() -> None:
        if not outcome.turn.acquire(blocking=False):
            return
        try:
            result = context.run(function)
        except BaseException as problem:
            outcome.set_exception(errors.alone(problem))
        else:
            outcome.set_result(result)

    try:
        Started(target=work).start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        work()


def aside(function: Callable[[], object]) -> None:
    """Call *function* in a daemon thread of its own, or not at all if there can be none: the interpreter is ending."""
    work = partial(copy_context().run, function)
    with contextlib.suppress(RuntimeError):
        Started(target=work).start()


class Pending:
    """Something to wait for: that *future* is done, for *seconds* at most. `over`: whether one of the two has come.

    *yields*: whether it is brought by a greenlet of this thread, so that the thread must not stand still. *lost*:
    whether nobody will bring it any more.
    """

    def __init__(
        self, future: "Future[Any]", seconds: float, *, yields: bool = False, lost: Callable[[], bool] = bool
    ) -> None:
        self.future = future
        self.yields = yields
        self.over = False
        self._problem: BaseException | None = None
        self._left = seconds
        self._look = min(_LOOK, seconds / 4)
        self._lost = lost

    def interrupt(self, problem: BaseException) -> None:
        """Make the next wait raise *problem*, as if it had happened there."""
        self._problem, self.over = problem, False

    def looks(self) -> Iterator[float]:
        """Yield how many seconds to wait, again and again, as long as there is something to wait for."""
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem
        while self._left > 0.0 and not self.future.done() and not self._lost():
            yield min(self._left, self._look)
            self._left -= self._look
        self.over = True

    @property
    def gone(self) -> bool:
        """Whether nobody will bring it: its event loop has ended, or stands still."""
        if not self.future.done():
            return self._lost()
        return isinstance(self.future.exception(), Gone)


_LOOK = 1.0
"""Seconds between two looks, at most."""


def settled(pending: Pending) -> None:
    """Wait in this thread."""
    with _unlocked():
        bell = threading.Lock()  # an interrupt in `futures.wait` could leave the future locked forever
        bell.acquire()
        pending.future.add_done_callback(lambda _: bell.release())
        for seconds in pending.looks():
            if pending.yields:
                _take_turns(pending.future, seconds)
            else:
                bell.acquire(timeout=seconds)


def _take_turns(future: "Future[Any]", seconds: float) -> None:
    end = time.monotonic() + seconds
    while not future.done() and time.monotonic() < end:
        time.sleep(_TURN)  # gevent's and eventlet's own, where greenlets share a thread: the others have their turn


_TURN = 0.005
"""Seconds that the others have between two looks."""


_GIVES_UP = ("_is_owned", "_release_save", "_acquire_restore")


@contextlib.contextmanager
def _unlocked() -> Iterator[None]:
    """Let others send while this thread waits.

    requests-mock holds a lock while a request is sent, its hooks included: a renewal waits there for a token call that
    needs the lock. The methods are those by which a `threading.Condition` gives a lock up for the time that it waits.
    """
    lock: Any = getattr(sys.modules.get("requests_mock.mocker"), "_send_lock", None)
    if not all(hasattr(lock, name) for name in _GIVES_UP) or not lock._is_owned():
        yield
        return
    depth: Any = lock._release_save()
    try:
        yield
    finally:
        lock._acquire_restore(depth)
