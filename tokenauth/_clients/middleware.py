"""The middleware for aiohttp: the story of one authenticated hop. It works without importing aiohttp.

aiohttp calls a middleware for each hop of a redirect, including foreign ones, and copies no header of ours from hop to
hop. So each hop is judged on its own, and nothing has to be removed. A `_Chain` connects the hops: once it has been at
a foreign origin, it is left alone, wherever it leads. All its hops share one renewal.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenauth._clients.at_login import flows
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.peek import behind, refuses, worth_reading
from tokenauth._core import stand_in
from tokenauth._core.origins import Origin
from tokenauth._core.ready import Ready
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token

if TYPE_CHECKING:
    from tokenauth._core.source import Source

log = logging.getLogger("tokenauth")

Handler = Callable[[Any], Awaitable[Any]]


@dataclass(slots=True)
class _Chain:
    """What the next hop of a redirect must know: whether the chain has been *abroad*, and has *renewed* a token."""

    abroad: bool = False
    renewed: bool = False


_MOST_READ = 64 * 1024
_LONGEST_READ = 1.0
_MOST_CHAINS = 4096
_ENDED = "_tokenauth"
"""The attribute of a request with what it was signed with when it was sent. A middleware may send it again, for another
tenant."""
_chains: dict[tuple[Any, int], _Chain] = {}
"""Chains of several hops, by the timer that aiohttp makes for each request and its redirects, and by who signs. They
stay when their last hop is over, for a middleware further out may send it again."""


class MiddlewareAuth(BaseTokenAuth):
    """The middleware that `aiohttp.ClientSession(middlewares=[auth])` calls."""

    async def _handle(self, request: Any, handler: Handler) -> Any:
        """Sign *request*, send it, and after a refusal renew the token and send it again, once."""
        source = self._source
        ended = _begun(request)
        url = request.url
        place = (url.scheme, url.raw_host, url.port)
        static = source.readiness.static.get(place)
        ready = source.ready() if static is None else None
        signature, token = (static, None) if ready is None else (ready.signatures.get(place), ready.token)
        chain = _chains.get((_timer(request), id(source))) if _chains else None
        if signature is None or chain is not None:
            signature, token = await self._signature(request, place, ready, chain)
            if signature is None:
                _take_off(request, source.given(request.headers.items(), str(url)))
                return _passed_on(source, request, await handler(request), _Chain(abroad=True))
            stand_in.tell(request, signature)
        _put(request, signature)
        try:
            response = await handler(request)
        except Exception as problem:  # a middleware further in, or a session's raise_for_status, raises on a refusal
            if token is not None and _raised_on_refusal(source, problem, signature):
                source.learn_refusal(token, _place(request))
            raise
        finally:
            ended.append(signature)
        admission = source.admission  # the answers of most statuses are the caller's
        if token is None or not (
            (admission.peeks or response.status in admission.refusals) and await _refuses(source, response)
        ):
            if source.credential.futility.watching and token is not None:
                source.credential.futility.served(_place(request))
            return response if chain is None else _passed_on(source, request, response, chain)
        if not signature.is_on(request.headers, str(request.url)):  # a middleware further in has put its own there
            return response
        if chain is not None and chain.renewed:
            source.renewed_in_vain(_place(request))
            return response
        return await self._renewed(request, response, handler, token)

    async def _signature(
        self, request: Any, place: tuple[Any, ...], ready: Ready | None, chain: _Chain | None
    ) -> tuple[Signature | None, Token | None]:
        """Return what *request* must carry, and the token in it; None where it may have neither."""
        source, origin = self._source, _origin(request.url)
        if chain is not None and chain.abroad:
            return None, None
        if origin is None:
            source.admission.warn_of(request.url.scheme)
            return None, None
        if source.provider.is_static(origin):
            static = await self._arun(flows.static(source, origin), "aiohttp")
            source.learn_static(place, static)
            return static, None
        if not source.admission.admits(origin):
            return None, None
        if ready is not None:
            token = ready.token
            source.credential.emit("hit", token.fingerprint)
        else:
            token = await self._aobtain(None, "aiohttp")
        signature = source.admission.signature(token, origin)
        if signature is None:
            return None, None
        source.learn(ready, place, signature)
        return signature, token

    async def _renewed(self, request: Any, response: Any, handler: Handler, token: Token) -> Any:
        """Return the answer with a newer token, or the refusal *response* if that would not help."""
        source, place = self._source, _place(request)
        refusal = source.learn_refusal(token, place)
        try:
            while refusal is not None:
                signed = await self._signed_again(request, response, token)
                if signed is None:
                    break
                signature, token = signed
                last = source.is_last(token, refusal)
                response = await handler(request)
                refused = await _refuses(source, response)
                if last or not refused or not signature.is_on(request.headers, str(request.url)):
                    source.ended(place, refused=refused)
                    return _passed_on(source, request, response, _Chain(renewed=True))
                refusal = source.learn_refusal(token, place, refusal)
            return response
        finally:
            del refusal  # now, though an exception may hold this frame

    async def _signed_again(self, request: Any, response: Any, rejected: Token) -> tuple[Signature, Token] | None:
        """Sign *request* once more, with a token other than *rejected*. Return None if it can't be sent again."""
        source = self._source
        if getattr(request.body, "consumed", False) or not _can_go_back(request.body):  # little or nothing would go out
            log.warning("%s: the caller gets the 401, because the body can't be sent twice", source.provider.name)
            return None
        _keep_cookies(request, response)
        await _let_go(response)  # frees the connection before the token call
        token = await self._aobtain(rejected, "aiohttp")
        origin = _origin(request.url)
        signature = source.admission.signature(token, origin) if origin is not None else None
        if signature is None:  # the new token is for another origin
            return None
        stand_in.tell(request, signature)
        _put(request, signature)
        getattr(request, _ENDED).append(signature)
        return signature, token


def _put(request: Any, signature: Signature) -> None:
    if signature.cookies:
        request.headers.update(signature.headers_beside(request.headers.get("Cookie")))
    else:
        for name, value in signature.headers.items():
            request.headers[name] = value
    if signature.params:
        request.url = type(request.url)(signature.url(str(request.url)), encoded=True)


def _begun(request: Any) -> list[Signature]:
    """Take off *request* what it was sent with before. Return the list for what it is sent with from now on."""
    ended: list[Signature] | None = getattr(request, _ENDED, None)
    if ended is None:
        ended = []
        setattr(request, _ENDED, ended)  # to ask for its `__dict__` would make Python build one
    while ended:
        _take_off(request, ended.pop(0))
    return ended


def _take_off(request: Any, signature: Signature) -> None:
    """Take off *request* what it has of *signature*."""
    before = str(request.url)
    url = signature.take_off(request.headers, before)
    if url != before:
        request.url = type(request.url)(url, encoded=True)


def _can_go_back(body: Any) -> bool:
    """Whether a file that aiohttp has read goes back to where it stood: some say that they do."""
    file: Any = getattr(body, "_value", None)
    start = getattr(body, "_start_position", None)
    if start is None or not hasattr(file, "seek"):
        return True
    try:
        file.seek(start)
        return bool(file.tell() == start)
    except Exception:  # it said that it could
        return False


def _keep_cookies(request: Any, response: Any) -> None:
    """Keep the cookies that a refusal has set, as the session does with those of an answer."""
    if response.cookies and getattr(request, "session", None) is not None:
        request.session.cookie_jar.update_cookies(response.cookies, response.url)


async def _let_go(response: Any) -> None:
    """Free the connection of a refusal. What is short of its body is read before, for it may still be the caller's."""
    import asyncio  # noqa: PLC0415  (who calls this has it)

    if (response.content_length or 0) <= _MOST_READ and response.content_length is not None:
        with contextlib.suppress(Exception):  # however the body breaks or stalls
            async with asyncio.timeout(_LONGEST_READ):
                await response.read()
                return  # its end has freed the connection, and after `release()` nobody could read it again
    response.release()


def _timer(request: Any) -> Any:
    return getattr(request, "_timer", None)


def _passed_on(source: "Source", request: Any, response: Any, chain: _Chain) -> Any:
    """Return *response*. Where it is a redirect, the next hop of *request* will find *chain* for *source*."""
    timer = _timer(request)
    if timer is not None and 300 <= response.status < 400:
        while len(_chains) >= _MOST_CHAINS:
            _chains.pop(next(iter(_chains)), None)
        _chains[timer, id(source)] = chain
    return response


async def _refuses(source: "Source", response: Any) -> bool:
    if source.admission.is_refusal(response.status, _Joined(response.headers)):
        return True
    if not source.admission.looks(response.status):
        return False
    if worth_reading(source, response):
        await response.read()
    return refuses(source, response)


def _raised_on_refusal(source: "Source", problem: Exception, signature: Signature) -> bool:
    """Whether *problem* is, or came from, a ClientResponseError about a refusal of a request with *signature*.

    It may as well be about a request of somebody else's, or a proxy's answer to CONNECT.
    """
    for each in behind(problem):
        sent: Any = getattr(each, "request_info", None)
        if sent is not None and signature.is_on(sent.headers, str(sent.url)):
            fields, status = getattr(each, "headers", None), getattr(each, "status", 0)
            return source.admission.is_refusal(status, _Joined(fields) if hasattr(fields, "getall") else fields or {})
    return False


class _Joined(dict[str, str]):
    """The fields of a response, those of one name joined as in RFC 9110 §5.3."""

    def __init__(self, fields: Any) -> None:
        self._fields = fields

    def get(self, name: str, default: Any = None) -> Any:
        values = self._fields.getall(name, ())
        return ", ".join(values) if values else default


def _place(request: Any) -> str:
    """Return the method and address of *request*, for `Futility`."""
    return f"{request.method} {request.url.with_query(None).with_fragment(None)}"


def _origin(url: Any) -> Origin | None:
    try:
        return Origin.of(url.scheme, url.raw_host or "", url.port)
    except ValueError:
        return None
