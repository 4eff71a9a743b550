"""Output: data on stdout, messages on stderr; color and a spinner on a terminal, plain text in a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_STYLES = {"ok": "32", "fail": "31", "warn": "33", "skip": "2", "dim": "2", "bold": "1"}

_ASCII = {ord("→"): "->", ord("…"): "..."}
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def visible(text: str) -> str:
    r"""Return *text* with what commands a terminal, or reorders a line, written as \u001b, as JSON has it."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def coloured(stream: TextIO) -> bool:
    """Whether *stream* is a terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _knows_all(stream: TextIO) -> bool:
    return "utf" in (stream.encoding or "utf").lower()


def _styled(text: str, style: str | None, stream: TextIO) -> str:
    text = visible(text) if _knows_all(stream) else visible(text).translate(_ASCII)
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and coloured(stream) else text


def out(*parts: str | tuple[str, str]) -> None:
    """Print data: texts, or pairs of a text and its style. What it has of a server can't command the terminal."""
    pairs = [(each, None) if isinstance(each, str) else each for each in parts]
    sys.stdout.write("".join(_styled(text, style, sys.stdout) for text, style in pairs) + "\n")
    sys.stdout.flush()


def out_json(value: Any) -> None:
    out(json.dumps(value, indent=2, ensure_ascii=not _knows_all(sys.stdout)))


def say(text: str, *, quiet: bool = False, style: str | None = None) -> None:
    """Print words for a person."""
    if not quiet:
        sys.stderr.write(f"{_styled(text, style, sys.stderr)}\n")


def asked(text: str) -> str:
    """Return the line that a person types after *text*."""
    sys.stderr.write(text)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


@contextlib.contextmanager
def waiting(text: str, *, quiet: bool = False) -> Iterator[None]:
    """Show a spinner while the block runs, on a terminal."""
    if quiet or not coloured(sys.stderr):
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(visible(text)), spinner="dots" if _knows_all(sys.stderr) else "line"):
        yield
