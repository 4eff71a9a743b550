"""The auth objects for niquests, sync and async (extra `niquests`); imports no other client.

niquests.Session(auth=ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret))
niquests.AsyncSession(auth=TokenAuth(my_own_provider))
"""

from typing import TYPE_CHECKING, Any

from tokenauth._lazy import installed

with installed("niquests", "tokenauth.niquests"):
    from niquests.auth import AuthBase  # pyright: ignore[reportMissingImports]  # it replaces urllib3: never among ours

from tokenauth._clients import family
from tokenauth._clients.requests_family import RequestsAuth

__all__ = ["TokenAuth"]
__all__ += family.__all__


class TokenAuth(RequestsAuth, AuthBase):  # type: ignore[misc]  # Any, where niquests isn't installed
    """Authenticates requests of niquests.Session and niquests.AsyncSession with the token of a provider."""

    _library = _async_library = "niquests"


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
