"""One sandbox in a thread for all tests of this folder, reset for each; its clock moves when told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tokenauth.sandbox import ThreadSandbox, serve_in_thread

START = 1_600_000_000.0  # 13 September 2020, 12:26:40 GMT


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[ThreadSandbox, Clock]]:
    clock = Clock()
    with serve_in_thread(clock=clock) as sandbox:
        yield sandbox, clock


@pytest.fixture
def sandbox(_running: tuple[ThreadSandbox, Clock]) -> ThreadSandbox:
    running, clock = _running
    clock.now = START
    running.reset()
    return running


@pytest.fixture
def clock(_running: tuple[ThreadSandbox, Clock]) -> Clock:
    return _running[1]
