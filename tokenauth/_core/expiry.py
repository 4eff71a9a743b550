"""Expiry: all the ways in which a response states how long its token lives. Pure: no clock is read here.

Law: an unreadable value never raises. It is logged once, without the value, and the expiry counts as unknown.
"""

import base64
import email.utils
import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal, get_args

Unit = Literal["us", "ms", "s", "min", "h", "d"]
"""Unit of a number: microseconds, milliseconds, seconds, minutes, hours, days."""

InstantUnit = Literal["us", "ms", "s"]
"""Unit of a Unix time."""

MAX_LIFETIME = 1e10
"""Seconds, about 300 years: a longer lifetime is not believed. Int32.MaxValue ("never") is shorter."""

EARLIEST, LATEST = 1e8, 2.6e11
"""Unix seconds, 1973 to 9999: no token expires outside of this range."""

_log = logging.getLogger("tokenauth")
_PER_SECOND = {"us": 1_000_000, "ms": 1_000, "s": 1}
_SECONDS = {"min": 60, "h": 3_600, "d": 86_400}
# compiled at their first use, so that no program waits for it when it starts
_NUMBER = r"\s*[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?\s*"
_WEEKDAY = r"\s*[^\W\d_]+\s*[.,]+\s*"  # "Sun, ", "Sun. ", "Thurs,"
_LONG_FRACTION = r"([.,][0-9]{6})[0-9]+"
_LONGEST_DATE = 64
_AMOUNT = r"(?:(?P<%s>[0-9]{1,9}(?:\.[0-9]{1,9})?) ?%s)? ?"
_WORDED = (("dd", "d(?:ays?)?"), ("hr", "h(?:ours?|rs?)?"), ("mi", "m(?:in(?:ute)?s?)?"), ("sec", "s(?:ec(?:ond)?s?)?"))
_DURATION = (  # ISO 8601 §5.5.2, HH:MM:SS, and "7d", "1h30m" or "3600s" (as in JavaScript, Go and Protobuf)
    r"\s*(?:P(?:(?P<d>[0-9]{1,9})D)?(?:T(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?"
    r"|(?:(?P<days>[0-9]{1,6})\.)?(?P<hh>[0-9]{1,6}):(?P<mm>[0-5]?[0-9]):(?P<ss>[0-5]?[0-9](?:\.[0-9]{1,9})?)"
    rf"|{''.join(_AMOUNT % each for each in _WORDED)})\s*"
)


def lifetime_of(value: object, unit: Unit = "s", *, field: str = "expires_in") -> float | None:
    """Return the seconds that *value* states, or None if unknown.

    *value* is a number in *unit*, a string of one, or a duration ("15m", "PT15M", "00:15:00"). Missing or null is None.
    A negative, infinite or absurdly large number, a bool, or anything else is None with a warning that names *field*. 0
    is 0.0: expired on arrival.
    Source: `expires_in`, RFC 6749 §5.1.
    """
    if value is None:
        return None
    number = _number(value)
    seconds = _duration(value) if number is None else number * _SECONDS.get(unit, 1) / _PER_SECOND.get(unit, 1)
    if seconds is None or not 0 <= seconds <= MAX_LIFETIME:
        _warn(field, value)
        return None
    return seconds


def instant(value: object, unit: InstantUnit | None = None, *, field: str = "expires_at") -> float | None:
    """Return the Unix seconds that *value* states, or None when unknown.

    A number or a string of one is in *unit*; without that its size tells: from 1e14 microseconds, from 1e11
    milliseconds, else seconds; 14 digits are YYYYMMDDhhmmss where they can be. Other strings are ISO 8601 or RFC 1123
    dates, the weekday as it may be, UTC where no zone is given. Missing or null is None without a word, nonsense is
    None with a warning that names *field*.
    """
    if value is None:
        return None
    number = _number(value)
    if number is not None and unit is None:
        if 1e13 <= number < 1e14 and (date := _date(f"{number:.0f}")) is not None:
            return date
        unit = "us" if number >= 1e14 else "ms" if number >= 1e11 else "s"
    seconds = _date(value) if number is None else number / _PER_SECOND[unit or "s"]
    if seconds is None or not EARLIEST <= seconds <= LATEST:
        _warn(field, value)
        return None
    return seconds


def end_of(value: object) -> tuple[float | None, float | None]:
    """Return lifetime and instant of expiry, of which *value* states one: both None when unknown.

    A number below 1e8 (1973) is a lifetime in seconds, a larger one a Unix time; texts are durations or dates.
    """
    number = _number(value)
    if (number is not None and number < EARLIEST) or (number is None and _duration(value) is not None):
        return lifetime_of(value, field="expires"), None
    return None, instant(value, field="expires")


def http_date(text: str) -> float | None:
    """Return the Unix seconds of an HTTP date (RFC 9110 §5.6.7), or None if it is none. Without a zone it is UTC."""
    try:
        date = email.utils.parsedate_to_datetime(text[:_LONGEST_DATE])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def jwt_end(token: str) -> float | None:
    """Return the `exp` of a JWT (RFC 7519 §4.1.4) in Unix seconds; None if *token* is none, or says nothing usable.

    A hint: nothing is verified, and the server decides.
    """
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    end = _number(claims.get("exp")) if isinstance(claims, dict) else None
    return end if end is not None and EARLIEST <= end <= LATEST else None


def checked_unit(name: str, unit: object, *, instant: bool = False) -> None:
    """Raise ValueError unless *unit*, the argument *name*, is None or one of Unit (InstantUnit for an *instant*)."""
    if unit is None:
        return
    units = get_args(InstantUnit) if instant else get_args(Unit)
    if unit not in units:
        raise ValueError(f"{name} must be None or one of {', '.join(units)}")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(_NUMBER, value):
        return None
    try:
        return float(value)
    except OverflowError:  # an int with hundreds of digits
        return float("inf")


def _duration(value: object) -> float | None:
    """Return the seconds of an ISO 8601 duration without years and months, of [days.]hours:minutes:seconds, or of days,
    hours, minutes and seconds with their units."""
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    if match is None or not any(match.groupdict().values()):
        return None
    days, hours, minutes, seconds = (
        float(match[iso] or match[clock] or match[worded[0]] or 0)
        for iso, clock, worded in zip("dhms", ("days", "hh", "mm", "ss"), _WORDED, strict=True)
    )
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _date(value: object) -> float | None:
    """Return the Unix seconds of a date in ISO 8601, RFC 1123, or like "Sun. 13 Sep 2020 09:35:33 GMT"."""
    if not isinstance(value, str) or len(value) > _LONGEST_DATE:
        return None
    for parse in (_iso, _rfc1123):
        try:
            date = parse(value)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _iso(text: str) -> datetime:
    if len(text) == 14 and text.isdecimal():
        text = f"{text[:8]}T{text[8:]}"
    text = text.strip().removesuffix(" UTC")  # as Ruby writes it
    return datetime.fromisoformat(re.sub(_LONG_FRACTION, r"\1", text))


def _rfc1123(text: str) -> datetime:
    return email.utils.parsedate_to_datetime(re.sub(_WEEKDAY, "", text, count=1))


def _warn(field: str, value: object) -> None:
    text = "%s in the token answer makes no sense (%s), and is ignored. Is it the right field, in the right unit?"
    _log.warning(text, field, type(value).__name__)
