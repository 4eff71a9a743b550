"""Real servers on loopback whose answers are a callable: `serve(answer)`; every request is recorded.

with serve(lambda request: Reply(200, b"hello")) as server:
    server.url            "http://127.0.0.1:<port>"
    server.requests       what came in: method, path, query, headers, body
"""

import contextlib
import itertools
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    host: str = ""
    port: int = 0
    """The client's, which tells connections apart."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def text(self) -> str:
        """Everything that came in, to be searched for what must not have come."""
        return f"{self.method} {self.target}\n{self.headers}\n{self.body!r}"


@dataclass
class Reply:
    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    """`Date` replaces the one that is sent else; "" for none."""
    raw: bytes | None = None
    """Sent as it is, instead of everything else; then the connection is closed."""
    pieces: Iterable[bytes] | None = None
    """Sent one by one, each as soon as it is there, in place of the body."""


class Server:
    def __init__(self, port: int, scheme: str, host: str) -> None:
        self.port = port
        self.scheme = scheme
        self.url = f"{scheme}://{host}:{port}"
        self.requests: list[Received] = []
        self.versions: set[str] = set()
        """Of HTTP, as far as the server tells."""

    def at(self, host: str) -> str:
        """Return this server's URL by another name for it: "localhost" for "127.0.0.1"."""
        return f"{self.scheme}://{host}:{self.port}"

    def to(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]


class _Tls(ssl.SSLSocket):
    def getpeername(self) -> Any:
        """Return the other end, which is asked for first. Where it has gone before, `ssl` would leave this open."""
        try:
            return super().getpeername()
        except OSError:
            self.close()
            raise ConnectionResetError from None


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024
    ended = False
    tls: ssl.SSLContext | None = None

    def get_request(self) -> Any:
        """Take a connection; its handshake is its own thread's."""
        connection, address = super().get_request()
        if self.tls is None:
            return connection, address
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.ended

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of some tests."""


class _Listening(_Threads, ThreadingHTTPServer):
    this: Server
    answer: Callable[[Received], Reply]


class _Listening6(_Listening):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer's head and body are one packet
    server: _Listening

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def parse_request(self) -> bool:
        """Read a head as clients write it: to read it as mail, as the parent does, takes a tenth of most tests."""
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        words = self.requestline.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return super().parse_request()
        self.command, self.path, self.request_version = words
        lines = iter(lambda: self.rfile.readline(65537).rstrip(b"\r\n").decode("latin-1"), "")
        pairs = (line.partition(":") for line in lines)
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}
        connection = self.fields.get("connection", "").lower()
        self.close_connection = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
        return self.fields.get("expect", "").lower() != "100-continue" or self.handle_expect_100()

    def _handle(self) -> None:
        headers = self.fields
        request = Received(
            self.command, self.path, headers, self._body(), headers.get("host", ""), self.client_address[1]
        )
        self.server.this.requests.append(request)
        reply = self.server.answer(request)
        if reply.raw is not None:
            with contextlib.suppress(OSError):
                self.wfile.write(reply.raw)
                self.wfile.flush()
            self.close_connection = True
            return
        body = json.dumps(reply.body).encode() if isinstance(reply.body, dict) else reply.body
        length = {"Content-Length": str(len(body))} if reply.pieces is None else {"Transfer-Encoding": "chunked"}
        self.send_response_only(reply.status)
        for name, value in ({"Date": self.date_time_string()} | length | reply.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if reply.pieces is not None:
            for piece in itertools.chain(reply.pieces, [b""]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.fields.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.fields.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *args: Any) -> None:
        """Silent."""


@contextlib.contextmanager
def serve(
    answer: Callable[[Received], Reply],
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    bound: socket.socket | None = None,
) -> Iterator[Server]:
    """Serve *answer* on a free port of *host* ("localhost" also answers as such); *tls* makes it https.

    *bound*: on this socket instead, see `mute`.
    """
    address = (host, 0) if bound is None else bound.getsockname()
    server = (_Listening6 if ":" in host else _Listening)(address, _Handler, bind_and_activate=bound is None)
    if bound is not None:
        server.socket.close()
        server.socket = bound
        server.server_activate()
    server.tls = tls
    if tls is not None:
        tls.sslsocket_class = _Tls
    server.answer = answer
    server.this = Server(server.server_address[1], "https" if tls else "http", f"[{host}]" if ":" in host else host)
    with server, _running(server):
        yield server.this


@contextlib.contextmanager
def listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    """Have *handler* handle connections to a free port of 127.0.0.1, each in a thread, and yield the port."""
    with _Threads(("127.0.0.1", 0), handler) as server, _running(server):
        yield server.server_address[1]


@contextlib.contextmanager
def _running(server: _Threads) -> Iterator[None]:
    """Handle connections, the last one ours: `serve_forever` looks only now and then whether it has been ended."""

    def work() -> None:
        while not server.ended:
            server.handle_request()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.ended = True
        with contextlib.suppress(OSError):
            socket.create_connection((str(server.server_address[0]), server.server_address[1])).close()
        thread.join()


def has_ipv6() -> bool:
    """Whether this machine has ::1: many a container has not."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as bound:
        bound.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def mute() -> Iterator[socket.socket]:
    """Yield a socket that is bound to a port of 127.0.0.1 and does not listen.

    The port refuses connections, and nobody else gets it, in another worker of the tests either.
    """
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


Answered = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and content, as ASGI has them."""


def application(answer: Callable[[dict[str, Any], dict[str, str], bytes], Awaitable[Answered]]) -> Any:
    """Return an application that answers each request with *answer*, which takes its scope, headers and body."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status, pairs, content = await answer(scope, headers, body)
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": content})

    return app


def body_of(reply: Reply) -> bytes:
    return json.dumps(reply.body).encode() if isinstance(reply.body, dict) else reply.body


def pairs_of(reply: Reply) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
