"""The real clients that the demo drives, each with one small class that plays a script.

A script is a plain generator: it yields calls and pauses and is sent the answers. It is written once; `play`
and `aplay` perform it for blocking and for awaiting clients.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

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


class Client(Protocol):
    """A client library in one of its modes."""

    @property
    def name(self) -> str: ...

    def run(self, auth: Any, script: Script) -> None:
        """Play *script* with one new client that has *auth*."""


class Crowd(Client, Protocol):
    """A client that many callers use at the same moment: threads with a client each, or tasks that share one."""

    @property
    def library(self) -> str: ...

    @property
    def callers(self) -> str:
        """Return "threads" or "tasks"."""
        ...

    def crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        """Play *scripts* at the same moment, and return what each raised."""
        ...


class _Blocking:
    """A client per script, each in a thread of its own."""

    callers = "threads"

    def crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        ready = threading.Barrier(len(scripts))

        def work(script: Script) -> Exception | None:
            try:
                self.run(auth, _after(partial(ready.wait, TIMEOUT), script))
            except Exception as error:  # it is told
                return error
            return None

        with ThreadPoolExecutor(len(scripts)) as threads:
            return list(threads.map(work, scripts))

    def run(self, auth: Any, script: Script) -> None:
        with self._open(auth) as send:
            play(script, send)

    def _open(self, auth: Any) -> AbstractContextManager[Callable[[Call], Answer]]:
        raise NotImplementedError


class _Awaiting:
    """One client, with a task for each script."""

    callers = "tasks"
    backend = "asyncio"

    def crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        errors: list[Exception | None] = anyio.run(self._crowd, auth, scripts, backend=self.backend)
        return errors

    def run(self, auth: Any, script: Script) -> None:
        for error in self.crowd(auth, [script]):
            if error is not None:
                raise error

    async def _crowd(self, auth: Any, scripts: Sequence[Script]) -> list[Exception | None]:
        errors: list[Exception | None] = [None] * len(scripts)

        async def work(number: int, script: Script) -> None:
            try:
                await aplay(script, send)
            except Exception as error:  # it is told
                errors[number] = error

        async with self._open(auth) as send, anyio.create_task_group() as tasks:
            for number, script in enumerate(scripts):
                tasks.start_soon(work, number, script)
        return errors

    def _open(self, auth: Any) -> AbstractAsyncContextManager[Callable[[Call], Awaitable[Answer]]]:
        raise NotImplementedError


class Requests(_Blocking):
    """A `requests.Session`."""

    name = library = "requests"

    @contextmanager
    def _open(self, auth: Any) -> Iterator[Callable[[Call], Answer]]:
        with requests.Session() as session:
            session.auth = auth
            yield partial(_send_with_requests, session)


@dataclass(frozen=True)
class Httpx(_Blocking):
    """The `Client` of *library*: httpx or httpx2."""

    library: str

    @property
    def name(self) -> str:
        return self.library

    @contextmanager
    def _open(self, auth: Any) -> Iterator[Callable[[Call], Answer]]:
        with import_module(self.library).Client(auth=auth, timeout=TIMEOUT, verify=_NO_CAS) as client:
            yield partial(_send, client)


@dataclass(frozen=True)
class HttpxAsync(_Awaiting):
    """The `AsyncClient` of *library*, on asyncio or trio."""

    library: str
    backend: str = "asyncio"

    @property
    def name(self) -> str:
        return f"{self.library}-async" + (", trio" if self.backend == "trio" else "")

    @asynccontextmanager
    async def _open(self, auth: Any) -> AsyncIterator[Callable[[Call], Awaitable[Answer]]]:
        async with import_module(self.library).AsyncClient(auth=auth, timeout=TIMEOUT, verify=_NO_CAS) as client:
            yield partial(_asend, client)


class Aiohttp(_Awaiting):
    """An `aiohttp.ClientSession`."""

    name = library = "aiohttp"

    @asynccontextmanager
    async def _open(self, auth: Any) -> AsyncIterator[Callable[[Call], Awaitable[Answer]]]:
        aiohttp = import_module("aiohttp")
        timeout, connector = aiohttp.ClientTimeout(TIMEOUT), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(middlewares=[auth], timeout=timeout, connector=connector) as session:
            yield partial(_send_with_aiohttp, session)


def installed_clients() -> list[Client]:
    """Return every client that can be used here, in each of its modes."""
    clients: list[Client] = [Requests(), Httpx("httpx"), HttpxAsync("httpx")]
    if find_spec("trio"):
        clients.append(HttpxAsync("httpx", "trio"))
    if find_spec("httpx2"):
        clients += [Httpx("httpx2"), HttpxAsync("httpx2")]
    if find_spec("aiohttp"):
        clients.append(Aiohttp())
    return clients


def installed_crowds() -> list[Crowd]:
    """Return one crowd for each library that can be used here: threads and tasks."""
    crowds: list[Crowd] = [Requests(), Httpx("httpx"), HttpxAsync("httpx2" if find_spec("httpx2") else "httpx")]
    return [*crowds, Aiohttp()] if find_spec("aiohttp") else crowds


def _after(ready: Callable[[], object], script: Script) -> Script:
    """Return *script*, begun when *ready* returns."""
    ready()
    yield from script


def play(script: Script, send: Callable[[Call], Answer]) -> None:
    """Perform *script*, blocking."""
    try:
        step = next(script)
        while True:
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                step = next(script)
            else:
                step = script.send(send(step))
    except StopIteration:
        return


async def aplay(script: Script, send: Callable[[Call], Awaitable[Answer]]) -> None:
    """Perform *script*, awaiting."""
    try:
        step = next(script)
        while True:
            if isinstance(step, Pause):
                await anyio.sleep(step.seconds)
                step = next(script)
            else:
                step = script.send(await send(step))
    except StopIteration:
        return


def _send_with_requests(session: requests.Session, call: Call) -> Answer:
    try:
        reply = session.request(call.method, call.url, data=call.body, timeout=TIMEOUT)
    except TokenAuthError as error:
        return Answer(0, error=error)
    return Answer(reply.status_code, reply.content)


def _send(client: Any, call: Call) -> Answer:
    try:
        reply = client.request(call.method, call.url, content=call.body)
    except TokenAuthError as error:
        return Answer(0, error=error)
    return Answer(reply.status_code, reply.content)


async def _asend(client: Any, call: Call) -> Answer:
    try:
        reply = await client.request(call.method, call.url, content=call.body)
    except TokenAuthError as error:
        return Answer(0, error=error)
    return Answer(reply.status_code, reply.content)


async def _send_with_aiohttp(session: Any, call: Call) -> Answer:
    try:
        async with session.request(call.method, call.url, data=call.body) as reply:
            return Answer(reply.status, await reply.read())
    except TokenAuthError as error:
        return Answer(0, error=error)
