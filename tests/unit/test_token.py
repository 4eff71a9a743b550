"""Token: a value that hides itself."""

import copy
import dataclasses
import pickle

import pytest

from tokenauth._core.token import Token

TOKEN = Token("t-s3cret", lifetime=60.0, expires_at=1.9e9, refresh_token="r-s3cret", extra={"role": "x-s3cret"})


def test_repr_hides_value_refresh_token_and_extra() -> None:
    assert "s3cret" not in f"{TOKEN!r} {TOKEN}"
    assert "lifetime=60.0" in repr(TOKEN)


def test_repr_tells_tokens_apart() -> None:
    """Caches that take the text of an argument for the argument would else hand out what another token brought."""
    assert repr(Token("t-s3cret")) == repr(Token("t-s3cret")) != repr(Token("t-s3cres"))
    assert repr(Token("\ud800")) != repr(Token("\ud801"))


def test_copies_are_equal() -> None:
    for twin in (pickle.loads(pickle.dumps(TOKEN)), copy.deepcopy(TOKEN), copy.copy(TOKEN), dataclasses.replace(TOKEN)):
        assert twin == TOKEN
        assert hash(twin) == hash(TOKEN)


def test_it_is_read_only() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TOKEN.value = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        TOKEN.extra["role"] = "x"  # type: ignore[index]


def test_extra_is_a_copy() -> None:
    extra: dict[str, object] = {"a": 1}
    token = Token("t", extra=extra)
    extra["a"] = 2
    assert token.extra["a"] == 1


def test_the_fingerprint_is_of_the_value() -> None:
    assert Token("t-s3cret").fingerprint == TOKEN.fingerprint != Token("other").fingerprint
    assert len(TOKEN.fingerprint) == 8
    assert len(Token("\ud800").fingerprint) == 8
