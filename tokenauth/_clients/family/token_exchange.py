"""TokenExchangeAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.token_exchange import TokenExchange


class TokenExchangeAuth(BaseTokenAuth):
    """Token exchange (RFC 8693): trade one token for another: `TokenExchangeAuth(token_url, subject_token=…)`."""

    @arguments_of(TokenExchange.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(TokenExchange(*args, **arguments))
