"""The clock, passed as an argument: nothing else in the package reads the time."""

import time
from collections.abc import Callable


def monotonic_now() -> float:
    return time.monotonic()  # looked up at each call: a test may have put a fake in its place


def wall_now() -> float:
    return time.time()


class Clock:
    """Two readings in seconds: `monotonic` counts lifetimes, `wall` (Unix) is for expiry that leaves the process."""

    __slots__ = ("monotonic", "wall")

    def __init__(self, monotonic: Callable[[], float] = monotonic_now, wall: Callable[[], float] = wall_now) -> None:
        self.monotonic = monotonic
        self.wall = wall


SYSTEM = Clock()
