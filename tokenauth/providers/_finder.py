"""Finder: a callable of the user's in the description of an API, and what tells it from every other one."""

from collections.abc import Callable, Mapping
from typing import Any

from tokenauth._core.identity import mark_of, name_of


class Finder:
    """Calls *function*.

    Attributes:
        named: whether every process finds this function under its name: it stands in a module.
        identity: that name; else a mark that no other callable in this process ever has. The very same callable
            has the same mark, as long as it can be told that it is the same.
    """

    def __init__(self, function: Callable[[Mapping[str, Any]], object]) -> None:
        self._function = function
        name = name_of(function)
        self.named = name is not None
        self.identity = name or mark_of(function)

    def __call__(self, content: Mapping[str, Any]) -> object:
        return self._function(content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finder) and self._function == other._function

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return Finder, (self._function,)  # a mark means nothing elsewhere


def identities(places: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Return what tells apart the *places* in an answer, by argument; the same in every process where all are named."""
    return tuple(
        (name, place.identity if isinstance(place, Finder) else place) for name, place in sorted(places.items())
    )


def unnamed(places: Mapping[str, object]) -> str:
    """Return what to say of the *places* that other processes can't tell from others; "" where there are none."""
    names = [f"{name}=" for name, place in places.items() if isinstance(place, Finder) and not place.named]
    why = "a lambda, an inner function, a method or such: use a function that stands in a module under its name"
    return f"{', '.join(names)} is {why}" if names else ""
