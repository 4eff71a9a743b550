"""A logout happens once over a fleet, by its last process, and never while another one uses the session."""

import json
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.process import Process, processes
from tests.servers import Received, Reply, serve

FORKED = """
import json, os, sys
import requests
from tests.fleet.process import auth_of

api, auth = sys.argv[2], auth_of(json.loads(sys.argv[1]))
get = lambda: requests.get(api, auth=auth, timeout=30).status_code
assert get() == 200
(used, uses), (left, leaves) = os.pipe(), os.pipe()
child = os.fork()
if child:
    assert os.read(used, 1)
    auth.close()
    os.write(leaves, b"x")
    sys.exit(os.waitpid(child, 0)[1] != 0)
good = get() == 200
os.write(uses, b"x")
good = good and os.read(left, 1) and get() == 200
auth.close()
os._exit(not good)
"""

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")


class Sessions:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.live: set[str] = set()
        self.logins = self.logouts = 0

    def __call__(self, request: Received) -> Reply:
        with self.lock:
            if request.path == "/token":
                self.logins += 1
                token = secrets.token_hex(8)
                self.live.add(token)
                return Reply(200, {"token_type": "Bearer", "access_token": token, "expires_in": 3600})
            if request.path == "/revoke":
                self.logouts += 1
                self.live.discard(request.body.decode().partition("token=")[2].partition("&")[0])
                return Reply(200)
            return Reply(200 if request.headers["authorization"].removeprefix("Bearer ") in self.live else 401)


@pytest.fixture
def fleet(place: dict[str, Any]) -> Iterator[tuple[Sessions, str, list[Process]]]:
    sessions = Sessions()
    with serve(sessions) as server:
        settings = {**place, "url": server.url, "grant": "revoking", "timeout": 30.0}
        with processes(3, settings) as started:
            yield sessions, f"{server.url}/api", started


def all_of(fleet: list[Process], *command: Any) -> list[Any]:
    for process in fleet:
        process.tell(*command)
    return [process.answer() for process in fleet]


def test_the_last_one_logs_out(fleet: tuple[Sessions, str, list[Process]]) -> None:
    sessions, api, (one, two, three) = fleet
    assert all_of([one, two, three], "get", api) == ["200"] * 3
    for process in (one, two):
        process.ask("close")
        assert sessions.logouts == 0
        assert three.ask("get", api) == "200"
    three.ask("close")
    assert (sessions.logins, sessions.logouts, sessions.live) == (1, 1, set())


def test_who_gets_up_at_the_same_time_logs_out_once(fleet: tuple[Sessions, str, list[Process]]) -> None:
    sessions, api, started = fleet
    for number in range(1, 4):
        assert all_of(started, "get", api) == ["200"] * 3
        all_of(started, "close")
        assert (sessions.logins, sessions.logouts, sessions.live) == (number, number, set())


def test_who_comes_while_another_leaves_is_served(fleet: tuple[Sessions, str, list[Process]]) -> None:
    sessions, api, started = fleet
    chance = random.Random(3)
    for _ in range(12):
        commands = [chance.choice([("close",), ("get", api)]) for _ in started]
        for process, command in zip(started, commands, strict=True):
            process.tell(*command)
        answers = [process.answer() for process in started]
        assert {answer for answer in answers if answer} <= {"200"}
        assert sessions.logins - sessions.logouts == len(sessions.live) <= 1
    all_of(started, "close")
    assert sessions.logins == sessions.logouts


def test_who_was_killed_keeps_nobody_from_logging_out(
    fleet: tuple[Sessions, str, list[Process]], place: dict[str, Any]
) -> None:
    """With files at once; Redis can't tell a dead process from an idle one."""
    sessions, api, started = fleet
    assert all_of(started, "get", api) == ["200"] * 3
    victim, *others = started
    victim.kill()
    all_of(others, "close")
    assert sessions.logouts == (1 if place["store"].startswith("file:") else 0)


def test_a_child_that_goes_on_with_its_parents_token_counts(place: dict[str, Any]) -> None:
    sessions = Sessions()
    with serve(sessions) as server:
        settings = {**place, "url": server.url, "grant": "revoking", "timeout": 30.0}
        command = [sys.executable, "-c", FORKED, json.dumps(settings), f"{server.url}/api"]
        subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[2])
    assert (sessions.logins, sessions.logouts, sessions.live) == (1, 1, set())
