"""Finder: a user's callable in the description of an API, and what distinguishes it from all others."""

from collections.abc import Callable, Mapping
from typing import Any

from tokenauth._core import errors
from tokenauth._core.identity import mark_of, name_of


class Finder:
    """Calls *function*.

    Attributes:
        named: whether every process finds this function by its name, because it is defined in a module.
        identity: that name; else a mark that no other callable in this process ever has. The very same callable
            has the same mark, as long as it can be told that it is the same.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        name = name_of(function)
        self.named = name is not None
        self.identity = name or mark_of(function)

    def __call__(self, *args: object) -> Any:
        return self._function(*args)

    def result(self, label: str, *args: object) -> Any:
        """Return what the function returns. TokenAuthError names *label* where it raises, and shows nothing else."""
        try:
            return self._function(*args)
        except Exception as error:
            kind = type(error).__name__
        del args  # or a report with locals would show them
        raise errors.TokenAuthError(f"The callable for {label} raised {kind}; call it by itself to see why")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finder) and self._function == other._function

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return Finder, (self._function,)  # a mark means nothing elsewhere


def identities(tree: object) -> object:
    """Return *tree* with each Finder's identity in its place; the same in every process where all are named."""
    if isinstance(tree, Finder):
        return tree.identity
    if isinstance(tree, Mapping):
        return tuple((name, identities(each)) for name, each in sorted(tree.items()))
    return tuple(map(identities, tree)) if isinstance(tree, tuple | list) else tree


def unnamed(arguments: Mapping[str, object]) -> str:
    """Return what to say of the *arguments* that other processes can't tell from others; "" where there are none."""
    names = [f"{name}=" for name, each in arguments.items() if not _all_named(each)]
    why = "a lambda, an inner function, a method or such: use a function that is defined under its own name in a module"
    return f"{', '.join(names)} is {why}" if names else ""


def _all_named(tree: object) -> bool:
    if isinstance(tree, Finder):
        return tree.named
    return all(map(_all_named, tree)) if isinstance(tree, tuple | list) else True
