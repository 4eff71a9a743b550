"""The real clients that the demo drives, each with one small class that opens it.

A script is a plain generator: it yields calls and pauses and is sent the answers. All scripts are played on an event
loop; the calls of a client that blocks are made in threads.
"""

from __future__ import annotations

import abc
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import anyio
import requests

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
class Pause:
    """Let *seconds* pass."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What a call came to: status and content, or the error of the token call (status 0)."""

    status: int
    content: bytes = b""
    error: TokenAuthError | None = None


Script = Generator[Call | Pause, Answer, None]
Send = Callable[[Call], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True)
class Client(abc.ABC):
    """A client library in one of its modes: for callers that are threads with a client each, or tasks that share one.

    Attributes:
        library: its name.
        callers: "threads" or "tasks".
        backend: the event loop's library.
    """

    library: str
    callers: str = "tasks"
    backend: str = "asyncio"

    @property
    def name(self) -> str:
        """Its name, and its mode if it has several."""
        return self.library

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

    @abc.abstractmethod
    def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AbstractAsyncContextManager[Send]:
        """Return a new client that has *auth*, as a function that makes calls."""


class Requests(Client):
    """A `requests.Session`."""

    def __init__(self) -> None:
        super().__init__("requests", "threads")

    @asynccontextmanager
    async def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AsyncIterator[Send]:
        with requests.Session() as session:
            session.auth = auth

            async def send(call: Call) -> tuple[int, bytes]:
                ask = partial(session.request, call.method, call.url, data=call.body, timeout=TIMEOUT)
                reply = await anyio.to_thread.run_sync(ask, limiter=threads)
                return reply.status_code, reply.content

            yield send


class Httpx(Client):
    """The `Client` of *library*: httpx or httpx2."""

    def __init__(self, library: str) -> None:
        super().__init__(library, "threads")

    @asynccontextmanager
    async def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AsyncIterator[Send]:
        with import_module(self.library).Client(auth=auth, timeout=TIMEOUT, verify=_NO_CAS) as client:

            async def send(call: Call) -> tuple[int, bytes]:
                ask = partial(client.request, call.method, call.url, content=call.body)
                reply: Any = await anyio.to_thread.run_sync(ask, limiter=threads)
                return reply.status_code, reply.content

            yield send


class HttpxAsync(Client):
    """The `AsyncClient` of *library*, on asyncio or trio."""

    @property
    def name(self) -> str:
        return f"{self.library}-async" + (", trio" if self.backend == "trio" else "")

    @asynccontextmanager
    async def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AsyncIterator[Send]:
        async with import_module(self.library).AsyncClient(auth=auth, timeout=TIMEOUT, verify=_NO_CAS) as client:

            async def send(call: Call) -> tuple[int, bytes]:
                reply = await client.request(call.method, call.url, content=call.body)
                return reply.status_code, reply.content

            yield send


class Aiohttp(Client):
    """An `aiohttp.ClientSession`."""

    @asynccontextmanager
    async def open(self, auth: Any, threads: anyio.CapacityLimiter) -> AsyncIterator[Send]:
        aiohttp = import_module("aiohttp")
        timeout, connector = aiohttp.ClientTimeout(TIMEOUT), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(middlewares=[auth], timeout=timeout, connector=connector) as session:

            async def send(call: Call) -> tuple[int, bytes]:
                async with session.request(call.method, call.url, data=call.body) as reply:
                    return reply.status, await reply.read()

            yield send


def installed_clients() -> list[Client]:
    """Return every client that can be used here, in each of its modes."""
    clients: list[Client] = [Requests(), Httpx("httpx"), HttpxAsync("httpx")]
    if find_spec("trio"):
        clients.append(HttpxAsync("httpx", backend="trio"))
    if find_spec("httpx2"):
        clients += [Httpx("httpx2"), HttpxAsync("httpx2")]
    if find_spec("aiohttp"):
        clients.append(Aiohttp("aiohttp"))
    return clients


def installed_crowds() -> list[Client]:
    """Return one crowd for each library that can be used here: threads and tasks."""
    crowds: list[Client] = [Requests(), Httpx("httpx"), HttpxAsync("httpx2" if find_spec("httpx2") else "httpx")]
    return [*crowds, Aiohttp("aiohttp")] if find_spec("aiohttp") else crowds


async def play(script: Script, send: Send) -> None:
    """Perform *script*."""
    try:
        step = next(script)
        while True:
            if isinstance(step, Pause):
                await anyio.sleep(step.seconds)
                step = next(script)
            else:
                step = script.send(await _answer(step, send))
    except StopIteration:
        return


async def _answer(call: Call, send: Send) -> Answer:
    try:
        return Answer(*await send(call))
    except TokenAuthError as error:
        return Answer(0, error=error)
