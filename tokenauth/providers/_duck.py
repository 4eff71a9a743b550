"""`TokenAuth` also accepts any object with the four members of `TokenAPI` instead of a `Provider`."""

import os
from typing import Any, Protocol

from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.provider import Provider
from tokenauth._core.token import Token


class TokenAPI(Protocol):
    """The minimum that describes a token API. Other members of `Provider` are optional, and used if present.

    An object without an `identity` shares its tokens with no other object, and not with a `store`.
    """

    @property
    def name(self) -> str: ...

    @property
    def token_url(self) -> str: ...

    def request(self) -> TokenRequest: ...  # where `refreshes` is true it takes a refresh token or None

    def read(self, reply: Reply) -> Token: ...  # or raise; see `Provider.read`


_NEEDED = ("name", "token_url", "request", "read")
_OPTIONAL = [name for name in vars(Provider) if name[0] != "_" and name not in {"identity", *_NEEDED}]


def as_provider(described: object) -> Provider:
    """Return *described* as a `Provider`. A TypeError names the members that it lacks."""
    if isinstance(described, Provider):
        own = [name for name in ("request", "read") if getattr(type(described), name) is not getattr(Provider, name)]
        if len(own) < 2 and type(described).login is Provider.login:
            raise TypeError(f"{type(described).__name__} must define `request` and `read`, or `login`")
        return described
    kind = type(described).__name__
    if isinstance(described, type):
        raise TypeError(f"provider must be a Provider, not the class {described.__name__}: call it first")
    needed = [name for name in _NEEDED if not (hasattr(described, "login") and name in {"request", "read"})]
    missing = [name for name in needed if not hasattr(described, name)]
    if len(missing) == len(_NEEDED):
        instead = "; for a login at a URL, use LoginAuth" if isinstance(described, str) else ""
        instead = "; for a function that returns a token, use FunctionAuth" if callable(described) else instead
        raise TypeError(f"provider must be a Provider, not {kind}{instead}")
    if missing:
        raise TypeError(f"provider must be a Provider, or have what {kind} has not: {', '.join(missing)}")
    return _Wrapped(described)


class _Wrapped(Provider):
    """A Provider that takes each member from *described* if it has it, else the default."""

    def __init__(self, described: Any) -> None:
        self.described = described
        self.name = described.name
        self.token_url = described.token_url
        for name in _OPTIONAL:
            if hasattr(described, name):
                setattr(self, name, getattr(described, name))
        self.steady = bool(getattr(described, "steady", not hasattr(described, "sign")))

    @property
    def identity(self) -> tuple[object, ...]:
        own = getattr(self.described, "identity", None)
        if own is None:
            return (vars(self).setdefault("_unique", os.urandom(16).hex()),)
        return (type(self.described), own)

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        request: TokenRequest = self.described.request(refresh_token) if self.refreshes else self.described.request()
        return request

    def read(self, reply: Reply) -> Token:
        token: Token = self.described.read(reply)
        return token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wrapped) and bool(self.described == other.described)

    def __hash__(self) -> int:
        return hash((self.name, self.token_url))
