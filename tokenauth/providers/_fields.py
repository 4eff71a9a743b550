"""Where things stand in an answer, and what they are: pure functions on JSON values."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from tokenauth._core.token import HTTP_TOKEN
from tokenauth.providers._finder import Finder

Where = str | tuple[str, ...] | Callable[[Mapping[str, Any]], object]
"""A top-level key, else a dotted path; or several of these; or a callable that is given the answer."""

_DEEPEST = 4  # levels of an answer that are kept in Token.extra

_BEARER = frozenset({"bearer", "bearertoken", "bearer_token", "bearer-token"})  # Apigee's answers say "BearerToken"

_log = logging.getLogger("tokenauth")


def checked_where(name: str, where: Where | None) -> tuple[str, ...] | Finder | None:
    """Return *where*, the argument *name*, a str as a tuple of one, a callable as a Finder."""
    if where is None:
        return None
    if callable(where):
        return Finder(where)
    places = (where,) if isinstance(where, str) else where
    if not isinstance(places, tuple) or not places or not all(isinstance(place, str) and place for place in places):
        raise TypeError(f"{name} must be a key, a dotted path, a tuple of these, or a callable")
    return places


def found(content: Mapping[str, Any], where: Where | None, *, scalars: bool = False) -> Any:
    """Return what stands at the first of the places *where* that holds something, or None.

    With *scalars*, places with an object, a list or "" count as empty. A callable that raises has found nothing.
    """
    if where is None:
        return None
    if callable(where):
        try:
            return where(content)
        except Exception:  # the answer has not the shape that the user's callable expects
            return None
    values = (_at(content, place) for place in where)
    return next((value for value in values if not _is_empty(value, scalars=scalars)), None)


def _is_empty(value: object, *, scalars: bool) -> bool:
    return value is None or (scalars and (value == "" or _is_container(value)))


def _at(content: Mapping[str, Any], place: str) -> Any:
    if place in content:  # an exact key first: keys such as ".issued" have a dot
        return content[place]
    value: Any = content
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if "." in place else None


def _is_container(value: object) -> bool:
    return isinstance(value, dict | list)


def same(value: object, expected: object) -> bool:
    """Whether two values of an answer mean the same: numbers and texts of them do, a bool only itself."""
    if value is None or isinstance(value, bool) or isinstance(expected, bool) or _is_container(value):
        return value is expected
    return str(value).strip() == str(expected)


def scheme_of(token_type: object) -> str:
    """Return the authentication scheme for a `token_type`: "Bearer" in this spelling, and where it is missing.

    What can't be a scheme (RFC 9110 §11.1) counts as missing, with a warning.
    """
    if token_type is None or token_type == "":
        return "Bearer"
    if not isinstance(token_type, str) or not HTTP_TOKEN.fullmatch(token_type.strip()):
        _log.warning("the token's type can't be an authentication scheme; it is taken for Bearer")
        return "Bearer"
    return "Bearer" if token_type.strip().lower() in _BEARER else token_type.strip()


def without(content: Mapping[str, Any], *secrets: object) -> dict[str, object]:
    """Return *content* without the values in *secrets*, down to a few levels; deeper ones are left out."""
    hidden = [secret for secret in secrets if isinstance(secret, str) and secret]
    return {key: _kept(value, hidden, _DEEPEST) for key, value in content.items() if value not in hidden}


def _kept(value: object, hidden: list[str], levels: int) -> object:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {key: _kept(each, hidden, levels - 1) for key, each in value.items() if each not in hidden}
    return [_kept(each, hidden, levels - 1) for each in value if each not in hidden]
