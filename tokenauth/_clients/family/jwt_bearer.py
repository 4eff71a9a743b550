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
        """Return an auth object for a Google service account.

        Args:
            account: path of the account's JSON key file, or its content as a dict.
            scope: scopes: a list, or one str separated by spaces.
            subject: email address of the user to impersonate (domain-wide delegation). Default: the account itself.
            options: see `Options`. Set `origins`: the API is not at the token endpoint's origin.

        Raises:
            TypeError, ValueError: the file is not a key file, or an argument is invalid. The message never shows a
                value.
        """
        arguments: dict[str, Any] = {**google_account(account, scope=scope, subject=subject), **options}
        return cls(arguments.pop("token_url"), **arguments)
