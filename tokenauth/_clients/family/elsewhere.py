"""Auth objects for tokens that come from outside tokenauth, for any client."""

from typing import Any

from tokenauth._clients.at_login import flows
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth._core.token import Token
from tokenauth.providers.api_key import APIKey
from tokenauth.providers.command import Command
from tokenauth.providers.file import File
from tokenauth.providers.function import Function


class FunctionAuth(BaseTokenAuth):
    """Tokens returned by your own function: `FunctionAuth(get_token, origins=["https://api.example.com"])`."""

    @arguments_of(Function.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(Function(*args, **arguments))


class CommandAuth(BaseTokenAuth):
    """Tokens printed by a command: `CommandAuth(["gcloud", "auth", "print-access-token"], origins=[…])`."""

    @arguments_of(Command.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(Command(*args, **arguments))


class FileAuth(BaseTokenAuth):
    """Tokens that another program writes to a file: `FileAuth("/var/run/secrets/token", origins=[…])`."""

    @arguments_of(File.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(File(*args, **arguments))


class APIKeyAuth(BaseTokenAuth):
    """A constant key: `APIKeyAuth(key, origins=[…], header="X-API-Key")`."""

    @arguments_of(APIKey.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(APIKey(*args, **arguments))

    def get_token(self) -> Token:
        """Return the key as a token. Raises `TokenAuthError` where a callable for it fails."""
        return self._run(flows.fetch(self._source))

    async def aget_token(self) -> Token:
        """Return the key as a token. Raises `TokenAuthError` where a callable for it fails."""
        return await self._arun(flows.fetch(self._source))
