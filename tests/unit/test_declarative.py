"""JSONProvider: ten other token APIs, each in a few lines, and the rules of where things stand."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tokenauth import errors
from tokenauth._effects import Reply
from tokenauth._token import Token
from tokenauth.providers import JSONProvider

URL = "https://api.example/login"
ISO_7 = "2030-03-17T17:46:40.0000000Z"
Sibling = tuple[JSONProvider, dict[str, Any], dict[str, Any]]


def answer(content: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(content).encode())


def header_pair_and_nested_answer() -> Sibling:
    provider = JSONProvider(
        URL,
        headers={"X-Client-Id": "c", "X-Client-Secret": "s"},
        json={"grant": "app"},
        token="data.accessToken",
        expires_in="data.expiresIn",
        success=("code", "00"),
    )
    body = {"code": "00", "data": {"accessToken": "tok", "expiresIn": "900"}}
    return provider, body, {"lifetime": 900.0}


def get_with_a_time_stamp() -> Sibling:
    provider = JSONProvider(
        URL,
        method="GET",
        headers={"X-Key": "k", "X-Timestamp": lambda: "1900000000"},
        public=["X-Timestamp"],
        token="token",
    )
    return provider, {"token": "tok"}, {"lifetime": None}


def milliseconds() -> Sibling:
    provider = JSONProvider(URL, json={"key": "k"}, token="token", expires_in="ttl", unit="ms")
    return provider, {"token": "tok", "ttl": 900_000}, {"lifetime": 900.0}


def own_header_without_scheme() -> Sibling:
    provider = JSONProvider(URL, form={"key": "k"}, token="accessToken", header="Access-Token")
    return provider, {"accessToken": "tok"}, {"headers": {"Access-Token": "tok"}}


def success_flag_with_http_200() -> Sibling:
    provider = JSONProvider(URL, json={"key": "k"}, token="result.token", success=("success", True))
    return provider, {"success": True, "result": {"token": "tok"}}, {}


def iso_with_seven_digits() -> Sibling:
    provider = JSONProvider(URL, json={"user": "u", "password": "p"}, token="token", expires_at="expiration")
    return provider, {"token": "tok", "expiration": ISO_7}, {"expires_at": 1900000000.0}


def minutes() -> Sibling:
    provider = JSONProvider(URL, json={"key": "k"}, token="token", expires_in="expiresInMinutes", unit="min")
    return provider, {"token": "tok", "expiresInMinutes": 15}, {"lifetime": 900.0}


def own_scheme() -> Sibling:
    provider = JSONProvider(URL, json={"key": "k"}, token="jwt", scheme="ALPS")
    return provider, {"jwt": "tok"}, {"headers": {"Authorization": "ALPS tok"}}


def epoch_as_text() -> Sibling:
    provider = JSONProvider(URL, basic=("u", "p"), token="token", expires_at="expires")
    return provider, {"token": "tok", "expires": "1900000000"}, {"expires_at": 1900000000.0}


def subscription_key_on_every_call() -> Sibling:
    key = {"Ocp-Apim-Subscription-Key": "sub-key"}
    provider = JSONProvider(URL, headers=key, form={"grant_type": "client_credentials"}, kept_headers=key)
    return provider, {"access_token": "tok"}, {"headers": {**key, "Authorization": "Bearer tok"}}


SIBLINGS = [
    header_pair_and_nested_answer,
    get_with_a_time_stamp,
    milliseconds,
    own_header_without_scheme,
    success_flag_with_http_200,
    iso_with_seven_digits,
    minutes,
    own_scheme,
    epoch_as_text,
    subscription_key_on_every_call,
]


@pytest.mark.parametrize("sibling", SIBLINGS)
def test_sibling_apis_are_described_and_read(sibling: Any) -> None:
    provider, content, expected = sibling()
    token = provider.read(answer(content))
    assert token.value == "tok"
    assert "tok" not in json.dumps(dict(token.extra))
    signature = provider.sign(token)
    got = {"lifetime": token.lifetime, "expires_at": token.expires_at, "headers": signature and signature.headers}
    assert {name: got[name] for name in expected} == expected


@pytest.mark.parametrize("code", ["01", 0, None, True, ["00"]])
def test_a_failure_with_http_200_is_an_error(code: object) -> None:
    provider, content, _ = header_pair_and_nested_answer()
    with pytest.raises(errors.TokenResponseError, match="reported a failure"):
        provider.read(answer({**content, "code": code, "message": "no"}))


def test_the_time_stamp_is_fresh_but_tells_no_credentials_apart() -> None:
    ticks = iter("12")
    provider = JSONProvider(URL, headers={"X-Key": "k", "X-Time": lambda: next(ticks)}, public=["x-time"])
    assert [provider.request().headers["X-Time"] for _ in "12"] == ["1", "2"]
    assert [secret.name for secret in provider.secrets] == ["headers['X-Key']"]


def test_a_flag_is_a_flag_and_not_its_name() -> None:
    for provider, value in (
        (JSONProvider(URL, success=("ok", True)), "True"),
        (JSONProvider(URL, success=("ok", "True")), True),
    ):
        with pytest.raises(errors.TokenResponseError):
            provider.read(answer({"access_token": "tok", "ok": value}))


def test_a_query_parameter_carries_the_token() -> None:
    signature = JSONProvider(URL, param="key").sign(Token("tok"))
    assert signature is not None
    assert (dict(signature.headers), signature.params) == ({}, {"key": "tok"})
    assert JSONProvider(URL).sign(Token("tok")) is None


@pytest.mark.parametrize(
    ("where", "content", "found"),
    [
        ("a.b", {"a.b": "exact", "a": {"b": "path"}}, "exact"),
        ("a.b", {"a": {"b": "path"}}, "path"),
        (("x", "a.b"), {"a": {"b": "second"}}, "second"),
        (lambda content: content["list"][0], {"list": ["called"]}, "called"),
    ],
)
def test_exact_key_then_path_then_the_next_place(where: Any, content: Mapping[str, Any], found: str) -> None:
    assert JSONProvider(URL, token=where).read(answer(content)).value == found


def test_a_callable_that_stumbles_finds_nothing() -> None:
    provider = JSONProvider(URL, token=lambda content: content["no"]["such"], success=lambda content: content["ok"])
    with pytest.raises(errors.TokenResponseError) as caught:
        provider.read(answer({"token": "tok"}))
    assert caught.value.__context__ is None


def test_codes_of_a_2xx_reject_or_retry() -> None:
    provider = JSONProvider(URL, rejected=("bad_secret",), retryable=("busy",), error_code="error")
    with pytest.raises(errors.CredentialsRejected):
        provider.read(answer({"error": "bad_secret"}))
    with pytest.raises(errors.TokenResponseError) as caught:
        provider.read(answer({"error": "busy"}))
    assert caught.value.retryable


def test_an_error_object_is_read_too() -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        JSONProvider(URL).read(answer({"error": {"code": "E1", "message": "no"}}, 401))
    assert (caught.value.code, caught.value.detail) == ("E1", "no")


def test_json_bodies_keep_their_shape_and_hide_their_texts() -> None:
    body = {"auth": {"user": "u-1", "keys": ["k-1", 7, None, True]}, "note": ""}
    provider = JSONProvider(URL, json=body)
    assert json.loads(provider.request().body) == body
    assert "u-1" not in f"{provider!r} {provider.identity}"
    assert [secret.reveal() for secret in provider.secrets] == ["u-1", "k-1"]


@pytest.mark.parametrize(
    "options",
    [
        {"form": {}, "json": {}},
        {"form": {"a": 7}},
        {"form": ["a"]},
        {"headers": {"a b": "x"}},
        {"headers": {"a": "x", "A": "y"}},
        {"headers": {"a": "x\r\ny: z"}},
        {"headers": {"a": "ä"}},
        {"method": "post"},
        {"unit": "h"},
        {"token": 7},
        {"token": ()},
        {"success": ("code",)},
        {"success": "code"},
        {"basic": "user:password"},
        {"basic": ("a:b", "password")},
        {"param": "p", "header": "H"},
        {"header": "A B"},
        {"scheme": "a\n"},
        {"name": "a\nb"},
    ],
)
def test_wrong_descriptions_fail_at_once(options: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        JSONProvider(URL, **options)


def test_providers_that_read_the_same_value_at_each_login_are_equal() -> None:
    def now() -> str:
        return "1900000000"

    def provider(stamp: Any) -> JSONProvider:
        return JSONProvider(URL, headers={"X-Key": "k", "X-Timestamp": stamp}, public=["X-Timestamp"], token="token")

    assert provider(now) == provider(now)
    assert provider(now) != provider(lambda: "1900000000")
    assert provider(now) != provider("1900000000")
