"""Source: a provider with its cache, its flights and the user's options. It answers every question of the flow.

Law: no I/O and no waiting here; the clock is an argument.
"""

import logging
import math
import random
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from tokenauth._core import errors
from tokenauth._core.admission import Admission
from tokenauth._core.cache import PROCESS_CACHE, REFUSED, SPENT, Held, TokenCache, digest
from tokenauth._core.clock import SYSTEM, Clock
from tokenauth._core.cooldown import COOLDOWNS, Cooldowns
from tokenauth._core.dating import as_answered, dated
from tokenauth._core.effects import Ask, Reply, TokenRequest, check_headers
from tokenauth._core.flights import FLIGHTS, Flight, Flights
from tokenauth._core.provider import where
from tokenauth._core.record import Record
from tokenauth._core.secrets import Unshown, each_read_once
from tokenauth._core.token import Token, problem_of

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

TRIES = 3


@dataclass(frozen=True, slots=True)
class Event:
    """What `on_event` is called with.

    Attributes:
        kind: "fetched", "failed" or "rejected" (a 401 on the token).
        provider: the provider's name.
        fingerprint: of the token, where there is one; see `Token.fingerprint`.
        error: the failure, where it is one.
    """

    kind: str
    provider: str
    fingerprint: str | None = None
    error: Exception | None = None


class Shelf(Protocol):
    """This credential's place in a store that processes share. Each method but the last returns the effect to yield."""

    def load(self, lease: Any = None, /) -> Ask: ...  # → what is there (Record), or None

    def acquire(self) -> Ask: ...  # → the fleet's lease on logging in, or None where another process has it

    def save(self, record: Record, lease: Any, /) -> Ask: ...  # → whether the fleet has been told

    def release_soon(self, lease: Any, /) -> None: ...


@dataclass(eq=False)
class Source(Admission):
    """See `Options` for what each is; leeway and timeout are in seconds."""

    leeway: float = 30.0
    timeout: float = 10.0
    on_event: Callable[[Event], object] | None = None
    cache: TokenCache = field(default_factory=lambda: PROCESS_CACHE)
    flights: Flights = field(default_factory=lambda: FLIGHTS)
    cooldowns: Cooldowns = field(default_factory=lambda: COOLDOWNS)
    shelf: Shelf | None = None
    clock: Clock = SYSTEM
    uniform: Callable[[float, float], float] = random.uniform

    def __post_init__(self) -> None:
        super().__post_init__()
        _checked_seconds("leeway", self.leeway, least=0.0)
        _checked_seconds("timeout", self.timeout, least=0.001)
        if self.on_event is not None and not callable(self.on_event):
            raise TypeError("on_event must be callable")
        provider = self.provider
        secrets = provider.secrets
        kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
        static = tuple(secret.identity for secret in secrets if not secret.dynamic)
        dynamic = tuple(secret for secret in secrets if secret.dynamic)  # its repr shows nothing of the callable
        self._mark = digest(kind, provider.identity, static)
        self.key = (self._mark, *dynamic) if dynamic else self._mark
        self._since = -math.inf  # what a store was told before this doesn't count: `invalidate()`

    # which token is good

    def held(self) -> Held | None:
        return self.cache.get(self.key)

    def fresh(self) -> Token | None:
        """Return the cached token where nothing need be done about it: the hot path."""
        held = self.cache.get(self.key)
        return held.token if held is not None and self.clock.monotonic() < held.refresh_from else None

    def usable(self, rejected: Token | None) -> Held | None:
        """Return what is cached where it may be sent: not expired, and not the token that a 401 came back for."""
        held = self.held()
        if held is None or (rejected is not None and held.token.value == rejected.value):
            return None
        return held if self.clock.monotonic() < held.usable_until else None

    def due(self, held: Held) -> bool:
        """Whether *held* should be refreshed though it is still good, and no failure is cooling down."""
        now = self.clock.monotonic()
        return now >= held.refresh_from and self.cooldowns.failure(self.key, now) is None

    # who fetches

    def postpone(self, held: Held) -> None:
        """Let the next refresh of *held* be due later: the one that was under way has been cancelled."""
        later = self.clock.monotonic() + self.timeout
        self.cache.replace(self.key, replace(held, refresh_from=min(later, held.usable_until)))

    def flight(self, rejected: Token | None = None) -> Flight:
        """Return a flight that is to be entered, and then may `join`."""
        return Flight(self.flights, self.key, self.clock.monotonic() + 2 * self.timeout, rejected)

    def join(self, fresh: Flight) -> Flight:
        """Return the flight that is under way for this credential: *fresh* itself where there was none."""
        return self.flights.join(fresh, self.clock.monotonic())

    def solo(self) -> Flight:
        """Return a flight that nobody can join."""
        return Flight(self.flights, object(), math.inf)

    def deadline(self) -> float:
        return self.clock.monotonic() + self.timeout

    def past(self, deadline: float) -> bool:
        return self.clock.monotonic() >= deadline

    def late(self, deadline: float) -> bool:
        """Whether what is left until *deadline* is too little to begin anything."""
        return self.past(deadline - self.timeout / 10)

    # the token call

    @property
    def blocks(self) -> bool:
        """Whether to build a token request may block: a secret is read by a callable."""
        return any(secret.dynamic for secret in self.provider.secrets)

    def spend(self, rejected: Token | None, saved: Record | None) -> tuple[Token | None, str | None]:
        """Return the token to be replaced, and its refresh token where it has not been used yet (RFC 6749 §10.4).

        With a store that is the one that the fleet has *saved*, or none: another process may have used ours.
        """
        held = self.held()
        before = held.token if held is not None else rejected
        told = saved.token if saved is not None else None
        newest = told if self.shelf is not None else before
        before = newest or before
        refresh_token = newest.refresh_token if newest is not None and self.provider.refreshes else None
        if refresh_token is None or not SPENT.add(self._mark, refresh_token):
            return before, None
        return before, Unshown(refresh_token)

    def prepare(self, refresh_token: str | None) -> tuple[TokenRequest, str]:
        """Return the token request, and a mark that changes with the secrets in it."""
        try:
            with each_read_once():
                mark = digest(*(secret.reveal() for secret in self.provider.secrets))
                request = self.provider.request(refresh_token)
            check_headers(request)
            return request, mark
        except Exception as error:
            failure = self._cleaned(error, errors.TokenAuthError, "building the token request")
        raise failure

    def replay(self, secrets: str) -> None:
        """Raise the failure that is cooling down for these secrets, if there is one."""
        failure = self.cooldowns.failure(self.key, self.clock.monotonic(), secrets)
        if failure is not None:
            raise failure

    @staticmethod
    def may_pass(failure: Exception) -> bool:
        """Whether *failure* is one of the endpoint or the network, which another try may not meet."""
        return bool(getattr(failure, "retryable", False))

    def pause(self, failure: Exception, tries: int, deadline: float, secrets: str) -> float | None:
        """Return the seconds to wait before the next try after *failure*, or None to give up."""
        if tries >= TRIES or not self.may_pass(failure):
            return None
        if self.cooldowns.failure(self.key, self.clock.monotonic(), secrets) is not None:
            return None  # it is a replay of that one
        pause = getattr(failure, "retry_after", None)
        if pause is None:
            pause = self.uniform(0.05, 0.1) * 3 ** (tries - 1)
        return pause if self.clock.monotonic() + pause < deadline else None

    def cool(self, failure: Exception, flight: Flight) -> None:
        """Let the *failure* of a login count for a while, and for all who wait. Then tell of it, once.

        What never reached the endpoint doesn't count.
        """
        now = self.clock.monotonic()
        known = errors.CredentialsRejected, errors.TokenEndpointError
        news = None
        if isinstance(failure, known) and self.cooldowns.failure(self.key, now, flight.mark) is None:
            news = failure
            self.cooldowns.start(self.key, failure, now, flight.mark)
        flight.fail(failure)  # before anybody is told, who might ask for a token
        if news is not None:
            text, name = str(failure), self.provider.name
            log.warning("%s", text if text.startswith(name) else f"{name}: {text}")
            self.emit(Event("failed", self.provider.name, error=failure))

    # the answer

    def accept(self, reply: Reply, before: Token | None, refresh_token: str | None, *, keep: bool) -> Held:
        """Return what *reply* brings, and *keep* it. *before*: the token that it replaces, by *refresh_token*."""
        token = self._read(reply if refresh_token is None else replace(reply, secrets=(refresh_token,)))
        if refresh_token is not None and token.refresh_token is None:  # the old one stays good, RFC 6749 §6
            token = replace(token, refresh_token=refresh_token)
        SPENT.discard(self._mark, token.refresh_token)  # a server may hand out the same one again
        held = self.dated(token, reply, before)
        self.cooldowns.clear(self.key)
        lifetime, name, print_ = held.token.lifetime, self.provider.name, held.token.fingerprint
        stated = "unknown" if lifetime is None else f"{round(lifetime)} s"
        log.info("%s: token %s fetched, lifetime %s", name, print_, stated)
        if self.clock.monotonic() >= held.usable_until:
            log.warning("%s: token %s had expired on arrival; it is used once. Is a clock wrong?", name, print_)
        elif keep:
            REFUSED.discard(self._mark, token.value)  # a server may hand out the same one until its end
            self.cache.put(self.key, held)
        self.emit(Event("fetched", name, print_))
        return held

    def salvage(
        self,
        flight: Flight,
        old: Held | None,
        before: Token | None,
        refresh_token: str | None,
        reply: Callable[[], Reply],
        *,
        keep: bool,
    ) -> None:
        """Make of the answer what can be made of it, for whoever comes next: the leader of *flight* was cancelled.

        Nothing, where a newer token is held by now than the *old* one, which was when this was asked for.
        """
        held = self.held()
        if held is not None and (old is None or old.token.value != held.token.value):
            return
        try:
            self.accept(reply(), before, refresh_token, keep=keep)
        except Exception as failure:
            self.cool(failure, flight)

    def dated(self, token: Token, reply: Reply, before: Token | None) -> Held:
        """Return *token* as it is to be held, with its times. *before*: the token that it replaces."""
        soft = not self.provider.discards_older  # else a refresh would end a token that others still send
        return dated(token, reply, before, leeway=self.leeway, soft=soft, uniform=self.uniform)

    def _read(self, reply: Reply) -> Token:
        try:
            return self._checked(self.provider.read(reply), reply)
        except Exception as error:
            what = f"reading the answer of {where(self.provider)}"
            failure = self._cleaned(error, errors.TokenResponseError, what, status=reply.status)
        raise failure

    def _cleaned(
        self, problem: Exception, kind: "type[TokenAuthError]", what: str, **evidence: Any
    ) -> "TokenAuthError":
        """Return the error to raise for *problem*, without the frames, the cause and the text that hold secrets.

        It is to be raised outside of any `except` block, or it would be chained after all.
        """
        if isinstance(problem, errors.TokenAuthError):
            problem.__cause__ = problem.__context__ = problem.__traceback__ = None
            return problem
        place = traceback.extract_tb(problem.__traceback__)[-1]
        at = f"{type(problem).__name__} ({PurePath(place.filename).name}, line {place.lineno})"
        return kind(f"{self.provider.name}: {what} raised {at}", **evidence)

    def _checked(self, token: Token, reply: Reply) -> Token:
        name = self.provider.name
        problem = problem_of(token)
        if problem:
            text = f"{name}: {where(self.provider)} answered with an unusable token: {problem}. Check the URL"
            raise errors.TokenResponseError(text, status=reply.status)
        return token

    # what processes share

    def record(self, outcome: Held | Exception) -> Record:
        """Return what to tell the fleet of a login: the token, or that the credentials were rejected."""
        now = self.clock.wall()
        return Record.of_token(outcome.token, now) if isinstance(outcome, Held) else Record.of_rejection(outcome, now)

    def lease_waits(self) -> Iterator[float]:
        """Return the pauses between two looks at the store: 50 ms, doubling to half a second, ± 50 %."""
        pause = 0.05
        while True:
            yield self.uniform(0.5, 1.5) * pause
            pause = min(2 * pause, 0.5)

    def adopt(self, record: Record | None, rejected: Token | None) -> Held | None:
        """Return the token in *record* where it is good, and keep it. Raise the rejection that it tells of."""
        now = self.clock.wall()
        since = min(self._since, now)  # this machine's clock may have been set back
        if record is None or record.saved_at < since or now >= record.until:
            return None
        if record.failure is not None:
            raise errors.CredentialsRejected(**record.failure)
        if record.token is None or (rejected is not None and record.token.value == rejected.value):
            return None
        if REFUSED.has(self._mark, record.token.value):
            return None
        token, as_fetched = as_answered(record.token, now, self.clock.monotonic())
        held = replace(self.dated(token, as_fetched, None), token=record.token)
        if self.clock.monotonic() >= held.usable_until:
            return None
        self.cache.put(self.key, held)
        log.info("%s: token %s comes from the store", self.provider.name, held.token.fingerprint)
        return held

    def outdate(self, held: Held) -> None:
        """Believe nothing that was saved before *held* was asked for, which could not be saved: it is older."""
        self._since = max(self._since, self.clock.wall() - (self.clock.monotonic() - held.since))

    @staticmethod
    def is_rejection(failure: Exception) -> bool:
        return isinstance(failure, errors.CredentialsRejected)

    # dropping

    def reject(self, token: Token) -> None:
        """Take *token* out of the cache, and no newer one: a 401 came back for it."""
        REFUSED.add(self._mark, token.value)
        held = self.cache.drop(self.key, token.value)
        if held is None:
            return
        name = self.provider.name
        log.info("%s: token %s was rejected", name, token.fingerprint)
        if self.cooldowns.contested(self.key, self.clock.monotonic(), self.clock.monotonic() - held.since):
            hint = "" if self.shelf else "; let the processes share one token: store="
            text = "%s: fresh tokens are rejected again and again. Perhaps another process logs in with the same"
            log.warning(f"{text} credentials, and each login ends the other's token{hint}", name)
        self.emit(Event("rejected", name, token.fingerprint))

    def invalidate(self) -> None:
        self._since = self.clock.wall()
        self.cache.drop(self.key)
        self.cooldowns.clear(self.key)

    def emit(self, event: Event) -> None:
        if self.on_event is not None:
            try:
                self.on_event(event)
            except Exception:
                log.exception("on_event raised")


def _checked_seconds(name: str, value: object, *, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not least <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of seconds, at least {least:g}")
