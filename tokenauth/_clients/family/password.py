"""PasswordGrantAuth and PlatformAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.password import PasswordGrant, Platform


class PasswordGrantAuth(BaseTokenAuth):
    """The OAuth 2.0 password grant (RFC 6749 §4.3), for servers that still support it."""

    _grant: type[PasswordGrant] = PasswordGrant

    @arguments_of(PasswordGrant.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(self._grant(*args, **arguments))


class PlatformAuth(PasswordGrantAuth):
    """The Token API of "the platform": the password grant exactly as its document describes it.

    It sends a GET with a urlencoded body labeled `application/json`, and the same name and password by HTTP Basic. Each
    login invalidates all older tokens, so it logs in as rarely as possible. Arguments: as for `PasswordGrantAuth`.

    Source: "API Documentation Writing Sample #1", Get Access Token.
    """

    _grant = Platform
