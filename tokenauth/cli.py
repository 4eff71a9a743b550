"""The command ``tokenauth`` (extra ``cli``).

tokenauth demo    the real clients against a sandbox; exits 1 if the server counted anything but the expected
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from tokenauth._version import __version__

_NEEDED = ("rich", "starlette", "uvicorn")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv* (default: the process's) and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.command(options)
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tokenauth", description="Token authentication for HTTP clients.")
    parser.add_argument("--version", action="version", version=f"tokenauth {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="drive a sandbox with the real clients", description=_demo.__doc__)
    demo.add_argument("--quick", action="store_true", help="two clients, crowds of eight")
    demo.add_argument("--full", action="store_true", help="then each API on each client, crowds of 500, as a table")
    demo.add_argument("--json", action="store_true", help="print JSON; the story goes to stderr")
    demo.set_defaults(command=_demo)
    return parser


def _demo(options: argparse.Namespace) -> int:
    """Start a sandbox on loopback, drive it with the real clients, and compare what its server counted."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} missing: pip install 'tokenauth-http[cli]'", file=sys.stderr)
        return 2
    from tokenauth.sandbox.demo import run

    return run(quick=options.quick, full=options.full, json=options.json)
