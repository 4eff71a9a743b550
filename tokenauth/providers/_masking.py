"""Masking: a server's text may go into an error only without the secrets that the server may have echoed."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
LONGEST = 200
"""Characters of a server's text that are kept."""

_SHORT = 4  # a shorter secret would turn the text into riddles; where it occurs, nothing of the text is shown
_OPAQUE = re.compile(r"[A-Za-z0-9_\-+=.~%]{40,}")  # looks like a token: perhaps the refresh token that was sent


def shown(text: str, secrets: Iterable[str]) -> str:
    """Return *text* fit for an error: one line, printable, without *secrets* in any usual coding, LONGEST at most."""
    values = [secret for secret in secrets if secret]
    line = _line(_masked(text[: LONGEST * 50], values))
    line = _OPAQUE.sub(MASK, _masked(line, values))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _masked(text: str, secrets: list[str]) -> str:
    folded = text.casefold()
    if any(len(secret) < _SHORT and secret.casefold() in folded for secret in secrets):
        return MASK
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORT}
    if not forms:
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), MASK, text, flags=re.IGNORECASE)


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret))
    yield from (json.dumps(secret)[1:-1], repr(secret)[1:-1])
    for text in (secret, quote_plus(secret)):
        for start in range(3):
            yield from _base64_cores(text.encode(), start)


def _base64_cores(value: bytes, start: int) -> Iterator[str]:
    """Yield what the base64 of any text has in common that holds *value* at an offset of *start* modulo 3."""
    first = (8 * start + 5) // 6
    last = 8 * (start + len(value)) // 6
    core = base64.b64encode(b"\0" * start + value).decode()[first:last]
    yield core
    yield core.translate(str.maketrans("+/", "-_"))
