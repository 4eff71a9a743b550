"""Advice: no error and no warning tells people to set an argument that their class doesn't take."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import tokenauth
from tests.servers import Received, Reply, serve
from tokenauth._config.parameters import parameters_of
from tokenauth.testing import isolated

SUGGESTED = re.compile(r"(?<![\w.\"'/?&-])([a-z][a-z_]+)=(?!=)")
OTHERS = re.compile(r"LoginAuth\([^)]*\)")  # what another class would take
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PRINTED = "import sys; print(open(sys.argv[1]).read())"


def made(name: str, url: str, answer: Path, **options: Any) -> Any:
    """The auth object of the class *name* whose login is at *url*; those without one read *answer*."""
    kind, home = getattr(tokenauth, name), {"origins": [url]}
    client = {"client_id": "c", "client_secret": "secret"}
    user = {"username": "u", "password": "secret"}
    arguments: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "APIKeyAuth": (("key",), home),
        "AtripAuth": ((), {**client, "user_name": "u", "role": "Admin", "order_no": "", "base_url": url}),
        "ClientCredentialsAuth": ((f"{url}/t",), client),
        "CommandAuth": (([sys.executable, "-c", PRINTED, str(answer)],), home),
        "FileAuth": ((answer,), home),
        "FunctionAuth": ((lambda: json.loads(answer.read_text(encoding="utf-8"))["tok"],), home),
        "JWTBearerAuth": ((f"{url}/t",), {"key": KEY, "issuer": "i"}),
        "LoginAuth": ((f"{url}/t",), {"json": user}),
        "ManisAuth": ((url,), {"merchant_id": "m", "secret": "secret"}),
        "PasswordGrantAuth": ((f"{url}/t",), user),
        "PlatformAuth": ((f"{url}/t",), user),
        "RefreshTokenAuth": ((f"{url}/t",), {"refresh_token": "r", "client_id": "c", "on_refresh_token": len}),
        "TokenExchangeAuth": ((f"{url}/t",), {"subject_token": "s"}),
    }
    args, named = arguments[name]
    return kind(*args, **{**named, **options})


NAMES = [name for name in tokenauth.__all__ if name.endswith("Auth") and name != "TokenAuth"]
every = pytest.mark.parametrize("name", NAMES)
QUICK = {"LoginAuth", "ManisAuth", "ClientCredentialsAuth"}
most_slow = pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[] if each in QUICK else pytest.mark.slow) for each in NAMES]
)

ANSWERS = [
    *(Reply(status, {"error": error}) for status in (400, 401, 422) for error in ("invalid_scope", "x")),
    Reply(503, headers={"Retry-After": "0"}),
    Reply(302, headers={"Location": "https://other.example/"}),
    Reply(200, b"<html>"),
    Reply(200, {"tok": "Zm9vYmFyYmF6cXV4MTIz", "ttl": 60}),
    Reply(200, {"data": {"jwt": "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.c2ln"}}),
    *(
        Reply(200, {"token": "t-1", "access_token": "t-1", "url": "https://127.0.0.1/?token=t-1", **expiry})
        for expiry in (
            {"expires_in": 0, "expiresAt": "2001-01-01T00:00:00Z"},
            {"expires_in": "soon", "expiresAt": "soon"},
            {"ttlMinutes": 1, "expires": "soon", "token_type": "a b"},
        )
    ),
]


def suggested(text: str) -> set[str]:
    return {*SUGGESTED.findall(OTHERS.sub("", text))}


def taken(auth: Any) -> set[str]:
    """The arguments that have an effect on *auth*."""
    provider = auth._provider
    names = set(parameters_of(type(auth))) - set(provider.idle)
    decided = provider.presents and "header" not in parameters_of(type(provider))
    return names - {"header", "scheme"} if decided else names


def told(auth: Any, url: str, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """What a person sees of requests that are refused for ever."""
    caplog.clear()
    for place in (f"{url}/api", f"{url}/api", "http://127.0.0.1:1"):
        with suppress(requests.RequestException):
            requests.get(place, auth=auth, timeout=20)
        try:
            auth.headers(url)
        except tokenauth.TokenAuthError as error:
            yield str(error)
        auth.invalidate()
    yield from caplog.messages


@pytest.mark.parametrize(
    "name", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in NAMES]
)
def test_what_errors_and_warnings_suggest_can_be_set(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {}
    for reply in ANSWERS:
        answer = tmp_path / "answer"
        answer.write_text(reply.body.decode() if isinstance(reply.body, bytes) else json.dumps(reply.body))

        def answered(request: Received, reply: Reply = reply) -> Reply:
            return Reply(401) if request.path == "/api" else reply

        with isolated(), serve(answered) as server:
            auth = made(name, server.url, answer, timeout=2)
            for text in told(auth, server.url, caplog):
                strange = suggested(text) - taken(auth)
                if strange:
                    wrong[text] = strange
    assert wrong == {}


BAD: list[Any] = [None, "", 7, True, b"x", " x", "a\nb", "http://h.example", "https://h.example/p?x#y", [], {}, (), len]


@every
def test_what_errors_of_arguments_suggest_can_be_set(name: str, tmp_path: Path) -> None:
    wrong = {}
    known = taken(made(name, "https://h.example", tmp_path / "answer"))
    for argument in parameters_of(getattr(tokenauth, name)):
        for value in BAD:
            try:
                made(name, "https://h.example", tmp_path / "answer", **{argument: value})
            except (TypeError, ValueError) as error:
                strange = suggested(str(error)) - known - {argument}
                if strange:
                    wrong[str(error)] = strange
    assert wrong == {}
