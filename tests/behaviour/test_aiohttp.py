"""What aiohttp alone asks of the middleware."""

import threading
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.clients import Aiohttp, Get
from tests.servers import Received, Reply
from tests.support import TokenServer, token_server

CLIENT = Aiohttp()


@pytest.mark.parametrize("total", [20.0, None])
def test_who_comes_home_from_abroad_gets_nothing_whatever_the_timeout(total: float | None, server: TokenServer) -> None:
    """Without a timeout aiohttp has no timer that could be referred to weakly."""

    def at_home(request: Received) -> Reply | None:
        if request.path == "/out":
            return Reply(302, headers={"Location": f"{abroad.url}/back"})
        return None

    with token_server() as abroad:
        server.answer = at_home
        abroad.answer = lambda request: Reply(302, headers={"Location": server.api})
        assert CLIENT.send(server.auth(), Get(f"{server.url}/out"), timeout=total).status == 401
        (back,) = server.server.to("/api")
        assert "authorization" not in back.headers
        assert "authorization" not in abroad.server.requests[0].headers
    assert server.logins == 1


def test_a_refusal_that_stalls_holds_nobody_up_in_a_pool_of_one(server: TokenServer) -> None:
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        over.wait(20)

    def answer(request: Received) -> Reply | None:
        stale = request.path == "/api" and request.headers["authorization"] == "Bearer token-1"
        return Reply(401, pieces=pieces()) if stale else None

    auth = server.auth()
    CLIENT.get_token(auth)
    server.answer = answer
    try:
        assert CLIENT.send(auth, Get(server.api), pool=1, timeout=10.0).status == 200
    finally:
        over.set()
    assert server.logins == 2


def test_a_refusal_that_the_session_raises_on_is_learnt_of(server: TokenServer) -> None:
    auth = server.auth()
    CLIENT.get_token(auth)
    server.revoke()

    async def raising(request: Any, handler: Any) -> Any:
        response = await handler(request)
        response.raise_for_status()
        return response

    def setup(session: Any) -> None:
        session._middlewares = (*session._middlewares, raising)

    with pytest.raises(aiohttp.ClientResponseError):
        CLIENT.send(auth, Get(server.api), setup=setup)
    assert CLIENT.get(auth, server.api) == 200
    assert server.logins == 2
