"""`tokenauth.testing`: isolated, fake, clock and logged_in, on every client."""

import asyncio
import contextlib
import logging
import time
from typing import Any

import pytest
import requests

import tokenauth
from tests.clients import AWAITING, CLIENTS, Awaiting, Client, Get, Post
from tests.servers import Received, Reply, serve
from tests.support import TokenServer, background, until
from tokenauth import (
    APIKeyAuth,
    AtripAuth,
    ClientCredentialsAuth,
    CommandAuth,
    CredentialsRejected,
    FileAuth,
    FunctionAuth,
    JWTBearerAuth,
    LoginAuth,
    ManisAuth,
    PasswordGrantAuth,
    PlatformAuth,
    RefreshTokenAuth,
    Token,
    TokenAuth,
    TokenEndpointError,
    TokenExchangeAuth,
)
from tokenauth._core import stand_in
from tokenauth._core.clock import SYSTEM
from tokenauth.providers import Call, Kept
from tokenauth.stores import FileStore
from tokenauth.testing import clock, fake, isolated, logged_in

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)
CACHES = pytest.mark.parametrize("cache", [None, {}], ids=["process", "own"])


@every_client
@CACHES
def test_nothing_is_remembered_before_or_after(client: Client, cache: Any, server: TokenServer) -> None:
    auth = server.auth(cache=cache)
    assert client.get(auth, server.api) == 200
    with isolated():
        assert client.get(auth, server.api) == 200
        assert server.logins == 2
        server.answer = lambda request: Reply(401) if request.path == "/token" else None
        auth.invalidate()
        with pytest.raises(CredentialsRejected):
            client.get(auth, server.api)
    server.answer = lambda request: None
    assert client.get(auth, server.api) == 200


def test_it_forgets_though_the_test_fails(server: TokenServer) -> None:
    auth = server.auth()
    with pytest.raises(ZeroDivisionError), isolated():
        1 / len(auth.get_token().extra)
    assert auth._source.tokens.held() is None


# a fake token


@every_client
def test_an_auth_object_has_a_fake_token_and_tells_what_it_signed(client: Client) -> None:
    with serve(lambda request: Reply(200, {"got": request.headers.get("authorization", "")})) as api, fake() as this:
        auth = TokenAuth(_Untouched(api.url))
        answers = client.play(auth, Get(f"{api.url}/a?b=c"), Post(f"{api.url}/d", json={}))
        assert [each.json()["got"] for each in answers] == ["Bearer fake-token"] * 2
        told = [(each.method, each.url, dict(each.headers)) for each in this.signed]
        assert told == [
            ("GET", f"{api.url}/a?b=c", {"Authorization": "Bearer fake-token"}),
            ("POST", f"{api.url}/d", {"Authorization": "Bearer fake-token"}),
        ]
        assert [each.path for each in api.requests] == ["/a", "/d"]
        assert this.logins == 1
    assert stand_in.current is None


def _untouchable() -> str:
    pytest.fail("a secret is read")


def _Untouched(url: str) -> Any:
    from tokenauth.providers import ClientCredentials

    return ClientCredentials(f"{url}/token", client_id="c", client_secret=_untouchable)


@every_client
def test_headers_for_other_clients_are_told_of_too(client: Client) -> None:
    with fake() as this:
        auth = TokenAuth(_Untouched("https://api.example"))
        assert auth.headers("https://api.example/x") == {"Authorization": "Bearer fake-token"}
        assert auth.headers("https://elsewhere.example/x") == {}
        assert client.get_token(auth).value == "fake-token"
        assert [(each.method, each.url) for each in this.signed] == [(None, "https://api.example/x")]


@every_client
def test_a_refused_token_is_replaced_and_the_request_is_sent_again(client: Client) -> None:
    with fake() as this:

        def answer(request: Received) -> Reply:
            return Reply(200 if request.headers["authorization"] == f"Bearer {this.token}" else 401)

        with serve(answer) as api:
            auth = TokenAuth(_Untouched(api.url))
            assert client.get(auth, f"{api.url}/a") == 200
            this.refuse()
            assert client.get(auth, f"{api.url}/a") == 200
            assert [each.headers["Authorization"] for each in this.signed] == [
                "Bearer fake-token",
                "Bearer fake-token",
                "Bearer fake-token-2",
            ]


@every_client
def test_a_test_sets_the_token_and_the_next_request_has_it(client: Client) -> None:
    with serve(lambda request: Reply(200, {"got": request.headers["authorization"]})) as api, fake() as this:
        auth = TokenAuth(_Untouched(api.url))
        for token in ("mine", Token("typed", type="DPoP")):
            this.token = token
            expected = "Bearer mine" if token == "mine" else "DPoP typed"
            assert client.send(auth, Get(api.url)).json() == {"got": expected}


@pytest.mark.parametrize("token", ["", "two words", Token("line\nbreak")])
def test_a_token_that_can_t_be_sent_is_refused(token: Any) -> None:
    with fake() as this, pytest.raises(ValueError, match="can't be sent"):
        this.token = token
    with pytest.raises(ValueError, match="can't be sent"):
        logged_in(TokenAuth(_Untouched("https://api.example")), token)


@every_client
def test_a_login_fails_as_the_test_has_it_until_it_recovers(client: Client) -> None:
    with serve(lambda request: Reply(200)) as api, fake() as this:
        auth = TokenAuth(_Untouched(api.url))
        assert client.get(auth, api.url) == 200
        this.fail(CredentialsRejected("no such user"))
        for _ in range(2):
            with pytest.raises(CredentialsRejected, match="no such user"):
                client.get(auth, api.url)
        assert this.logins == 2, "the second is the remembered failure"
        this.recover()
        assert client.get(auth, api.url) == 200
        this.fail()
        with pytest.raises(TokenEndpointError):
            client.get(auth, api.url)


@pytest.mark.parametrize("failure", [ValueError("x"), CredentialsRejected, "rejected"])
def test_what_is_no_failure_of_a_login_is_refused(failure: Any) -> None:
    with fake() as this, pytest.raises(TypeError, match="TokenAuthError"):
        this.fail(failure)


def _family(url: str) -> dict[str, TokenAuth]:
    return {
        "manis": ManisAuth(url, merchant_id="m", secret=_untouchable),
        "platform": PlatformAuth(f"{url}/Token", username="u", password=_untouchable),
        "password": PasswordGrantAuth(f"{url}/token", username="u", password=_untouchable),
        "client credentials": ClientCredentialsAuth(f"{url}/token", client_id="c", client_secret=_untouchable),
        "steps": LoginAuth(
            f"{url}/login",
            json={"key": _untouchable, "nonce": Kept("nonce")},
            first=Call(f"{url}/nonce", keep={"nonce": "nonce"}),
            keep={"session": "session"},
            also={"X-Session": Kept("session")},
            logout=Call(f"{url}/logout"),
        ),
        "function": FunctionAuth(_untouchable, origins=[url]),
        "command": CommandAuth(["no-such-command"], origins=[url]),
        "file": FileAuth("/no/such/file", origins=[url]),
        "key": APIKeyAuth(_untouchable, origins=[url], header="X-API-Key"),
        "refresh token": RefreshTokenAuth(
            f"{url}/token", refresh_token=_untouchable, client_id="c", on_refresh_token=lambda _: _untouchable()
        ),
        "bearer": JWTBearerAuth(f"{url}/token", key=_untouchable, issuer="me"),
        "exchange": TokenExchangeAuth(
            f"{url}/token",
            subject_token=_untouchable,
            subject_token_type="urn:ietf:params:oauth:token-type:access_token",
            client_id="c",
        ),
        "param": LoginAuth(f"{url}/login", json={"key": _untouchable}, param="access_token"),
        "cookie": LoginAuth(f"{url}/login", json={"key": _untouchable}, cookie="session"),
    }


@pytest.mark.parametrize("name", _family("https://api.example"))
def test_every_auth_object_is_faked(name: str) -> None:
    """It makes no call but the request itself, reads no secret, and logs nobody out."""
    with serve(lambda request: Reply(200)) as api, fake() as this:
        with _family(api.url)[name] as auth:
            assert requests.get(f"{api.url}/a", auth=auth, timeout=20).status_code == 200
        assert [each.path for each in api.requests] == ["/a"]
        (signed,) = this.signed
        assert "fake-token" in f"{signed.url} {dict(signed.headers)}"
        assert "fake-token" not in repr(signed).replace(signed.url, "")


@every_client
def test_a_constant_secret_is_not_on_a_request(client: Client) -> None:
    """One that the auth object has sent before is forgotten for the block."""
    with serve(lambda request: Reply(200, {"got": request.headers["x-atlas-client-secret"]})) as api:
        auth = AtripAuth(client_id="c", client_secret="s3cret", user_name="u", role="r", order_no="", base_url=api.url)
        sent = [client.send(auth, Get(api.url)).json()["got"] for _ in range(2)]
        with fake() as this:
            sent += [client.send(auth, Get(api.url)).json()["got"] for _ in range(2)]
            assert len(this.signed) == 2
        sent.append(client.send(auth, Get(api.url)).json()["got"])
    assert sent == ["s3cret", "s3cret", "fake-token", "fake-token", "s3cret"]


def test_the_users_refresh_token_is_neither_used_nor_replaced(server: TokenServer) -> None:
    told: list[str] = []
    auth = RefreshTokenAuth(f"{server.url}/token", refresh_token="mine", client_id="c", on_refresh_token=told.append)
    rotated = Reply(200, {"access_token": "t-1", "refresh_token": "next"})
    server.answer = lambda request: rotated if request.path == "/token" else None
    auth.get_token()
    with fake() as this:
        this.token = Token("t", refresh_token="fake")
        assert auth.get_token().value == "t"
    auth.get_token()
    assert [b"refresh_token=mine" in call.body for call in server.token_calls] == [True, False]
    assert b"refresh_token=next" in server.token_calls[-1].body
    assert told == ["next"]


def test_a_portal_link_is_faked() -> None:
    with fake() as this:
        auth = AtripAuth(client_id="c", client_secret=_untouchable, user_name="u", role="admin", order_no="1")
        link = auth.portal_link()
        assert "fake-token" in link.url
        assert this.logins == 1


def test_a_store_is_not_told_of_fake_tokens(tmp_path: Any, server: TokenServer) -> None:
    def auth() -> TokenAuth:
        store = FileStore(tmp_path / "store")
        return ClientCredentialsAuth(f"{server.url}/oauth", client_id="c", client_secret="s3cret", store=store)

    with fake():
        assert auth().get_token().value == "fake-token"
    assert not (tmp_path / "store").exists() or not any((tmp_path / "store").iterdir())


@every_client
def test_one_fake_login_serves_all_at_once(client: Client) -> None:
    with serve(lambda request: Reply(200)) as api, fake() as this:
        assert client.herd(TokenAuth(_Untouched(api.url)), api.url, 16) == [200] * 16
        assert this.logins == 1
        assert len(this.signed) == 16


def test_nothing_fake_stays() -> None:
    auth = TokenAuth(_Untouched("https://api.example"))
    with fake():
        assert auth.get_token().value == "fake-token"
    assert auth._source.tokens.held() is None


def test_a_fake_in_a_fake_gives_way_to_the_outer_one() -> None:
    auth = TokenAuth(_Untouched("https://api.example"))
    with fake() as outer:
        outer.token = "outer"
        with fake():
            assert auth.get_token().value == "fake-token"
        assert auth.get_token().value == "outer"


# the clock


@every_client
def test_a_token_expires_when_the_clock_is_moved(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    with clock() as moved:
        assert client.get(auth, server.api) == 200
        moved.advance(3000)
        assert client.get(auth, server.api) == 200
        moved.advance(700)
        assert client.get(auth, server.api) == 200
        assert server.logins == 2 + (server.statuses.count(401))
    assert abs(SYSTEM.wall() - time.time()) < 100


def test_a_failure_cools_down_when_the_clock_is_moved(server: TokenServer) -> None:
    server.answer = lambda request: Reply(401) if request.path == "/token" else None
    auth = server.auth()
    with clock() as moved:
        for seconds, calls in [(0, 1), (30, 1), (31, 2)]:
            moved.advance(seconds)
            with pytest.raises(CredentialsRejected):
                auth.get_token()
            assert len(server.token_calls) == calls


def test_a_token_is_refreshed_early_when_the_clock_is_moved() -> None:
    with fake() as this, clock() as moved:
        this.lifetime = 1000
        auth = TokenAuth(_Untouched("https://api.example"))
        auth.get_token()
        moved.advance(600)
        auth.get_token()
        assert this.logins == 1
        moved.advance(250)
        auth.get_token()
        assert this.logins == 2


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_the_clock_goes_forward(seconds: float) -> None:
    with clock() as moved, pytest.raises(ValueError, match="0 or more"):
        moved.advance(seconds)


def test_a_clock_in_a_clock_gives_way_to_the_outer_one() -> None:
    with clock() as outer:
        outer.advance(1000)
        with clock() as inner:
            inner.advance(500)
            assert round(SYSTEM.wall() - time.time(), -1) == 1500
        assert round(SYSTEM.wall() - time.time(), -1) == 1000


def test_nothing_is_remembered_of_moved_time(server: TokenServer) -> None:
    auth = server.auth()
    with clock() as moved:
        moved.advance(1e6)
        auth.get_token()
    assert auth._source.tokens.held() is None


def test_time_outs_keep_their_length_while_the_clock_is_moved(server: TokenServer) -> None:
    with clock() as moved:
        moved.advance(100)
        assert server.auth(timeout=5).get_token().value == "token-1"


# a given token


@every_client
@pytest.mark.parametrize("way", ["logged_in", "fake"])
@pytest.mark.parametrize(
    "token", ["given", Token("given"), Token("given", kept={"csrf": "c-1"})], ids=["text", "token", "kept"]
)
def test_what_a_login_keeps_is_there_without_a_login(client: Client, token: str | Token, way: str) -> None:
    with serve(lambda _: Reply()) as server, contextlib.ExitStack() as stack:
        auth = LoginAuth(
            f"{server.url}/login", token="t", keep={"csrf": "csrf"}, also={"X-CSRF": Kept("csrf")}, cache={}
        )
        if way == "fake":
            stack.enter_context(fake()).token = token
        else:
            auth = logged_in(auth, token)
        assert client.get(auth, f"{server.url}/orders") == 200
        (sent,) = server.requests
        kept = token.kept.get("csrf") if isinstance(token, Token) else None
        assert (sent.headers["authorization"], sent.headers["x-csrf"]) == ("Bearer given", kept or "fake-csrf")


@every_client
def test_an_auth_object_holds_a_given_token_until_it_is_refused(client: Client, server: TokenServer) -> None:
    server.valid.add("given")
    original = server.auth()
    auth = logged_in(original, "given")
    assert client.get(auth, server.api) == 200
    assert server.logins == 0
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert server.logins == 1
    assert original._source.tokens.held() is None


def test_a_given_token_expires(server: TokenServer) -> None:
    with clock() as moved:
        auth = logged_in(server.auth(), Token("given", lifetime=60))
        assert auth.get_token().value == "given"
        moved.advance(61)
        assert auth.get_token().value == "token-1"


# at the same time


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_all_of_it_works_within_a_coroutine(client: Awaiting) -> None:
    async def main() -> str:
        with fake() as this, clock() as moved:
            this.lifetime = 60
            auth = TokenAuth(_Untouched("https://api.example"))
            await auth.aget_token()
            moved.advance(100)
            this.token = "second"
            return (await auth.aget_token()).value

    assert client.run(main) == "second"


def test_a_login_of_before_is_not_seen_in_a_test(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    """A thread that the test before has left is still logging in."""
    from tests.behaviour.test_given_up import Held

    auth, held = server.auth(), Held(server)
    before = background(auth.get_token)
    until(lambda: len(server.token_calls) == 1)
    with caplog.at_level(logging.INFO), isolated():
        held.release(None)
        assert before.result(20).value == "token-1"
        assert auth.get_token().value == "token-2"
    tokenauth.forget()
    assert asyncio.run(auth.aget_token()).value == "token-3"


def test_fakes_and_clocks_may_end_in_the_order_in_which_they_began(server: TokenServer) -> None:
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        first.enter_context(fake()).token = "first"
        second.enter_context(fake()).token = "second"
        first.enter_context(clock()).advance(1000)
        second.enter_context(clock()).advance(100)
        first.close()
        assert server.auth().get_token().value == "second"
        assert SYSTEM.wall() - time.time() == pytest.approx(100, abs=10)
    assert stand_in.current is None
    assert SYSTEM.wall() - time.time() == pytest.approx(0, abs=10)
