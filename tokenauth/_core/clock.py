"""The clock, as an argument: everything that asks for the time asks this."""

import time
from collections.abc import Callable
from typing import NamedTuple


def _monotonic() -> float:
    return time.monotonic()  # looked up at each call: a test may have put a fake in its place


def _wall() -> float:
    return time.time()


class Clock(NamedTuple):
    """Two readings in seconds: `monotonic` counts lifetimes, `wall` (Unix) is for expiry that leaves the process."""

    monotonic: Callable[[], float] = _monotonic
    wall: Callable[[], float] = _wall


SYSTEM = Clock()
