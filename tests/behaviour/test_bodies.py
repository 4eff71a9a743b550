"""I4: the body is sent whole, or not again. Never an empty body with a 200."""

import hashlib
import io
import logging
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import BLOCKING, CLIENTS, AsyncFile, Client, Get, Post
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
    if not client.is_async:
        return {"data": pipe} if client.name == "requests" else {"content": pipe}
    file = AsyncFile(b"", 0)
    file.wrapped = pipe
    return {"content": file}


ONE_SHOT: dict[str, Callable[[Client], dict[str, Any]]] = {
    "generator": lambda client: client.generator([BIG[:1000], BIG[1000:]]),
    "pipe": _pipe,
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


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.name != "requests"], ids=repr)
def test_multipart_with_a_file_that_cannot_seek_is_not_sent_again(client: Client, server: TokenServer) -> None:
    """requests reads such a file into memory beforehand."""
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
        body = client.file(b"", 0)
        rest = {"headers": {"Content-Length": str(os.path.getsize(path) - 7)}} if "content" in body else {}
        if client.is_async:
            body["content"].wrapped = file
        else:
            body["data" if client.name == "requests" else "content"] = file
        answer = client.send(revoked(client, server), Post(server.api, **{**body, **rest}))
    assert answer.status == 200
    assert [request.body for request in server.server.to("/api")] == [BIG[7:]] * 2
