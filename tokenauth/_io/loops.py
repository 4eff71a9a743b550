"""Event loops: how a task waits, and where what is awaited runs. Only this module uses asyncio and trio.

Whatever takes time runs in a thread (`waiting`) or a task of its own, and brings its outcome into a future. So it
outlives its caller. What can happen to a task, and what its future gets:

    it ends                                  the result, or the exception
    its caller is cancelled                  the same, later
    its time is over                         `Late`: it is cancelled
    it is cancelled: the loop ends           `Gone`: `asyncio.run` cancels what is left, as trio does when `main` ends
    the loop is closed without that,         nothing: who waits for the flight sees it (`Watch`), and one begins anew.
    or stopped                               A stopped loop may run again: then the same, later
    the loop is blocked                      nothing: the callers that wait go by the deadline

The first task that waits imports asyncio, so blocking programs never load it.
"""

import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from tokenauth._core import errors
from tokenauth._core.flights import current_loop
from tokenauth._io.waiting import Gone, Late, Outcome, Pending

T = TypeVar("T")


async def asettled(pending: Pending) -> None:
    """Wait in this task."""
    trio = _running_trio()
    landed, wake = _trio_bell(trio) if trio else _asyncio_bell()
    pending.future.add_done_callback(lambda _: wake())
    for seconds in pending.looks():
        await within(seconds, landed())


class Home:
    """The event loop of asyncio or trio that runs in this thread. Any thread may begin a task there."""

    def __init__(self) -> None:
        self.thread, self.loop = threading.get_ident(), current_loop()
        trio = _running_trio()
        if trio:
            self._soon: Any = trio.lowlevel.current_trio_token().run_sync_soon
        else:
            import asyncio  # noqa: PLC0415  (see above)

            self._soon = asyncio.get_running_loop().call_soon_threadsafe  # where none runs, it says so

    def begin(self, awaitable: Awaitable[T], seconds: float, outcome: Outcome[T]) -> None:
        """Await *awaitable* there, for at most *seconds*. *outcome* gets what it brings."""
        outcome.awaited = awaitable
        outcome.turn.acquire()
        if threading.get_ident() == self.thread:
            in_task(awaitable, seconds, outcome)
            return
        try:
            self._soon(copy_context().run, in_task, awaitable, seconds, outcome)
        except RuntimeError:  # it has ended
            outcome.set_exception(Gone())
            outcome.drop()


def in_task(awaitable: Awaitable[T], seconds: float, future: Outcome[T]) -> None:
    """Await *awaitable* in a task of its own, for at most *seconds*. *future* gets the outcome.

    On trio it is a system task, which must not raise anything. Either has the context of its caller.
    """
    trio = _running_trio()
    if trio:
        spawn = trio.lowlevel.spawn_system_task
        try:
            spawn(in_time, awaitable, seconds, future, name="tokenauth-login", context=copy_context())
        except Exception:  # its nursery is closed: the last that runs here ends, and an error would end all
            future.set_exception(Gone())
            future.drop()
        return
    import asyncio  # noqa: PLC0415  (see above)

    def ended(task: "asyncio.Task[None]") -> None:
        _tasks.discard(task)
        if not future.done():
            future.set_exception(Gone())
        future.drop()  # the task may have been cancelled before it began

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
