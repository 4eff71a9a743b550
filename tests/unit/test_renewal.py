"""What may happen to a refresh token, played by hand: see the table in `tokenauth._core.renewal`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support import ManualClock, PlainProvider
from tests.unit.test_flow import TIMEOUT, Play, a_source, answer, least, logged_in
from tests.unit.test_share import Lease, ShelfByHand, asks, leading, saved, with_shelf
from tokenauth import CredentialsRejected, TokenAuthError, TokenEndpointError, forget
from tokenauth._core.effects import Call, Exchange, Pause, Wait
from tokenauth._core.flow import obtain
from tokenauth._core.lines import BROUGHT, Lines
from tokenauth._core.memory import Memory
from tokenauth._core.messages import TokenRequest
from tokenauth._core.record import KEPT_REFRESH, Record
from tokenauth._core.renewal import may_carry
from tokenauth._core.secrets import Secret
from tokenauth._core.source import Source


class Brought(PlainProvider):
    """All there is to log in with is a refresh token."""

    def __init__(self, refresh_token: Any = "r-1", listener: Callable[[str], object] | None = None) -> None:
        super().__init__("https://id.example", refreshes=True)
        self.brought = Secret("refresh_token", refresh_token)
        self.secrets = (self.brought,)
        self.on_refresh_token = listener

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        assert refresh_token is not None
        return super().request(refresh_token)


def brought(clock: ManualClock, *arguments: Any) -> Source:
    return least(Source(Brought(*arguments), timeout=TIMEOUT, memory=Memory({}), clock=clock.clock))


@pytest.fixture
def shelf() -> ShelfByHand:
    return ShelfByHand()


def unsent() -> TokenEndpointError:
    failure = TokenEndpointError("no connection", retryable=True)
    failure.unsent = True
    return failure


def sent(play: Play) -> Any:
    assert isinstance(play.effect, Exchange), play.effect
    return play.effect.request.body


def renewed(source: Source, clock: ManualClock) -> Play:
    """Return a renewal of a token that has expired, up to its token call."""
    clock.move(1000)
    play = Play(obtain(source))
    assert isinstance(play.effect, Exchange)
    return play


# with credentials to fall back on


def test_what_was_not_sent_is_as_good_as_before(clock: ManualClock) -> None:
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    play = renewed(source, clock)
    for _ in range(2):
        assert sent(play) == b"r-1"
        assert isinstance(play.hit(unsent()).effect, Pause)
        play.bring(None)
    with pytest.raises(TokenEndpointError):
        play.hit(unsent())
    assert sent(renewed(source, clock)) == b"r-1"


@pytest.mark.parametrize("dropped", ["a 401", "invalidate"])
@pytest.mark.parametrize("met", [unsent, lambda: CredentialsRejected("a replay")])
def test_what_drops_an_access_token_leaves_its_refresh_token(
    clock: ManualClock, dropped: str, met: Callable[[], Exception]
) -> None:
    source = a_source(clock, refreshes=True)
    token = logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    if dropped == "a 401":
        source.reject(token)
    else:
        source.tokens.invalidate()
    assert sent(Play(obtain(source))) == b"r-1"


def test_what_was_about_to_be_sent_when_a_failure_was_remembered_stays(clock: ManualClock) -> None:
    source = a_source(clock, refreshes=True)
    token = logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    source.reject(token)
    play = Play(obtain(source))
    with pytest.raises(TokenEndpointError):
        play.hit(unsent()).bring(None).hit(unsent()).bring(None).hit(unsent())
    with pytest.raises(TokenEndpointError, match="Remembered"):
        Play(obtain(source))
    clock.move(60)
    assert sent(Play(obtain(source))) == b"r-1"


@pytest.mark.parametrize("failure", ["no answer", "HTTP 503"])
def test_what_may_have_been_used_is_not_used_again(clock: ManualClock, failure: str) -> None:
    source = a_source(clock, refreshes=True)
    logged_in(source, clock, refresh_token="r-1", lifetime=1000)
    play = renewed(source, clock)
    play.hit(TokenEndpointError(failure, retryable=True)).bring(None)
    assert sent(play) == b""
    with pytest.raises(TokenEndpointError):
        play.hit(TokenEndpointError("down"))
    assert sent(renewed(source, clock)) == b""


@pytest.mark.parametrize("shared", [False, True])
def test_a_refresh_token_that_is_refused_when_time_is_over_does_not_speak_against_the_credentials(
    clock: ManualClock, shelf: ShelfByHand, shared: bool
) -> None:
    source = a_source(clock, refreshes=True)
    if shared:
        record = saved(clock, "old", 10.0, refresh_token="r-1")
        clock.move(20)
        play = leading(with_shelf(source, shelf), clock, record).bring(True)
    else:
        logged_in(source, clock, refresh_token="r-1", lifetime=1000)
        play = renewed(source, clock)
    assert sent(play) == b"r-1"
    clock.move(TIMEOUT)
    with pytest.raises(TokenEndpointError, match="no time is left for a login") as caught:
        play.hit(CredentialsRejected("Check username and password", status=400))
    assert caught.value.retryable
    assert not any(record.failure for record in shelf.saved)
    clock.move(2)
    source.fleet.shelf = None
    assert sent(Play(obtain(source))) == b"", "the next one logs in"


def test_the_fleet_is_told_that_what_was_not_sent_stays(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_shelf(a_source(clock, refreshes=True), shelf), saved(clock, "old", 10.0, refresh_token="r-1")
    clock.move(20)
    play = leading(source, clock, record).bring(True)
    assert sent(play) == b"r-1"
    assert asks(play.hit(unsent())) == "save"
    assert [each.token and each.token.refresh_token for each in shelf.saved] == [None, "r-1"]
    play.bring(True).bring(None)
    assert asks(play) == "load"
    assert asks(play.bring(shelf.saved[-1])) == "save"
    assert sent(play.bring(True)) == b"r-1"


class Discovering(PlainProvider):
    """It looks something up first."""

    def login(self, refresh_token: str | None = None) -> Any:
        yield TokenRequest("GET", "https://id.example/metadata")
        return self.read((yield self.request(refresh_token)))


def test_a_look_at_the_server_s_metadata_is_no_use_of_it(clock: ManualClock) -> None:
    source = a_source(clock, refreshes=True)
    source.provider.login = Discovering("https://id.example", refreshes=True).login  # type: ignore[method-assign]
    play = Play(obtain(source)).bring(answer(clock, "metadata"))
    play.bring(answer(clock, "t-1", 1000, refresh_token="r-1"))
    play = renewed(source, clock).hit(TokenEndpointError("503", retryable=True)).bring(None)
    assert sent(play.bring(answer(clock, "metadata"))) == b"r-1"
    play.hit(TokenEndpointError("503", retryable=True)).bring(None)
    assert sent(play.bring(answer(clock, "metadata"))) == b""


@pytest.mark.parametrize(
    ("request_", "may"),
    [
        (TokenRequest("GET", "https://h.example/m"), False),
        (TokenRequest("GET", "https://h.example/m?r=a%2Fb"), True),
        (TokenRequest("GET", "https://h.example/m", {"X-Refresh": "a/b"}), True),
        (TokenRequest("GET", "https://h.example/m", {}, b"signed"), True),
        (TokenRequest("POST", "https://h.example/m"), True),
    ],
)
def test_what_may_have_it_in_it_counts_as_its_use(request_: TokenRequest, may: bool) -> None:
    assert may_carry(request_, "a/b") is may


# where a refresh token is all there is


def test_the_user_s_own_comes_first_and_then_what_came_of_it(clock: ManualClock) -> None:
    source = brought(clock)
    play = Play(obtain(source))
    for number in range(2, 6):
        assert sent(play) == f"r-{number - 1}".encode()
        assert play.bring(answer(clock, f"t-{number}", 1000, refresh_token=f"r-{number}")).value == f"t-{number}"
        play = renewed(source, clock)


@pytest.mark.parametrize("failure", [unsent, lambda: TokenEndpointError("no answer, or 503", retryable=True)])
def test_it_is_tried_again_for_there_is_nothing_else(clock: ManualClock, failure: Callable[[], Exception]) -> None:
    source = brought(clock)
    play = Play(obtain(source))
    for _ in range(2):
        assert sent(play) == b"r-1"
        assert isinstance(play.hit(failure()).effect, Pause)
        play.bring(None)
    assert play.bring(answer(clock, "t-1", refresh_token="r-2")).value == "t-1"


def test_one_that_is_refused_is_told_of_and_tried_once_a_minute(clock: ManualClock) -> None:
    source = brought(clock)
    with pytest.raises(CredentialsRejected):
        Play(obtain(source)).hit(CredentialsRejected("invalid_grant", status=400))
    with pytest.raises(CredentialsRejected, match="Remembered"):
        Play(obtain(source))
    clock.move(60)
    assert sent(Play(obtain(source))) == b"r-1"


def test_one_that_comes_again_stays_good(clock: ManualClock) -> None:
    source = brought(clock)
    play = Play(obtain(source))
    for _ in range(3):
        assert sent(play) == b"r-1"
        play.bring(answer(clock, "t", 1000))
        play = renewed(source, clock)


def test_a_cache_that_forgets_does_not_bring_a_used_one_back(clock: ManualClock) -> None:
    source = brought(clock)
    Play(obtain(source)).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    source.tokens.cache._mapping.clear()
    play = Play(obtain(source))
    assert sent(play) == b"r-2"
    play.bring(answer(clock, "t-2", 1000, refresh_token="r-3"))
    assert sent(Play(obtain(brought(clock)))) == b"r-3", "an auth object that is made anew with the first one"


def test_two_auth_objects_with_caches_of_their_own_use_it_once(clock: ManualClock) -> None:
    first, second = brought(clock), brought(clock)
    play, waiter = Play(obtain(first)), Play(obtain(second))
    assert isinstance(waiter.effect, Wait)
    play.bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    assert waiter.bring(waiter.effect.flight.future.result(0)).value == "t-1"
    assert sent(renewed(second, clock)) == b"r-2"


def test_to_forget_all_is_not_to_use_one_again(clock: ManualClock) -> None:
    source = brought(clock)
    Play(obtain(source)).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    source.credential.memory.forget()
    forget()
    assert sent(Play(obtain(source))) == b"r-2"


def test_who_brings_a_later_one_means_the_same_line(clock: ManualClock) -> None:
    first = brought(clock)
    Play(obtain(first)).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    second = brought(clock, "r-2")
    assert second.tokens.key == first.tokens.key
    Play(obtain(second)).bring(answer(clock, "t-2", 1000, refresh_token="r-3"))
    assert sent(renewed(first, clock)) == b"r-3"


def test_who_brings_one_that_was_exchanged_meanwhile_gets_what_came_of_it(clock: ManualClock) -> None:
    first = brought(clock)
    Play(obtain(first)).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    renewed(first, clock).bring(answer(clock, "t-2", 1000, refresh_token="r-3"))
    assert sent(renewed(brought(clock, "r-2"), clock)) == b"r-3"


def test_another_one_is_another_line(clock: ManualClock) -> None:
    Play(obtain(brought(clock))).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    assert sent(Play(obtain(brought(clock, "s-1")))) == b"s-1"


def test_a_callable_that_returns_a_new_one_begins_anew(clock: ManualClock) -> None:
    given = ["r-1"]
    source = brought(clock, lambda: given[0])
    Play(obtain(source)).bring(answer(clock, "t-1", 1000, refresh_token="r-2"))
    given[0] = "s-1"
    play = renewed(source, clock)
    assert sent(play) == b"s-1"
    play.bring(answer(clock, "t-2", 1000, refresh_token="s-2"))
    given[0] = "r-1"
    assert sent(renewed(source, clock)) == b"s-2", "what came before is of no use any more"


# whom it is told


def test_nobody_has_the_new_token_before_the_listener_was_told(clock: ManualClock) -> None:
    told: list[str] = []
    source = brought(clock, "r-1", told.append)
    flow: Any = obtain(source)
    effect = next(flow)
    while not isinstance(effect, Exchange):
        effect = flow.send(effect.function())
    effect = flow.send(answer(clock, "t-1", 1000, refresh_token="r-2"))
    assert isinstance(effect, Call)
    assert (effect.blocks, effect.what, told) == (True, "on_refresh_token", [])
    assert source.tokens.held() is None
    with pytest.raises(StopIteration):
        flow.send(effect.function())
    assert told == ["r-2"]
    assert source.tokens.fresh()


def obtained(source: Source, reply: Any) -> str:
    """Run a flow as a driver does: what a call raises is thrown into it. *reply* answers its token call."""
    flow: Any = obtain(source)
    move: Callable[[], Any] = partial(next, flow)
    while True:
        try:
            effect = move()
        except StopIteration as end:
            return str(end.value.value)
        try:
            move = partial(flow.send, reply if isinstance(effect, Exchange) else effect.function())
        except BaseException as problem:
            move = partial(flow.throw, problem)


@pytest.mark.parametrize(("met", "raised"), [(OSError, TokenAuthError), (KeyboardInterrupt, KeyboardInterrupt)])
def test_a_listener_that_fails_loses_nothing(
    clock: ManualClock, met: type[BaseException], raised: type[BaseException]
) -> None:
    told: list[str] = []
    fails = [True]

    def listener(new: str) -> None:
        told.append(new)
        if fails[0]:
            raise met(f"the disk is full: {new}")

    source = brought(clock, "r-1", listener)
    for _ in range(2):
        with pytest.raises(raised) as caught:
            obtained(source, answer(clock, "t-1", 1000, refresh_token="r-2"))
        assert raised is KeyboardInterrupt or "r-2" not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None or raised is KeyboardInterrupt
        assert source.tokens.held() is None
        assert not source.flights._flights
    fails[0] = False
    assert obtained(source, None) == "t-1"
    assert told == ["r-2", "r-2", "r-2"]
    assert sent(renewed(source, clock)) == b"r-2"


# in a fleet


def test_the_store_s_wins_over_the_argument_and_is_never_taken_out_of_it(
    clock: ManualClock, shelf: ShelfByHand
) -> None:
    source, record = with_shelf(brought(clock), shelf), saved(clock, "old", 10.0, refresh_token="r-7")
    clock.move(20)
    play = leading(source, clock, record)
    assert asks(play) == "save"
    assert shelf.saved[-1].token == record.token
    assert sent(play.bring(True)) == b"r-7"
    assert asks(play.bring(answer(clock, "t-8", 1000, refresh_token="r-8"))) == "save"
    assert source.tokens.held() is None, "it is saved before anybody has the access token"
    assert shelf.saved[-1].token is not None
    assert shelf.saved[-1].token.refresh_token == "r-8"
    assert play.bring(True).value == "t-8"


def test_the_argument_is_written_down_before_it_is_used(clock: ManualClock, shelf: ShelfByHand) -> None:
    play = leading(with_shelf(brought(clock), shelf), clock)
    assert asks(play) == "save"
    assert shelf.saved[-1].token is not None
    assert (shelf.saved[-1].token.value, shelf.saved[-1].token.refresh_token) == ("", "r-1")
    assert sent(play.bring(True)) == b"r-1"


def test_without_the_store_it_is_not_used(clock: ManualClock, shelf: ShelfByHand) -> None:
    play = leading(with_shelf(brought(clock), shelf), clock)
    with pytest.raises(TokenEndpointError, match="store"):
        play.bring(False)


def test_what_could_not_be_saved_is_used_and_saved_by_the_next_renewal(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_shelf(brought(clock), shelf), saved(clock, "old", 10.0, refresh_token="r-7")
    clock.move(20)
    play = leading(source, clock, record).bring(True)
    assert play.bring(answer(clock, "t-8", 1000, refresh_token="r-8")).bring(False).value == "t-8"
    clock.move(1000)
    play = leading(source, clock, record)
    assert shelf.saved[-1].token is not None
    assert shelf.saved[-1].token.refresh_token == "r-8", "r-7 is still in the store, and was exchanged"
    assert sent(play.bring(True)) == b"r-8"


def test_a_rejection_leaves_the_refresh_token_in_the_store(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_shelf(brought(clock), shelf), saved(clock, "old", 10.0, refresh_token="r-7")
    clock.move(20)
    play = leading(source, clock, record).bring(True)
    assert asks(play.hit(CredentialsRejected("invalid_client", status=401))) == "save"
    kept = Record.from_json(shelf.saved[-1].to_json())
    with pytest.raises(CredentialsRejected):
        play.bring(True)
    other = with_shelf(brought(clock, "r-1"), ShelfByHand())
    with pytest.raises(CredentialsRejected):
        Play(obtain(other)).bring(kept)
    clock.move(60)
    BROUGHT.forget()
    assert sent(leading(with_shelf(brought(clock), shelf), clock, kept).bring(True)) == b"r-7"


def test_a_good_token_in_the_store_counts_more_than_a_refused_renewal(clock: ManualClock, shelf: ShelfByHand) -> None:
    record = saved(clock, "good", 1000.0, refresh_token="r-7")
    told = Record.of_rejection(CredentialsRejected("invalid_grant", status=400), clock.wall_now, record.token)
    assert Play(obtain(with_shelf(brought(clock), shelf))).bring(told).value == "good"


def test_too_little_time_is_none(clock: ManualClock, shelf: ShelfByHand) -> None:
    """An answer that comes too late is lost, and with it the refresh token."""
    play = Play(obtain(with_shelf(brought(clock), shelf))).bring(None).bring(Lease(clock.monotonic_now + 0.5))
    with pytest.raises(TokenEndpointError, match="little time"):
        play.bring(None)


# how long


@pytest.mark.parametrize(
    ("extra", "days"),
    [
        ({}, 400),
        ({"refresh_token_expires_in": 500 * 86400}, 500),
        ({"refresh_token_expires_in": 60}, 400),
        ({"x_refresh_token_expires_in": 1e12}, 3650),
        ({"refresh_expires_in": "soon"}, 400),
    ],
)
def test_a_store_keeps_a_refresh_token_for_as_long_as_one_may_live(
    clock: ManualClock, extra: dict[str, object], days: int
) -> None:
    record = saved(clock, "t", 60.0, refresh_token="r", extra=extra)
    assert record.until - clock.wall_now == days * 86400
    assert KEPT_REFRESH == 400 * 86400


def test_a_line_remembers_a_thousand_and_its_beginnings() -> None:
    line = Lines().of("key")
    for number in range(2000):
        line.spend(f"r-{number}")
    assert [line.has_passed(f"r-{number}") for number in (0, 1999)] == [False, True]
