"""Common to requests and niquests: what happens when a request is prepared. It works without importing either.

These clients call the auth object once per request. They follow a redirect by copying the original request and then
setting the copy's URL. So a signed request, and each copy of it, has a class that knows its signature: when its URL is
set, it is signed for the new URL or loses the signature for good. This holds for requests that adapters make, too. A
response hook handles a 401 on our token. Both are told in `requests_story`.
"""

from collections.abc import Iterable
from typing import Any

from tokenauth._clients.at_login import guard, requests_story
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._lazy import ByKind


@ByKind
def _kinds(kind: Any) -> Any:
    return requests_story.kinds_of(kind)


class RequestsAuth(BaseTokenAuth):
    """The auth object that a session of requests or niquests calls with each request."""

    _clients = "requests and niquests"

    def __call__(self, request: Any, handler: Any = None) -> Any:
        source, url, token = self._source, request.url or "", None
        try:
            place = url[: url.find("/", 8) + 1]
        except AttributeError:  # httpx calls whatever can be called, and aiohttp gives a handler too
            raise self._misused(request) from None
        signature = source.readiness.static.get(place)
        if signature is None:
            ready = source.ready()
            if ready is None or (signature := ready.signatures.get(place)) is None:
                kind: Any = type(request)
                return _kinds[kind][1].begun(self, request, place)
            token = ready.token
        return self._signed(request, signature, token)

    def _signed(self, request: Any, signature: Signature, token: Token | None) -> Any:
        """Put *signature* on *request*, and make it one that looks after it."""
        kind: Any = type(request)
        signed, hook = _kinds[kind]
        sent = hook(self, signature, token)
        hooks = request.hooks.get("response")
        if hooks:  # it may have been signed before
            hooks = _with_others(request, hooks, self, signature)
        request.hooks = {**request.hooks, "response": [sent, *(hooks or ())]}  # for copies of a request share theirs
        put(request, signature)
        if request.body is not None and request._body_position is None:
            sent.mark(request)
        request.__dict__["_sent"] = sent
        request.__class__ = signed
        return request


def _with_others(request: Any, hooks: Iterable[Any], auth: object, signature: Signature) -> list[Any]:
    """Return *hooks* without what looks after earlier signatures of *request*, which *auth* is about to sign.

    Another auth object's signature comes off where it has been sent: the request was that one's. Else both sign the
    request, unless *signature* replaces the other one.
    """
    kept = []
    for each in requests_story.without(hooks, auth):
        if isinstance(each, guard.Guard):  # the request comes out of a pickle
            each.strip(request)
            continue
        if isinstance(each, requests_story.Sent):
            theirs = each._newest[0]
            if each.sent:
                for part in theirs.parts_on(request.headers, request.url or ""):
                    guard.strip(request, part)
            if each.sent or theirs.shares_a_name(signature):
                continue
        kept.append(each)
    return kept


def put(request: Any, signature: Signature) -> None:
    """Put *signature* on *request*."""
    headers = request.headers
    ours = signature.headers_beside(headers.get("Cookie")) if signature.cookies else signature.headers
    for name, value in ours.items():
        headers[name] = value
    if signature.params:
        request.__dict__["url"] = signature.url(request.url or "")
