"""Cool-downs: after a failed login there is a pause, during which every caller gets the same failure.

For an unreachable or failing endpoint the pause is 1 s, doubling to 30 s, or what its `Retry-After` says (at most one
hour). For rejected credentials it is 60 s, because each try counts towards a lockout; a changed secret gets one try.
"""

import logging
import math
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from tokenauth._core import errors

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

FIRST, LONGEST = 1.0, 30.0
REJECTED = 60.0
"""Pause in seconds after rejected credentials."""
LONGEST_RETRY_AFTER = 3600.0
FRESH, CONTESTED, WARN_EVERY = 60.0, 3, 600.0


class _Cooling(NamedTuple):
    failure: "TokenAuthError"
    until: float
    pause: float
    secrets: str
    changed: bool


class Cooldowns:
    """The failures in their cool-down, by key. Times are monotonic seconds."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = 16_384) -> None:
        self._lock = lock or threading.RLock()
        self._cooling: LRUCache[Hashable, _Cooling] = LRUCache(maxsize)
        self._proven: LRUCache[Hashable, bool] = LRUCache(maxsize)
        self._contests: LRUCache[Hashable, tuple[int, float]] = LRUCache(maxsize)

    def failure(self, key: Hashable, now: float, secrets: str | None = None) -> "TokenAuthError | None":
        """Return a copy of the current failure, or None.

        *secrets* shows whether the secrets have changed since. A change ends a rejection, unless the rejected secrets
        were new as well and were read only once: a secret that differs each time (a signed assertion) is no sign that
        the credentials or the endpoint work now.
        """
        with self._lock:
            cooling = self._cooling.get(key)
            if cooling is not None and cooling.changed and secrets == cooling.secrets:
                cooling = self._cooling[key] = cooling._replace(changed=False)
        if cooling is None or now >= cooling.until:
            return None
        changed = secrets is not None and secrets != cooling.secrets
        if changed and not cooling.changed and isinstance(cooling.failure, errors.CredentialsRejected):
            return None
        return cooling.failure.again(remembered=cooling.until - now)

    def start(self, key: Hashable, failure: "TokenAuthError", now: float, secrets: str) -> float:
        """Start a cool-down with *failure* at *now*, and return its seconds. It is longer after each failure in a row.

        One that another process remembers ends when it does there.
        """
        with self._lock:
            before = self._cooling.get(key)
            pause = FIRST if before is None else min(before.pause * 2, LONGEST)
            rest = REJECTED if isinstance(failure, errors.CredentialsRejected) else pause
            rest = max(rest, min(failure.retry_after or 0.0, LONGEST_RETRY_AFTER))
            rest = rest if failure.remembered is None else failure.remembered
            changed = before is not None and now < before.until and secrets != before.secrets
            self._cooling[key] = _Cooling(failure.again(), now + rest, pause, secrets, changed)
            if isinstance(failure, errors.CredentialsRejected):
                self._proven.pop(key, None)
            return rest

    def contested(self, key: Hashable, now: float, age: float) -> bool:
        """Count a rejected token that is *age* seconds old; return whether to warn of a rival process.

        This is the case at the third token in a row that is rejected within a minute, at most once in ten minutes.
        """
        with self._lock:
            strikes, warned = self._contests.get(key, (0, -math.inf))
            strikes = strikes + 1 if age < FRESH else 0
            warns = strikes >= CONTESTED and now - warned >= WARN_EVERY
            self._contests[key] = (0, now) if warns else (strikes, warned)
            return warns

    def clear(self, key: Hashable) -> None:
        """Forget the failure: the user said `invalidate()`."""
        with self._lock:
            self._cooling.pop(key, None)

    def succeeded(self, key: Hashable) -> None:
        """Forget the failure: a login succeeded."""
        with self._lock:
            self._cooling.pop(key, None)
            self._proven[key] = True

    def proven(self, key: Hashable) -> bool:
        """Whether the last login that the provider answered succeeded."""
        with self._lock:
            return key in self._proven

    def forget(self) -> None:
        with self._lock:
            self._cooling.clear()
            self._proven.clear()
            self._contests.clear()


def logged(failure: "TokenAuthError", rest: float) -> str:
    """Return what the log says of *failure*, which lasts *rest* seconds.

    If no logging is set up, Python prints it where the traceback will stand. So it leaves the reason to the exception.
    """
    if log.hasHandlers():
        return str(failure)
    status = f" (HTTP {failure.status})" if failure.status is not None else ""
    then = f". The next one is made in {math.ceil(rest)} s; until then, requests get the same error" if rest else ""
    return f"the login failed with {type(failure).__name__}{status}{then}"
