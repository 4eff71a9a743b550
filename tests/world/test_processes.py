"""Green threads and pre-forking workers, each in a process of its own: see `programs.py`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.world.scene import Scene

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PATIENCE = 80.0
LIBRARIES = ["requests", "httpx", "httpx2"]
every_library = pytest.mark.parametrize("library", LIBRARIES)


class Program:
    """One of `programs.py`, running. *heard*: what it has said so far."""

    def __init__(self, name: str, library: str, scene: Scene) -> None:
        command = [sys.executable, "-m", "tests.world.programs", name, library, scene.home]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        self.line = ThreadPoolExecutor(1)
        self.errors: list[str] = []
        self.reader = threading.Thread(target=self._read_errors, daemon=True)
        self.reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def hear(self) -> Any:
        """Return what it says next."""
        assert self.process.stdout is not None
        try:
            line = self.line.submit(self.process.stdout.readline).result(PATIENCE)
        except TimeoutError:
            self.kill()
            self.reader.join(10)
            pytest.fail(f"the program hangs: {''.join(self.errors)[-3000:]}")
        if not line:
            self.reader.join(10)
            pytest.fail("".join(self.errors)[-3000:] or "the program said nothing")
        return json.loads(line)

    def kill(self) -> None:
        """End it, and its children, which hold the other ends of our pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self.process.wait(10)
        self.line.shutdown()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                self.reader.join(10)
                pipe.close()


@pytest.fixture
def start(scene: Scene) -> Iterator[Any]:
    programs: list[Program] = []

    def begin(name: str, library: str = "requests") -> Program:
        programs.append(Program(name, library, scene))
        return programs[-1]

    yield begin
    for program in programs:
        program.end()


@every_library
@pytest.mark.parametrize("green", ["gevent", "eventlet"])
def test_twenty_green_threads_make_one_login(green: str, library: str, scene: Scene, start: Any) -> None:
    assert start(green, library).hear() == {"statuses": [200] * 20}
    assert scene.logins == 1


def test_twenty_grequests_make_one_login(scene: Scene, start: Any) -> None:
    """It patches everything but threads, so that a lock of ours that is waited for stops all its greenlets."""
    assert start("grequests").hear() == {"statuses": [200] * 20}
    assert scene.logins == 1


@every_library
def test_a_gevent_timeout_during_a_login_leaves_it_to_the_next(library: str, scene: Scene, start: Any) -> None:
    given_up = threading.Event()
    scene.before_login = lambda: given_up.wait(30)
    program = start("gevent-timeout", library)
    assert program.hear() == {"given_up": True}
    given_up.set()
    assert program.hear() == {"statuses": [200] * 5}
    assert scene.logins == 1, "the login that was given up is waited for"


@every_library
def test_other_greenlets_go_on_while_one_logs_in(library: str, scene: Scene, start: Any) -> None:
    gone_on = threading.Event()
    scene.before_login = lambda: gone_on.wait(8)
    program = start("gevent-goes-on", library)
    assert program.hear() == {"turns": 20}
    gone_on.set()
    assert program.hear() == {"statuses": [200]}


@every_library
@pytest.mark.parametrize("kind", ["fork", "billiard"])
def test_children_of_a_prefork_worker_each_log_in_once(kind: str, library: str, scene: Scene, start: Any) -> None:
    scene.discards_older = False
    assert start(kind, library).hear() == {"statuses": [[200] * 3] * 4, "exit_codes": [0] * 4}
    assert scene.logins == 4, "without a store, processes share nothing that comes after the fork"


@every_library
@pytest.mark.parametrize("kind", ["fork-warm", "billiard-warm"])
def test_children_of_a_prefork_worker_inherit_the_token(kind: str, library: str, scene: Scene, start: Any) -> None:
    assert start(kind, library).hear() == {"statuses": [[200] * 3] * 4, "exit_codes": [0] * 4}
    assert scene.logins == 1
