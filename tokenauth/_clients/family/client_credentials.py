"""ClientCredentialsAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.client_credentials import ClientCredentials


class ClientCredentialsAuth(BaseTokenAuth):
    """The OAuth 2.0 client credentials grant (RFC 6749 §4.4): `ClientCredentialsAuth(token_url, client_id=…, …)`."""

    @arguments_of(ClientCredentials.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(ClientCredentials(*args, **arguments))
