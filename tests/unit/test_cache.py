from typing import Any

import pytest
from cachetools import LRUCache, TTLCache

from tests.support import Masked
from tokenauth import Token
from tokenauth._core.cache import Held, Marks, Telling, TokenCache, digest
from tokenauth._core.memory import PROCESS, memory_of


def held(value: str) -> Held:
    times: dict[str, Any] = dict.fromkeys(set(Held._fields) - {"token"}, 0.0)
    return Held(Token(value), **times)


def test_what_is_put_is_there_until_it_is_dropped() -> None:
    cache, one = TokenCache({}), held("one")
    assert cache.get("k") is None
    cache.put("k", one)
    assert cache.get("k") is one
    assert cache.drop("k") is one
    assert cache.get("k") is None
    assert cache.drop("k") is None


def test_drop_by_value_leaves_a_newer_token() -> None:
    cache, new = TokenCache({}), held("new")
    cache.put("k", new)
    assert cache.drop("k", "old") is None
    assert cache.get("k") is new
    assert cache.drop("k", "new") is new


def test_a_mapping_has_one_memory() -> None:
    mapping: dict[Any, Any] = {}
    first = memory_of(mapping)
    assert memory_of(mapping) is first
    assert memory_of({}) is not first


def test_the_process_cache_is_a_bounded_ttl_cache() -> None:
    mapping = PROCESS.tokens._mapping
    assert isinstance(mapping, TTLCache)
    assert 0 < mapping.maxsize < 100_000
    assert memory_of(mapping) is PROCESS


def test_more_credentials_than_there_is_room_for_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """Else each request would log in, and nobody would know why."""
    cache = TokenCache(Telling(maxsize=2, ttl=60))
    cells = [cache.cell(number) for number in range(4)]
    for number in (0, 1, 0, 1):
        cache.put(number, held(f"t-{number}"))
    assert not caplog.messages
    for number in (2, 3, 0):
        cache.put(number, held(f"t-{number}"))
    (warning,) = caplog.messages
    assert "More than 2 credentials are in use" in warning
    assert [each.held is not None for each in cells] == [True, False, False, True]


def test_an_entry_that_expires_between_look_and_removal_is_no_error() -> None:
    class Fading(dict[Any, Any]):
        def __delitem__(self, key: Any) -> None:
            raise KeyError(key)

    cache = TokenCache(Fading(k=held("one")))
    assert cache.drop("k") is not None


def test_digests_tell_apart_what_differs_and_show_nothing() -> None:
    parts: list[tuple[Any, ...]] = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        (("ab", "c"),),
        ("ab", None),
        ("ab", "None"),
        ("1",),
        (1,),
        (b"1",),
        ("a', 'b",),
        ("a", "b"),
        (),
    ]
    digests = [digest(*each) for each in parts]
    assert len(set(digests)) == len(parts)
    assert digest("ab", "c") == digests[0]
    assert all(len(each) == 64 and int(each, 16) >= 0 for each in digests)


def test_what_is_marked_is_so_until_that_is_taken_back() -> None:
    marks = Marks()
    assert not marks.marked("r", "s")
    for _ in range(2):
        marks.add("r", "s")
        assert marks.marked("r", "s")
        assert not marks.marked("r")
    assert "'r'" not in repr(vars(marks))
    marks.discard("r", "s")
    assert not marks.marked("r", "s")


def test_marks_are_bounded() -> None:
    marks = Marks(maxsize=2)
    for each in "abc":
        marks.add(each)
    assert [marks.marked(each) for each in "abc"] == [False, True, True]


def test_an_entry_is_replaced_where_it_still_holds_the_same_token() -> None:
    cache, one = TokenCache({}), held("one")
    later = one._replace(refresh_from=5.0)
    cache.replace("k", later)
    assert cache.get("k") is None
    cache.put("k", one)
    cache.replace("k", later)
    assert cache.get("k") is later
    cache.replace("k", held("two"))
    assert cache.get("k") is later


def test_a_cache_without_room_keeps_nothing_and_harms_nobody() -> None:
    cache = TokenCache(LRUCache(0))
    cache.put("key", Held(Token("t"), 1.0, 1.0, 0.0))
    assert cache.get("key") is None


class MaskedBytes(bytes):
    def __repr__(self) -> str:
        return "***"


class Boxed:
    """Like pydantic's SecretStr."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "***"

    def get_secret_value(self) -> str:
        return self.text


def test_a_digest_goes_by_what_a_value_is_and_not_by_how_it_shows_itself() -> None:
    for hide in (Masked, Boxed):
        for wrap in (lambda each: each, lambda each: ("x", (each, 1))):
            assert digest(wrap(hide("a"))) == digest(wrap("a"))
            assert digest(wrap(hide("a"))) != digest(wrap(hide("b")))
    assert digest(MaskedBytes(b"a")) == digest(b"a") != digest(MaskedBytes(b"b"))
    assert digest(None, 1, 1.5, True) != digest(None, 1, 1.5, False)
