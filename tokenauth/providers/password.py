"""The password grant of OAuth 2.0 (RFC 6749 §4.3), and the Platform, a token API in the shape of ASP.NET's `/Token`."""

from collections.abc import Mapping
from typing import Literal

from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import Value
from tokenauth.providers._declarative import FORM, JSON, JSONProvider
from tokenauth.providers._oauth import checked_extra, given

ClientAuth = tuple[str, SecretLike] | Literal["user"] | None
"""How the client names itself by HTTP Basic: id and secret, as "user" (the user's own name and password), or not."""


class PasswordGrant(JSONProvider):
    """A user's access by name and password, and by refresh token where the answer brings one (RFC 6749 §6).

    Args:
        token_url: https (loopback exempt), without query, fragment and user info.
        username: the resource owner's name; any text.
        password: a str, a callable (read at each login), or with `get_secret_value()`; any text.
        method: default "POST".
        content_type: label of the body, which is urlencoded in any case. Default "application/x-www-form-urlencoded".
        client_auth: (id, secret) for HTTP Basic, each form-urlencoded first (RFC 6749 §2.3.1); "user" for name and
            password as they are (RFC 7617); default None.
        client_id: form field, for clients without a secret; default none.
        scope: space-separated; default the server's.
        extra: more form fields, such as {"audience": …}; kept when a token is refreshed.
        use_refresh_token: default True.
        discards_older: whether each login ends all older tokens of the user; then a token is used to its end.
        allow_http: allow plain http elsewhere than on loopback; default False.

    Raises:
        TypeError, ValueError: an argument is wrong; the text never shows its value.
    """

    _label = "OAuth user"

    def __init__(
        self,
        token_url: str,
        *,
        username: str,
        password: SecretLike,
        method: str = "POST",
        content_type: str = FORM,
        client_auth: ClientAuth = None,
        client_id: str | None = None,
        scope: str | None = None,
        extra: Mapping[str, Value] | None = None,
        use_refresh_token: bool = True,
        discards_older: bool = False,
        allow_http: bool = False,
    ) -> None:
        user, secret = checked_text("username", username), Secret("password", password)
        self._quotes_basic = client_auth != "user"
        fields: dict[str, Value] = {"grant_type": "password", "username": user, "password": secret}
        super().__init__(
            token_url,
            name=f"{self._label} {user}",
            method=method,
            headers={"Accept": JSON, "Content-Type": content_type},
            form=fields | given(client_id=client_id, scope=scope) | checked_extra(extra, fields),
            public=("username",),
            basic=(user, secret) if client_auth == "user" else client_auth,
            expires_at=".expires",
            issued_at=".issued",
            error_code="error",
            advice="Check username and password (and the client's id and secret, where there are any).",
            allow_http=allow_http,
        )
        self.refreshes = bool(use_refresh_token)
        self.discards_older = bool(discards_older)

    def _fields(self, refresh_token: str | None) -> dict[str, str]:
        fields = super()._fields(refresh_token)
        if refresh_token is None or not self.refreshes:
            return fields
        del fields["username"], fields["password"]
        return fields | {"grant_type": "refresh_token", "refresh_token": refresh_token}


class Platform(PasswordGrant):
    """The Platform's Token API as its page describes it: `GET`, an urlencoded body under a JSON label, HTTP Basic.

    Each login discards all older tokens of the user, so as few as possible are made. Arguments as in
    `PasswordGrant`, with other defaults: `method` "GET", `content_type` "application/json", `client_auth` "user".
    Source: "GET - Get Access Token".
    """

    _label = "Platform user"

    def __init__(
        self,
        token_url: str,
        *,
        username: str,
        password: SecretLike,
        method: str = "GET",
        content_type: str = JSON,
        client_auth: ClientAuth = "user",
        client_id: str | None = None,
        scope: str | None = None,
        extra: Mapping[str, Value] | None = None,
        use_refresh_token: bool = True,
        discards_older: bool = True,
        allow_http: bool = False,
    ) -> None:
        super().__init__(
            token_url,
            username=username,
            password=password,
            method=method,
            content_type=content_type,
            client_auth=client_auth,
            client_id=client_id,
            scope=scope,
            extra=extra,
            use_refresh_token=use_refresh_token,
            discards_older=discards_older,
            allow_http=allow_http,
        )
