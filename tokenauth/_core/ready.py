"""Ready: what requests with one token carry, computed once per token and origin.

This is the hot path. A warm request calls `Readiness.now()`, looks up its place in `signatures`, and is sent.
"""

from collections.abc import Hashable
from functools import partial
from typing import Any

from tokenauth._core import stand_in
from tokenauth._core.admission import Admission
from tokenauth._core.cache import MAX_AGE, Held
from tokenauth._core.credential import Credential
from tokenauth._core.signature import Signature
from tokenauth._core.tokens import Tokens

_MOST_PLACES = 64


class Ready:
    """One token that needs no renewal before *until* (monotonic seconds) and *wall_until* (Unix seconds).

    Attributes:
        signatures: what a request carries, by its place: any hashable that stands for the request's origin and for no
            other, in the form in which an adapter has it at hand.
    """

    __slots__ = ("held", "signatures", "token", "until", "wall_until")

    def __init__(self, held: Held, signatures: dict[Hashable, Any] | None = None) -> None:
        self.held = held
        self.token = held.token
        self.wall_until = held.wall_until
        self.until = min(held.refresh_from, held.since + MAX_AGE)
        self.signatures: dict[Hashable, Signature] = {} if signatures is None else signatures

    def learn(self, place: Hashable, signature: Signature) -> None:
        """Remember what requests to *place* carry."""
        if len(self.signatures) >= _MOST_PLACES:
            self.signatures.clear()
        self.signatures[place] = signature


class Readiness:
    """Whether a credential's token can be sent as it is. One for each auth object."""

    def __init__(self, credential: Credential, tokens: Tokens, admission: Admission) -> None:
        self._credential = credential
        self._tokens = tokens
        self._admission = admission
        self._ready: Ready | None = None

    def now(self) -> Ready | None:
        """Return what requests carry now; None if a token must be obtained first."""
        if self._tokens.watches:
            self._tokens.watch()
        held = self._tokens.cell.held
        ready = self._ready
        if ready is None or ready.held is not held:
            held = held or self._tokens.held()
            if held is None or stand_in.current is not None:  # which is to be told of each request
                return None
            ready = self._ready = Ready(held, self._told_of(held))
        clock = self._credential.clock
        return ready if clock.monotonic() < ready.until and clock.wall() < ready.wall_until else None

    def _told_of(self, held: Held) -> dict[Hashable, Any] | None:
        """Return where signatures are kept if each use of one counts."""
        if self._credential.on_event is None and held.last_use is None:
            return None
        from tokenauth._core.events import Told  # noqa: PLC0415  (most programs never ask)

        return Told(partial(self._tokens.used, held))
