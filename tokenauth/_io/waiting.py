"""Waiting: for a future or for some seconds, in a thread or a task. Only this module uses asyncio and trio.

The first task that waits imports asyncio, so blocking programs never load it.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def in_thread(function: Callable[[], T], future: "Future[T]") -> None:
    """Call *function* in a daemon thread, so that its caller doesn't hang with it (DNS, a slow server).

    *future* gets the outcome. The caller passes it in, so that an interrupt doesn't lose a call that has started.
    """
    context = copy_context()

    def work() -> None:
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


@dataclass(frozen=True, slots=True)
class Pending:
    """Something to wait for: that *future* is done, for *seconds* at most.

    *work*: what an event loop awaits meanwhile, for it is what brings the future. *yields*: whether it is brought by a
    greenlet of this thread, so that the thread must not stand still.
    """

    future: "Future[Any]"
    seconds: float
    work: Awaitable[object] | None = None
    yields: bool = False


def settled(pending: Pending) -> None:
    """Wait in this thread."""
    with _unlocked():
        if not pending.yields:
            wait([pending.future], max(pending.seconds, 0.0))
            return
        end = time.monotonic() + pending.seconds
        while not pending.future.done() and time.monotonic() < end:
            time.sleep(_TURN)  # gevent's and eventlet's own, where greenlets share a thread: the others have their turn


_TURN = 0.005
"""Seconds between two looks."""


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
    if pending.work is not None:
        await pending.work
        return
    trio = _running_trio()
    landed, wake = _trio_bell(trio) if trio else _asyncio_bell()
    pending.future.add_done_callback(lambda _: wake())
    if not pending.future.done():
        await within(pending.seconds, landed())


async def in_time(awaitable: Awaitable[T], future: "Future[T]", seconds: float, gone: Callable[[], Exception]) -> None:
    """Await *awaitable* for at most *seconds*. *future* gets the outcome if it comes in time.

    If the awaiting task is cancelled, *future* gets the exception that *gone* returns.
    """

    async def into() -> None:
        try:
            result = await awaitable
        except Exception as problem:
            future.set_exception(problem)
        else:
            future.set_result(result)

    try:
        await within(seconds, into())
    except BaseException:
        if not future.done():
            future.set_exception(gone())
        raise


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


def on_own_loop(awaitable: Awaitable[T], seconds: float) -> T | None:
    """Return what *awaitable* returns, on an event loop of its own in this thread; None when *seconds* have passed."""
    import asyncio  # noqa: PLC0415  (see above)

    return asyncio.run(within(seconds, awaitable))


def on_a_loop() -> bool:
    """Whether an event loop runs in this thread."""
    asyncio = sys.modules.get("asyncio")
    with contextlib.suppress(RuntimeError):
        return asyncio is not None and asyncio.get_running_loop() is not None
    return _running_trio() is not None


def _running_trio() -> Any:
    """Return the module trio where this task runs on it, else None: then it is asyncio."""
    trio = sys.modules.get("trio")
    if trio is not None:
        with contextlib.suppress(RuntimeError):
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
