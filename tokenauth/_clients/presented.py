"""Presented: a signature in the form that httpx and httpx2 send, computed once instead of per request."""

from typing import Any

from tokenauth._clients.sealed_headers import Seal, seal_of
from tokenauth._core.frozen import part
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token


class Presented(Signature):
    """A signature, computed for requests to one origin.

    Attributes:
        token: the token in it, or None.
        plain: headers that the client itself removes on a redirect to a foreign origin.
        sealed: the other headers, which the client would copy.
        watched: whether redirects need a `Wire`.
    """

    token: Token | None = None
    origin: Origin | None = None
    plain: tuple[tuple[str, str], ...] = part(default=(), repr=False)
    sealed: Seal = part(default_factory=dict, repr=False)
    watched: bool = False

    @classmethod
    def of(cls, signature: Signature, token: Token | None, url: Any, origin: Origin, *, alone: bool) -> "Presented":
        """Work out *signature* for requests to *url*. *alone*: no other origin may have the token."""
        upgradable = url.scheme in {"http", "ws"} and url.port in {None, 80}  # the client keeps all to https
        own = {} if upgradable else {n: v for n, v in signature.headers.items() if n.lower() == "authorization"}
        sealed = seal_of({name: value for name, value in signature.headers.items() if name not in own})
        watched = bool(sealed or signature.params or signature.cookies) or not alone
        parts = (signature.headers, signature.params, signature.cookies)
        return cls(*parts, token, origin, tuple(own.items()), sealed, watched)
