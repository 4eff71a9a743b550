"""Crowds that want a token at the same moment: cold, and again at once after a revocation."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

import requests

from tokenauth import TokenAuth
from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import Case, Counts

THREADS: Final = 64
TASKS: Final = 500
TIMEOUT: Final = 30.0
"""Seconds that a request may take, waiting for a free connection included."""
LATENCY: Final = 0.2
"""Seconds that a token call takes while a crowd waits for it."""

Outcome = str
"""How a caller fared: "200", another status, or the name of an error."""


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
    outcomes: dict[str, int]
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


def run_herds(case: Case, sandbox: Sandbox, library: str, *, tasks: int = TASKS) -> list[HerdResult]:
    """Return what 64 threads of requests and *tasks* tasks of *library* came to; "": no tasks."""
    sandbox.knobs(case.provider, latency=LATENCY)
    results = _thread_herd(case, sandbox)
    if library:
        results += asyncio.run(_task_herd(case, sandbox, library, tasks))
    sandbox.knobs(case.provider, latency=0)
    return results


def _thread_herd(case: Case, sandbox: Sandbox) -> list[HerdResult]:
    auth, name = case.login(sandbox, None), f"{THREADS} threads, requests"
    auth.invalidate()
    results: list[HerdResult] = []
    with ExitStack() as stack:
        sessions = [stack.enter_context(_session(auth)) for _ in range(THREADS)]
        for cold in (True, False):
            if not cold:
                sandbox.knobs(case.provider, revoke=True)
            before, start = case.counts(sandbox), time.monotonic()
            outcomes = _all_at_once([partial(_get, session, case.url(sandbox)) for session in sessions])
            seconds = time.monotonic() - start
            counted = case.counts(sandbox) - before
            results.append(HerdResult(case.title, name, THREADS, cold, counted, outcomes, seconds))
    return results


@contextmanager
def _session(auth: TokenAuth) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = auth
        yield session


def _all_at_once(callers: list[Callable[[], Outcome]]) -> dict[Outcome, int]:
    """Return how the callers fared, each in a thread of its own, released together."""
    barrier = threading.Barrier(len(callers))

    def wait_and_call(caller: Callable[[], Outcome]) -> Outcome:
        barrier.wait(TIMEOUT)
        return caller()

    with ThreadPoolExecutor(len(callers)) as threads:
        return dict(Counter(threads.map(wait_and_call, callers)))


def _get(session: requests.Session, url: str) -> Outcome:
    try:
        return str(session.get(url, timeout=TIMEOUT).status_code)
    except Exception as error:  # it is counted and shown
        return type(error).__name__


async def _task_herd(case: Case, sandbox: Sandbox, library: str, tasks: int) -> list[HerdResult]:
    auth, name = case.login(sandbox, None), f"{tasks} tasks, {library}"
    auth.invalidate()
    results: list[HerdResult] = []
    async with import_module(library).AsyncClient(auth=auth, timeout=TIMEOUT) as client:
        for cold in (True, False):
            if not cold:
                sandbox.knobs(case.provider, revoke=True)
            before, start = case.counts(sandbox), time.monotonic()
            outcomes = await _all_at_once_async(client, case.url(sandbox), tasks)
            seconds = time.monotonic() - start
            counted = case.counts(sandbox) - before
            results.append(HerdResult(case.title, name, tasks, cold, counted, outcomes, seconds))
    return results


async def _all_at_once_async(client: Any, url: str, tasks: int) -> dict[Outcome, int]:
    barrier = asyncio.Barrier(tasks)

    async def wait_and_call() -> Outcome:
        await barrier.wait()
        return await _aget(client, url)

    return dict(Counter(await asyncio.gather(*(wait_and_call() for _ in range(tasks)))))


async def _aget(client: Any, url: str) -> Outcome:
    try:
        return str((await client.get(url)).status_code)
    except Exception as error:  # it is counted and shown
        return type(error).__name__
