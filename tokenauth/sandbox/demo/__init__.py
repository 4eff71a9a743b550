"""``tokenauth demo``: the real clients against the sandbox, by hand and with tokenauth; the server counts.

No mocks: the sandbox runs in a process of its own, on a free port of loopback. All calls are made in threads,
and the sandbox ends before they are waited for: so Ctrl-C makes what still calls it fail at once, and end.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from tokenauth.sandbox.demo._tables import Outcome


def run(*, quick: bool = False, full: bool = False, json: bool = False) -> int:
    """Tell what becomes of callers by hand and with tokenauth. Return 0 if all was as expected with ours, else 1.

    Args:
        quick: fewer clients, smaller crowds.
        full: then also each API on each client, and crowds of 500, as tables.
        json: print JSON on stdout, and the story on stderr.
    """
    outcome = demo(Console(stderr=json, highlight=False), quick=quick, full=full)
    if json:
        sys.stdout.write(outcome.as_json() + "\n")
    return 0 if outcome.ok else 1


def demo(console: Console, *, quick: bool = False, full: bool = False) -> Outcome:
    """Do what `run` does, on *console*, and return what came of it."""
    console.print("[bold]tokenauth demo[/]: a sandbox server starts", end=" ")
    _bypass_proxies()
    logging.getLogger("tokenauth").addHandler(logging.NullHandler())  # it shows failures on purpose

    from tokenauth.sandbox.demo._show import perform  # noqa: PLC0415 - the clients take a second to import

    return perform(console, quick=quick, full=full)


def _bypass_proxies() -> None:
    """Keep loopback off the environment's proxies, in this process."""
    for name in ("no_proxy", "NO_PROXY"):
        listed = [os.environ[name]] if os.environ.get(name) else []
        os.environ[name] = ",".join([*listed, "127.0.0.1", "localhost"])
