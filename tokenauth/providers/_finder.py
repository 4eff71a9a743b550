"""Finder: a callable of the user's in the description of an API, and what tells it from every other one."""

import sys
import uuid
import weakref
from collections.abc import Callable, Mapping
from typing import Any

_marks: "weakref.WeakKeyDictionary[object, str]" = weakref.WeakKeyDictionary()
_first: dict[str, object] = {}  # who had a name first in this process keeps it: the token outlives its provider


class Finder:
    """Calls *function*.

    Attributes:
        named: whether every process finds this function under its name: it stands in a module.
        identity: that name; else a mark that no other callable in this process ever has. The very same callable
            has the same mark, as long as it can be told that it is the same.
    """

    def __init__(self, function: Callable[[Mapping[str, Any]], object]) -> None:
        self._function = function
        name = _name(function)
        self.named = name is not None and _first.setdefault(name, function) is function
        self.identity = name if name is not None and self.named else _mark(function)

    def __call__(self, content: Mapping[str, Any]) -> object:
        return self._function(content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finder) and self._function == other._function

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return Finder, (self._function,)  # a mark means nothing elsewhere


def identities(places: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return what tells apart the *places* in an answer, by argument; the same in every process where all are named."""
    each = ((name, place.identity if isinstance(place, Finder) else repr(place)) for name, place in places.items())
    return tuple(sorted(each))


def unnamed(places: Mapping[str, object]) -> str:
    """Return what to say of the *places* that other processes can't tell from others; "" where there are none."""
    names = [f"{name}=" for name, place in places.items() if isinstance(place, Finder) and not place.named]
    why = "a lambda, an inner function, a method or such: use a function that stands in a module under its name"
    return f"{', '.join(names)} is {why}" if names else ""


def _name(function: object) -> str | None:
    """Return "module:qualified name" where *function* is what stands there; a script is named by its file."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        return None
    home: object = sys.modules.get(module)
    place = getattr(home, "__file__", None) if module in {"__main__", "__mp_main__"} else module
    for name in path.split("."):
        home = getattr(home, name, None)
    return f"{place}:{path}" if place and home is function else None


def _mark(function: object) -> str:
    mark = uuid.uuid4().hex
    try:
        return _marks.setdefault(function, mark)
    except TypeError:  # it can't be looked up, so nothing tells that it is the same
        return mark
