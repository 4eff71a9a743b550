"""The auth objects for httpx2, sync and async; imports no other client.

httpx2.Client(auth=ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret))
httpx2.Client(auth=TokenAuth(my_own_provider))
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import installed

with installed("httpx2", "tokenauth.httpx2"):
    import httpx2

from tokenauth._clients.family import members_of
from tokenauth._clients.httpx_family import HttpxAuth

if TYPE_CHECKING:
    from tokenauth._clients.family import (
        atrip,
        client_credentials,
        elsewhere,
        jwt_bearer,
        login,
        manis,
        password,
        refresh_token,
        token_exchange,
    )

__all__ = [
    "APIKeyAuth",
    "AtripAuth",
    "ClientCredentialsAuth",
    "CommandAuth",
    "FileAuth",
    "FunctionAuth",
    "JWTBearerAuth",
    "LoginAuth",
    "ManisAuth",
    "PasswordGrantAuth",
    "PlatformAuth",
    "RefreshTokenAuth",
    "TokenAuth",
    "TokenExchangeAuth",
]


class TokenAuth(HttpxAuth, httpx2.Auth):
    """Authenticates requests of httpx2.Client and httpx2.AsyncClient with the token of a provider."""

    _library = _async_library = "httpx2"


if TYPE_CHECKING:

    class APIKeyAuth(elsewhere.APIKeyAuth, TokenAuth): ...

    class AtripAuth(atrip.AtripAuth, TokenAuth): ...

    class ClientCredentialsAuth(client_credentials.ClientCredentialsAuth, TokenAuth): ...

    class CommandAuth(elsewhere.CommandAuth, TokenAuth): ...

    class FileAuth(elsewhere.FileAuth, TokenAuth): ...

    class FunctionAuth(elsewhere.FunctionAuth, TokenAuth): ...

    class JWTBearerAuth(jwt_bearer.JWTBearerAuth, TokenAuth): ...

    class LoginAuth(login.LoginAuth, TokenAuth): ...

    class ManisAuth(manis.ManisAuth, TokenAuth): ...

    class PasswordGrantAuth(password.PasswordGrantAuth, TokenAuth): ...

    class PlatformAuth(password.PlatformAuth, PasswordGrantAuth): ...

    class TokenExchangeAuth(token_exchange.TokenExchangeAuth, TokenAuth): ...

    class RefreshTokenAuth(refresh_token.RefreshTokenAuth, TokenAuth): ...

else:
    __getattr__ = members_of(TokenAuth)
