"""The auth objects for aiohttp (3.12.1 or newer; extra `aiohttp`); imports no other client.

aiohttp.ClientSession(middlewares=[ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)])
aiohttp.ClientSession(middlewares=[TokenAuth(my_own_provider)])
"""

from typing import TYPE_CHECKING, Any

from tokenauth._lazy import installed

with installed("aiohttp", "tokenauth.aiohttp"):
    import aiohttp

from tokenauth._clients.family import members_of
from tokenauth._clients.middleware import Handler, MiddlewareAuth

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


class TokenAuth(MiddlewareAuth):
    """Authenticates requests of aiohttp.ClientSession with the token of a provider: `middlewares=[auth]`."""

    _library = _async_library = "aiohttp"

    async def __call__(self, request: aiohttp.ClientRequest, handler: Handler) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self._handle(request, handler)
        return response


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
    __getattr__: Any = members_of(TokenAuth)
