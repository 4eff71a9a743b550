"""Bodies: what sets one of httpx back to be sent again, and how much of a refusal's is read, on each client.

A refusal's body decides nothing, so that nothing which reading it meets may decide either: it may break off, stall,
and never end. What is read before the connection is closed is kept, for the client wants it and so may the user.
"""

import contextlib
import inspect
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from tokenauth._lazy import ByKind

LIMIT = 64 * 1024
"""The bytes that are read of a refusal."""
SECONDS = 1.0
"""For how long they are; a piece that doesn't come is waited for as long as the client's own read timeout says."""

_LIBRARIES = {"httpx", "httpx2"}


@ByKind
def is_whole(kind: Any) -> bool:
    """Whether a stream of *kind* is bytes in memory, for which `rewinder` has nothing to do."""
    return bool(kind.__name__ == "ByteStream" and kind.__module__.partition(".")[0] in _LIBRARIES)


def rewinder(stream: Any) -> Callable[[], bool]:
    """Return what sets a request body back to where it stands now; it returns whether the body can be sent twice."""
    return partial(_rewind, _places(stream))


def _rewind(places: list[tuple[Any, int]] | None) -> bool:
    if places is None:
        return False
    try:
        for file, position in places:
            file.seek(position)
        return all(file.tell() == position for file, position in places)
    except Exception:  # it said that it could
        return False


def _places(stream: Any) -> list[tuple[Any, int]] | None:
    """Return the files that *stream* is read from and where each stands, or None where it can be read once only.

    Streams of a kind that isn't the library's own are among the latter: what they do to a file, nobody knows.
    """
    kind: Any = type(stream)
    name = kind.__name__ if kind.__module__.partition(".")[0] in _LIBRARIES else ""
    if is_whole[kind]:
        return []
    if name == "MultipartStream":  # begins its files at 0, as the first time
        contents = (getattr(field, "file", b"") for field in stream.fields)
        files = [content for content in contents if not isinstance(content, bytes | str)]
        return None if any(_position(file) is None for file in files) else [(file, 0) for file in files]
    content = stream._stream if name in {"IteratorByteStream", "AsyncIteratorByteStream"} else None
    if name.startswith("Async"):
        content = getattr(content, "wrapped", content)  # anyio's and trio's files
    if isinstance(content, list | tuple):
        return []
    position = _position(content)
    return None if position is None else [(content, position)]


def _position(file: Any) -> int | None:
    try:
        if any(inspect.iscoroutinefunction(method) for method in (file.seekable, file.tell, file.seek)):
            return None
        position = file.tell() if file.seekable() else None
    except Exception:
        return None
    return position if isinstance(position, int) else None


class Kept:
    """What is kept of a refusal's body. *now*: the clock, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._raw = bytearray()
        self._now = now
        self._until = now() + SECONDS

    def take(self, piece: bytes) -> bool:
        """Keep *piece*; return whether there is room and time for another."""
        self._raw += piece[: LIMIT - len(self._raw)]
        return len(self._raw) < LIMIT and self._now() < self._until

    @property
    def content(self) -> bytes:
        return bytes(self._raw)

    def finish(self, response: Any) -> None:
        """Let the client find *response* read: with all that it makes of what is kept, or with that as it is."""
        raw = self.content
        response._content = raw
        with contextlib.suppress(Exception):  # it is not in the coding that it says
            response._content = type(response)(response.status_code, headers=response.headers, content=raw).content


def drain(response: Any, now: Callable[[], float]) -> None:
    """Read the refusal *response*, and free or close its connection. An `Exception` in doing so is suppressed."""
    if hasattr(response, "_content"):  # read before: by a hook, or made so by a mock transport
        return
    if not hasattr(response.stream, "__iter__"):  # an async client's, which runs a flow that blocks, and will read it
        return
    kept = Kept(now)
    with contextlib.suppress(Exception), contextlib.closing(response.iter_raw()) as pieces:
        for piece in pieces:
            if not kept.take(piece):
                break
    with contextlib.suppress(Exception):
        response.close()
    kept.finish(response)


async def adrain(response: Any, now: Callable[[], float]) -> None:
    """Async version of `drain`."""
    if hasattr(response, "_content"):
        return
    kept = Kept(now)
    with contextlib.suppress(Exception):
        async with contextlib.aclosing(response.aiter_raw()) as pieces:
            async for piece in pieces:
                if not kept.take(piece):
                    await _break_off(response, pieces)
                    break
    with contextlib.suppress(Exception):
        await response.aclose()
    kept.finish(response)


async def _break_off(response: Any, pieces: AsyncGenerator[bytes, None]) -> None:
    """Close *response*, of which *pieces* are being read.

    Below *pieces* stand more generators, which httpx doesn't close, and trio warns of any that is left so. Over
    HTTP/1.1 the connection is closed now, at which they end by themselves, after what had come in. HTTP/2 goes on for
    others, and so may a transport of the user's own.
    """
    await response.aclose()
    if "network_stream" in response.extensions and response.http_version.startswith("HTTP/1"):
        async for _ in pieces:
            pass
