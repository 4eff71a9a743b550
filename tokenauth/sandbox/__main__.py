"""``python -m tokenauth.sandbox [--port N]``: run the sandbox on loopback and print its URL."""

from __future__ import annotations

import argparse

from tokenauth.sandbox.server import run


def main(argv: list[str] | None = None) -> int:
    """Run until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tokenauth.sandbox", description="Run the sandbox on loopback.")
    parser.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes a free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end together with stdin")
    options = parser.parse_args(argv)
    try:
        run(options.port, until_stdin_closes=options.until_stdin_closes)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
