"""Wire: what happens to our headers when httpx and httpx2 follow a redirect.

On a redirect these clients remove only `Authorization`, and they follow redirects outside of the auth flow. So:

* Our headers are sealed (`sealed_headers`): a redirect is built without them, on any transport.
* A hop to an origin that may receive the token gets them on the wire, unless the chain has been at a foreign origin
  before. This happens in the clients' documented `trace` request extension, which is called for each hop. A transport
  without trace (a mock, ASGI, WSGI, aiohttp's) sends the hop without them, and the flow sends it once more.
* From a hop to any other origin they are removed, because a hook may have copied them one by one.
* If a transport sends a copy of the request, they are put back.
* When the flow has ended, nothing is signed any more: a later request with the same extensions may be another tenant's.

Most requests need none of this: with `Authorization` and one origin, the client itself does the right thing.
"""

import inspect
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokenauth._clients.presented import Presented
from tokenauth._clients.sealed_headers import Seal, seal, seal_of
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token

if TYPE_CHECKING:
    from tokenauth._core.source import Source


class Wire:
    """The trace of one signed request and its redirects, and what is remembered of that request; see `Sent`."""

    follows = True
    can_be_sent_again = staticmethod(Presented.can_be_sent_again)

    _hops = 0
    _abroad = False
    _signed = True
    _users: Any = None
    _sealed: Seal = {}  # noqa: RUF012  (it is never changed)

    def __init__(self, source: "Source", request: Any, signature: Presented, ended: list[Any]) -> None:
        self._source, self.signature, self._ended, self._before = source, signature, ended, len(ended)
        before = request.extensions.get("trace")
        if before is not None:
            self._users = before._users if isinstance(before, Wire) else before
        if signature.sealed or signature.cookies:
            self._sealed = sealed = {**signature.sealed}  # what a hook takes off is taken off here
            if signature.cookies:
                cookie = signature.headers_beside(request.headers.get("Cookie"))["Cookie"]
                sealed |= seal_of({"Cookie": cookie})
            seal(request, sealed)

    @property
    def token(self) -> Token | None:
        return self.signature.token

    @property
    def over(self) -> bool:
        """Whether the flow has ended: then the request may be another tenant's."""
        return len(self._ended) > self._before

    def carried(self, request: Any) -> bool:
        """Whether *request*, the last one that was sent, carried the signature."""
        if not self._hops:  # not traced
            return self.signature.carried(request)
        return self._signed

    def __call__(self, name: str, info: dict[str, Any]) -> Any:
        if name.endswith(".send_request_headers.started"):
            self._see(info["request"])
        if self._users is not None:
            return self._users(name, info)
        awaited = sys._getframe(1).f_code.co_flags & inspect.CO_COROUTINE
        return _nothing() if awaited else None

    def _see(self, wire: Any) -> None:
        """Look at *wire*, the transport's own request, whose headers are about to be sent."""
        if wire.method == b"CONNECT":
            return
        self._hops += 1
        if self._hops == 1 and not self.over:
            self._restore(wire)
            return
        origin = _origin(wire)
        self._abroad = self._abroad or origin is None or not self._source.admission.serves(origin, self.signature.token)
        self._signed = not (self._abroad or self.over)
        if self._signed:
            self._sign(wire)
        elif self._abroad:
            self._strip(wire)

    def _restore(self, wire: Any) -> None:
        """Put back what the flow had signed with, where *wire* was made of a copy."""
        sent = {name.lower() for name, _ in wire.headers}
        names = {*self.signature.sealed, *([b"cookie"] if self.signature.cookies else [])}
        if names <= sent:
            return
        if _origin(wire) == self.signature.origin:
            wire.headers.extend((name, value) for name, lower, value in self._sealed.values() if lower not in sent)
        self._signed = names <= {name.lower() for name, _ in wire.headers}

    def _strip(self, wire: Any) -> None:
        """Take off *wire* what is ours, and what was: a hook may have kept it."""
        kept = []
        for name, value in wire.headers:
            foreign = self._foreign(name.decode("latin-1").lower(), value.decode("latin-1"))
            if foreign is not None:
                kept.append((name, foreign.encode("latin-1")))
        wire.headers[:] = kept

    def _foreign(self, name: str, value: str) -> str | None:
        """Return what a header, its *name* in lower case, holds that never was ours; None if that is nothing."""
        given, cookies = self._source.given([(name, value)], ""), Signature(cookies=self.signature.cookies)
        is_ours = any(name == each.lower() and value == ours for each, ours in self.signature.headers.items())
        if is_ours or given.headers:
            return None
        kept = cookies.foreign_cookies(value) if cookies.is_on({"Cookie": value}, "") else value
        kept = given.foreign_cookies(kept)
        return kept if kept or not value else None

    def _sign(self, wire: Any) -> None:
        ours = _raw(self.signature.headers_beside(_cookie(wire)))
        names = {name.lower() for name, _ in ours}
        wire.headers[:] = [pair for pair in wire.headers if pair[0].lower() not in names] + ours
        if self.signature.params:
            wire.url.target = self.signature.url(wire.url.target.decode("ascii")).encode("ascii")


async def _nothing() -> None:
    """What an async client awaits of a trace."""


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _cookie(wire: Any) -> str:
    return b"; ".join(value for name, value in wire.headers if name.lower() == b"cookie").decode("latin-1")


def _origin(wire: Any) -> Origin | None:
    url = wire.url
    try:
        absolute = url.target.startswith(b"http")  # absolute-form, RFC 9112 §3.2.2: the url is a proxy's
        if absolute and "target" not in wire.extensions:  # the extension stays the same, wherever a redirect leads
            return Origin.parse(url.target.decode("ascii"))
        return Origin.of(url.scheme.decode("ascii"), url.host.decode("ascii"), url.port)
    except ValueError:
        return None
