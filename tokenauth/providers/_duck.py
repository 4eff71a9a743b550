"""`TokenAuth` also accepts any object with the four members of `TokenAPI` instead of a `Provider`."""

import os
from collections.abc import Mapping
from typing import Any, Protocol

from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.provider import Provider
from tokenauth._core.secrets import Secret
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
        raise TypeError(f"provider must be a Provider, not {kind}")
    if missing:
        raise TypeError(f"provider must be a Provider, or have what {kind} has not: {', '.join(missing)}")
    return _Wrapped(described)


class _Wrapped(Provider):
    """A Provider that takes each member from *described* if it has it, else the default."""

    def __init__(self, described: Any) -> None:
        self.described = described
        self.name = described.name
        self.token_url = described.token_url
        self.secrets: tuple[Secret, ...] = tuple(getattr(described, "secrets", ()))
        self.discards_older = bool(getattr(described, "discards_older", False))
        self.refreshes = bool(getattr(described, "refreshes", False))
        self.presents = bool(getattr(described, "presents", False))
        self.process_bound = str(getattr(described, "process_bound", ""))
        self.steady = bool(getattr(described, "steady", not hasattr(described, "sign")))
        self.sliding = bool(getattr(described, "sliding", False))
        self.logs_out = bool(getattr(described, "logs_out", False))
        self.rests = bool(getattr(described, "rests", True))
        self.hands_out_held = bool(getattr(described, "hands_out_held", False))
        self.idle: Mapping[str, str] = dict(getattr(described, "idle", {}))
        self.blocks = bool(getattr(described, "blocks", False))
        self.logs_out_replaced = bool(getattr(described, "logs_out_replaced", True))
        self.brought = getattr(described, "brought", None)
        self.on_refresh_token = getattr(described, "on_refresh_token", None)
        self.options: Mapping[str, Any] = dict(getattr(described, "options", {}))
        for name in ("login", "logout", "version", "static", "is_static", "may_serve", "sign", "faked"):
            if hasattr(described, name):
                setattr(self, name, getattr(described, name))

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
