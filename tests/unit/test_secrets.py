"""Secrets: checked early, read late, never shown."""

import copy
import pickle
from functools import partial
from typing import Any

import pytest

from tokenauth import errors
from tokenauth._core.secrets import Secret, checked_text, each_read_once


class Hidden:
    """Like pydantic's SecretStr."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def get_secret_value(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def fixed() -> str:
    return "hush"


def test_all_three_kinds_are_read() -> None:
    for source in ("hush", fixed, Hidden("hush"), lambda: Hidden("hush")):
        assert Secret("key", source).reveal() == "hush"  # type: ignore[arg-type]


def test_a_callable_is_read_each_time_and_not_before() -> None:
    values = iter(["one", "two"])
    secret = Secret("key", lambda: next(values))
    assert (secret.dynamic, secret.seen) == (True, None)
    assert [secret.reveal(), secret.reveal()] == ["one", "two"]
    assert secret.seen == "two"


def test_within_a_login_each_callable_has_its_own_value() -> None:
    """Also one that stands where another one was before: a callable may use auth objects of its own."""
    with each_read_once({}):
        assert [Secret("key", partial(str, index)).reveal() for index in range(20)] == list(map(str, range(20)))


def test_two_secrets_are_equal_by_value_or_by_callable() -> None:
    assert Secret("a", "hush") == Secret("b", Hidden("hush"))
    assert Secret("a", fixed) == Secret("a", fixed)
    assert Secret("a", fixed) != Secret("a", lambda: "hush")
    assert Secret("a", "hush") != Secret("a", "other")
    assert Secret("a", "hush") != "hush"
    assert len({Secret("a", "hush"), Secret("b", "hush")}) == 1


def test_it_is_not_shown() -> None:
    assert "hush" not in f"{Secret('key', 'hush')!r}{Secret('key', 'hush')}"


def test_copies_forget_what_a_callable_returned() -> None:
    secret = Secret("key", fixed, header=True)
    secret.reveal()
    for twin in (pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret)):
        assert twin == secret
        assert twin.seen is None
        assert twin.reveal() == "hush"


@pytest.mark.parametrize(
    "bad",
    [
        *(" x", "x ", "x\n", "\tx", "x\x00", "x\x1f", "x\x7f", "x\x80", "x\x9f", "x\udfff", "x\u00a0"),
        "",
        "\ufeffx",
        "x\u200b",
    ],
)
def test_bad_text_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"^key "):
        Secret("key", bad)
    with pytest.raises(ValueError, match=r"^key "):
        Secret("key", Hidden(bad))
    with pytest.raises(errors.TokenAuthError, match="key "):
        Secret("key", lambda: bad).reveal()


def test_only_a_header_must_be_ascii() -> None:
    assert checked_text("key", "pässword") == "pässword"
    with pytest.raises(ValueError, match="ASCII") as caught:
        Secret("key", "pässword", header=True)
    assert "ssword" not in str(caught.value)
    with pytest.raises(errors.TokenAuthError, match="ASCII"):
        Secret("key", lambda: "pässword", header=True).reveal()


@pytest.mark.parametrize("bad", [None, 7, b"x", ["x"], Hidden(None)])
def test_a_secret_is_text(bad: Any) -> None:
    with pytest.raises(TypeError, match="key must be a str"):
        Secret("key", bad)


def umlaut() -> str:
    return "pässword"


def test_a_copy_is_as_strict() -> None:
    with pytest.raises(errors.TokenAuthError, match="ASCII"):
        pickle.loads(pickle.dumps(Secret("key", umlaut, header=True))).reveal()


def test_empty_text_may_be_allowed() -> None:
    assert not checked_text("key", "", empty=True)


@pytest.mark.parametrize(
    "error", [LookupError("hush"), ValueError("hush"), UnicodeDecodeError("utf-8", b"hush", 0, 1, "hush")]
)
def test_what_a_callable_raises_is_named_and_no_more(error: Exception) -> None:
    def broken() -> str:
        raise error

    with pytest.raises(errors.TokenAuthError, match=type(error).__name__) as caught:
        Secret("key", broken).reveal()
    assert "hush" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("error", [LookupError("hush"), RuntimeError("hush"), ValueError("hush")])
def test_what_a_secret_object_raises_when_it_is_given_is_told_without_its_text(error: Exception) -> None:
    with pytest.raises(ValueError, match=f"key: its get_secret_value\\(\\) raised {type(error).__name__}") as caught:
        Secret("key", Hidden(error))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_a_secret_object_raises_is_an_error_of_ours() -> None:
    with pytest.raises(errors.TokenAuthError, match="LookupError"):
        Secret("key", lambda: Hidden(LookupError("hush"))).reveal()  # type: ignore[arg-type,return-value]
