"""The two drivers: they run a flow and perform its effects, one blocking, one awaiting. For event loops see `waiting`.

    run(flow, perform)      perform = Blocking(transport, clock)
    await arun(flow, perform)   perform = Awaiting(transport, clock)

How an effect is performed stands once, as a generator: it yields `Pending`, "wait for this future, for n seconds at
most", whenever something takes time. `run` and `arun` differ in how they wait, and in nothing else.

Law: what interrupts a caller while it waits (a cancellation, Ctrl-C, the time limit of a task queue) is the caller's
alone. If it leads, its flow goes on in a thread of its own, to the same deadline: so nothing is sent again, and what
comes is there for the others.

A transport makes one token call: `transport(request, seconds) -> (status, headers, body)`. It raises Unreachable.
It is called in a thread, or awaited in a task of its own.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from tokenauth._core import errors
from tokenauth._core.clock import Clock
from tokenauth._core.effects import LONGER, Ask, Call, Effect, Exchange, Misuse, Pause, Wait
from tokenauth._core.flights import Flight, Watch, current_greenlet
from tokenauth._core.messages import TokenRequest
from tokenauth._io.loops import Home, asettled, on_a_loop, on_own_loop
from tokenauth._io.token_call import Answer, TokenCall, is_late
from tokenauth._io.waiting import Gone, Outcome, Pending, aside, in_thread, settled

T = TypeVar("T")
R = TypeVar("R")
Steps = Generator[Pending, None, T]
BlockingTransport = Callable[[TokenRequest, float], Answer]
AwaitingTransport = Callable[[TokenRequest, float], Awaitable[Answer]]


class InThread(NamedTuple):
    """A *transport* for event loops that blocks a thread of its own."""

    transport: BlockingTransport


def run(flow: Generator[Effect, Any, T], perform: "Blocking") -> T:
    """Run *flow* to its end in this thread."""
    steps = _steps(flow, perform)
    try:
        while True:
            settled(next(steps))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    except BaseException as problem:
        raise perform.leave(steps, problem)  # noqa: B904  (the same exception)


async def arun(flow: Generator[Effect, Any, T], perform: "Awaiting") -> T:
    """Run *flow* to its end in this task."""
    perform.home = Home()
    steps = _steps(flow, perform)
    try:
        while True:
            await asettled(next(steps))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # the generator's return value
    except BaseException as problem:
        raise perform.leave(steps, problem)  # noqa: B904  (the same exception)


def _short(failure: BaseException) -> BaseException:
    """Return *failure*, without the way through our parts where it is one that its text explains."""
    return failure.with_traceback(None) if isinstance(failure, errors.TokenAuthError | Misuse) else failure


def _steps(flow: Generator[Effect, Any, T], perform: "Driver") -> Steps[T]:
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


class Driver:
    """Performs effects, as generators of what is to be waited for."""

    def __init__(self, transport: Any, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._leads = False
        self._flight: Flight | None = None
        self._aside = False

    def __call__(self, effect: Effect) -> Steps[Any]:
        self._leads = not isinstance(effect, Wait)
        if isinstance(effect, Wait):
            return self._waited(effect)
        self._flight = effect.flight
        if self._aside:
            self._tie()
        return self._led(effect)

    def _led(self, effect: Exchange | Call | Ask | Pause) -> Steps[Any]:
        match effect:
            case Exchange(TokenRequest()):
                call = TokenCall(effect, self._clock)
                return (yield from self.in_hand(partial(self._begin, call), call.seconds, call.reply))
            case Exchange():
                from tokenauth._io import errands  # noqa: PLC0415  (few have one)

                return (yield from errands.done(effect, self._clock, self))
            case Call(function, flight, blocks=False):
                return flight.calls(function)
            case Call():
                return (yield from self.called(effect.function, effect.deadline, partial(_returned, effect)))
            case Ask(function, seconds):
                return (yield from self.in_hand(partial(in_thread, function), seconds, partial(_asked, effect)))
            case _:
                return (yield from self.in_hand(bool, effect.seconds, bool))

    def in_hand(
        self, begin: "Callable[[Outcome[T]], object]", seconds: float, read: "Callable[[Future[T]], R]"
    ) -> Steps[R]:
        """Have *begin* bring something into an outcome; return what *read* makes of that after *seconds* at most.

        An interrupt in here is raised where the flow is waited for, as if it had come there.
        """
        outcome: Outcome[T] = Outcome()
        pending = Pending(outcome, seconds, lost=self._is_lost)
        while True:
            try:
                while not pending.over:
                    if not outcome.turn.locked():
                        self._flight.calls(partial(begin, outcome)) if self._flight else begin(outcome)
                    yield pending
                return read(outcome)
            except GeneratorExit:
                outcome.drop()
                raise
            except BaseException as problem:
                brought = outcome.exception() if outcome.done() else None
                if pending.over and (isinstance(problem, Exception) or problem is brought):
                    raise  # what was read
                pending.interrupt(problem)

    def leave(self, steps: Steps[Any], problem: BaseException) -> BaseException:
        """Return *problem*, which ended the caller or came of *steps*. A leader's that wait go on in a thread of their
        own: what ended the caller is not theirs."""
        if self._leads and getattr(steps, "gi_suspended", False):
            self._aside = True
            self._tie()
            aside(partial(self._finish, steps))
        else:
            steps.close()
        return _short(problem)

    def _finish(self, steps: Steps[Any]) -> None:
        """Run *steps* to their end, for whom it concerns: the flow tells them. A stopped event loop may run again while
        there is time, and what it brings then must not be lost; if it doesn't, no endpoint has failed."""
        try:
            for pending in steps:
                settled(pending)
                if pending.gone or (not pending.future.done() and self._flight and self._flight.stands_still):
                    break
        except Exception as failure:
            _short(failure)
        steps.close()

    def _tie(self) -> None:
        """See to it that those who wait know what the flight needs, now that its caller has gone: nothing."""
        if self._flight is not None:
            self._flight.tie()

    def _is_lost(self) -> bool:
        return self._flight is not None and self._flight.lost

    def _bring(self, awaitable: Awaitable[object], seconds: float, outcome: Outcome[Any]) -> None:
        """Begin to await *awaitable*."""
        in_thread(partial(on_own_loop, awaitable, seconds), outcome)

    def _begin(self, call: "TokenCall", outcome: Outcome[Answer]) -> None:
        """Begin *call*."""
        in_thread(partial(self._transport, call.request, call.seconds), outcome)

    def called(self, function: Callable[[], Any], deadline: float, read: "Callable[[Future[Any]], Any]") -> Steps[Any]:
        """Call what may hang in a thread, and await what it returns where that must be: its caller goes on in time.
        Return what *read* makes of what it brings."""
        result = yield from self.in_hand(partial(in_thread, function), self._left(deadline), read)
        if not inspect.isawaitable(result):
            return result
        seconds = self._left(deadline)
        return (yield from self.in_hand(partial(self._bring, result, seconds), seconds, read))

    def _left(self, deadline: float) -> float:
        return max(deadline - self._clock.monotonic(), 0.001)

    def _waited(self, wait: Wait) -> Steps[Any]:
        flight, seconds = wait.flight, wait.deadline - self._clock.monotonic()
        if flight.is_mine:
            raise _nested()
        pending = self._wait(flight, seconds)
        yield pending
        if not flight.future.done() and pending.gone:
            flight.abandon()
        return flight.brought()

    def _wait(self, flight: Flight, seconds: float) -> Pending:
        return Pending(flight.future, seconds, lost=Watch(flight))


class Blocking(Driver):
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


class Awaiting(Driver):
    """Performs effects by awaiting, on asyncio and on trio. *transport*: an AwaitingTransport, or one InThread.

    What is awaited runs on the event loop `home`, even when the caller has left it.
    """

    home: Home

    def __init__(self, transport: Any, clock: Clock) -> None:
        super().__init__(transport, clock)
        self._on_loop = False

    def __call__(self, effect: Effect) -> Steps[Any]:
        self._on_loop = False
        return super().__call__(effect)

    def _tie(self) -> None:
        if self._flight is not None and self._on_loop:
            self._flight.tie(self.home.thread, self.home.loop)
        else:
            super()._tie()

    def _begin(self, call: "TokenCall", outcome: Outcome[Answer]) -> None:
        if isinstance(self._transport, InThread):
            in_thread(partial(self._transport.transport, call.request, call.seconds), outcome)
        else:
            self._bring(self._transport(call.request, call.seconds), call.seconds, outcome)

    def _bring(self, awaitable: Awaitable[object], seconds: float, outcome: Outcome[Any]) -> None:
        self._on_loop = True
        if self._aside:
            self._tie()
        self.home.begin(awaitable, seconds, outcome)


def _returned(call: Call, future: "Future[Any]") -> Any:
    """Return what *future* brought in time."""
    if is_late(future):
        raise errors.TokenAuthError(f"{call.what} did not return in time. {LONGER}")
    if isinstance(future.exception(), Gone):
        raise errors.TokenAuthError(f"{call.what} failed: {future.exception()}")
    return future.result()


def _asked(ask: Ask, future: "Future[Any]") -> Any:
    """Return what *future* brought in time; else leave it to `ask.late`."""
    return future.result() if future.done() else ask.late(future, ask.seconds)


def _nested() -> Exception:
    return errors.TokenAuthError(
        "A token was asked for from inside its own fetch, which would wait forever. "
        "Something that the token call uses, such as token_client= or a callable, makes requests with this auth"
    )
