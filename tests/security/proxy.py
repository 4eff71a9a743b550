"""An HTTP proxy: it forwards plain requests and makes tunnels, and records the head of each request."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.servers import listening


class HttpProxy:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.heads: list[str] = []
        self.refusal: bytes | None = None
        """The status line's end of its own answer to a CONNECT, in place of a tunnel."""

    @property
    def tunnels(self) -> list[str]:
        return [head for head in self.heads if head.startswith("CONNECT ")]


@contextlib.contextmanager
def http_proxy() -> Iterator[HttpProxy]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(self._line, b"\r\n"))
            if not head:
                return
            this.heads.append(head.decode("latin-1"))
            method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
            if method == "CONNECT" and this.refusal:
                self.connection.sendall(b"HTTP/1.1 " + this.refusal + b"\r\nContent-Length: 0\r\n\r\n")
            elif method == "CONNECT":
                host, _, port = target.rpartition(":")
                self._tunnel(host.strip("[]"), int(port))
            else:
                self._forward(method, target, head)

        def _line(self) -> bytes:
            return self.rfile.readline() or b"\r\n"

        def _tunnel(self, host: str, port: int) -> None:
            with socket.create_connection((host, port)) as far:
                self.connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                back.start()
                _pump(self.connection, far)
                back.join()

        def _forward(self, method: str, target: str, head: bytes) -> None:
            url = urlsplit(target)
            path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
            lines = head.split(b"\r\n")[1:-1]
            kept = [line for line in lines if not line.lower().startswith((b"proxy-", b"connection:"))]
            length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
            request = b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *kept, b"Connection: close", b"", b""])
            with socket.create_connection((url.hostname or "", url.port or 80)) as far:
                far.sendall(request + self.rfile.read(length))
                answer = b"".join(iter(lambda: far.recv(65536), b""))
            self.connection.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    with listening(Handler) as port:
        this = HttpProxy(port)
        yield this


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
