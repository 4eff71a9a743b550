"""Admission: which request may have the token of a provider, and how it carries it.

Law: the token goes to its provider's origin and to those that the user names, and nowhere else.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tokenauth._origins import Origin, checked_origin
from tokenauth._secrets import checked_text
from tokenauth._signature import Signature
from tokenauth._token import HTTP_TOKEN, Token
from tokenauth.providers._base import Provider

log = logging.getLogger("tokenauth")

_MOST_WARNINGS = 1000


@dataclass(eq=False)
class Admission:
    """A provider, and the options that say where its token goes: see `Options`."""

    provider: Provider
    origins: Iterable[str] = ()
    header: str = "Authorization"
    scheme: str | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_http: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.origins, str):
            raise TypeError("origins must be a list of URLs, not one str")
        self.more_origins = frozenset(
            checked_origin(url, "origins", allow_http=self.allow_http) for url in self.origins
        )
        checked_origin(self.provider.token_url, "token_url", allow_http=self.allow_http)
        if not isinstance(self.extra_headers, Mapping):
            raise TypeError(f"extra_headers must be a mapping, not {type(self.extra_headers).__name__}")
        for name in (self.header, *self.extra_headers):
            if not isinstance(name, str) or not HTTP_TOKEN.fullmatch(name):
                raise ValueError("header and the names in extra_headers must be HTTP field names, such as X-Token")
        for name, value in self.extra_headers.items():
            checked_text(f"extra_headers[{name!r}]", value, header=True)
        if self.scheme is not None:
            checked_text("scheme", self.scheme, empty=True)
        self._warned: set[Origin] = set()

    @staticmethod
    def is_refusal(status: int, headers: Mapping[str, Any]) -> bool:
        """Whether an answer says that the token is no good: a 401, unless it is about scope (RFC 6750 §3.1), which a
        new token would not have either."""
        return status == 401 and 'error="insufficient_scope"' not in headers.get("WWW-Authenticate", "")

    def admits(self, origin: Origin | None) -> bool:
        """Whether a token may be for *origin*; where not, warn once."""
        if origin is not None and (origin in self.more_origins or self.provider.may_serve(origin)):
            return True
        return self._foreign(origin)

    def serves(self, origin: Origin, token: Token | None) -> bool:
        """Whether *token* may go to *origin*; with None, whether what needs no token may."""
        if token is None:
            return self.provider.is_static(origin)
        return self.admits(origin) and self.signature(token, origin) is not None

    def signature(self, token: Token, origin: Origin) -> Signature | None:
        """Return what a request to *origin* carries with *token*, or None where it is not for that origin."""
        if token.origin is not None and origin not in self.more_origins and Origin.parse(token.origin) != origin:
            self._foreign(origin)
            return None
        own = self.provider.sign(token)
        if own is None:
            scheme = token.type if self.scheme is None else self.scheme
            own = Signature({self.header: f"{scheme} {token.value}" if scheme else token.value})
        return replace(own, headers={**self.extra_headers, **own.headers}) if self.extra_headers else own

    def _foreign(self, origin: Origin | None) -> bool:
        if origin is not None and origin not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(origin)
            text = "%s: requests to %s go without the token; it belongs to %s. Name it in origins= if it may have it"
            log.warning(text, self.provider.name, origin, Origin.parse(self.provider.token_url))
        return False
