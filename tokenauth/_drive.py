"""The two drivers: they run a flow and perform its effects, one blocking, one awaiting. The only home of event loops.

    run(flow, perform)      perform = Blocking(transport, clock)
    await arun(flow, perform)   perform = Awaiting(transport, clock)

A transport makes one token call: `transport(request, seconds) -> (status, headers, body)`. It raises Unreachable.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tokenauth import errors
from tokenauth._clock import Clock
from tokenauth._effects import Ask, Call, Effect, Exchange, Pause, Reply, TokenRequest, Wait
from tokenauth._flights import Flight
from tokenauth._origins import Origin

T = TypeVar("T")
Answer = tuple[int, Mapping[str, str], bytes]
BlockingTransport = Callable[[TokenRequest, float], Answer]
AwaitingTransport = Callable[[TokenRequest, float], Awaitable[Answer]]


class Unreachable(Exception):
    """A transport got no whole answer; the text says why. *connected*: whether it got as far as sending."""

    def __init__(self, reason: str, *, connected: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.connected = connected


def run(flow: Generator[Effect, Any, T], perform: "Blocking") -> T:
    """Run *flow* to its end in this thread."""
    try:
        effect = next(flow)
        while True:
            try:
                result = perform(effect)
            except BaseException as problem:
                effect = flow.throw(problem)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    finally:
        flow.close()


async def arun(flow: Generator[Effect, Any, T], perform: "Awaiting") -> T:
    """Run *flow* to its end in this task."""
    try:
        effect = next(flow)
        while True:
            try:
                result = await perform(effect)
            except BaseException as problem:
                effect = flow.throw(problem)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    finally:
        flow.close()


class Blocking:
    """Performs effects by blocking this thread."""

    def __init__(self, transport: BlockingTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    def __call__(self, effect: Effect) -> Any:
        match effect:
            case Exchange(request, flight, deadline):
                with flight.led():
                    return self._exchange(request, deadline)
            case Call(function, flight):
                with flight.led():
                    return function()
            case Ask():
                return self._ask(effect)
            case Wait(flight, deadline):
                if flight.is_mine or flight.thread == threading.get_ident():
                    raise _nested()
                _settled(flight.future, deadline - self._clock.monotonic())
                return _landed(flight)
            case Pause(seconds):
                return _settled(Future(), seconds)

    @staticmethod
    def _ask(ask: Ask) -> Any:
        asked, in_time = _in_thread(ask.function), False
        try:
            in_time = _settled(asked, ask.seconds)
        finally:  # Ctrl-C included
            if not in_time:
                asked.add_done_callback(ask.unwanted)
        return asked.result() if in_time else ask.late()

    def _exchange(self, request: TokenRequest, deadline: float) -> Reply:
        token_call = _TokenCall(request, self._clock)
        seconds = max(deadline - token_call.sent, 0.001)
        future = _in_thread(lambda: self._transport(request, seconds))
        if not _settled(future, seconds):
            raise token_call.failed(None)
        problem = future.exception()
        if isinstance(problem, Unreachable):
            raise token_call.failed(problem)
        return token_call.answered(future.result())


class Awaiting:
    """Performs effects by awaiting, on asyncio and on trio."""

    def __init__(self, transport: AwaitingTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def __call__(self, effect: Effect) -> Any:
        match effect:
            case Exchange(request, flight, deadline):
                with flight.led():
                    return await self._exchange(request, deadline)
            case Call(function, flight, deadline, blocks):
                with flight.led():
                    return await self._call(function, deadline) if blocks else function()
            case Ask():
                return await self._ask(effect)
            case Wait(flight, deadline):
                if flight.is_mine:
                    raise _nested()
                await _asettled(flight.future, deadline - self._clock.monotonic())
                return _landed(flight)
            case Pause(seconds):
                return await _asettled(Future(), seconds)

    @staticmethod
    async def _ask(ask: Ask) -> Any:
        asked, in_time = _in_thread(ask.function), False
        try:
            in_time = await _asettled(asked, ask.seconds)
        finally:  # cancelled included
            if not in_time:
                asked.add_done_callback(ask.unwanted)
        return asked.result() if in_time else ask.late()

    async def _exchange(self, request: TokenRequest, deadline: float) -> Reply:
        token_call = _TokenCall(request, self._clock)
        seconds = max(deadline - token_call.sent, 0.001)
        answer, problem = None, None
        try:
            answer = await _within(seconds, self._transport(request, seconds))
        except Unreachable as error:
            problem = error
        if answer is None:
            raise token_call.failed(problem)
        return token_call.answered(answer)

    async def _call(self, function: Callable[[], T], deadline: float) -> T:
        future = _in_thread(function)
        if not await _asettled(future, deadline - self._clock.monotonic()):
            raise errors.TokenAuthError("A callable for a secret did not return in time (timeout=)")
        return future.result()


class _TokenCall:
    """One token call: when it was sent, and what its outcome means. The same for both drivers."""

    def __init__(self, request: TokenRequest, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self.sent_at = clock.wall()
        self.sent = clock.monotonic()

    def answered(self, answer: Answer) -> Reply:
        return Reply(*answer, sent=self.sent, sent_at=self.sent_at, received_at=self._clock.wall())

    def failed(self, problem: Unreachable | None) -> Exception:
        """Return the error for *problem*; None means that time ran out. To be raised outside of any `except` block:
        the client's own exceptions hold the request with its secrets."""
        where = f"{Origin.parse(self._request.url)}{urlsplit(self._request.url).path}"
        if problem is None:
            text = f"The token endpoint {where} did not answer in time (timeout=). Is it up, and can it be reached?"
        elif problem.connected:
            text = f"The token endpoint {where} gave no usable answer: {problem.reason}"
        else:
            text = (
                f"The token endpoint {where} can't be reached: {problem.reason}. Is it up? "
                "Behind a proxy or a private CA, pass the session or client to use as token_client="
            )
        return errors.TokenEndpointError(text, retryable=True)


def _nested() -> Exception:
    return errors.TokenAuthError(
        "A token was asked for from inside its own fetch (same thread or task), which would wait for ever. "
        "Something that the token call uses, such as token_client= or a callable, makes requests with this auth"
    )


def _landed(flight: Flight) -> Any:
    """Return what *flight* brought, None where it was abandoned; raise a copy of what its leader met."""
    if not flight.future.done():
        text = "Another thread or task is fetching the token and did not finish in time (timeout=)"
        raise errors.TokenEndpointError(text, retryable=True)
    failure = flight.future.exception()
    if failure is None:
        return flight.future.result()
    if isinstance(failure, errors.TokenAuthError):
        raise failure.again() from failure
    raise errors.TokenAuthError(
        f"Fetching the token failed in another thread or task: {type(failure).__name__}"
    ) from failure


# waiting


def threaded(transport: BlockingTransport) -> AwaitingTransport:
    """Return *transport* for event loops: it blocks a thread of its own."""

    async def call(request: TokenRequest, seconds: float) -> Answer:
        future = _in_thread(lambda: transport(request, seconds))
        await _asettled(future, seconds + 1)  # the driver's own limit comes first
        return future.result(0)

    return call


def _in_thread(function: Callable[[], T]) -> "Future[T]":
    """Call *function* in a daemon thread: whatever it hangs in (DNS, a dripping server), its caller need not."""
    future: Future[T] = Future()
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
    return future


def _settled(future: "Future[Any]", seconds: float) -> bool:
    """Wait until *future* is done, for *seconds* at most; return whether it is."""
    return bool(wait([future], max(seconds, 0.0)).done)


async def _asettled(future: "Future[Any]", seconds: float) -> bool:
    """Wait until *future* is done, for *seconds* at most; return whether it is."""
    trio = _running_trio()
    landed, wake = _trio_bell(trio) if trio else _asyncio_bell()
    future.add_done_callback(lambda _: wake())
    if not future.done():
        await _within(seconds, landed())
    return future.done()


async def _within(seconds: float, awaitable: Awaitable[T]) -> T | None:
    """Return what *awaitable* returns, or None when *seconds* have passed."""
    trio = _running_trio()
    if trio:
        with trio.move_on_after(max(seconds, 0.0)):
            return await awaitable
        return None
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
