"""tokenauth: one auth object for every Python HTTP client.

    session.auth = ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)    # requests
    httpx.Client(auth=ManisAuth(...))                                                        # httpx, httpx2, async too

The auth object fetches a token on the first request and sends it with every request. After a 401 it renews the token
and retries the request. Importing this package imports no HTTP client; each name below is loaded when first used.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy
from tokenauth._version import __version__

if TYPE_CHECKING:
    from tokenauth._core.events import Event
    from tokenauth._core.memory import forget
    from tokenauth._core.options import Options
    from tokenauth._core.provider import Provider
    from tokenauth._core.token import Token
    from tokenauth.auth import (
        APIKeyAuth,
        AtripAuth,
        ClientCredentialsAuth,
        CommandAuth,
        FileAuth,
        FunctionAuth,
        JWTBearerAuth,
        LoginAuth,
        ManisAuth,
        PasswordGrantAuth,
        PlatformAuth,
        RefreshTokenAuth,
        TokenAuth,
        TokenExchangeAuth,
    )
    from tokenauth.errors import CredentialsRejected, TokenAuthError, TokenEndpointError, TokenResponseError
    from tokenauth.profiles import profile
    from tokenauth.providers import ClientAssertion, ClientSecretJWT, Login, PrivateKeyJWT

__all__ = [
    "APIKeyAuth",
    "AtripAuth",
    "ClientAssertion",
    "ClientCredentialsAuth",
    "ClientSecretJWT",
    "CommandAuth",
    "CredentialsRejected",
    "Event",
    "FileAuth",
    "forget",
    "FunctionAuth",
    "JWTBearerAuth",
    "Login",
    "LoginAuth",
    "ManisAuth",
    "Options",
    "PasswordGrantAuth",
    "PlatformAuth",
    "PrivateKeyJWT",
    "profile",
    "Provider",
    "RefreshTokenAuth",
    "Token",
    "TokenAuth",
    "TokenAuthError",
    "TokenEndpointError",
    "TokenExchangeAuth",
    "TokenResponseError",
    "__version__",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "._core.events": ("Event",),
        "._core.memory": ("forget",),
        "._core.options": ("Options",),
        "._core.provider": ("Provider",),
        "._core.token": ("Token",),
        ".errors": ("CredentialsRejected", "TokenAuthError", "TokenEndpointError", "TokenResponseError"),
        ".profiles": ("profile",),
        ".providers": ("ClientAssertion", "ClientSecretJWT", "Login", "PrivateKeyJWT"),
    },
    rest=".auth",
)
