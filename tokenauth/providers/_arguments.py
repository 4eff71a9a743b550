"""Arguments of providers, checked when they are given; no error shows a value."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from tokenauth._core.by_value import by_value
from tokenauth._core.expiry import MAX_LIFETIME
from tokenauth._core.origins import Origin, checked_origin, listed
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._values import Basic, Computed

T = TypeVar("T")

Value = SecretLike | Secret | Computed | Sequence[SecretLike]
"""A value of a header, parameter or form field of a token request; a list repeats the field."""

NONE: Mapping[str, str] = MappingProxyType({})

PUBLIC = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "content-type", "user-agent"),
        *("audience", "client_id", "grant_type", "resource", "response_type", "scope"),
        *("account", "app_id", "appid", "email", "login", "user", "user_name", "username"),
    }
)
"""Names (lower case) whose values are no secrets and may show in errors."""


@by_value
def checked_url(name: str, url: str, allow_http: bool) -> str:
    """Return *url* with its origin in normal form; ValueError where it has user info, a query or a fragment."""
    origin = checked_origin(url, name, allow_http=allow_http)
    if origin.in_process:
        text = f"{name} is not a usable URL: {origin} is an application in this process. It can take a token"
        raise ValueError(f'{text} (origins=["{origin}"]), but not a login')
    if "?" in url or "#" in url:
        hint = "; send a query as params={...}" if name in {"url", "token_url"} else ""
        raise ValueError(f"{name} must have no query and no fragment{hint}")
    if "@" in urlsplit(url).netloc:
        raise ValueError(f"{name} must have no user name or password in it; there are arguments for these")
    return f"{origin}{urlsplit(url).path}"


@by_value
def endpoint(base_url: str, path: str, allow_http: bool) -> str:
    """Return the URL of *path* below the argument *base_url*. ValueError if that has it already."""
    base = checked_url("base_url", base_url, allow_http).rstrip("/")
    if f"{urlsplit(base).path}/".endswith(f"{path.rstrip('/')}/") and path != "/":
        raise ValueError(f"base_url ends with {path} already, which is added to it: write base_url without it")
    return base + path


def checked_path(name: str, path: object) -> str:
    """Return *path*; ValueError unless it begins with one slash and is nothing but a path."""
    text = checked_text(name, path)
    if not text.startswith("/") or text.startswith("//") or re.search(r"[?#\\\s]", text):
        raise ValueError(f"{name} must be like /api/token: no host, query, fragment, blank or backslash")
    return text


def checked_origins(urls: Iterable[str], *, allow_http: bool) -> frozenset[Origin]:
    return _origins(listed(urls), allow_http)


@by_value
def _origins(urls: tuple[str, ...], allow_http: bool) -> frozenset[Origin]:
    return frozenset(checked_origin(url, "origins", allow_http=allow_http) for url in urls)


def checked_method(method: object) -> str:
    if type(method) is str and method in {"POST", "GET"}:
        return method
    if not isinstance(method, str) or not re.fullmatch("[A-Z]{3,7}", method):
        raise ValueError("method must be an HTTP method in capitals, such as POST")
    return method


def plain(value: object) -> object:
    """Return the value of an enum's member, and anything else as it is."""
    return value.value if isinstance(value, Enum) else value


def mapping(name: str, given: Mapping[str, T] | None) -> dict[str, T]:
    """Return the argument *name* as a dict; None is an empty one."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a mapping, not {type(given).__name__}")
    return dict(given or {})


def checked_extra(extra: Mapping[str, T] | None, taken: Collection[str]) -> dict[str, T]:
    """Return the fields in *extra*. ValueError if one of them is *taken*."""
    given = mapping("extra", extra)
    clash = sorted({*taken} & {*given})
    if clash:
        what = "which is" if len(clash) == 1 else "which are"
        raise ValueError(f"extra must not have {', '.join(clash)}, {what} set by the login or by another argument")
    return given


def over(own: Mapping[str, Value], name: str, headers: Mapping[str, Value] | None) -> dict[str, Value]:
    """Return the argument *name*, and those of the headers *own* that it has not, in any case."""
    given = mapping(name, headers)
    replaced = {str(each).lower() for each in given}
    return {each: value for each, value in own.items() if each.lower() not in replaced} | given


def checked_basic(basic: tuple[str, SecretLike | Secret] | None) -> Basic | None:
    if basic is None:
        return None
    if not isinstance(basic, tuple) or len(basic) != 2:
        raise TypeError("the credentials for HTTP Basic must be a tuple of user and password")
    return Basic(*basic)


def checked_lifetime(lifetime: object) -> float | None:
    """Return *lifetime* in seconds."""
    if isinstance(lifetime, timedelta):
        lifetime = lifetime.total_seconds()
    if lifetime is None:
        return None
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        raise TypeError(f"lifetime must be a number of seconds, or a timedelta, not {type(lifetime).__name__}")
    if not 0 < lifetime < MAX_LIFETIME:
        raise ValueError("lifetime must be a positive number of seconds")
    return float(lifetime)


@by_value
def names(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the argument *name*, a list of names, as a tuple."""
    return tuple(checked_text(f"a name in {name}", each) for each in listed(given, name, "names"))


@by_value
def public_names(names: tuple[str, ...]) -> frozenset[str]:
    """Return, in lower case, *names* and those that are always public."""
    return PUBLIC.union(each.lower() for each in names)


def __getattr__(name: str) -> object:
    """Reject pickles from before 0.1, which refer to a Template in here."""
    if name == "Template":
        from tokenauth import _secrets  # noqa: PLC0415  (only where such a pickle is met)

        return getattr(_secrets, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
