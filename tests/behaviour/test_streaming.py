"""I11: streams reach the caller unread, also after a retry; a single connection is enough, for a retry frees it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get, Post
from tests.servers import Received, Reply
from tests.support import TokenServer, token_server
from tokenauth import TokenAuth


@pytest.mark.parametrize("revoked", [False, True], ids=["at once", "after a retry"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_stream_reaches_the_caller_unread(client: Client, server: TokenServer, revoked: bool) -> None:
    """The body's rest is sent when the caller holds the response: who reads it before that waits in vain."""
    opened = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first "
        assert opened.wait(20)
        yield b"rest"

    def answer(request: Received) -> Reply | None:
        if request.path == "/token" or server.use(request).status == 401:
            return None
        return Reply(200, pieces=pieces())

    auth = server.auth()
    client.get_token(auth)
    if revoked:
        server.revoke()
    server.answer = answer
    answered = client.stream(auth, Get(server.api), opened.set)
    assert answered.unread
    assert (answered.status, answered.content) == (200, b"first rest")
    assert answered.history == ([401] if revoked else [])


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_second_401_of_a_stream_is_unread_too(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(401, b"why")
    answer = client.stream(server.auth(), Get(server.api))
    assert answer.unread
    assert (answer.status, answer.content, answer.history) == (401, b"why", [401])


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_401_of_a_streamed_one_shot_body_is_unread_too(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(401, b"why")
    answer = client.stream(server.auth(), Post(server.api, **client.generator([b"once"])))
    assert answer.unread
    assert (answer.status, answer.content, answer.history) == (401, b"why", [])


@pytest.mark.parametrize("how", ["play", "stream"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_one_connection_is_enough_for_a_retry(client: Client, server: TokenServer, how: str) -> None:
    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    if how == "play":
        assert client.send(auth, Get(server.api), pool=1).status == 200
    else:
        assert client.stream(auth, Get(server.api), pool=1).status == 200
    assert server.statuses == [401, 200]


@pytest.mark.parametrize("how", ["play", "stream"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_one_connection_is_enough_for_token_calls_on_the_same_client(
    client: Client, server: TokenServer, how: str
) -> None:
    """Cold: a token call, then the request. Revoked: the request, a token call, the request."""
    auths: list[TokenAuth] = []

    def attach(session: Any) -> None:
        auths.append(server.auth(token_client=session))
        client.set_auth(session, auths[0])
        server.revoke()

    def first_only(request: Received) -> Reply | None:
        if request.path == "/api" and request.headers["authorization"] == "Bearer token-1":
            return Reply(401, b"x" * 100_000)
        return None

    server.answer = first_only
    if how == "play":
        first, second = client.play(None, Get(server.api), Get(server.api), pool=1, setup=attach)
        assert (first.status, first.history, second.status, second.history) == (200, [401], 200, [])
    else:
        streamed = client.stream(None, Get(server.api), pool=1, setup=attach)
        assert (streamed.status, streamed.history, streamed.unread) == (200, [401], True)
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_call_leaves_nothing_in_the_history(client: Client) -> None:
    with token_server() as server:
        answer = client.send(server.auth(), Get(server.api))
        assert (answer.status, answer.history) == (200, [])
        assert len(server.token_calls) == 1
