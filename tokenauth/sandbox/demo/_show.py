"""One performance of the demo, from the sandbox's start to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain

from rich.console import Console

from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import CASES, PLATFORM
from tokenauth.sandbox.demo._clients import REQUESTS, Client, installed_clients, installed_crowds
from tokenauth.sandbox.demo._herds import HerdResult, run_herds
from tokenauth.sandbox.demo._steps import Result, run_case
from tokenauth.sandbox.demo._story import CALLERS, story
from tokenauth.sandbox.demo._tables import Outcome, show, show_end
from tokenauth.sandbox.demo._telling import Teller
from tokenauth.sandbox.server import serve

TASKS = 500
"""The largest crowd."""


def perform(console: Console, *, quick: bool = False, full: bool = False) -> Outcome:
    """Tell the story, print the tables if *full*, and return what all of it came to."""
    start = time.monotonic()
    crowds = installed_crowds()
    with ThreadPoolExecutor(max(len(CASES), len(crowds))) as threads, serve() as sandbox:
        console.print(f"at {sandbox.url}")
        teller = Teller(console)
        size, cast = (8, crowds[::2]) if quick else (CALLERS, crowds)
        teller.tell(story(sandbox, threads, cast, size=size))
        teller.sum_up()
        results = _steps(threads, sandbox, console) if full else []
        herds = _herds(threads, sandbox, crowds) if full else []
    outcome = Outcome(teller.told, results, herds, time.monotonic() - start)
    if full:
        show(outcome, console)
    show_end(outcome, console)
    teller.next()
    return outcome


def _steps(threads: Executor, sandbox: Sandbox, console: Console) -> list[Result]:
    """Return the results of all providers, side by side: each has its own counts, and most is waiting."""
    clients = installed_clients()
    console.print(
        f"\nEach of {len(CASES)} APIs on each of {len(clients)} clients, then crowds of {TASKS}: half a minute."
    )
    return list(chain.from_iterable(threads.map(lambda case: run_case(case, clients, sandbox), CASES)))


def _herds(threads: Executor, sandbox: Sandbox, crowds: Sequence[Client]) -> list[HerdResult]:
    """Return what the crowds came to, one provider after the other."""
    results: list[HerdResult] = []
    for case in CASES:
        # each login of the Platform discards the token that the others hold: the hardest. httpx takes long for 500
        tasks = [(crowd, TASKS) for crowd in crowds if crowd.callers == "tasks" and crowd.library != "httpx"]
        chosen = [(REQUESTS, CALLERS), *(tasks if case is PLATFORM else [])]
        results += threads.submit(run_herds, case, sandbox, chosen).result()
    return results
