"""Wire: keeps our headers from being copied to a foreign origin by the redirects of httpx and httpx2.

These clients take only `Authorization` off a redirect, and follow redirects out of the auth flow's reach. So:

* our headers are sealed (`_sealed_headers`): a redirect is built without them, whatever the transport. So is any other
  copy that is made on the way down, by instrumentation, a hook or a transport: on the wire they are put back;
* a hop to an origin that may have the token gets them on the wire, unless the chain has been abroad before. That is
  done in the clients' documented `trace` request extension, which is called for each hop. A transport that has no
  trace (a mock, ASGI, WSGI) sends such a hop without them; a 401 for it is answered by the flow;
* a hop to any other origin has them taken off, for a hook may have copied them one by one.

Most requests need none of this: with `Authorization` and one origin the client itself does right.
"""

from collections.abc import Mapping
from typing import Any

from tokenauth._clients.sealed_headers import sealed, still_sealed
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.source import Source
from tokenauth._core.token import Token


class Wire:
    """The trace of one signed request and its redirects. *origin*: the request's, which it was signed for. *token*:
    None for a signature that needs none."""

    def __init__(
        self, source: Source, request: Any, origin: Origin, signature: Signature, token: Token | None, *, is_async: bool
    ) -> None:
        self._source, self._token, self._signature = source, token, signature
        self._origin = origin
        self._hops = 0
        self._abroad = False
        self._signed = True
        upgradable = request.url.scheme == "http" and request.url.port in {None, 80}  # the client keeps all to https
        before = request.extensions.get("trace")
        owner = getattr(before, "__self__", None)
        self._users: Any = owner._users if isinstance(owner, Wire) else before
        cookie = request.headers.get("Cookie") if signature.cookies else None
        headers = signature.headers_beside(cookie)
        ours = {name: headers[name] for name in headers if upgradable or name.lower() != "authorization"}
        if ours:
            request.headers = sealed(request.headers, ours)
        self._names = {name.lower().encode() for name in ours}
        self._sealed = request.headers
        if ours or signature.params or source.admission.more_origins:
            request.extensions = {**request.extensions, "trace": self._atrace if is_async else self._trace}

    def carried(self, request: Any) -> bool:
        """Whether *request*, the last one that was sent, carried the signature."""
        if not self._hops:  # not traced
            return self._signature.is_on(request.headers, str(request.url))
        return self._signed

    def _trace(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith(".send_request_headers.started"):
            self._see(info["request"])
        if self._users is not None:
            self._users(name, info)

    async def _atrace(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith(".send_request_headers.started"):
            self._see(info["request"])
        if self._users is not None:
            await self._users(name, info)

    def _see(self, wire: Any) -> None:
        """Look at *wire*, the transport's own request, whose headers are about to be sent."""
        if wire.method == b"CONNECT":
            return
        self._hops += 1
        if self._hops == 1:
            self._restore(wire)
            return
        origin = _origin(wire.url)
        self._abroad = self._abroad or origin is None or not self._source.admission.serves(origin, self._token)
        self._signed = not self._abroad
        if self._signed:
            self._sign(wire)
        else:
            self._strip(wire)

    def _restore(self, wire: Any) -> None:
        """Put back what the flow had signed with, where *wire* was made of a copy."""
        sent = {name.lower() for name, _ in wire.headers}
        if self._names <= sent:
            return
        if _origin(wire.url) == self._origin:
            ours = _raw(still_sealed(self._sealed))
            wire.headers.extend(pair for pair in ours if pair[0].lower() not in sent)
        self._signed = self._names <= {name.lower() for name, _ in wire.headers}

    def _strip(self, wire: Any) -> None:
        ours = {(name.lower(), value) for name, value in _raw(self._signature.headers)}
        wire.headers[:] = [pair for pair in wire.headers if (pair[0].lower(), pair[1]) not in ours]

    def _sign(self, wire: Any) -> None:
        cookie = b"; ".join(value for name, value in wire.headers if name.lower() == b"cookie").decode("latin-1")
        ours = _raw(self._signature.headers_beside(cookie))
        names = {name.lower() for name, _ in ours}
        wire.headers[:] = [pair for pair in wire.headers if pair[0].lower() not in names] + ours
        if self._signature.params:
            wire.url.target = self._signature.url(wire.url.target.decode("ascii")).encode("ascii")


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _origin(url: Any) -> Origin | None:
    try:
        if url.target.startswith(b"http"):  # absolute-form, RFC 9112 §3.2.2: the url is a proxy's
            return Origin.parse(url.target.decode("ascii"))
        return Origin.of(url.scheme.decode("ascii"), url.host.decode("ascii"), url.port)
    except ValueError:
        return None
