"""Manis, row by row of what its page says and leaves open."""

import json
from typing import Any

import pytest

from tokenauth import errors
from tokenauth._core.messages import Reply
from tokenauth.providers import Manis

SECRET = "s3cret-of-m-1"


def manis(**options: Any) -> Manis:
    base_url = options.pop("base_url", "https://manis.example")
    return Manis(base_url, **{"merchant_id": "m-1", "secret": SECRET, **options})


def reply(content: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(content).encode())


def token(**fields: object) -> dict[str, object]:
    return {"tokenType": "Bearer", "token": "tok", "expiresAt": 1900000000, **fields}


def test_the_call_has_two_headers_and_no_body() -> None:
    request = manis().request()
    assert (request.method, request.url, request.body) == ("POST", "https://manis.example/api/v1/auth/token", b"")
    assert request.headers == {"Accept": "application/json", "x-merchant-id": "m-1", "x-secret": SECRET}


@pytest.mark.parametrize("base", ["https://h.example/eu", "https://h.example/eu/", "https://H.EXAMPLE:443/eu"])
def test_the_base_url_may_have_a_path(base: str) -> None:
    assert manis(base_url=base).token_url == "https://h.example/eu/api/v1/auth/token"
    assert manis(base_url=base, path="/t").token_url == "https://h.example/eu/t"


@pytest.mark.parametrize(
    "base",
    [
        "https://https",
        "https://api/",
        "https://API:8443",
        "https://https/api/v1/auth/token",
        "https://api/v1/auth/token",
    ],
)
def test_hosts_from_the_pages_wreckage_are_refused_with_the_way_out(base: str) -> None:
    with pytest.raises(ValueError, match="Manis gives you the real one"):
        manis(base_url=base)


@pytest.mark.parametrize("base", ["http://h.example", "https:/h.example", "ftp://h.example", "h.example", ""])
def test_other_urls_are_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        manis(base_url=base)


def test_plain_http_needs_loopback_or_leave() -> None:
    assert manis(base_url="http://127.0.0.1:8000").token_url.startswith("http://127.0.0.1:8000/")
    assert manis(base_url="http://h.example", allow_http=True).token_url.startswith("http://h.example/")


@pytest.mark.parametrize("path", ["api", "//evil.example", "/a?b", "/a#b", "/a b", "/a\\b", ""])
def test_a_path_is_nothing_but_a_path(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        manis(path=path)


@pytest.mark.parametrize(
    ("sent", "scheme"),
    [
        ("bearer", "Bearer"),
        ("BEARER", "Bearer"),
        ("", "Bearer"),
        (None, "Bearer"),
        ("MAC", "MAC"),
        ("a b", "Bearer"),
        (7, "Bearer"),
    ],
)
def test_the_token_type_becomes_a_scheme(sent: object, scheme: str) -> None:
    assert manis().read(reply(token(tokenType=sent))).type == scheme


@pytest.mark.parametrize("expires", [1900000000, 1900000000000, 1900000000000000, "1900000000", "2030-03-17T17:46:40Z"])
def test_expiry_in_any_unit_is_absolute(expires: object) -> None:
    got = manis().read(reply(token(expiresAt=expires)))
    assert (got.value, got.lifetime, got.expires_at) == ("tok", None, 1900000000.0)


@pytest.mark.parametrize("expires", ["soon", -1, True, [], None])
def test_nonsense_as_expiry_is_unknown(expires: object) -> None:
    assert manis().read(reply(token(expiresAt=expires))).expires_at is None


def test_the_unit_can_be_named() -> None:
    assert manis(expires_unit="ms").read(reply(token(expiresAt=1900000000000))).expires_at == 1900000000.0
    with pytest.raises(ValueError, match="expires_unit"):
        manis(expires_unit="min")


SIX = {
    "timestamp": "2026-01-01T00:00:00.000Z",
    "title": "Bad",
    "type": "T1",
    "status": 400,
    "soaCode": "SOA-7",
    "detail": "why",
}


@pytest.mark.parametrize(
    ("content", "code", "detail"),
    [
        (SIX, "SOA-7", "why"),
        ({**SIX, "detail": "", "soaCode": None}, "T1", "Bad"),
        ({"message": "no", "timestamp": "2026-01-01"}, None, "no"),
        ({}, None, None),
        ([1], None, None),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_both_shapes_of_error_are_read(content: object, code: str | None, detail: str | None, status: int) -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        manis().read(reply(content, status))
    error = caught.value
    assert (error.status, error.code, error.detail, error.retryable) == (status, code, detail, False)
    assert "merchant m-1" in str(error)
    assert "https://manis.example/api/v1/auth/token" in str(error)
    assert "Check merchant_id and secret" in str(error)


def test_all_six_fields_are_kept() -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        manis().read(reply(SIX, 400))
    expected = {"soaCode": "SOA-7", "type": "T1", "status": "400", "title": "Bad", "timestamp": SIX["timestamp"]}
    assert caught.value.extra == expected
    assert caught.value.again().extra == expected


def test_the_other_fields_are_extra() -> None:
    got = manis().read(reply(token(merchant="M")))
    assert got.extra["merchant"] == "M"
    assert "token" not in got.extra


def test_it_never_refreshes() -> None:
    assert not manis().refreshes
    assert manis().read(reply(token(refresh_token="r"))).refresh_token is None


@pytest.mark.parametrize("argument", ["merchant_id", "secret"])
@pytest.mark.parametrize(
    "value", ["", " vvvvv", "vvvvv\n", "vv\r\nx: y", "vv\x00v", "vv\x85v", "vvvvé", "vv\ud800v", 7, None, b"vvvvv"]
)
def test_what_can_not_stand_in_a_header_is_refused_unseen(argument: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=argument) as caught:
        manis(**{argument: value})
    assert "vv" not in str(caught.value)
