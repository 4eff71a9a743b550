"""B.15: a token call on a lent HTTP/2 client that comes to nothing leaves the user's other requests alone, and ends."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx2
import pytest

from tests.h2 import hypercorn
from tests.support import PlainProvider, background, token_threads
from tokenauth import TokenAuth, TokenEndpointError

pytestmark = pytest.mark.slow
LIBRARIES: list[Any] = [httpx, httpx2]
every_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
TIMEOUT = 0.5
PIECES = 14
"""Of the user's slow answer, each 0.15 s after the one before: so it outlasts a token call with all its timeouts."""


@dataclass
class Api:
    """At /slow and /silent an answer that takes long, with pieces meanwhile or without; at /token what *token* says."""

    url: str = ""
    token: str = "hangs"
    peers: list[tuple[str, int]] = field(default_factory=list)
    """Path and port of who asked."""
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    """Whether whoever asked for a token has hung up."""
    over: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert scope["http_version"] == "2"
        while (await receive()).get("more_body"):
            pass
        self.peers.append((scope["path"], scope["client"][1]))
        if scope["path"] == "/token" and self.token == "hangs":
            await self._gone(receive)
            return
        if scope["path"] == "/silent":
            self.begun.set()
            await asyncio.sleep(PIECES * 0.15)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/slow":
            for _ in range(PIECES):
                await self._piece(send)
                self.begun.set()
        elif scope["path"] == "/token" and self.token == "drips":
            gone = asyncio.ensure_future(self._gone(receive))
            while not gone.done():
                await self._piece(send)
            return
        body = b'{"token": "t-1", "lifetime": 600}' if scope["path"] == "/token" else b"."
        await send({"type": "http.response.body", "body": body})

    async def _gone(self, receive: Any) -> None:
        heard = asyncio.ensure_future(receive())
        while not heard.done() and not self.over.is_set():
            await asyncio.wait([heard], timeout=0.05)
        if not heard.cancel():
            self.ended.set()

    @staticmethod
    async def _piece(send: Any) -> None:
        await send({"type": "http.response.body", "body": b".", "more_body": True})
        await asyncio.sleep(0.15)

    def auth(self, client: Any) -> TokenAuth:
        return TokenAuth(PlainProvider(self.url), token_client=client, timeout=TIMEOUT, cache={})


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    with hypercorn(api) as api.url:
        yield api
        api.over.set()


def ended(strangers: list[threading.Thread], seconds: float) -> bool:
    """Whether our token calls end within *seconds*."""
    end = time.monotonic() + seconds
    while token_threads(strangers) and time.monotonic() < end:
        time.sleep(0.02)
    return not token_threads(strangers)


SETTINGS: dict[str, Any] = {"http1": False, "http2": True, "timeout": 20.0}


@every_library
@pytest.mark.parametrize("token", ["hangs", "drips"])
@pytest.mark.parametrize("path", ["/slow", "/silent"])
def test_a_token_call_that_comes_to_nothing_leaves_other_requests_alone(
    library: Any, token: str, path: str, api: Api
) -> None:
    api.token = token
    strangers = threading.enumerate()
    with library.Client(**SETTINGS) as client:
        slow = background(lambda: client.get(f"{api.url}{path}").content)
        assert api.begun.wait(10)
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        assert ended(strangers, seconds=2), "a token call lasts"
        assert not slow.done()
        assert slow.result(10).endswith(b".")
        assert client.get(f"{api.url}/x").content == b"."
        assert len({port for path, port in api.peers if path != "/token"}) == 1, "the user's connection is in use still"
        assert api.ended.wait(5), "the endpoint is left waiting"


@every_library
def test_a_token_call_that_nobody_else_speaks_beside_ends(library: Any, api: Api) -> None:
    api.token = "drips"
    strangers = threading.enumerate()
    with library.Client(**SETTINGS) as client:
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        assert ended(strangers, seconds=2)


@every_library
def test_a_login_goes_by_http2_and_the_users_connection_serves_on(library: Any, api: Api) -> None:
    api.token = "good"
    with library.Client(**SETTINGS) as client:
        auth = api.auth(client)
        for _ in range(2):
            assert client.get(f"{api.url}/x", auth=auth).status_code == 200
            auth.invalidate()
        assert len({port for path, port in api.peers if path == "/x"}) == 1


@every_library
@pytest.mark.parametrize("token", ["hangs", "drips"])
@pytest.mark.parametrize(("path", "how"), [("/slow", "cancelled"), ("/silent", "cancelled"), ("/silent", "time")])
def test_the_same_with_an_async_client(library: Any, token: str, path: str, how: str, api: Api) -> None:
    api.token = token

    async def main() -> None:
        async with library.AsyncClient(**SETTINGS) as client:
            slow = asyncio.create_task(client.get(f"{api.url}{path}"))
            await asyncio.to_thread(api.begun.wait, 10)
            await _fails(api.auth(client), how)
            assert (await slow).content.endswith(b".")
            assert (await client.get(f"{api.url}/x")).status_code == 200
            assert len({port for path, port in api.peers if path != "/token"}) == 1

    asyncio.run(main())


async def _fails(auth: TokenAuth, how: str) -> None:
    if how == "time":
        with pytest.raises(TokenEndpointError):
            await auth.aget_token()
        return
    task = asyncio.create_task(auth.aget_token())
    await asyncio.sleep(TIMEOUT / 2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@every_library
def test_a_transport_around_it_makes_no_difference(library: Any, api: Api) -> None:
    class Around(library.BaseTransport):  # type: ignore[misc]  # either library's
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def handle_request(self, request: Any) -> Any:
            return self.inner.handle_request(request)

        def close(self) -> None:
            self.inner.close()

    transport = Around(library.HTTPTransport(http1=False, http2=True))
    with library.Client(transport=transport, timeout=20.0) as client:
        slow = background(lambda: client.get(f"{api.url}/slow").content)
        assert api.begun.wait(10)
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        assert slow.result(10).endswith(b".")
