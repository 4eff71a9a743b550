"""The client credentials grant (RFC 6749 §4.4)."""

import base64
import html
import json
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from tokenauth import errors
from tokenauth._core.messages import Reply
from tokenauth.providers import ClientCredentials

URL = "https://as.example/oauth/token"
SECRET = "s3cret:ä &+/="


def client(**options: Any) -> ClientCredentials:
    return ClientCredentials(URL, **{"client_id": "my:client", "client_secret": SECRET, **options})


def test_basic_is_form_urlencoded_first() -> None:
    request = client().request()
    decoded = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    assert decoded == "my%3Aclient:s3cret%3A%C3%A4+%26%2B%2F%3D"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (request.method, request.body) == ("POST", b"grant_type=client_credentials")


def test_or_id_and_secret_stand_in_the_body() -> None:
    request = client(client_auth="body").request()
    assert "Authorization" not in request.headers
    fields = parse_qs(request.body.decode())
    assert (fields["client_id"], fields["client_secret"]) == (["my:client"], [SECRET])


def test_scope_audience_and_extra_are_form_fields() -> None:
    fields = parse_qs(client(scope="a b", audience="z", extra={"resource": "r"}).request().body.decode())
    assert (fields["scope"], fields["audience"], fields["resource"]) == (["a b"], ["z"], ["r"])


@pytest.mark.parametrize(
    "options", [{"scope": "a"}, {"audience": "a"}, {"extra": {"resource": "a"}}, {"extra": {"x": "a"}}]
)
def test_what_makes_two_tokens_differ_makes_two_clients_differ(options: dict[str, Any]) -> None:
    def key(provider: ClientCredentials) -> object:
        return provider.identity, provider.secrets

    assert key(client(**options)) != key(client())
    assert client(**options) != client()
    assert key(client(**options)) == key(client(**options))


def test_a_token_is_read() -> None:
    body = json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": 60, "refresh_in": 30, "scope": "a"})
    token = client().read(Reply(200, {}, body.encode()))
    assert (token.value, token.lifetime, token.refresh_in, token.extra["scope"]) == ("t", 60.0, 30.0, "a")
    assert not client().refreshes


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "access_denied", "invalid_grant"])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_credentials_are_at_fault(code: str, status: int) -> None:
    with pytest.raises(errors.CredentialsRejected, match="refused the credentials") as caught:
        client().read(Reply(status, {}, json.dumps({"error": code}).encode()))
    assert caught.value.code == code


@pytest.mark.parametrize("code", ["invalid_request", "unsupported_grant_type", "invalid_scope"])
def test_or_other_settings_are_and_the_text_names_the_code(code: str) -> None:
    with pytest.raises(errors.CredentialsRejected, match=f"settings that {code} is about") as caught:
        client().read(Reply(400, {}, json.dumps({"error": code}).encode()))
    assert not caught.value.retryable


@pytest.mark.parametrize("wrong", ["post", "", True, "user", 7])
def test_client_auth_is_one_of_a_few(wrong: Any) -> None:
    with pytest.raises(ValueError, match="client_auth"):
        client(client_auth=wrong)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "grant_type", "scope"])
def test_extra_fields_do_not_replace_arguments(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        client(extra={name: "x"})


def test_audience_in_extra_is_refused_only_beside_the_argument() -> None:
    assert b"audience=z" in client(extra={"audience": "z"}).request().body
    with pytest.raises(ValueError, match="audience"):
        client(audience="a", extra={"audience": "z"})


ECHOES = [
    SECRET,
    "s3cret%3A%C3%A4%20%26%2B%2F%3D",
    "s3cret%3a%c3%a4+%26%2b%2f%3d",
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(b"my%3Aclient:s3cret%3A%C3%A4+%26%2B%2F%3D").decode(),
    base64.b64encode(f"u:{SECRET}".encode()).decode(),
    base64.urlsafe_b64encode(f"u:{SECRET}".encode()).decode(),
    base64.b64encode(f"me:{SECRET}?".encode()).decode(),
    base64.b64encode(f"you:{SECRET}".encode()).decode(),
    "s3cret:ä &amp;+/=",
    SECRET.upper(),
    SECRET.replace(" ", "\n"),
    quote(quote(SECRET, safe=""), safe=""),
    quote(SECRET.encode("latin-1"), safe=""),
    base64.b64encode(base64.b64encode(SECRET.encode())).decode(),
    base64.b64encode(json.dumps({"p": SECRET}).encode()).decode(),
    base64.b64encode(f"{SECRET}:my-client".encode()).decode(),
    "".join(f"&#{ord(each)};" for each in SECRET),
    "".join(f"&#x{ord(each):X};" for each in SECRET),
    html.escape(quote_plus(SECRET)),
    html.escape(json.dumps(SECRET)),
    json.dumps(SECRET).replace("/", "\\/"),
    json.dumps(SECRET).replace("+", "\\u002B").replace("&", "\\u0026"),
    json.dumps(json.dumps(SECRET)),
    quote(json.dumps(SECRET)),
    "".join(f"\\u{ord(each):04x}" for each in SECRET),
    "".join(f"\\x{each:02x}" for each in SECRET.encode()),
    "".join(f"\\{each:03o}" for each in SECRET.encode()),
    SECRET.encode().hex(),
    SECRET[::-1],
    "\u200b".join(SECRET),
]


@pytest.mark.parametrize("echo", ECHOES)
def test_an_echoed_secret_is_masked(echo: str) -> None:
    provider = client()
    content = {"error": echo, "error_description": f"client sent {echo} to us"}
    with pytest.raises(errors.CredentialsRejected) as caught:
        provider.read(Reply(401, {}, json.dumps(content).encode()))
    shown = f"{caught.value} {caught.value.code} {caught.value.detail}"
    assert echo not in shown
    assert "s3cret" not in shown.lower()
    assert "***" in str(caught.value.detail)
    assert str(caught.value.detail).startswith("client sent")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut by the server"])
def test_a_secret_at_the_end_of_a_long_text_does_not_show_in_part(whole: bool) -> None:
    secret = " ".join(f"part-{number}" for number in range(1000))
    text = f"you sent {secret}" if whole else f"you sent {secret[:60]}"
    with pytest.raises(errors.CredentialsRejected) as caught:
        client(client_secret=secret).read(Reply(400, {}, json.dumps({"error_description": text}).encode()))
    assert caught.value.detail == "you sent ***"


@pytest.mark.parametrize(
    "answer", [{SECRET: "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"}, {"access_token": {SECRET: "x" * 40}}]
)
def test_a_secret_that_is_a_key_of_the_answer_is_masked(answer: dict[str, Any]) -> None:
    with pytest.raises(errors.TokenResponseError) as caught:
        client().read(Reply(200, {}, json.dumps(answer).encode()))
    assert "s3cret" not in str(caught.value)


def test_a_secret_from_a_callable_is_masked_without_being_read_again() -> None:
    reads: list[str] = []

    def secret() -> str:
        reads.append("")
        return f"generated-{len(reads)}"

    provider = client(client_secret=secret)
    provider.request()
    with pytest.raises(errors.CredentialsRejected) as caught:
        provider.read(Reply(401, {}, b'{"error_description":"generated-1 is wrong"}'))
    assert caught.value.detail == "*** is wrong"
    assert len(reads) == 1


def test_a_very_short_secret_hides_the_whole_text() -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        client(client_secret="abc").read(Reply(401, {}, b'{"error_description":"the abcdary"}'))
    assert caught.value.detail == "***"


def test_what_looks_like_a_token_is_masked() -> None:
    token = "AbC-_123" * 8
    with pytest.raises(errors.CredentialsRejected) as caught:
        client().read(Reply(400, {}, json.dumps({"error_description": f"refresh token {token} is spent"}).encode()))
    assert caught.value.detail == "refresh token *** is spent"


def test_a_long_text_is_cut_and_made_printable() -> None:
    text = "line one\r\nline two\x00\x1b[31m " + "x y " * 500
    with pytest.raises(errors.CredentialsRejected) as caught:
        client().read(Reply(400, {}, json.dumps({"error_description": text}).encode()))
    detail = str(caught.value.detail)
    assert len(detail) == 200
    assert detail.isprintable()
    assert detail.startswith("line one line two [31m x y")
