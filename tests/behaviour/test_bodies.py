"""I4: the body is sent whole, or not again. Never an empty body with a 200."""

import contextlib
import hashlib
import io
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import trio

from tests.clients import BLOCKING, CLIENTS, FAMILY, AsyncFile, Client, Get, Post
from tests.servers import Received, Reply
from tests.support import TokenServer

BIG = bytes(range(256)) * 300
"""More than one read of any client."""

BODIES: dict[str, tuple[Callable[[Client], dict[str, Any]], bytes | None]] = {
    "bytes": (lambda client: {"data": BIG}, BIG),
    "str": (lambda client: {"data": "größe: 1"}, "größe: 1".encode()),
    "empty": (lambda client: {"data": b""}, b""),
    "form": (lambda client: {"data": {"a": "1 2", "b": ["x", "y"]}}, b"a=1+2&b=x&b=y"),
    "JSON": (lambda client: {"json": {"a": [1, None]}}, None),
    "multipart": (lambda client: {"data": {"a": "1"}, "files": {"f": ("f.txt", BIG)}}, None),
    "multipart with a file": (lambda client: {"files": {"f": ("f.txt", io.BytesIO(BIG))}}, None),
    "file": (lambda client: client.file(BIG, 0), BIG),
    "file at offset 7": (lambda client: client.file(BIG, 7), BIG[7:]),
}


def revoked(client: Client, server: TokenServer, **options: Any) -> Any:
    """Return an auth object whose token the API takes no more."""
    auth = server.auth(**options)
    client.get_token(auth)
    server.revoke()
    return auth


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_body_arrives_whole_and_alike_after_the_retry(client: Client, body: str, server: TokenServer) -> None:
    make, expected = BODIES[body]
    answer = client.send(revoked(client, server), Post(server.api, **make(client)))
    assert (answer.status, answer.history) == (200, [401])
    first, second = server.server.to("/api")
    assert answer.json()["sha256"] == hashlib.sha256(first.body).hexdigest()
    assert second.body == first.body
    assert first.body == expected if expected is not None else first.body
    for name in ("content-length", "content-type", "transfer-encoding"):
        assert second.headers.get(name) == first.headers.get(name)


class Pipe(io.BytesIO):
    """A file that can't tell where it stands."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")

    def seek(self, *args: Any) -> int:
        raise io.UnsupportedOperation("seek")


def _pipe(client: Client) -> dict[str, Any]:
    pipe = Pipe(BIG)
    if not client.is_async or client.of_requests:
        return {"data": pipe} if client.of_requests else {"content": pipe}
    file = AsyncFile(b"", 0)
    file.wrapped = pipe
    return {"content": file}


class Deaf(io.BytesIO):
    """A file that says it has gone back, and has not."""

    was_read = False

    def read(self, size: int | None = -1) -> bytes:
        self.was_read = True
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset if self.was_read else super().seek(offset, whence)


def _deaf(client: Client) -> dict[str, Any]:
    file = Deaf(BIG)
    takes_data = client.of_requests or client.name == "aiohttp"
    if not client.is_async or takes_data:
        return {"data": file} if takes_data else {"content": file}
    wrapping = AsyncFile(b"", 0)
    wrapping.wrapped = file
    return {"content": wrapping}


ONE_SHOT: dict[str, Callable[[Client], dict[str, Any]]] = {
    "generator": lambda client: client.generator([BIG[:1000], BIG[1000:]]),
    "pipe": _pipe,
    "deaf": _deaf,
}


@pytest.mark.parametrize("body", ONE_SHOT)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_one_shot_body_is_not_sent_again(
    client: Client, body: str, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    auth = revoked(client, server)
    with caplog.at_level(logging.WARNING, "tokenauth"):
        answer, after = client.play(auth, Post(server.api, **ONE_SHOT[body](client)), Get(server.api))
    assert (answer.status, answer.history) == (401, [])
    assert answer.content == b'{"error": "token"}'
    assert (after.status, after.history) == (200, [])
    assert [request.method for request in server.server.to("/api")] == ["POST", "GET"]
    assert server.server.to("/api")[0].body == BIG
    assert server.logins == 2
    assert ["can't be sent twice" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("body", ONE_SHOT)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_one_shot_body_is_sent_whole_with_a_token_that_has_yet_to_be_fetched(
    client: Client, body: str, server: TokenServer
) -> None:
    answer = client.send(server.auth(), Post(server.api, **ONE_SHOT[body](client)))
    assert answer.status == 200
    assert answer.json()["sha256"] == hashlib.sha256(BIG).hexdigest()


@pytest.mark.parametrize("client", FAMILY, ids=repr)
def test_multipart_with_a_file_that_cannot_seek_is_not_sent_again(client: Client, server: TokenServer) -> None:
    """requests reads such a file into memory beforehand; aiohttp takes none that can't tell where it stands."""
    auth = revoked(client, server)
    answer, after = client.play(auth, Post(server.api, files={"f": ("f", Pipe(BIG))}), Get(server.api))
    assert (answer.status, after.status) == (401, 200)
    assert [request.method for request in server.server.to("/api")] == ["POST", "GET"]


@pytest.mark.parametrize("pieces", [[b"a", b"bc"], (b"a", b"bc")], ids=["list", "tuple"])
@pytest.mark.parametrize("client", BLOCKING[1:], ids=repr)
def test_a_list_of_pieces_is_sent_again(client: Client, pieces: Any, server: TokenServer) -> None:
    """httpx and httpx2 take any iterable of bytes, and iterate it anew each time."""
    answer = client.send(revoked(client, server), Post(server.api, content=pieces))
    assert (answer.status, answer.history) == (200, [401])
    assert [request.body for request in server.server.to("/api")] == [b"abc"] * 2


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("body", [*ONE_SHOT, "file"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_redirect_that_drops_the_body_can_be_sent_again_whatever_that_was(
    client: Client, body: str, status: int, server: TokenServer
) -> None:
    """A form's answer sends the browser on: POST becomes GET, and the token ends in between."""

    def answer(request: Received) -> Reply | None:
        if request.method == "POST":
            server.revoke()
            return Reply(status, headers={"Location": "/api/done"})
        return None

    server.answer = lambda request: answer(request) if request.path != "/token" else None
    make = ONE_SHOT.get(body, BODIES["file"][0])
    assert client.send(server.auth(), Post(server.api, **make(client))).status == 200
    assert [request.method for request in server.server.to("/api/done")] == ["GET", "GET"]
    assert [request.body for request in server.server.to("/api")] == [BIG]
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_real_file_is_sent_again_from_where_it_stood(client: Client, server: TokenServer, tmp_path: Any) -> None:
    path = tmp_path / "body"
    path.write_bytes(BIG)
    with path.open("rb") as file:
        file.seek(7)
        body = client.open_file(file, os.path.getsize(path) - 7)
        answer = client.send(revoked(client, server), Post(server.api, **body))
    assert answer.status == 200
    assert [request.body for request in server.server.to("/api")] == [BIG[7:]] * 2


# requests alone

REQUESTS = CLIENTS[:1]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
@pytest.mark.parametrize("client", REQUESTS, ids=repr)
def test_what_is_like_bytes_is_sent_again(client: Client, kind: Any, server: TokenServer) -> None:
    answer = client.send(revoked(client, server), Post(server.api, data=kind(BIG)))
    assert (answer.status, answer.history) == (200, [401])
    assert [request.body for request in server.server.to("/api")] == [BIG] * 2


class Tells(io.RawIOBase):
    """A stream that knows where it stands, and can't go back: botocore's StreamingBody, a decompressed pipe."""

    def __init__(self) -> None:
        self.wrapped = io.BytesIO(BIG)

    def read(self, size: int = -1) -> bytes:
        return self.wrapped.read(size)

    def tell(self) -> int:
        return self.wrapped.tell()


class Closes(io.BytesIO):
    """A stream that closes itself at its end, so that to go back is a ValueError."""

    def __init__(self) -> None:
        super().__init__(BIG)

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece:
            self.close()
        return piece


class OnlyTells:
    """A stream that isn't of `io`, and has no method to go back."""

    def __init__(self) -> None:
        self.wrapped = io.BytesIO(BIG)
        self.read, self.tell = self.wrapped.read, self.wrapped.tell

    def __len__(self) -> int:
        return len(BIG)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.wrapped)


@pytest.mark.parametrize("kind", [Tells, Closes, OnlyTells])
@pytest.mark.parametrize("client", REQUESTS, ids=repr)
def test_a_body_that_tells_and_cannot_go_back_is_not_sent_again(
    client: Client, kind: Callable[[], Any], server: TokenServer
) -> None:
    auth = revoked(client, server)
    answer, after = client.play(auth, Post(server.api, data=kind()), Get(server.api))
    assert (answer.status, answer.history, answer.content) == (401, [], b'{"error": "token"}')
    assert (after.status, after.history) == (200, [])
    assert [request.body for request in server.server.to("/api")] == [BIG, b""]


# the body of a 401, which decides nothing

BROKEN = {
    "truncated": b"Content-Length: 100\r\nConnection: close\r\n\r\nabc",
    "bad gzip": b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
    "bad chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("client", REQUESTS, ids=repr)
def test_a_401_whose_body_cannot_be_read_is_renewed_as_any(client: Client, how: str, server: TokenServer) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path != "/api" or server.use(request).status == 200:
            return None
        return Reply(raw=b"HTTP/1.1 401 No\r\n" + BROKEN[how])

    auth = revoked(client, server)
    server.answer = answer
    answers = client.play(auth, Get(server.api), Get(server.api), pool=1)
    assert [(each.status, each.history) for each in answers] == [(200, [401]), (200, [])]
    assert [each.content for each in answers[0].response.history] == [b"abc" if how == "truncated" else b""]
    assert server.logins == 2


@contextlib.contextmanager
def stalls() -> Iterator[Iterator[bytes]]:
    """Yield the pieces of a body that comes to its end with the block only."""
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        over.wait()

    try:
        yield pieces()
    finally:
        over.set()


@pytest.mark.parametrize("client", REQUESTS, ids=repr)
def test_a_401_whose_body_does_not_come_is_renewed_after_the_users_own_timeout(
    client: Client, server: TokenServer
) -> None:
    auth = revoked(client, server)
    with stalls() as pieces:
        stalled = Reply(401, pieces=pieces)
        server.answer = lambda request: stalled if request.path == "/api" and not server.valid else None
        answer = client.send(auth, Get(server.api), timeout=2.0)
    assert (answer.status, answer.history) == (200, [401])
    assert server.logins == 2


# httpx and httpx2 alone

HTTPX = FAMILY
ASYNC = [client for client in HTTPX if client.is_async]


class Framed(httpx.SyncByteStream, httpx.AsyncByteStream, httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A stream of the user's own kind: a head that comes once, then a file."""

    def __init__(self) -> None:
        self._stream = io.BytesIO(BIG)
        self.fields: list[Any] = []
        self._head = b"head"

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        self._head = b""
        yield self._stream.read()

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


@pytest.mark.parametrize("name", ["Framed", "ByteStream", "IteratorByteStream", "MultipartStream"])
@pytest.mark.parametrize("client", HTTPX, ids=repr)
def test_a_stream_of_the_users_own_kind_is_not_sent_again(client: Any, name: str, server: TokenServer) -> None:
    """What it holds under a name that the library's streams use as well is its own affair."""
    stream = type(name, (Framed,), {})()

    def build(session: Any) -> Any:
        request = session.build_request("POST", server.api, headers={"Content-Length": str(len(BIG) + 4)})
        request.stream = stream
        return request

    async def main() -> Any:
        async with client.client(auth) as session:
            return await session.send(build(session))

    auth = revoked(client, server)
    if client.is_async:
        response = client.run(main)
    else:
        with client.client(auth) as session:
            response = session.send(build(session))
    assert (response.status_code, response.history) == (401, [])
    assert [request.body for request in server.server.to("/api")] == [b"head" + BIG]
    assert client.get(auth, server.api) == 200


class AwaitedFile:
    """A file of which all is to be awaited, as aiofiles'. Nobody may call what he doesn't await."""

    def __init__(self) -> None:
        self._file = io.BytesIO(BIG)

    async def seekable(self) -> bool:
        return True

    async def tell(self) -> int:
        return self._file.tell()

    async def seek(self, position: int) -> int:
        return self._file.seek(position)

    async def __aiter__(self) -> Any:
        yield self._file.read()


class Stays(io.BytesIO):
    """A file that says it could seek, as `GzipFile` does over a pipe. In multipart, httpx ignores that it can't."""

    def seek(self, *args: Any) -> int:
        raise io.UnsupportedOperation("seek")


def _stays(client: Client) -> dict[str, Any]:
    if not client.is_async:
        return {"content": Stays(BIG)}
    file = AsyncFile(b"", 0)
    file.wrapped = Stays(BIG)
    return {"content": file}


SEEMING: dict[str, Callable[[Client], dict[str, Any]]] = {
    "file": _stays,
    "multipart": lambda client: {"files": {"f": ("f.txt", Stays(BIG))}},
}


@pytest.mark.parametrize("body", SEEMING)
@pytest.mark.parametrize("client", HTTPX, ids=repr)
def test_a_body_that_only_seems_to_seek_is_not_sent_again(
    client: Client, body: str, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    _check_one_shot(client, SEEMING[body](client), server, caplog)


@pytest.mark.parametrize("client", ASYNC, ids=repr)
def test_a_file_whose_methods_are_to_be_awaited_is_not_sent_again(
    client: Client, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    _check_one_shot(client, {"content": AwaitedFile()}, server, caplog)


def _check_one_shot(
    client: Client, body: dict[str, Any], server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    auth = revoked(client, server)
    with caplog.at_level(logging.WARNING, "tokenauth"):
        answer, after = client.play(auth, Post(server.api, **body), Get(server.api))
    assert (answer.status, answer.history, answer.content) == (401, [], b'{"error": "token"}')
    assert (after.status, after.history) == (200, [])
    (post, _) = server.server.to("/api")
    assert BIG in post.body
    assert ["can't be sent twice" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("kind", ["anyio", "trio"])
@pytest.mark.parametrize("client", ASYNC, ids=repr)
def test_an_async_file_is_sent_again(client: Any, kind: str, server: TokenServer, tmp_path: Any) -> None:
    if kind == "trio" and "trio" not in client.name:
        return
    path = tmp_path / "body"
    path.write_bytes(BIG)

    async def main() -> Any:
        file: Any = await anyio.open_file(path, "rb") if kind == "anyio" else await trio.open_file(path, "rb")
        async with file, client.client(auth) as session:
            await file.seek(7)
            return await session.post(server.api, content=file)

    auth = revoked(client, server)
    assert client.run(main).status_code == 200
    assert [request.body for request in server.server.to("/api")] == [BIG[7:]] * 2
