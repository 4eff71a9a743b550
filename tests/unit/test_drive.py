"""The drivers: what each effect means, blocking and awaiting alike, on transports that are functions."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from tests.support import ManualClock
from tests.unit.test_flights import joined
from tokenauth import CredentialsRejected, TokenAuthError, TokenEndpointError
from tokenauth._core.effects import Call, Exchange, Pause, Wait
from tokenauth._core.flights import Flight, Flights
from tokenauth._core.messages import TokenRequest
from tokenauth._io.drive import Awaiting, Blocking, InThread, arun, run
from tokenauth._io.loops import Home
from tokenauth._io.token_call import Unreachable
from tokenauth._io.waiting import Gone, Outcome

REQUEST = TokenRequest("POST", "https://id.example/t?secret=x", {}, b"")
ANSWER = (200, {"a": "b"}, b"body")
Perform = Callable[..., Any]


def transport_of(function: Callable[[], Any]) -> Any:
    return lambda request, seconds: function()


def drives(kind: str) -> Callable[..., Any]:
    """Return a function that runs a flow by a driver of *kind*, with a transport that is a function."""

    def drive(flow: Any, clock: ManualClock, transport: Callable[[], Any] = lambda: ANSWER) -> Any:
        if kind == "blocking":
            return run(flow, Blocking(transport_of(transport), clock.clock))

        async def main() -> Any:
            return await arun(flow, Awaiting(InThread(transport_of(transport)), clock.clock))

        return asyncio.run(main()) if kind == "asyncio" else trio.run(main)

    return drive


def performs(kind: str) -> Perform:
    """Return a function that lets a driver of *kind* perform an effect with a transport that is a function."""

    def perform(effect: Any, clock: ManualClock, transport: Callable[[], Any] = lambda: ANSWER) -> Any:
        def flow() -> Generator[Any, Any, Any]:
            return (yield effect)

        return drives(kind)(flow(), clock, transport)

    return perform


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def perform(request: pytest.FixtureRequest) -> Perform:
    return performs(request.param)


@pytest.fixture
def flight() -> Flight:
    flight = joined(Flights())
    flight.thread = -1  # led elsewhere
    return flight


@pytest.mark.parametrize(("seconds", "sent", "text"), [(10, True, "in time"), (10, False, "why"), (9, True, "why")])
def test_a_connection_that_is_cut_when_time_is_over_is_late(
    perform: Perform, clock: ManualClock, flight: Flight, seconds: float, sent: bool, text: str
) -> None:
    def transport() -> Any:
        clock.move(seconds)
        raise Unreachable("why", connected=True, sent=sent)

    with pytest.raises(TokenEndpointError, match=text) as caught:
        perform(Exchange(REQUEST, flight, clock.monotonic_now + 10), clock, transport)
    assert caught.value.unsent is not sent


def test_an_exchange_brings_the_answer_and_its_times(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    def transport() -> Any:
        clock.move(3.0)
        return ANSWER

    sent, sent_at = clock.monotonic_now, clock.wall_now
    reply = perform(Exchange(REQUEST, flight, sent + 10), clock, transport)
    assert (reply.status, reply.headers, reply.body) == ANSWER
    assert (reply.sent, reply.sent_at, reply.received_at) == (sent, sent_at, sent_at + 3.0)


@pytest.mark.parametrize("connected", [True, False])
def test_a_failing_exchange_says_where_and_what_next(
    perform: Perform, clock: ManualClock, flight: Flight, connected: bool
) -> None:
    def transport() -> Any:
        raise Unreachable("no route", connected=connected)

    effect = Exchange(REQUEST, flight, clock.monotonic_now + 10, public=REQUEST.url)
    with pytest.raises(TokenEndpointError, match=r"https://id\.example/t .*no route") as met:
        perform(effect, clock, transport)
    assert met.value.retryable
    assert ("token_client=" in str(met.value)) is not connected
    assert "secret" not in str(met.value)
    assert met.value.__cause__ is None
    assert met.value.__context__ is None


def test_an_exchange_ends_at_its_deadline(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    end = threading.Event()
    with pytest.raises(TokenEndpointError, match="in time"):
        perform(Exchange(REQUEST, flight, clock.monotonic_now + 0.05), clock, lambda: end.wait(20))
    end.set()


def test_a_call_brings_its_result_or_its_exception(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    deadline = clock.monotonic_now + 10
    for blocks in (True, False):
        assert perform(Call(lambda: 7, flight, deadline, blocks), clock) == 7
        with pytest.raises(ZeroDivisionError):
            perform(Call(lambda: 1 // 0, flight, deadline, blocks), clock)
        assert perform(Call(lambda: flight.is_mine, flight, deadline, blocks), clock)


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_call_that_hangs_is_given_up_on_a_loop(kind: str, clock: ManualClock, flight: Flight) -> None:
    end = threading.Event()
    with pytest.raises(TokenAuthError, match="in time"):
        performs(kind)(Call(lambda: end.wait(20), flight, clock.monotonic_now + 0.05, True), clock)
    end.set()


def test_what_is_awaited_and_cancelled_by_its_own_program_is_an_error(clock: ManualClock, flight: Flight) -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(20)

    for kind in ("blocking", "asyncio"):
        call = Call(cancels_itself, flight, clock.monotonic_now + 10, True, what="on_refresh_token")
        with pytest.raises(TokenAuthError, match="on_refresh_token failed: it was cancelled"):
            performs(kind)(call, clock)


def test_a_wait_brings_what_landed(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    flight.land("token")
    assert perform(Wait(flight, clock.monotonic_now), clock) == "token"


def test_a_wait_is_woken_by_another_thread(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    timer = threading.Timer(0.05, flight.land, ("token",))
    timer.start()
    assert perform(Wait(flight, clock.monotonic_now + 20), clock) == "token"
    timer.join()


def test_a_wait_raises_a_copy_of_the_leaders_failure(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    failure = CredentialsRejected("no", status=401)
    flight.fail(failure)
    for _ in range(2):
        with pytest.raises(CredentialsRejected) as met:
            perform(Wait(flight, clock.monotonic_now), clock)
        assert met.value is not failure
        assert met.value.__cause__ is failure
        assert met.value.status == 401


def test_a_wait_names_a_bug_that_the_leader_met(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    flight.fail(ZeroDivisionError("s3cr3t"))
    with pytest.raises(TokenAuthError, match="ZeroDivisionError") as met:
        perform(Wait(flight, clock.monotonic_now), clock)
    assert "s3cr3t" not in str(met.value)


def test_a_wait_ends_at_its_deadline(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    for seconds in (0.05, -5.0):
        with pytest.raises(TokenEndpointError, match="in time"):
            perform(Wait(flight, clock.monotonic_now + seconds), clock)


def test_a_wait_from_inside_the_fetch_is_an_error_at_once(perform: Perform, clock: ManualClock, flight: Flight) -> None:
    with pytest.raises(TokenAuthError, match="inside its own fetch"):
        flight.calls(lambda: perform(Wait(flight, clock.monotonic_now + 60), clock))


def test_a_blocking_wait_on_the_leaders_own_thread_is_an_error_at_once(clock: ManualClock) -> None:
    mine = joined(Flights())
    with pytest.raises(TokenAuthError, match="inside its own fetch"):
        performs("blocking")(Wait(mine, clock.monotonic_now + 60), clock)


def test_a_greenlet_waits_for_another_of_its_thread(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    current = [object(), object()]
    monkeypatch.setitem(sys.modules, "greenlet", SimpleNamespace(getcurrent=lambda: current[-1]))
    led_by_another = joined(Flights())
    current.pop()
    timer = threading.Timer(0.02, led_by_another.land, ("token",))
    timer.start()
    assert performs("blocking")(Wait(led_by_another, clock.monotonic_now + 20), clock) == "token"
    timer.join()


def test_a_pause_lets_time_pass(perform: Perform, clock: ManualClock) -> None:
    start = time.monotonic()
    perform(Pause(0.05), clock)
    assert time.monotonic() - start >= 0.045


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_a_flow_is_thrown_what_an_effect_raises_and_closed_in_the_end(kind: str, clock: ManualClock) -> None:
    story: list[str] = []
    flight = joined(Flights())

    def flow() -> Generator[Any, Any, str]:
        try:
            yield Call(lambda: 1 // 0, flight, clock.monotonic_now + 10, False)
        except ZeroDivisionError:
            story.append("thrown")
        try:
            yield Pause(0.0)
            return "done"
        finally:
            story.append("closed")

    def blocking() -> str:
        return run(flow(), Blocking(transport_of(lambda: ANSWER), clock.clock))

    async def awaiting() -> str:
        return await arun(flow(), Awaiting(InThread(transport_of(lambda: ANSWER)), clock.clock))

    if kind == "blocking":
        assert blocking() == "done"
    else:
        assert (asyncio.run(awaiting()) if kind == "asyncio" else trio.run(awaiting)) == "done"
    assert story == ["thrown", "closed"]


def test_a_waiter_whose_loop_is_gone_disturbs_nobody(clock: ManualClock, flight: Flight) -> None:
    """Its wake-up call comes when there is nobody to be woken."""
    for kind in ("asyncio", "trio"):
        with pytest.raises(TokenEndpointError):
            performs(kind)(Wait(flight, clock.monotonic_now + 0.01), clock)
    flight.land("token")
    assert isinstance(flight.future, Future)
    assert flight.future.result(0) == "token"


def test_a_trio_that_is_about_to_end_takes_nothing_on(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """An error of what runs there last would be an internal one of trio's."""
    outcome = Outcome[None]()

    def closed(*_: object, **__: object) -> None:
        raise RuntimeError("Nursery is closed to new arrivals")

    async def nothing() -> None: ...

    async def main() -> None:
        monkeypatch.setattr(trio.lowlevel, "spawn_system_task", closed)
        Home().begin(nothing(), 1.0, outcome)

    trio.run(main)
    assert isinstance(outcome.exception(0), Gone)
    assert not recwarn.list


def test_awaiting_without_an_event_loop_says_so(clock: ManualClock) -> None:
    def flow() -> Generator[Any, Any, None]:
        yield Pause(0.0)

    awaited = arun(flow(), Awaiting(transport_of(lambda: ANSWER), clock.clock))
    with pytest.raises(RuntimeError, match="no running event loop"):
        awaited.send(None)
