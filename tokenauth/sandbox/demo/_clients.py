"""The real clients that the demo drives.

A script is a plain generator: it yields calls and is sent the answers. All scripts are played on an event
loop; the calls of a client that blocks are made in threads.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import anyio

from tokenauth import TokenAuthError

TIMEOUT: Final = 30.0
"""Seconds that a request may take, waiting for a free connection included."""
_NO_CAS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loopback needs none, and to load them takes each client 20 ms."""


@dataclass(frozen=True)
class Call:
    """A request to make."""

    method: str
    url: str
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What a call came to: status and content, or the error of the token call (status 0)."""

    status: int
    content: bytes = b""
    error: TokenAuthError | None = None


Script = Generator[Call, Answer, None]
Send = Callable[[Call], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True)
class Client:
    """A client library in one of its modes: for callers that are threads with a client each, or tasks that share one.

    Attributes:
        library: its name.
        kind: the class of its clients.
        backend: the event loop's library.
    """

    library: str
    kind: str
    backend: str = "asyncio"

    @property
    def callers(self) -> str:
        """Either "threads" or "tasks"."""
        return "threads" if self.kind in {"Session", "Client"} else "tasks"

    @property
    def name(self) -> str:
        """Its name, and its mode if it has several."""
        mode = "-async" if self.kind == "AsyncClient" else ""
        return self.library + mode + (", trio" if self.backend == "trio" else "")

    def run(self, auth: Any, script: Script) -> None:
        """Play *script* with one new client that has *auth*."""
        for error in self.crowd(auth, [script]):
            if error is not None:
                raise error

    def crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        """Play *scripts* at the same moment, and return what each raised."""
        errors: list[Exception | None] = anyio.run(self._crowd, auth, scripts, backend=self.backend)
        return errors

    async def _crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        errors: list[Exception | None] = [None] * len(scripts)
        threads = anyio.CapacityLimiter(len(scripts))

        async def work(number: int, send: Send) -> None:
            try:
                await play(scripts[number], send)
            except Exception as error:  # it is told
                errors[number] = error

        async with AsyncExitStack() as clients:
            count = len(scripts) if self.callers == "threads" else 1
            sends = [await clients.enter_async_context(self.open(auth, threads)) for _ in range(count)]
            async with anyio.create_task_group() as tasks:
                for number in range(len(scripts)):
                    tasks.start_soon(work, number, sends[number % count])
        return errors

    @asynccontextmanager
    async def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AsyncIterator[Send]:
        """Yield a new client that has *auth*, as a function that makes calls."""
        client: Any = self._made(import_module(self.library), auth)
        body = "content" if self.library.startswith("httpx") else "data"

        async def send(call: Call) -> tuple[int, bytes]:
            ask = partial(client.request, call.method, call.url, **{body: call.body})
            if self.callers == "threads":
                reply: Any = await anyio.to_thread.run_sync(ask, limiter=threads)
            else:
                reply = await ask()
            return (
                (reply.status, await reply.read()) if self.library == "aiohttp" else (reply.status_code, reply.content)
            )

        async with AsyncExitStack() as ending:
            if self.callers == "threads":
                ending.enter_context(client)
            else:
                await ending.enter_async_context(client)
            yield send

    def _made(self, library: Any, auth: Any) -> Any:
        if self.library == "requests":
            session = library.Session()
            session.auth, session.request = auth, partial(session.request, timeout=TIMEOUT)
            return session
        if self.library == "aiohttp":
            timeout, connector = library.ClientTimeout(TIMEOUT), library.TCPConnector(limit=0)
            return library.ClientSession(middlewares=[auth], timeout=timeout, connector=connector)
        return getattr(library, self.kind)(auth=auth, timeout=TIMEOUT, verify=_NO_CAS)


REQUESTS: Final = Client("requests", "Session")
_HTTPX: Final = Client("httpx", "Client"), Client("httpx", "AsyncClient")
_TRIO: Final = Client("httpx", "AsyncClient", "trio")
_HTTPX2: Final = Client("httpx2", "Client"), Client("httpx2", "AsyncClient")
_AIOHTTP: Final = Client("aiohttp", "ClientSession")


def installed_clients() -> list[Client]:
    """Return every client that can be used here, in each of its modes."""
    return _installed(REQUESTS, *_HTTPX, _TRIO, *_HTTPX2, _AIOHTTP)


def installed_crowds() -> list[Client]:
    """Return one crowd for each library that can be used here: threads and tasks."""
    return _installed(REQUESTS, _HTTPX[0], (_installed(_HTTPX2[1]) or _HTTPX)[-1], _AIOHTTP)


def _installed(*clients: Client) -> list[Client]:
    return [each for each in clients if find_spec(each.library) and (each.backend != "trio" or find_spec("trio"))]


async def play(script: Script, send: Send) -> None:
    """Perform *script*."""
    with contextlib.suppress(StopIteration):
        call = next(script)
        while True:
            try:
                answer = Answer(*await send(call))
            except TokenAuthError as error:
                answer = Answer(0, error=error)
            call = script.send(answer)
