"""What processes share, played by hand: the shelf does nothing, the test says what each of its effects brings."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import ManualClock
from tests.unit.test_flow import TIMEOUT, Play, a_source, answer, logged_in
from tokenauth import CredentialsRejected, Token, TokenEndpointError
from tokenauth._core.effects import Ask, Exchange, Pause, Wait
from tokenauth._core.flow import FAREWELL, depart, farewell, obtain
from tokenauth._core.record import Record
from tokenauth._core.source import Source


class Lease:
    def __init__(self, until: float) -> None:
        self.until = until


class ShelfByHand:
    """Its effects hold what was asked, as the call of it. *leases*: those that a call came with, None for a look."""

    def __init__(self) -> None:
        self.saved: list[Record] = []
        self.released: list[Any] = []
        self.leases: list[Any] = []

    def load(self, lease: Any = None, /) -> Ask:
        self.leases.append(lease)
        return Ask(lambda: "load", 1.0, lambda *_: None)

    def acquire(self) -> Ask:
        return Ask(lambda: "acquire", 1.0, lambda *_: None)

    def save(self, record: Record, lease: Any, /) -> Ask:
        self.saved.append(record)
        self.leases.append(lease)
        return Ask(lambda: "save", 1.0, lambda *_: None)

    def release_soon(self, lease: Any, /) -> None:
        self.released.append(lease)

    def take_seat(self) -> Ask:
        return Ask(lambda: "take a seat", 1.0, lambda *_: None)

    def leave_seat(self) -> Ask:
        return Ask(lambda: "leave the seat", 1.0, lambda *_: None)

    def occupied(self) -> Ask:
        return Ask(lambda: "occupied", 1.0, lambda *_: None)


@pytest.fixture
def shelf() -> ShelfByHand:
    return ShelfByHand()


@pytest.fixture
def source(clock: ManualClock, shelf: ShelfByHand) -> Source:
    return with_shelf(a_source(clock), shelf)


def with_shelf(source: Source, shelf: ShelfByHand) -> Source:
    source.fleet.shelf = shelf
    return source


def asks(play: Play) -> str:
    assert isinstance(play.effect, Ask), play.effect
    what: str = play.effect.function()
    return what


def saved(clock: ManualClock, value: str, lifetime: float = 3600.0, **more: Any) -> Record:
    token = Token(value, lifetime=lifetime, expires_at=clock.wall_now + lifetime, **more)
    return Record.of_token(token, clock.wall_now)


def leading(source: Source, clock: ManualClock, there: Record | None = None, rejected: Token | None = None) -> Play:
    """Return a flow that has the lease and has looked once more: *there* is what it saw."""
    play = Play(obtain(source, rejected))
    assert asks(play) == "load"
    assert asks(play.bring(None)) == "acquire"
    assert asks(play.bring(Lease(clock.monotonic_now + TIMEOUT / 2))) == "load"
    return play.bring(there)


def comes_with_its_lease(shelf: ShelfByHand, calls: int) -> None:
    """Assert that after the first look each of *calls* calls came with the one lease, which then is given back."""
    first, *others = shelf.leases
    assert first is None
    (lease,) = shelf.released
    assert isinstance(lease, Lease)
    assert others == [lease] * calls


def test_what_another_process_saved_is_taken(source: Source, clock: ManualClock, shelf: ShelfByHand) -> None:
    play = Play(obtain(source)).bring(saved(clock, "theirs"))
    assert play.value == "theirs"
    assert shelf.released == []
    assert Play(obtain(source)).value == "theirs"  # from memory


def test_the_one_with_the_lease_logs_in_saves_and_gives_it_back(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    play = leading(source, clock)
    assert isinstance(play.effect, Exchange)
    assert play.effect.deadline == clock.monotonic_now + TIMEOUT / 2  # before the lease ends
    assert asks(play.bring(answer(clock, "mine"))) == "save"
    assert shelf.released == []
    assert play.bring(True).value == "mine"
    assert [record.token and record.token.value for record in shelf.saved] == ["mine"]
    comes_with_its_lease(shelf, 2)


def test_somebody_may_save_between_the_look_and_the_lease(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    assert leading(source, clock, saved(clock, "theirs")).value == "theirs"
    assert shelf.saved == []
    assert len(shelf.released) == 1


def test_who_finds_the_lease_taken_looks_again_until_its_time_is_over(source: Source, clock: ManualClock) -> None:
    play = Play(obtain(source))
    pauses = []
    for _ in range(6):
        assert asks(play) == "load"
        assert asks(play.bring(None)) == "acquire"
        play.bring(None)
        assert isinstance(play.effect, Pause)
        pauses.append(play.effect.seconds)
        play.bring(None)
    assert pauses == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]
    clock.move(TIMEOUT)
    play.bring(None)
    with pytest.raises(TokenEndpointError, match="Another process is fetching"):
        play.bring(None)


@pytest.mark.parametrize("timeout", [TIMEOUT, 0.3])
def test_who_waits_for_a_lease_gives_up_in_time(source: Source, clock: ManualClock, timeout: float) -> None:
    """A look at the end of its time would find that it has none left, and say so of the login."""
    source.credential.timeout, source.credential.uniform = timeout, lambda low, high: high
    play, end = Play(obtain(source)), clock.monotonic_now + timeout

    def looks_again() -> None:
        assert asks(play) == "load"
        assert asks(play.bring(None)) == "acquire"
        play.bring(None)
        assert isinstance(play.effect, Pause)
        clock.move(play.effect.seconds)
        play.bring(None)

    with pytest.raises(TokenEndpointError, match="Another process is fetching"):
        repeat(looks_again)
    assert end - timeout / 10 <= clock.monotonic_now < end


def repeat(function: Callable[[], object]) -> None:
    """Call *function* again and again, until it raises."""
    while True:
        function()


def test_a_soft_refresh_does_not_wait_for_another_process(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    source.fleet.shelf = None
    logged_in(source, clock, "old", lifetime=1000)
    source.fleet.shelf = shelf
    clock.move(800)
    play = Play(obtain(source))
    assert asks(play) == "load"
    assert asks(play.bring(None)) == "acquire"
    assert play.bring(None).value == "old"


@pytest.mark.parametrize("told", [True, False])
def test_a_token_that_could_not_be_saved_outdates_what_is_there(source: Source, clock: ManualClock, told: bool) -> None:
    """Else the next look at the store would bring back a token that this login has ended."""
    older = saved(clock, "older")
    clock.move(1)
    play = leading(source, clock)
    mine = play.bring(answer(clock, "mine")).bring(told)
    assert mine.token is not None
    play = Play(obtain(source, mine.token))
    if told:
        assert play.bring(older).value == "older"
    else:
        assert asks(play.bring(older)) == "acquire"


def test_a_rejection_is_told_to_the_fleet(source: Source, clock: ManualClock, shelf: ShelfByHand) -> None:
    play = leading(source, clock)
    play.hit(CredentialsRejected("No", status=401, code="x"))
    assert asks(play) == "save"
    with pytest.raises(CredentialsRejected):
        play.bring(True)
    assert shelf.saved[-1].failure is not None
    comes_with_its_lease(shelf, 2)


def test_a_rejection_that_the_fleet_knows_is_raised_without_a_call(source: Source, clock: ManualClock) -> None:
    record = Record.of_rejection(CredentialsRejected("No", status=401, code="x"), clock.wall_now)
    with pytest.raises(CredentialsRejected, match="No") as caught:
        Play(obtain(source)).bring(record)
    assert (caught.value.status, caught.value.code) == (401, "x")


def test_a_rejection_that_comes_from_the_fleet_says_so_and_ends_when_it_does_there(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    record = Record.of_rejection(CredentialsRejected("No"), clock.wall_now)
    clock.move(20)
    with pytest.raises(CredentialsRejected) as first:
        leading(source, clock, record)
    clock.move(10)
    with pytest.raises(CredentialsRejected) as second:
        leading(source, clock, record)
    for caught, left in (first, 40), (second, 30):
        assert caught.value.remembered == left
        assert str(caught.value).startswith(f"No (Remembered: no call was made. The next is in {left} s, or")
        assert str(caught.value).count("Remembered") == 1
    assert shelf.saved == [], "it would never end"
    clock.move(31)
    assert isinstance(leading(source, clock, record).effect, Exchange)


def test_a_rejection_told_by_a_machine_whose_clock_is_ahead_is_kept_for_a_minute(
    source: Source, clock: ManualClock
) -> None:
    record = Record.of_rejection(CredentialsRejected("No"), clock.wall_now + 3600)
    with pytest.raises(CredentialsRejected) as caught:
        Play(obtain(source)).bring(record)
    assert caught.value.remembered == 60


def test_a_rejection_is_forgotten_after_a_minute_and_by_invalidate(source: Source, clock: ManualClock) -> None:
    record = Record.of_rejection(CredentialsRejected("No"), clock.wall_now)
    clock.move(1)
    source.tokens.invalidate()
    assert asks(Play(obtain(source)).bring(record)) == "acquire"
    record = Record.of_rejection(CredentialsRejected("No"), clock.wall_now)
    clock.move(60)
    source.flights._flights.clear()
    assert asks(Play(obtain(source)).bring(record)) == "acquire"


def test_other_failures_are_not_told(source: Source, clock: ManualClock, shelf: ShelfByHand) -> None:
    play = leading(source, clock)
    with pytest.raises(TokenEndpointError):
        play.hit(TokenEndpointError("Down"))
    assert shelf.saved == []
    assert len(shelf.released) == 1


@pytest.mark.parametrize("end", [GeneratorExit, KeyboardInterrupt])
def test_the_lease_is_given_back_however_it_ends(
    source: Source, clock: ManualClock, shelf: ShelfByHand, end: type[BaseException]
) -> None:
    play = leading(source, clock)
    with pytest.raises(end):
        play.flow.throw(end())
    assert len(shelf.released) == 1


def with_refresh_token(clock: ManualClock, shelf: ShelfByHand) -> tuple[Source, Record]:
    """Return a source, and what is saved: an old token with a refresh token that nobody has used."""
    record = saved(clock, "old", 10.0, refresh_token="r-1")
    clock.move(20)
    return with_shelf(a_source(clock, refreshes=True), shelf), record


def test_a_refresh_token_is_spent_in_the_store_before_it_is_used(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_refresh_token(clock, shelf)
    play = leading(source, clock, record)
    assert asks(play) == "save"
    spent = shelf.saved[-1].token
    assert spent is not None
    assert spent.refresh_token is None
    play.bring(True)
    assert isinstance(play.effect, Exchange)
    assert record.token is not None
    assert play.effect.request.body == (record.token.refresh_token or "").encode()


def test_a_refresh_token_whose_use_the_fleet_can_not_be_told_is_not_used(
    clock: ManualClock, shelf: ShelfByHand
) -> None:
    source, record = with_refresh_token(clock, shelf)
    play = leading(source, clock, record).bring(False)
    assert isinstance(play.effect, Exchange)
    assert play.effect.request.body == b""  # a login


def test_after_a_refresh_that_failed_the_store_is_looked_at_again(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_refresh_token(clock, shelf)
    play = leading(source, clock, record).bring(True)
    assert asks(play.hit(CredentialsRejected("Used already", status=400))) == "load"
    assert play.bring(saved(clock, "theirs")).value == "theirs"
    comes_with_its_lease(shelf, 3)


def test_after_a_refresh_that_took_all_the_time_there_is_no_login(clock: ManualClock, shelf: ShelfByHand) -> None:
    source, record = with_refresh_token(clock, shelf)
    play = leading(source, clock, record).bring(True)
    clock.move(TIMEOUT)
    with pytest.raises(TokenEndpointError, match="Slow"):
        play.hit(TokenEndpointError("Slow"))


def refreshing(clock: ManualClock, shelf: ShelfByHand, **settings: Any) -> tuple[Play, Record]:
    """Return a soft refresh of "old", and that token as the store holds it, too."""
    source = a_source(clock, **settings)
    token = logged_in(source, clock, "old", lifetime=1000, refresh_token="r-1")
    record = source.fleet.record(source.tokens.held() or ValueError(), clock.wall_now)
    assert token == record.token
    clock.move(750)
    return Play(obtain(with_shelf(source, shelf))), record


def test_a_soft_refresh_does_not_take_the_old_token_out_of_the_store(clock: ManualClock, shelf: ShelfByHand) -> None:
    play, record = refreshing(clock, shelf)
    assert asks(play) == "load"
    assert asks(play.bring(record)) == "acquire"
    assert asks(play.bring(Lease(clock.monotonic_now + TIMEOUT))) == "load"
    assert isinstance(play.bring(record).effect, Exchange)


def test_nor_does_one_whose_refresh_token_was_of_no_use(clock: ManualClock, shelf: ShelfByHand) -> None:
    play, record = refreshing(clock, shelf, refreshes=True)
    play.bring(record).bring(Lease(clock.monotonic_now + TIMEOUT))
    assert asks(play.bring(record)) == "save"
    assert play.bring(True).effect.request.body == b"r-1"
    assert asks(play.hit(CredentialsRejected("Used already", status=400))) == "load"
    assert play.bring(record).effect.request.body == b""


def test_a_401_that_brings_the_same_token_again_brings_one_to_be_used_to_its_end(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    play = leading(source, clock, rejected=Token("same"))
    assert play.bring(answer(clock, "same")).bring(True).value == "same"
    held = source.tokens.held()
    assert held is not None
    assert held.refresh_from == held.usable_until == clock.monotonic_now + 3600


# the last one logs out


def departing(source: Source, shelf: ShelfByHand, clock: ManualClock, *looks: Any, **others: Any) -> Any:
    """Play a departure in which the seats were found taken or free as in *looks*; return what is to be logged out.

    *others*: what the store's other calls bring that don't go well.
    """
    flow: Any = depart(source, shelf)
    answers = {"leave the seat": True, "acquire": Lease(clock.monotonic_now + 3), "save": True}
    answers |= {"load": saved(clock, "theirs")} | others
    seen = list(looks)
    effect = next(flow)
    while True:
        if isinstance(effect, Pause):
            clock.move(effect.seconds)
        what = "pause" if isinstance(effect, Pause) else effect.function()
        try:
            effect = flow.send(seen.pop(0) if what == "occupied" else answers.get(what))
        except StopIteration as end:
            assert seen == []
            return end.value


def test_the_last_one_takes_the_token_out_of_the_store_and_logs_it_out(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    assert departing(source, shelf, clock, False, False).value == "theirs"
    assert [record.token for record in shelf.saved] == [None]
    assert len(shelf.released) == 1


def test_nobody_logs_out_where_another_one_is(source: Source, clock: ManualClock, shelf: ShelfByHand) -> None:
    assert departing(source, shelf, clock, True) is None
    assert shelf.saved == []


def test_who_sits_down_between_the_looks_keeps_the_token(
    source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    assert departing(source, shelf, clock, False, True) is None
    assert [record.token and record.token.value for record in shelf.saved] == [None, "theirs"]


@pytest.mark.parametrize("fault", [{"acquire": None}, {"load": None}, {"save": False}], ids=str)
def test_nobody_logs_out_what_others_may_still_find_in_the_store(
    fault: dict[str, Any], source: Source, clock: ManualClock, shelf: ShelfByHand
) -> None:
    assert departing(source, shelf, clock, *([False] if "save" in fault else []), **fault) is None
    assert len(shelf.released) == ("acquire" not in fault)


def test_a_logout_that_the_store_fails_is_left_out(
    source: Source, shelf: ShelfByHand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    flow: Any = farewell(source, Token("mine"))
    assert next(flow).function() == "leave the seat"
    with pytest.raises(StopIteration):
        flow.throw(OSError(28, "No space left on device"))
    assert "the logout failed: OSError" in caplog.text


def test_a_login_that_takes_long_logs_out_by_itself(source: Source, clock: ManualClock) -> None:
    """It needs the seat and the lease for that, so they are left to it."""
    flight = source.flight()
    flow: Any = farewell(source, Token("mine"), flight)
    assert next(flow) == Wait(flight, clock.monotonic_now + FAREWELL)
    with pytest.raises(StopIteration):
        flow.throw(TokenEndpointError("did not finish in time"))


def test_who_never_had_a_seat_logs_nobody_out(source: Source, shelf: ShelfByHand) -> None:
    flow: Any = depart(source, shelf)
    assert next(flow).function() == "leave the seat"
    with pytest.raises(StopIteration):
        flow.send(False)


@pytest.mark.parametrize("left", [0.25, 0.0, -1.0])
def test_the_store_has_no_more_time_than_its_caller(left: float, clock: ManualClock, shelf: ShelfByHand) -> None:
    """Each call may take a second by itself."""
    least = max(left, 0.0)

    def begun() -> Play:
        source = with_shelf(a_source(clock), shelf)
        play = Play(obtain(source))
        assert play.effect.seconds == 1.0
        return play

    play = begun()
    clock.move(TIMEOUT - left)
    assert asks(play.bring(None)) == "acquire"
    assert play.effect.seconds == pytest.approx(least)
    play = begun().bring(None)
    clock.move(TIMEOUT - left)
    assert asks(play.bring(Lease(clock.monotonic_now + TIMEOUT))) == "load"
    assert play.effect.seconds == pytest.approx(least)
    play = begun().bring(None).bring(Lease(clock.monotonic_now + TIMEOUT)).bring(None)
    clock.move(TIMEOUT - left)
    assert asks(play.bring(answer(clock, "mine"))) == "save"
    assert play.effect.seconds == pytest.approx(least)
    assert play.bring(False).value == "mine"
