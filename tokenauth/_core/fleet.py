"""Fleet: what processes with a shared store tell each other about one credential."""

import logging
import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from tokenauth._core import errors, stand_in
from tokenauth._core.cache import Held
from tokenauth._core.cooldown import REJECTED
from tokenauth._core.credential import Credential
from tokenauth._core.dating import as_answered, dated
from tokenauth._core.effects import Ask
from tokenauth._core.frozen import replace
from tokenauth._core.logins import Logins
from tokenauth._core.record import Record
from tokenauth._core.token import Token
from tokenauth._core.tokens import Tokens

log = logging.getLogger("tokenauth")


class Shelf(Protocol):
    """This credential's place in a shared store. Each method except the last returns the effect to yield."""

    def load(self, lease: Any = None, /) -> Ask: ...  # → what is there (Record), or None

    def acquire(self) -> Ask: ...  # → the fleet's lease on logging in, or None where another process has it

    def save(self, record: Record, lease: Any, /) -> Ask: ...  # → whether the fleet has been told

    def release_soon(self, lease: Any, /) -> None: ...

    # which processes use the credential, for one that logs out

    def take_seat(self) -> Ask: ...  # → whether this process is known to use it

    def leave_seat(self) -> Ask: ...  # → whether it was

    def occupied(self) -> Ask: ...  # → whether another process may use it


class Leased(NamedTuple):
    """What the renewing process of the fleet holds: its shelf, the lease, and the record *saved* before.

    *since*: Unix seconds before the lease was granted, and so before the credentials were read.
    """

    shelf: Shelf
    lease: Any
    saved: Record | None
    since: float


class Fleet:
    """What is known through the *shelf*: None if there is no store, or if a stand-in logs in."""

    def __init__(self, credential: Credential, tokens: Tokens, logins: Logins) -> None:
        self._credential = credential
        self._tokens = tokens
        self._logins = logins
        self._since = -math.inf
        self._shelf: Shelf | None = None

    @property
    def shelf(self) -> Shelf | None:
        return self._shelf if stand_in.current is None else None

    @shelf.setter
    def shelf(self, shelf: Shelf | None) -> None:
        self._shelf = shelf

    def record(self, outcome: Held | Token | Exception, since: float) -> Record:
        """Return the record of a login: its token, or the rejection of the credentials. *since*: see `Leased`."""
        now = self._credential.wall()
        if isinstance(outcome, Exception):
            kept = self._logins.refreshing.line.token if self._credential.provider.brought is not None else None
            record = Record.of_rejection(outcome, now, kept)
        else:
            record = Record.of_token(outcome.token if isinstance(outcome, Held) else outcome, now)
        return replace(record, saved_at=since)

    def lease_waits(self) -> Iterator[float]:
        """Return the pauses between two looks at the store: 50 ms, doubling to half a second, ± 50 %.

        All are shorter than what is too little time for anything; see `Source.late`.
        """
        longest = min(0.5, self._credential.timeout / 20)
        pause = min(0.05, longest)
        while True:
            yield self._credential.uniform(0.5, 1.5) * pause
            pause = min(2 * pause, longest)

    def adopt(self, record: Record | None, rejected: Token | None) -> Held | None:
        """Keep and return the token in *record* if it is valid. Raise the rejection in it."""
        with self._credential.memory.lock:  # so that an `invalidate()` comes before this or after it
            held = self._valid(record, rejected)
            if held is None:
                return None
            self._tokens.keep(held)
            self._logins.refreshing.learn(held.token)
        log.info("%s: token %s comes from the store", self._credential.name, held.token.fingerprint)
        return held

    def _valid(self, record: Record | None, rejected: Token | None) -> Held | None:
        now = self._credential.wall()
        invalidated_at = self._credential.memory.invalidated_at(self._credential.key)
        since = min(max(self._since, invalidated_at), now)  # this machine's clock may have been set back
        if record is None or record.saved_at < since or now >= record.until:
            return None
        held = self._good(record.token, rejected, record.saved_at)
        if held is None and record.failure is not None and now < record.failed_until:
            left = min(record.failed_until - now, REJECTED)  # another machine's clock may be ahead
            raise errors.CredentialsRejected(**record.failure, remembered=left)
        return held

    def _good(self, token: Token | None, rejected: Token | None, saved_at: float) -> Held | None:
        """Return *token* as this process holds it, if it may be sent."""
        if token is None or not token.value or (rejected is not None and token.value == rejected.value):
            return None
        now, monotonic = self._credential.wall(), self._credential.monotonic()
        if self._tokens.was_refused(token) or (token.expires_at is not None and token.expires_at <= now):
            return None
        answered, as_fetched = as_answered(token, now, monotonic)
        age = now - saved_at if now > saved_at else 2 * self._credential.timeout  # that one's clock is ahead
        held = dated(self._credential, answered, as_fetched)._replace(token=token, since=monotonic - age)
        return held if held.is_usable(self._credential.clock) else None

    def outdate(self, held: Held) -> None:
        """Ignore everything saved before the request for *held*, which could not be saved itself: it is older."""
        self._since = max(self._since, self._credential.wall() - (self._credential.monotonic() - held.since))

    @staticmethod
    def is_rejection(failure: Exception) -> bool:
        """Whether *failure* is a rejection that the fleet does not know yet."""
        return isinstance(failure, errors.CredentialsRejected) and failure.remembered is None
