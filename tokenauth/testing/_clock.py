"""The clock that every auth object lives by, moved."""

import contextlib
from collections.abc import Iterator

from tokenauth._core.clock import SYSTEM
from tokenauth.testing._isolated import isolated


class Clock:
    """The time of tokenauth. It goes on by itself, and may be moved forward; nothing else of the program sees that."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def advance(self, seconds: float) -> None:
        """Move the time forward by *seconds*. ValueError where that is less than 0."""
        if not 0 <= seconds < float("inf"):
            raise ValueError("advance() takes a finite number of seconds, 0 or more: tokens don't grow younger")
        self._ahead += seconds


_active: list[Clock] = []
"""Clocks whose blocks have begun: they may end in another order, and what they were moved by adds up."""
_real = SYSTEM.monotonic, SYSTEM.wall


def _ahead() -> float:
    return sum(each._ahead for each in list(_active))


@contextlib.contextmanager
def clock() -> Iterator[Clock]:
    """Yield the clock that every auth object lives by in the block; nothing is remembered before or after.

    Move it past a token's lifetime to have it expire, past 80 % of it for a refresh, past 1 s or 60 s to have a failure
    cool down.
    """
    with isolated():
        this = Clock()
        _active.append(this)
        monotonic, wall = _real
        SYSTEM.monotonic, SYSTEM.wall = lambda: monotonic() + _ahead(), lambda: wall() + _ahead()
        try:
            yield this
        finally:
            _active.remove(this)
            if not _active:
                SYSTEM.monotonic, SYSTEM.wall = _real
