"""One sandbox in a thread for all tests of this folder, reset for each; its clock moves when told."""

from __future__ import annotations

import sys
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


def interruptible(module: str, *words: str) -> list[str]:
    """Return ``python -m module words`` that heeds SIGINT even where a shell started the tests in the background."""
    program = (
        "import runpy, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
    )
    return [sys.executable, "-c", program, *words]


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
