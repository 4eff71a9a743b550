"""What a flow may ask its driver for, and what travels: all frozen.

A flow (`flow`) is a generator that yields these effects and is sent their results; a driver (`_io.drive`) performs
them. Nothing here does anything.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenauth._core import errors
from tokenauth._core.errands import Errand
from tokenauth._core.expiry import http_date
from tokenauth._core.token import HTTP_TOKEN

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tokenauth._core.flights import Flight

_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")  # field-value, RFC 9110 §5.5, as ASCII


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A call of a token endpoint. Headers and body hold secrets, and a query may, so repr hides them."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Misuse(TypeError):
    """A mistake in the program that made this call: it is no failure of the login's, and nobody else meets it."""


def check_headers(request: TokenRequest) -> None:
    """Raise TokenAuthError for a header that no client sends; their errors and logs would quote it."""
    for name, value in request.headers.items():
        if not isinstance(name, str) or not HTTP_TOKEN.fullmatch(name):
            raise errors.TokenAuthError("A name among the token request's headers is no HTTP field name")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise errors.TokenAuthError(
                f"The token request's header {name} has a value that can't be sent: it must be ASCII, "
                "without control characters, and without blanks around it"
            )


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a token endpoint, or what an errand brought (`errands`).

    Attributes:
        status: HTTP status code; 200 for an errand.
        headers: names in lower case.
        body: at most 1 MiB, content coding undone; hidden in repr.
        sent: monotonic seconds, just before the request was sent.
        sent_at: Unix seconds of the same moment, by this machine's clock.
        received_at: Unix seconds at the answer's end, by this machine's clock.
        secrets: what was sent and is not to be shown: the secrets as they were then, a refresh token. Hidden in repr.
        result: what the function of an errand returned, hidden in repr.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    sent: float = 0.0
    sent_at: float = 0.0
    received_at: float = 0.0
    secrets: tuple[str, ...] = field(default=(), repr=False)
    result: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body's JSON value; ValueError where it is none (also when nested too deeply)."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None

    @property
    def server_now(self) -> float:
        """Unix seconds by the server's clock: `Date` (RFC 9110 §6.6.1) where it is sent, else this machine's.

        `Date` counts whole seconds, so where this machine's clock falls within that second it is the finer reading.
        """
        date = http_date(self.headers.get("date", ""))
        if date is None:
            return self.received_at
        return min(max(self.received_at, date), date + 1.0)


class Exchange(NamedTuple):
    """Send *request* to the token endpoint; its result is a Reply. *deadline*: monotonic seconds.

    *unwanted* is called when the answer comes after all and nobody waits for it any more, for its leader was cancelled,
    with a function that returns the Reply or raises.
    """

    request: TokenRequest
    flight: "Flight"
    deadline: float
    unwanted: Callable[[Callable[[], Reply]], object] = bool


class Undertake(NamedTuple):
    """Do the errand *request*; all else is as for an Exchange."""

    request: Errand
    flight: "Flight"
    deadline: float
    unwanted: Callable[[Callable[[], Reply]], object] = bool


class Call(NamedTuple):
    """Call *function*, which may block when *blocks*, or be a coroutine function; its result is what it returns.

    *what* is called: the subject of the error where it does not return by the *deadline*.
    """

    function: Callable[[], Any]
    flight: "Flight"
    deadline: float
    blocks: bool
    what: str = "A callable for a secret"

    @staticmethod
    def late(what: str = "A callable for a secret") -> Exception:
        """Return what to raise where the deadline has passed: *what* was called took it all."""
        return errors.TokenAuthError(f"{what} did not return in time (timeout=)")


class Ask(NamedTuple):
    """Call *function*, a call of a shared store, in a thread; *late* gives the result where *seconds* don't suffice.

    *unwanted* is called with the future of *function*'s result when it is done and nobody waits for it any more.
    """

    function: Callable[[], Any]
    seconds: float
    late: Callable[[], Any]
    unwanted: Callable[["Future[Any]"], object] = bool


class Wait(NamedTuple):
    """Wait until *flight* has landed, to *deadline* (monotonic seconds) at the latest."""

    flight: "Flight"
    deadline: float


class Pause(NamedTuple):
    """Let *seconds* pass."""

    seconds: float


Effect = Exchange | Undertake | Call | Ask | Wait | Pause
