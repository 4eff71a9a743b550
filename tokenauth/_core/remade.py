"""Another provider of the arguments that one was made of, with some of them changed."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from tokenauth._core.nearest import unknown
from tokenauth._core.options import NAMES
from tokenauth._core.provider import Given

T = TypeVar("T")


def takes_more(thing: object) -> bool:
    """Whether *thing* can be made again, and takes arguments beside those that its signature names."""
    given: Given | None = getattr(thing, "_given", None)
    return bool(given) and _rest(inspect.signature(type(thing))) is not None


def remade(thing: T, changes: Mapping[str, Any]) -> T:
    """Return what the class of *thing* makes of the arguments that it was made of, with *changes*.

    Raises:
        TypeError: there is no such argument, or nobody knows the arguments any more.
    """
    kind: Any = type(thing)
    known: Given = getattr(thing, "_given", Given())
    if not known:
        names = ", ".join(changes)
        raise TypeError(f"replace() can't change {names} of an object that comes out of a pickle: make a new one")
    signature = inspect.signature(kind)
    args, arguments = known
    bound, rest = signature.bind(*args, **arguments), _rest(signature)
    for name, value in changes.items():
        if name in signature.parameters and name != rest:
            bound.arguments[name] = value
        elif rest is not None:
            bound.arguments[rest] = {**bound.arguments.get(rest, {}), name: value}
        else:
            raise unknown(kind.__name__.strip("_"), name, NAMES.union(signature.parameters))
    options = getattr(thing, "options", {})
    for given, kept in ((bound.arguments, {}), (bound.arguments.get(rest or "", {}), options)):
        used_up = {name: each for name, each in given.items() if isinstance(each, Iterator) and name not in changes}
        given.update({name: _again(name, each, kept) for name, each in used_up.items()})
    made: T = kind(*bound.args, **bound.kwargs)
    return made


def _again(name: str, given: Iterator[Any], kept: Mapping[str, Any]) -> Any:
    """Return the argument *name*, which was *given* as an iterator, as it was *kept*."""
    value = kept.get(name, given)
    if value is given:
        raise TypeError(f"replace() can't give {name} again, because it was an iterator: pass it, or a list")
    return value


def _rest(signature: inspect.Signature) -> str | None:
    return next((name for name, each in signature.parameters.items() if each.kind is each.VAR_KEYWORD), None)
