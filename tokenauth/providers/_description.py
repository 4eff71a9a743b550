"""The arguments of `Login` besides the URL: what describes a token API, each with its default."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from tokenauth._core.expiry import Unit
from tokenauth._core.options import Options
from tokenauth._core.places import Place
from tokenauth._core.rules import Rule
from tokenauth._core.secrets import Secret, SecretLike
from tokenauth.providers._arguments import Value
from tokenauth.providers._call import Call
from tokenauth.providers._values import Computed, Signed

ERROR_TEXT = ("error_description", "detail", "title", "error.message", "message", "Message", "msg")


class LoginOptions(Options, total=False):
    """The options of `LoginAuth`: those of every auth object, and these.

    A *place* says where a value stands in the answer: a key, a dotted path ("data.0.jwt"), "" for the JSON value
    itself, `Header(…)`, `Cookie(…)`, `Text()`, `XML(…)`, `Match(…)`, a callable that is given the answer, or a
    tuple of these (the first that is there). A *rule* says what an answer means: a status, `("code", "E1", "E2")`
    (a place and values), `(400, "code", "E1")` (of that status only), a callable, or a list of these.
    """

    name: str | None
    """Stands in errors and logs. Default "Token API at <url>"."""
    method: str
    """Method of the login. Default "POST"."""
    params: Mapping[str, Value] | None
    """Query parameters of the login. Default none."""
    headers: Mapping[str, Value] | None
    """Headers of the login. Default `Accept: application/json`. Each text counts as a secret, unless its name is in
    `public`. A callable is read at each login, and so is an object with `get_secret_value()`. `Kept("name")` is what an
    earlier answer had, `Signed(secret, function)` what the function makes of the secret."""
    form: Mapping[str, Value] | None
    """Form fields of the login, with the same values. Default none."""
    json: Mapping[str, Any] | None
    """JSON body of the login, with the same values. Default none."""
    body: SecretLike | bytes | Computed | None
    """Any other body, such as XML: a text, bytes, a callable, or `Signed`. Default none."""
    public: Collection[str]
    """More names whose values may show in errors (see `PUBLIC` for those that always may). A callable under a name that
    is here alone, such as a time stamp, is read at each login. Providers with different callables there share no token.
    With a store it must be a function of a module."""
    basic: tuple[str, SecretLike | Secret] | None
    """User and password for HTTP Basic (RFC 7617, UTF-8). Default none."""
    sign: Signed | None
    """`Signed(secret, function)`; the function is given the secret and the call as it will be sent (see `Built`), and
    returns headers to add. Default none."""
    token: Place
    """Place of the token. Default "access_token". Two callables are two APIs, which share no token; with a store a
    callable must be a function that stands in a module under its name."""
    token_type: Place | None
    """Place of the token's type, or None. Default "token_type"."""
    expires_in: Place | None
    """Place of the lifetime, or None: a number, "PT15M", or "00:15:00". Default "expires_in"."""
    expires_at: Place | None
    """Place of the instant of expiry, or None. Default None."""
    issued_at: Place | None
    """Place of the instant of issue, or None. Default None."""
    refresh_in: Place | None
    """Place of the seconds after which to refresh, or None. Default "refresh_in"."""
    refresh_token: Place | None
    """Place of the refresh token, or None; used where there is a `refresh`. Default "refresh_token"."""
    unit: Unit | None
    """Unit of `expires_in` and `expires_at`, "us", "ms", "s" or "min". Default seconds, and for `expires_at` by its
    size."""
    lifetime: float | timedelta | None
    """Seconds (or a `timedelta`) that a token lives where the answer doesn't say. Default unknown."""
    sliding: bool
    """Whether each use of the token begins its lifetime anew; it is then used until it is refused. Default False."""
    home: Place | None
    """Place of the API's URL, where the answer says which host may have the token. Default none."""
    keep: Mapping[str, Place] | None
    """What to keep of the answer, by name, for `Kept("name")` in `also`, `refresh` and `logout`. Default nothing."""
    success: Rule | None
    """Rule for a success. Default: a 2xx in which there is a token."""
    rejected: Rule | None
    """Rule for "wrong credentials", whatever the status. Default 400, 401, 403, and the codes of OAuth."""
    retryable: Rule | None
    """Rule for "try again". Default 408, 425, 429 and 5xx."""
    error_code: Place | None
    """Place of the code in an error's answer. Default the usual ones."""
    error_text: Place | None
    """Place of the text in an error's answer. Default the usual ones."""
    error_fields: Collection[str]
    """Keys of an error's answer that are kept in the error's `extra`. Default none."""
    param: str | None
    """Query parameter that carries the token, instead of a header. URLs are logged: see "Security"."""
    cookie: str | None
    """Name of the cookie that carries the token, instead of a header. It joins the client's own cookies in the request,
    and is not in its cookie jar."""
    also: Mapping[str, Value] | None
    """More headers of every request with the token: constants, `Kept("name")`, `Basic(user, password)`. A callable is
    read at each login, and one under a name in `public` at each request: a time stamp. Default none."""
    first: Call | Iterable[Call]
    """A `Call` before the login, or several, whose answers the login uses: `Call("/nonce", keep={"nonce": "nonce"})`.
    Default none."""
    refresh: Call | None
    """The `Call` that renews a token; where it fails, the login follows. Default none."""
    logout: Call | None
    """The `Call` that ends a session: see `close()`. Default none."""
    discards_older: bool
    """Whether each login ends all older tokens. Default False."""
    advice: str
    """What an error about refused credentials says to check. Default "Check the credentials."."""


DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(LoginOptions.__annotations__.keys() - Options.__annotations__.keys()),
    "method": "POST",
    "public": (),
    "token": "access_token",
    "token_type": "token_type",
    "expires_in": "expires_in",
    "refresh_in": "refresh_in",
    "refresh_token": "refresh_token",
    "sliding": False,
    "error_code": ("error", "error.code", "code"),
    "error_text": ERROR_TEXT,
    "error_fields": (),
    "first": (),
    "discards_older": False,
    "advice": "Check the credentials.",
}
"""The value of each of these that is not given; of those of every auth object, see there."""
