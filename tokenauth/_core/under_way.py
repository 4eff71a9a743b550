"""The login in progress: what a provider may use while it builds requests and reads responses.

now()       the clock of the auth object
notes()     what logins have learned about servers, remembered with the tokens
"""

import contextlib
import threading
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from typing import Any

from cachetools import LRUCache

from tokenauth._core.clock import SYSTEM, Clock


class Notes:
    """What was learnt of servers, each for a while. Times are monotonic seconds."""

    def __init__(self, lock: "threading.RLock | None" = None) -> None:
        self._lock = lock or threading.RLock()
        self._notes: LRUCache[Hashable, tuple[Any, float]] = LRUCache(1024)

    def get(self, key: Hashable, now: float) -> Any:
        """Return what was learnt, or None."""
        with self._lock:
            value, until = self._notes.get(key, (None, 0.0))
            return value if now < until else None

    def put(self, key: Hashable, value: object, until: float) -> None:
        with self._lock:
            self._notes[key] = (value, until)

    def drop(self, key: Hashable) -> None:
        """Forget one note: it didn't help."""
        with self._lock:
            self._notes.pop(key, None)

    def forget(self) -> None:
        with self._lock:
            self._notes.clear()


_current: ContextVar[tuple[Clock, Notes | None]] = ContextVar("_current", default=(SYSTEM, None))


@contextlib.contextmanager
def login_under_way(clock: Clock, notes: Notes | None = None) -> Iterator[None]:
    """Within the block this is the login under way."""
    mark = _current.set((clock, notes))
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
