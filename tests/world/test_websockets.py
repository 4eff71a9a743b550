"""WebSockets over a client of httpx or httpx2: the handshake is a request like any other, so it is signed."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx2
import httpx_ws
import pytest
from websockets.sync.server import serve

from tests.clients import TLS
from tests.servers import mute
from tests.support import background
from tests.world.scene import Scene

pytestmark = pytest.mark.slow


@dataclass
class Echo:
    """A WebSocket server that wants the scene's token, and returns what it is sent."""

    url: str = ""
    handshakes: list[bool] = field(default_factory=list)


@contextlib.contextmanager
def _echo(scene: Scene) -> Iterator[Echo]:
    this = Echo()

    def check(connection: Any, request: Any) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        this.handshakes.append(token in scene.valid)
        return None if token in scene.valid else connection.respond(401, "token\n")

    def answer(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    with mute() as bound:
        this.url = f"127.0.0.1:{bound.getsockname()[1]}/ws"
        bound.listen()
        with serve(answer, sock=bound, process_request=check) as server:
            done = background(server.serve_forever)
            try:
                yield this
            finally:
                server.shutdown()
                done.result(10)


def _httpx_ws(url: str, auth: Any) -> str:
    with httpx.Client(auth=auth, verify=TLS) as client, httpx_ws.connect_ws(url, client) as session:
        session.send_text("hello")
        return str(session.receive_text())


def _httpx_ws_async(url: str, auth: Any) -> str:
    async def main() -> str:
        async with httpx.AsyncClient(auth=auth, verify=TLS) as client, httpx_ws.aconnect_ws(url, client) as session:
            await session.send_text("hello")
            return str(await session.receive_text())

    return asyncio.run(main())


def _httpx2_ws(url: str, auth: Any) -> str:
    with httpx2.Client(auth=auth, verify=TLS) as client, client.websocket(url) as session:
        session.send_text("hello")
        return str(session.receive_text())


def _httpx2_ws_async(url: str, auth: Any) -> str:
    async def main() -> str:
        async with httpx2.AsyncClient(auth=auth, verify=TLS) as client, client.websocket(url) as session:
            await session.send_text("hello")
            return str(await session.receive_text())

    return asyncio.run(main())


WAYS = {
    "httpx-ws": _httpx_ws,
    "httpx-ws-async": _httpx_ws_async,
    "httpx2": _httpx2_ws,
    "httpx2-async": _httpx2_ws_async,
}
every_way = pytest.mark.parametrize("way", WAYS)
every_scheme = pytest.mark.parametrize("scheme", ["http", "ws"])


@every_scheme
@every_way
def test_a_handshake_is_signed(way: str, scheme: str, scene: Scene) -> None:
    """ws:// is the same host and port as http://, and the same origin to every browser's cookie and credential."""
    with _echo(scene) as echo:
        auth = scene.auth(origins=[f"http://{echo.url.removesuffix('/ws')}"])
        assert WAYS[way](f"{scheme}://{echo.url}", auth) == "hello"
    assert echo.handshakes == [True]
    assert scene.logins == 1


@every_scheme
@every_way
def test_a_handshake_that_is_refused_is_renewed(way: str, scheme: str, scene: Scene) -> None:
    with _echo(scene) as echo:
        auth = scene.auth(origins=[f"http://{echo.url.removesuffix('/ws')}"])
        auth.get_token()
        scene.revoke()
        assert WAYS[way](f"{scheme}://{echo.url}", auth) == "hello"
    assert echo.handshakes == [False, True]
    assert scene.logins == 2


@every_scheme
@every_way
def test_a_handshake_abroad_is_not_signed(way: str, scheme: str, scene: Scene) -> None:
    with _echo(scene) as echo, pytest.raises(Exception, match=r"."):
        WAYS[way](f"{scheme}://{echo.url}", scene.auth())
    assert echo.handshakes == [False]
    assert scene.logins == 0
