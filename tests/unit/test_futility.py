"""`Futility`: which 401s are worth a login."""

import random

import pytest

from tokenauth._core.futility import FIRST, LONGEST, Futilities, Futility

HERE, THERE, ELSEWHERE = "https://a.example/here", "https://a.example/there", "https://a.example/elsewhere"


@pytest.fixture
def futility() -> Futility:
    return Futilities().of("key")


def test_a_place_that_refuses_fresh_tokens_is_renewed_for_ever_more_rarely(futility: Futility) -> None:
    now, waited = 0.0, []
    for _ in range(12):
        assert futility.allows(HERE, now)
        futility.refused(HERE, now)
        pause = FIRST
        while not futility.allows(HERE, now + pause):
            pause *= 2
        waited.append(min(pause, LONGEST))
        now += pause
    assert waited[:4] == [1, 2, 4, 8]
    assert waited[-1] == LONGEST


def test_many_requests_that_the_same_renewal_was_for_count_once(futility: Futility) -> None:
    for place in [HERE] * 12 + [THERE, ELSEWHERE]:
        futility.refused(place, 0.0)
    assert not any(futility.allows(place, 0.5) for place in (HERE, "https://a.example/new"))
    assert all(futility.allows(place, FIRST) for place in (HERE, THERE, "https://a.example/new"))


def test_other_places_are_not_concerned(futility: Futility) -> None:
    futility.refused(HERE, 0.0)
    assert not futility.allows(HERE, 0.5)
    assert futility.allows(THERE, 0.5)


def test_a_success_ends_it(futility: Futility) -> None:
    futility.refused(HERE, 0.0)
    assert futility.watching
    futility.served(HERE)
    assert futility.allows(HERE, 0.5)
    assert not futility.watching


def test_it_is_news_once_for_each_place(futility: Futility) -> None:
    assert [futility.refused(HERE, now) for now in (0.0, 10.0)] == [True, False]
    assert futility.refused(THERE, 20.0)


def test_where_every_place_is_futile_new_ones_are_so_too(futility: Futility) -> None:
    """Each address of an API that wants the token elsewhere would cost a login."""
    logins = 0
    for number in range(1000):
        place = f"https://a.example/{number}"
        if futility.allows(place, number * 0.01):
            logins += 1
            futility.refused(place, number * 0.01)
    assert logins < 16


def test_a_place_that_has_served_meanwhile_is_renewed_for_at_once(futility: Futility) -> None:
    for number in range(5):
        futility.refused(f"https://a.example/{number}", 0.0)
    assert not futility.allows(THERE, 0.5)
    futility.served(THERE)
    assert futility.allows(THERE, 0.5)
    assert not futility.allows(ELSEWHERE, 0.5)


def refused_in_vain(futility: Futility, *places: str) -> None:
    for place in places:
        assert futility.allows(place, 0.0)
        futility.refused(place, 0.0)


def refusals(futility: Futility, count: int, of: str) -> list[bool]:
    """Return which of as many refusals, each at another place, may lead to a renewal."""
    return [futility.allows(f"{of}/{number}", 0.0) for number in range(count)]


def test_several_refusals_without_a_success_in_between_are_a_revocation(futility: Futility) -> None:
    refused_in_vain(futility, "/1", "/2", "/3")
    assert refusals(futility, 4, "/first") == [False, True, True, True]
    futility.served("/first/3")
    assert refusals(futility, 2, "/second") == [False, True], "one that was of use is no sign that it is usual"


def test_as_many_as_come_to_nothing_are_not(futility: Futility) -> None:
    refused_in_vain(futility, "/1", "/2", "/3")
    assert refusals(futility, 2, "/first") == [False, True]
    futility.refused("/first/1", 0.0)
    assert refusals(futility, 2, "/second") == [False, True], "four in a row by now"
    futility.refused("/second/1", 0.0)
    futility.served("/works")
    assert refusals(futility, 7, "/third") == [False] * 7
    futility.served("/works")
    assert not any(refusals(futility, 13, "/fourth")), "seven were usual, and there was no renewal"
    futility.forget()
    refused_in_vain(futility, "/1", "/2", "/3")
    assert refusals(futility, 2, "/fifth") == [False, True]


def test_places_that_some_may_not_use_cost_few_logins(futility: Futility) -> None:
    """Every second one, among 10,000: /users/1, /users/2 …"""
    logins, chance = 0, random.Random(1)
    for number in range(10_000):
        if chance.random() < 0.5:
            futility.served(f"/{number}")
        elif futility.allows(f"/{number}", 0.0):
            logins += 1
            futility.refused(f"/{number}", 0.0)
    assert logins < 10


def test_one_credential_has_one_however_many_ask() -> None:
    each = Futilities()
    assert each.of("a") is each.of("a") is not each.of("b")
    each.of("a").refused(HERE, 0.0)
    each.of("a").forget()
    assert each.of("a").allows(HERE, 0.0)


def test_a_refusal_that_nothing_came_of_makes_the_next_one_futile(futility: Futility) -> None:
    assert [futility.met(HERE, since, now) is None for since, now in ((0, 1), (0, 3), (2, 4))] == [False, False, True]
    assert futility.watching
    futility.served(HERE)
    assert not futility.watching
    assert futility.met(HERE, 5.0, 6.0)


def test_one_whose_next_answer_is_still_to_come_does_not(futility: Futility) -> None:
    held = [futility.met(HERE, 0.0, 1.0), futility.met(HERE, 2.0, 3.0)]
    assert None not in held
    held.pop()  # its caller has left
    assert futility.met(HERE, 4.0, 5.0) is None


def test_a_refusal_that_was_renewed_for_does_not(futility: Futility) -> None:
    futility.met(HERE, 0.0, 1.0)
    futility.refused(HERE, 1.0)
    assert futility.met(HERE, 2.0, 3.0)


def test_a_token_that_is_older_than_the_refusal_says_nothing(futility: Futility) -> None:
    """Another process has saved it, and one revocation has ended both."""
    assert [futility.met(HERE, since, now) is None for since, now in ((0, 5), (2, 6), (7, 8))] == [False, False, True]
