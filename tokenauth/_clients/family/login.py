"""LoginAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.login import Login


class LoginAuth(BaseTokenAuth):
    """Any login API in one line: `LoginAuth(url, json={"user": …, "password": …}, token="data.jwt")`."""

    @arguments_of(Login.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(Login(*args, **arguments))
