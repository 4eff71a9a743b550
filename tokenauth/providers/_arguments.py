"""Arguments of providers, checked when they are given; no error shows a value."""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from enum import Enum
from functools import partial
from types import MappingProxyType
from urllib.parse import urlsplit

from tokenauth._core.expiry import MAX_LIFETIME
from tokenauth._core.finder import Finder, identities
from tokenauth._core.header_names import checked_header_name
from tokenauth._core.origins import Origin, checked_origin
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._values import Computed, Signed

Value = SecretLike | Secret | Computed
"""What may stand in a header, parameter or form field of a token request."""

NONE: Mapping[str, str] = MappingProxyType({})

PUBLIC = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "content-type", "user-agent"),
        *("audience", "client_id", "grant_type", "resource", "response_type", "scope"),
        *("account", "app_id", "appid", "email", "login", "user", "user_name", "username"),
    }
)
"""Names (lower case) whose values are no secrets and may show in errors."""


def checked_url(name: str, url: str, *, allow_http: bool) -> str:
    """Return *url* with its origin in normal form; ValueError where it has user info, a query or a fragment."""
    origin = checked_origin(url, name, allow_http=allow_http)
    if "?" in url or "#" in url:
        raise ValueError(f"{name} must have no query and no fragment")
    if "@" in urlsplit(url).netloc:
        raise ValueError(f"{name} must have no user name or password in it; there are arguments for these")
    return f"{origin}{urlsplit(url).path}"


def endpoint(name: str, base_url: str, path: str, *, allow_http: bool) -> str:
    """Return the URL of *path* below *base_url*, the argument *name*. ValueError if *base_url* has it already."""
    base = checked_url(name, base_url, allow_http=allow_http).rstrip("/")
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
    return frozenset(checked_origin(url, "origins", allow_http=allow_http) for url in urls)


def checked_method(method: object) -> str:
    if not isinstance(method, str) or not re.fullmatch("[A-Z]{3,7}", method):
        raise ValueError("method must be an HTTP method in capitals, such as POST")
    return method


def plain(value: object) -> object:
    """Return the value of an enum's member, and anything else as it is."""
    return value.value if isinstance(value, Enum) else value


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


@functools.lru_cache(maxsize=256)  # most descriptions of a program have the same names
def _lowered(names: frozenset[str]) -> frozenset[str]:
    return frozenset(each.lower() for each in names)


class Template:
    """Headers, form fields or a JSON body with secrets in it, which are read each time it is filled.

    A text under a name that is in *public* is no secret; any other is. Neither is a callable there, but for those under
    a name of PUBLIC: it is known by its name, not by what it returns. Whatever else JSON knows (numbers, lists, null …)
    stays as it is.
    """

    def __init__(
        self, name: str, content: object, public: Collection[str], *, header: bool = False, texts: bool = True
    ) -> None:
        if not isinstance(content, Mapping):
            raise TypeError(f"{name} must be a mapping, not {type(content).__name__}")
        self._public = _lowered(frozenset(public))
        self._header = header
        self._texts = texts
        missing = [key for key, value in content.items() if value is None]
        if missing:
            hint = "is an environment variable or a setting missing? If the API wants none, leave the name out"
            raise TypeError(f"{name}[{missing[0]!r}] must not be None; {hint}")
        self._tree = {self._key(name, key): self._sealed(name, key, value) for key, value in content.items()}
        if header and len({key.lower() for key in self._tree}) < len(self._tree):
            raise ValueError(f"{name} has the same name twice")

    def _key(self, name: str, key: object) -> str:
        label = f"a name in {name}"
        return checked_header_name(label, key) if self._header else checked_text(label, key)

    def _sealed(self, name: str, key: str, value: object) -> object:
        value = plain(value)
        if isinstance(value, Mapping) and not self._texts:
            return {self._key(name, inner): self._sealed(name, inner, each) for inner, each in value.items()}
        if isinstance(value, list | tuple) and not self._texts:
            return [self._sealed(name, key, each) for each in value]
        if isinstance(value, Secret | Computed) or (
            not self._texts and (value is None or isinstance(value, bool | int | float))
        ):
            return value
        return self._text(f"{name}[{key!r}]", key, value)

    def _text(self, label: str, key: str, value: object) -> object:
        public = key.lower() in self._public
        moves = public and key.lower() not in PUBLIC
        if value == "" or (public and isinstance(value, str)):
            return checked_text(label, value, empty=True, header=self._header)
        secret = Secret(label, value, header=self._header)  # type: ignore[arg-type]  # it checks what it is given
        return _Fresh(secret, value) if moves and callable(value) else secret

    @property
    def secrets(self) -> Iterator[Secret]:
        for leaf in _leaves(self._tree):
            secret = leaf.secret if isinstance(leaf, Computed) else leaf
            if isinstance(secret, Secret):
                yield secret

    def identity(self, *, moving: bool = True) -> object:
        """Return the content in its order, without its secrets: where each stands, and whether it is a callable.

        *moving*: whether the callables that are no secrets count.
        """
        return _told(self._tree, moving=moving)

    @property
    def steady(self) -> bool:
        """Whether it has the same content each time it is filled."""
        leaves = list(_leaves(self._tree))
        return not any(isinstance(leaf, _Fresh | Signed) or getattr(leaf, "dynamic", False) for leaf in leaves)

    @property
    def moving(self) -> dict[str, Finder]:
        """The callables that are no secrets, by their arguments."""
        leaves = list(_leaves(self._tree))
        fresh = {each.source.name: each.function for each in leaves if isinstance(each, _Fresh)}
        return fresh | {each.secret.name: each.function for each in leaves if isinstance(each, Signed)}

    def filled(self, kept: Mapping[str, str] = NONE, *, fresh: bool = True) -> dict[str, object]:
        """Return the content with the secrets as they are now; without *fresh*, as they were last read.

        *kept*: what earlier answers had, for `Kept`.
        """
        return {key: _mapped(value, partial(_now, kept, fresh)) for key, value in self._tree.items()}

    def texts(self, kept: Mapping[str, str] = NONE, *, fresh: bool = True) -> dict[str, str]:
        """Return the content of a template that has texts only."""
        return {key: str(value) for key, value in self.filled(kept, fresh=fresh).items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self._tree == other._tree

    __hash__ = None  # type: ignore[assignment]


class Leaf(Enum):
    """What stands in an identity for a value that must not show there, or changes."""

    SECRET = "secret"  # noqa: S105  (a name)
    CALLABLE = "callable"
    FRESH = "fresh"


class _Fresh:
    """A value that is read anew at each login, such as a time stamp, and is no secret. *function* returns it."""

    def __init__(self, source: Secret, function: Callable[..., object]) -> None:
        self.source = source
        self.function = Finder(function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Fresh) and self.source == other.source

    __hash__ = None  # type: ignore[assignment]


def _leaves(tree: object) -> Iterator[object]:
    if isinstance(tree, dict | list):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(branch)
    else:
        yield tree


def _mapped(tree: object, change: Callable[[object], object]) -> object:
    if isinstance(tree, dict):
        return {key: _mapped(branch, change) for key, branch in tree.items()}
    return [_mapped(branch, change) for branch in tree] if isinstance(tree, list) else change(tree)


def _told(tree: object, *, moving: bool) -> object:
    if isinstance(tree, dict):
        return tuple((key, _told(branch, moving=moving)) for key, branch in tree.items())
    if isinstance(tree, list):
        return [_told(branch, moving=moving) for branch in tree]
    if isinstance(tree, Computed):
        return identities(tree.told)
    if isinstance(tree, _Fresh):
        return (Leaf.FRESH, tree.function.identity) if moving else Leaf.FRESH
    return (Leaf.CALLABLE if tree.dynamic else Leaf.SECRET) if isinstance(tree, Secret) else tree


def _now(kept: Mapping[str, str], fresh: bool, leaf: object) -> object:
    """Return the value of *leaf*."""
    if isinstance(leaf, Computed):
        return leaf.value(kept, fresh=fresh)
    if isinstance(leaf, _Fresh):
        return leaf.source.reveal()
    if isinstance(leaf, Secret):
        return leaf.reveal() if fresh else leaf.last()
    return leaf
