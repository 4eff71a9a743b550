"""The client credentials grant of OAuth 2.0 (RFC 6749 §4.4)."""

from typing import Unpack

from tokenauth._core.secrets import SecretLike, checked_text
from tokenauth.providers._grant import Grant, GrantOptions


class ClientCredentials(Grant):
    """The OAuth 2.0 client credentials grant (RFC 6749 §4.4): `ClientCredentialsAuth(token_url, client_id=…, …)`."""

    def __init__(
        self,
        token_url: str | None = None,
        *,
        client_id: str,
        client_secret: SecretLike | None = None,
        **options: Unpack[GrantOptions],
    ) -> None:
        """Log in with the id and secret, or key, of a client.

        Args:
            token_url: "https://host/path" of the token endpoint; or pass `issuer=`.
            client_id: the client's identifier; any text.
            client_secret: a str, a callable (read at each login), or anything with `get_secret_value()`; any text.
                Omit it if `client_auth=` needs none, as with PrivateKeyJWT(key).
            options: see `GrantOptions`: client_auth, scope, resource, audience, issuer, extra, and the options of every
                auth object.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        client = checked_text("client_id", client_id)
        if client_secret is None and options.get("client_auth") is None:
            text = "client_secret must be a str, not None; is an environment variable or a setting missing? A client"
            raise TypeError(f"{text} without a secret says how it proves itself: client_auth=")
        super().__init__(
            token_url,
            {"grant_type": "client_credentials"},
            options,
            client_id=client,
            client_secret=client_secret,
            name=f"OAuth client {client}",
            advice="Check client_id and client_auth=.",
        )
