"""The client credentials grant of OAuth 2.0 (RFC 6749 §4.4)."""

from collections.abc import Mapping
from typing import Literal, Unpack

from tokenauth._core.options import Options
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import Value
from tokenauth.providers._oauth import checked_extra, given
from tokenauth.providers.login import JSON, Login


class ClientCredentials(Login):
    """A client's own access."""

    _quotes_basic = True
    _url_name = "token_url"

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str,
        client_secret: SecretLike,
        scope: str | None = None,
        audience: str | None = None,
        client_auth: Literal["basic", "body"] = "basic",
        extra: Mapping[str, Value] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Log in with the OAuth 2.0 client credentials grant (RFC 6749 §4.4).

        Args:
            token_url: "https://host/path" of the token endpoint.
            client_id: the client's identifier; any text.
            client_secret: a str, a callable (read at each login), or anything with `get_secret_value()`; any text.
            scope: scopes, separated by blanks (RFC 6749 §3.3). Default the server's.
            audience: form field that some servers want. Default none.
            client_auth: "basic", HTTP Basic with id and secret form-urlencoded first, or "body", form fields
                (both RFC 6749 §2.3.1). Default "basic".
            extra: more form fields, such as {"resource": …}. Default none.
            options: see `Options`.

        Raises:
            TypeError, ValueError: an argument can't be right. The text never shows its value.
        """
        if client_auth not in {"basic", "body"}:
            raise ValueError('client_auth must be "basic" or "body"')
        client, secret = checked_text("client_id", client_id), Secret("client_secret", client_secret)
        credentials: dict[str, Value] = {"client_id": client, "client_secret": secret}
        fields: dict[str, Value] = {"grant_type": "client_credentials", **given(scope=scope, audience=audience)}
        more = checked_extra(extra, {*credentials, *(["audience"] if audience is not None else ())})
        super().__init__(
            token_url,
            name=f"OAuth client {client}",
            headers={"Accept": JSON},
            form=fields | more | (credentials if client_auth == "body" else {}),
            basic=(client, secret) if client_auth == "basic" else None,
            error_code="error",
            advice="Check client_id and client_secret, and how the server wants them (client_auth=).",
            **options,
        )
