"""Proposals: where token, type and expiry are in an answer, by their names and looks. A guess."""

import re
from collections.abc import Iterator

from tokenauth._core.frozen import Frozen
from tokenauth._core.places import NOTHING, XML, Answer, Cookie, Header, Text, leaves

_TOKENS = (
    *("accesstoken", "token", "jwt", "idtoken", "authtoken", "bearertoken", "apitoken", "authenticationtoken"),
    *("sessionid", "sessiontoken", "session", "sid", "ticket", "sessionkey", "tenantaccesstoken", "apikey", "key"),
)
_VALUES = ("value", "id")
"""Names of what an object has that is named as a token."""
_TYPES = ("tokentype", "type", "scheme")
_LIFETIMES = ("expiresin", "expirein", "expire", "ttl", "lifetime", "maxage", "validfor", "sessiontimeout", "timeout")
_WITH_UNIT = (*_LIFETIMES, "expires", "expiry", "expiration", "expiresafter", "valid", "validity", "duration")
_UNITS = {
    "min": ("minutes", "minute", "mins", "min"),
    "ms": ("milliseconds", "millis", "ms"),
    "s": ("seconds", "secs", "sec"),
    "h": ("hours", "hour", "hrs"),
    "d": ("days", "day"),
}
_IN_UNITS = {
    each: unit
    for name in _WITH_UNIT
    for unit, words in _UNITS.items()
    for word in words
    for each in (f"{name}{word}", f"{name}in{word}", f"{word}{name}")
}
_ENDS = (
    *("expiresat", "expires", "expiration", "expirationdate", "expiry", "validuntil", "validto", "exp", "expireson"),
    *("expirationtime", "expiretime", "expirydate", "expiredate"),
)
_EITHER = re.compile("(?:expires|expiry|expiration|exp)$")  # a lifetime, if the number is too small for a date
_LASTING = re.compile(r"(?!refresh(?:token|expir)).*(?:expir|lifetime|lease|ttl|timeout|validity)")
_DURATION = re.compile(r"[\d.:]+|P[\dTHMSWD.]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*")
_EARLIEST = 1e8
_TOKEN_HEADER = re.compile(r"token|session|auth", re.IGNORECASE)
_CALLED_TOKEN = re.compile(r"(?!.*(?:refresh|[cx]srf|page|push|device|verif)).*token$")
_LOOKS = re.compile(r"[A-Za-z0-9._~+/=|:-]{16,}")  # what a token is made of
_OPAQUE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9._~+/=|-]{20,}")
_OTHER = re.compile(
    r"refresh|csrf|(?:request|trace|correlation|user|client|tenant|account).?id|code|message", re.IGNORECASE
)


class Proposal(Frozen):
    """Where things seem to stand: as arguments of `Login`, or None."""

    token: str | Header | Cookie | Text | XML | None = None
    token_type: str | XML | None = None
    expires_in: str | XML | None = None
    expires_at: str | XML | None = None
    unit: str | None = None


def proposed(answer: Answer) -> Proposal:
    """Return where token, type and expiry seem to be in *answer*."""
    is_xml = answer.content is NOTHING
    leaf = answer.elements.items() if is_xml else leaves(answer.content)
    named = [(path, value) for path, value in leaf if value not in (None, "")]
    lifetime = _likely(named, (*_LIFETIMES, *_IN_UNITS), (int, float, str), of_token=True)
    end = _likely(named, _ENDS, (int, float, str), of_token=True)
    if lifetime is None and end is None:  # names that have such a word in them: "lease_duration", "timeToExpiration"
        lifetime = _first(named, _LASTING, _DURATION)
        end = None if lifetime else _first(named, _LASTING, _DATE)
    if lifetime is None and end and _EITHER.search(_letters(end)) and _is_short(dict(named)[end]):
        lifetime, end = end, None
    unit = _unit(_of_token(_letters(lifetime))) if lifetime else None
    kind = XML if is_xml else str
    type_, lifetime_, end_ = (each and kind(each) for each in (_likely(named, _TYPES, str), lifetime, end))
    unit = None if unit == "s" else unit  # which is what is meant anyway
    return Proposal(next(_tokens(answer, named), None), type_, lifetime_, end_, unit)


def _first(named: list[tuple[str, object]], name: re.Pattern[str], value: re.Pattern[str]) -> str | None:
    """Return the first path whose last key, in letters, matches *name*, with a short number or a text like *value*."""
    for path, each in named:
        text = str(each) if isinstance(each, str) or (type(each) in {int, float} and _is_short(each)) else ""
        if name.match(_letters(path)) and value.fullmatch(text):
            return path
    return None


def _unit(letters: str) -> str | None:
    words = ((word, unit) for unit, words in _UNITS.items() for word in words)
    return _IN_UNITS.get(letters) or next((unit for word, unit in words if letters.endswith(word)), None)


def _is_short(value: object) -> bool:
    try:
        return float(str(value)) < _EARLIEST
    except ValueError:
        return False


def _tokens(answer: Answer, named: list[tuple[str, object]]) -> Iterator[str | Header | Cookie | Text | XML]:
    likely = _likely(named, _TOKENS, str) or _first(named, _CALLED_TOKEN, _LOOKS)
    if likely is not None:
        yield likely if answer.content is not NOTHING else XML(likely)
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
    opaque = [path for path, value in named if _OPAQUE.fullmatch(str(value)) and not _OTHER.search(path)]
    if len(opaque) == 1 and answer.content is not NOTHING:
        yield opaque[0]


def _likely(
    named: list[tuple[str, object]], names: tuple[str, ...], kinds: type | tuple[type, ...], *, of_token: bool = False
) -> str | None:
    """Return the path whose last key is the first of *names* that is there; the shortest path of several.

    *of_token*: "token" or "access token" may stand before the name.
    """
    ranks, found = {name: rank for rank, name in enumerate(names)}, {}
    for path, value in named:
        known = ranks.keys() & _names(path, of_token=of_token)
        if known and isinstance(value, kinds) and not isinstance(value, bool):
            found[path] = min(ranks[name] for name in known), path.count(".")
    return min(found, key=found.__getitem__) if found else None


def _names(path: str, *, of_token: bool) -> set[str]:
    letters, parent = _letters(path), _letters(path.rpartition(".")[0])
    return {letters, _of_token(letters) if of_token else parent if letters in _VALUES else ""}


def _of_token(letters: str) -> str:
    return re.sub("^(?:access)?token", "", letters)


def _letters(path: str) -> str:
    """Return the letters of the last key of *path*, in lower case."""
    return re.sub(r"[^a-z]", "", path.rpartition(".")[2].lower())
