"""Arguments of providers, checked when they are given; no error shows a value."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tokenauth._core.by_value import by_value
from tokenauth._core.expiry import MAX_LIFETIME
from tokenauth._core.finder import Finder, identities
from tokenauth._core.header_names import checked_header_name
from tokenauth._core.origins import Origin, checked_origin
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._values import Computed, Signed

T = TypeVar("T")

Value = SecretLike | Secret | Computed | Sequence[SecretLike]
"""What may stand in a header, parameter or form field of a token request; a list there is the field several times."""

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
    if "?" in url or "#" in url:
        hint = "; send a query as params={...}" if name in {"url", "token_url"} else ""
        raise ValueError(f"{name} must have no query and no fragment{hint}")
    if "@" in urlsplit(url).netloc:
        raise ValueError(f"{name} must have no user name or password in it; there are arguments for these")
    return f"{origin}{urlsplit(url).path}"


@by_value
def endpoint(name: str, base_url: str, path: str, allow_http: bool) -> str:
    """Return the URL of *path* below *base_url*, the argument *name*. ValueError if *base_url* has it already."""
    base = checked_url(name, base_url, allow_http).rstrip("/")
    if f"{urlsplit(base).path}/".endswith(f"{path.rstrip('/')}/") and path != "/":
        raise ValueError(f"{name} ends with {path} already, which is added to it: write {name} without it")
    return base + path


def checked_path(name: str, path: object) -> str:
    """Return *path*; ValueError unless it begins with one slash and is nothing but a path."""
    text = checked_text(name, path)
    if not text.startswith("/") or text.startswith("//") or re.search(r"[?#\\\s]", text):
        raise ValueError(f"{name} must be like /api/token: no host, query, fragment, blank or backslash")
    return text


def checked_origins(urls: Iterable[str], *, allow_http: bool) -> frozenset[Origin]:
    if isinstance(urls, str):
        raise TypeError("origins must be a list of URLs, not one str")
    return _origins(tuple(urls), allow_http)


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


def checked_basic(basic: tuple[str, SecretLike | Secret] | None, *, colon: bool) -> tuple[str, Secret] | None:
    """Return user and password; *colon*: whether the user may have one."""
    if basic is None:
        return None
    if not isinstance(basic, tuple) or len(basic) != 2:
        raise TypeError("the credentials for HTTP Basic must be a tuple of user and password")
    user = checked_text("the user for HTTP Basic", basic[0])
    if ":" in user and not colon:
        raise ValueError("the user for HTTP Basic must have no colon (RFC 7617 §2)")
    return user, _secret("the password for HTTP Basic", basic[1])


def _secret(name: str, value: SecretLike | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(name, value)


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
def public_names(names: tuple[str, ...]) -> frozenset[str]:
    """Return, in lower case, *names* and those that are always public."""
    return PUBLIC.union(each.lower() for each in names)


@by_value
def _checked_names(name: str, names: tuple[object, ...], header: bool) -> tuple[str, ...]:
    """Return the keys of the mapping that is the argument *name*; *header*: whether they are names of headers."""
    label, check = f"a name in {name}", checked_header_name if header else checked_text
    checked = tuple(check(label, each) for each in names)
    if header and len({each.lower() for each in checked}) < len(checked):
        raise ValueError(f"{name} has the same name twice")
    return checked


class Template:
    """Headers, form fields or a JSON body with secrets in it, which are read each time it is filled.

    A text under a name that is in *public* is no secret; any other is. Neither is a callable there, but for those under
    a name of PUBLIC: it is known by its name, not by what it returns. Whatever else JSON knows (numbers, lists, null …)
    stays as it is.

    Attributes:
        secrets: those in it, in their order.
        steady: whether it has the same content each time it is filled.
        moving: the callables that are no secrets, by their arguments.
    """

    __slots__ = ("_tree", "moving", "secrets", "steady")

    def __init__(
        self, name: str, content: object, public: frozenset[str], *, header: bool = False, texts: bool = True
    ) -> None:
        sealing = _Sealing(public, header, texts)
        self._tree = sealing.mapping(name, content)
        self.secrets = tuple(sealing.secrets)
        self.moving: Mapping[str, Finder] = sealing.moving or _NOTHING_MOVES
        self.steady = sealing.steady and not (sealing.moving or any(secret.dynamic for secret in self.secrets))

    def identity(self, *, moving: bool = True) -> object:
        """Return the content in its order, without its secrets: where each stands, and whether it is a callable.

        *moving*: whether the callables that are no secrets count.
        """
        return _told(self._tree, moving)

    def filled(self, kept: Mapping[str, str] = NONE, *, fresh: bool = True) -> dict[str, object]:
        """Return the content with the secrets as they are now; without *fresh*, as they were last read.

        *kept*: what earlier answers had, for `Kept`.
        """
        return {key: _mapped(value, partial(_now, kept, fresh)) for key, value in self._tree.items()}

    def texts(self, kept: Mapping[str, str] = NONE, *, fresh: bool = True) -> dict[str, str]:
        """Return the content of a template that has texts only."""
        return {key: str(value) for key, value in self.filled(kept, fresh=fresh).items()}

    def pairs(self, kept: Mapping[str, str] = NONE) -> list[tuple[str, str]]:
        """Return name and value of each field or parameter; a list is one of each."""
        filled = self.filled(kept).items()
        rows = [(key, value if isinstance(value, list) else [value]) for key, value in filled]
        return [(key, str(each)) for key, values in rows for each in values]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self._tree == other._tree

    __hash__ = None  # type: ignore[assignment]


class _Sealing:
    """Makes the tree of a Template: what is given, with a `Secret` for each secret, and notes what is in it."""

    __slots__ = ("header", "moving", "public", "secrets", "steady", "texts")

    def __init__(self, public: frozenset[str], header: bool, texts: bool) -> None:
        self.public, self.header, self.texts = public, header, texts
        self.secrets: list[Secret] = []
        self.moving: dict[str, Finder] = {}
        self.steady = True

    def mapping(self, name: str, content: object) -> dict[str, object]:
        if not isinstance(content, Mapping):
            raise TypeError(f"{name} must be a mapping, not {type(content).__name__}")
        for key, value in content.items():
            if value is None:
                hint = "is an environment variable or a setting missing? If the API wants none, leave the name out"
                raise TypeError(f"{name}[{key!r}] must not be None; {hint}")
        return self.branch(name, content)

    def branch(self, name: str, content: Mapping[Any, object]) -> dict[str, object]:
        keys = _checked_names(name, tuple(content), self.header)
        return {key: self.sealed(name, key, value) for key, value in zip(keys, content.values(), strict=True)}

    def sealed(self, name: str, key: str, value: object) -> object:
        if type(value) is str:
            return self.text(name, key, value)
        if isinstance(value, Secret | Computed):
            return self.noted(value)
        value = plain(value)
        if not self.texts:
            if value is None or isinstance(value, bool | int | float):
                return value
            if isinstance(value, Mapping):
                return self.branch(name, value)
        if isinstance(value, list | tuple) and not self.header:
            return [self.sealed(name, key, each) for each in value]
        return self.text(name, key, value)

    def text(self, name: str, key: str, value: object) -> object:
        label, public = f"{name}[{key!r}]", key.lower() in self.public
        if isinstance(value, str) and (public or not value):
            return checked_text(label, value, empty=True, header=self.header)
        secret = Secret(label, value, header=self.header)  # type: ignore[arg-type]  # it checks what it is given
        if public and callable(value) and key.lower() not in PUBLIC:
            fresh = _Fresh(secret, value)
            self.moving[label] = fresh.function
            return fresh
        return self.noted(secret)

    def noted(self, leaf: Secret | Computed) -> object:
        secret = leaf.secret if isinstance(leaf, Computed) else leaf
        self.steady = self.steady and (leaf.steady if isinstance(leaf, Computed) else True)
        if secret is not None:
            self.secrets.append(secret)
            if isinstance(leaf, Signed):
                self.moving[secret.name] = leaf.function
        return leaf


_NOTHING_MOVES: Mapping[str, Finder] = {}

# what stands in an identity for a value that must not show there, or changes: no JSON has bytes
_SECRET, _CALLABLE, _FRESH = b"secret", b"callable", b"fresh"


class _Fresh:
    """A value that is read anew at each login, such as a time stamp, and is no secret. *function* returns it."""

    def __init__(self, source: Secret, function: Callable[..., object]) -> None:
        self.source = source
        self.function = Finder(function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Fresh) and self.source == other.source

    __hash__ = None  # type: ignore[assignment]


def _mapped(tree: object, change: Callable[[object], object]) -> object:
    if isinstance(tree, dict):
        return {key: _mapped(branch, change) for key, branch in tree.items()}
    return [_mapped(branch, change) for branch in tree] if isinstance(tree, list) else change(tree)


def _told(tree: object, moving: bool) -> object:
    if isinstance(tree, dict):
        return tuple([each for key, branch in tree.items() for each in (key, _told(branch, moving))])
    if isinstance(tree, list):
        return [_told(branch, moving) for branch in tree]
    if isinstance(tree, Computed):
        return identities(tree.told)
    if isinstance(tree, _Fresh):
        return (_FRESH, tree.function.identity) if moving else _FRESH
    return (_CALLABLE if tree.dynamic else _SECRET) if isinstance(tree, Secret) else tree


def _now(kept: Mapping[str, str], fresh: bool, leaf: object) -> object:
    """Return the value of *leaf*."""
    if isinstance(leaf, Computed):
        return leaf.value(kept, fresh=fresh)
    if isinstance(leaf, _Fresh):
        return leaf.source.reveal()
    if isinstance(leaf, Secret):
        return leaf.reveal() if fresh else leaf.last()
    return leaf
