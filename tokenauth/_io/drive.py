"""The two drivers: they run a flow and perform its effects, one blocking, one awaiting. For event loops see `waiting`.

    run(flow, perform)      perform = Blocking(transport, clock)
    await arun(flow, perform)   perform = Awaiting(transport, clock)

How an effect is performed stands once, as a generator: it yields `Pending`, "wait for this future, for n seconds at
most", whenever something takes time. `run` and `arun` differ in how they wait, and in nothing else.

A transport makes one token call: `transport(request, seconds) -> (status, headers, body)`. It raises Unreachable.
It is called in a thread, or awaited in a task of its own: so it need not end when its caller is cancelled, and what it
brings is made use of (`Exchange.unwanted`).
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
from tokenauth._core.effects import Ask, Call, Effect, Exchange, Misuse, Undertake, Wait
from tokenauth._core.flights import Flight, Watch, current_greenlet
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._io.waiting import (
    Gone,
    Late,
    Pending,
    asettled,
    aside,
    in_task,
    in_thread,
    later,
    on_a_loop,
    on_own_loop,
    settled,
)

T = TypeVar("T")
R = TypeVar("R")
Steps = Generator[Pending, None, T]
Answer = tuple[int, Mapping[str, str], bytes]
BlockingTransport = Callable[[TokenRequest, float], Answer]
AwaitingTransport = Callable[[TokenRequest, float], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class InThread:
    """A *transport* for event loops that blocks a thread of its own."""

    transport: BlockingTransport


class Unreachable(Exception):
    """A transport got no whole answer; the text says why. *connected*: whether the endpoint was reached.

    *sent*: whether any of the request may have been. In doubt, and by default, it was. *lasting*: whether another try
    would meet the same.
    """

    def __init__(self, reason: str, *, connected: bool, sent: bool = True, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting
        self.reason = reason
        self.connected = connected
        self.sent = sent


def run(flow: Generator[Effect, Any, T], perform: "Blocking") -> T:
    """Run *flow* to its end in this thread."""
    steps = _steps(flow, perform)
    try:
        pending = next(steps)
        while True:
            try:
                settled(pending)
            except BaseException as problem:
                pending = steps.throw(_Interrupted.by(problem))
            else:
                pending = next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    except _Interrupted as interrupted:
        met = interrupted.problem
    except Exception as failure:
        raise _short(failure)  # noqa: B904  (the same exception)
    finally:
        steps.close()
    raise met


async def arun(flow: Generator[Effect, Any, T], perform: "Awaiting") -> T:
    """Run *flow* to its end in this task."""
    steps = _steps(flow, perform)
    try:
        pending = next(steps)
        while True:
            try:
                await asettled(pending)
            except BaseException as problem:
                pending = steps.throw(_Interrupted.by(problem))
            else:
                pending = next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    except _Interrupted as interrupted:
        met = interrupted.problem
    except Exception as failure:
        raise _short(failure)  # noqa: B904  (the same exception)
    finally:
        steps.close()
    raise met


class _Interrupted(BaseException):
    """A *problem* that came while a flow waited. No wait raises one: it is the caller's, raised by a signal handler,
    as the soft time limits of celery and rq. So it ends this caller as Ctrl-C does, and is no failure of the login."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    @classmethod
    def by(cls, problem: BaseException) -> BaseException:
        """Return what to throw into the flow for *problem*."""
        return cls(problem) if isinstance(problem, Exception) else problem


def _short(failure: Exception) -> Exception:
    """Return *failure*, without the way through our parts where it is one that its text explains."""
    return failure.with_traceback(None) if isinstance(failure, errors.TokenAuthError | Misuse) else failure


def _steps(flow: Generator[Effect, Any, T], perform: "_Driver") -> Steps[T]:
    """Run *flow* to its end, and yield whatever is to be waited for."""
    try:
        effect = next(flow)
        while True:
            try:
                result = yield from perform(effect)
            except BaseException as problem:
                effect = flow.throw(problem)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    finally:
        flow.close()


class _Driver:
    """Performs effects, as generators of what is to be waited for."""

    def __init__(self, transport: Any, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    def __call__(self, effect: Effect) -> Steps[Any]:
        match effect:
            case Exchange(flight=flight):
                with flight.led():
                    return (yield from self._exchange(effect))
            case Undertake(flight=flight):
                from tokenauth._io import errands  # noqa: PLC0415  (few have one)

                with flight.led():
                    return (yield from errands.done(effect, self._clock, self._await))
            case Call(function, flight, blocks=blocks):
                with flight.led():
                    return (yield from self._call(effect)) if blocks else function()
            case Ask(function, seconds, unwanted=unwanted):
                return (yield from in_hand(partial(in_thread, function), seconds, partial(_asked, effect), unwanted))
            case Wait(flight, deadline):
                pending = self._wait(flight, deadline - self._clock.monotonic())
                yield pending
                if not flight.future.done() and pending.lost():
                    flight.abandon()
                return _landed(flight)
            case _:
                yield Pending(Future(), effect.seconds)
                return None

    def _exchange(self, exchange: Exchange) -> Steps[Reply]:
        call = TokenCall(exchange, self._clock)
        return (yield from in_hand(partial(self._begin, call), call.seconds, call.reply, call.leave))

    def _await(self, awaitable: Awaitable[object], seconds: float, flight: Flight, future: "Future[Any]") -> None:
        """Begin to await *awaitable*, for *flight*; the outcome goes to *future*."""
        in_thread(partial(on_own_loop, awaitable, seconds), future)

    def _begin(self, call: "TokenCall", future: "Future[Answer]") -> None:
        """Begin *call*, whose answer goes to *future*."""
        in_thread(partial(self._transport, call.request, call.seconds), future)

    def _call(self, call: Call) -> Steps[Any]:
        """Call what may hang in a thread: its caller goes on in time."""

        def left() -> float:
            return call.deadline - self._clock.monotonic()

        def unwanted(future: "Future[Any]") -> None:
            if isinstance(future.exception(), Gone):
                call.flight.abandon()
            else:
                _leave(call.unwanted, call.flight, left, future)

        read = partial(_called, call)
        result = yield from in_hand(partial(in_thread, call.function), left(), read, unwanted)
        if not isinstance(result, Awaitable):
            return result
        seconds = max(left(), 0.001)
        return (yield from in_hand(partial(self._await, result, seconds, call.flight), seconds, read, unwanted))

    def _wait(self, flight: Flight, seconds: float) -> Pending:
        if flight.is_mine:
            raise _nested()
        return Pending(flight.future, seconds, lost=Watch(flight))


class Blocking(_Driver):
    """Performs effects by blocking this thread. *transport*: a BlockingTransport."""

    def _wait(self, flight: Flight, seconds: float) -> Pending:
        pending = super()._wait(flight, seconds)
        if flight.thread != threading.get_ident():
            return pending
        if on_a_loop():
            raise errors.TokenAuthError(
                "A task of this event loop is fetching the token, and blocking code in a coroutine can't wait for it: "
                "that would stop the loop. Use the async client or await aget_token(), or make this call in a thread "
                "(asyncio.to_thread)"
            )
        if flight.loop is not None and not flight.loop.is_running():  # nor will it, as long as this thread waits
            return Pending(flight.future, 0.0, lost=lambda: True)
        if flight.greenlet == current_greenlet():
            raise _nested()
        return Pending(flight.future, seconds, yields=True)


class Awaiting(_Driver):
    """Performs effects by awaiting, on asyncio and on trio. *transport*: an AwaitingTransport, or one InThread."""

    def _begin(self, call: "TokenCall", future: "Future[Answer]") -> None:
        if isinstance(self._transport, InThread):
            in_thread(partial(self._transport.transport, call.request, call.seconds), future)
        else:
            self._await(self._transport(call.request, call.seconds), call.seconds, call.flight, future)

    def _await(self, awaitable: Awaitable[object], seconds: float, flight: Flight, future: "Future[Any]") -> None:
        flight.needs_thread = True
        in_task(awaitable, seconds, future)


def in_hand(
    begin: "Callable[[Future[T]], object]",
    seconds: float,
    read: "Callable[[Future[T]], R]",
    unwanted: "Callable[[Future[T]], object]",
) -> Steps[R]:
    """Have *begin* bring something into a future; return what *read* makes of that after *seconds* at most.

    Whatever ends this caller before, a cancellation, Ctrl-C at any line: what comes after all goes to *unwanted*.
    """
    future: Future[T] = Future()
    try:
        try:
            begin(future)
        except Exception as problem:  # starting a thread is a wait, too
            raise _Interrupted(problem) from None
        yield Pending(future, seconds)
        return read(future)
    except Exception:
        raise
    except BaseException:
        future.add_done_callback(unwanted)
        raise


def _leave(unwanted: Callable[[Any], object], flight: Flight, left: Callable[[], float], outcome: Any) -> None:
    """Leave *outcome* to *unwanted*, and what that puts by for the next leader only for the time that is left."""
    unwanted(outcome)
    if flight.leftover is not None:
        later(left(), flight.leftover)


def _called(call: Call, future: "Future[Any]") -> Any:
    """Return what *future* brought in time."""
    if is_late(future):
        raise errors.TokenAuthError(f"{call.what} did not return in time (timeout=)")
    if isinstance(future.exception(), Gone):
        raise errors.TokenAuthError(f"{call.what} failed: {future.exception()}")
    return future.result()


def is_late(future: "Future[Any]") -> bool:
    """Whether *future* has brought nothing in time."""
    return not future.done() or isinstance(future.exception(), Late)


def _asked(ask: Ask, future: "Future[Any]") -> Any:
    """Return what *future* brought in time; else leave it to `ask.late`."""
    return future.result() if future.done() else ask.late(future, ask.seconds)


class TokenCall:
    """One token call: when it was sent, and what its outcome means."""

    def __init__(self, exchange: Exchange | Undertake, clock: Clock) -> None:
        self.request: Any = exchange.request
        self._public = exchange.public if isinstance(exchange, Exchange) else ""
        self.flight, self._unwanted = exchange.flight, exchange.unwanted
        self._clock = clock
        self.sent_at = clock.wall()
        self.sent = clock.monotonic()
        self.seconds = max(exchange.deadline - self.sent, 0.001)

    def reply(self, future: "Future[Answer]") -> Reply:
        """Return what *future* brought in time; raise the error of ours where it didn't, or failed."""
        if is_late(future):
            raise self.failed(None)
        problem = future.exception()
        if isinstance(problem, Gone):
            problem = Unreachable(str(problem), connected=True)
        if isinstance(problem, Unreachable):
            is_cut = problem.sent and self._clock.monotonic() >= self.sent + self.seconds  # so its reason is ours
            raise self.failed(None if is_cut else problem)
        return self.answered(future.result())

    def leave(self, future: "Future[Answer]") -> None:
        """Let what *future* brings be of use, though who asked for it has gone."""
        if isinstance(future.exception(), Gone):
            self.flight.abandon()
        else:
            aside(partial(_leave, self._unwanted, self.flight, self._left, lambda: self.reply(future)))

    def _left(self) -> float:
        """Return the seconds that are left of its time."""
        return self.sent + self.seconds - self._clock.monotonic()

    def answered(self, answer: Answer) -> Reply:
        return Reply(*answer, sent=self.sent, sent_at=self.sent_at, received_at=self._clock.wall())

    def failed(self, problem: Unreachable | None) -> Exception:
        """Return the error for *problem*; None means that time ran out. To be raised outside of any `except` block:
        the client's own exceptions hold the request with its secrets."""
        path = urlsplit(self.request.url).path
        where = f"{Origin.parse(self.request.url)}{path if path == urlsplit(self._public).path else ''}"
        if problem is None:
            text = f"The token endpoint {where} did not answer in time (timeout=). Is it up, and can it be reached?"
        elif problem.connected:
            text = f"The token endpoint {where} gave no usable answer: {problem.reason}"
        else:
            text = (
                f"The token endpoint {where} can't be reached: {problem.reason}. Is it up? "
                "Behind a proxy or a private CA, pass the session or client to use as token_client="
            )
        failure = errors.TokenEndpointError(text, retryable=problem is None or not problem.lasting)
        failure.unsent = problem is not None and not problem.sent  # a refresh token is then as good as before
        return failure


def _nested() -> Exception:
    return errors.TokenAuthError(
        "A token was asked for from inside its own fetch, which would wait forever. "
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
