"""The flow, played by hand: no threads, loops or sockets. Each step is an effect, and the test says what it brings."""

import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from tests.support import ManualClock, PlainProvider
from tokenauth import CredentialsRejected, Token, TokenAuthError, TokenEndpointError
from tokenauth._core.effects import Call, Exchange, Pause, Wait
from tokenauth._core.flights import Flight, Flights
from tokenauth._core.flow import farewell, fetch, obtain, static
from tokenauth._core.memory import Memory
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._core.secrets import Secret
from tokenauth._core.signature import Signature
from tokenauth._core.source import Source

TIMEOUT = 10.0


@pytest.fixture
def source(clock: ManualClock) -> Source:
    return a_source(clock)


def a_source(clock: ManualClock, **settings: Any) -> Source:
    return least(
        Source(PlainProvider("https://id.example", **settings), timeout=TIMEOUT, memory=Memory({}), clock=clock.clock)
    )


def least(source: Source) -> Source:
    """Let it draw the least of what it might."""
    source.credential.uniform = lambda low, high: low
    return source


class Play:
    """A flow that is played by hand."""

    def __init__(self, flow: Generator[Any, Any, Token]) -> None:
        self.flow = flow
        self.effect: Any = None
        self.token: Token | None = None
        self.step(lambda: next(flow))

    def step(self, move: Any) -> "Play":
        try:
            self.effect = move()
        except StopIteration as end:
            self.effect, self.token = None, end.value
        else:
            if isinstance(self.effect, Call):  # nothing to decide about
                self.bring(self.effect.function())
        return self

    def bring(self, result: Any) -> "Play":
        return self.step(lambda: self.flow.send(result))

    def hit(self, problem: BaseException) -> "Play":
        return self.step(lambda: self.flow.throw(problem))

    @property
    def value(self) -> str:
        assert self.token is not None
        return self.token.value


def answer(clock: ManualClock, token: str, lifetime: float | None = 3600.0, **more: Any) -> Reply:
    body = json.dumps({"token": token, "lifetime": lifetime} | more).encode()
    now, wall = clock.monotonic_now, clock.wall_now
    return Reply(200, {}, body, sent=now, sent_at=wall, received_at=wall)


def logged_in(source: Source, clock: ManualClock, token: str = "t-1", **more: Any) -> Token:
    play = Play(obtain(source)).bring(answer(clock, token, **more))
    assert play.token is not None
    return play.token


def gone(leader: Play) -> None:
    """End *leader*, and its token call with it, as where an async client's task is cancelled."""
    flight = leader.effect.flight
    leader.flow.close()
    flight.abandon()


def waits(source: Source) -> Play:
    play = Play(obtain(source))
    assert isinstance(play.effect, Wait)
    return play


def test_cold_one_token_call(source: Source, clock: ManualClock) -> None:
    play = Play(obtain(source))
    assert isinstance(play.effect, Exchange)
    assert play.effect.request.url == "https://id.example/token"
    assert play.effect.deadline == clock.monotonic_now + TIMEOUT
    assert play.bring(answer(clock, "t-1")).value == "t-1"
    assert not source.flights._flights


def test_driver_is_told_whose_fetch_it_is_how_long_it_may_take_and_whether_it_blocks(
    source: Source, clock: ManualClock
) -> None:
    for blocks in (False, True):
        source.provider.secrets = (Secret("password", (lambda: "p") if blocks else "p"),)
        flow = obtain(source)
        call = next(flow)
        assert isinstance(call, Call)
        assert call.flight is source.flights._flights[source.tokens.key]
        assert (call.deadline, call.blocks) == (clock.monotonic_now + TIMEOUT, blocks)
        exchange = flow.send(call.function())
        assert isinstance(exchange, Exchange)
        assert exchange.flight is call.flight
        flow.close()
        exchange.flight.abandon()


def test_what_is_sent_without_a_token_is_asked_of_the_provider_for_that_very_origin(
    source: Source, clock: ManualClock
) -> None:
    origins = [Origin.parse("https://id.example"), Origin.parse("https://id.example:8443")]
    source.provider.static = lambda origin: Signature({"x-place": str(origin)})  # type: ignore[method-assign]
    for origin in origins:
        flow = static(source, origin)
        call = next(flow)
        assert isinstance(call, Call)
        assert (call.deadline, call.blocks) == (clock.monotonic_now + TIMEOUT, False)
        assert not call.flight.future.done()
        assert call.function().headers == {"x-place": str(origin)}
        with pytest.raises(StopIteration, match="what it brought"):
            flow.send("what it brought")


def test_warm_no_effect_at_all(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock)
    assert Play(obtain(source)).value == "t-1"
    fresh = source.tokens.fresh()
    assert fresh is not None
    assert fresh.value == "t-1"


def test_who_comes_second_waits_and_gets_the_leaders_token(source: Source, clock: ManualClock) -> None:
    leader, waiter = Play(obtain(source)), waits(source)
    leader.bring(answer(clock, "t-1"))
    assert waiter.bring(waiter.effect.flight.future.result(0)).value == "t-1"


def test_a_failure_lands_with_all_who_wait(source: Source) -> None:
    leader, waiter = Play(obtain(source)), waits(source)
    failure = CredentialsRejected("no", status=401)
    with pytest.raises(CredentialsRejected) as met:
        leader.hit(failure)
    assert met.value is failure
    assert waiter.effect.flight.future.exception(0) is failure
    with pytest.raises(TokenAuthError):
        waiter.hit(failure)
    assert not source.flights._flights


@pytest.mark.parametrize("end", ["close", GeneratorExit, KeyboardInterrupt, SystemExit])
def test_a_leader_that_ends_in_any_way_hands_over(source: Source, clock: ManualClock, end: Any) -> None:
    leader, first, second = Play(obtain(source)), waits(source), waits(source)
    if end == "close":
        leader.flow.close()
    else:
        with pytest.raises(end):
            leader.hit(end())
    assert first.effect.flight.future.result(0) is None
    assert isinstance(first.bring(None).effect, Exchange)
    assert isinstance(second.bring(None).effect, Wait)
    first.bring(answer(clock, "t-1"))
    assert second.bring(second.effect.flight.future.result(0)).value == "t-1"


def test_a_waiter_that_ends_leaves_the_flight_alone(source: Source, clock: ManualClock) -> None:
    leader, waiter, other = Play(obtain(source)), waits(source), waits(source)
    waiter.flow.close()
    assert not other.effect.flight.future.done()
    assert leader.bring(answer(clock, "t-1")).value == "t-1"


def test_the_deadline_of_a_waiter_counts_from_its_own_beginning(source: Source, clock: ManualClock) -> None:
    leader = Play(obtain(source))
    clock.move(3)
    waiter = waits(source)
    assert waiter.effect.deadline == clock.monotonic_now + TIMEOUT
    clock.move(4)
    leader.flow.close()
    waiter.bring(None)
    assert waiter.effect.deadline == clock.monotonic_now - 4 + TIMEOUT


def test_a_successor_that_runs_out_of_its_own_time_does_not_fail_the_others(source: Source, clock: ManualClock) -> None:
    leader, late = Play(obtain(source)), waits(source)
    clock.move(TIMEOUT - 2)
    fresh = waits(source)
    gone(leader)
    late.bring(None)
    fresh.bring(None)
    clock.move(2)
    with pytest.raises(TokenEndpointError):
        late.hit(TokenEndpointError("in time"))
    assert fresh.effect.flight.future.result(0) is None
    assert isinstance(fresh.bring(None).effect, Exchange)


def test_a_401_drops_its_token_and_fetches_another(source: Source, clock: ManualClock) -> None:
    old = logged_in(source, clock)
    play = Play(obtain(source, old))
    assert isinstance(play.effect, Exchange)
    assert play.bring(answer(clock, "t-2")).value == "t-2"


def test_a_401_on_an_older_token_takes_the_newer_one(source: Source, clock: ManualClock) -> None:
    old = logged_in(source, clock)
    Play(obtain(source, old)).bring(answer(clock, "t-2"))
    assert Play(obtain(source, old)).value == "t-2"


def test_a_401_while_the_token_is_renewed_waits_for_it(source: Source, clock: ManualClock) -> None:
    old = logged_in(source, clock)
    first, second = Play(obtain(source, old)), Play(obtain(source, old))
    assert isinstance(second.effect, Wait)
    first.bring(answer(clock, "t-2"))
    assert second.bring(second.effect.flight.future.result(0)).value == "t-2"


def test_a_waiter_does_not_take_the_very_token_that_was_rejected(source: Source, clock: ManualClock) -> None:
    """A login answers with the token that this waiter has met a 401 with: it asks once more, and makes no loop."""
    rejected = Token("t-1")
    leader, waiter = Play(obtain(source)), Play(obtain(source, rejected))
    leader.bring(answer(clock, "t-1"))
    waiter.bring(waiter.effect.flight.future.result(0))
    assert isinstance(waiter.effect, Exchange)
    assert waiter.bring(answer(clock, "t-1")).value == "t-1"


def test_a_token_that_expires_while_it_is_on_its_way_is_used_until_a_refusal(
    source: Source, clock: ManualClock
) -> None:
    leader, waiter = Play(obtain(source)), waits(source)
    came = answer(clock, "t-1", 5)
    clock.move(5)
    assert leader.bring(came).value == "t-1"
    assert waiter.bring(waiter.effect.flight.future.result(0)).value == "t-1"
    assert Play(obtain(source)).token == Token("t-1"), "a login for each request would help nobody"


def test_a_failure_that_may_pass_is_tried_three_times(source: Source) -> None:
    play, pauses = Play(obtain(source)), []
    for _ in range(2):
        play.hit(TokenEndpointError("down", retryable=True))
        assert isinstance(play.effect, Pause)
        pauses.append(play.effect.seconds)
        assert isinstance(play.bring(None).effect, Exchange)
    with pytest.raises(TokenEndpointError):
        play.hit(TokenEndpointError("down", retryable=True))
    assert pauses == pytest.approx([0.05, 0.15])


@pytest.mark.parametrize("retry_after", [0.0, 2.0, 9.9])
def test_retry_after_is_honoured_inside_the_timeout(source: Source, retry_after: float) -> None:
    play = Play(obtain(source)).hit(TokenEndpointError("later", retryable=True, retry_after=retry_after))
    assert play.effect == Pause(retry_after, play.effect.flight)


@pytest.mark.parametrize("retry_after", [10.0, 3600.0])
def test_a_retry_after_beyond_the_timeout_ends_the_call(source: Source, retry_after: float) -> None:
    with pytest.raises(TokenEndpointError):
        Play(obtain(source)).hit(TokenEndpointError("later", retryable=True, retry_after=retry_after))


@pytest.mark.parametrize(
    "failure",
    [CredentialsRejected("no", status=401), TokenEndpointError("404"), TokenAuthError("x"), ValueError("bug")],
)
def test_a_failure_that_will_not_pass_is_tried_once(source: Source, failure: Exception) -> None:
    with pytest.raises(type(failure)):
        Play(obtain(source)).hit(failure)
    assert not source.flights._flights


@pytest.mark.parametrize(("waited", "moved"), [(False, TIMEOUT), (True, 1.0)])
def test_a_failure_counts_unless_it_came_of_having_waited_too_long(
    source: Source, clock: ManualClock, waited: bool, moved: float
) -> None:
    """Who led from the beginning had all the time there is; who led late, and was in time, has met the endpoint."""
    leader = Play(obtain(source))
    if waited:
        first, leader = leader, waits(source)
        gone(first)
        leader.bring(None)
    clock.move(moved)
    with pytest.raises(TokenEndpointError):
        leader.hit(TokenEndpointError("down"))
    with pytest.raises(TokenEndpointError, match="down"):
        Play(obtain(source))


def test_a_refresh_that_failed_after_its_time_counts(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock, lifetime=1000)
    clock.move(701)
    refresher = Play(obtain(source))
    clock.move(TIMEOUT)
    assert refresher.hit(TokenEndpointError("down")).value == "t-1"
    assert Play(obtain(source)).value == "t-1"


def test_while_a_failure_cools_down_nobody_calls(source: Source, clock: ManualClock) -> None:
    with pytest.raises(TokenEndpointError):
        Play(obtain(source)).hit(TokenEndpointError("404"))
    with pytest.raises(TokenEndpointError, match="404"):
        Play(obtain(source))
    clock.move(1.0)
    assert isinstance(Play(obtain(source)).effect, Exchange)


def test_what_is_no_failure_of_the_endpoint_does_not_cool_down(source: Source) -> None:
    with pytest.raises(TokenAuthError):
        Play(obtain(source)).hit(TokenAuthError("a callable raised"))
    assert isinstance(Play(obtain(source)).effect, Exchange)


def test_a_due_refresh_is_for_one_caller_and_the_others_go_on(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock, lifetime=1000)
    clock.move(701)
    refresher = Play(obtain(source))
    assert isinstance(refresher.effect, Exchange)
    assert Play(obtain(source)).value == "t-1"
    assert refresher.bring(answer(clock, "t-2")).value == "t-2"
    assert Play(obtain(source)).value == "t-2"


def test_a_refresh_that_fails_leaves_the_old_token_in_use(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock, lifetime=1000)
    clock.move(701)
    assert Play(obtain(source)).hit(CredentialsRejected("no")).value == "t-1"
    assert Play(obtain(source)).value == "t-1"
    clock.move(299)
    assert isinstance(Play(obtain(source)).effect, Exchange)


def test_who_has_hardly_any_time_left_does_not_begin_a_login(source: Source, clock: ManualClock) -> None:
    """Each of many late ones would call, run out of time, and hand over to the next."""
    leader, late = Play(obtain(source)), waits(source)
    clock.move(TIMEOUT * 0.9)
    gone(leader)
    with pytest.raises(TokenEndpointError, match="too little time") as caught:
        late.bring(None)
    assert caught.value.retryable
    assert isinstance(Play(obtain(source)).effect, Exchange)


def test_a_login_that_nobody_has_time_for_is_not_made(source: Source, clock: ManualClock) -> None:
    """A callable for a secret took it all; a provider that discards older tokens would end one that serves somebody."""
    source.provider.secrets = (Secret("password", lambda: clock.move(TIMEOUT) or "p"),)  # type: ignore[func-returns-value]
    with pytest.raises(TokenAuthError, match="was over before its request"):
        Play(obtain(source))
    assert not source.flights._flights
    assert source.credential.cooldowns.failure(source.tokens.key, clock.monotonic_now) is None


def test_many_401s_on_one_token_are_content_with_the_same_token_again(source: Source, clock: ManualClock) -> None:
    """The server hands out one token until its end: one call for all of them, and not one for each."""
    old = logged_in(source, clock)
    leader = Play(obtain(source, old))
    waiters = [Play(obtain(source, replace(old))) for _ in range(3)]
    assert leader.bring(answer(clock, "t-1")).value == "t-1"
    for waiter in waiters:
        assert waiter.bring(waiter.effect.flight.future.result(0)).value == "t-1"


def test_a_401_during_a_refresh_is_not_content_with_the_same_token_again(source: Source, clock: ManualClock) -> None:
    """That answer may have been given before the token was revoked."""
    old = logged_in(source, clock, lifetime=1000)
    clock.move(700)
    refresh = Play(obtain(source))
    waiter = Play(obtain(source, old))
    refresh.bring(answer(clock, "t-1", lifetime=300))
    assert isinstance(waiter.bring(waiter.effect.flight.future.result(0)).effect, Exchange)


def test_a_leader_that_is_cancelled_in_a_pause_of_ours_hands_over(source: Source) -> None:
    leader = Play(obtain(source)).hit(TokenEndpointError("down", retryable=True))
    assert isinstance(leader.effect, Pause)
    leader.flow.close()
    assert isinstance(Play(obtain(source)).effect, Exchange)


@pytest.mark.parametrize(("failure", "pause"), [({"retry_after": 2.0}, 2.0), ({}, 0.05)])
def test_a_refresh_token_that_meets_a_busy_endpoint_counts_as_a_try(
    clock: ManualClock, failure: dict[str, Any], pause: float
) -> None:
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    clock.move(1000)
    play = Play(obtain(source))
    busy = TokenEndpointError("busy", retryable=True, **failure)
    assert play.hit(busy).effect == Pause(pause, play.effect.flight)
    for _ in range(2):
        assert isinstance(play.effect, Pause)
        assert play.bring(None).effect.request.body == b""
        if _ == 0:
            play.hit(busy)
    with pytest.raises(TokenEndpointError, match="busy"):
        play.hit(busy)


# a leader whose caller has gone: its flow goes on


@pytest.mark.parametrize("outcome", ["token", "failure"])
def test_what_comes_when_there_is_a_newer_token_is_of_no_use(source: Source, clock: ManualClock, outcome: str) -> None:
    """Its event loop stood still, and somebody took over."""
    leader = Play(obtain(source))
    leader.effect.flight.abandon()
    clock.move(TIMEOUT)  # whoever comes next has waited for that long
    logged_in(source, clock, "t-2")
    if outcome == "token":
        leader.bring(answer(clock, "t-1", sent=clock.monotonic_now - TIMEOUT))
    else:
        with pytest.raises(CredentialsRejected):
            leader.hit(CredentialsRejected("no", status=401))
    assert Play(obtain(source)).value == "t-2"
    assert source.credential.cooldowns.failure(source.tokens.key, clock.monotonic_now) is None


def test_a_refresh_token_is_used_once_and_a_login_follows(clock: ManualClock) -> None:
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    clock.move(701)
    play = Play(obtain(source))
    assert play.effect.request.body == b"r-1"
    play.hit(CredentialsRejected("invalid_grant", status=400))
    while isinstance(play.effect, Pause):
        play.bring(None)
    assert isinstance(play.effect, Exchange)
    assert play.effect.request.body == b""
    assert play.bring(answer(clock, "t-2")).value == "t-2"


def test_why_a_refresh_token_was_of_no_use_is_logged(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    clock.move(701)
    with caplog.at_level("INFO", "tokenauth"):
        Play(obtain(source)).hit(CredentialsRejected("invalid_grant", status=400))
    assert caplog.messages[-1] == "Test user u-1: the refresh token didn't work: invalid_grant"


def test_after_a_401_the_refresh_token_of_the_rejected_token_is_used(clock: ManualClock) -> None:
    source = a_source(clock, refreshes=True)
    rejected = logged_in(source, clock, refresh_token="r-1")
    assert Play(obtain(source, rejected)).effect.request.body == b"r-1"


@pytest.mark.parametrize("refreshes", [False, True])
def test_a_401_that_brings_the_same_token_again_brings_one_to_be_used_to_its_end(
    clock: ManualClock, refreshes: bool
) -> None:
    source = a_source(clock, refreshes=refreshes)
    rejected = logged_in(source, clock, "same", refresh_token="r-1")
    play = Play(obtain(source, rejected))
    assert play.effect.request.body == (b"r-1" if refreshes else b"")
    play.bring(answer(clock, "same"))
    held = source.tokens.held()
    assert held is not None
    assert held.refresh_from == held.usable_until == clock.monotonic_now + 3600


def test_an_own_fetch_is_tried_three_times(source: Source) -> None:
    play = Play(fetch(source))
    for _ in range(2):
        assert isinstance(play.hit(TokenEndpointError("down", retryable=True)).effect, Pause)
        assert isinstance(play.bring(None).effect, Exchange)
    with pytest.raises(TokenEndpointError):
        play.hit(TokenEndpointError("down", retryable=True))


def test_an_own_fetch_is_shared_with_nobody(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock)
    source.tokens.invalidate()
    own, other = Play(fetch(source)), Play(obtain(source))
    assert isinstance(other.effect, Exchange)
    assert own.bring(answer(clock, "own")).value == "own"
    assert other.bring(answer(clock, "shared")).value == "shared"
    assert Play(obtain(source)).value == "shared"


def test_own_fetches_wait_for_the_first_until_the_credentials_have_proved_good(
    source: Source, clock: ManualClock
) -> None:
    first, second, third = (Play(fetch(source)) for _ in range(3))
    assert isinstance(second.effect, Wait)
    assert first.bring(answer(clock, "own-1")).value == "own-1"
    for waiter in (second, third):
        waiter.bring(waiter.effect.flight.future.result(0))
        assert isinstance(waiter.effect, Exchange), "they go on at the same time"
    assert third.bring(answer(clock, "own-3")).value == "own-3"
    assert second.bring(answer(clock, "own-2")).value == "own-2"


def test_own_fetches_with_wrong_credentials_are_refused_once_for_all(source: Source, clock: ManualClock) -> None:
    first, second = Play(fetch(source)), Play(fetch(source))
    with pytest.raises(CredentialsRejected):
        first.hit(CredentialsRejected("No"))
    with pytest.raises(CredentialsRejected):
        second.hit(second.effect.flight.future.exception(0))
    with pytest.raises(CredentialsRejected, match="Remembered"):
        Play(fetch(source))


def test_a_refresh_token_that_stays_good_is_used_again(clock: ManualClock) -> None:
    """The answer to a refresh brings no new one: RFC 6749 §6."""
    source, mine = a_source(clock, refreshes=True), f"kept-{id(clock)}"
    logged_in(source, clock, refresh_token=mine, lifetime=1000)
    for number in range(2, 5):
        clock.move(750)
        play = Play(obtain(source))
        assert play.effect.request.body == mine.encode()
        assert play.bring(answer(clock, f"t-{number}", 1000)).value == f"t-{number}"


def test_a_refresh_token_that_is_handed_out_again_is_used_again(clock: ManualClock) -> None:
    """Many servers repeat it in the answer to a refresh, and some in that to each login."""
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="same", lifetime=1000)
    for number in range(3):
        clock.move(750)
        play = Play(obtain(source))
        assert play.effect.request.body == b"same"
        play.bring(answer(clock, f"refreshed-{number}", 1000, refresh_token="same"))
    source.tokens.invalidate()
    logged_in(source, clock, refresh_token="same", lifetime=1000)
    clock.move(750)
    assert Play(obtain(source)).effect.request.body == b"same"


def test_the_refresh_token_of_one_credential_is_not_taken_for_that_of_another(clock: ManualClock) -> None:
    """Servers that count give the same ones to two tenants."""
    sources = [a_source(clock, refreshes=True, user=user) for user in ("u-1", "u-2")]
    for source in sources:
        logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    clock.move(1000)
    for source in sources:
        leader = Play(obtain(source))
        assert leader.effect.request.body == b"r-1"
        leader.flow.close()
        assert Play(obtain(source)).effect.request.body == b"", "it is spent, whatever came of it"


def test_the_same_token_again_is_used_to_its_end(source: Source, clock: ManualClock) -> None:
    logged_in(source, clock, "same", lifetime=1000)
    clock.move(990)
    logged_in(source, clock, "same", lifetime=100)
    held = source.tokens.held()
    assert held is not None
    assert held.refresh_from == held.usable_until == clock.monotonic_now + 100


def test_a_changed_secret_is_tried_as_often_as_any(source: Source, clock: ManualClock) -> None:
    """The failure that cools down belongs to the old secret, so what the new one meets is no replay of it."""
    secret = ["old"]
    source.provider.secrets = (Secret("secret", lambda: secret[0]),)
    with pytest.raises(CredentialsRejected):
        Play(obtain(source)).hit(CredentialsRejected("No"))
    secret[0] = "new"
    play = Play(obtain(source)).hit(TokenEndpointError("Down", retryable=True))
    assert isinstance(play.effect, Pause)


def test_another_token_of_the_same_second_is_no_repetition(source: Source, clock: ManualClock) -> None:
    """A renewal at once after a login: equal expiry says nothing, for the lifetime has not shrunk."""
    first = logged_in(source, clock, "first", lifetime=1000)
    assert Play(obtain(source, first)).bring(answer(clock, "second", lifetime=1000)).value == "second"
    held = source.tokens.held()
    assert held is not None
    assert held.refresh_from < held.usable_until


def test_who_leads_though_somebody_has_landed_takes_what_that_one_brought(clock: ManualClock) -> None:
    """It looks, another's flight lands, it joins: there is nothing to wait for any more."""
    source = a_source(clock)

    class Landing(Flights):
        def join(self, fresh: Flight, now: float) -> Flight:
            if source.tokens.held() is None:
                talk = source.logins.begin(None)
                talk.answer(answer(clock, "t-1"))
                source.logins.keep(fresh, source.logins.accept(fresh, talk, None))
            return super().join(fresh, now)

    source.credential.memory.flights = Landing()
    assert Play(obtain(source)).value == "t-1"
    assert not source.flights._flights


@pytest.mark.parametrize(
    ("url", "headers", "why"),
    [
        ("http://elsewhere.example/logout", {}, "TLS|https"),
        ("https://id.example/logout", {"x-key": "a\nb"}, "x-key"),
    ],
)
def test_a_logout_that_would_go_in_clear_or_be_quoted_is_not_sent(
    clock: ManualClock, url: str, headers: dict[str, str], why: str
) -> None:
    class LogsOut(PlainProvider):
        logs_out = True

        def logout(self, token: Token) -> TokenRequest:
            return TokenRequest("POST", url, headers)

    flow = farewell(Source(LogsOut("https://id.example"), memory=Memory({}), clock=clock.clock), Token("t-1"))
    call = next(flow)
    assert isinstance(call, Call)
    with pytest.raises(TokenAuthError, match=why) as met:
        call.function()
    with pytest.raises(StopIteration):
        flow.throw(met.value)
