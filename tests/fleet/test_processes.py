"""I1, I3 and I10 across processes: one login for all, and nobody's death or sleep does harm."""

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fleet.process import Process, processes
from tests.servers import Received, Reply, serve
from tests.support import until
from tokenauth.sandbox import Sandbox

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")


def platform(sandbox: Sandbox) -> dict[str, int]:
    return sandbox.state()["platform"]


def all_of(fleet: list[Process], *command: Any) -> list[Any]:
    """Have all processes do *command* at the same time."""
    for process in fleet:
        process.tell(*command)
    return [process.answer() for process in fleet]


@pytest.fixture
def settings(sandbox: Sandbox, place: dict[str, Any]) -> dict[str, Any]:
    return {**place, "url": sandbox.url, "timeout": 30.0}


@pytest.fixture
def api(sandbox: Sandbox) -> str:
    return f"{sandbox.url}/platform/api/things"


def test_a_fleet_logs_in_once_for_each_renewal(sandbox: Sandbox, settings: dict[str, Any], api: str) -> None:
    with processes(4, settings) as fleet:
        assert all_of(fleet, "get", api) == ["200"] * 4
        for renewals in (1, 2, 3):
            sandbox.knobs("platform", revoke=True)
            assert all_of(fleet, "get", api) == ["200"] * 4
            assert platform(sandbox)["logins"] == 1 + renewals
        assert len(set(all_of(fleet, "token"))) == 1


def test_a_rejected_password_is_known_to_all(sandbox: Sandbox, settings: dict[str, Any], api: str) -> None:
    with processes(4, {**settings, "password": "wrong"}) as fleet:
        assert all_of(fleet, "get", api) == ["CredentialsRejected"] * 4
        assert all_of(fleet, "get", api) == ["CredentialsRejected"] * 4
        assert platform(sandbox)["token_calls"] == 1
        sandbox.knobs("platform", secret="wrong")  # now it is the right one
        assert fleet[0].ask("get", api) == "CredentialsRejected"
        fleet[0].ask("invalidate")
        assert fleet[0].ask("get", api) == "200"
        assert all_of(fleet, "get", api) == ["200"] * 4, "the rejection was replaced"
        assert platform(sandbox)["token_calls"] == 2


def test_a_newer_token_in_the_store_is_used_instead_of_a_login(
    sandbox: Sandbox, settings: dict[str, Any], api: str
) -> None:
    with processes(2, settings) as (first, second):
        old = first.ask("token")
        assert second.ask("token") == old
        first.ask("invalidate")
        assert first.ask("get", api) == "200"
        assert platform(sandbox)["logins"] == 2, "invalidate() leads to a login though the store has a token"
        assert second.ask("get", api) == "200"
        assert second.ask("token") == first.ask("token") != old
        assert platform(sandbox)["logins"] == 2
        assert platform(sandbox)["api_401"] == 1


def test_others_take_over_when_the_holder_is_killed(sandbox: Sandbox, settings: dict[str, Any], api: str) -> None:
    """With files at once, for the operating system frees the lock; else when the lease is over, half of `timeout`."""
    timeout = 3600.0 if settings["store"].startswith("file:") else 6.0
    with processes(3, {**settings, "timeout": timeout}) as (holder, *others):
        sandbox.knobs("platform", latency=30)
        holder.tell("get", api)
        until(lambda: platform(sandbox)["token_calls"] == 1)
        holder.kill()
        sandbox.knobs("platform", latency=0)
        until(lambda: all_of(others, "get", api) == ["200"] * 2)
        assert platform(sandbox)["token_calls"] == 2


def test_a_holder_that_slept_does_not_overwrite_the_newer_token(
    sandbox: Sandbox, settings: dict[str, Any], api: str
) -> None:
    with processes(3, {**settings, "timeout": 3.0}) as (sleeper, other, third):
        sandbox.knobs("platform", latency=1.0)
        sleeper.tell("get", api)
        until(lambda: platform(sandbox)["token_calls"] == 1)
        os.kill(sleeper.pid, signal.SIGSTOP)
        try:
            sandbox.knobs("platform", latency=0)
            until(lambda: other.ask("get", api) == "200")  # a busy machine may need more than one timeout
            newer = other.ask("token")
        finally:
            os.kill(sleeper.pid, signal.SIGCONT)
        assert sleeper.answer() in {"200", "TokenEndpointError"}
        assert third.ask("token") == newer
        assert third.ask("get", api) == "200"
        assert platform(sandbox)["logins"] <= 3


# refresh tokens that rotate


@dataclass
class Rotating:
    """A server that gives each refresh token once, and ends everything when one comes twice (RFC 9700 §4.14)."""

    valid: str = ""
    refresh_token: str = ""
    used: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    passwords: int = 0
    refreshes: int = 0
    faults: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    def answer(self, request: Received) -> Reply:
        reply = self.decide(request)
        if request.path == "/token":
            self.answers.wait(20)
        return reply

    def decide(self, request: Received) -> Reply:
        with self.lock:
            if request.path != "/token":
                good = request.headers.get("authorization") == f"Bearer {self.valid}"
                return Reply(200 if good else 401)
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            if form["grant_type"] == "password":
                self.passwords += 1
                return self.issue()
            given = form["refresh_token"]
            if given in self.used:
                self.reused.append(given)
                return Reply(400, {"error": "invalid_grant"})
            self.used.append(given)
            if self.faults:
                self.faults -= 1
                return Reply(503)
            self.refreshes += 1
            return self.issue()

    def issue(self) -> Reply:
        self.valid, self.refresh_token = secrets.token_hex(8), secrets.token_hex(8)
        tokens = {"access_token": self.valid, "refresh_token": self.refresh_token}
        return Reply(200, {"token_type": "Bearer", "expires_in": 3600, **tokens})


@pytest.fixture
def rotating() -> Iterator[tuple[Rotating, str]]:
    state = Rotating()
    with serve(state.answer) as server:
        yield state, server.url


def test_a_refresh_token_that_rotates_is_used_once_by_the_whole_fleet(
    rotating: tuple[Rotating, str], place: dict[str, Any]
) -> None:
    state, url = rotating
    with processes(4, {**place, "url": url, "grant": "password", "timeout": 30.0}) as fleet:
        assert all_of(fleet, "get", f"{url}/api") == ["200"] * 4
        for _ in range(5):
            state.valid = "revoked"
            assert all_of(fleet, "get", f"{url}/api") == ["200"] * 4
        assert (state.passwords, state.refreshes, state.reused) == (1, 5, [])


def test_a_refresh_that_fails_is_not_repeated_with_the_same_token(
    rotating: tuple[Rotating, str], place: dict[str, Any]
) -> None:
    state, url = rotating
    with processes(4, {**place, "url": url, "grant": "password", "timeout": 30.0}) as fleet:
        assert all_of(fleet, "get", f"{url}/api") == ["200"] * 4
        state.valid, state.faults = "revoked", 1
        assert all_of(fleet, "get", f"{url}/api") == ["200"] * 4
        assert (state.passwords, state.refreshes, state.reused) == (2, 0, [])
        state.valid = "revoked"
        assert all_of(fleet, "get", f"{url}/api") == ["200"] * 4
        assert (state.passwords, state.refreshes, state.reused) == (2, 1, [])


def test_a_refresh_token_is_not_used_again_after_its_user_was_killed(
    rotating: tuple[Rotating, str], place: dict[str, Any]
) -> None:
    state, url = rotating
    with processes(2, {**place, "url": url, "grant": "password", "timeout": 4.0}) as (victim, other):
        assert victim.ask("get", f"{url}/api") == "200"
        assert other.ask("get", f"{url}/api") == "200"
        state.valid = "revoked"
        state.answers.clear()  # the server takes the refresh token, and its answer never comes
        victim.tell("get", f"{url}/api")
        until(lambda: state.used)
        victim.kill()
        state.answers.set()
        until(lambda: other.ask("get", f"{url}/api") == "200")
        assert (len(state.used), state.reused, state.passwords) == (1, [], 2)


# a store on a disk that fails


def test_an_entry_is_whole_whenever_its_writer_dies(tmp_path: Path) -> None:
    from tests.fleet import crash
    from tokenauth.stores import FileStore

    store = FileStore(tmp_path / "tokens")
    key = "ab" * 32
    lease = store.acquire(key, 60)
    assert lease
    assert store.save(key, b"old entry", 60, lease)
    for way in (*map(str, (0, 1, 50, 99)), "rename", "full"):
        status = crash.run(store.folder, key, lease.fence, way)
        assert status == {"full": 0, "rename": -signal.SIGKILL}.get(way, -signal.SIGXFSZ), way
        assert FileStore(store.folder).load(key) == b"old entry", way
    assert store.save(key, b"newer", 60, lease), "nobody left a lock behind"
    assert store.load(key) == b"newer"
    left = [path for path in store.folder.iterdir() if ".entry." in path.name]
    assert len(left) <= 5
    for path in left:
        os.utime(path, (1, 1))
    FileStore(store.folder)
    assert not any(path.exists() for path in left), "what was half written is swept"
