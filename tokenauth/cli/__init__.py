"""The command `tokenauth` (extra `cli`). Without arguments it lists the commands; each `--help` has an example.

_app       the commands                    _auth      an auth object from a profile, arguments, the environment
_ending    how a command ends: its errors  _argv      arguments of the auth classes on a command line, secrets refused
_screen    what it says, and how           tokens, calls, caches, sandboxes, doctor, describe: the commands

`--help` must be quick: each module imports what it needs when its command runs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from tokenauth._lazy import installed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv* (default: the process's) and return its exit code."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the program that started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (until the process ends)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a terminal may not know every character
    try:
        with installed("cli", "The command tokenauth"):
            from tokenauth.cli._app import run
    except ImportError as problem:
        sys.stderr.write(f"tokenauth: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:] if argv is None else argv)
