"""Function: tokens returned by a function: of a cloud SDK, a vault, an in-house library."""

import datetime
import functools
import inspect
import math
import types
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Unpack

from tokenauth._core.errands import CallFunction
from tokenauth._core.expiry import LATEST, end_of
from tokenauth._core.messages import Reply
from tokenauth._core.options import OtherOptions
from tokenauth._core.secrets import bare
from tokenauth._core.token import Token, problem_of
from tokenauth.providers._answers import scheme_of
from tokenauth.providers._elsewhere import Elsewhere

_KINDS = "a str, a Token, (token, expires_at), or an object with token and expires_on, expiry or expires_at"


class Function(Elsewhere):
    """Tokens returned by your own function: `FunctionAuth(get_token, origins=["https://api.example.com"])`."""

    def __init__(
        self,
        get_token: Callable[..., Any],
        *,
        origins: Iterable[str],
        name: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> None:
        """Call the function when a token is needed.

        The function is called when a token is needed, or shortly before the old one expires. Auth objects with the same
        function object share its tokens and call it once. It runs in a thread; in async code, an async function is
        awaited on the event loop.

        Args:
            get_token: function without arguments, sync or async. It returns a str, a `Token`, `(token, expires_at)`, a
                mapping such as `{"access_token": …, "expires_in": …}`, an object with `token` and `expires_on` (as in
                azure-identity), or google-auth credentials, which are refreshed when due. An expiry is Unix seconds or
                a datetime (UTC if it has no zone); a number below 1e8 or a timedelta is a lifetime. If the function has
                a parameter `rejected`, it receives the `Token` that the API refused, or None.
            origins: "https://host[:port]" of each API that may receive the token.
            name: name in errors and logs. Default: the function's own.
            options: see `Options`. `timeout` limits the function too.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self._takes_rejected = _checked(get_token)
        self._get_token = get_token
        super().__init__(name or f"The function {_name_of(get_token)}", origins, options)

    def login(self, refresh_token: str | None = None) -> Generator[CallFunction, Reply, Token]:
        reply = yield CallFunction(self._get_token, self.name, self._takes_rejected)
        return self.read(reply)

    def read(self, reply: Reply) -> Token:
        value, kind = bare(reply.result), type(reply.result).__name__
        token = _token_of(value, reply)
        if token is None:
            raise self.unusable(f"returned {kind}, which is not a token. Return {_KINDS}")
        problem = problem_of(token)
        if problem:
            raise self.unusable(
                f"returned an unusable token ({kind}): {problem}. Return the token alone, without a scheme"
            )
        return token


def _checked(get_token: object) -> bool:
    """Return whether *get_token* takes `rejected=`. TypeError if it can't be called."""
    if isinstance(get_token, type) or not callable(get_token):
        raise TypeError(f"get_token must be a function, {_instead(get_token)}")
    called: Any = get_token if inspect.isroutine(get_token) else getattr(get_token, "func", get_token.__call__)
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise TypeError("get_token must return the token, and not yield it")
    try:
        signature = inspect.signature(get_token)
    except (TypeError, ValueError):  # a function in C without a signature
        return False
    parameter = signature.parameters.get("rejected")
    takes = parameter is not None and parameter.kind in {parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD}
    try:
        signature.bind(**({"rejected": None} if takes else {}))
    except TypeError:
        text = "get_token must be callable without arguments (except rejected=): pass some by lambda: get_token(…)"
        raise TypeError(text) from None
    return takes


def _instead(given: object) -> str:
    kind = type(given).__name__
    if isinstance(given, str):
        return "not str: for a constant token or key, use APIKeyAuth"
    if inspect.isawaitable(given):
        getattr(given, "close", bool)()  # it will never be awaited, and the error says so
        return "not what it returns: write its name without ()"
    if isinstance(given, type):
        return f"not the class {given.__name__}: write lambda: {given.__name__}(…)"
    if hasattr(given, "get_token"):
        return f"not {kind}: write lambda: credential.get_token(…)"
    if hasattr(given, "refresh"):
        return f"not {kind}: write lambda: credentials"
    return f"not {kind}"


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, types.MethodType) and not isinstance(function.__self__, type):
        return f"{type(function.__self__).__name__}.{function.__name__}"
    return str(getattr(function, "__name__", type(function).__name__))


def _token_of(value: Any, reply: Reply) -> Token | None:
    """Return *value*, a function's result, as a token; None if it is of no known kind."""
    match value:
        case Token(expires_at=None):
            return value
        case Token():  # keep its expiry: a lifetime would count from when the token was fetched elsewhere
            return Token(value.value, value.type, None, value.expires_at, origin=value.origin, extra=value.extra)
        case str():
            return Token(value.strip())
        case Mapping():
            text, end, kind, ahead = (value.get(name) for name in ("access_token", "expires_at", "token_type", ""))
            end = value.get("expires_in") if end is None else end
        case _ if hasattr(value, "token"):
            text = value.token
            ends = (getattr(value, name, None) for name in ("expires_on", "expiry", "expires_at"))
            end = next((each for each in ends if each is not None), None)
            kind, ahead = getattr(value, "token_type", None), getattr(value, "refresh_on", None)
        case tuple() if len(value) == 2:
            (text, end), kind, ahead = value, None, None
        case _:
            return None
    text, times = bare(text), _times(end)
    if not isinstance(text, str) or times is None:
        return None
    refresh_in = ahead - reply.sent_at if isinstance(ahead, int | float) and reply.sent_at < ahead <= LATEST else None
    return Token(text.strip(), scheme_of(kind), *times, refresh_in)


def _times(end: object) -> tuple[float | None, float | None] | None:
    """Return lifetime and expiry time; *end* states one of them. None if it is not a time."""
    if end is None:
        return None, None
    if isinstance(end, datetime.timedelta):
        return max(end.total_seconds(), 0.0), None
    if isinstance(end, datetime.datetime):
        return None, (end if end.tzinfo else end.replace(tzinfo=datetime.UTC)).timestamp()
    if (
        isinstance(end, bool)
        or not isinstance(end, int | float | str)
        or (isinstance(end, float) and not math.isfinite(end))
    ):
        return None
    times = end_of(end)
    return None if times == (None, None) else times
