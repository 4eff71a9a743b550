"""A token server that answers byte by byte as a test says, and an API behind it.

The API is at every path but /token; it answers 200, and every call is counted.
"""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator

from tests.servers import listening

Behaviour = Callable[[socket.socket, threading.Event], None]
"""Called with the connection when a token request has come in, and with an event that is set when the test is over."""


def answer(body: bytes, *headers: str, length: bool = True, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(body)}"] if length else []), "", ""]
    return "\r\n".join(lines).encode() + body


def token(value: str, *headers: str) -> bytes:
    """Return an answer with *value*, which is JSON, for a token."""
    return answer(f'{{"access_token": {value}, "token_type": "bearer"}}'.encode(), *headers)


def send(data: bytes) -> Behaviour:
    """Send *data* and close."""
    return lambda connection, over: connection.sendall(data)


def send_all(pieces: Callable[[], Iterable[bytes]], pause: float = 0.0) -> Behaviour:
    """Send *pieces*, *pause* seconds apart, for as long as there is somebody to take them."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        for piece in pieces():
            connection.sendall(piece)
            if over.wait(pause) if pause else over.is_set():
                return

    return behave


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


class Faulty:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.behaviour: Behaviour = send(token('"canary-good"'))
        self.over = threading.Event()
        self.token_calls = 0
        self.api_calls: list[str] = []


@contextlib.contextmanager
def faulty() -> Iterator[Faulty]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while line := self.rfile.readline():
                head += line
                if line == b"\r\n":
                    break
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self.rfile.read(int(length or b"0"))
            if b" /token " in head:
                this.token_calls += 1
                this.behaviour(self.connection, this.over)
            elif head:
                this.api_calls.append(head.decode())
                self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with listening(Handler) as port:
        this = Faulty(port)
        try:
            yield this
        finally:
            this.over.set()
