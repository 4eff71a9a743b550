"""The sandbox's state: tokens, counters and knobs of each provider.

Two rules. It changes only on the event loop, between two awaits, so plain code is atomic. And tokens expire by
the injected clock, never by the skewed one: the skew is what a wrong clock *tells*, not what the server believes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from anyio import CancelScope

Clock = Callable[[], float]
"""Returns the time in Unix seconds."""

DAY: Final = 86_400.0
PROVIDERS: Final = ("manis", "atrip", "platform", "oauth")
LIFETIMES: Final[Mapping[str, float]] = {"manis": 3600.0, "atrip": 1800.0, "platform": 14 * DAY, "oauth": 3600.0}
EXPIRES: Final = ("s", "ms", "us", "iso", "digits", "digits_ms", "garbage")
ERRORS: Final = ("auto", "fields", "problem", "message")
FAILURES: Final = ("status", "drop", "cut", "garbage", "empty")
COUNTERS: Final = (
    "token_calls",  # token calls that arrived, whatever became of them
    "logins",  # token calls that gave a token
    "refused",  # token calls turned down: wrong secret, wrong form
    "failed",  # token calls spoilt by the `failures` knob
    "api_200",  # protected API: token accepted
    "api_401",  # protected API: token missing, wrong, expired, revoked
    "api_refused",  # ATRIP's API: HTTP 200 with status 3
    "portal_200",  # ATRIP's portal
    "portal_401",
)


class KnobError(ValueError):
    """A knob that doesn't exist, or an invalid value for it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What the next *count* token calls answer instead of a token.

    Attributes:
        count: how many token calls.
        kind: ``status`` answers *status* with a short JSON body; ``drop`` closes the connection without an
            answer; ``cut`` closes it in the middle of the body; ``garbage`` and ``empty`` answer 200 with
            such a body.
        status: the HTTP status; ATRIP answers HTTP 200 with this ``status`` in the body if *business* is set.
        retry_after: seconds, or an HTTP date as text, for the ``Retry-After`` header.
        location: for the ``Location`` header.
    """

    count: int
    kind: Literal["status", "drop", "cut", "garbage", "empty"] = "status"
    status: int = 503
    business: bool = False
    retry_after: float | str | None = None
    location: str | None = None


@dataclass(kw_only=True)
class Knobs:
    """How a provider behaves. Every provider has all knobs; some read only a few.

    Attributes:
        lifetime: seconds that a token lives from its issue.
        latency: seconds that a token call takes before it is looked at.
        skew: seconds by which the server's clock is wrong, in ``Date`` and in absolute expiries alike.
        failures: what the next token calls answer instead of a token.
        answer: fields that replace those of a token answer; null removes one.
        secret: the only secret accepted from now on, in place of the one in `credentials`; null restores
            that.
        expires: Manis: how ``expiresAt`` is written: s, ms, us, iso, digits, digits_ms, garbage.
        errors: Manis: ``fields`` (six), ``problem`` (six, as application/problem+json), ``message`` (two), or
            ``auto``: six for 400 and two for 401.
        link: ATRIP: where the link carries the token: query or fragment.
        require_basic: Platform: refuse a login without Basic Authorization.
    """

    lifetime: float = 3600.0
    latency: float = 0.0
    skew: float = 0.0
    failures: Failure | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    secret: str | None = None
    expires: str = "s"
    errors: str = "auto"
    link: str = "query"
    require_basic: bool = False


@dataclass(frozen=True)
class Grant:
    """A live token's owner and end, in Unix seconds of the sandbox's clock."""

    user: str
    expires_at: float


class ProviderState:
    """Tokens, counters and knobs of one provider."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.delayed: set[CancelScope] = set()
        self.reset()

    def reset(self) -> None:
        """Forget every token, set the counters to zero and the knobs to their defaults.

        Calls that `latency` delays end with a 503: a login that comes later would discard the tokens of the next test.
        """
        for each in self.delayed:
            each.cancel()
        self.knobs = Knobs(lifetime=LIFETIMES[self.name])
        self.tokens: dict[str, Grant] = {}
        self.counts: dict[str, int] = dict.fromkeys(COUNTERS, 0)

    def told_time(self) -> float:
        """Return the time that the server tells, in Unix seconds: the clock's plus the skew."""
        return self.clock() + self.knobs.skew

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def issue(self, user: str, *, size: int = 24) -> str:
        """Return a new token of *size* random bytes for *user*, and count a login."""
        token = secrets.token_urlsafe(size)
        self.tokens[token] = Grant(user, self.clock() + self.knobs.lifetime)
        self.count("logins")
        return token

    def accepts(self, token: str | None) -> bool:
        """Tell whether *token* was issued, is not revoked and has not expired."""
        grant = self.tokens.get(token) if token else None
        return grant is not None and self.clock() < grant.expires_at

    def revoke(self, user: str | None = None) -> None:
        """Forget the tokens of *user*, or of everyone."""
        self.tokens = {t: g for t, g in self.tokens.items() if user is not None and g.user != user}

    def secret_matches(self, given: str, secret: str) -> bool:
        """Compare *given* with *secret*, or with the `secret` knob."""
        return given == (secret if self.knobs.secret is None else self.knobs.secret)

    def next_failure(self) -> Failure | None:
        """Return what this token call must fail with, and count it off."""
        failure = self.knobs.failures
        if failure is None:
            return None
        left = failure.count - 1
        self.knobs.failures = replace(failure, count=left) if left > 0 else None
        self.count("failed")
        return failure

    def turn(self, values: Mapping[str, Any]) -> None:
        """Set knobs from JSON *values*; ``{"revoke": true}`` drops all tokens.

        Raises:
            KnobError: an unknown knob or a value of the wrong kind; nothing is changed then.
        """
        checked = {name: _checked(name, value) for name, value in values.items()}
        if checked.pop("revoke", False):
            self.revoke()
        for name, value in checked.items():
            setattr(self.knobs, name, value)

    def as_json(self) -> dict[str, int]:
        return {**self.counts, "live_tokens": sum(map(self.accepts, self.tokens))}


class State:
    """Everything that the sandbox remembers."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.providers = {name: ProviderState(name, clock) for name in PROVIDERS}

    def __getitem__(self, name: str) -> ProviderState:
        return self.providers[name]

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return the counters by provider and name, and how many tokens are live."""
        return {name: provider.as_json() for name, provider in self.providers.items()}


def _checked(name: str, value: Any) -> Any:
    """Return the knob's *value* as it is stored."""
    check = _CHECKS.get(name)
    if check is None:
        raise KnobError(f"no knob {name!r}; there are: {', '.join(sorted(_CHECKS))}")
    if name == "failures" and value:
        return _failure(value)
    if not check(value):
        raise KnobError(f"knob {name!r} does not take this value")
    return None if name == "failures" else value


def _failure(value: Any) -> Failure:
    try:
        failure = Failure(**value)
    except TypeError:
        raise KnobError(f"failures takes: {', '.join(f.name for f in fields(Failure))}") from None
    if failure.kind not in FAILURES or not isinstance(failure.count, int) or failure.count < 1:
        raise KnobError(f"failures needs a count from 1 and a kind out of: {', '.join(FAILURES)}")
    return failure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "revoke": lambda v: isinstance(v, bool),
    "lifetime": _is_number,
    "latency": lambda v: _is_number(v) and v >= 0,
    "skew": _is_number,
    "failures": lambda v: v is None,
    "answer": lambda v: isinstance(v, dict),
    "secret": lambda v: v is None or isinstance(v, str),
    "expires": EXPIRES.__contains__,
    "errors": ERRORS.__contains__,
    "link": ("query", "fragment").__contains__,
    "require_basic": lambda v: isinstance(v, bool),
}
