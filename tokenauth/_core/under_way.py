"""The login in progress: what a provider may use while it builds requests and reads responses.

now()       the clock of the auth object
notes()     what logins have learned about servers, remembered with the tokens
via()       what stands for the client that makes the token requests: another one may meet another server
"""

import contextlib
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from tokenauth._core.cache import Recent
from tokenauth._core.clock import SYSTEM, Clock

if TYPE_CHECKING:
    import threading


class Notes(Recent[tuple[Any, float]]):
    """What was learnt of servers, each for a while: a value, and the monotonic seconds until which it counts."""

    def __init__(self, lock: "threading.RLock | None" = None) -> None:
        super().__init__(lock, 1024)

    def known(self, key: Hashable, now: float) -> Any:
        """Return what was learnt, or None."""
        value, until = self.get(key) or (None, 0.0)
        return value if now < until else None


Setting = tuple[Clock, Notes | None, Hashable]
"""What `now()`, `notes()` and `via()` return within a login."""
_current: ContextVar[Setting] = ContextVar("_current", default=(SYSTEM, None, None))


@contextlib.contextmanager
def login_under_way(clock: Clock, notes: Notes | None = None, via: Hashable = None) -> Iterator[None]:
    """Within the block this is the login under way."""
    mark = _current.set((clock, notes, via))
    try:
        yield
    finally:
        _current.reset(mark)


def now() -> Clock:
    """Return the clock of the login under way; the system's outside of one."""
    return _current.get()[0]


def notes() -> Notes:
    """Return the notes of the login under way; outside of one, empty ones."""
    return _current.get()[1] or Notes()


def via() -> Hashable:
    """Return what stands for the user's `token_client` of the login under way; None where there is none."""
    return _current.get()[2]
