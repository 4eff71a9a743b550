"""Waiting: for a future, for some seconds, in a thread or a task. The only home of asyncio and trio.

asyncio is imported by the first task that waits: blocking programs do without.
"""

import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def in_thread(function: Callable[[], T], future: "Future[T]") -> None:
    """Call *function* in a daemon thread: whatever it hangs in (DNS, a dripping server), its caller need not.

    *future* gets what comes of it. It is the caller's, who may be interrupted in here, when the call is under way.
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


def settled(future: "Future[Any]", seconds: float) -> bool:
    """Wait until *future* is done, for *seconds* at most; return whether it is."""
    return bool(wait([future], max(seconds, 0.0)).done)


async def asettled(future: "Future[Any]", seconds: float) -> bool:
    """Wait until *future* is done, for *seconds* at most; return whether it is."""
    trio = _running_trio()
    landed, wake = _trio_bell(trio) if trio else _asyncio_bell()
    future.add_done_callback(lambda _: wake())
    if not future.done():
        await within(seconds, landed())
    return future.done()


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
