"""Refresh tokens that rotate, and a server that takes the second use of one for theft, in a fleet that is killed."""

import random
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fleet.process import Process, processes, store_of
from tests.servers import Received, Reply, serve
from tokenauth.stores import FileStore

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")


@dataclass
class Family:
    """What came of one consent, or of the logins of one user (RFC 9700 §4.14). `grace`: seconds for which the last one
    that was used may be used again, in case its answer was lost."""

    grace: float = 0.0
    current: str = "r-1"
    valid: set[str] = field(default_factory=set)
    used: dict[str, float] = field(default_factory=dict)
    lost: int = 0
    refreshes: int = 0
    passwords: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Received) -> Reply:
        with self.lock:
            if request.path != "/token":
                given = request.headers.get("authorization", "").removeprefix("Bearer ")
                return Reply(200 if given in self.valid else 401)
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            if form["grant_type"] == "password":
                self.passwords += 1
            else:
                given, now = form["refresh_token"], time.monotonic()
                again = now < self.used.get(given, 0.0) + self.grace
                if self.lost or not (given == self.current or again):
                    self.lost += given in self.used
                    return Reply(400, {"error": "invalid_grant"})
                self.used.setdefault(given, now)
                self.refreshes += 1
            self.current, token = (secrets.token_hex(8) for _ in range(2))
            self.valid.add(token)
            tokens = {"access_token": token, "refresh_token": self.current}
            return Reply(200, {"token_type": "Bearer", "expires_in": 3600, **tokens})

    def revoke(self) -> None:
        """End the access tokens, and nothing else."""
        with self.lock:
            self.valid.clear()


@contextmanager
def served(**settings: Any) -> Iterator[tuple[Family, str]]:
    family = Family(**settings)
    with serve(family) as server:
        yield family, server.url


def rounds(family: Family, url: str, settings: dict[str, Any], *, count: int, seconds: float, seed: int) -> int:
    """Have *count* processes use the API, while its tokens are revoked and some process is killed; return how often.

    One is killed in each round, somewhere in its renewal or before or after it, and replaced.
    """
    chance, done = random.Random(seed), 0
    with ExitStack() as stack:

        def another() -> Process:
            process = Process(settings)
            stack.callback(process.close)
            assert process.answer() == "ready"
            return process

        fleet = [another() for _ in range(count)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            family.revoke()
            for process in fleet:
                process.tell("get", f"{url}/api")
            time.sleep(chance.uniform(0.0, 0.05))
            fleet.pop(chance.randrange(count)).kill()
            assert [process.answer() for process in fleet] == ["200"] * (count - 1)
            fleet.append(another())
            done += 1
    return done


def test_a_brought_one_is_used_once_by_the_whole_fleet(place: dict[str, Any]) -> None:
    """And by whoever comes after it, with the first one in hand."""
    with served() as (family, url):
        settings = {**place, "url": url, "grant": "refresh", "refresh_token": "r-1", "timeout": 30.0}
        for generation in range(2):
            with processes(4, settings) as fleet:
                for number in range(3):
                    family.revoke()
                    for process in fleet:
                        process.tell("get", f"{url}/api")
                    assert [process.answer() for process in fleet] == ["200"] * 4
                    assert (family.refreshes, family.lost) == (3 * generation + number + 1, 0)


def lose(place: dict[str, Any]) -> None:
    """Remove what is in the store, as an eviction does, or who cleans up."""
    store = store_of(place)
    if isinstance(store, FileStore):
        assert store.clear()
    else:
        found = [*store._client.scan_iter(f"{store._prefix}*")]
        assert store._client.delete(*found)


def test_who_adopts_a_token_knows_the_refresh_token_that_comes_next(place: dict[str, Any]) -> None:
    """Though the store loses it: an older one would be the second use of it, and the end of them all."""
    with served() as (family, url):
        settings = {**place, "url": url, "grant": "refresh", "refresh_token": "r-1", "timeout": 10.0, "patient": True}
        with processes(3, settings) as fleet:
            for number in range(3):
                for process in (*fleet[number:], *fleet[:number]):  # another one renews each time
                    assert process.ask("get", f"{url}/api") == "200"
                lose(place)
                family.revoke()
                assert (family.refreshes, family.lost) == (number + 1, 0)


KILLED = [
    pytest.param(3, 1.0, id="quick"),
    pytest.param(8, 20.0, id="slow", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("count", "seconds"), KILLED)
def test_under_kills_credentials_are_used_and_no_refresh_token_twice(
    place: dict[str, Any], count: int, seconds: float
) -> None:
    with served() as (family, url):
        settings = {**place, "url": url, "grant": "password", "timeout": 10.0}
        assert rounds(family, url, settings, count=count, seconds=seconds, seed=1) > 0
        assert family.lost == 0


@pytest.mark.parametrize(("count", "seconds"), KILLED)
def test_under_kills_a_brought_one_is_used_again_only_where_its_answer_was_lost(
    place: dict[str, Any], count: int, seconds: float
) -> None:
    with served(grace=60.0) as (family, url):
        settings = {**place, "url": url, "grant": "refresh", "refresh_token": "r-1"}
        settings |= {"timeout": 10.0}
        done = rounds(family, url, settings, count=count, seconds=seconds, seed=2)
        assert done > 0
        assert family.lost == 0
        assert family.refreshes <= 2 * done + 1
