"""Output: data on stdout, messages on stderr; color and a spinner on a terminal, plain text in a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_STYLES = {"ok": "32", "fail": "31", "warn": "33", "skip": "2", "dim": "2", "bold": "1"}


def coloured(stream: TextIO) -> bool:
    """Whether *stream* is a terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, stream: TextIO) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if coloured(stream) else text


def out(text: str) -> None:
    """Print data."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def out_json(value: Any) -> None:
    out(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str, *, quiet: bool = False, style: str | None = None) -> None:
    """Print words for a person."""
    if not quiet:
        sys.stderr.write(f"{styled(text, style, sys.stderr) if style else text}\n")


@contextlib.contextmanager
def waiting(text: str, *, quiet: bool = False) -> Iterator[None]:
    """Show a spinner while the block runs, on a terminal."""
    if quiet or not coloured(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
