"""`refused=` with a place in the body: which bodies are read for it, and what becomes of one that can't be read."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import CLIENTS, FAMILY, Awaiting, Client
from tests.servers import Received, Reply
from tests.support import ManualClock, PlainProvider, TokenServer, with_clock
from tokenauth import TokenAuth

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
EXPIRED = b'{"errcode": 40001}'
REFUSED: dict[str, Any] = {"refused": (200, "errcode", 40001), "cache": {}}


def typed(kind: str, **body: Any) -> Reply:
    return Reply(200, headers={"Content-Type": kind}, **body)


CASES: dict[str, tuple[Any, bool]] = {
    "JSON": (lambda: typed("application/json", body=EXPIRED), True),
    "JSON in pieces": (lambda: typed("application/json; charset=utf-8", pieces=[EXPIRED]), True),
    "JSON of its own kind in pieces": (lambda: typed("application/problem+json", pieces=[EXPIRED]), True),
    "text in pieces": (lambda: typed("text/event-stream", pieces=[EXPIRED]), False),
    "a picture": (lambda: typed("image/png", body=EXPIRED), False),
    "more than 1 MiB": (lambda: typed("application/json", body=EXPIRED + b" " * 1024 * 1024), False),
}


def once(server: TokenServer, reply: Any) -> None:
    """Let *server* answer the first request to the API so."""
    replies = iter([reply])
    server.answer = lambda request: next(replies, lambda: None)() if request.path == "/api" else None


@every
@pytest.mark.parametrize("case", CASES)
def test_a_body_is_read_where_it_is_short_or_json(client: Client, case: str, server: TokenServer) -> None:
    """requests reads what is not asked for as a stream anyway."""
    reply, is_read = CASES[case]
    once(server, reply)
    assert client.get(server.auth(**REFUSED), server.api) == 200
    assert server.logins == (2 if is_read or client.of_requests else 1)


@every
def test_each_answer_is_looked_at_once(client: Client, server: TokenServer) -> None:
    """A function may parse the body, or count."""
    seen: list[int] = []

    def ended(response: Any) -> bool:
        status = getattr(response, "status_code", None) or response.status
        seen.append(status)
        return bool(status == 401)

    auth = server.auth(refused=ended, cache={})
    client.get(auth, server.api)
    assert seen == [200]
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert seen == [200, 401, 200]


@every
def test_a_body_that_breaks_off_is_the_client_s_own_error(client: Client, server: TokenServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
    once(server, lambda: Reply(raw=head + b"{"))
    auth = server.auth(**REFUSED)
    with pytest.raises(client.error_root) as met:
        client.get(auth, server.api)
    assert type(met.value).__module__.partition(".")[0] == client.library.__name__
    assert client.get(auth, server.api) == 200
    assert server.logins == 1


class Users(TokenAuth):
    """One whose flow is the user's own: async clients run it, too."""

    def auth_flow(self, request: Any) -> Iterator[Any]:  # type: ignore[override]  # a generator
        yield from super().auth_flow(request)


@pytest.mark.parametrize("client", FAMILY, ids=repr)
def test_a_flow_of_the_user_s_own_renews_what_a_body_refuses(client: Client, server: TokenServer) -> None:
    once(server, CASES["JSON in pieces"][0])
    assert client.get(Users(PlainProvider(server.url, server.user), **REFUSED), server.api) == 200
    assert server.logins == 2


@pytest.mark.parametrize("client", FAMILY, ids=repr)
@pytest.mark.parametrize("is_own", [False, True], ids=["", "own token client"])
def test_a_flow_of_the_user_s_own_logs_in_once_where_the_server_has_no_other_token(
    client: Client, is_own: bool, server: TokenServer
) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            server.login()
            return Reply(200, {"token": "token-1"})
        return Reply(401) if len(server.server.to("/api")) == 1 else None

    server.answer = answer
    own = client.own_client() if is_own and isinstance(client, Awaiting) else None
    assert client.get(Users(PlainProvider(server.url, server.user), cache={}, token_client=own), server.api) == 200
    assert server.logins == 2


@pytest.mark.parametrize("client", FAMILY, ids=repr)
def test_a_flow_of_the_user_s_own_makes_no_more_logins_where_they_help_nobody(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    server.answer = lambda request: Reply(401) if request.path == "/api" else None
    auth = with_clock(Users(PlainProvider(server.url, server.user), cache={}), clock)
    assert [client.get(auth, server.api) for _ in range(3)] == [401] * 3
    assert (server.logins, len(server.server.to("/api"))) == (2, 4)
