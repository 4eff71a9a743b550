"""Presented: a signature in the form in which httpx and httpx2 send it, worked out once and not for each request."""

from typing import Any

from tokenauth._clients.sealed_headers import Seal, seal_of
from tokenauth._core.frozen import part
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token


class Presented(Signature):
    """A signature, worked out for requests to one origin.

    Attributes:
        token: the one that it presents, or None.
        plain: headers that the client itself takes off where a redirect goes abroad.
        sealed: the other headers, which it would copy.
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
