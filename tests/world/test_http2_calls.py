"""B.15: a token call on a lent HTTP/2 client that comes to nothing leaves the user's other requests alone, and ends."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx2
import pytest

from tests.h2 import hypercorn
from tests.support import PlainProvider, background, token_threads, until
from tokenauth import TokenAuth, TokenEndpointError

pytestmark = pytest.mark.slow
LIBRARIES: list[Any] = [httpx, httpx2]
every_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
TIMEOUT = 0.5


@dataclass
class Api:
    """At /slow and /silent an answer until it `may_end`, with pieces or without; at /token what *token* says."""

    url: str = ""
    token: str = "hangs"
    peers: list[tuple[str, int]] = field(default_factory=list)
    """Path and port of who asked."""
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    """Whether whoever asked for a token has hung up."""
    may_end: threading.Event = field(default_factory=threading.Event)
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
            await asyncio.to_thread(self.may_end.wait, 60)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/slow":
            while not self.may_end.is_set():
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

    @property
    def asked(self) -> bool:
        """Whether somebody has asked for a token."""
        return any(path == "/token" for path, _ in self.peers)

    def auth(self, client: Any) -> TokenAuth:
        return TokenAuth(PlainProvider(self.url), token_client=client, timeout=TIMEOUT, cache={})


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    with hypercorn(api) as api.url:
        yield api
        api.may_end.set()
        api.over.set()


SETTINGS: dict[str, Any] = {"http1": False, "http2": True, "timeout": 100.0}


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
        assert api.begun.wait(30)
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        until(lambda: not token_threads(strangers))
        api.may_end.set()
        assert slow.result(30).endswith(b".")
        assert client.get(f"{api.url}/x").content == b"."
        assert len({port for path, port in api.peers if path != "/token"}) == 1, "the user's connection is in use still"
        until(lambda: api.ended.is_set() or not api.asked)  # else the endpoint is left waiting


@every_library
def test_a_token_call_that_nobody_else_speaks_beside_ends(library: Any, api: Api) -> None:
    api.token = "drips"
    strangers = threading.enumerate()
    with library.Client(**SETTINGS) as client:
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        until(lambda: not token_threads(strangers))


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
            await asyncio.to_thread(api.begun.wait, 30)
            await _fails(api, client, how)
            api.may_end.set()
            assert (await slow).content.endswith(b".")
            assert (await client.get(f"{api.url}/x")).status_code == 200
            assert len({port for path, port in api.peers if path != "/token"}) == 1

    asyncio.run(main())


async def _fails(api: Api, client: Any, how: str) -> None:
    if how == "time":
        with pytest.raises(TokenEndpointError):
            await api.auth(client).aget_token()
        return
    task = asyncio.create_task(api.auth(client).aget_token())
    await asyncio.to_thread(until, lambda: api.asked or task.done())
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
    with library.Client(transport=transport, timeout=100.0) as client:
        slow = background(lambda: client.get(f"{api.url}/slow").content)
        assert api.begun.wait(30)
        with pytest.raises(TokenEndpointError):
            api.auth(client).get_token()
        api.may_end.set()
        assert slow.result(30).endswith(b".")
