"""I2: Ctrl-C at any line of the flow, and at any entry. A flight never stays behind without its leader.

I10: and at any line of what makes a call in a thread. The flow goes on, whoever has gone.
"""

import contextvars
import linecache
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support import ManualClock, token_threads, until
from tests.unit.test_drive import ANSWER, REQUEST, drives
from tests.unit.test_flights import joined
from tests.unit.test_flow import Play, a_source, answer, logged_in
from tokenauth import Token, TokenEndpointError
from tokenauth._core.effects import Ask, Call, Exchange, Pause, Wait
from tokenauth._core.flights import Flights
from tokenauth._core.flow import obtain
from tokenauth._core.meeting import Meeting
from tokenauth._core.source import Source
from tokenauth._io.waiting import Pending, settled


def in_the_flow(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).parts[-2:] == ("_core", "flow.py")


def in_a_threads_caller(frame: FrameType) -> bool:
    """Thread.start, too, where it waits to hear that the thread runs: that may be far ahead."""
    name, function = Path(frame.f_code.co_filename).name, frame.f_code.co_name
    if (name, function) == ("threading.py", "start"):
        return "_started.wait(" in linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return function in {
        "waiting.py": {"in_thread", "settled", "asettled"},
        "drive.py": {"in_hand", "_asked", "reply", "answered"},
    }.get(name, ())


class Interrupt:
    """A trace function that raises KeyboardInterrupt at the line or entry *number* among the frames that it is *where*.

    Not at each instruction: CPython 3.11 loses count of its stack where a trace function raises inside of one.
    """

    def __init__(self, number: int, where: Callable[[FrameType], bool]) -> None:
        self.left = number
        self.where = where

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if event in {"call", "line"} and self.where(frame):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def interrupted(
    number: int,
    function: Callable[[], object],
    where: Callable[[FrameType], bool] = in_the_flow,
    kind: "type[Interrupt]" = Interrupt,
) -> bool:
    """Call *function* in a thread, interrupted at line *number*; return whether it got that far."""
    interrupt = kind(number, where)

    def work() -> None:
        sys.settrace(interrupt)
        try:
            function()
        except BaseException as problem:
            met.append(type(problem))  # not itself, for its frames hold the flow, which a driver would close
        finally:
            sys.settrace(None)

    met: list[type[BaseException]] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert set(met) <= {KeyboardInterrupt, TokenEndpointError}
    return interrupt.left <= 0


def cold(source: Source, clock: ManualClock) -> None:
    Play(obtain(source)).bring(answer(clock, "t-1"))


def failing(source: Source, clock: ManualClock) -> None:
    Play(obtain(source)).hit(TokenEndpointError("down"))


def after_a_401(source: Source, clock: ManualClock) -> None:
    Play(obtain(source, Token("t-0"))).bring(answer(clock, "t-1"))


def refreshing(source: Source, clock: ManualClock) -> None:
    Play(obtain(source)).bring(answer(clock, "t-1"))


def numbers() -> Iterator[int]:
    yield from range(1, 5000)
    pytest.fail("the flow does not end")


@pytest.mark.parametrize("story", [cold, failing, after_a_401, refreshing], ids=lambda story: story.__name__)
def test_an_interrupt_at_any_line_leaves_no_flight_behind(story: Callable[[Source, ManualClock], None]) -> None:
    for number in numbers():
        clock = ManualClock()
        source = a_source(clock)
        if story is refreshing:
            logged_in(source, clock, "t-0", lifetime=1000)
            clock.move(700)
        went_on = interrupted(number, partial(story, source, clock))
        assert not source.flights._flights, f"a flight stays behind at line {number}"
        if not went_on:
            assert number > 15, "nothing was interrupted"
            return


def followed(source: Source, clock: ManualClock, waiters: list[Play]) -> None:
    """Lead, with a waiter whom nothing interrupts."""
    leader = Play(obtain(source))
    trace = sys.gettrace()
    sys.settrace(None)
    waiters.append(Play(obtain(source)))
    sys.settrace(trace)
    leader.bring(answer(clock, "t-1"))


def test_who_waits_goes_on_when_the_leader_was_interrupted(clock: ManualClock) -> None:
    for number in numbers():
        source = a_source(clock)
        waiters: list[Play] = []
        went_on = interrupted(number, partial(followed, source, clock, waiters))
        for waiter in waiters:
            assert isinstance(waiter.effect, Wait)
            waiter.bring(waiter.effect.flight.future.result(0))
            assert isinstance(waiter.effect, Exchange) or waiter.value == "t-1"
            waiter.flow.close()
        if not went_on:
            assert waiters
            return


class InAThread:
    """Something that is called in a thread; what it *made*, and what of that has been *used* by the flow."""

    def __init__(self, kind: str, clock: ManualClock) -> None:
        self.made: list[Any] = []
        self.used: list[Any] = []
        self.flight = joined(Flights())
        deadline = clock.monotonic_now + 30
        self.effect: Any = Exchange(REQUEST, self.flight, deadline)
        if kind == "ask":
            self.effect = Ask(self, 30, lambda *_: pytest.fail("it was late"), self.flight)

    def __call__(self) -> Any:
        self.made.append("made")
        return ANSWER

    def flow(self) -> Any:
        with self.flight:
            yield self.effect
            self.used.append("made")
            yield Pause(0.001)
            self.flight.land("token")


@pytest.mark.parametrize("effect", ["exchange", "ask"])
@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_a_leaders_flow_goes_on_wherever_its_caller_was_interrupted(kind: str, effect: str, clock: ManualClock) -> None:
    interrupted_later = 0
    for number in numbers():
        strangers = set(threading.enumerate())
        call = InAThread(effect, clock)
        went_on = interrupted(number, partial(drives(kind), call.flow(), clock, call), in_a_threads_caller)
        until(lambda strangers=strangers: not token_threads(strangers))  # type: ignore[misc]
        assert call.used == call.made, f"lost at line {number}"
        assert call.flight.future.done()
        interrupted_later += bool(call.made)
        if not went_on:
            assert interrupted_later > 5, "nothing was interrupted when the call was under way"
            return


def in_start(frame: FrameType) -> bool:
    return frame.f_code is threading.Thread.start.__code__


@pytest.mark.parametrize("kind", ["call", "exchange"])
def test_a_call_that_is_interrupted_before_its_thread_begins_is_made_once(kind: str, clock: ManualClock) -> None:
    flight = joined(Flights())
    made: list[str] = []
    deadline = clock.monotonic_now + 10
    effect: Any = Exchange(REQUEST, flight, deadline)
    if kind == "call":
        effect = Call(lambda: made.append("call"), flight, deadline, blocks=True)

    def transport() -> Any:
        made.append("call")
        return ANSWER

    def flow() -> Any:
        with flight:
            yield effect
            flight.land("token")

    assert interrupted(1, lambda: drives("blocking")(flow(), clock, transport), in_start)
    assert flight.future.result(5) == "token"
    assert made == ["call"]


class InterruptedEntry(Interrupt):
    """Raises where a `with` has what it needs, and its block has not begun: there a signal's handler may run, too."""

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        return super().__call__(frame, "line" if event == "return" else "", _)


def entry(frame: FrameType) -> bool:
    file = Path(frame.f_code.co_filename).name
    return frame.f_code.co_name == "__enter__" and file in {"threading.py", "contextlib.py"}


@pytest.mark.parametrize("effect", ["exchange", "ask"])
def test_an_interrupt_leaves_no_lock_held_and_no_mark(effect: str, clock: ManualClock) -> None:
    for number in numbers():
        strangers = set(threading.enumerate())
        call = InAThread(effect, clock)
        context = contextvars.copy_context()
        drive = partial(context.run, drives("blocking"), call.flow(), clock, call)
        went_on = interrupted(number, drive, entry, InterruptedEntry)
        until(lambda strangers=strangers: not token_threads(strangers))  # type: ignore[misc]
        assert call.flight.future.done()
        assert not context.run(lambda call=call: call.flight.is_mine)  # type: ignore[misc]
        if not went_on:
            return


def in_a_future(frame: FrameType) -> bool:
    """But not in these two: no signal is handled between their lock and its block, whatever a trace function can do."""
    name, function = Path(frame.f_code.co_filename).parts[-2:], frame.f_code.co_name
    return name == ("futures", "_base.py") and function not in {"add_done_callback", "done"}


def test_a_wait_that_is_interrupted_leaves_the_future_free_for_what_it_waits_for() -> None:
    """A thread that waits there forever could bring nothing to anybody."""
    for number in numbers():
        future: Meeting[None] = Meeting()
        went_on = interrupted(number, partial(settled, Pending(future, 0.01)), in_a_future)
        brings = threading.Thread(target=future.set_result, args=(None,), daemon=True)
        brings.start()
        brings.join(10)
        assert not brings.is_alive(), f"interrupted at line {number}"
        if not went_on:
            return
