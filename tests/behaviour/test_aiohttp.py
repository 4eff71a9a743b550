"""What aiohttp alone asks of the middleware."""

import asyncio
import gzip
import io
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.clients import Aiohttp, Get, Post
from tests.servers import Received, Reply, serve
from tests.support import PlainProvider, TokenServer, token_server
from tokenauth import APIKeyAuth
from tokenauth._clients import middleware
from tokenauth.aiohttp import TokenAuth as AiohttpTokenAuth

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


def test_a_scheme_that_has_no_origin_is_warned_of_once(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    """aiohttp's connectors take such ones: `unix://`, `tcp://`, `npipe://`."""
    url = server.api.replace("http", "tcp", 1)
    assert [each.status for each in CLIENT.play(server.auth(), Get(url), Get(url))] == [401, 401]
    assert caplog.text.count("tcp: URL goes without the token") == 1


class GoesBackOnce(io.BytesIO):
    """A file that aiohttp may look at from its beginning, and that can't go back after that: a download's."""

    def seek(self, *given: Any) -> int:
        if self.tell() == len(self.getbuffer()):
            raise io.UnsupportedOperation("seek")
        return super().seek(*given)


def test_a_file_that_can_not_go_back_is_not_sent_again(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    auth = server.auth()
    CLIENT.get_token(auth)
    server.revoke()
    assert CLIENT.send(auth, Post(server.api, data=GoesBackOnce(b"0123456789"))).status == 401
    assert [each.body for each in server.server.to("/api")] == [b"0123456789"]
    assert ["can't be sent twice" in record.message for record in caplog.records] == [True]
    assert CLIENT.get(auth, server.api) == 200


def test_redirects_that_are_not_followed_are_forgotten_at_last(server: TokenServer) -> None:
    """Their sessions follow none, or have given up: nobody tells us."""
    auth, abroad = server.auth(), URL("https://elsewhere.example/")

    async def redirects(_: Any) -> Any:
        return SimpleNamespace(status=302, headers=CIMultiDict())

    async def main() -> None:
        for _ in range(5000):
            await auth(SimpleNamespace(url=abroad, headers=CIMultiDict(), body=b"", _timer=object()), redirects)

    middleware._chains.clear()
    CLIENT.run(main)
    assert len(middleware._chains) == 4096
    middleware._chains.clear()


async def _sends_again(request: Any, handler: Any) -> Any:
    (await handler(request)).release()
    return await handler(request)


@pytest.mark.parametrize("how", ["a middleware further out sends again", "the auth object stands there twice"])
def test_who_comes_home_from_abroad_gets_nothing_however_often_a_hop_is_sent(how: str, server: TokenServer) -> None:
    auth = server.auth()
    further_out = auth if how.startswith("the auth") else _sends_again

    def setup(session: Any) -> None:
        session._middlewares = (*session._middlewares[:1], further_out, auth)

    with serve(lambda request: Reply(302, headers={"Location": f"{server.url}/back"})) as far:
        server.answer = lambda request: (
            Reply(302, headers={"Location": f"{far.url}/x"}) if request.path == "/start" else None
        )
        assert CLIENT.send(auth, Get(f"{server.url}/start"), setup=setup).status == 401
    back = server.server.to("/back")
    assert back
    assert not [request for request in back if "authorization" in request.headers]
    assert server.logins == 1


def test_two_auth_objects_each_follow_redirects_at_home(server: TokenServer) -> None:
    """What is abroad for the one is home for the other."""
    with token_server() as second:
        second.answer = lambda request: Reply(302, headers={"Location": "/api"}) if request.path == "/start" else None

        def setup(session: Any) -> None:
            session._middlewares = (*session._middlewares[:1], server.auth(), *session._middlewares[1:])

        assert CLIENT.send(second.auth(), Get(f"{second.url}/start"), setup=setup).status == 200


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


# the body of a 401 decides nothing


def _on_and_on() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


BODIES: dict[str, Callable[[], Reply]] = {
    "truncated": lambda: Reply(raw=b"HTTP/1.1 401 No\r\nContent-Length: 100\r\nConnection: close\r\n\r\nabc"),
    "bad gzip": lambda: Reply(401, b"not gzip", {"Content-Encoding": "gzip"}),
    "without end": lambda: Reply(401, pieces=_on_and_on()),
    "large": lambda: Reply(401, b"x" * 3_000_000),
    "gzip": lambda: Reply(401, gzip.compress(b"why"), {"Content-Encoding": "gzip"}),
    "empty": lambda: Reply(401),
}


@pytest.mark.parametrize("how", ["send", "stream"])
@pytest.mark.parametrize("body", BODIES)
def test_whatever_the_body_of_a_401_the_token_is_renewed(body: str, how: str, server: TokenServer) -> None:
    def answer(request: Received) -> Reply | None:
        stale = request.path == "/api" and request.headers["authorization"] == "Bearer token-1"
        return BODIES[body]() if stale else None

    auth = server.auth()
    CLIENT.get_token(auth)
    server.revoke()
    server.answer = answer
    assert getattr(CLIENT, how)(auth, Get(server.api), pool=1, timeout=10.0).status == 200
    assert server.logins == 2


# who copies headers


def _renew(request: Any) -> None:
    request.headers = CIMultiDict(request.headers)


def _renew_by_hand(request: Any) -> None:
    request.headers = CIMultiDict([*request.headers.items(), ("X-Trace", "1")])


def _keep_and_put_back(request: Any) -> None:
    """As an instrumentation that puts what it saw first on each further request."""
    seen = request.session.__dict__.setdefault("_seen", dict(request.headers))
    request.headers.update({name: value for name, value in seen.items() if name.startswith("X-Trace")})


@pytest.mark.parametrize("copy", [_renew, _renew_by_hand, _keep_and_put_back])
@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
@pytest.mark.parametrize("where", ["outside", "inside"])
def test_headers_that_a_middleware_copies_go_nowhere_else(copy: Callable[[Any], None], header: str, where: str) -> None:
    async def copying(request: Any, handler: Any) -> Any:
        copy(request)
        return await handler(request)

    def setup(session: Any) -> None:
        first, auth = session._middlewares
        session._middlewares = (first, copying, auth) if where == "outside" else (first, auth, copying)

    with serve(lambda request: Reply(200), host="localhost") as abroad:

        def redirect(request: Received) -> Reply:
            targets = {"/home": "/there", "/abroad": f"{abroad.url}/x"}
            return Reply(302, headers={"Location": targets[request.path]}) if request.path in targets else Reply(200)

        with serve(redirect) as home:
            auth = APIKeyAuth("k-4711", origins=[home.url], header=header)
            urls = [f"{home.url}/home", f"{home.url}/abroad"]
            answers = CLIENT.play(auth, *map(Get, urls), setup=setup)
            assert [each.status for each in answers] == [200, 200]
            assert ["k-4711" in each.text for each in home.requests] == [True] * 3
            assert ["k-4711" in each.text for each in abroad.requests] == [False]


def test_the_class_for_aiohttp_alone_signs_and_renews(server: TokenServer) -> None:
    async def main() -> list[int]:
        async with (
            AiohttpTokenAuth(PlainProvider(server.url), cache={}) as auth,
            aiohttp.ClientSession(middlewares=[auth]) as session,
        ):
            met = []
            for _ in range(2):
                async with session.get(server.api) as response:
                    met.append(response.status)
                server.revoke()
            return met

    assert asyncio.run(main()) == [200, 200]
    assert server.logins == 2


# WebSockets


def test_a_websocket_s_handshake_is_signed_and_renewed(server: TokenServer) -> None:
    met: list[int] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        good = request.headers.get("Authorization", "").removeprefix("Bearer ") in server.valid
        met.append(101 if good else 401)
        if not good:
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def main() -> list[str]:
        app = web.Application()
        app.router.add_get("/ws", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/ws"
        heard = []
        auth = server.auth(origins=[url.removesuffix("/ws")])
        async with aiohttp.ClientSession(middlewares=[auth]) as session:
            for word in ("one", "two"):
                for scheme in ("http", "ws"):
                    async with session.ws_connect(url.replace("http", scheme)) as socket:
                        await socket.send_str(word)
                        heard.append(await socket.receive_str())
                server.revoke()
        await runner.cleanup()
        return heard

    assert CLIENT.run(main) == ["one", "one", "two", "two"]
    assert met == [101, 101, 401, 101, 101]
    assert server.logins == 2


def test_a_session_of_another_event_loop_fails_for_who_uses_it_there_alone(server: TokenServer) -> None:
    async def main() -> Any:
        async with aiohttp.ClientSession() as session:
            auth = server.auth(token_client=session)
            with pytest.raises(TypeError, match="of another event loop"):
                await asyncio.to_thread(lambda: Aiohttp().get(auth, server.api))
            return await auth.aget_token()

    assert asyncio.run(main()).value == "token-1"
