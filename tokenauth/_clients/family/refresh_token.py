"""RefreshTokenAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.refresh_token import RefreshToken


class RefreshTokenAuth(BaseTokenAuth):
    """A refresh token that you have (RFC 6749 §6): `RefreshTokenAuth(token_url, refresh_token=…, client_id=…, …)`."""

    @arguments_of(RefreshToken.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(RefreshToken(*args, **arguments))
