"""A 401's body decides nothing: however it breaks, stalls or goes on, the token is renewed and used."""

import gzip
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from tests.clients import CLIENTS, FAMILY, Client, Get
from tests.servers import Received, Reply
from tests.support import ManualClock, TokenServer, with_clock

HTTPX = FAMILY
UNTRACED = [client for client in HTTPX if "trio" not in client.name]
HOWS = ["play", "stream"]
LIMIT = 64 * 1024

every_client = pytest.mark.parametrize("client", HTTPX, ids=repr)
every_reading = pytest.mark.parametrize(
    ("client", "how"),
    [(client, how) for client in HTTPX for how in HOWS]
    + [(client, "play") for client in CLIENTS if client.name == "requests"],  # which reads no stream
    ids=repr,
)


def refusing(server: TokenServer, refusal: Callable[[], Reply]) -> None:
    """Let *server* answer *refusal* where it would answer 401."""

    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            return None
        good = request.headers.get("authorization", "").removeprefix("Bearer ") in server.valid
        return None if good else refusal()

    server.answer = answer


def ask(client: Client, how: str, server: TokenServer, auth: Any = None, **settings: Any) -> Any:
    """Send a request with a token that is no longer good."""
    auth = auth or server.auth()
    client.get_token(auth)
    server.revoke()
    return getattr(client, {"play": "send"}.get(how, how))(auth, Get(server.api), **settings)


BROKEN = {
    "truncated": b"HTTP/1.1 401 No\r\nContent-Length: 100\r\nConnection: close\r\n\r\nabc",
    "bad gzip": b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\nConnection: close\r\n\r\nnot gzip",
    "bad chunk": b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\nzz\r\nabc",
}
KEPT = {"truncated": b"abc", "bad gzip": b"not gzip", "bad chunk": b"abc"}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", BROKEN)
@every_client
def test_a_broken_401_is_renewed(client: Client, case: str, how: str, server: TokenServer) -> None:
    refusing(server, lambda: Reply(raw=BROKEN[case]))
    answer = ask(client, how, server, pool=1)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == KEPT[case]
    assert server.logins == 2


@every_client
def test_a_401_that_stalls_is_renewed(client: Client, server: TokenServer) -> None:
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        over.wait(20)

    refusing(server, lambda: Reply(401, pieces=pieces()))
    try:
        answer = ask(client, "play", server, timeout=2.0, pool=1)
    finally:
        over.set()
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == b"abc"
    assert server.logins == 2


class Going:
    """A body that goes on until the request has been sent again; whether it came to that is `ended`."""

    def __init__(self, server: TokenServer, pieces: list[bytes]) -> None:
        self.ended: list[bool] = []
        self._over = threading.Event()
        self._pieces = pieces
        refusing(server, lambda: Reply(401, pieces=self._body()))
        refuse = server.answer

        def answer(request: Received) -> Reply | None:
            refusal = refuse(request)
            if request.path == "/api" and refusal is None:
                self._over.set()
            return refusal

        server.answer = answer

    def _body(self) -> Iterator[bytes]:
        yield from self._pieces
        self.ended.append(self._over.wait(10))

    def over(self) -> bool:
        return self._over.wait(10)


@every_reading
def test_a_401_without_end_is_read_up_to_64_kib(client: Client, how: str, server: TokenServer) -> None:
    body = Going(server, [bytes([number]) * 1000 for number in range(70)])
    answer = ask(client, how, server, standing_still(server), pool=1)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == b"".join(bytes([number]) * 1000 for number in range(70))[:LIMIT]
    assert body.ended in ([True], [])  # [] where the closed connection has ended it before
    assert body.over()


def standing_still(server: TokenServer) -> Any:
    """Return an auth object for which no time passes: it reads a body to the limit, however long that takes."""
    return with_clock(server.auth(), ManualClock())


class Ticking(ManualClock):
    """0.3 s later at each reading."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = type(self.clock)(self._tick, lambda: self.wall_now)

    def _tick(self) -> float:
        self.monotonic_now += 0.3
        return self.monotonic_now


@every_reading
def test_a_401_that_drips_is_read_for_a_second(client: Client, how: str, server: TokenServer) -> None:
    body = Going(server, [b"x"] * 8)
    answer = ask(client, how, server, with_clock(server.auth(timeout=1000.0), Ticking()), pool=1)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == b"xxxx"
    assert body.ended in ([True], [])
    assert body.over()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("coding", ["", "gzip"])
@every_client
def test_a_usual_401_is_read_whole_and_its_connection_used_again(
    client: Client, coding: str, how: str, server: TokenServer
) -> None:
    text = b"why: " + b"because " * 1000
    body, headers = (gzip.compress(text), {"Content-Encoding": coding}) if coding else (text, {})
    refusing(server, lambda: Reply(401, body, headers))
    answer = ask(client, how, server, pool=1)
    assert (answer.status, answer.history) == (200, [401])
    (refusal,) = answer.response.history
    assert (refusal.content, refusal.text) == (text, text.decode())
    assert refusal.is_closed
    assert refusal.num_bytes_downloaded == len(body)
    assert refusal.extensions["network_stream"] is answer.response.extensions["network_stream"]


@every_client
def test_the_client_takes_what_was_read_for_the_content(client: Client) -> None:
    """It reads the response of each step of an auth flow, and would meet what we have met."""
    for library in (httpx, httpx2):
        response = library.Response(401, stream=library.ByteStream(b"abc"))
        response._content = b"read before"
        assert (response.read(), response.content) == (b"read before", b"read before")


class Stop(BaseException):
    """As Ctrl-C, a cancellation, the end of a program."""


@every_client
def test_what_ends_the_program_or_the_task_comes_through(client: Client, server: TokenServer) -> None:
    def trace(name: str, info: Any) -> None:
        if name.endswith("receive_response_body.started"):
            raise Stop

    async def atrace(name: str, info: Any) -> None:
        trace(name, info)

    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    with pytest.raises(Stop):
        client.send(auth, Get(server.api, extensions={"trace": atrace if client.is_async else trace}))
    assert server.logins == 1


@pytest.mark.parametrize("client", [client for client in HTTPX if client.is_async], ids=repr)
def test_a_task_is_cancelled_while_a_401_is_read(client: Any, server: TokenServer) -> None:
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        over.wait(20)

    refusing(server, lambda: Reply(401, pieces=pieces()))
    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    came_back: list[int] = []

    async def main() -> None:
        async with client.client(auth, pool=1) as session:
            async with client.scope() as cancel:
                session.event_hooks = {"response": [client.hook(lambda response: cancel())]}
                came_back.append((await session.get(server.api)).status_code)
            session.event_hooks = {}
            over.set()
            assert server.logins == 1
            came_back.append((await session.get(server.api)).status_code)  # the connection has been freed

    client.run(main)
    assert came_back == [200]


def _close(response: Any) -> None:
    response.close()


def _read(response: Any) -> None:
    response.read()


def _consume(response: Any) -> None:
    assert list(response.iter_raw()) == [b"why"]


async def _aclose(response: Any) -> None:
    await response.aclose()


async def _aread(response: Any) -> None:
    await response.aread()


async def _aconsume(response: Any) -> None:
    assert [piece async for piece in response.aiter_raw()] == [b"why"]


HOOKS = {"closed": (_close, _aclose, b""), "read": (_read, _aread, b"why"), "used up": (_consume, _aconsume, b"")}


@pytest.mark.parametrize("what", HOOKS)
@every_client
def test_a_401_that_a_hook_has_had_before_is_renewed(client: Client, what: str, server: TokenServer) -> None:
    blocking, awaiting, content = HOOKS[what]

    def hook(response: Any) -> None:
        if response.status_code == 401:
            blocking(response)

    async def ahook(response: Any) -> None:
        if response.status_code == 401:
            await awaiting(response)

    def add(session: Any) -> None:
        session.event_hooks = {"response": [ahook if client.is_async else hook]}

    refusing(server, lambda: Reply(401, b"why"))
    answer = ask(client, "play", server, setup=add, pool=1)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == content


class Endless(httpx.SyncByteStream, httpx2.SyncByteStream, httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """A body without end, of a transport of the user's own, which doesn't care for being closed."""

    def __iter__(self) -> Any:
        while True:
            yield b"x" * 1000

    async def __aiter__(self) -> Any:
        while True:
            yield b"x" * 1000


@pytest.mark.parametrize("client", UNTRACED, ids=repr)
def test_a_401_without_end_from_a_transport_of_the_users_own(client: Client, server: TokenServer) -> None:
    library = client.library

    def handle(request: Any) -> Any:
        good = request.headers["authorization"].removeprefix("Bearer ") in server.valid
        return library.Response(200) if good else library.Response(401, stream=Endless())

    async def ahandle(request: Any) -> Any:
        return handle(request)

    def replace(session: Any) -> None:
        session._transport = library.MockTransport(handle)
        session._transport.handle_request = handle
        session._transport.handle_async_request = ahandle

    answer = ask(client, "play", server, standing_still(server), setup=replace)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.response.history[0].content == b"x" * LIMIT
