"""Templates: headers, fields and bodies of token requests, with secrets in them that are read at each login."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tokenauth._core.by_value import by_value
from tokenauth._core.finder import Finder, identities
from tokenauth._core.frozen import Slotted
from tokenauth._core.header_names import checked_header_name
from tokenauth._core.secrets import Secret, checked_text
from tokenauth.providers._arguments import NONE, PUBLIC, plain
from tokenauth.providers._values import Computed, present


@by_value
def _checked_names(name: str, names: tuple[object, ...], header: bool) -> tuple[str, ...]:
    """Return the keys of the mapping that is the argument *name*; *header*: whether they are names of headers."""
    label, check = f"a name in {name}", checked_header_name if header else checked_text
    checked = tuple(check(label, each) for each in names)
    if header and len({each.lower() for each in checked}) < len(checked):
        raise ValueError(f"{name} has the same name twice")
    return checked


class Template(Slotted):
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
        self.steady = sealing.steady and not any(secret.dynamic for secret in self.secrets)

    def identity(self, *, moving: bool = True) -> object:
        """Return the content in its order, without its secrets: where each stands, and whether it is a callable.

        *moving*: whether callables count that are no secrets.
        """
        return _told(self._tree, moving)

    def filled(self, kept: Mapping[str, str] = NONE, *, fresh: bool = True) -> dict[str, object]:
        """Return the content with the secrets as they are now; without *fresh*, as they were last read.

        *kept*: what earlier answers had, for `Kept`.
        """
        return {key: _mapped(value, partial(present, kept=kept, fresh=fresh)) for key, value in self._tree.items()}

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
            hint = "" if self.texts else "; a body that is something else goes as text: body="
            raise TypeError(f"{name} must be a mapping, not {type(content).__name__}{hint}")
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
            return self.noted(f"{name}[{key!r}]", value)
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
        is_fresh = public and callable(value) and key.lower() not in PUBLIC
        return self.noted(label, _Fresh(secret, value) if is_fresh else secret)

    def noted(self, label: str, leaf: Secret | Computed) -> object:
        secret = leaf.secret if isinstance(leaf, Computed) else leaf
        if isinstance(leaf, Computed):
            self.steady = self.steady and leaf.steady
            if leaf.function is not None:
                self.moving[label] = leaf.function
        if secret is not None:
            self.secrets.append(secret)
        return leaf


_NOTHING_MOVES: Mapping[str, Finder] = {}

# in an identity, these replace a value that must not show there, or that changes: no JSON has bytes
_SECRET, _CALLABLE, _FRESH = b"secret", b"callable", b"fresh"


class _Fresh(Computed):
    """A value that is read at each login, such as a time stamp, and is not a secret. *function* returns it."""

    steady = False

    def __init__(self, source: Secret, function: Any) -> None:
        self.source = source
        self.function = Finder(function)

    @property
    def told(self) -> object:
        return (_FRESH, self.function)

    def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
        return self.source.reveal()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Fresh) and self.source == other.source

    __hash__ = None


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
        return identities(tree.told if moving else _without_functions(tree.told))
    return (_CALLABLE if tree.dynamic else _SECRET) if isinstance(tree, Secret) else tree


def _without_functions(told: object) -> object:
    if isinstance(told, tuple):
        return tuple(map(_without_functions, told))
    return _CALLABLE if isinstance(told, Finder) else told
