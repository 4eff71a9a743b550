"""The arguments of `Login` except the URL: the description of a token API, with defaults."""

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


class SentOptions(Options, total=False):
    """The options of all that log in by a call."""

    params: Mapping[str, Value] | None
    """Query parameters of the login, and of what refreshes its token with a grant. Default none."""
    public: Collection[str]
    """Additional names whose values may appear in errors (`PUBLIC` has those that always may). A callable under such a
    name, for example a timestamp, is read at each login. Providers with different callables share no token. With a
    store, the callable must be a module-level function."""


class LoginOptions(SentOptions, total=False):
    """The options of `LoginAuth`: the options of every auth object, and these.

    A *place* locates a value in the response: a key, a dotted path ("data.0.jwt"), "" for the whole JSON value,
    `Header(…)`, `Cookie(…)`, `Text()`, `XML(…)`, `Match(…)`, or a callable that takes the response. In a tuple of
    places the first one that exists counts. A *rule* classifies a response: a status, `("code", "E1", "E2")` (a place
    and its values), `(400, "code", "E1")` (with that status only), a callable, or a list of these.
    """

    name: str | None
    """Name in errors and logs. Default "Token API at <url>"."""
    method: str
    """Method of the login. Default "POST"."""
    headers: Mapping[str, Value] | None
    """Headers of the login. Default `Accept: application/json`. Each str is treated as a secret unless its name is in
    `public`. Callables and objects with `get_secret_value()` are read at each login. `Kept("name")` is a value from an
    earlier response. `Signed(secret, function)` is what the function computes from the secret."""
    form: Mapping[str, Value] | None
    """Form fields of the login; values as in `headers`. Default none."""
    json: Mapping[str, Any] | None
    """JSON body of the login; values as in `headers`. Default none."""
    body: SecretLike | bytes | Computed | None
    """Any other body, such as XML: a str, bytes, a callable, or `Signed`. Default none."""
    basic: tuple[str, SecretLike | Secret] | None
    """User and password for HTTP Basic (RFC 7617, UTF-8). Default none."""
    sign: Signed | None
    """`Signed(secret, function)`. The function takes the secret and the request as it will be sent (see `Built`), and
    returns headers to add. Default none."""
    token: Place
    """Place of the token. Default "access_token". Providers with different callables share no token. With a store, a
    callable must be a module-level function."""
    token_type: Place | None
    """Place of the token's type, or None. Default "token_type"."""
    expires_in: Place | None
    """Place of the lifetime, or None: a number, "15m", "PT15M", or "00:15:00". Default "expires_in"."""
    expires_at: Place | None
    """Place of the expiry time, or None. Default None."""
    issued_at: Place | None
    """Place of the time of issue, or None. Default None."""
    refresh_in: Place | None
    """Place of the seconds after which to refresh, or None. Default "refresh_in"."""
    refresh_token: Place | None
    """Place of the refresh token, or None. Used only with `refresh`. Default "refresh_token"."""
    unit: Unit | None
    """Unit of `expires_in` and `expires_at`: "us", "ms", "s", "min", "h" or "d". Default: seconds; for `expires_at`,
    guessed from its magnitude."""
    lifetime: float | timedelta | None
    """Lifetime in seconds (or a `timedelta`) if the response states none. Default unknown."""
    sliding: bool
    """Whether each use of the token restarts its lifetime. After a longer silence it is renewed before use. With a
    store it is tried first, since another process may have used it. Default False."""
    home: Place | None
    """Place of the API's URL, if the response says which host the token is for. Default none."""
    keep: Mapping[str, Place] | None
    """Values to keep from the response: `{name: place}`, for `Kept("name")` in `also`, `refresh` and `logout`. Default
    none."""
    success: Rule | None
    """Rule for a success. Default: a 2xx that contains a token."""
    rejected: Rule | None
    """Rule for rejected credentials, with any status. Default 400, 401, 403, and the error codes of OAuth."""
    retryable: Rule | None
    """Rule for failures that are worth a retry. Default 408, 425, 429 and 5xx."""
    error_code: Place | None
    """Place of the error code in an error response. Default: the usual names."""
    error_text: Place | None
    """Place of the error message in an error response. Default: the usual names."""
    error_fields: Collection[str]
    """Keys of an error response to keep in the exception's `extra`. Default none."""
    param: str | None
    """Query parameter that carries the token instead of a header. URLs often end up in logs: see "Security"."""
    cookie: str | None
    """Cookie that carries the token instead of a header. It is added to the client's own cookies in the request, and
    stays out of its cookie jar."""
    also: Mapping[str, Value] | None
    """Extra headers of every request with the token: constants, `Kept("name")`, `Basic(user, password)`. A callable is
    read at each login, or at each request if its name is in `public`, as for a timestamp. Default none."""
    first: Call | Iterable[Call]
    """A `Call` to make before the login, or several: `Call("/nonce", keep={"nonce": "nonce"})`. The login can use what
    they keep. Default none."""
    refresh: Call | None
    """The `Call` that renews a token. If it fails, the login follows. Default none."""
    logout: Call | None
    """The `Call` that ends a session: see `close()`. Default none."""
    discards_older: bool
    """Whether each login invalidates all older tokens. Default False."""
    advice: str
    """Advice in the error about rejected credentials. Default "Check the credentials."."""


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
"""The default of each of these options; `Options` states its own."""
