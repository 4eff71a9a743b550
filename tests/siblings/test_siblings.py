"""The recipes of docs/apis/recipes.md, each against a server that is as strict as such an API; on every client.

A block's text is taken from the page and run. `test_every_argument_is_needed` takes each of a recipe's arguments out,
and sees the story fail: so neither the servers nor the recipes have anything to spare.
"""

import ast
import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply, serve
from tests.siblings import page
from tests.siblings.described import RECIPES
from tokenauth import CredentialsRejected, TokenAuth

HOST, SECRET = page.HOST, page.SECRET
LIFETIME = 900


class Refused(Exception):
    """Credentials that are not right."""


class Wrong(Exception):
    """A call that such an API does not understand."""


@dataclass(frozen=True)
class Api:
    """How one sibling behaves. *login* raises Refused; *granted* builds its answer; *token* finds a request's token."""

    target: str
    login: Callable[[Received], object]
    granted: Callable[[str], dict[str, Any]]
    token: Callable[[Received], str | None]
    refused: Reply = field(default_factory=lambda: Reply(401, {"message": "no"}))


def expect(condition: object, what: str) -> None:
    if not condition:
        raise Wrong(what)


def as_json(request: Received) -> dict[str, Any]:
    expect(request.headers.get("content-type") == "application/json", "label")
    content: dict[str, Any] = json.loads(request.body)
    return content


def as_form(request: Received) -> dict[str, str]:
    expect(request.headers.get("content-type") == "application/x-www-form-urlencoded", "label")
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


def check(given: object, right: object) -> None:
    if given != right:
        raise Refused


def bearer(request: Received, scheme: str = "Bearer") -> str | None:
    found, _, token = request.headers.get("authorization", "").partition(" ")
    return token if found == scheme and request.target == "/v1/orders" else None


# the APIs


def header_pair(request: Received) -> None:
    expect(request.method == "POST" and as_json(request) == {"grantType": "CLIENT"}, "body")
    check((request.headers.get("x-client-id"), request.headers.get("x-client-secret")), ("shop", SECRET))


def get_with_a_time_stamp(request: Received) -> None:
    expect(request.method == "GET" and not request.body, "method")
    expect(abs(int(request.headers["x-timestamp"]) / 1000 - time.time()) < 60, "time")
    check(request.headers.get("x-api-key"), SECRET)


def milliseconds(request: Received) -> None:
    form = as_form(request)
    expect(form.pop("grant_type") == "client_credentials", "grant")
    check(form, {"client_id": "shop", "client_secret": SECRET})


def own_header(request: Received) -> None:
    check(as_form(request), {"app_id": "shop", "app_secret": SECRET})


def success_flag(request: Received) -> None:
    check(as_json(request), {"username": "shop", "password": SECRET})


def dotnet(request: Received) -> None:
    check(as_json(request), {"userName": "shop", "password": SECRET})


def minutes(request: Received) -> None:
    check(as_json(request), {"apiKey": SECRET})


def alps(request: Received) -> None:
    check(as_json(request), {"user": "shop", "secret": SECRET})


def basic(request: Received) -> None:
    check(request.headers.get("authorization"), f"Basic {base64.b64encode(f'shop:{SECRET}'.encode()).decode()}")


def unlabelled(request: Received) -> None:
    expect("content-type" not in request.headers and not request.body, "a body")
    basic(request)


def gateway(request: Received) -> None:
    expect(request.headers.get("ocp-apim-subscription-key") == "sub-1", "key")
    expect(as_form(request) == {"grant_type": "client_credentials"}, "form")
    basic(request)


def key_in_form(request: Received) -> None:
    check(as_form(request), {"key": SECRET})


def session(request: Received) -> None:
    check(as_json(request), {"user": "shop", "password": SECRET})


def own_header_of(request: Received) -> str | None:
    return None if "authorization" in request.headers else request.headers.get("access-token")


def with_the_key(request: Received) -> str | None:
    return bearer(request) if request.headers.get("ocp-apim-subscription-key") == "sub-1" else None


def in_query(request: Received) -> str | None:
    return None if "authorization" in request.headers else request.query.get("access_token")


def in_cookie(request: Received) -> str | None:
    pairs = dict(pair.strip().split("=", 1) for pair in request.headers.get("cookie", "=").split(";"))
    return None if "authorization" in request.headers or pairs.get("mine") != "1" else pairs.get("SESSION")


def iso_7(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.1234567Z"


APIS = {
    "Send id and secret in two headers": Api(
        "/v1/auth/login",
        header_pair,
        lambda token: {"code": "00", "message": "", "data": {"accessToken": token, "expiresIn": str(LIFETIME)}},
        bearer,
        Reply(200, {"code": "41", "message": "unknown client", "data": {"accessToken": "none", "expiresIn": "0"}}),
    ),
    "Send a timestamp along": Api(
        "/token", get_with_a_time_stamp, lambda token: {"token": token, "ttl": LIFETIME}, bearer
    ),
    "The lifetime is in milliseconds": Api(
        "/oauth/token", milliseconds, lambda token: {"access_token": token, "expires_in": LIFETIME * 1000}, bearer
    ),
    "Send it in `Access-Token`, without a scheme": Api(
        "/api/session", own_header, lambda token: {"accessToken": token, "expires": LIFETIME}, own_header_of
    ),
    'A 200 with `{"success": false}`': Api(
        "/api/login",
        success_flag,
        lambda token: {"success": True, "result": {"token": token, "validFor": LIFETIME}},
        bearer,
        Reply(200, {"success": False, "errorCode": 1001, "message": "no", "result": {"token": "none", "validFor": 9}}),
    ),
    "The expiry is a date": Api(
        "/Account/Login",
        dotnet,
        lambda token: {"token": token, "expiration": iso_7(time.time() + LIFETIME)},
        bearer,
    ),
    "The lifetime is in minutes": Api(
        "/auth", minutes, lambda token: {"token": token, "expiresInMinutes": LIFETIME // 60}, bearer
    ),
    "The token is in a list, and the scheme is not Bearer": Api(
        "/alps/login",
        alps,
        lambda token: {"data": [{"jwt": token}], "data.ttl": LIFETIME},
        lambda request: bearer(request, "ALPS"),
    ),
    "Send id and secret by HTTP Basic": Api(
        "/login", unlabelled, lambda token: {"token": token, "expires": str(int(time.time()) + LIFETIME)}, bearer
    ),
    "Send a subscription key with each call": Api(
        "/token", gateway, lambda token: {"access_token": token, "expires_in": LIFETIME}, with_the_key
    ),
    "Send it as a query parameter": Api(
        "/token", key_in_form, lambda token: {"access_token": token, "expires_in": LIFETIME}, in_query
    ),
    "Send it as a cookie": Api("/session", session, lambda token: {"sessionId": token, "maxAge": LIFETIME}, in_cookie),
}
CASES = [pytest.param(api, page.BLOCKS[title], id=title) for title, api in APIS.items()]


@dataclass
class Running:
    """A sibling's server: tokens, counts, and what it did not understand."""

    api: Api
    url: str = ""
    logins: int = 0
    busy: int = 0
    valid: str = ""
    refused: int = 0
    problems: list[str] = field(default_factory=list)

    def answer(self, request: Received) -> Reply:
        if request.path != self.api.target:
            return Reply(200 if self.valid and self.api.token(request) == self.valid else 401, {})
        if self.busy:
            self.busy -= 1
            return Reply(200, {"success": False, "errorCode": 1009, "message": "busy"})
        try:
            self.api.login(request)
        except Refused:
            self.refused += 1
            return self.api.refused
        except (Wrong, KeyError, ValueError) as problem:
            self.problems.append(f"{type(problem).__name__}: {problem}")
            return Reply(422, {"message": "not understood"})
        self.logins += 1
        self.valid = f"eyJ.token-{self.logins}.x"
        return Reply(200, self.api.granted(self.valid))


@contextlib.contextmanager
def running(api: Api) -> Iterator[Running]:
    this = Running(api)
    with serve(this.answer) as server:
        this.url = server.url
        yield this


def run(block: str, url: str, secret: str = SECRET) -> TokenAuth:
    """Run a recipe's text, and return the `auth` that it makes."""
    namespace: dict[str, Any] = {}
    exec(block.replace(HOST, url).replace(SECRET, secret), namespace)
    auth: TokenAuth = namespace["auth"]
    auth._source.credential.uniform = lambda low, high: 0.0 if high < 0.5 else high  # no pause before another try
    return auth


def play(client: Client, auth: TokenAuth, url: str, times: int = 1) -> list[int]:
    requests = [Get(f"{url}/v1/orders")] * times

    def setup(session: Any) -> None:
        client.set_cookie(session, "mine", "1")

    return [answer.status for answer in client.play(auth, *requests, setup=setup)]


def story(client: Client, api: Api, block: str) -> None:
    """First request, cached, shared, renewed after a 401, a wrong secret."""
    with running(api) as server:
        auth = run(block, server.url)
        auth.invalidate()  # another test's server had this port
        assert play(client, auth, server.url, 2) == [200, 200]
        again = auth if "lambda" in block else run(block, server.url)  # which is an API of its own
        assert play(client, again, server.url) == [200]
        assert server.logins == 1
        lifetime = client.get_token(auth).lifetime
        assert lifetime == pytest.approx(LIFETIME, abs=3)
        server.valid = ""
        assert play(client, auth, server.url, 2) == [200, 200]
        assert server.logins == 2
        wrong = run(block, server.url, "wr0ng-s3cr")
        with pytest.raises(CredentialsRejected) as caught:
            play(client, wrong, server.url)
        assert "wr0ng-s3cr" not in str(caught.value)
        with pytest.raises(CredentialsRejected):
            play(client, wrong, server.url)
        assert server.refused == 1
        assert (server.logins, server.problems) == (2, [])


@pytest.mark.parametrize(("api", "block"), CASES)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_recipe_does_what_it_says(client: Client, api: Api, block: str) -> None:
    story(client, api, block)


@pytest.mark.parametrize(("api", "block"), CASES)
def test_a_recipe_is_short(api: Api, block: str) -> None:
    assert page.length(block) <= 12
    assert HOST + api.target in block


@pytest.mark.slow
@pytest.mark.parametrize(("api", "block"), CASES)
def test_every_argument_is_needed(api: Api, block: str) -> None:
    for name, shorter in _without_one(block):
        if name in {"retryable", "success", "public"}:  # see the next test, and tests/unit/test_login.py
            continue
        try:
            story(CLIENTS[0], api, shorter)
        except (Exception, pytest.fail.Exception):  # whatever gives way first
            continue
        raise AssertionError(f"{name} is of no use")


def _without_one(block: str) -> Iterator[tuple[str, str]]:
    for name in _arguments(block):
        tree = ast.parse(block)
        call = _call(tree)
        call.keywords = [each for each in call.keywords if each.arg != name]
        yield name, ast.unparse(tree)


def _call(tree: ast.AST) -> ast.Call:
    return next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "LoginAuth")


def _arguments(block: str) -> list[str]:
    return [each.arg or "" for each in _call(ast.parse(block)).keywords]


def test_what_is_retryable_is_tried_again() -> None:
    title = 'A 200 with `{"success": false}`'
    api = APIS[title]
    with running(api) as server:
        server.busy = 2
        assert play(CLIENTS[0], run(page.BLOCKS[title], server.url), server.url) == [200]
        assert (server.busy, server.logins) == (0, 1)


def test_every_recipe_has_a_server() -> None:
    tested = [*RECIPES.values(), *(page.BLOCKS[title] for title in APIS)]
    assert sorted(tested) == sorted(page.BLOCKS.values())
