"""Effects: what a flow may ask its driver for. All are frozen.

A flow (`flow`) is a generator that yields these effects and receives their results. A driver (`_io.drive`) performs
them. Nothing here has a side effect. All but Wait are a leader's, and are performed to the end even if its caller is
cancelled: the flow goes on without it.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenauth._core import errors
from tokenauth._core.messages import TokenRequest
from tokenauth._core.token import HTTP_TOKEN

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tokenauth._core.flights import Flight

LONGER = "Try again, or pass a larger timeout= (seconds; default 10)"
"""What to do where time ran out."""
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")  # field-value, RFC 9110 §5.5, as ASCII


class Misuse(TypeError):
    """A mistake in the calling program. It is not a failure of the login, and reaches no other caller."""


def check_headers(request: TokenRequest) -> None:
    """Raise TokenAuthError for a header that clients reject: their own errors and logs would quote it."""
    for name, value in request.headers.items():
        if not isinstance(name, str) or not HTTP_TOKEN.fullmatch(name):
            raise errors.TokenAuthError("A header name in the token request is not a valid HTTP field name")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise errors.TokenAuthError(
                f"The token request's header {name} has a value that can't be sent: it must be ASCII, "
                "without control characters, and without blanks around it"
            )


class Exchange(NamedTuple):
    """Send *request*, a TokenRequest, or do it, an Errand; its result is a Reply. *deadline*: monotonic seconds.

    Errors name the path of *public*; that of any other URL may be a secret.
    """

    request: Any
    flight: "Flight"
    deadline: float
    public: str = ""


class Call(NamedTuple):
    """Call *function*, which may block when *blocks*, or be a coroutine function; its result is what it returns.

    *what* is called: the subject of the error where it does not return by the *deadline*.
    """

    function: Callable[[], Any]
    flight: "Flight"
    deadline: float
    blocks: bool
    what: str = "A callable for a secret"


class Ask(NamedTuple):
    """Call *function*, a method of a shared store, in a thread. After *seconds* the result is that of *late*, which is
    called with the future of the function's result and the seconds that it had. *flight*: for whom, if for any.
    """

    function: Callable[[], Any]
    seconds: float
    late: Callable[["Future[Any]", float], Any]
    flight: "Flight | None" = None


class Wait(NamedTuple):
    """Wait until *flight* has landed, at the latest until *deadline* (monotonic seconds)."""

    flight: "Flight"
    deadline: float


class Pause(NamedTuple):
    """Let *seconds* pass."""

    seconds: float
    flight: "Flight | None" = None


Effect = Exchange | Call | Ask | Wait | Pause
