"""The auth objects for aiohttp (3.12.4 or newer; extra `aiohttp`); imports no other client.

aiohttp.ClientSession(middlewares=[ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)])
aiohttp.ClientSession(middlewares=[TokenAuth(my_own_provider)])
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from tokenauth._lazy import installed

with installed("aiohttp", "tokenauth.aiohttp"):
    import aiohttp

from tokenauth._clients import family
from tokenauth._clients.middleware import Handler, MiddlewareAuth

__all__ = ["TokenAuth"]
__all__ += family.__all__


class TokenAuth(MiddlewareAuth):
    """Authenticates requests of aiohttp.ClientSession with the token of a provider: `middlewares=[auth]`."""

    _library = _async_library = "aiohttp"

    def __call__(
        self, request: aiohttp.ClientRequest, handler: Handler | None = None
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        if handler is None:  # requests gives none, and httpx
            raise self._misused(request)
        return self._handle(request, handler)


if TYPE_CHECKING:
    # fmt: off
    class APIKeyAuth(family.APIKeyAuth, TokenAuth): ...
    class AtripAuth(family.AtripAuth, TokenAuth): ...
    class ClientCredentialsAuth(family.ClientCredentialsAuth, TokenAuth): ...
    class CommandAuth(family.CommandAuth, TokenAuth): ...
    class FileAuth(family.FileAuth, TokenAuth): ...
    class FunctionAuth(family.FunctionAuth, TokenAuth): ...
    class JWTBearerAuth(family.JWTBearerAuth, TokenAuth): ...
    class LoginAuth(family.LoginAuth, TokenAuth): ...
    class ManisAuth(family.ManisAuth, TokenAuth): ...
    class PasswordGrantAuth(family.PasswordGrantAuth, TokenAuth): ...
    class PlatformAuth(family.PlatformAuth, PasswordGrantAuth): ...
    class TokenExchangeAuth(family.TokenExchangeAuth, TokenAuth): ...
    class RefreshTokenAuth(family.RefreshTokenAuth, TokenAuth): ...
    # fmt: on
else:
    __getattr__: Any = family.members_of(TokenAuth)
