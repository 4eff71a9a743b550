"""Objects built from constants, built once and shared by everyone with the same constants."""

import functools
import marshal
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

_MOST = 512

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def by_value(make: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """Remember what *make* returned for the same arguments. For arguments that hold no secret, and immutable results.

    Only texts, numbers, None, and tuples, lists and dicts of these are remembered; for anything else *make* is called.
    `marshal` distinguishes them exactly; to `==`, 1 is the same as True.
    """
    made: dict[bytes, T] = {}

    @functools.wraps(make)
    def remembered(*arguments: *Ts) -> T:
        try:
            key: bytes | None = marshal.dumps(arguments, 0)  # type: ignore[arg-type]  # it says itself what it can't take
        except ValueError:  # a callable, or an object of any class
            key = None
        if key is None:
            return make(*arguments)  # out here: what it raises has no context
        try:
            return made[key]
        except KeyError:
            pass  # or what `make` raises would have it as its context
        if len(made) >= _MOST:
            made.clear()
        return made.setdefault(key, make(*arguments))

    return remembered
