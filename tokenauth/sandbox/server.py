"""Running the sandbox: in a process of its own, or in a thread of this one.

    with serve() as sandbox:                      # python -m tokenauth.sandbox, ended on exit
        requests.get(sandbox.url + "/manis/api/x", auth=ManisAuth(sandbox.url, …))
        assert sandbox.state()["manis"]["logins"] == 1

Both listen on loopback only, on one port of 127.0.0.1 and, where there is IPv6, of ::1, so that
``localhost`` reaches them too: it is the other origin. Neither logs requests.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tokenauth.sandbox._client import Sandbox, ThreadSandbox
from tokenauth.sandbox._http import DROP
from tokenauth.sandbox._state import Clock, State
from tokenauth.sandbox.app import create_app

Seen = Callable[[str, str, int, float], object]

START_TIMEOUT: Final = 30.0
"""Seconds until a process that has not started is given up."""


@contextlib.contextmanager
def serve(port: int = 0) -> Iterator[Sandbox]:
    """Run the sandbox in a process of its own, until the block ends or this process dies.

    Args:
        port: the port, 0 for a free one.

    Raises:
        RuntimeError: it did not start within `START_TIMEOUT` seconds; its stderr, which is ours, says why.
    """
    command = [sys.executable, "-m", "tokenauth.sandbox", "--port", str(port), "--until-stdin-closes"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our own words
        try:
            yield Sandbox(_first_line(process))
        finally:
            _end(process)


@contextlib.contextmanager
def serve_in_thread(port: int = 0, *, clock: Clock = time.time) -> Iterator[ThreadSandbox]:
    """Run the sandbox in a thread, until the block ends; ``.live`` is its `State`, to look at or to change.

    Args:
        port: the port, 0 for a free one.
        clock: returns Unix seconds.

    Raises:
        RuntimeError: it did not start; its thread's traceback, on stderr, says why.
    """
    state = State(clock)
    sockets = loopback_sockets(port)
    settled = threading.Event()
    server = _Server(_config(create_app(state=state)), settled.set)

    def work() -> None:
        try:
            server.run(sockets=sockets)
        finally:
            settled.set()

    thread = threading.Thread(target=work, name="tokenauth-sandbox", daemon=True)
    thread.start()
    try:
        settled.wait()
        if not server.started:
            raise RuntimeError("the sandbox did not start; what its thread printed is above")
        yield ThreadSandbox(_url(sockets), state)
    finally:
        server.should_exit = True
        thread.join()
        for one in sockets:
            one.close()


def run(
    port: int,
    *,
    until_stdin_closes: bool = False,
    ready: Callable[[str], object] | None = None,
    seen: Seen | None = None,
) -> None:
    """Run the sandbox here, and return when it is told to end.

    Args:
        port: the port, 0 for a free one.
        until_stdin_closes: whether that tells it to end.
        ready: called with the URL when it listens. Default: prints it as one line.
        seen: called for each answer with method, path, status (0 where the connection was cut) and seconds.
    """
    sockets = loopback_sockets(port)
    tell = ready or (lambda url: print(url, flush=True))  # noqa: T201 - for serve
    app = create_app()
    server = _Server(_config(app if seen is None else _Seeing(app, seen)), lambda: tell(_url(sockets)))
    if until_stdin_closes:
        threading.Thread(target=_exit_with_stdin, args=(server,), daemon=True).start()
    server.run(sockets=sockets)


def loopback_sockets(port: int) -> list[socket.socket]:
    """Return sockets bound to one port of 127.0.0.1 and, if possible, of ::1."""
    first = _bound(socket.AF_INET, "127.0.0.1", port)
    sockets = [first]
    with contextlib.suppress(OSError):  # no IPv6 here, or the port is taken there
        sockets.append(_bound(socket.AF_INET6, "::1", first.getsockname()[1]))
    return sockets


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio sets no TCP_NODELAY
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _url(sockets: Sequence[socket.socket]) -> str:
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}"


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Droppable,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        log_config=None,
        date_header=False,  # the app's clock may be wrong on purpose
        server_header=False,
        backlog=2048,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=1,
    )


class _Seeing:
    """Tells of each answer."""

    def __init__(self, app: ASGIApp, seen: Seen) -> None:
        self.app = app
        self.seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.monotonic(), 0

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self.seen(scope["method"], scope["path"], status, time.monotonic() - start)


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Droppable(H11Protocol):
    """HTTP/1.1 whose app may cut the connection, by the function under `DROP` in the scope's extensions."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), DROP: transport.abort}
            await inner(scope, receive, send)

        self.app = app


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - for the type checker
    deadline = threading.Timer(START_TIMEOUT, process.kill)
    deadline.start()
    try:
        line = process.stdout.readline().strip()
    finally:
        deadline.cancel()
    if not line:
        raise RuntimeError("the sandbox did not start; what it printed is above")
    return line


def _end(process: subprocess.Popen[str], patience: float = 5.0) -> None:
    """Ask *process* to end, and kill it if it has not after *patience* seconds."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()


def _exit_with_stdin(server: uvicorn.Server) -> None:
    """End *server* when stdin closes: the process at its other end has died."""
    sys.stdin.buffer.read()
    server.should_exit = True
