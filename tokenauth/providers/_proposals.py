"""Proposals: where token, type and expiry are in an answer, by their names and looks. A guess."""

import re
from collections.abc import Iterator

from tokenauth._core.frozen import Frozen
from tokenauth._core.places import NOTHING, Answer, Cookie, Header, Text, leaves

_TOKENS = (
    *("accesstoken", "token", "jwt", "idtoken", "authtoken", "bearertoken", "apitoken", "authenticationtoken"),
    *("sessionid", "sessiontoken", "session", "sid", "ticket", "sessionkey", "tenantaccesstoken", "apikey", "key"),
)
_TYPES = ("tokentype", "type", "scheme")
_LIFETIMES = ("expiresin", "expirein", "expire", "ttl", "lifetime", "maxage", "validfor", "sessiontimeout", "timeout")
_UNITS = {"min": ("minutes", "mins", "min"), "ms": ("milliseconds", "millis", "ms"), "s": ("seconds", "secs")}
_IN_UNITS = {
    f"{name}{word}": unit for name in (*_LIFETIMES, "expires") for unit, words in _UNITS.items() for word in words
}
_ENDS = ("expiresat", "expires", "expiration", "expirationdate", "expiry", "validuntil", "exp", "expireson")
_TOKEN_HEADER = re.compile(r"token|session|auth", re.IGNORECASE)
_LOOKS = re.compile(r"[A-Za-z0-9._~+/=|:-]{16,}")  # what a token is made of


class Proposal(Frozen):
    """Where things seem to stand: as arguments of `Login`, or None."""

    token: str | Header | Cookie | Text | None = None
    token_type: str | None = None
    expires_in: str | None = None
    expires_at: str | None = None
    unit: str | None = None


def proposed(answer: Answer) -> Proposal:
    """Return where token, type and expiry seem to be in *answer*."""
    named = [(path, value) for path, value in leaves(answer.content) if value not in (None, "")]
    lifetime = _likely(named, (*_LIFETIMES, *_IN_UNITS), (int, float, str))
    unit = _IN_UNITS.get(_letters(lifetime)) if lifetime else None
    return Proposal(
        next(_tokens(answer, named), None),
        _likely(named, _TYPES, str),
        lifetime,
        _likely(named, _ENDS, (int, float, str)),
        None if unit == "s" else unit,  # which is what is meant anyway
    )


def _tokens(answer: Answer, named: list[tuple[str, object]]) -> Iterator[str | Header | Cookie | Text]:
    if answer.content is not NOTHING:
        likely = _likely(named, _TOKENS, str)
        if likely is not None:
            yield likely
        if isinstance(answer.content, str) and answer.content:
            yield ""
    for name in answer.headers:
        if _TOKEN_HEADER.search(name) and name not in {"www-authenticate", "set-cookie", "proxy-authenticate"}:
            yield Header(name)
    for name in answer.cookies:
        yield Cookie(name)
    for path, value in named:
        if (
            isinstance(value, str)
            and path
            and (value.startswith("eyJ") or value.count(".") == 2)
            and _LOOKS.fullmatch(value)
        ):
            yield path
    if answer.content is NOTHING and _LOOKS.fullmatch(answer.text.strip()):
        yield Text()


def _likely(named: list[tuple[str, object]], names: tuple[str, ...], kinds: type | tuple[type, ...]) -> str | None:
    """Return the path whose last key is the first of *names* that is there; the shortest path of several."""
    of_kind = [(path, value) for path, value in named if isinstance(value, kinds) and not isinstance(value, bool)]
    for name in names:
        paths = [path for path, _ in of_kind if _letters(path) == name]
        if paths:
            return min(paths, key=lambda path: path.count("."))
    return None


def _letters(path: str) -> str:
    """Return the letters of the last key of *path*, in lower case."""
    return re.sub(r"[^a-z]", "", path.rpartition(".")[2].lower())
