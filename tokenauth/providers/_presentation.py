"""How a described API wants the token on a request, where the options of `TokenAuth` can't say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokenauth._core.header_names import checked_header_name, checked_sent_name
from tokenauth._core.secrets import checked_text
from tokenauth._core.signature import Signature, in_header
from tokenauth._core.token import Token

_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")  # cookie-octets, RFC 6265 §4.1.1


@dataclass(frozen=True)
class Presentation:
    """Query parameter or cookie; else header and scheme, beside headers that are kept."""

    header: str | None
    scheme: str | None
    param: str | None
    cookie: str | None

    @classmethod
    def checked(cls, header: str | None, scheme: str | None, param: str | None, cookie: str | None) -> "Presentation":
        in_header = header is not None or scheme is not None
        if in_header + (param is not None) + (cookie is not None) > 1:
            raise ValueError("header (or scheme), param and cookie exclude each other")
        return cls(
            None if header is None else checked_sent_name("header", header),
            None if scheme is None else checked_text("scheme", scheme, empty=True, header=True),
            None if param is None else checked_text("param", param),
            None if cookie is None else checked_header_name("cookie", cookie),  # a token, too: RFC 6265 §4.1.1
        )

    @property
    def elsewhere(self) -> bool:
        """Whether the token goes elsewhere than into a header."""
        return self.param is not None or self.cookie is not None

    def takes(self, value: str) -> bool:
        """Whether a token of this *value* can be presented so."""
        return self.cookie is None or bool(_COOKIE_VALUE.fullmatch(value))

    def sign(self, token: Token, kept: Mapping[str, str]) -> Signature | None:
        """Return how *token* goes on a request, with the headers *kept* beside it; None where the options say it."""
        if self.cookie is not None:
            return Signature(kept, cookies={self.cookie: token.value})
        if self.param is not None:
            return Signature(kept, {self.param: token.value})
        return Signature({**kept, **in_header(token, self.header or "Authorization", self.scheme)}) if kept else None
