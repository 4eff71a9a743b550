"""The password grant of OAuth 2.0 (RFC 6749 §4.3), and the Platform, a token API modeled on ASP.NET's `/Token`."""

from typing import Any, ClassVar, Literal, Unpack

from tokenauth._core.options import checked_flag
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers import client_auth
from tokenauth.providers._arguments import Value
from tokenauth.providers._call import FORM, JSON
from tokenauth.providers._grant import Grant, GrantOptions
from tokenauth.providers.client_auth import ClientAuthLike


class PasswordOptions(GrantOptions, total=False):
    """The options of `PasswordGrantAuth` and `PlatformAuth`: those of every grant, and these."""

    method: str
    """Method of the token call. Default "POST"; Platform "GET"."""
    content_type: str
    """Content-Type of the body, which is always urlencoded. Default "application/x-www-form-urlencoded"; Platform
    "application/json"."""
    client_auth: ClientAuthLike | Literal["user"] | tuple[str, SecretLike] | None  # type: ignore[misc]  # two more
    """Client authentication, as with every grant, or "user": the user's own name and password by HTTP Basic, not
    urlencoded (RFC 7617). A tuple (client_id, client_secret) is short for these arguments and "basic". Default as with
    every grant; Platform "user"."""
    use_refresh_token: bool
    """Whether to use the refresh token in a response (RFC 6749 §6). Default True."""
    discards_older: bool
    """Whether each login invalidates all older tokens of the user. If so, a token is used until it expires. Default
    False; Platform True."""


class PasswordGrant(Grant):
    """The OAuth 2.0 password grant (RFC 6749 §4.3), for servers that still support it."""

    _label = "OAuth user"
    _auth: ClassVar[Literal["user"] | None] = None
    _defaults: ClassVar[PasswordOptions] = {
        "method": "POST",
        "content_type": FORM,
        "use_refresh_token": True,
        "discards_older": False,
    }

    def __init__(
        self,
        token_url: str | None = None,
        *,
        username: str,
        password: SecretLike,
        client_id: str | None = None,
        client_secret: SecretLike | None = None,
        **options: Unpack[PasswordOptions],
    ) -> None:
        """Log in with a user's name and password.

        Args:
            token_url: "https://host/path" of the token endpoint; or pass `issuer=`.
            username: the resource owner's name; any text.
            password: a str, a callable (read at each login), or anything with `get_secret_value()`; any text.
            client_id: the client's identifier, if the server wants it. Default none.
            client_secret: its secret, as `password`. Default none.
            options: see `PasswordOptions`.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        given: dict[str, Any] = {"client_auth": self._auth, **self._defaults, **options}
        user, secret = checked_text("username", username), Secret("password", password)
        if isinstance(given["client_auth"], tuple):
            if len(given["client_auth"]) != 2 or client_id is not None or client_secret is not None:
                raise TypeError("client_auth as a tuple is (client_id, client_secret), in place of these arguments")
            client_id, client_secret = given["client_auth"]
            given["client_auth"] = "basic"
        fields: dict[str, Value] = {"grant_type": "password", "username": user, "password": secret}
        super().__init__(
            token_url,
            fields,
            {name: value for name, value in given.items() if name not in self._defaults},
            client_id=client_id,
            client_secret=client_secret,
            name=f"{self._label} {user}",
            advice="Check username and password.",
            method=given["method"],
            content_type=given["content_type"],
            refreshes=checked_flag("use_refresh_token", given["use_refresh_token"]),
            ways={"user": client_auth.User(user, secret)} if given["client_auth"] == "user" else None,
            expires_at=".expires",
            issued_at=".issued",
            discards_older=given["discards_older"],
        )


class Platform(PasswordGrant):
    """The Token API of "the platform": the password grant exactly as its document describes it.

    It sends a GET with a urlencoded body labeled `application/json`, and the same name and password by HTTP Basic. Each
    login invalidates all older tokens, so it logs in as rarely as possible. Arguments: as for `PasswordGrantAuth`.

    Source: "API Documentation Writing Sample #1", Get Access Token.
    """

    _label = "Platform user"
    _auth = "user"
    _defaults: ClassVar[PasswordOptions] = {
        "method": "GET",
        "content_type": JSON,
        "use_refresh_token": True,
        "discards_older": True,
    }
