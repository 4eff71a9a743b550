"""JWTBearerAuth, on any client."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self, Unpack

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth._core.options import Options
from tokenauth.providers.jwt_bearer import JWTBearer, google_account


class JWTBearerAuth(BaseTokenAuth):
    """The JWT bearer grant (RFC 7523 §2.1): `JWTBearerAuth(token_url, key=…, issuer=…)`; Google, Salesforce, Box."""

    @arguments_of(JWTBearer.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(JWTBearer(*args, **arguments))

    @classmethod
    def from_google(
        cls,
        account: str | os.PathLike[str] | Mapping[str, Any],
        *,
        scope: str | Iterable[str],
        subject: str | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """Return the auth object of a Google service account.

        Args:
            account: the JSON file of the account's key, as a path, or what is in it as a dict.
            scope: scopes: a list, or one str with blanks between them.
            subject: address of the user in whose name to act (domain-wide delegation). Default none: the account's own.
            options: see `Options`. Mind origins: the API is elsewhere than the token endpoint.

        Raises:
            TypeError, ValueError: it is no such file, or an argument can't be right. The text never shows a value.
        """
        arguments: dict[str, Any] = {**google_account(account, scope=scope, subject=subject), **options}
        return cls(arguments.pop("token_url"), **arguments)
