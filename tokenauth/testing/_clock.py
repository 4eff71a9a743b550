"""The clock that every auth object lives by, moved."""

import contextlib
from collections.abc import Iterator

from tokenauth._core.clock import SYSTEM
from tokenauth.testing._isolated import isolated


class Clock:
    """The time of tokenauth. It goes on by itself, and may be moved forward; nothing else of the program sees that."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._real = SYSTEM.monotonic, SYSTEM.wall

    def advance(self, seconds: float) -> None:
        """Move the time forward by *seconds*. ValueError where that is less than 0."""
        if not 0 <= seconds < float("inf"):
            raise ValueError("advance() takes a finite number of seconds, 0 or more: tokens don't grow younger")
        self._ahead += seconds
        monotonic, wall = self._real
        SYSTEM.monotonic = lambda: monotonic() + self._ahead
        SYSTEM.wall = lambda: wall() + self._ahead

    def _end(self) -> None:
        SYSTEM.monotonic, SYSTEM.wall = self._real


@contextlib.contextmanager
def clock() -> Iterator[Clock]:
    """Yield the clock that every auth object lives by in the block; nothing is remembered before or after.

    Move it past a token's lifetime to have it expire, past 80 % of it for a refresh, past 1 s or 60 s to have a failure
    cool down.
    """
    with isolated():
        this = Clock()
        try:
            yield this
        finally:
            this._end()
