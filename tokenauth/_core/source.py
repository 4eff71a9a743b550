"""Source: answers everything that the flow asks. Its own logic is only who fetches, and until when.

    credential   whose tokens these are
    admission    which request may carry the token, and how
    tokens       which token is valid
    logins       what a login returns
    fleet        what the processes that share a store know

Law: no I/O and no waiting here; the clock is an argument.
"""

import logging
import math
from collections.abc import Hashable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tokenauth._core import stand_in
from tokenauth._core.admission import Admission
from tokenauth._core.clock import SYSTEM, Clock
from tokenauth._core.credential import Credential
from tokenauth._core.futility import Refusal
from tokenauth._core.memory import PROCESS, Memory
from tokenauth._core.provider import Provider, presented
from tokenauth._core.ready import Readiness, Ready
from tokenauth._core.secrets import check_plain
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._core.tokens import Tokens

if TYPE_CHECKING:  # needed when there is no token: making an auth object must not wait for them
    from tokenauth._core.events import OnEvent
    from tokenauth._core.fleet import Fleet
    from tokenauth._core.flights import Flight, Flights
    from tokenauth._core.logins import Logins

log = logging.getLogger("tokenauth")


class Source:
    """The parts of one auth object. See `Options` for the options; leeway and timeout are in seconds."""

    def __init__(
        self,
        provider: Provider,
        *,
        leeway: float = 30.0,
        timeout: float = 10.0,
        on_event: "OnEvent | None" = None,
        memory: Memory = PROCESS,
        clock: Clock = SYSTEM,
        client: object = None,
        **admission: Any,
    ) -> None:
        self.admission = check(provider, leeway=leeway, timeout=timeout, on_event=on_event, **admission)
        allow_http = self.admission.allow_http
        self.credential = Credential(
            provider, leeway, timeout, on_event, allow_http=allow_http, memory=memory, clock=clock, client=client
        )
        self.admission.tell, self.admission.note = self.credential.emit, self._note
        self.tokens = Tokens(self.credential)
        self.readiness = Readiness(self.credential, self.tokens)
        self.ready = self.readiness.now
        self.provider = provider

    @cached_property
    def logins(self) -> "Logins":
        from tokenauth._core.logins import Logins  # noqa: PLC0415  (see above)

        return Logins(self.credential, self.tokens)

    @cached_property
    def fleet(self) -> "Fleet":
        from tokenauth._core.fleet import Fleet  # noqa: PLC0415  (see above)

        return Fleet(self.credential, self.tokens, self.logins)

    @property
    def flights(self) -> "Flights":
        memory = self.credential.memory if self.provider.brought is None else PROCESS  # else one would be used twice
        return memory.flights

    # who fetches

    def flight(self, rejected: Token | None = None) -> "Flight":
        """Return a flight to enter, and then to `join`."""
        rejected = rejected or self.tokens.refused
        return self.flights.flight(self.tokens.key, self.now() + 2 * self.credential.timeout, rejected)

    def join(self, fresh: "Flight") -> "Flight":
        """Return the flight that is under way for this credential: *fresh* itself if there was none."""
        return self.flights.join(fresh, self.now())

    def solo(self) -> "Flight":
        """Return a flight that nobody can join."""
        return self.flights.flight(object(), math.inf)

    # and until when

    def now(self) -> float:
        """Return the monotonic seconds."""
        return self.credential.clock.monotonic()

    def deadline(self) -> float:
        return self.now() + self.credential.timeout

    def past(self, deadline: float) -> bool:
        return self.now() >= deadline

    def slept(self, since: float) -> bool:
        """Whether this machine was suspended after *since* (Unix seconds), so that a lease of then has ended."""
        return self.credential.wall() - since > self.credential.timeout

    def late(self, deadline: float) -> bool:
        """Whether the time left until *deadline* is too short to start anything."""
        return self.past(deadline - self.credential.timeout / 10)

    # what concerns several parts

    def learn(self, ready: Ready | None, place: Hashable, signature: Signature) -> None:
        """Remember that requests to *place* carry *signature* while *ready* is; see `Ready`."""
        if ready is not None:
            self.tokens.slide(ready.held)
            if self.admission.steady:
                ready.learn(place, signature)

    def _note(self, signature: Signature) -> None:
        self.credential.memory.given.note(self.credential.mark, signature)

    def given(self, headers: Iterable[tuple[str, str]], url: str) -> Signature:
        """Return what a request with *headers* to *url* carries of this credential, of an older token, too."""
        return self.credential.memory.given.on(self.credential.mark, headers, url)

    def learn_static(self, place: Hashable, signature: Signature) -> None:
        """Remember that requests to *place* carry *signature*, which needs no token, if it is the same each time."""
        if self.provider.steady and not self.logins.blocks and stand_in.current is None:
            self.credential.memory.learned.add(self.readiness)
            self.readiness.learn(place, signature)

    def renews(self, token: Token, place: str) -> bool:
        """Whether a 401 on *token* at *place*, as `Futility` means it, should lead to a renewal."""
        held = self.tokens.held()
        renewed = held is not None and held.token.value != token.value  # by somebody else: it costs no login
        return renewed or self.credential.futility.allows(place, self.now())

    def ended(self, place: str, *, refused: bool) -> None:
        """A request to *place* has ended, after a renewal or without one: it was *refused*, or served."""
        if refused:
            self.renewed_in_vain(place)
        elif self.credential.futility.watching:
            self.credential.futility.served(place)

    def renewed_in_vain(self, place: str) -> None:
        """A request to *place* was refused with a new token, too."""
        if self.credential.futility.refused(place, self.now()):
            text = "%s: %s refuses a new token, too. The API may want the token in another header or scheme"
            text += f" ({presented(self.provider)}), or this account may not use that address"
            log.warning(text, self.provider.name, place)

    def learn_refusal(self, token: Token, place: str, before: Refusal | None = None) -> Refusal | None:
        """A 401 on *token* has come from *place*: drop the token. This comes before anything that may take time, for
        the caller may leave, or get an exception. *before*: see `Refusal`.

        Return what to hold until the next answer is there; None where a new token would not help.
        """
        held = self.tokens.held()
        since = held.since if held is not None and held.token.value == token.value else None
        refusal = self.credential.futility.met(place, since, self.now())
        if refusal is None:
            self.renewed_in_vain(place)
            return None
        if not self.renews(token, place):
            return None
        self.reject(token)
        refusal.before = before
        return refusal

    def is_last(self, token: Token, refusal: Refusal) -> bool:
        """Whether the caller gets the next refusal, once the request has been sent again with *token* after *refusal*.

        One older than *refusal* says nothing of renewals (see `Futility`): then there is one more try, but no third.
        """
        held = self.tokens.held()
        is_newer = held is None or held.token.value != token.value or refusal.at <= held.since
        return is_newer or refusal.before is not None

    def invalidate(self) -> None:
        """Drop the token, forget failures, and let a login under way count for nobody who comes later."""
        self.flights.outdate(self.tokens.key)
        self.tokens.invalidate()

    def reject(self, token: Token) -> None:
        """Drop *token*, and no newer one: a 401 came back for it."""
        self.tokens.reject(token, shared=self.fleet.shelf is not None)


def check(
    provider: Provider, *, leeway: float = 30.0, timeout: float = 10.0, on_event: "OnEvent | None" = None, **rest: Any
) -> Admission:
    """Raise what is wrong with the options of a source. Return its admission, the *rest* of which it checks."""
    _check_seconds("leeway", leeway, least=0.0)
    _check_seconds("timeout", timeout, least=0.001)
    _check_handler(on_event)
    return Admission(provider, **rest)


_MOST = 1e6
"""Seconds, some 11 days: no option means more, and nobody can wait for 50 days on every system."""


def _check_handler(on_event: object) -> None:
    """TypeError where *on_event* can't be called with an event, or nobody would see what calling it brings."""
    if on_event is None:
        return
    if not callable(on_event):
        raise TypeError("on_event must be callable")
    check_plain("on_event", on_event, ". Start a task in it, or put the event into a queue")


def _check_seconds(name: str, value: object, *, least: float) -> None:
    if type(value) is float and least <= value <= _MOST:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not least <= value <= _MOST:
        raise ValueError(f"{name} must be a number of seconds, at least {least:g} and at most {_MOST:.0f}")
