"""The protected API that stands behind each provider.

Success, 200: ``{"method", "sha256", "length", "content_type", "path", "token"}``: digest and length are
those of the body as it arrived, ``token`` is the first eight hex digits of the token's SHA-256. A token
that is missing, wrong, expired or revoked gets 401 with ``WWW-Authenticate: Bearer error="invalid_token"``
(RFC 6750, 3.1). The body is read to its end before any answer.

Paths under *prefix*: ``api/{path}`` answers as above; ``stream?n=5&size=1000`` streams;
``redirect?status=302&to=URL`` redirects; ``denied/{path}`` answers 401 to everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._http import Endpoint, answer, stream
from tokenauth.sandbox._state import ProviderState

TokenReader = Callable[[Request], str | None]
Reply = Callable[[Request, bytes], Response]
MAX_CHUNKS: Final = 10_000
MAX_SIZE: Final = 1_000_000


def bearer(request: Request) -> str | None:
    """Return the token of ``Authorization: Bearer <token>``, or None. The scheme's case does not matter."""
    values = request.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return token if scheme.lower() == "bearer" else None


def fingerprint(token: str) -> str:
    """Return the first eight hex digits of the token's SHA-256."""
    return sha256(token.encode()).hexdigest()[:8]


def api_routes(prefix: str, provider: ProviderState, read: TokenReader, *, counter: str = "api") -> list[BaseRoute]:
    """Return the protected paths under *prefix*; *read* finds the token, *counter* names the two counts."""

    def protected(path: str, reply: Reply, read: TokenReader = read) -> Route:
        return Route(prefix + path, guard(provider, read, reply, counter=counter))

    return [
        protected("/api/{path:path}", lambda request, body: echo(request, body, read(request))),
        protected("/stream", lambda request, _: streamed(request)),
        protected("/redirect", lambda request, _: redirect(request)),
        protected("/denied/{path:path}", lambda request, body: echo(request, body, None), lambda _: None),
    ]


def guard(provider: ProviderState, read: TokenReader, reply: Reply, *, counter: str = "api") -> Endpoint:
    """Return an endpoint that answers with *reply* if the token is accepted, else with 401; count either."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        if provider.accepts(read(request)):
            provider.count(f"{counter}_200")
            return reply(request, body)
        provider.count(f"{counter}_401")
        return answer({"error": "invalid_token"}, 401, {"www-authenticate": 'Bearer error="invalid_token"'})

    return Endpoint(handle, provider)


def echo(request: Request, body: bytes, token: str | None) -> Response:
    """Return what arrived, in a form that shows no token and no body."""
    content = {
        "method": request.method,
        "sha256": sha256(body).hexdigest(),
        "length": len(body),
        "content_type": request.headers.get("content-type"),
        "path": request.url.path,
        "token": fingerprint(token) if token else None,
        "headers": sorted(request.headers.keys()),
    }
    return answer(content)


def streamed(request: Request) -> Response:
    """Return a stream of the query's ``n`` chunks (5) of ``size`` bytes (1000)."""
    chunks, size = _number(request, "n", 5, MAX_CHUNKS), _number(request, "size", 1000, MAX_SIZE)
    if chunks is None or size is None:
        return answer({"message": "n or size out of range"}, 400)
    return stream(chunks, size)


def redirect(request: Request) -> Response:
    """Return a redirect to the query's ``to`` with its ``status`` (302)."""
    status, target = _number(request, "status", 302, 399), request.query_params.get("to")
    if status is None or status < 300 or not target:
        return answer({"message": "status from 300 to 399, to: a URL"}, 400)
    return Response(status_code=status, headers={"location": target})


def _number(request: Request, name: str, default: int, most: int) -> int | None:
    text = request.query_params.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() and int(text) <= most else None
