"""What the four token endpoints share: reading, delaying, failing on demand, answering.

A provider's module gives a plain function ``login(call) -> Response``; everything around it is here.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tokenauth.sandbox._state import Failure, ProviderState

DROP: Final = "tokenauth.sandbox.drop"
"""ASGI extension: a function that cuts the connection. `server` provides it."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """A token call, read to its end."""

    provider: ProviderState
    request: Request
    body: bytes

    def header(self, name: str) -> str:
        """Return the header's value, or an empty text; a header given twice counts as absent."""
        values = self.request.headers.getlist(name)
        return values[0] if len(values) == 1 else ""

    def form(self) -> dict[str, str] | None:
        """Return the urlencoded body's fields, or None if it is malformed or names a field twice."""
        try:
            pairs = parse_qsl(self.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            return {} if not self.body else None
        form = dict(pairs)
        return form if len(form) == len(pairs) else None

    def labelled(self, *labels: str) -> bool:
        """Tell whether the Content-Type is one of *labels*."""
        return self.header("content-type").partition(";")[0].strip().lower() in labels

    def basic(self) -> tuple[str, str] | None:
        """Return name and password of HTTP Basic as they stand, or None."""
        scheme, _, encoded = self.header("authorization").partition(" ")
        try:
            name, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:  # not base64, or not of text
            return None
        return (name, password) if colon and scheme.lower() == "basic" else None

    def refuse(self, response: Response) -> Response:
        """Count a refused login and return *response*."""
        self.provider.count("refused")
        return response

    def fault(self, error: str, text: str) -> Response:
        """Refuse with an error of RFC 6749, 5.2."""
        return self.refuse(answer({"error": error, "error_description": text}, 400))


class Endpoint:
    """An ASGI app around *handler*: any method, ``Date`` by the clock of the *provider*, where there is one."""

    def __init__(self, handler: Handler, provider: ProviderState | None = None) -> None:
        self.handler = handler
        self.provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.handler(Request(scope, receive))
        if self.provider is not None:
            response.headers["date"] = formatdate(self.provider.told_time(), usegmt=True)
        await response(scope, receive, send)


def token_endpoint(provider: ProviderState, methods: tuple[str, ...], login: Callable[[Call], Response]) -> Endpoint:
    """Return the endpoint that answers token calls with *login*, after the knobs `latency` and `failures`."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        if request.method not in methods:
            return answer({"message": "Method Not Allowed"}, 405, {"allow": ", ".join(methods)})
        provider.count("token_calls")
        with anyio.CancelScope() as delay:
            provider.delayed.add(delay)
            try:
                await anyio.sleep(provider.knobs.latency)
            finally:
                provider.delayed.discard(delay)
        if delay.cancel_called:
            return answer({"message": "The sandbox was reset"}, 503)
        failure = provider.next_failure()
        return login(Call(provider, request, body)) if failure is None else fail(failure)

    return Endpoint(handle, provider)


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response, not to be stored by anyone."""
    body = json.dumps(content, ensure_ascii=False).encode()
    all_headers = {"content-type": "application/json", "cache-control": "no-store", **(headers or {})}
    return Response(body, status, all_headers)


def token_answer(provider: ProviderState, content: dict[str, Any]) -> dict[str, Any]:
    """Return *content* with the `answer` knob laid over it: null removes a field."""
    overlay = provider.knobs.answer
    laid = {**content, **overlay}
    return {name: value for name, value in laid.items() if value is not None or name not in overlay}


def fail(failure: Failure) -> Response:
    """Return the response that *failure* describes."""
    if failure.kind == "drop":
        return Dropped()
    if failure.kind == "cut":
        return Dropped(b'{"token": "cut sh', length=500)
    after = failure.retry_after
    headers = {} if after is None else {"retry-after": after if isinstance(after, str) else f"{after:g}"}
    if failure.location is not None:
        headers["location"] = failure.location
    if failure.kind != "status":
        body = b"<html>not what was asked for" if failure.kind == "garbage" else b""
        return Response(body, 200, {"content-type": "application/json", **headers})
    if failure.business:
        return answer({"url": "", "status": failure.status, "msg": "failing on demand"}, 200, headers)
    if failure.status in {204, 304}:  # they have no body
        return Response(None, failure.status, headers)
    return answer({"message": "failing on demand"}, failure.status, headers)


class Dropped(Response):
    """No answer, or one of *length* bytes that ends after *start*; then the connection is cut."""

    def __init__(self, start: bytes = b"", *, length: int = 0) -> None:
        super().__init__(start)
        self.headers["content-length"] = str(length)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.body:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            await anyio.sleep(0.01)  # lets the client have what was sent
        scope["extensions"][DROP]()
        await receive()  # returns when the connection is gone: the body was read before


def stream(chunks: int, size: int) -> Response:
    """Return a response of *chunks* chunks of *size* bytes each, without a length."""

    async def content() -> AsyncIterator[bytes]:
        for number in range(chunks):
            yield bytes([number % 256]) * size

    return StreamingResponse(content(), media_type="application/octet-stream")
