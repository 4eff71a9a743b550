"""Waiting: for a future or for some seconds, in a thread or a task. Only this module uses asyncio and trio.

Whatever takes time runs in a thread or a task of its own, and brings its outcome into a future. So it outlives its
caller. What can happen to a task, and what its future gets:

    it ends                                  the result, or the exception
    its caller is cancelled                  the same, later
    its time is over                         `Late`: it is cancelled
    it is cancelled: the loop ends           `Gone`: `asyncio.run` cancels what is left, as trio does when `main` ends
    the loop is closed without that,         nothing: the callers that wait see it (`Watch`), and one begins anew.
    or stopped                               A stopped loop may run again: then the same, later
    the loop is blocked                      nothing: the callers that wait go by the deadline

The first task that waits imports asyncio, so blocking programs never load it.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenauth._core import errors
from tokenauth._core.flights import current_loop

T = TypeVar("T")


class Late(Exception):
    """What was awaited did not end in time."""


class Gone(Exception):
    """What was awaited was cancelled, as when its event loop ends: there will be no answer. The text says why."""

    def __init__(self, why: str = "it was cancelled") -> None:
        super().__init__(why)


def in_thread(function: Callable[[], T], future: "Future[T]") -> None:
    """Call *function* in a daemon thread, so that its caller doesn't hang with it (DNS, a slow server).

    *future* gets the outcome. The caller passes it in, so that an interrupt doesn't lose a call that has started. One
    that has not started by then never will: *future* gets `Gone`.
    """
    context, turn = copy_context(), threading.Lock()

    def work() -> None:
        if not turn.acquire(blocking=False):
            return
        try:
            result = context.run(function)
        except BaseException as problem:
            future.set_exception(problem)
        else:
            future.set_result(result)

    try:
        threading.Thread(target=work, name="tokenauth-login", daemon=True).start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        work()
    except BaseException:
        if turn.acquire(blocking=False):
            future.set_exception(Gone("it was interrupted before it began"))
        raise


@dataclass(frozen=True, slots=True)
class Pending:
    """Something to wait for: that *future* is done, for *seconds* at most.

    *yields*: whether it is brought by a greenlet of this thread, so that the thread must not stand still. *lost*:
    whether nobody will bring it any more.
    """

    future: "Future[Any]"
    seconds: float
    yields: bool = False
    lost: Callable[[], bool] = bool

    def looks(self) -> Iterator[float]:
        """Yield how many seconds to wait, again and again, as long as there is something to wait for."""
        left, look = self.seconds, min(_LOOK, self.seconds / 4)
        while left > 0.0 and not self.future.done() and not self.lost():
            yield min(left, look)
            left -= look


_LOOK = 1.0
"""Seconds between two looks, at most."""


def settled(pending: Pending) -> None:
    """Wait in this thread."""
    with _unlocked():
        if not pending.yields:
            bell = threading.Lock()  # an interrupt in `futures.wait` could leave the future locked forever
            bell.acquire()
            pending.future.add_done_callback(lambda _: bell.release())
            for seconds in pending.looks():
                bell.acquire(timeout=seconds)
            return
        end = time.monotonic() + pending.seconds
        while not pending.future.done() and time.monotonic() < end:
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


async def asettled(pending: Pending) -> None:
    """Wait in this task."""
    trio = _running_trio()
    landed, wake = _trio_bell(trio) if trio else _asyncio_bell()
    pending.future.add_done_callback(lambda _: wake())
    for seconds in pending.looks():
        await within(seconds, landed())


def in_task(awaitable: Awaitable[T], seconds: float, future: "Future[T]") -> None:
    """Await *awaitable* in a task of its own, for at most *seconds*. *future* gets the outcome.

    On trio it is a system task, which must not raise anything. Either has the context of its caller.
    """
    trio = _running_trio()
    if trio:
        spawn = trio.lowlevel.spawn_system_task
        spawn(in_time, awaitable, seconds, future, name="tokenauth-login", context=copy_context())
        return
    import asyncio  # noqa: PLC0415  (see above)

    def ended(task: "asyncio.Task[None]") -> None:
        _tasks.discard(task)
        getattr(awaitable, "close", bool)()  # the task may have been cancelled before it began
        if not future.done():
            future.set_exception(Gone())

    work = in_time(awaitable, seconds, future)
    task = asyncio.get_running_loop().create_task(work, name="tokenauth-login")
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # a loop may be closed with it: see above
    for each in list(_tasks):
        if each.get_loop().is_closed():
            _tasks.discard(each)
    _tasks.add(task)
    task.add_done_callback(ended)


_tasks: set[Any] = set()
"""A loop holds its tasks by weak references only."""


async def in_time(awaitable: Awaitable[T], seconds: float, future: "Future[T]") -> None:
    """Await *awaitable* for at most *seconds*. *future* gets the outcome; nothing is raised."""

    async def into() -> None:
        try:
            result = await awaitable
        except BaseException as problem:
            inner = errors.alone(problem)
            if not isinstance(inner, Exception | KeyboardInterrupt | SystemExit):
                raise
            future.set_exception(inner)
        else:
            future.set_result(result)

    ending: Exception = Late()
    try:
        await within(seconds, into())
    except BaseException:  # a cancellation, or several in a group
        ending = Gone()
    if not future.done():
        future.set_exception(ending)


async def within(seconds: float, awaitable: Awaitable[T]) -> T | None:
    """Return what *awaitable* returns, or None when *seconds* have passed."""
    trio = _running_trio()
    if trio:
        with trio.move_on_after(max(seconds, 0.0)):
            return await awaitable
        return None
    import asyncio  # noqa: PLC0415  (see above)

    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return await awaitable
    except TimeoutError:
        if timeout.expired():
            return None
        raise


def on_own_loop(awaitable: Awaitable[T], seconds: float) -> T:
    """Return what *awaitable* returns, on an event loop of its own in this thread. Late when *seconds* have passed."""
    import asyncio  # noqa: PLC0415  (see above)

    future: Future[T] = Future()
    asyncio.run(in_time(awaitable, seconds, future))
    return future.result()


def aside(function: Callable[[], object]) -> None:
    """Call *function*, which may block: in a thread where this one runs an event loop."""
    if on_a_loop():
        in_thread(function, Future())
    else:
        function()


def later(seconds: float, function: Callable[[], object]) -> None:
    """Call *function*, which doesn't block, after *seconds*; at once where no thread can be had."""
    timer = threading.Timer(max(seconds, 0.0), function)
    timer.name, timer.daemon = "tokenauth-later", True
    try:
        timer.start()
    except RuntimeError:
        function()


def on_a_loop() -> bool:
    """Whether an event loop runs in this thread."""
    return current_loop() is not None or _running_trio() is not None


def _running_trio() -> Any:
    """Return the module trio where this task runs on it, else None: then it is asyncio."""
    trio = sys.modules.get("trio")
    if trio is not None:
        with contextlib.suppress(RuntimeError, AttributeError):  # the latter where it is half imported
            trio.lowlevel.current_task()
            return trio
    return None


def _asyncio_bell() -> tuple[Callable[[], Awaitable[Any]], Callable[[], None]]:
    """Return a pair: what this task awaits, and what any thread calls to wake it."""
    import asyncio  # noqa: PLC0415  (see above)

    loop = asyncio.get_running_loop()
    bell = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(bell.set)

    return bell.wait, wake


def _trio_bell(trio: Any) -> tuple[Callable[[], Awaitable[Any]], Callable[[], None]]:
    """Return a pair: what this task awaits, and what any thread calls to wake it."""
    token = trio.lowlevel.current_trio_token()
    bell = trio.Event()

    def wake() -> None:
        with contextlib.suppress(trio.RunFinishedError):
            token.run_sync_soon(bell.set)

    return bell.wait, wake
