"""Parameters: the arguments of an auth class, read from its signature, so a new class needs no line here."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from tokenauth._core.nearest import nearest as _nearest
from tokenauth._core.places import Header
from tokenauth._core.provider import Provider
from tokenauth._core.secrets import SupportsSecretValue
from tokenauth.providers._duck import TokenAPI

_OBJECTS = {Callable, MutableMapping, Any, types.NoneType, Provider, TokenAPI}


@dataclass(frozen=True)
class Parameter:
    """One argument of a class."""

    name: str
    annotation: Any
    required: bool

    @functools.cached_property
    def kinds(self) -> dict[Any, tuple[Any, ...]]:
        """The types that may be given, a union's each by itself; `Mapping[str, X]` as Mapping: (str, X)."""
        return dict(_kinds(self.annotation))

    @property
    def secret(self) -> bool:
        """Whether it is a secret by itself: a text, a callable, or an object with `get_secret_value()`."""
        return SupportsSecretValue in self.kinds

    @property
    def flag(self) -> bool:
        return self.kinds.keys() <= {bool, types.NoneType}

    @property
    def number(self) -> bool:
        return self.kinds.keys() <= {int, float, types.NoneType}

    @property
    def text(self) -> bool:
        """Whether a plain text is one of its values."""
        return str in self.kinds or typing.Literal in self.kinds

    @property
    def mapping(self) -> bool:
        return Mapping in self.kinds

    @property
    def pair(self) -> bool:
        """Whether it is a name and a secret, as for HTTP Basic."""
        return any(SupportsSecretValue in dict(_kinds(each)) for each in self.kinds.get(tuple, ())[1:2])

    @property
    def several(self) -> bool:
        """Whether it takes a list of texts."""
        return bool(self.kinds.keys() & {Iterable, Collection, Sequence, list})

    @property
    def place(self) -> bool:
        return Header in self.kinds

    @property
    def rule(self) -> bool:
        return {int, tuple, Any} <= self.kinds.keys()

    @property
    def writable(self) -> bool:
        """Whether a text can express it. It can't express a function, a client, a cache, or a provider."""
        return self.name == "store" or not self.kinds.keys() <= _OBJECTS


def _kinds(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        for each in get_args(annotation):
            yield from _kinds(each)
    else:
        yield origin or annotation, get_args(annotation)


def parameters_of(taker: Any) -> dict[str, Parameter]:
    """Return what the class or function *taker* takes, by name, its options as well."""
    found: dict[str, Parameter] = {}
    hints = _evaluated(inspect.unwrap(getattr(taker, "__init__", taker) if isinstance(taker, type) else taker))
    for each in inspect.signature(taker).parameters.values():
        annotation = hints.get(each.name, each.annotation)
        if each.kind is each.VAR_KEYWORD:
            (options,) = get_args(annotation) or (None,)
            more = {} if options is None else _evaluated(options)
            found |= {name: Parameter(name, kind, required=False) for name, kind in more.items()}
        elif each.kind is not each.VAR_POSITIONAL:
            found[each.name] = Parameter(each.name, annotation, required=each.default is each.empty)
    return found


def missing(taker: Any, given: Collection[str]) -> list[Parameter]:
    """Return the arguments that *taker* needs and that are not among *given*."""
    return [each for each in parameters_of(taker).values() if each.required and each.name not in given]


def _evaluated(annotated: Any) -> dict[str, Any]:
    """Return the annotations of *annotated*, as types where they are texts that can be read."""
    try:
        return typing.get_type_hints(annotated)
    except (NameError, TypeError):  # of something that is imported for type checkers only
        return dict(getattr(annotated, "__annotations__", {}))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'secret'?" for a name that is not among *known*, or all of these where none is near."""
    names = sorted(known)
    near = _nearest(name, names)
    return f"; did you mean {near!r}?" if near else f". There are: {', '.join(names) or 'none'}"
