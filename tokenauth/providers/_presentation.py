"""How a token goes on a request: in a header, with or without a scheme, or in the query."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokenauth._secrets import checked_text
from tokenauth._signature import Signature
from tokenauth._token import Token
from tokenauth.providers._arguments import checked_header_name


@dataclass(frozen=True)
class Presentation:
    """Header and scheme ("" for none), or query parameter. All None: as `TokenAuth`'s options say."""

    header: str | None
    scheme: str | None
    param: str | None

    @classmethod
    def checked(cls, header: str | None, scheme: str | None, param: str | None) -> "Presentation":
        if param is not None and (header is not None or scheme is not None):
            raise ValueError("param and header (or scheme) exclude each other")
        return cls(
            None if header is None else checked_header_name("header", header),
            None if scheme is None else checked_text("scheme", scheme, empty=True, header=True),
            None if param is None else checked_text("param", param),
        )

    def sign(self, token: Token, kept: Mapping[str, str]) -> Signature | None:
        """Return how *token* goes on a request, with the headers *kept* beside it; None where nothing is said."""
        if self.param is not None:
            return Signature(kept, {self.param: token.value})
        if self.header is None and self.scheme is None and not kept:
            return None
        scheme = token.type if self.header is None and self.scheme is None else self.scheme
        value = f"{scheme} {token.value}" if scheme else token.value
        return Signature({**kept, self.header or "Authorization": value})
