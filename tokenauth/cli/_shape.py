"""The shape of a response: its keys and types, with every value masked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tokenauth._core.places import NOTHING, Answer

_USUAL = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server"),
        *("transfer-encoding", "vary", "cache-control", "expires", "pragma", "set-cookie"),
    }
)
_MOST = 60


def shape(answer: Answer) -> list[str]:
    """Return lines for a person."""
    lines = [f"HTTP {answer.status}"]
    lines += [f"{name}: {masked(value)}" for name, value in answer.headers.items() if name not in _USUAL]
    lines += [f"set-cookie: {name}={masked(value)}" for name, value in answer.cookies.items()]
    if answer.content is not NOTHING:
        lines += list(_tree(answer.content))
    elif answer.elements:
        lines += [f"<{tag}>{masked(text) if text else '…'}" for tag, text in answer.elements.items()]
    elif answer.body.strip():
        lines.append(f"a text of {len(answer.text)} characters, no JSON")
    else:
        lines.append("no body")
    return lines if len(lines) <= _MOST else [*lines[:_MOST], f"… and {len(lines) - _MOST} more lines"]


def masked(value: object) -> str:
    """Return what kind of value it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"a number of {len(str(abs(int(value))))} digits"
    text = str(value)
    if not text:
        return "an empty text"
    kind = "a JWT" if text.startswith("eyJ") and text.count(".") == 2 else "digits" if text.isdigit() else "text"
    return f"*** ({kind}, {len(text)} characters)"


def _tree(content: Any, indent: str = "", name: str = "") -> Iterator[str]:
    label = f"{indent}{name}: " if name else indent
    if isinstance(content, dict):
        yield f"{label}{{" if content else f"{label}{{}}"
        for key, each in content.items():
            yield from _tree(each, indent + "  ", str(key))
        if content:
            yield f"{indent}}}"
    elif isinstance(content, list):
        yield f"{label}[ {len(content)} of" if content else f"{label}[]"
        for each in content[:1]:
            yield from _tree(each, indent + "  ")
        if content:
            yield f"{indent}]"
    else:
        yield f"{label}{masked(content)}"
