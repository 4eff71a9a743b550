"""Carry: how a described API takes the token, beyond what the options of `TokenAuth` can express."""

import re
from collections.abc import Mapping
from typing import Any

from tokenauth._core import errors
from tokenauth._core.by_value import by_value
from tokenauth._core.frozen import Slotted
from tokenauth._core.header_names import checked_header_name, checked_sent_name
from tokenauth._core.secrets import checked_text
from tokenauth._core.signature import Signature, in_header
from tokenauth._core.token import Token
from tokenauth.providers._arguments import Value
from tokenauth.providers._template import Template
from tokenauth.providers._values import Computed

_COOKIE_VALUE = r"[!#-+\--:<-\[\]-~]*"  # cookie-octets, RFC 6265 §4.1.1


_Ways = tuple[str | None, str | None, str | None, str | None]
"""How a request carries the token, checked: header, scheme, param, cookie."""


@by_value
def _checked_ways(header: str | None, scheme: str | None, param: str | None, cookie: str | None) -> _Ways:
    if (header is not None or scheme is not None) + (param is not None) + (cookie is not None) > 1:
        raise ValueError("header (or scheme), param and cookie exclude each other")
    return (
        None if header is None else checked_sent_name("header", header),
        None if scheme is None else checked_text("scheme", scheme, empty=True, header=True),
        None if param is None else checked_text("param", param),
        None if cookie is None else checked_header_name("cookie", cookie),  # a token, too: RFC 6265
    )


class Carry(Slotted):
    """The token in a query parameter, cookie or header, with more headers beside it (`also=`).

    Attributes:
        presents: whether `sign` decides how a request carries the token.
        steady: whether `sign` returns the same result each time for the same token.
    """

    __slots__ = ("_ways", "also")

    def __init__(self, arguments: Mapping[str, Any], options: Mapping[str, Any], public: frozenset[str]) -> None:
        header, scheme = options.get("header"), options.get("scheme")
        also: Mapping[str, Value] | None = arguments["also"]
        self._ways = _checked_ways(header, scheme, arguments["param"], arguments["cookie"])
        self.also = Template("also", also, public, header=True) if also else None
        for name, value in (also or {}).items():
            if name.lower() != "cookie" or not isinstance(value, Computed):
                checked_sent_name("a name in also", name)

    @property
    def presents(self) -> bool:
        return self.also is not None or self._ways[2:] != (None, None)

    @property
    def steady(self) -> bool:
        return self.also is None or self.also.steady

    @property
    def identity(self) -> object:
        return () if self.also is None else self.also.identity(moving=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Carry) and (self._ways, self.also) == (other._ways, other.also)

    __hash__ = None  # type: ignore[assignment]

    def takes(self, value: str) -> bool:
        """Whether a token with this *value* can be carried this way."""
        return self._ways[3] is None or bool(re.fullmatch(_COOKIE_VALUE, value))

    def sign(self, token: Token) -> Signature | None:
        """Return how a request carries *token*; None if the options decide."""
        return self.signature(token) if self.presents else None

    def signature(self, token: Token) -> Signature:
        """Return how a request carries *token*."""
        kept = {**token.kept, "token": token.value}
        headers = self.also.texts(kept, fresh=False) if self.also is not None else {}
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable():
                raise errors.TokenAuthError(f"The value of {name} in also= can't go into a header")
        cookies: dict[str, str] = {}
        for name in [each for each in headers if each.lower() == "cookie"]:
            pairs = (pair.strip().partition("=") for pair in headers.pop(name).split(";"))
            cookies |= {key: value for key, _, value in pairs if key}
        header, scheme, param, cookie = self._ways
        if cookie is not None:
            cookies[cookie] = token.value
        elif param is not None:
            return Signature(headers, {param: token.value}, cookies)
        elif "authorization" not in {name.lower() for name in headers} or header is not None:
            headers |= in_header(token, header or "Authorization", scheme)
        return Signature(headers, cookies=cookies)
