"""A plain-TCP proxy that spoils what goes through it, in a thread of its own.

with fault_proxy(server.port) as proxy:
    proxy.url                              in place of the server's
    proxy.spoil(reset, truncate(20))       one connection after the other; the rest goes through
    proxy.spoil(always=blackhole)          every connection
    proxy.connections                      how many came in
"""

import asyncio
import contextlib
import socket
import struct
import threading
from asyncio import StreamReader as Read
from asyncio import StreamWriter as Write
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

Fault = Callable[[Read, Write], Awaitable[None]]
"""Passes on what the server answers, after its own fashion; what comes from the client goes through untouched."""


async def through(reader: Read, writer: Write) -> None:
    """No fault."""
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


async def reset(reader: Read, writer: Write) -> None:
    """RST as soon as something of the request has come in; nothing reaches the server."""
    await reader.read(1)
    _abort(writer)


async def blackhole(reader: Read, writer: Write) -> None:
    """The request reaches the server; nothing ever comes back."""
    while await reader.read(65536):
        pass
    await asyncio.sleep(3600)


def reset_after(count: int, *, body: bool = False) -> Fault:
    """RST when *count* bytes of the answer (of its *body*) have gone through."""

    async def fault(reader: Read, writer: Write) -> None:
        writer.write(await _first(reader, count, body=body))
        _abort(writer)

    return fault


def truncate(count: int, *, body: bool = False) -> Fault:
    """An orderly end when *count* bytes of the answer (of its *body*) have gone through."""

    async def fault(reader: Read, writer: Write) -> None:
        writer.write(await _first(reader, count, body=body))
        await writer.drain()

    return fault


def delay(seconds: float) -> Fault:
    """The answer comes *seconds* late."""

    async def fault(reader: Read, writer: Write) -> None:
        piece = await reader.read(65536)
        await asyncio.sleep(seconds)
        writer.write(piece)
        await through(reader, writer)

    return fault


def drip(seconds: float) -> Fault:
    """One byte every *seconds*."""

    async def fault(reader: Read, writer: Write) -> None:
        while piece := await reader.read(1):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return fault


async def _first(reader: Read, count: int, *, body: bool) -> bytes:
    if not body and not count:
        return (await reader.read(1))[:0]
    head = await reader.readuntil(b"\r\n\r\n") if body else b""
    return head + await reader.readexactly(count)


def _abort(writer: Write) -> None:
    """Close with RST in place of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxy:
    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.url = ""
        self._open: dict[asyncio.Task[None], list[Write]] = {}
        self.spoil()

    def spoil(self, *once: Fault, always: Fault = through) -> None:
        self._once, self._always = list(once), always

    async def serve(self, listening: socket.socket, end: threading.Event) -> None:
        """Take connections. The first one after *end* is its caller's, and the last.

        asyncio's own servers leave a connection open that comes in while they are closed.
        """
        listening.setblocking(False)
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            if end.is_set():
                connection.close()
                return await self._close()
            self._accept(*await asyncio.open_connection(sock=connection))

    def _accept(self, reader: Read, writer: Write) -> None:
        self.connections += 1
        fault = self._once.pop(0) if self._once else self._always
        writers = [writer]
        task = asyncio.create_task(self._play(fault, reader, writers))
        self._open[task] = writers

    async def _play(self, fault: Fault, reader: Read, writers: list[Write]) -> None:
        if fault is reset:
            return await reset(reader, writers[0])
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        writers.append(back)
        up = asyncio.create_task(_quietly(through, reader, back))
        try:
            await _quietly(fault, there, writers[0])
        finally:
            up.cancel()
            for writer in writers:
                writer.close()

    async def _close(self) -> None:
        for task, writers in self._open.items():
            task.cancel()
            for writer in writers:
                writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _quietly(function: Callable[..., Awaitable[None]], *args: Any) -> None:
    """A peer that goes away is what this is about."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await function(*args)


@contextlib.contextmanager
def fault_proxy(port: int) -> Iterator[Proxy]:
    """Stand before the server at *port* of 127.0.0.1."""
    proxy, end = Proxy(port), threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        address = listening.getsockname()
        proxy.url = f"http://127.0.0.1:{address[1]}"
        thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(listening, end)), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            end.set()
            socket.create_connection(address).close()
            thread.join(10)
