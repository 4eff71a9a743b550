"""The auth objects for requests; imports no other client.

session.auth = ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)
session.auth = TokenAuth(my_own_provider)
"""

from typing import TYPE_CHECKING, Any

from requests import PreparedRequest
from requests.auth import AuthBase

from tokenauth._clients import family
from tokenauth._clients.requests_family import RequestsAuth

__all__ = ["TokenAuth"]
__all__ += family.__all__


class TokenAuth(RequestsAuth, AuthBase):
    """Authenticates requests of requests.Session with the token of a provider."""

    _library = "requests"

    if TYPE_CHECKING:

        def __call__(self, request: PreparedRequest, handler: Any = None) -> PreparedRequest: ...


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
    _member = family.members_of(TokenAuth)

    def __getattr__(name):
        if name == "_Guard":  # where pickled requests of 0.1.0 look for it
            from tokenauth._clients.guard import Guard  # noqa: PLC0415  (few pickle one)

            return Guard
        return _member(name)
