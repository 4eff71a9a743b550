"""Token calls on aiohttp. Blocking code makes them, too: in a thread that runs an event loop for the call."""

import asyncio
import ssl

import aiohttp

from tokenauth._core.effects import Misuse
from tokenauth._core.messages import TokenRequest
from tokenauth._core.places import by_name
from tokenauth._core.token import exact
from tokenauth._io.answer_body import Body, BodyError
from tokenauth._io.token_call import Answer, Unreachable
from tokenauth._io.transports import LATER, checked_fresh, headers_of, reason
from tokenauth._io.waiting import Gone

_PIECE = 16 * 1024
_BEFORE_SENDING = (aiohttp.ClientHttpProxyError, aiohttp.InvalidURL, getattr(aiohttp, "ConnectionTimeoutError", ()))


class Awaiting:
    """Makes token calls with a *session*, or with one of its own for each call where that is None.

    Only its connections, TLS and proxy settings are used. Its middlewares, cookies, headers and tracing are not.
    """

    def __init__(self, session: aiohttp.ClientSession | None, library: str) -> None:
        self._session = session

    async def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        if self._session is not None and self._session._loop is not asyncio.get_running_loop():
            raise Misuse(
                "token_client is an aiohttp.ClientSession of another event loop, and can't be used in this one: give "
                "the auth object of each loop a session of that loop, or leave out token_client="
            )
        try:
            async with self._lent(request.url) as session:
                heeds = self._session is None or self._session.trust_env
                return await _call(session, request, seconds, _proxy(request.url) if heeds else None)
        except Exception as error:
            connected = not isinstance(error, aiohttp.ClientConnectorError)
            sent = connected and not isinstance(error, _BEFORE_SENDING)
            text = str(error) if isinstance(error, BodyError) else reason(error)
            lasting = isinstance(error, BodyError) and error.lasting
        if self._session is not None and self._session.closed:
            raise Gone("its session was closed")
        raise Unreachable(text, connected=connected, sent=sent, lasting=lasting)

    def _lent(self, url: str) -> aiohttp.ClientSession:
        user = self._session
        if user is None:  # trust_env would read netrc, too: the environment's proxies come by `_proxy`
            # aiohttp's own context knows SSL_CERT_FILE only as it was when aiohttp was imported
            tls = ssl.create_default_context() if url.startswith("https") else True
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        if user.closed:  # it has no connector, and aiohttp would make one of its own
            raise Gone("its session was closed")
        return aiohttp.ClientSession(
            connector=user.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=user._default_proxy,
            proxy_auth=user._default_proxy_auth,
        )


class Blocking:
    """The same for a thread."""

    def __init__(self, session: None, library: str) -> None:
        self._transport = Awaiting(session, library)

    def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        try:
            return asyncio.run(asyncio.wait_for(self._transport(request, seconds), seconds + LATER))
        except TimeoutError:
            problem = Unreachable("it took too long", connected=True)
        raise problem


async def _call(session: aiohttp.ClientSession, request: TokenRequest, seconds: float, proxy: str | None) -> Answer:
    sent = {
        exact(name): exact(value) for name, value in headers_of(request).items()
    }  # aiohttp asks a text for its text
    async with session.request(
        request.method,
        request.url,
        data=request.body or (b"" if request.method in {"POST", "PUT", "PATCH"} else None),
        headers=sent,
        skip_auto_headers=("Content-Type",),
        allow_redirects=False,
        middlewares=(),
        timeout=aiohttp.ClientTimeout(total=seconds + LATER),
        proxy=session._default_proxy or proxy,
    ) as response:
        headers = checked_fresh(request, by_name(response.headers), replayed=False)
        body = Body(response.headers.get("Content-Encoding", ""))
        async for piece in response.content.iter_chunked(_PIECE):
            body.feed(piece)
        return response.status, headers, body.finish()


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for *url*."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  (few need it)

    from yarl import URL  # noqa: PLC0415  (comes with aiohttp)

    target = URL(url)
    proxy = getproxies().get(target.scheme)
    return proxy if proxy and not proxy_bypass(target.host or "") else None
