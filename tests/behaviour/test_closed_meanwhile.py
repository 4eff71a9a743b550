"""A login that is under way when the auth object is closed leaves no session open, wherever its caller is."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.behaviour.test_given_up import Held, every_client
from tests.clients import CLIENTS, Client, leave
from tests.servers import Received, Reply
from tests.stores import DictStore
from tests.support import TokenServer, background, until, waiting
from tokenauth import ClientCredentialsAuth, TokenAuthError

each_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


class Sessions(Held):
    """Token calls are held back; who logs out ends the session."""

    ended: list[str]

    def __init__(self, server: TokenServer) -> None:
        super().__init__(server)
        self.ended = []

    def __call__(self, request: Received) -> Reply | None:
        if request.path == "/revoke":
            self.ended += parse_qs(request.body.decode())["token"]
            return Reply(200)
        if super().__call__(request) is None and request.path == "/token":
            token = self.server.login().body
            assert isinstance(token, dict)
            return Reply(200, {"access_token": token["token"], "token_type": "Bearer", "expires_in": 3600})
        return None

    def auth(self, **more: Any) -> Any:
        url = self.server.url
        return ClientCredentialsAuth(
            f"{url}/token", client_id=self.server.user, client_secret="s", revocation_url=f"{url}/revoke", **more
        )


@pytest.fixture(params=[False, True], ids=["alone", "with a store"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"cache": {}, "store": DictStore() if request.param else None}


@every_client
def test_a_login_that_was_given_up(client: Client, give_up: Any, server: TokenServer, options: Any) -> None:
    sessions = Sessions(server)
    auth = sessions.auth(**options)
    give_up(client, auth, server)
    left = background(lambda: leave(client, auth))
    until(lambda: waiting(auth) == 1)
    sessions.release(None)
    left.result(20)
    assert (server.logins, sessions.ended) == (1, ["token-1"])
    assert client.get(auth, server.api) == 200
    leave(client, auth)
    assert (server.logins, sessions.ended) == (2, ["token-1", "token-2"])


@each_client
def test_those_who_wait_for_it_are_told(client: Client, server: TokenServer, options: Any) -> None:
    sessions = Sessions(server)
    auth = sessions.auth(**options)
    herd = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: server.token_calls and waiting(auth) == 2)
    left = background(lambda: leave(client, auth))
    until(lambda: waiting(auth) == 3)
    sessions.release(None)
    problems: list[Any] = herd.result(20)
    left.result(20)
    assert ["was closed" in str(problem) for problem in problems] == [True] * 3
    assert (server.logins, sessions.ended) == (1, ["token-1"])


@each_client
def test_who_comes_later_logs_in(client: Client, server: TokenServer) -> None:
    sessions = Sessions(server)
    cache: dict[Any, Any] = {}
    auth = sessions.auth(cache=cache)
    first = background(lambda: client.herd(auth, server.api, 1))
    until(lambda: server.token_calls)
    left = background(lambda: leave(client, auth))
    until(lambda: waiting(auth) == 1)
    another = sessions.auth(cache=cache)
    later = background(lambda: client.herd(another, server.api, 3))
    until(lambda: waiting(auth) == 4)
    sessions.release(None)
    assert later.result(20) == [200] * 3
    assert isinstance(first.result(20)[0], TokenAuthError)
    left.result(20)
    assert (server.logins, sessions.ended) == (2, ["token-1"])
