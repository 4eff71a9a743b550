"""Ready: what requests with one token carry, computed once per token and origin.

This is the hot path. A warm request calls `Readiness.now()`, looks up its place in `signatures`, and is sent.
"""

import time
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from tokenauth._core import stand_in
from tokenauth._core.cache import MAX_AGE, Cell, Held
from tokenauth._core.clock import monotonic_now, wall_now
from tokenauth._core.credential import Credential
from tokenauth._core.signature import Signature
from tokenauth._core.tokens import Tokens

_MOST_PLACES = 64
_NONE: Mapping[Hashable, Signature] = {}


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
    """Whether a credential's token can be sent as it is. One for each auth object.

    Attributes:
        static: what a request carries where it needs no token, by its place; see `Ready.signatures`.
    """

    def __init__(self, credential: Credential, tokens: Tokens) -> None:
        self._credential = credential
        self._tokens = tokens
        self._watches = tokens.watches
        self._cell: Cell | None = None
        self._ready: Ready | None = None
        self.static: Mapping[Hashable, Signature] = _NONE

    def now(self) -> Ready | None:
        """Return what requests carry now; None if a token must be obtained first."""
        if self._watches:
            self._tokens.watch()
        cell, ready = self._cell, self._ready
        if cell is None:
            cell = self._cell = self._tokens.cell
        held = cell.held
        if ready is None or ready.held is not held:
            held = held or self._tokens.held()
            if held is None or stand_in.current is not None:  # which is to be told of each request
                return None
            ready = self._ready = Ready(held, self._told_of(held))
        clock = self._credential.clock
        if clock.monotonic is monotonic_now and clock.wall is wall_now:  # what they do, without two calls
            return ready if time.monotonic() < ready.until and time.time() < ready.wall_until else None
        return ready if clock.monotonic() < ready.until and clock.wall() < ready.wall_until else None

    def learn(self, place: Hashable, signature: Signature) -> None:
        """Remember what requests to *place* carry without a token."""
        known = self.static if len(self.static) < _MOST_PLACES else _NONE
        self.static = {**known, place: signature}  # one that is read meanwhile stays as it is

    def forget(self) -> None:
        """Work out again what requests carry without a token."""
        self.static = _NONE

    def _told_of(self, held: Held) -> dict[Hashable, Any] | None:
        """Return where signatures are kept if each use of one counts."""
        if self._credential.on_event is None and held.last_use is None:
            return None
        from tokenauth._core.events import Told  # noqa: PLC0415  (most programs never ask)

        return Told(partial(self._tokens.used, held))
