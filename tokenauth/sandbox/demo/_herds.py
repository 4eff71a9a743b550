"""Crowds that want a token at the same moment: cold, and again at once after a revocation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import Case, Counts
from tokenauth.sandbox.demo._clients import Answer, Call, Client, Script

LATENCY: Final = 0.2
"""Seconds that a token call takes while a crowd waits for it."""

Outcome = str
"""How a caller fared: "200", another status, or the name of an error."""


@dataclass(frozen=True)
class Fared:
    """How a crowd fared.

    Attributes:
        outcomes: how the callers fared, and how many of them so.
        counted: by the server.
        seconds: from the start to the last caller's answer.
        error: the text of one of tokenauth's errors, "" if there was none.
    """

    outcomes: dict[Outcome, int]
    counted: Counts
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class HerdResult:
    """What a crowd came to.

    Attributes:
        size: how many callers.
        cold: True without any token, False at once after a revocation.
        counted: by the server.
        outcomes: how the callers fared, and how many of them so.
        seconds: from the start to the last caller's answer.
    """

    provider: str
    crowd: str
    size: int
    cold: bool
    counted: Counts
    outcomes: dict[Outcome, int]
    seconds: float

    @property
    def expected_unauthorized(self) -> tuple[int, int]:
        """Least and most 401s: after a revocation one caller meets one, and all may meanwhile."""
        return (0, 0) if self.cold else (1, self.size)

    @property
    def ok(self) -> bool:
        least, most = self.expected_unauthorized
        counted = self.counted
        right = (counted.logins, counted.ok, counted.refused) == (1, self.size, 0)
        return right and least <= counted.unauthorized <= most and self.outcomes == {"200": self.size}


def run_herds(case: Case, sandbox: Sandbox, crowds: Sequence[tuple[Client, int]]) -> list[HerdResult]:
    """Return what *crowds* came to, each of so many callers."""
    results: list[HerdResult] = []
    sandbox.knobs(case.provider, latency=LATENCY)
    for crowd, size in crowds:
        auth, name = case.login(sandbox, None), f"{size} {crowd.callers}, {crowd.name}"
        auth.invalidate()
        for cold in (True, False):
            if not cold:
                sandbox.knobs(case.provider, revoke=True)
            fared = gather(case, sandbox, partial(crowd.crowd, auth), size)
            results.append(HerdResult(case.title, name, size, cold, fared.counted, fared.outcomes, fared.seconds))
    sandbox.knobs(case.provider, latency=0)
    return results


def gather(
    case: Case, sandbox: Sandbox, crowd: Callable[[Sequence[Script]], Sequence[Exception | None]], size: int
) -> Fared:
    """Return how *size* callers fared that get the resource of *case* at the same moment; *crowd* plays scripts."""
    answers: list[Answer] = []
    url, before, start = case.url(sandbox), case.counts(sandbox), time.monotonic()
    errors = crowd([_get(url, answers) for _ in range(size)])
    seconds = time.monotonic() - start
    failures: list[Any] = [answer.error for answer in answers if answer.error is not None]
    outcomes = Counter(str(answer.status) for answer in answers if answer.error is None)
    outcomes += Counter(type(error).__name__ for error in (*failures, *filter(None, errors)))
    error = f"{type(failures[0]).__name__}: {failures[0]}" if failures else ""
    return Fared(dict(outcomes), case.counts(sandbox) - before, seconds, error)


def _get(url: str, answers: list[Answer]) -> Script:
    answers.append((yield Call("GET", url)))
