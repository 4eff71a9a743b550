"""Token calls on httpx and httpx2, sync and async."""

import contextlib
import copy
import functools
import importlib
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tokenauth._core.messages import TokenRequest
from tokenauth._core.replays import replayed
from tokenauth._io.answer_body import Body, BodyError, whole
from tokenauth._io.token_call import Answer, Unreachable
from tokenauth._io.transports import LATER, checked_fresh, headers_of, reason
from tokenauth._io.transports.line import Line
from tokenauth._io.waiting import Gone


class _Transport:
    """Common to both kinds. Only the transport, proxies and TLS settings of *client* are used, not its hooks,
    cookies, headers, auth or redirects, nor what a class of the user's adds."""

    _kind: str

    def __init__(self, client: Any, library: str) -> None:
        self._client = client
        self._library = importlib.import_module(library)

    def _lent(self, url: str) -> tuple[Any, Any]:
        """Return a twin of the user's client for a call to *url*, without its hooks and cookies; and its transport,
        which is to be closed after the call, or None where that is the user's own."""
        lent = object.__new__(getattr(self._library, self._kind))
        vars(lent).update(vars(self._client))
        lent.event_hooks = {}
        lent.cookies = None
        lender, lent._mounts = self._client._transport_for_url(self._library.URL(url)), {}
        while type(lender).__module__.startswith("hishel.") and hasattr(lender, "next_transport"):
            lender = lender.next_transport  # a cache, which keeps what it is asked not to keep
        lent._transport = own = _apart(lender)
        return lent, None if own is lender else own

    def _request(self, request: TokenRequest, seconds: float, **extensions: Any) -> Any:
        extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), seconds + LATER)
        make, headers = self._library.Request, headers_of(request)
        return make(request.method, request.url, headers=headers, content=request.body, extensions=extensions)

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, BodyError):
            return Unreachable(str(error), connected=True, lasting=error.lasting)
        known = self._library.ConnectError, self._library.ConnectTimeout, self._library.ProxyError
        sent = not isinstance(error, (*known, self._library.PoolTimeout, self._library.UnsupportedProtocol))
        return Unreachable(reason(error), connected=not isinstance(error, known), sent=sent)


class Blocking(_Transport):
    """If *client* is None, each call has its own client."""

    _kind = "Client"

    def _bare(self) -> Any:
        return self._library.Client(verify=_tls(self._library, *map(os.environ.get, _TLS_SETTINGS)))

    @contextlib.contextmanager
    def _opened(self, url: str) -> Iterator[tuple[Any, bool]]:
        """Yield the client for a call to *url*, and whether its connections may be others', too."""
        if self._client is None:
            with self._bare() as client:
                yield client, False
            return
        lent, own = self._lent(url)
        try:
            yield lent, own is None
        finally:
            if own is not None:
                own.close()

    def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        try:
            with self._opened(request.url) as (client, shared), Line(seconds, shared=shared) as line:
                return self._call(client, request, seconds, line)
        except Exception as error:
            problem = self._unreachable(error)
        raise problem

    def _call(self, client: Any, request: TokenRequest, seconds: float, line: Line) -> Answer:
        sent = self._request(request, seconds, trace=line.trace)
        response = client.send(sent, stream=True, auth=None, follow_redirects=False)
        try:
            connection = response.extensions.get("network_stream")  # out of a pool
            if connection is not None and response.http_version.startswith("HTTP/1"):
                line.hold(connection.get_extra_info("socket"))
            headers = checked_fresh(request, dict(response.headers), replayed=replayed(response))
            if response.is_stream_consumed:  # made by a mock transport, which read and decoded it
                return response.status_code, headers, whole(response.content)
            body = Body(response.headers.get("Content-Encoding", ""))
            for piece in response.iter_raw():
                line.check()
                body.feed(piece)
            return response.status_code, headers, body.finish()
        finally:
            response.close()


class Awaiting(_Transport):
    _kind = "AsyncClient"

    @contextlib.asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[Any]:
        lent, own = self._lent(url)
        try:
            yield lent
        finally:
            if own is not None:
                await own.aclose()

    async def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        try:
            async with self._opened(request.url) as client:
                return await self._call(client, request, seconds)
        except Exception as error:
            problem = Gone("its client was closed") if self._client.is_closed else self._unreachable(error)
        raise problem

    async def _call(self, client: Any, request: TokenRequest, seconds: float) -> Answer:
        response = await client.send(self._request(request, seconds), stream=True, auth=None, follow_redirects=False)
        try:
            headers = checked_fresh(request, dict(response.headers), replayed=replayed(response))
            if response.is_stream_consumed:  # made by a mock transport, which read and decoded it
                return response.status_code, headers, whole(response.content)
            body = Body(response.headers.get("Content-Encoding", ""))
            await _feed(body, response)
            return response.status_code, headers, body.finish()
        finally:
            await response.aclose()


def _apart(transport: Any) -> Any:
    """Return a twin of *transport* with a pool of its own; *transport* itself where it has none of the library's."""
    pool: Any = getattr(transport, "_pool", None)
    if not hasattr(pool, "_optional_thread_lock"):
        return transport
    own, twin = copy.copy(pool), copy.copy(transport)
    own._connections, own._requests = [], []
    own._optional_thread_lock = type(pool._optional_thread_lock)()
    twin._pool = own
    return twin


async def _feed(body: Body, response: Any) -> None:
    pieces = response.aiter_raw()
    try:
        async for piece in pieces:
            body.feed(piece)
    except BodyError:
        await response.aclose()
        with contextlib.suppress(Exception):
            await anext(pieces)  # the client's generators end at the closed connection; trio warns of any that doesn't
        raise


_TLS_SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@functools.lru_cache(maxsize=8)
def _tls(library: Any, *_settings: str | None) -> ssl.SSLContext:
    """Return the library's default TLS settings; to load the CA bundle takes 20 ms, so once for each environment."""
    context: ssl.SSLContext = library.create_ssl_context()
    return context
