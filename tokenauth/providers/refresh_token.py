"""The refresh token grant of OAuth 2.0 (RFC 6749 §6), for a refresh token that you already have."""

from collections.abc import Callable, Generator
from typing import Unpack

from tokenauth._core import errors
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.secrets import Secret, SecretLike, check_takes, checked_text
from tokenauth._core.token import Token
from tokenauth.providers._grant import Grant, GrantOptions

_USED_UP = (
    "The refresh token is used up: it was used before, has expired, or was revoked. Let the user authorize again, and "
    "pass the new one as refresh_token=."
)


class RefreshToken(Grant):
    """A refresh token that you have (RFC 6749 §6): `RefreshTokenAuth(token_url, refresh_token=…, client_id=…, …)`."""

    def __init__(
        self,
        token_url: str | None = None,
        *,
        refresh_token: SecretLike,
        client_id: str,
        client_secret: SecretLike | None = None,
        on_refresh_token: Callable[[str], object] | None = None,
        **options: Unpack[GrantOptions],
    ) -> None:
        """Get access tokens with it, and with each refresh token that replaces it.

        Args:
            token_url: "https://host/path" of the token endpoint; or pass `issuer=`.
            refresh_token: the refresh token from your user's consent: a str, a callable, or anything with
                `get_secret_value()`. With a `store` it is only the first one; its successors are found there.
            client_id: the client's identifier; any text.
            client_secret: the same kinds as `refresh_token`; None for a public client. Default None.
            on_refresh_token: a function, sync or async, that saves each new refresh token. It is called before the new
                access token is used. If it raises, that request fails, and the next one calls it again. Default none.
            options: see `GrantOptions`: client_auth, scope, resource, audience, issuer, extra, and the options of every
                auth object. Without `store` or `on_refresh_token`, new refresh tokens are lost when the process ends.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        if isinstance(on_refresh_token, type):
            raise TypeError(f"on_refresh_token must be a function, not the class {on_refresh_token.__name__}")
        if on_refresh_token is not None and not callable(on_refresh_token):
            kind = type(on_refresh_token).__name__
            raise TypeError(f"on_refresh_token must be a function that takes the new refresh token, not {kind}")
        if on_refresh_token is not None:
            check_takes("on_refresh_token", on_refresh_token, 1)
        client = checked_text("client_id", client_id)
        self._brought = Secret("refresh_token", refresh_token)
        self.brought = self._brought
        self.on_refresh_token = on_refresh_token
        super().__init__(
            token_url,
            {"grant_type": "refresh_token"},
            options,
            client_id=client,
            client_secret=client_secret,
            name=f"OAuth client {client}",
            advice=_USED_UP,
            refreshes=True,
        )

    @property
    def secrets(self) -> tuple[Secret, ...]:  # type: ignore[override]  # as Login has it
        return (*super().secrets, self._brought)

    def login(self, refresh_token: str | None = None) -> Generator[TokenRequest, Reply, Token]:
        if refresh_token is None:
            raise errors.TokenAuthError(f"{self.name}: there is no refresh token to log in with")
        return (yield from super().login(refresh_token))

    def _added(self) -> dict[str, object]:
        return {name: each for name, each in super()._added().items() if name != "on_refresh_token"}
