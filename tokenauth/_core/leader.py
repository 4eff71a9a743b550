"""Leader: the caller that fetches a token for all who wait. It makes the effects that it yields."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tokenauth._core.effects import Ask, Call, Exchange
from tokenauth._core.errands import Errand
from tokenauth._core.flights import Flight
from tokenauth._core.messages import TokenRequest
from tokenauth._core.source import Source


class Leader(NamedTuple):
    """A caller that leads *flight*, and has until *deadline* (monotonic seconds)."""

    source: Source
    flight: Flight
    deadline: float

    def call(self, function: Callable[[], Any], *what: str) -> Call:
        """Return the effect that calls *function*, which blocks where building a token request does; see `Call`."""
        return Call(function, self.flight, self.deadline, self.source.logins.blocks, *what)

    def exchange(self, request: TokenRequest | Errand) -> Exchange:
        """Return the effect that performs *request*."""
        return Exchange(request, self.flight, self.deadline, self.source.provider.token_url)

    def ask(self, ask: Ask) -> Ask:
        """Return *ask* for what time is left."""
        left = max(min(ask.seconds, self.deadline - self.source.now()), 0.0)
        return ask._replace(flight=self.flight, seconds=left)
