"""PasswordGrantAuth and PlatformAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.password import PasswordGrant, Platform


class PasswordGrantAuth(BaseTokenAuth):
    """The OAuth 2.0 password grant (RFC 6749 §4.3), for servers that still have it."""

    _grant: type[PasswordGrant] = PasswordGrant

    @arguments_of(PasswordGrant.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(self._grant(*args, **arguments))


class PlatformAuth(PasswordGrantAuth):
    """The Token API of "the platform": the password grant as its document says it, oddities included.

    GET with an urlencoded body under the label `application/json`, and Basic with the same name and password. Each
    login discards all older tokens, so there are as few as possible. Arguments as for `PasswordGrantAuth`.

    Source: "API Documentation Writing Sample #1", Get Access Token.
    """

    _grant = Platform
