"""Masking: removes secrets that a server may have echoed from its text, before the text goes into an error.

The text is decoded in every usual way, and several ways in a row, since a server may encode each character of what it
echoes in its own manner. A secret that is found in the decoded text is masked at its place in the original.
"""

import base64
import html
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote_plus

MASK = "***"
LONGEST = 200
"""Characters of a server's text that are kept."""

_READ = LONGEST * 20
_SHORT = 4  # a shorter secret would turn the text into riddles; where it occurs, nothing of the text is shown
_OPAQUE = re.compile(r"[A-Za-z0-9_\-+=.~%]{40,}")  # looks like a token: perhaps the refresh token that was sent
_DEEPEST = 3  # codings in a row: JSON in a URL in a page
_CUT = re.compile(r"[%&\\][^%&\\ ]{0,11}\Z")  # a code that may be cut in two


def shown(text: str, secrets: Iterable[str]) -> str:
    """Return *text* fit for an error: one line, printable, without *secrets* in any usual coding, LONGEST at most."""
    values = [secret for secret in secrets if secret]
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = _OPAQUE.sub(MASK, _masked(" ".join(printable.split()), values))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _masked(line: str, secrets: list[str]) -> str:
    folded = line.casefold()
    if any(len(secret) < _SHORT and secret.casefold() in folded for secret in secrets):
        return MASK
    needles = {needle for secret in secrets for needle in _needles(secret) if len(needle) >= _SHORT}
    text = line if len(line) <= _READ else _CUT.sub("", line[:_READ])
    pieces, done = [], 0
    for first, last in sorted({span for view in _views(text) for span in view.spans(needles)} if needles else ()):
        if first >= done:
            pieces += [text[done:first], MASK]
        done = max(done, last)
    return "".join([*pieces, text[done:]])


def _folded(text: str) -> str:
    """Return *text* without what tells nothing: case, white space, and what is invisible."""
    return "".join(each.lower() for each in text if each.isprintable() and each != " " and len(each.lower()) == 1)


def _needles(secret: str) -> Iterator[str]:
    """Yield what to look for in the text as it was decoded."""
    yield from (_folded(secret), _folded(secret[::-1]))
    raw = secret.encode(errors="replace")
    for value in {raw, secret.encode("latin-1", "ignore"), quote_plus(secret, errors="replace").encode()}:
        yield value.hex()
        yield _folded(value.decode("latin-1"))  # UTF-8 that was read as something else
    texts = {secret, quote_plus(secret, errors="replace"), json.dumps(secret)[1:-1]}
    once = {base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    for value in {text.encode(errors="replace") for text in texts} | once:
        for start in range(3):
            yield from map(_folded, _base64_cores(value, start))


def _base64_cores(value: bytes, start: int) -> Iterator[str]:
    """Yield what the base64 of any text has in common that holds *value* at an offset of *start* modulo 3."""
    first = (8 * start + 5) // 6
    last = 8 * (start + len(value)) // 6
    core = base64.b64encode(b"\0" * start + value).decode()[first:last]
    yield core
    yield core.translate(str.maketrans("+/", "-_"))


class _View(NamedTuple):
    """A text that was decoded: its characters, and where in the text as it came each begins; at last where it ends."""

    text: str
    places: list[int]

    def decoded(self, coded: re.Pattern[str], meaning: Callable[[str], str]) -> "_View":
        """Return this with the *meaning* of all that is *coded*."""
        parts, places, done = [], [], 0
        for found in coded.finditer(self.text):
            first, last = found.span()
            plain = meaning(found[0])
            parts += [self.text[done:first], plain]
            places += [*self.places[done:first], *([self.places[first]] * len(plain))]
            done = last
        return _View("".join([*parts, self.text[done:]]), places + self.places[done:])

    def spans(self, needles: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Yield where in the text as it came a needle stands, or at its end the beginning of one."""
        folded = _folded(self.text)
        found = {
            (at, min(at + len(needle), len(folded)))
            for needle in needles
            for at in _all_of(needle[:_SHORT], folded)
            if folded.startswith(needle, at) or needle.startswith(folded[at:])
        }
        if found:
            kept = [index for index, each in enumerate(self.text) if _folded(each)]
            for first, last in found:
                begin, end = self.places[kept[first]], self.places[kept[last - 1]]
                yield begin, next(place for place in self.places[kept[last - 1] :] if place > end)


def _all_of(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _views(text: str) -> Iterator[_View]:
    """Yield *text* as it is, and decoded in every way."""
    seen, views = {text}, [_View(text, list(range(len(text) + 1)))]
    yield from views
    for _ in range(_DEEPEST):
        decoded = [view.decoded(*way) for view in views for way in _WAYS]
        views = []
        for view in decoded:
            if view.text not in seen:
                seen.add(view.text)
                views.append(view)
        yield from views


def _of_url(coded: str) -> str:
    value = bytes.fromhex(coded.replace("%", ""))
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _of_text(coded: str) -> str:
    """Return what a backslash and what follows it mean in JSON, JavaScript, Python or C."""
    if coded.startswith("\\u") and len(coded) > 2 and "{" not in coded:  # two may be one character
        return bytes.fromhex(coded.replace("\\u", "")).decode("utf-16-be", "replace")
    kind, rest = coded[1], coded[2:].strip("{}")
    if kind in "uUx" and rest:
        code = int(rest, 16)
        return chr(code) if code < sys.maxunicode else ""
    if kind.isdecimal() and rest:
        return chr(int(coded[1:], 8))
    return "" if kind in "abfnrtv" else kind


def _of_bytes(coded: str) -> str:
    r"""Return what several of \xc3 or \303 mean together."""
    codes = re.findall(r"\\x([0-9a-fA-F]{2})|\\([0-7]{3})", coded)
    value = bytes(int(digits, 16) if digits else int(octal, 8) & 255 for digits, octal in codes)
    return value.decode(errors="replace")


_WAYS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(?:%[0-9a-fA-F]{2})+"), _of_url),
    (re.compile(r"(?:%[0-9a-fA-F]{2})+|\+"), lambda coded: " " if coded == "+" else _of_url(coded)),
    (re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"), html.unescape),
    (
        re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\(?:u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)"),
        _of_text,
    ),
    (re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\[0-7]{3})+"), _of_bytes),
)
