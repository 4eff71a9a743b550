"""``tokenauth demo``: the real clients against the sandbox, the server's counts beside the expected ones.

No mocks: the sandbox runs in a process of its own, on a free port of loopback. All calls are made in threads,
and the sandbox ends before they are waited for: so Ctrl-C makes what still calls it fail at once, and end.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.util import find_spec
from itertools import chain

from rich.console import Console

from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import CASES, Case
from tokenauth.sandbox.demo._clients import installed_clients
from tokenauth.sandbox.demo._herds import TASKS, HerdResult, run_herds
from tokenauth.sandbox.demo._report import Outcome, as_json, show
from tokenauth.sandbox.demo._steps import Result, run_case
from tokenauth.sandbox.server import serve


def run(*, quick: bool = False, json: bool = False) -> int:
    """Run the demo, print what came of it, and return 0 if all was as expected, else 1.

    Args:
        quick: two clients, and crowds at one provider only.
        json: print JSON in place of tables.
    """
    _bypass_proxies()
    console = Console(stderr=json)
    start = time.monotonic()
    with ThreadPoolExecutor(len(CASES)) as threads, serve() as sandbox:
        console.print(f"The sandbox runs at {sandbox.url}, in a process of its own.", highlight=False)
        results, herds = _steps(threads, sandbox, quick=quick), _herds(threads, sandbox, quick=quick)
    outcome = Outcome(results, herds, time.monotonic() - start)
    if json:
        sys.stdout.write(as_json(outcome) + "\n")
    else:
        show(outcome, console)
    return 0 if outcome.ok else 1


def _steps(threads: Executor, sandbox: Sandbox, *, quick: bool) -> list[Result]:
    """Return the results of all providers, side by side: each has its own counts, and most is waiting."""
    clients = [one for one in installed_clients() if not quick or one.name in {"requests", "httpx-async"}]
    return list(chain.from_iterable(threads.map(lambda case: run_case(case, clients, sandbox), CASES)))


def _herds(threads: Executor, sandbox: Sandbox, *, quick: bool) -> list[HerdResult]:
    """Return what the crowds came to, one provider after the other."""
    results: list[HerdResult] = []
    for case in CASES:
        # each login of the Platform discards the token that the others hold: the hardest
        if not quick or case.provider == "platform":
            tasks = 100 if quick else TASKS
            results += threads.submit(run_herds, case, sandbox, _library(case), tasks=tasks).result()
    return results


def _library(case: Case) -> str:
    """Return what the crowd of tasks uses, "" for no such crowd: 500 take httpx2 4 s, httpx more."""
    library = "httpx2" if find_spec("httpx2") else "httpx"
    return library if case.provider == "platform" or (case.provider == "manis" and library == "httpx2") else ""


def _bypass_proxies() -> None:
    """Keep loopback off the environment's proxies, in this process."""
    for name in ("no_proxy", "NO_PROXY"):
        listed = [os.environ[name]] if os.environ.get(name) else []
        os.environ[name] = ",".join([*listed, "127.0.0.1", "localhost"])
