"""Presented: a signature as httpx and httpx2 send it, computed once and not for each request."""

from typing import Any

from tokenauth._clients.bodies import rewinder
from tokenauth._clients.sealed_headers import Item, Seal, keeps_list, seal_of
from tokenauth._core.frozen import part
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token


class Presented(Signature):
    """A signature, computed for requests to one origin.

    It can also stand for a sent request (see `Sent`), if the body is in memory and the client handles the redirects.
    Then nothing of the request itself must be remembered.

    Attributes:
        token: the token in it, or None.
        plain: headers that the client itself removes on a redirect to a foreign origin.
        item: the only header to put on a request, in the client's own form; None if there are several.
        sealed: the other headers, which the client would copy.
        watched: whether redirects need a `Wire`.
    """

    token: Token | None = None
    origin: Origin | None = None
    plain: tuple[tuple[str, str], ...] = part(default=(), repr=False)
    item: Item | None = part(default=None, repr=False)
    sealed: Seal = part(default_factory=dict, repr=False)
    watched: bool = False

    follows = False
    """Whether redirects may have gone unsigned."""

    @classmethod
    def of(cls, signature: Signature, token: Token | None, url: Any, origin: Origin, *, alone: bool) -> "Presented":
        """Work out *signature* for requests to *url*. *alone*: no other origin may have the token."""
        upgradable = url.scheme in {"http", "ws"} and url.port in {None, 80}  # the client keeps all to https
        own = {} if upgradable else {n: v for n, v in signature.headers.items() if n.lower() == "authorization"}
        sealed = seal_of({name: value for name, value in signature.headers.items() if name not in own})
        watched = bool(sealed or signature.params or signature.cookies) or not alone
        parts = (signature.headers, signature.params, signature.cookies)
        items = [*seal_of(own).values()] if all(map(str.isascii, own.values())) else []
        item = items[0] if items and not sealed and not signature.params else None
        return cls(*parts, token, origin, tuple(own.items()), item, sealed, watched)

    def put_on(self, headers: Any) -> None:
        """Put the plain headers on *headers*, of httpx or httpx2, instead of headers of the same names."""
        item = self.item
        kind: Any = type(headers)
        if item is not None and keeps_list[kind]:
            own, items = item[1], headers._list
            for each in items:
                if each[1] == own:
                    break
            else:
                items.append(item)  # as the client would, without looking up and encoding each name and value
                return
        for name, value in self.plain:
            headers[name] = value

    def carried(self, request: Any) -> bool:
        """Whether *request*, the last one that was sent, carried the signature."""
        return self.is_on(request.headers, str(request.url))

    @staticmethod
    def can_be_sent_again(request: Any) -> bool:
        """Set the body of *request* back to its beginning; return whether that can be done."""
        return rewinder(request.stream)()
