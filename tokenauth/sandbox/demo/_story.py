"""What the demo tells: what happens to many callers, by hand and with tokenauth, step by step as it happens.

The story is a generator of what is to be told. It blocks while callers call; what they do, they do in *threads*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._by_hand import Login, by_hand
from tokenauth.sandbox.demo._cases import MANIS, OAUTH, PLATFORM, Case, manis_login, oauth_login, platform_login
from tokenauth.sandbox.demo._clients import Client, Script
from tokenauth.sandbox.demo._herds import Fared, gather

CALLERS: Final = 64
LATENCY: Final = 0.1
"""Seconds that a token call takes."""
SHORT: Final = 1.0
"""Seconds that a token lives which is to expire."""


@dataclass(frozen=True)
class Chapter:
    """The next scenes: who calls, and whom."""

    title: str


@dataclass(frozen=True)
class Scene:
    """What happens to the callers of a chapter. How they fare by hand comes next, then `Told`."""

    title: str


@dataclass(frozen=True)
class Told:
    """How the callers of a scene fared, by hand and with tokenauth, and whether the latter was as it must be."""

    callers: str
    scene: str
    by_hand: Fared
    tokenauth: Fared
    ok: bool


Step = Chapter | Scene | Fared | Told

Auths = Sequence[Any]
"""An auth object for each crowd; the same one several times, where crowds share one."""


@dataclass(frozen=True)
class _Stage:
    """An API, and the crowds that call it: *size* callers each."""

    title: str
    sandbox: Sandbox
    threads: Executor
    case: Case
    login: Callable[[Sandbox, str | None], Login]
    crowds: Sequence[Client]
    size: int

    def auths(self, secret: str | None = None) -> tuple[Auths, Auths]:
        """Return new auth objects: those by hand, one for each library, and ours, one for all."""
        login, ours = self.login(self.sandbox, secret), self.case.login(self.sandbox, secret)
        libraries = {crowd.library: by_hand(crowd.library, login) for crowd in self.crowds}
        return [libraries[crowd.library] for crowd in self.crowds], [ours] * len(self.crowds)

    def knobs(self, **values: Any) -> None:
        self.sandbox.knobs(self.case.provider, **values)

    def scene(
        self, title: str, both: tuple[Auths, Auths], before: Callable[[Auths], object], *, refused: bool = False
    ) -> Iterator[Step]:
        """Yield how the callers fare after *before*, by hand and with ours; *refused*: as all should be."""
        yield Scene(title)
        naive, ours = both
        by_hand = self._fared(naive, before)
        yield by_hand
        tokenauth = self._fared(ours, before)
        yield Told(self.title, title, by_hand, tokenauth, self._right(tokenauth, refused=refused))

    def _fared(self, auths: Auths, before: Callable[[Auths], object]) -> Fared:
        before(auths)
        return gather(self.case, self.sandbox, partial(self.call, auths), self.size * len(self.crowds))

    def call(self, auths: Auths, scripts: Sequence[Script]) -> list[Exception | None]:
        """Play *scripts*, shared out to the crowds, and return what each raised."""
        count = len(self.crowds)
        calls = [
            self.threads.submit(crowd.crowd, auths[number], scripts[number::count])
            for number, crowd in enumerate(self.crowds)
        ]
        return [error for call in calls for error in call.result()]

    def _right(self, fared: Fared, *, refused: bool) -> bool:
        """Tell whether all was well: one login, or one try, for everybody."""
        everybody, counted = self.size * len(self.crowds), fared.counted
        if refused:
            return fared.outcomes == {"CredentialsRejected": everybody} and (counted.logins, counted.refused) == (0, 1)
        return fared.outcomes == {"200": everybody} and (counted.logins, counted.refused) == (1, 0)


def story(sandbox: Sandbox, threads: Executor, crowds: Sequence[Client], *, size: int = CALLERS) -> Iterator[Step]:
    """Yield the steps of the story with *crowds* of *size* callers each; *threads* has one for each of them."""
    sandbox.knobs(latency=LATENCY)
    for crowd in crowds:
        title = f"{crowd.name}, {size} {crowd.callers}"
        yield from _one_crowd(_Stage(title, sandbox, threads, MANIS, manis_login, [crowd], size))
    title = "a request from each client, one object of tokenauth for all"
    yield from _all_clients(_Stage(title, sandbox, threads, OAUTH, oauth_login, crowds, 1))
    title = f"{crowds[0].name}, {size} {crowds[0].callers}, an API where each login ends the one before"
    yield from _one_token_at_a_time(_Stage(title, sandbox, threads, PLATFORM, platform_login, crowds[:1], size))
    sandbox.knobs(latency=0)


def _one_crowd(stage: _Stage) -> Iterator[Step]:
    yield Chapter(stage.title)
    both, wrong = stage.auths(), stage.auths(f"wrong-{stage.crowds[0].name}-secret")
    yield from stage.scene("all start at once", both, _forget)
    yield from stage.scene("the server forgets the token", both, lambda _: stage.knobs(revoke=True))
    yield from stage.scene("the password is wrong", wrong, _forget, refused=True)


def _all_clients(stage: _Stage) -> Iterator[Step]:
    yield Chapter(stage.title)
    both = stage.auths()
    yield from stage.scene("nobody has a token", both, _forget)
    yield from stage.scene("the token expires", both, partial(_expire, stage))
    yield from stage.scene("two logins get HTTP 503", both, partial(_fail_twice, stage))


def _one_token_at_a_time(stage: _Stage) -> Iterator[Step]:
    yield Chapter(stage.title)
    yield from stage.scene("all start at once", stage.auths(), _forget)


def _forget(auths: Auths) -> None:
    for auth in auths:
        auth.invalidate()


def _expire(stage: _Stage, auths: Auths) -> None:
    """Give *auths* a token that lives for a second, and let it expire."""
    _forget(auths)
    stage.knobs(lifetime=SHORT)
    gather(stage.case, stage.sandbox, partial(stage.call, auths), len(stage.crowds))
    stage.knobs(lifetime=3600)
    time.sleep(SHORT + 0.1)


def _fail_twice(stage: _Stage, auths: Auths) -> None:
    _forget(auths)
    stage.knobs(failures={"count": 2, "status": 503})
