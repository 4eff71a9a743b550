"""The two drivers: they run a flow and perform its effects, one blocking, one awaiting. For event loops see `waiting`.

    run(flow, perform)      perform = Blocking(transport, clock)
    await arun(flow, perform)   perform = Awaiting(transport, clock)

A transport makes one token call: `transport(request, seconds) -> (status, headers, body)`. It raises Unreachable.
A blocking one is called in a thread, by both drivers: so it need not end when its caller is cancelled, and what it
brings is made use of (`Exchange.unwanted`). Only a `token_client` that is async ends with its task.
"""

import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tokenauth._core import errors
from tokenauth._core.clock import Clock
from tokenauth._core.effects import Ask, Call, Effect, Exchange, Reply, TokenRequest, Wait
from tokenauth._core.flights import Flight
from tokenauth._core.origins import Origin
from tokenauth._io.waiting import asettled, in_thread, settled, within

T = TypeVar("T")
R = TypeVar("R")
Answer = tuple[int, Mapping[str, str], bytes]
BlockingTransport = Callable[[TokenRequest, float], Answer]
AwaitingTransport = Callable[[TokenRequest, float], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class InThread:
    """A *transport* for event loops that blocks a thread of its own."""

    transport: BlockingTransport


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
            case Exchange(flight=flight):
                with flight.led():
                    return self._exchange(effect)
            case Call(function, flight):
                with flight.led():
                    return function()
            case Ask():
                return self._ask(effect)
            case Wait(flight, deadline):
                if flight.is_mine or flight.thread == threading.get_ident():
                    raise _nested()
                settled(flight.future, deadline - self._clock.monotonic())
                return _landed(flight)
            case _:
                return settled(Future(), effect.seconds)

    @staticmethod
    def _ask(ask: Ask) -> Any:
        return _errand(ask.function, ask.seconds, partial(_asked, ask), ask.unwanted)

    def _exchange(self, exchange: Exchange) -> Reply:
        token_call = _TokenCall(exchange, self._clock)
        return _errand(token_call.on(self._transport), token_call.seconds, token_call.reply, token_call.leave)


class Awaiting:
    """Performs effects by awaiting, on asyncio and on trio."""

    def __init__(self, transport: "AwaitingTransport | InThread", clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def __call__(self, effect: Effect) -> Any:
        match effect:
            case Exchange(flight=flight):
                with flight.led():
                    return await self._exchange(effect)
            case Call(function, flight, blocks=blocks):
                with flight.led():
                    return await self._call(effect) if blocks else function()
            case Ask():
                return await self._ask(effect)
            case Wait(flight, deadline):
                if flight.is_mine:
                    raise _nested()
                await asettled(flight.future, deadline - self._clock.monotonic())
                return _landed(flight)
            case _:
                return await asettled(Future(), effect.seconds)

    @staticmethod
    async def _ask(ask: Ask) -> Any:
        return await _aerrand(ask.function, ask.seconds, partial(_asked, ask), ask.unwanted)

    async def _exchange(self, exchange: Exchange) -> Reply:
        token_call = _TokenCall(exchange, self._clock)
        if not isinstance(self._transport, InThread):
            return await self._awaited(self._transport, token_call)
        call = token_call.on(self._transport.transport)
        return await _aerrand(call, token_call.seconds, token_call.reply, token_call.leave)

    @staticmethod
    async def _awaited(transport: AwaitingTransport, token_call: "_TokenCall") -> Reply:
        answer, problem = None, None
        try:
            answer = await within(token_call.seconds, transport(token_call.request, token_call.seconds))
        except Unreachable as error:
            problem = error
        if answer is None:
            raise token_call.failed(problem)
        return token_call.answered(answer)

    async def _call(self, call: Call) -> Any:
        future: Future[Any] = Future()
        in_thread(call.function, future)
        if not await asettled(future, call.deadline - self._clock.monotonic()):
            raise call.late()
        return future.result()


def _errand(
    function: Callable[[], T],
    seconds: float,
    read: "Callable[[Future[T]], R]",
    unwanted: "Callable[[Future[T]], object]",
) -> R:
    """Call *function* in a thread and return what *read* makes of its future after *seconds* at most.

    Whatever ends this caller before, Ctrl-C at any line included: what the call brings goes to *unwanted*.
    """
    future: Future[T] = Future()
    try:
        in_thread(function, future)
        settled(future, seconds)
        return read(future)
    except Exception:
        raise
    except BaseException:
        future.add_done_callback(unwanted)
        raise


async def _aerrand(
    function: Callable[[], T],
    seconds: float,
    read: "Callable[[Future[T]], R]",
    unwanted: "Callable[[Future[T]], object]",
) -> R:
    """Do as `_errand`; a cancellation is such an end, too."""
    future: Future[T] = Future()
    try:
        in_thread(function, future)
        await asettled(future, seconds)
        return read(future)
    except Exception:
        raise
    except BaseException:
        future.add_done_callback(unwanted)
        raise


def _asked(ask: Ask, future: "Future[Any]") -> Any:
    """Return what *future* brought in time; else leave it to `ask.unwanted`."""
    if future.done():
        return future.result()
    future.add_done_callback(ask.unwanted)
    return ask.late()


class _TokenCall:
    """One token call: when it was sent, and what its outcome means. The same for both drivers."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.request = exchange.request
        self._unwanted = exchange.unwanted
        self._clock = clock
        self.sent_at = clock.wall()
        self.sent = clock.monotonic()
        self.seconds = max(exchange.deadline - self.sent, 0.001)

    def on(self, transport: BlockingTransport) -> Callable[[], Answer]:
        return partial(transport, self.request, self.seconds)

    def reply(self, future: "Future[Answer]") -> Reply:
        """Return what *future* brought in time; raise the error of ours where it didn't, or failed."""
        if not future.done():
            raise self.failed(None)
        problem = future.exception()
        if isinstance(problem, Unreachable):
            raise self.failed(problem)
        return self.answered(future.result())

    def leave(self, future: "Future[Answer]") -> None:
        """Let what *future* brings be of use, though who asked for it has gone."""
        future.add_done_callback(lambda done: self._unwanted(lambda: self.reply(done)))

    def answered(self, answer: Answer) -> Reply:
        return Reply(*answer, sent=self.sent, sent_at=self.sent_at, received_at=self._clock.wall())

    def failed(self, problem: Unreachable | None) -> Exception:
        """Return the error for *problem*; None means that time ran out. To be raised outside of any `except` block:
        the client's own exceptions hold the request with its secrets."""
        where = f"{Origin.parse(self.request.url)}{urlsplit(self.request.url).path}"
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
