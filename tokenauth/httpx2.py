"""The auth objects for httpx2, sync and async; imports no other client.

httpx2.Client(auth=ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret))
httpx2.Client(auth=TokenAuth(my_own_provider))
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import installed

with installed("httpx2", "tokenauth.httpx2"):
    import httpx2

from tokenauth._clients import family
from tokenauth._clients.httpx_family import HttpxAuth

__all__ = ["TokenAuth"]
__all__ += family.__all__


class TokenAuth(HttpxAuth, httpx2.Auth):
    """Authenticates requests of httpx2.Client and httpx2.AsyncClient with the token of a provider."""

    _library = _async_library = "httpx2"


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
    __getattr__ = family.members_of(TokenAuth)
