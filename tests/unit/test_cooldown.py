import pytest

from tokenauth import CredentialsRejected, TokenEndpointError
from tokenauth._core.cooldown import MOST_SECRETS, Cooldowns

KEY = "key"


def down(**evidence: float) -> TokenEndpointError:
    return TokenEndpointError("down", **evidence)  # type: ignore[arg-type]


@pytest.fixture
def cooldowns() -> Cooldowns:
    return Cooldowns()


def rest(cooldowns: Cooldowns, now: float) -> float:
    """Return the seconds that the failure counts from *now* on, to a tenth."""
    return next(tenth / 10 for tenth in range(100_000) if cooldowns.failure(KEY, now + tenth / 10) is None)


def test_nothing_cools_at_first(cooldowns: Cooldowns) -> None:
    assert cooldowns.failure(KEY, 0.0) is None


def test_the_rest_doubles_from_one_second_to_thirty(cooldowns: Cooldowns) -> None:
    rests, now = [], 0.0
    for _ in range(7):
        cooldowns.start(KEY, down(), now, "s")
        rests.append(rest(cooldowns, now))
        now += rests[-1]
    assert rests == [1, 2, 4, 8, 16, 30, 30]


def test_rejected_credentials_rest_a_minute(cooldowns: Cooldowns) -> None:
    cooldowns.start(KEY, CredentialsRejected("no"), 0.0, "s")
    assert rest(cooldowns, 0.0) == 60


@pytest.mark.parametrize(("asked", "granted"), [(0.5, 1), (7, 7), (3600, 3600), (86400, 3600)])
def test_retry_after_lengthens_the_rest_to_an_hour_at_most(cooldowns: Cooldowns, asked: float, granted: float) -> None:
    cooldowns.start(KEY, down(retry_after=asked), 0.0, "s")
    assert rest(cooldowns, 0.0) == granted


def test_a_changed_secret_ends_it(cooldowns: Cooldowns) -> None:
    cooldowns.start(KEY, CredentialsRejected("no"), 0.0, "old")
    assert cooldowns.failure(KEY, 1.0, "old") is not None
    assert cooldowns.failure(KEY, 1.0) is not None
    assert cooldowns.failure(KEY, 1.0, "new") is None


def test_clear_forgets_the_doubling_too(cooldowns: Cooldowns) -> None:
    for now in (0.0, 10.0, 20.0):
        cooldowns.start(KEY, down(), now, "s")
    cooldowns.clear(KEY)
    assert cooldowns.failure(KEY, 20.0) is None
    cooldowns.start(KEY, down(), 20.0, "s")
    assert rest(cooldowns, 20.0) == 1


def test_each_who_asks_gets_an_exception_of_his_own(cooldowns: Cooldowns) -> None:
    failure = down(status=503)
    cooldowns.start(KEY, failure, 0.0, "s")
    first, second = cooldowns.failure(KEY, 0.0), cooldowns.failure(KEY, 0.0)
    assert first is not second
    assert failure not in (first, second)
    assert first is not None
    assert first.status == 503
    assert str(first) == "down (Remembered: no call was made. The next is in 1 s, or after auth.invalidate().)"
    assert first.remembered == 1.0
    assert str(first.again()) == str(first)


def test_a_secret_that_is_another_one_each_time_gets_one_try_more(cooldowns: Cooldowns) -> None:
    """An HMAC, a signed assertion: what was refused is what it was made with."""
    cooldowns.start(KEY, CredentialsRejected("no"), 0.0, "s-1")
    assert cooldowns.failure(KEY, 1.0, "s-2") is None
    cooldowns.start(KEY, CredentialsRejected("no"), 2.0, "s-2")
    assert cooldowns.failure(KEY, 61.9, "s-3") is not None
    assert cooldowns.failure(KEY, 62.0, "s-4") is None


def test_it_counts_for_the_secrets_as_they_were_read(cooldowns: Cooldowns) -> None:
    """From two callables, and from one whose answers alternate."""
    here, elsewhere, another = ("mark", "f"), ("mark", "g"), ("other", "f")
    cooldowns.start(here, CredentialsRejected("no"), 0.0, "s-1")
    assert cooldowns.failure(elsewhere, 1.0, "s-1") is not None
    assert cooldowns.failure(another, 1.0, "s-1") is None
    assert cooldowns.failure(elsewhere, 1.0, "s-2") is None
    cooldowns.start(here, CredentialsRejected("no"), 1.0, "s-2")
    for _ in range(3):
        assert None not in {cooldowns.failure(here, 2.0, "s-1"), cooldowns.failure(here, 2.0, "s-2")}
    cooldowns.succeeded(here, "s-2")
    assert cooldowns.failure(here, 2.0, "s-2") is None
    assert cooldowns.failure(here, 2.0, "s-1") is not None
    cooldowns.clear(elsewhere)
    assert cooldowns.failure(here, 2.0, "s-1") is None


def test_a_login_that_succeeds_shows_that_the_endpoint_works_for_all(cooldowns: Cooldowns) -> None:
    cooldowns.start(KEY, down(), 0.0, "s-1")
    cooldowns.succeeded(KEY, "s-2")
    assert cooldowns.failure(KEY, 0.0, "s-1") is None


def test_secrets_that_differ_each_time_are_bounded(cooldowns: Cooldowns) -> None:
    for number in range(100):
        cooldowns.start((KEY, number), CredentialsRejected("no"), 0.0, f"s-{number}")
    assert sum(cooldowns.failure((KEY, "new"), 1.0, f"s-{number}") is not None for number in range(100)) == MOST_SECRETS


def test_keys_do_not_touch_one_another_and_are_bounded() -> None:
    cooldowns = Cooldowns(maxsize=2)
    for key in ("a", "b", "c"):
        cooldowns.start(key, down(), 0.0, "s")
    assert [cooldowns.failure(key, 0.0) is None for key in ("a", "b", "c")] == [True, False, False]


@pytest.mark.parametrize(
    ("rejected", "warned"),
    [
        ([(0, 1), (1, 1), (2, 1)], [2]),
        ([(0, 59.9), (1, 0), (2, 59.9)], [2]),
        ([(0, 1), (1, 60), (2, 1), (3, 1)], []),  # one that had served its time begins a new row
        ([(0, 1), (1, 60), (2, 1), (3, 1), (4, 1)], [4]),
        ([(0, 1), (1, 1), (2, 1), *((at, 1) for at in range(3, 602))], [2]),
        ([(0, 1), (1, 1), (2, 1), *((at, 1) for at in range(3, 605))], [2, 602]),
        ([(0, 1), (1, 1), (2, 1), (700, 1), (701, 1)], [2]),  # after a warning a row begins anew
        ([(0, 1), (1, 1), (2, 1), (700, 1), (701, 1), (702, 1)], [2, 702]),
    ],
)
def test_the_third_fresh_token_in_a_row_that_is_rejected_gives_one_warning_in_ten_minutes(
    cooldowns: Cooldowns, rejected: list[tuple[float, float]], warned: list[float]
) -> None:
    """*rejected*: when, and at what age."""
    cooldowns.contested("another", 0.0, 1.0)
    assert [at for at, age in rejected if cooldowns.contested(KEY, at, age)] == warned
