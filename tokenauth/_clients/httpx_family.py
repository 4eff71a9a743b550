"""What httpx and httpx2 share: the story of one authenticated request, told once for sync and async.

`_steps` is a plain generator. It yields a request to be sent (and is sent the response), `Obtain` (a token) or `Read`
(nothing). The two flows of httpx's Auth run it. The client follows redirects below the auth flow, so a response may
come from elsewhere: what counts is the request that got it.
"""

import logging
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.bodies import adrain, drain, rewinder
from tokenauth._clients.redirects import Wire
from tokenauth._core.flow import static
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.source import Source
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")


@dataclass(frozen=True, slots=True)
class Obtain:
    """Ask for a token other than *rejected*."""

    rejected: Token | None


@dataclass(frozen=True, slots=True)
class Sign:
    """Ask for the signature that requests to *origin* carry without a token; a secret may have to be read for it."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class Read:
    """Read the response, of which nothing matters any more, and free its connection."""

    response: Any


class HttpxAuth(BaseTokenAuth):
    """The auth flows of httpx.Auth and httpx2.Auth."""

    requires_request_body = False
    requires_response_body = False

    async def aget_token(self) -> Token:
        """Return the current token, fetched if need be, on asyncio or trio. Raises `TokenAuthError`."""
        return self._source.tokens.fresh() or await self._aobtain(None)

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        steps = self._steps(request, is_async=False)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Obtain):
                    step = steps.send(self._obtain(step.rejected, _library_of(request)))
                elif isinstance(step, Sign):
                    step = steps.send(self._source.provider.static(step.origin))
                elif isinstance(step, Read):
                    drain(step.response, self._source.credential.clock.monotonic)
                    step = next(steps)
                else:
                    step = steps.send((yield step))
        except StopIteration:
            return

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        steps = self._steps(request, is_async=True)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Obtain):
                    step = steps.send(await self._aobtain(step.rejected, _library_of(request)))
                elif isinstance(step, Sign):
                    step = steps.send(await self._arun(static(self._source, step.origin)))
                elif isinstance(step, Read):
                    await adrain(step.response, self._source.credential.clock.monotonic)
                    step = next(steps)
                else:
                    step = steps.send((yield step))
        except StopIteration:
            return

    def _steps(self, request: Any, *, is_async: bool) -> Generator[Any, Any, None]:
        source, origin = self._source, _origin(request)
        signature = (yield Sign(origin)) if origin is not None and source.provider.is_static(origin) else None
        token = None
        if signature is None and origin is not None and source.admission.admits(origin):
            token = source.tokens.fresh() or (yield Obtain(None))
            signature = source.admission.signature(token, origin)
        if signature is None or origin is None:
            yield request
            return
        wire = _signed(source, request, origin, signature, token, is_async=is_async)
        stream, rewind = request.stream, rewinder(request.stream)
        response = yield request
        if not source.admission.is_refusal(response.status_code, response.headers) or not self._is_home(
            response, token
        ):
            return
        again = response.request
        carried = wire.carried(again)
        if carried and token is None:
            return
        rejected = token if carried else None
        if again.stream is not stream:  # a redirect has left the body behind, or a hook has read it
            rewind = rewinder(again.stream)
        if not rewind():
            if rejected is not None:
                source.reject(rejected)
            log.warning("%s: a 401 is handed to the caller, for the body can't be sent twice", source.provider.name)
            return
        yield Read(response)  # frees the connection before the token call and the retry
        origin = _origin(again) or origin
        if token is None:
            signature = yield Sign(origin)
        else:
            token = yield Obtain(rejected)
            signature = source.admission.signature(token, origin)
        if signature is not None:
            _signed(source, again, origin, signature, token, is_async=is_async)
            yield again

    def _is_home(self, response: Any, token: Token | None) -> bool:
        """Whether *response* and every redirect on the way to it came from an origin that may have *token*."""
        for each in (*response.history, response):
            origin = _origin(each.request)
            if origin is None or not self._source.admission.serves(origin, token):
                return False
        return True


def _signed(
    source: Source, request: Any, origin: Origin, signature: Signature, token: Token | None, *, is_async: bool
) -> Wire:
    """Put *signature* on *request*, and see to it that no redirect takes it to a foreign origin."""
    cookie = request.headers.get("Cookie") if signature.cookies else None
    for name, value in signature.headers_beside(cookie).items():
        request.headers[name] = value  # update() would copy all of them
    if signature.params:
        request.url = type(request.url)(signature.url(str(request.url)))
    return Wire(source, request, origin, signature, token, is_async=is_async)


def _origin(request: Any) -> Origin | None:
    url = request.url
    try:
        return Origin.of(url.scheme, url.raw_host.decode("ascii"), url.port)
    except ValueError:
        return None


def _library_of(request: Any) -> str | None:
    roots = (kind.__module__.partition(".")[0] for kind in type(request).__mro__)
    return next((root for root in roots if root in {"httpx", "httpx2"}), None)
