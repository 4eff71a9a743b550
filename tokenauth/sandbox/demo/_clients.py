"""The real clients that the demo drives, each with one small class that plays a script.

A script is a plain generator: it yields calls and pauses and is sent the answers. It is written once; `play`
and `aplay` perform it for blocking and for awaiting clients.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

import anyio
import requests

from tokenauth import TokenAuth, TokenAuthError

TIMEOUT: Final = 10.0
"""Seconds that a request may take."""


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

    def run(self, auth: TokenAuth, script: Script) -> None:
        """Play *script* with one new client that has *auth*."""


class Requests:
    """A `requests.Session`."""

    name = "requests"

    def run(self, auth: TokenAuth, script: Script) -> None:
        with requests.Session() as session:
            session.auth = auth
            play(script, partial(_send_with_requests, session))


@dataclass(frozen=True)
class Httpx:
    """The `Client` of *library*: httpx or httpx2."""

    library: str

    @property
    def name(self) -> str:
        return self.library

    def run(self, auth: TokenAuth, script: Script) -> None:
        with import_module(self.library).Client(auth=auth, timeout=TIMEOUT) as client:
            play(script, partial(_send, client))


@dataclass(frozen=True)
class HttpxAsync:
    """The `AsyncClient` of *library*, on asyncio or trio."""

    library: str
    backend: str = "asyncio"

    @property
    def name(self) -> str:
        return f"{self.library}-async" + (", trio" if self.backend == "trio" else "")

    def run(self, auth: TokenAuth, script: Script) -> None:
        anyio.run(self._run, auth, script, backend=self.backend)

    async def _run(self, auth: TokenAuth, script: Script) -> None:
        async with import_module(self.library).AsyncClient(auth=auth, timeout=TIMEOUT) as client:
            await aplay(script, partial(_asend, client))


def installed_clients() -> list[Client]:
    """Return every client that can be used here."""
    clients: list[Client] = [Requests(), Httpx("httpx"), HttpxAsync("httpx")]
    if find_spec("trio"):
        clients.append(HttpxAsync("httpx", "trio"))
    if find_spec("httpx2"):
        clients += [Httpx("httpx2"), HttpxAsync("httpx2")]
    return clients


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
