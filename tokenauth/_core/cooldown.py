"""Cool-downs: after a failed login there is a pause, during which every caller gets the same failure.

For an unreachable or failing endpoint the pause is 1 s, doubling to 30 s, or what its `Retry-After` says (at most one
hour). For rejected credentials it is 60 s, because each try counts towards a lockout; a changed secret gets one try.
It counts for the secrets as they were read, too: each request may bring a callable of its own.
"""

import logging
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from tokenauth._core import errors
from tokenauth._core.cache import MAX_TOKENS, Recent

if TYPE_CHECKING:
    import threading

    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

FIRST, LONGEST = 1.0, 30.0
REJECTED = 60.0
"""Pause in seconds after rejected credentials."""
LONGEST_RETRY_AFTER = 3600.0
MOST_SECRETS = 64
"""Secrets of one credential whose failure is remembered: some differ each time."""
FRESH, CONTESTED, WARN_EVERY = 60.0, 3, 600.0


class _Cooling(NamedTuple):
    failure: "TokenAuthError"
    until: float
    pause: float
    secrets: str
    changed: bool

    @property
    def is_rejection(self) -> bool:
        return isinstance(self.failure, errors.CredentialsRejected)


class Cooldowns:
    """The failures in their cool-down, by key. Times are monotonic seconds."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = MAX_TOKENS) -> None:
        self._cooling: Recent[_Cooling] = Recent(lock, maxsize)
        self._lock = self._cooling.lock
        self._as_read: Recent[dict[str, _Cooling]] = Recent(self._lock, maxsize)
        self._proven: Recent[bool] = Recent(self._lock, maxsize)
        self._contests: Recent[tuple[int, float]] = Recent(self._lock, maxsize)

    def failure(self, key: Hashable, now: float, secrets: str | None = None) -> "TokenAuthError | None":
        """Return a copy of the current failure, or None.

        *secrets* shows whether the secrets have changed since. A change ends a rejection, unless the rejected secrets
        were new as well and were read only once: a secret that differs each time (a signed assertion) is no sign that
        the credentials or the endpoint work now.
        """
        with self._lock:
            cooling, same = self._cooling.get(key), self._read(key).get(secrets or "")
            if cooling is not None and cooling.changed and secrets == cooling.secrets:
                cooling = cooling._replace(changed=False)
                self._cooling.put(key, cooling)
        if same is not None and now < same.until:
            return same.failure.again(remembered=same.until - now)
        if cooling is None or now >= cooling.until:
            return None
        changed = secrets is not None and secrets != cooling.secrets
        if changed and not cooling.changed and cooling.is_rejection:
            return None
        return cooling.failure.again(remembered=cooling.until - now)

    def start(self, key: Hashable, failure: "TokenAuthError", now: float, secrets: str) -> float:
        """Start a cool-down with *failure* at *now*, and return its seconds. It is longer after each failure in a row.

        One that another process remembers ends when it does there.
        """
        with self._lock:
            read = self._read(key)
            same = read.pop(secrets, None)
            before = self._cooling.get(key) or same
            pause = FIRST if before is None else min(before.pause * 2, LONGEST)
            rest = REJECTED if isinstance(failure, errors.CredentialsRejected) else pause
            rest = max(rest, min(failure.retry_after or 0.0, LONGEST_RETRY_AFTER))
            rest = rest if failure.remembered is None else failure.remembered
            changed = before is not None and now < before.until and secrets != before.secrets
            cooling = _Cooling(failure.again(), now + rest, pause, secrets, changed)
            self._cooling.put(key, cooling)
            if secrets:
                newest = [*read.items()][1 - MOST_SECRETS :]
                self._as_read.put(_mark(key), {**dict(newest), secrets: cooling})
            if isinstance(failure, errors.CredentialsRejected):
                self._proven.drop(key)
            return rest

    def contested(self, key: Hashable, now: float, age: float) -> bool:
        """Count a rejected token that is *age* seconds old; return whether to warn of a rival process.

        This is the case at the third token in a row that is rejected within a minute, at most once in ten minutes.
        """
        with self._lock:
            strikes, warned = self._contests.get(key) or (0, -math.inf)
            strikes = strikes + 1 if age < FRESH else 0
            warns = strikes >= CONTESTED and now - warned >= WARN_EVERY
            self._contests.put(key, (0, now) if warns else (strikes, warned))
            return warns

    def clear(self, key: Hashable) -> None:
        """Forget the failure: the user said `invalidate()`."""
        self._cooling.drop(key)
        self._as_read.drop(_mark(key))

    def succeeded(self, key: Hashable, secrets: str = "") -> None:
        """Forget the failure: a login with *secrets* succeeded."""
        with self._lock:
            self._cooling.drop(key)
            others = {each: met for each, met in self._read(key).items() if each != secrets and met.is_rejection}
            self._as_read.put(_mark(key), others)
            self._proven.put(key, True)

    def proven(self, key: Hashable) -> bool:
        """Whether the last login that the provider answered succeeded."""
        return self._proven.has(key)

    def forget(self) -> None:
        for each in (self._cooling, self._as_read, self._proven, self._contests):
            each.forget()

    def _read(self, key: Hashable) -> dict[str, _Cooling]:
        """Return the failures of the credential *key* by the secrets that met them."""
        return self._as_read.get(_mark(key)) or {}


def _mark(key: Hashable) -> Hashable:
    """Return *key* (`Credential.key`) without the callables that the secrets come from."""
    return key[0] if isinstance(key, tuple) else key


def logged(failure: "TokenAuthError", rest: float) -> str:
    """Return what the log says of *failure*, which lasts *rest* seconds.

    If no logging is set up, Python prints it where the traceback will stand. So it leaves the reason to the exception.
    """
    if log.hasHandlers():
        return str(failure)
    status = f" (HTTP {failure.status})" if failure.status is not None else ""
    then = f". No other is made for {math.ceil(rest)} s: until then, requests get the same error" if rest else ""
    return f"the login failed with {type(failure).__name__}{status}{then}"
