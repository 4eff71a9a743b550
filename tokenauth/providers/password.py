"""The password grant of OAuth 2.0 (RFC 6749 §4.3), and the Platform, a token API in the shape of ASP.NET's `/Token`."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Unpack

from tokenauth._core.options import Options
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import Value
from tokenauth.providers._call import FORM, JSON, Call
from tokenauth.providers._oauth import checked_extra, given
from tokenauth.providers._values import Kept
from tokenauth.providers.login import Login

ClientAuth = tuple[str, SecretLike] | Literal["user"] | None
"""How the client names itself by HTTP Basic: id and secret, as "user" (the user's own name and password), or not."""


class GrantOptions(Options, total=False):
    """The options of `PasswordGrantAuth` and `PlatformAuth`: those of every auth object, and these."""

    method: str
    """Method of the token call. Default "POST"; Platform "GET"."""
    content_type: str
    """Label of the body, which is urlencoded in any case. Default "application/x-www-form-urlencoded"; Platform
    "application/json"."""
    client_auth: ClientAuth
    """(id, secret) for HTTP Basic, each form-urlencoded first (RFC 6749 §2.3.1); "user" for the user's own name and
    password as they are (RFC 7617); or None. Default None; Platform "user"."""
    client_id: str | None
    """Form field of clients without a secret. Default none."""
    scope: str | None
    """Scopes, separated by blanks (RFC 6749 §3.3). Default the server's."""
    extra: Mapping[str, Value] | None
    """More form fields, such as {"audience": …}; kept when a token is refreshed. Default none."""
    use_refresh_token: bool
    """Whether to use the refresh token of an answer (RFC 6749 §6). Default True."""
    discards_older: bool
    """Whether each login ends all older tokens of the user; then a token is used to its end. Default False; Platform
    True."""


class PasswordGrant(Login):
    """A user's access by name and password, and by refresh token where the answer brings one (RFC 6749 §6)."""

    _label = "OAuth user"
    _url_name = "token_url"
    _checked = frozenset({"_quotes_basic"})
    _defaults: ClassVar[GrantOptions] = {
        "method": "POST",
        "content_type": FORM,
        "client_auth": None,
        "client_id": None,
        "scope": None,
        "extra": None,
        "use_refresh_token": True,
        "discards_older": False,
    }

    def __init__(self, token_url: str, *, username: str, password: SecretLike, **options: Unpack[GrantOptions]) -> None:
        """Log in with the OAuth 2.0 password grant (RFC 6749 §4.3), for servers that still have it.

        Args:
            token_url: "https://host/path" of the token endpoint.
            username: the resource owner's name; any text.
            password: a str, a callable (read at each login), or anything with `get_secret_value()`; any text.
            options: see `GrantOptions`.

        Raises:
            TypeError, ValueError: an argument can't be right. The text never shows its value.
        """
        grant: dict[str, Any] = {**self._defaults, **options}
        user, secret = checked_text("username", username), Secret("password", password)
        self._quotes_basic = grant["client_auth"] != "user"
        fields: dict[str, Value] = {"grant_type": "password", "username": user, "password": secret}
        more = given(client_id=grant["client_id"], scope=grant["scope"]) | checked_extra(grant["extra"], fields)
        shared: dict[str, Any] = {
            "method": grant["method"],
            "headers": {"Accept": JSON, "Content-Type": grant["content_type"]},
            "basic": (user, secret) if grant["client_auth"] == "user" else grant["client_auth"],
        }
        renewal = {**more, "grant_type": "refresh_token", "refresh_token": Kept("refresh_token")}
        super().__init__(
            token_url,
            name=f"{self._label} {user}",
            **shared,
            form=fields | more,
            refresh=Call(form=renewal, **shared) if grant["use_refresh_token"] else None,
            expires_at=".expires",
            issued_at=".issued",
            error_code="error",
            discards_older=bool(grant["discards_older"]),
            advice="Check username and password (and the client's id and secret, where there are any).",
            **{name: value for name, value in grant.items() if name not in self._defaults},
        )


class Platform(PasswordGrant):
    """The Platform's Token API as its page describes it: `GET`, an urlencoded body under a JSON label, HTTP Basic.

    Each login discards all older tokens of the user, so as few as possible are made. Arguments as in `PasswordGrant`,
    with other defaults. Source: "GET - Get Access Token".
    """

    _label = "Platform user"
    _defaults: ClassVar[GrantOptions] = {
        **PasswordGrant._defaults,
        "method": "GET",
        "content_type": JSON,
        "client_auth": "user",
        "discards_older": True,
    }
