"""I2: Ctrl-C at any line of the flow, and at any entry. A flight never stays behind without its leader."""

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import pytest

from tests.support import ManualClock
from tests.unit.test_flow import Play, a_source, answer, logged_in
from tokenauth import Token, TokenEndpointError
from tokenauth._effects import Exchange, Wait
from tokenauth._flow import obtain
from tokenauth._source import Source


class Interrupt:
    """A trace function that raises KeyboardInterrupt at the line or entry *number* of the flow's module.

    Not at each instruction: CPython 3.11 loses count of its stack where a trace function raises inside of one.
    """

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.endswith("_flow.py"):
            return None
        if event in {"call", "line"}:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def interrupted(number: int, function: Callable[[], object]) -> bool:
    """Call *function* in a thread, interrupted at line *number*; return whether it got that far."""
    interrupt = Interrupt(number)

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


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
