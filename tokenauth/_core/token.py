"""Token: an access token with its expiry. Its value is never shown."""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tokenauth._core.frozen import Frozen, part
from tokenauth._core.origins import is_url

LONGEST_TOKEN = 32 * 1024
_MOST = 1e15
"""Seconds: no time that is meant is further away, and a larger whole number may fit into no float."""
HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""`token` of RFC 9110 §5.6.2: the syntax of field names and authentication schemes."""


def exact(value: Any) -> Any:
    """Return *value* as a plain str or bytes: a subclass may hide its content when converted."""
    if isinstance(value, str):
        return str.__str__(value)
    return bytes(memoryview(value)) if isinstance(value, bytes) else value


class Token(Frozen):
    """An access token (RFC 6749 §1.4); opaque.

    Attributes:
        value: the token itself, hidden in repr.
        type: authentication scheme, such as "Bearer" (RFC 6749 §7.1).
        lifetime: seconds from the moment of the token request, or None if unknown.
        expires_at: Unix seconds, or None if unknown. By the server's clock in a token that a provider returns, by this
            machine's clock in a token from `get_token()`.
        refresh_in: seconds after which the server wants the token to be refreshed, or None.
        refresh_token: RFC 6749 §1.5, hidden in repr, or None.
        origin: the one origin ("https://host") that the token is for, if the response names it, else None.
        extra: the fields of the response without the tokens, read-only, hidden in repr.
        kept: values that the provider keeps from responses for later calls, read-only, hidden in repr.
    """

    value: str = part(repr=False)
    type: str = "Bearer"
    lifetime: float | None = None
    expires_at: float | None = None
    refresh_in: float | None = None
    refresh_token: str | None = part(default=None, repr=False)
    origin: str | None = None
    extra: Mapping[str, object] = part(default_factory=dict, repr=False, hash=False)
    kept: Mapping[str, str] = part(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        for name in ("value", "type", "refresh_token"):
            object.__setattr__(self, name, exact(getattr(self, name)))
        for name in ("extra", "kept"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __repr__(self) -> str:
        from tokenauth._core.cache import digest  # noqa: PLC0415  (it imports this)

        # some caches take an object's text for the object
        return super().__repr__().replace("(", f"(value=<{digest(str(self.value))[:16]}>, ", 1)

    @property
    def fingerprint(self) -> str:
        """First 8 hex digits of the value's SHA-256, to distinguish tokens in logs."""
        return hashlib.sha256(self.value.encode(errors="surrogatepass")).hexdigest()[:8]

    def __reduce__(self) -> tuple[object, ...]:
        fields = (self.value, self.type, self.lifetime, self.expires_at, self.refresh_in)
        return (type(self), (*fields, self.refresh_token, self.origin, dict(self.extra), dict(self.kept)))


def problem_of(token: object) -> str | None:
    """Return why *token* can't be sent, or None if it can."""
    if not isinstance(token, Token):
        return f"the provider returned {type(token).__name__}, not Token"
    if not isinstance(token.value, str) or not token.value:
        return "it is not text, or empty"
    if len(token.value) > LONGEST_TOKEN:
        return f"it is longer than {LONGEST_TOKEN} characters"
    if any(not "!" <= character <= "~" for character in token.value):
        return "it has a blank, a control or a non-ASCII character"
    if not isinstance(token.type, str) or not HTTP_TOKEN.fullmatch(token.type):
        return "its type is not an authentication scheme (RFC 9110 §11.1)"
    return _problem_of_the_rest(token)


def _problem_of_the_rest(token: Token) -> str | None:
    for name in ("lifetime", "expires_at", "refresh_in"):
        number = getattr(token, name)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or not -_MOST < number < _MOST:
            return f"its {name} is not a plausible number of seconds (but {type(number).__name__})"
    if token.refresh_token is not None and not isinstance(token.refresh_token, str):
        return f"its refresh_token is not a str (but {type(token.refresh_token).__name__})"
    if token.origin is not None and not is_url(token.origin):
        return f"its origin is not like https://host (but {type(token.origin).__name__})"
    return None
