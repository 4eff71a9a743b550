"""`Source`: what it answers, at the very moments where one answer gives way to the other."""

import logging
import math
import uuid
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from tests.support import ManualClock, PlainProvider, with_clock
from tokenauth import (
    CredentialsRejected,
    Token,
    TokenAuth,
    TokenAuthError,
    TokenEndpointError,
    TokenResponseError,
)
from tokenauth._core.cache import Held
from tokenauth._core.dating import dated, is_same
from tokenauth._core.effects import Call, Exchange
from tokenauth._core.events import Event
from tokenauth._core.expiry import MAX_LIFETIME, lifetime_of
from tokenauth._core.flights import Flight, Flights
from tokenauth._core.flow import fetch, obtain
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._core.record import Record
from tokenauth._core.source import Source

HOME, MORE, ABROAD = (Origin.parse(f"https://{host}.example") for host in ("home", "more", "abroad"))


@pytest.fixture
def source(clock: ManualClock) -> Source:
    auth = TokenAuth(
        PlainProvider("https://home.example", uuid.uuid4().hex), cache={}, origins=["https://more.example"]
    )
    return with_clock(auth, clock)._source


def reply(clock: ManualClock, token: str = "t", **fields: Any) -> Reply:
    body = repr({"token": token, **fields}).replace("'", '"').encode()
    return Reply(200, {}, body, sent=clock.monotonic_now, sent_at=clock.wall_now, received_at=clock.wall_now)


def accepted(source: Source, answer: Reply, before: Token | None, refresh_token: str | None, *, keep: bool) -> Held:
    talk = source.logins.begin(refresh_token)
    talk.answer(answer)
    flight = source.solo()
    held = source.logins.accept(flight, talk, before, keep=keep)
    if keep:
        source.logins.keep(flight, held, talk)
    else:
        source.logins.tell_of(flight, held, talk)
    return held


def marked(mark: str) -> Flight:
    """Return a flight whose fetch was made with the secrets that *mark* stands for."""
    flight = Flight(Flights(), "key", 1e9)
    flight.mark = mark
    return flight


def at_exchange(flow: Any) -> Exchange:
    call = next(flow)
    assert isinstance(call, Call)
    exchange = flow.send(call.function())
    assert isinstance(exchange, Exchange)
    return exchange


def test_a_token_is_fresh_up_to_the_moment_at_which_its_refresh_is_due(source: Source, clock: ManualClock) -> None:
    held = accepted(source, reply(clock, lifetime=1000, refresh_in=100), None, None, keep=True)
    clock.move(99.999)
    assert source.tokens.fresh() == held.token
    assert not source.tokens.due(held)
    clock.move(0.001)
    assert source.tokens.fresh() is None
    assert source.tokens.due(held)


def test_no_refresh_is_due_while_a_failure_cools_down(source: Source, clock: ManualClock) -> None:
    held = accepted(source, reply(clock, lifetime=1000, refresh_in=0.001), None, None, keep=True)
    clock.move(0.001)
    source.logins.cool(TokenEndpointError("down"), marked("m"))
    assert not source.tokens.due(held)
    clock.move(1.0)
    assert source.tokens.due(held)


def test_invalidate_drops_token_and_failure(source: Source, clock: ManualClock) -> None:
    accepted(source, reply(clock), None, None, keep=True)
    source.logins.cool(CredentialsRejected("no"), marked("m"))
    source.tokens.invalidate()
    assert source.tokens.held() is None
    source.logins.replay("m")


def test_pauses_are_short_at_first_and_triple(source: Source, clock: ManualClock) -> None:
    failure = TokenEndpointError("down", retryable=True)
    deadline = clock.monotonic_now + 10.0
    for tries, least in ((1, 0.05), (2, 0.15)):
        pauses = [source.logins.pause(failure, tries, deadline, "m") for _ in range(100)]
        assert all(pause is not None and least <= pause <= 2 * least for pause in pauses)
    assert source.logins.pause(failure, 3, deadline, "m") is None
    assert source.logins.pause(ValueError(), 1, deadline, "m") is None


def test_a_replay_is_not_tried_again_whatever_the_secret(source: Source, clock: ManualClock) -> None:
    failure = TokenEndpointError("down", retryable=True)
    source.logins.cool(failure, marked("old"))
    deadline = clock.monotonic_now + 10.0
    assert source.logins.pause(failure, 1, deadline, "old") is None
    assert source.logins.pause(failure, 1, deadline, "new") is None


def test_another_secret_ends_a_rejection_and_no_other_failure(source: Source) -> None:
    """A secret may be another one each time, such as a signed assertion: the endpoint is as ill as before."""
    source.logins.cool(TokenEndpointError("down"), marked("old"))
    with pytest.raises(TokenEndpointError):
        source.logins.replay("new")
    source.tokens.invalidate()
    source.logins.cool(CredentialsRejected("no"), marked("old"))
    with pytest.raises(CredentialsRejected):
        source.logins.replay("old")
    source.logins.replay("new")


@pytest.mark.parametrize("refresh_in", [0, 0.0, "0", -5])
def test_a_refresh_for_each_request_is_not_what_the_server_means(
    source: Source, clock: ManualClock, refresh_in: Any
) -> None:
    token = Token("t", lifetime=1000.0, refresh_in=float(refresh_in))
    held = dated(source.credential, token, Reply(200, sent=clock.monotonic_now))
    assert 700 <= held.refresh_from - clock.monotonic_now <= 800


def test_a_failure_is_told_when_nobody_waits_for_it_any_more(source: Source) -> None:
    """An `on_event` that asks for a token gets that failure, and no deadlock."""
    flight = marked("m")
    landed: list[bool] = []
    source.credential.on_event = lambda event: landed.append(flight.future.done())
    source.logins.cool(CredentialsRejected("no"), flight)
    assert landed == [True]


def test_a_token_that_was_refused_does_not_come_back_out_of_the_store(source: Source, clock: ManualClock) -> None:
    """Whoever met the 401 could not retry, and nobody else has renewed; see I4."""
    token = Token("t", lifetime=1000.0, expires_at=clock.wall_now + 1000.0)
    record = Record.of_token(token, clock.wall_now)
    assert source.fleet.adopt(record, None) is not None
    source.reject(token)
    assert source.fleet.adopt(record, None) is None
    accepted(source, reply(clock, "t", lifetime=1000), None, None, keep=True)  # the server hands it out again
    assert source.fleet.adopt(record, None) is not None


def test_a_clock_that_is_set_back_after_invalidate_does_not_shut_out_the_fleet(
    source: Source, clock: ManualClock
) -> None:
    source.tokens.invalidate()
    clock.wall_now -= 3600
    record = Record.of_token(Token("t", lifetime=1000.0, expires_at=clock.wall_now + 1000.0), clock.wall_now)
    assert source.fleet.adopt(record, None) is not None


def test_which_origin_may_have_a_token(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    token = Token("t")
    with caplog.at_level(logging.WARNING, "tokenauth"):
        assert source.admission.admits(HOME)
        assert source.admission.admits(MORE)
        assert source.admission.serves(HOME, token)
        assert source.admission.serves(MORE, token)
        assert not caplog.records
        assert not source.admission.admits(ABROAD)
        assert not source.admission.admits(None)
        assert not source.admission.serves(ABROAD, token)
        assert not source.admission.serves(HOME, None)
    assert [record.getMessage().count(str(ABROAD)) for record in caplog.records] == [1], "warned once, by name"


def test_a_token_for_one_origin_serves_that_one_and_the_named_ones(source: Source) -> None:
    token = Token("t", origin="https://home.example")
    assert source.admission.serves(HOME, token)
    assert source.admission.serves(MORE, token)
    assert not source.admission.serves(HOME, Token("t", origin="https://elsewhere.example"))


@pytest.mark.parametrize(
    ("value", "lifetime", "is_same"),
    [
        ("t", 500, True),
        ("u", 900, True),
        ("u", 900.99, True),
        ("u", 901, False),
        ("u", 898.9, False),
        ("u", 500, False),
    ],
)
def test_what_counts_as_nothing_new(
    source: Source, clock: ManualClock, value: str, lifetime: float, is_same: bool
) -> None:
    """The value, or the expiry to the second; then nobody refreshes before the end."""
    before = accepted(source, reply(clock, lifetime=1000), None, None, keep=True)
    clock.move(100.0)
    held = accepted(source, reply(clock, value, lifetime=lifetime), before.token, None, keep=True)
    assert (held.refresh_from == held.usable_until) is is_same


def test_a_token_of_ones_own_is_kept_nowhere(source: Source, clock: ManualClock) -> None:
    flow = fetch(source)
    assert at_exchange(flow).deadline == clock.monotonic_now + 10.0
    with pytest.raises(StopIteration) as end:
        flow.send(reply(clock))
    assert end.value.value.value == "t"
    assert source.tokens.held() is None


def test_a_failed_fetch_of_ones_own_cools_down(source: Source) -> None:
    flow = fetch(source)
    at_exchange(flow)
    with pytest.raises(CredentialsRejected):
        flow.throw(CredentialsRejected("no"))
    again = fetch(source)
    call: Any = next(again)
    with pytest.raises(CredentialsRejected):
        again.send(call.function())


@pytest.mark.parametrize(("seconds", "state"), [(0, "stays in use"), (1000, "has expired meanwhile")])
def test_a_failed_refresh_says_whose_and_why_once(
    source: Source, clock: ManualClock, caplog: pytest.LogCaptureFixture, seconds: float, state: str
) -> None:
    accepted(source, reply(clock, lifetime=1000, refresh_in=0.001), None, None, keep=True)
    clock.move(0.001)
    flow, name = obtain(source), source.provider.name
    at_exchange(flow)
    clock.move(seconds)
    with caplog.at_level(logging.WARNING, "tokenauth"), pytest.raises((StopIteration, CredentialsRejected)) as end:
        flow.throw(CredentialsRejected(f"{name}: no such user"))
    assert end.type is (CredentialsRejected if seconds else StopIteration)
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"{name}: refresh failed, the old token {state}: no such user"]


def test_the_longest_lifetime_and_the_name_of_the_field(caplog: pytest.LogCaptureFixture) -> None:
    assert lifetime_of(MAX_LIFETIME) == MAX_LIFETIME
    assert lifetime_of([]) is None
    assert "expires_in in the token answer" in caplog.text
    assert "(list)" in caplog.text


@pytest.mark.parametrize("url", ["https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/"])
def test_a_zone_makes_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match="URL has no host"):
        Origin.parse(url)


def test_a_zone_makes_no_origin_of_parts() -> None:
    with pytest.raises(ValueError, match="no host that can be compared"):
        Origin.of("https", "fe80::1%eth0", None)


@pytest.mark.parametrize(("first", "second"), [({}, {"lifetime": 1000}), ({"lifetime": 1000}, {}), ({}, {})])
def test_a_token_of_unknown_expiry_says_nothing_about_the_next(
    source: Source, clock: ManualClock, first: Any, second: Any
) -> None:
    before = accepted(source, reply(clock, **first), None, None, keep=True)
    clock.move(100.0)
    held = accepted(source, reply(clock, "t-2", **second), before.token, None, keep=True)
    assert (held.refresh_from < held.usable_until) is bool(second)


def test_a_token_of_another_process_is_taken_up_to_its_leeway_and_no_longer(source: Source, clock: ManualClock) -> None:
    token = Token("t", lifetime=1000.0, expires_at=clock.wall_now + 1000.0)
    record = Record.of_token(token, clock.wall_now)
    clock.move(969.9)
    held = source.fleet.adopt(record, None)
    assert held is not None
    assert held.token == token
    source.tokens.invalidate()
    source.credential.memory.invalidate(source.tokens.key, 0.0)
    clock.move(0.1)
    assert source.fleet.adopt(record, None) is None
    assert source.tokens.held() is None


def test_a_token_of_another_process_whose_expiry_is_unknown_serves_until_a_401(
    source: Source, clock: ManualClock
) -> None:
    held = source.fleet.adopt(Record.of_token(Token("t"), clock.wall_now), None)
    assert held is not None
    assert held.usable_until == held.refresh_from == math.inf


def test_a_token_is_usable_up_to_its_end_and_not_at_it(source: Source, clock: ManualClock) -> None:
    held = accepted(source, reply(clock, lifetime=1000), None, None, keep=True)
    clock.move(held.usable_until - clock.monotonic_now - 0.001)
    assert source.tokens.usable(None) is held
    clock.move(0.001)
    assert source.tokens.usable(None) is None
    assert source.tokens.held() is held  # it still has the refresh token, if there is one


def test_an_expiry_is_counted_by_the_clock_of_who_stated_it(source: Source, clock: ManualClock) -> None:
    ahead = Reply(
        200,
        {"date": formatdate(clock.wall_now + 500, usegmt=True)},
        sent=clock.monotonic_now - 2,
        sent_at=clock.wall_now - 2,
        received_at=clock.wall_now,
    )
    held = dated(source.credential, Token("t", expires_at=clock.wall_now + 500 + 600), ahead)
    assert held.token.lifetime == 600
    assert held.token.expires_at == clock.wall_now - 2 + 600
    assert (held.usable_until, held.since) == (clock.monotonic_now - 2 + 600 - 30, clock.monotonic_now - 2)


@pytest.mark.parametrize("lifetime", [None, 700.0])
@pytest.mark.parametrize(("saved", "age"), [(-100.0, 100.0), (300.0, 20.0)], ids=["", "by a clock ahead"])
def test_a_token_out_of_the_store_has_what_is_left_of_its_time(
    source: Source, clock: ManualClock, lifetime: float | None, saved: float, age: float
) -> None:
    """And is older than what its process is about to do."""
    token = Token("t", lifetime=lifetime, expires_at=clock.wall_now + 600)
    held = source.fleet.adopt(Record.of_token(token, clock.wall_now + saved), None)
    assert held is not None
    assert held.token is token
    assert held.usable_until == clock.monotonic_now + 600 - 30
    assert held.since == clock.monotonic_now - age


def test_what_was_saved_after_a_token_was_asked_for_outlives_that_it_could_not_be_saved(
    source: Source, clock: ManualClock
) -> None:
    held = accepted(source, reply(clock, lifetime=1000), None, None, keep=True)
    records = []
    for moment in ("before", "after"):
        clock.move(-1 if moment == "before" else 2)
        token = Token(moment, lifetime=1000.0, expires_at=clock.wall_now + 1000)
        records.append(Record.of_token(token, clock.wall_now))
    clock.move(5)
    source.fleet.outdate(held)
    assert [source.fleet.adopt(record, None) is not None for record in records] == [False, True]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ((100.0, 1000.0), (99.0, 1000.0), True),
        ((100.0, 1000.0), (99.0, 1000.9), True),
        ((100.0, 1000.0), (99.0, 1001.0), False),
        ((100.0, 1000.0), (99.5, 1000.0), False),
        ((100.0, None), (99.0, 1000.0), False),
        ((100.0, 1000.0), (99.0, None), False),
        ((None, 1000.0), (99.0, 1000.0), False),
        ((100.0, 1000.0), (None, 1000.0), False),
    ],
)
def test_the_rest_of_the_same_lifetime_is_nothing_new(before: Any, after: Any, same: bool) -> None:
    old, new = (Token(name, lifetime=times[0], expires_at=times[1]) for name, times in (("o", before), ("n", after)))
    assert is_same(old, new) is same
    assert is_same(old, replace(new, value="o"))


def test_what_is_told_of_a_token_and_of_a_failure(
    source: Source, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tokenauth")
    events: list[Event] = []
    source.credential.on_event = events.append
    name, failure = source.provider.name, CredentialsRejected("no", status=401)
    held = accepted(source, reply(clock, lifetime=1000.4), None, None, keep=True)
    print_ = held.token.fingerprint
    source.reject(held.token)
    source.reject(held.token)  # it is not there any more
    accepted(source, reply(clock), None, None, keep=False)
    accepted(source, reply(clock, lifetime=0), None, None, keep=False)
    source.logins.cool(failure, marked("m"))
    source.logins.cool(failure, marked("m"))  # known
    source.logins.cool(CredentialsRejected(f"{name} was refused"), marked("another secret"))
    source.logins.cool(ValueError("none of the endpoint's"), marked("m"))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"{name}: token {print_} fetched, lifetime 1000 s"),
        ("INFO", f"{name}: token {print_} was rejected"),
        ("INFO", f"{name}: token {print_} fetched, lifetime unknown"),
        (
            "WARNING",
            f"{name}: the answer says that its token has expired already. It is used until it is refused. "
            "Is a clock wrong?",
        ),
        ("INFO", f"{name}: token {print_} fetched, lifetime unknown"),
        ("WARNING", f"{name}: no"),
        ("WARNING", f"{name} was refused"),
    ]
    assert [(event.kind, event.provider, event.fingerprint) for event in events] == [
        ("fetched", name, print_),
        ("rejected", name, print_),
        *[("fetched", name, print_)] * 2,
        *[("failed", name, None)] * 2,
    ]
    assert events[-2].error is failure
    assert source.tokens.held() is None


def test_a_token_out_of_the_store_is_told_of(
    source: Source, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tokenauth")
    token = Token("t", lifetime=1000.0, expires_at=clock.wall_now + 1000.0)
    source.fleet.adopt(Record.of_token(token, clock.wall_now), None)
    assert caplog.messages == [f"{source.provider.name}: token {token.fingerprint} comes from the store"]


@pytest.mark.parametrize("shelf", [False, True])
def test_a_rival_is_warned_of(
    source: Source, clock: ManualClock, caplog: pytest.LogCaptureFixture, shelf: bool
) -> None:
    caplog.set_level(logging.WARNING, "tokenauth")
    source.fleet.shelf = object() if shelf else None  # type: ignore[assignment]
    for number in range(3):
        held = accepted(source, reply(clock, f"t-{number}"), None, None, keep=True)
        clock.move(59)
        source.reject(held.token)
    (message,) = caplog.messages
    assert message.startswith(f"{source.provider.name}: fresh tokens are rejected again and again. The API may want")
    assert message.endswith("each login ends the other's token" if shelf else "share one token: store=")


@pytest.mark.parametrize(("name", "least", "below"), [("leeway", 0, -0.001), ("timeout", 0.001, 0.0009)])
def test_seconds_are_a_finite_number_within_bounds(name: str, least: float, below: float) -> None:
    def with_seconds(value: Any) -> Source:
        options: dict[str, Any] = {name: value}
        return Source(PlainProvider("https://home.example"), **options)

    with_seconds(least)
    for value in (below, math.inf, math.nan):
        text = f"^{name} must be a number of seconds, at least {least:g} and at most 1000000$"
        with pytest.raises(ValueError, match=text):
            with_seconds(value)
    for wrong in (True, "5", None):
        with pytest.raises(TypeError, match=f"^{name} must be a number of seconds, not {type(wrong).__name__}$"):
            with_seconds(wrong)


def test_what_tells_events_is_callable() -> None:
    with pytest.raises(TypeError, match=r"^on_event must be callable$"):
        Source(PlainProvider("https://home.example"), on_event="print")  # type: ignore[arg-type]


def test_two_kinds_of_provider_share_no_token_though_they_name_the_same(clock: ManualClock) -> None:
    class Other(PlainProvider):
        pass

    providers = (
        PlainProvider("https://home.example"),
        PlainProvider("https://home.example"),
        Other("https://home.example"),
    )
    first, second, other = (Source(provider).tokens for provider in providers)
    assert first.key == second.key != other.key


def test_a_login_that_succeeds_ends_the_failure(source: Source, clock: ManualClock) -> None:
    source.logins.cool(TokenEndpointError("down"), marked("m"))
    accepted(source, reply(clock), None, None, keep=True)
    assert source.credential.cooldowns.failure(source.tokens.key, clock.monotonic_now) is None
    source.logins.replay("m")


@pytest.mark.parametrize(
    ("token", "why"), [("", "not text, or empty"), ("a b", "a blank"), ("x" * 40_000, "longer than 32768")]
)
def test_an_unusable_token_is_an_error_that_says_why_and_where(
    source: Source, clock: ManualClock, token: str, why: str
) -> None:
    with pytest.raises(TokenResponseError, match=f"^{source.provider.name}: .*/token answered .*{why}") as caught:
        accepted(source, reply(clock, token), None, None, keep=True)
    assert caught.value.status == 200
    assert source.tokens.held() is None


def test_what_a_provider_raises_is_an_error_of_ours_that_names_the_place_and_shows_nothing(
    source: Source, clock: ManualClock
) -> None:
    with pytest.raises(TokenResponseError, match=r": reading the answer of .* raised JSONDecodeError \(") as caught:
        accepted(source, Reply(200, body=b"hush"), None, None, keep=True)
    assert (caught.value.status, caught.value.__cause__, caught.value.__context__) == (200, None, None)
    nothing: dict[str, TokenRequest] = {}
    source.provider.request = lambda refresh_token=None: nothing["hush"]  # type: ignore[method-assign]
    with pytest.raises(
        TokenAuthError, match=r"^Test user \w+: building the token request raised KeyError \("
    ) as failed:
        source.logins.begin(None)
    assert "hush" not in str(failed.value)
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)
