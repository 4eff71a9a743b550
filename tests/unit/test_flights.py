import contextvars
import threading
from typing import Any

import pytest

from tokenauth._core.flights import Flight, Flights, Watch


@pytest.fixture
def flights() -> Flights:
    return Flights()


def joined(flights: Flights, now: float = 0.0, key: str = "key") -> Flight:
    """Return the flight for *key*: under way, or begun now, for 20 s."""
    return flights.join(Flight(flights, key, now + 20), now)


def leads(flights: Flights, now: float = 0.0) -> bool:
    """Whether who joins now leads."""
    fresh = Flight(flights, "key", now + 20)
    return flights.join(fresh, now) is fresh


def test_the_first_leads_and_the_others_join(flights: Flights) -> None:
    first = joined(flights)
    assert joined(flights) is first
    assert joined(flights, key="another") is not first


@pytest.mark.parametrize("end", ["land", "fail", "abandon"])
def test_a_flight_leaves_the_register_before_its_result_is_set(flights: Flights, end: str) -> None:
    flight = joined(flights)
    seen: list[bool] = []
    flight.future.add_done_callback(lambda _: seen.append(leads(flights)))
    {"land": lambda: flight.land("x"), "fail": lambda: flight.fail(ValueError()), "abandon": flight.abandon}[end]()
    assert seen == [True]


def test_only_the_first_end_counts(flights: Flights) -> None:
    flight = joined(flights)
    flight.land("x")
    flight.fail(ValueError())
    flight.abandon()
    assert flight.future.result(0) == "x"


def test_an_abandoned_flight_brings_none(flights: Flights) -> None:
    flight = joined(flights)
    flight.abandon()
    assert flight.future.result(0) is None


def test_an_old_flight_that_ends_does_not_end_its_successor(flights: Flights) -> None:
    old = joined(flights)
    new = joined(flights, now=20.0)
    assert new is not old
    assert old.future.result(0) is None
    old.land("late")
    assert joined(flights, now=20.0) is new


def test_a_flight_is_not_stale_before_its_time(flights: Flights) -> None:
    assert leads(flights)
    assert not leads(flights, now=19.99)


def test_no_waiter_can_cancel_it(flights: Flights) -> None:
    flight = joined(flights)
    assert not flight.future.cancel()


def test_whose_fetch_runs_is_known_inside_it_and_in_its_copies_of_the_context(flights: Flights) -> None:
    flight = joined(flights)
    other = joined(flights, key="another")
    assert not flight.is_mine
    assert flight.calls(lambda: (flight.is_mine, other.is_mine)) == (True, False)
    assert flight.calls(lambda: other.calls(lambda: flight.is_mine))
    context = flight.calls(contextvars.copy_context)
    assert not flight.is_mine
    assert context.run(lambda: flight.is_mine)


def test_of_many_threads_one_leads(flights: Flights) -> None:
    barrier, leaders = threading.Barrier(32), []

    def join() -> None:
        barrier.wait(20)
        leaders.append(leads(flights))

    threads = [threading.Thread(target=join) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert leaders.count(True) == 1
    assert len(leaders) == 32


class StoppedLoop:
    """An event loop that runs when the test says so."""

    def __init__(self) -> None:
        self.closed = self.running = False
        self.given: list[Any] = []

    def is_closed(self) -> bool:
        return self.closed

    def is_running(self) -> bool:
        return self.running

    def call_soon_threadsafe(self, function: Any, *arguments: Any) -> None:
        self.given.append(lambda: function(*arguments))

    def run(self) -> None:
        while self.given:
            self.given.pop()()


def watched(flights: Flights) -> tuple[Watch, Any]:
    flight = joined(flights)
    flight.loop = StoppedLoop()
    return Watch(flight), flight.loop


def test_a_leader_whose_loop_stands_still_is_lost(flights: Flights) -> None:
    watch, _ = watched(flights)
    assert [watch() for _ in range(3)] == [False, True, True]


def test_one_whose_loop_runs_in_turns_is_not(flights: Flights) -> None:
    watch, loop = watched(flights)
    for _ in range(3):
        assert not watch()
        loop.run()
    loop.running = True
    assert [watch() for _ in range(3)] == [False] * 3
    loop.running = False
    assert [watch() for _ in range(2)] == [False, True]


def test_one_whose_loop_is_closed_is_lost_at_once(flights: Flights) -> None:
    watch, loop = watched(flights)
    loop.closed = True
    assert watch()


def test_one_without_a_loop_is_not(flights: Flights) -> None:
    watch = Watch(joined(flights))
    assert [watch() for _ in range(3)] == [False] * 3
