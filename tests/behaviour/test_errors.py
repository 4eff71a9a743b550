"""Every failure of a token call is caught by what existing code has after `except`, and says what, where, what next."""

import pickle
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests

import tokenauth
from tests.clients import CLIENTS, Client
from tests.servers import Received, Reply, mute, serve
from tests.support import (
    ManualClock,
    PlainProvider,
    TokenServer,
    background,
    until,
    waiting,
    with_clock,
    without_pauses,
)
from tokenauth import (
    ClientCredentialsAuth,
    CredentialsRejected,
    Event,
    FunctionAuth,
    ManisAuth,
    TokenAuth,
    TokenAuthError,
    TokenEndpointError,
    TokenResponseError,
)
from tokenauth.providers import JWT, ClientSecretJWT, PrivateKeyJWT

SECRET = "s3cr3t-of-the-client"
HERD = 64
HOME = Path(tokenauth.__file__).parent
GOOD = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}

FAILURES: dict[str, tuple[Reply, type[TokenAuthError], int | None]] = {
    "400": (Reply(400, {"error": "invalid_client", "error_description": "who?"}), CredentialsRejected, 400),
    "401": (Reply(401), CredentialsRejected, 401),
    "403": (Reply(403, b"<html>"), CredentialsRejected, 403),
    "404": (Reply(404, {"detail": "no such page"}), TokenEndpointError, 404),
    "429": (Reply(429, headers={"Retry-After": "3600"}), TokenEndpointError, 429),
    "500": (Reply(500, b"oops"), TokenEndpointError, 500),
    "503": (Reply(503, {"message": "later"}), TokenEndpointError, 503),
    "redirect": (Reply(302, headers={"Location": "https://login.example/x?y=z"}), TokenEndpointError, 302),
    "empty": (Reply(200), TokenResponseError, 200),
    "no JSON": (Reply(200, b"<html>hello</html>"), TokenResponseError, 200),
    "a list": (Reply(200, b"[]"), TokenResponseError, 200),
    "no token": (Reply(200, {"ok": 1}), TokenResponseError, 200),
    "token with a newline": (Reply(200, GOOD | {"access_token": "a\nb"}), TokenResponseError, 200),
    "token that is a number": (Reply(200, GOOD | {"access_token": 7}), TokenResponseError, 200),
    "2 MiB": (Reply(200, b" " * 2 * 1024 * 1024), TokenEndpointError, None),
    "coding that nobody asked for": (Reply(200, b"x", {"Content-Encoding": "br"}), TokenEndpointError, None),
    "broken gzip": (Reply(200, b"x" * 99, {"Content-Encoding": "gzip"}), TokenEndpointError, None),
    "dropped": (Reply(raw=b""), TokenEndpointError, None),
    "no HTTP": (Reply(raw=b"220 smtp ready\r\n"), TokenEndpointError, None),
    "cut": (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), TokenEndpointError, None),
}


def credentials(url: str, **options: Any) -> TokenAuth:
    """Return an auth object whose failures are no other test's: ports come again."""
    client_id = f"c-{uuid.uuid4().hex}"
    auth = ClientCredentialsAuth(f"{url}/token", client_id=client_id, client_secret=SECRET, cache={}, **options)
    return without_pauses(auth)


def problem_of(client: Client, auth: TokenAuth, url: str) -> TokenAuthError:
    """Return what a request raised, caught the way this client's users catch."""
    with pytest.raises(client.error_root) as met:
        client.get(auth, url)
    assert isinstance(met.value, TokenAuthError)
    return met.value


def chain(problem: BaseException | None) -> list[BaseException]:
    """Return *problem*, its causes and its contexts."""
    if problem is None:
        return []
    return [problem, *chain(problem.__cause__), *chain(problem.__context__)]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_failing_token_call_raises_what_the_user_catches(client: Client, failure: str) -> None:
    reply, kind, status = FAILURES[failure]
    with serve(lambda request: reply) as server:
        problem = problem_of(client, credentials(server.url), f"{server.url}/api")
        assert type(problem) is kind or (failure in {"cut", "no HTTP"} and isinstance(problem, kind))
        assert problem.status == status or failure in {"cut", "no HTTP"}
        assert f"{server.url}/token" in str(problem)
        assert len(str(problem)) < 700
        assert not server.to("/api")
        tries = len(server.to("/token"))
        assert tries == (3 if problem.retryable and failure != "429" else 1)
    if failure in {"2 MiB", "coding that nobody asked for", "broken gzip", "dropped", "no HTTP", "cut"}:
        assert f"{server.url}/token gave no usable answer: " in str(problem)
        assert str(problem).endswith(". Is it the right URL, or is a proxy or a fault in between?")
    shown = "".join(f"{each!s}{each!r}{each.__dict__}" for each in chain(problem))
    assert SECRET not in shown
    assert "y=z" not in shown


@pytest.mark.parametrize("root", [requests.RequestException, httpx.HTTPError, httpx2.HTTPError, OSError])
def test_the_error_tree_stands_under_every_clients_root(root: type[Exception]) -> None:
    for kind in (TokenAuthError, CredentialsRejected, TokenEndpointError, TokenResponseError):
        assert issubclass(kind, root)
    assert issubclass(TokenResponseError, TokenEndpointError)
    assert not issubclass(CredentialsRejected, TokenEndpointError)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_unreachable_endpoint_names_where_and_the_option_that_helps(client: Client, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    problem = problem_of(client, credentials(url), f"{url}/api")
    assert type(problem) is TokenEndpointError
    assert f"{url}/token" in str(problem)
    assert "can't be reached" in str(problem)
    assert "token_client=" in str(problem)


def ours(problem: BaseException) -> list[str]:
    """Return the functions of the library in the traceback of *problem*."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(problem.__traceback__)]
    return [code.co_name for code in frames if Path(code.co_filename).is_relative_to(HOME)]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_traceback_shows_little_of_the_library(client: Client, closed_port: int) -> None:
    with serve(lambda request: Reply(401)) as server:
        refused = problem_of(client, credentials(server.url), f"{server.url}/api")
    url = f"http://127.0.0.1:{closed_port}"
    for problem in (refused, problem_of(client, credentials(url), f"{url}/api")):
        assert 1 <= len(ours(problem)) <= 7, ours(problem)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_redirect_to_another_path_of_the_same_place_is_named(client: Client) -> None:
    with serve(lambda request: Reply(307, headers={"Location": f"/other/?key={SECRET}"})) as server:
        problem = problem_of(client, credentials(server.url), f"{server.url}/api")
    assert f"redirects to {server.url}/other/ (HTTP 307)" in str(problem)
    assert SECRET not in str(problem)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_rejected_credentials_name_the_account_and_what_to_check(client: Client) -> None:
    with serve(lambda request: Reply(401, {"soaCode": "E-7", "detail": "Unknown merchant"})) as server:
        auth = ManisAuth(server.url, merchant_id=f"m-{server.port}", secret=SECRET, cache={})
        problem = problem_of(client, auth, f"{server.url}/api")
    assert isinstance(problem, CredentialsRejected)
    assert (problem.status, problem.code, problem.detail) == (401, "E-7", "Unknown merchant")
    for words in (f"m-{server.port}", "401", "/api/v1/auth/token", "secret"):
        assert words in str(problem)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_refused_connection_fails_a_herd_within_one_attempt_and_the_next_request_works_when_it_is_back(
    client: Client, clock: ManualClock
) -> None:
    events: list[Event] = []
    with mute() as bound:
        url = "http://{}:{}".format(*bound.getsockname())
        auth = with_clock(credentials(url, on_event=events.append), clock)
        problems = client.herd(auth, f"{url}/api", HERD)
        assert {type(problem) for problem in problems} == {TokenEndpointError}
        assert len({id(problem) for problem in problems}) == HERD
        tries = [event.kind for event in events if event.kind != "remembered"]  # by who comes when they have failed
        assert tries == ["started", "retried", "retried", "failed"]
        events.clear()
        with serve(lambda request: Reply(200, GOOD), bound=bound) as server:
            assert isinstance(problem_of(client, auth, f"{url}/api"), TokenEndpointError)
            assert not server.requests
            clock.move(1.0)
            assert client.get(auth, f"{url}/api") == 200
    assert [event.kind for event in events] == ["remembered", "started", "fetched"]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_herd_fails_with_its_leader_each_by_an_exception_chained_from_the_leaders(
    client: Client, server: TokenServer
) -> None:
    """The leader's tries all end in a lost connection, and only when everybody waits."""
    auth, everybody_waits = without_pauses(server.auth()), threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        assert everybody_waits.wait(20)
        return Reply(raw=b"")

    server.answer = answer
    herd = background(lambda: client.herd(auth, server.api, HERD))
    until(lambda: waiting(auth) == HERD - 1 or herd.done())
    everybody_waits.set()
    problems: list[Any] = herd.result(20)
    assert len(server.token_calls) == 3
    assert {type(problem) for problem in problems} == {TokenEndpointError}
    assert len({id(problem) for problem in problems}) == HERD
    leader = next(problem for problem in problems if problem.__cause__ is None)
    assert [problem.__cause__ for problem in problems].count(leader) == HERD - 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_invalidate_ends_a_cool_down(client: Client, server: TokenServer, clock: ManualClock) -> None:
    broken = [True]
    server.answer = lambda request: Reply(401) if request.path == "/token" and broken else None
    auth = with_clock(server.auth(), clock)
    assert isinstance(problem_of(client, auth, server.api), CredentialsRejected)
    broken.clear()
    assert isinstance(problem_of(client, auth, server.api), CredentialsRejected)
    assert len(server.token_calls) == 1
    auth.invalidate()
    assert client.get(auth, server.api) == 200


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_one_lost_connection_is_not_noticed(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: Reply(raw=b"") if len(server.server.requests) == 1 else None
    assert client.get(without_pauses(server.auth()), server.api) == 200
    assert len(server.token_calls) == 2


RAISERS: dict[str, Callable[[], Any]] = {
    "raises": lambda: str(1 // 0),
    "returns None": lambda: None,
    "returns a newline": lambda: f"{SECRET}\n",
}


@pytest.mark.parametrize("secret", RAISERS)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_callable_that_gives_no_secret_is_an_error_of_ours(client: Client, server: TokenServer, secret: str) -> None:
    auth = ClientCredentialsAuth(f"{server.url}/token", client_id=server.user, client_secret=RAISERS[secret], cache={})
    problem = problem_of(client, auth, server.api)
    assert "client_secret" in str(problem)
    assert all(SECRET not in f"{each!s}{each!r}" for each in chain(problem))
    assert not server.server.requests


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.parametrize("way", [PrivateKeyJWT({"kty": "RSA", "n": "AA", "e": "AQAB", "d": SECRET}), ClientSecretJWT()])
def test_a_login_without_its_extra_says_what_to_install(
    client: Client, way: Any, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("joserfc", "joserfc.jwk"):
        monkeypatch.setitem(sys.modules, name, None)
    secret = f"{SECRET}-{uuid.uuid4()}" if isinstance(way, ClientSecretJWT) else None
    given = {"client_id": server.user, "client_secret": secret, "client_auth": way, "cache": {}}
    problem = problem_of(client, ClientCredentialsAuth(f"{server.url}/token", **given), server.api)
    assert "A signed JWT needs joserfc" in str(problem)
    assert str(problem).endswith("pip install 'tokenauth-http[jwt]'")
    assert all(SECRET not in f"{each!s}{each!r}" for each in chain(problem))


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_function_without_its_extra_says_what_to_install(
    client: Client, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("joserfc", "joserfc.jwk"):
        monkeypatch.setitem(sys.modules, name, None)
    jwt = JWT({"kty": "RSA", "n": "AA", "e": "AQAB", "d": SECRET}, issuer="i")
    problem = problem_of(client, FunctionAuth(jwt, origins=[server.server.url], cache={}), server.api)
    assert str(problem) == "The function JWT: A signed JWT needs joserfc: pip install 'tokenauth-http[jwt]'"


NAMES_ITS_REQUEST = [client for client in CLIENTS if "aiohttp" not in repr(client)]  # aiohttp's errors have none


@pytest.mark.parametrize("client", NAMES_ITS_REQUEST, ids=repr)
@pytest.mark.parametrize("renewal", [False, True])
def test_an_error_names_the_request_that_needed_the_token(client: Client, renewal: bool, server: TokenServer) -> None:
    """As those of requests and httpx do: `exc.request.url` stands in many an `except` block."""
    auth = server.auth()
    if renewal:
        assert client.get(auth, server.api) == 200
        server.revoke()
    server.answer = lambda request: Reply(401) if request.path == "/token" else None
    for _ in range(2):  # the second is remembered
        problem = problem_of(client, auth, server.api)
        assert str(problem.request.url) == server.api
        assert pickle.loads(pickle.dumps(problem)).request is None, "a body may be a file"


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_bug_in_a_provider_is_an_error_that_names_it(client: Client, server: TokenServer) -> None:
    class Buggy(PlainProvider):
        def request(self, refresh_token: str | None = None) -> Any:
            raise ZeroDivisionError(SECRET)

    problem = problem_of(client, server.auth(provider=Buggy(server.url, server.user)), server.api)
    assert "ZeroDivisionError" in str(problem)
    assert SECRET not in str(problem)


def test_an_error_can_be_pickled_with_its_evidence() -> None:
    import copy
    import pickle

    problem = CredentialsRejected("no", status=401, code="c", detail="d", retry_after=3.0, extra={"a": "b"})
    for again in (pickle.loads(pickle.dumps(problem)), copy.copy(problem), problem.again()):
        assert type(again) is CredentialsRejected
        assert again is not problem
        assert (str(again), again.status, again.code, again.detail) == ("no", 401, "c", "d")
        assert (again.retry_after, again.extra, again.retryable) == (3.0, {"a": "b"}, False)
