"""The real proof: gunicorn's workers, and processes that mix requests and httpx, under load, while tokens are revoked.

`TOKENAUTH_LONG=1` makes each load last 30 s in place of 8; `-s` shows the figures.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.process import Process, Progress, processes
from tests.stores import short_folder
from tests.support import until
from tokenauth.sandbox import Sandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX"),
]

SECONDS = 30.0 if os.environ.get("TOKENAUTH_LONG") else 8.0
ROOT = Path(__file__).parents[2]
LIFETIME = 6.0
"""Seconds that a token lives in the half of the load in which they expire."""
TIMEOUT = 60.0
"""Of each auth object: half of it is a lease, and a busy machine may need more than some seconds for a login."""


def logins(sandbox: Sandbox) -> int:
    return sandbox.state()["platform"]["logins"]


def disturb(sandbox: Sandbox, caught_up: Callable[[float], bool], kill: Callable[[], object]) -> tuple[int, int]:
    """Revoke the token again and again, and kill a worker once; return revocations, and logins of the killed one.

    *caught_up(moment)*: whether every worker has had an answer since *moment*: one that sleeps through a token's whole
    life meets two 401s in a row, which is what a single retry can't hide.
    """
    chance = random.Random(4)
    ends, revocations, extra, killed = time.monotonic() + SECONDS, 0, 0, False
    while time.monotonic() < ends:
        before = logins(sandbox)
        sandbox.knobs("platform", revoke=True)
        revocations += 1
        if not killed and time.monotonic() > ends - SECONDS / 2:
            killed = True
            kill()
        until(lambda before=before: logins(sandbox) > before)  # type: ignore[misc]
        moment = time.monotonic()
        until(lambda moment=moment: caught_up(moment))  # type: ignore[misc]
        extra += logins(sandbox) - before - 1
        time.sleep(chance.uniform(0.1, 0.6))
    return revocations, extra


def expire(sandbox: Sandbox) -> float:
    """Let tokens live briefly; return when that began."""
    sandbox.knobs("platform", lifetime=LIFETIME, revoke=True)
    return time.monotonic()


# gunicorn


class Gunicorn:
    """gunicorn with four workers of four threads, and eight clients that never rest."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stop = threading.Event()
        self.outcomes: Counter[str] = Counter()
        self.seen: dict[int, float] = {}
        self.killed: set[int] = set()
        self.broken = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._client, daemon=True) for _ in range(8)]

    def get(self) -> dict[str, Any]:
        with contextlib.closing(http.client.HTTPConnection("localhost", timeout=100)) as connection:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(100)
            connection.sock.connect(self.path)
            connection.request("GET", "/", headers={"Connection": "close"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer

    def _client(self) -> None:
        while not self.stop.wait(0.01):
            try:
                answer = self.get()
            except (OSError, http.client.HTTPException, ValueError):
                with self.lock:
                    self.broken += 1  # its worker was killed
                continue
            with self.lock:
                self.outcomes[answer["outcome"]] += 1
                if answer["pid"] not in self.killed:  # its last words may come late
                    self.seen[answer["pid"]] = time.monotonic()

    def caught_up(self, moment: float) -> bool:
        with self.lock:
            return len(self.seen) >= 4 and all(when > moment for when in self.seen.values())

    def kill_one(self) -> None:
        with self.lock:
            pid = next(iter(self.seen))
            del self.seen[pid]
            self.killed.add(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))

    @property
    def workers(self) -> int:
        return len(self.seen)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def gunicorn(settings: dict[str, Any], *, preload: bool) -> Iterator[Gunicorn]:
    with short_folder() as folder:
        path = f"{folder}/s"
        command = [sys.executable, "-m", "gunicorn", "tests.fleet.app:app", "-b", f"unix:{path}", "-w", "4"]
        command += ["-k", "gthread", "--threads", "4", "--log-level", "error", "--no-control-socket"]
        command += ["--preload"] if preload else []
        environment = {**os.environ, "TOKENAUTH_FLEET": json.dumps(settings)}
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            server = Gunicorn(path)
            try:
                until(lambda: Path(path).exists() and process.poll() is None)
                yield server
            finally:
                server.stop.set()
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                for thread in server.threads:
                    if thread.is_alive():
                        thread.join(30)


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
def test_gunicorns_workers_share_one_token(sandbox: Sandbox, place: dict[str, Any], preload: bool) -> None:
    settings = {**place, "timeout": TIMEOUT, "url": sandbox.url, "api": f"{sandbox.url}/platform/api/things"}
    with gunicorn(settings, preload=preload) as server:
        for thread in server.threads:
            thread.start()
        until(lambda: server.workers == 4)
        assert logins(sandbox) == 1, "cold start"
        revocations, extra = disturb(sandbox, server.caught_up, server.kill_one)
        server.stop.set()
        for thread in server.threads:
            thread.join(30)
    print(f"\n{dict(server.outcomes)}, {revocations} revocations, {logins(sandbox)} logins, {server.broken} broken")
    assert set(server.outcomes) == {"200"}
    assert extra <= 1, "the killed worker may have logged in"
    assert logins(sandbox) == 1 + revocations + extra
    assert server.broken <= len(server.threads) * 2


# processes of our own


def test_processes_that_mix_clients_share_one_token(sandbox: Sandbox, place: dict[str, Any], tmp_path: Path) -> None:
    settings = {**place, "timeout": TIMEOUT, "url": sandbox.url}
    api, path = f"{sandbox.url}/platform/api/things", str(tmp_path / "progress")
    slots = {number: [2 * number, 2 * number + 1] for number in range(9)}
    progress = Progress(path)
    living = set(range(8))
    with processes(8, settings, "spawn") as fleet:

        def load(number: int, process: Process) -> None:
            assert process.ask("load", api, ("requests", "httpx")[number % 2], slots[number], path) == "started"

        def caught_up(moment: float) -> bool:
            return progress.since(moment, [slot for number in living for slot in slots[number]])

        def kill() -> None:
            living.discard(3)
            fleet[3].kill()

        for number, process in enumerate(fleet):
            load(number, process)
        until(lambda: caught_up(0))
        assert logins(sandbox) == 1, "cold start"
        revocations, extra = disturb(sandbox, caught_up, kill)
        with_expiry = logins(sandbox)
        began = expire(sandbox)
        until(lambda: logins(sandbox) > with_expiry)
        first = logins(sandbox)
        until(lambda: logins(sandbox) >= first + 1)
        lasted = time.monotonic() - began
        outcomes: Counter[str] = Counter()
        for number in living:
            outcomes.update(fleet[number].ask("end"))
        expired = logins(sandbox) - with_expiry - 1
    print(f"\n{dict(outcomes)}, {revocations} revocations, {expired} expiries, {logins(sandbox)} logins")
    assert set(outcomes) == {"200"}
    assert extra <= 1, "the killed process may have logged in"
    assert with_expiry == 1 + revocations + extra
    assert 1 <= expired <= lasted / (LIFETIME - 2) + 1
