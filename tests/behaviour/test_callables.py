"""Secrets that are callables: one call for each login, whatever they are used for, and none in between."""

import itertools
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply
from tests.support import token_server
from tokenauth import AtripAuth, CredentialsRejected, PasswordGrantAuth, PlatformAuth, TokenAuth, TokenAuthError
from tokenauth.providers import Login, Secret

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


@dataclass(eq=False)
class Vault:
    """A callable secret that counts: "v-1", "v-2" …"""

    values: list[str] = field(default_factory=list)

    def __call__(self) -> str:
        self.values.append(f"v-{len(self.values) + 1}")
        return self.values[-1]


def twice_in_the_call(url: str, vault: Vault) -> TokenAuth:
    provider = Login(f"{url}/token", headers={"X-Key": vault}, json={"key": vault}, token="token")
    return TokenAuth(provider, cache={})


def in_basic_and_form(url: str, vault: Vault) -> TokenAuth:
    return PlatformAuth(f"{url}/token", username="u", password=vault, cache={})


def in_the_call_and_kept(url: str, vault: Vault) -> TokenAuth:
    provider = Login(f"{url}/token", headers={"X-Key": vault}, token="token", also={"X-Key": vault})
    return TokenAuth(provider, cache={})


@every
@pytest.mark.parametrize("make", [twice_in_the_call, in_basic_and_form, in_the_call_and_kept])
def test_a_callable_is_called_once_for_each_login(client: Client, make: Callable[..., TokenAuth]) -> None:
    vault = Vault()
    with token_server() as server:
        if make is in_basic_and_form:
            server.login = _as_oauth(server)  # type: ignore[method-assign]
        auth = make(server.url, vault)
        assert [each.status for each in client.play(auth, *[Get(server.api)] * 3)] == [200] * 3
        assert vault.values == ["v-1"]
        server.revoke()
        assert client.get(auth, server.api) == 200
        assert vault.values == ["v-1", "v-2"]


def _as_oauth(server: Any) -> Callable[[], Reply]:
    issue = server.login

    def login() -> Reply:
        return Reply(200, {"access_token": issue().body["token"], "expires_in": 3600})

    return login


@every
def test_also_are_those_of_the_login(client: Client) -> None:
    vault = Vault()
    with token_server() as server:
        auth = in_the_call_and_kept(server.url, vault)
        client.play(auth, Get(server.api), Get(server.api))
        server.revoke()
        client.get(auth, server.api)
        keys = [request.headers["x-key"] for request in server.server.requests]
        assert keys == ["v-1", "v-1", "v-1", "v-1", "v-2", "v-2"]  # login, twice, 401, login, retry


def test_a_public_callable_among_them_is_read_at_each_request() -> None:
    ticks = iter("123456789")
    with token_server() as server:
        provider = Login(f"{server.url}/token", token="token", also={"X-Time": lambda: next(ticks)}, public=["x-time"])
        auth = TokenAuth(provider, cache={})
        CLIENTS[0].play(auth, Get(server.api), Get(server.api))
        first, second = (request.headers["x-time"] for request in server.server.to("/api"))
        assert first < second


def test_outside_of_a_login_each_look_is_a_call() -> None:
    vault = Vault()
    secret = Secret("key", vault)
    assert (secret.last(), secret.last(), secret.reveal(), secret.last()) == ("v-1", "v-1", "v-2", "v-2")


def test_an_echoed_refresh_token_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """It is too short to be taken for a token by its looks."""

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        if b"grant_type=refresh_token" in request.body:
            assert b"refresh_token=short-r%2B1" in request.body
            text = "no such token: short-r+1 (short-r%2B1)"
            return Reply(400, {"error": "invalid_grant", "error_description": text})
        token = json.loads(json.dumps(server.login().body))["token"]
        return Reply(200, {"access_token": token, "refresh_token": "short-r+1"})

    with token_server(answer=answer) as server, caplog.at_level(logging.DEBUG, "tokenauth"):
        auth = PasswordGrantAuth(f"{server.url}/token", username="u", password="p-4711", cache={})
        assert CLIENTS[0].get(auth, server.api) == 200
        server.revoke()
        assert CLIENTS[0].get(auth, server.api) == 200
    (text,) = [record.getMessage() for record in caplog.records if "didn't work" in record.getMessage()]
    assert "no such token: *** (***)" in text
    assert "short-r" not in caplog.text


@every
def test_one_that_raises_at_a_renewal_is_called_once(client: Client) -> None:
    """The refresh token was not sent, and a login would fail as well: another try at once would never end."""
    calls: list[bool] = []
    broken = False

    def secret() -> str:
        calls.append(broken)
        if broken:
            raise KeyError("s-4711")
        return "s-4711"

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        return Reply(
            200, {"access_token": json.loads(json.dumps(server.login().body))["token"], "refresh_token": "r-1"}
        )

    with token_server(answer=answer) as server:
        url = f"{server.url}/token"
        auth = PasswordGrantAuth(
            url, username="u", password="p", client_id="c", client_secret=secret, cache={}, timeout=20.0
        )
        assert client.get(auth, server.api) == 200
        server.revoke()
        broken = True
        with pytest.raises(TokenAuthError, match="client_secret raised KeyError"):
            client.get(auth, server.api)
        assert calls.count(True) == 1, "your secret callable was called again and again"
        broken = False
        assert client.get(auth, server.api) == 200
        assert b"refresh_token=r-1" in server.token_calls[-1].body


@every
def test_a_static_secret_is_read_once_for_each_call_and_blocks_no_event_loop(client: Client) -> None:
    threads: list[int] = []

    def secret() -> str:
        threads.append(threading.get_ident())
        return f"s-{len(threads)}"

    with token_server(answer=lambda request: Reply(200, {})) as server:
        auth = _atrip(server.url, secret)
        client.play(auth, Get(f"{server.url}/search.do"), Get(f"{server.url}/search.do"))
        sent = [request.headers["x-atlas-client-secret"] for request in server.server.requests]
    assert sent == ["s-1", "s-2"]
    assert (threading.get_ident() in threads) != client.is_async


@every
def test_a_static_secret_that_can_not_be_read_is_an_error_of_ours(client: Client) -> None:
    def secret() -> str:
        raise KeyError("s-4711")

    with token_server() as server, pytest.raises(TokenAuthError, match="raised KeyError"):
        client.get(_atrip(server.url, secret), f"{server.url}/search.do")


def _atrip(url: str, secret: Callable[[], str]) -> AtripAuth:
    return AtripAuth(
        client_id="c", client_secret=secret, user_name="u", role="Admin", order_no="", base_url=url, cache={}
    )


def rejecting(request: Received) -> Reply | None:
    return Reply(401, {"error": "invalid_client"}) if request.path == "/token" else None


@every
def test_one_for_each_request_sends_a_wrong_password_once(client: Client) -> None:
    """As where each request makes its own auth object, with a lambda."""
    with token_server(answer=rejecting) as server:
        for _ in range(5):
            auth = PlatformAuth(f"{server.url}/token", username=server.user, password=lambda: "wrong")
            with pytest.raises(CredentialsRejected):
                client.get(auth, server.api)
        assert len(server.token_calls) == 1


@every
def test_one_whose_answers_alternate_sends_each_wrong_password_once(client: Client) -> None:
    """As where one of two replicas of a vault is behind."""
    with token_server(answer=rejecting) as server:
        words = itertools.cycle(["new", "new", "old", "old", "old"])
        auth = PlatformAuth(f"{server.url}/token", username="u", password=lambda: next(words), cache={})
        for _ in range(20):
            with pytest.raises(CredentialsRejected):
                client.get(auth, server.api)
        assert len(server.token_calls) == 2
