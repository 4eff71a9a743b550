"""The clock, as an argument: everything that asks for the time asks this."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Two readings in seconds: `monotonic` counts lifetimes, `wall` (Unix) is for expiry that leaves the process."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


SYSTEM = Clock()
