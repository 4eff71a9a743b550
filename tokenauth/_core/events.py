"""Events: what `on_event` reports to a program."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

from tokenauth._core.frozen import Frozen

Kind = Literal[
    "hit",
    "started",
    "retried",
    "fetched",
    "failed",
    "remembered",
    "refreshing",
    "rejected",
    "foreign",
    "store_down",
    "store_up",
]


class Event(Frozen):
    """The argument of `on_event`.

    Attributes:
        kind: what happened:

            - "hit": a request used the current token
            - "started": a login starts
            - "retried": a login failed with `error` and is retried
            - "fetched": a login returned a token, after `seconds`
            - "failed": a login failed with `error`, after `seconds`
            - "remembered": a caller got the `error` of an earlier login; no request was made
            - "refreshing": a login starts early, while the old token is still in use
            - "rejected": the API refused the token
            - "foreign": a request to `origin` was sent without the token, the first to that origin
            - "store_down", "store_up": the store failed, or works again
        provider: the provider's name.
        url: of the token endpoint, without its query.
        fingerprint: fingerprint of the token, if there is one; see `Token.fingerprint`.
        error: the failure, if there is one.
        seconds: duration of the login, including retries.
        origin: the foreign origin.
    """

    kind: Kind
    provider: str
    url: str
    fingerprint: str | None = None
    error: Exception | None = None
    seconds: float | None = None
    origin: str | None = None


OnEvent = Callable[[Event], object]

telling: ContextVar[bool] = ContextVar("tokenauth_telling", default=False)
"""Whether the running code was called by an `on_event`. Its own requests send no events, or it would never end."""


class Told(dict[Any, Any]):
    """A dict that calls *tell* whenever something is found in it."""

    def __init__(self, tell: Callable[[], object]) -> None:
        super().__init__()
        self._tell = tell

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        if found is not None:
            self._tell()
        return found
