"""The client credentials grant of OAuth 2.0 (RFC 6749 §4.4)."""

from collections.abc import Mapping
from typing import Literal

from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import Value
from tokenauth.providers._declarative import JSON, JSONProvider
from tokenauth.providers._oauth import checked_extra, given


class ClientCredentials(JSONProvider):
    """A client's own access.

    Args:
        token_url: https (loopback exempt), without query, fragment and user info.
        client_id: any text.
        client_secret: a str, a callable (read at each login), or with `get_secret_value()`; any text.
        scope: space-separated; default the server's.
        audience: form field that some servers want; default none.
        client_auth: "basic" (the default): HTTP Basic with id and secret form-urlencoded first; "body": form fields.
            Both are RFC 6749 §2.3.1.
        extra: more form fields, such as {"resource": …}.
        allow_http: allow plain http elsewhere than on loopback; default False.

    Raises:
        TypeError, ValueError: an argument is wrong; the text never shows its value.
    """

    _quotes_basic = True

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
        allow_http: bool = False,
    ) -> None:
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
            allow_http=allow_http,
        )
