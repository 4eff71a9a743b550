"""A shelf, played by hand: each effect is performed by the test, when and as often as it likes."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.stores import DictStore, SecretProvider, Spied
from tests.support import ManualClock, until
from tokenauth import Token
from tokenauth._core.clock import Clock
from tokenauth._core.record import Record
from tokenauth.stores import Lease, _sealed, _seats
from tokenauth.stores._sealed import Seals
from tokenauth.stores._shelf import Hold, ShelfInStore

KNOWS_THE_LOCK_OVER_A_FORK = """
import os, threading

def free():
    found = []
    thread = threading.Thread(target=lambda: found.append(lock.acquire(blocking=False) and not lock.release()))
    thread.start()
    thread.join()
    return found[0]

seen = []
os.register_at_fork(before=lambda: seen.append(free()))  # before the import, so it runs when the lock is taken

from tokenauth.stores._sealed import SEALS
lock = SEALS.lock

child = os.fork()
seen.append(free())
if not child:
    os._exit(seen != [False, True])
assert os.waitpid(child, 0)[1] == 0, "in the child"
assert seen == [False, True], seen
"""


@pytest.fixture
def store() -> Spied:
    return Spied(DictStore())


@pytest.fixture
def shelf(store: Spied, clock: ManualClock) -> ShelfInStore:
    return ShelfInStore(store, SecretProvider("http://token.example"), timeout=10.0, clock=clock.clock)


def asked(outcome: Any) -> "Future[Any]":
    """Return the future of what was asked of a store: it has come, and nobody waits for it any more."""
    future: Future[Any] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return future


@pytest.mark.parametrize("problem", [OSError(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()], ids=repr)
def test_a_lease_that_can_not_be_released_ends_by_itself(
    shelf: ShelfInStore, store: Spied, problem: BaseException
) -> None:
    """Whatever the store raises: nobody would catch it in the thread of the release."""

    def before(name: str) -> None:
        raise problem

    store.before = before
    shelf._release("name", Lease(1))
    assert store.calls == ["release"]


def test_nothing_is_given_back_where_no_lease_came_too_late(shelf: ShelfInStore, store: Spied) -> None:
    ask = shelf.acquire()
    held = ask.function()
    assert ask.function() is None, "another has it"
    for outcome in (None, KeyError("vault"), Hold(1010.0, None)):
        ask.late(asked(outcome), 1.0)
    ask.late(asked(held), 1.0)
    until(lambda: "release" in store.calls)
    assert store.calls == ["acquire", "acquire", "release"]
    assert ask.function(), "it is free again"


def test_a_store_works_again_when_all_of_it_does(
    shelf: ShelfInStore, store: Spied, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        raise OSError("down")

    def told() -> list[str]:
        return [record.levelname for record in caplog.records]

    caplog.set_level(logging.INFO, "tokenauth")
    store.before = fail
    for ask in (shelf.load(), shelf.acquire()):
        ask.function()
        clock.move(6)
    assert told() == ["WARNING"], "once for both"
    store.before = bool
    assert shelf.load().function() is None
    assert told() == ["WARNING"], "the lease has not been seen to work"
    assert shelf.acquire().function().lease
    assert told() == ["WARNING", "INFO"]
    assert caplog.records[-1].getMessage() == "Test user u-1: the store works again"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
def test_the_lock_of_the_seals_is_held_over_a_fork_and_free_on_both_sides() -> None:
    command = [sys.executable, "-W", "error", "-c", KNOWS_THE_LOCK_OVER_A_FORK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_takes_one_seat_and_none_where_all_are_taken() -> None:
    store = DictStore()
    assert _seats.take(store, "free")
    assert _seats.take(store, "free"), "it has one"
    assert _seats.leave(store, "free")
    assert not _seats.occupied(store, "free"), "it took no second one"
    assert not _seats.leave(store, "free")
    for key in _seats._keys("full"):
        store.acquire(key, 60.0)
    assert not _seats.take(store, "full")


def test_a_process_that_runs_for_months_moves_to_another_seat() -> None:
    store = DictStore()
    assert _seats.take(store, "aged")
    place = _seats._place(store, "aged")
    seat = _seats._taken[place]
    _seats._taken[place] = seat._replace(since=seat.since - _seats.SECONDS / 2)
    assert _seats.take(store, "aged")
    assert _seats._taken[place].key != seat.key
    assert store.acquire(seat.key, 60.0), "the old one is free"
    assert _seats.leave(store, "aged")


def test_a_seal_that_could_not_be_made_is_made_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 32 MiB, which there may not be."""
    seals = Seals()
    with monkeypatch.context() as short:
        short.setitem(_sealed._COST, "maxmem", 1024)
        with pytest.raises(ValueError, match="memory limit"):
            seals.of(("s-4711",), b"p")
    monkeypatch.setitem(_sealed._COST, "n", 2)
    assert seals.of(("s-4711",), b"p") is seals.of(("s-4711",), b"p")


def test_a_store_that_had_less_time_than_is_its_due_is_not_out_of_order(
    shelf: ShelfInStore, store: Spied, caplog: pytest.LogCaptureFixture
) -> None:
    """Its caller had less, or the time went into the key."""
    ask, come = shelf.load(), threading.Event()
    store.before = lambda _: come.wait(10)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask.function)
        until(lambda: "load" in store.calls)
        assert ask.late(asking, ask.seconds / 4) is None
        assert not caplog.records
        assert ask.late(asking, ask.seconds) is None
        come.set()
    assert "took longer than 2 s" in caplog.text


@pytest.mark.parametrize("method", ["load", "acquire", "save"])
def test_a_store_that_begins_to_hang_later_is_out_of_order(
    method: str, store: Spied, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The key is known by then, but to look it up takes a moment."""

    def ticks() -> float:
        clock.move(0.0001)
        return clock.monotonic_now

    ticking = Clock(ticks, lambda: clock.wall_now)
    shelf = ShelfInStore(store, SecretProvider("http://token.example"), timeout=10.0, clock=ticking)
    held, come = shelf.acquire().function(), threading.Event()
    ask = (
        shelf.save(Record.of_token(Token("t"), clock.wall_now), held) if method == "save" else getattr(shelf, method)()
    )
    store.before = lambda _: come.wait(10)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask.function)
        until(lambda: store.calls[-1:] == [method])
        ask.late(asking, ask.seconds)
        come.set()
    assert "took longer than 2 s" in caplog.text


@pytest.mark.parametrize("hangs", ["at its first call", "later"])
def test_a_key_that_is_late_is_not_the_stores_fault_and_the_store_is_asked_again(
    hangs: str, store: Spied, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A callable for a secret hangs until the time is all but over, or for good."""
    come = threading.Event()

    def vault() -> str:
        if hanging:
            assert come.wait(10)
            clock.move(4.4)
        return "s-4711"

    caplog.set_level(logging.WARNING, "tokenauth")
    shelf = ShelfInStore(store, SecretProvider("https://token.example", password=vault), timeout=10, clock=clock.clock)
    if hangs == "later":
        hanging = False
        shelf.key()
    hanging = True
    first, second = shelf.load(), shelf.load()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(first.function)
        assert first.late(asking, first.seconds) is None
        assert second.function() is None, "who comes now doesn't wait as well"
        clock.move(5)
        hanging = False
        assert shelf.acquire().function().lease, "but the store is asked again"
        hanging = True
        store.before = lambda name: first.late(asking, first.seconds) if name == "load" else None
        come.set()
        assert asking.result(10) is None
    hanging = False
    assert shelf.load().function() is None
    assert store.calls[-2:] == ["load", "load"], "it is asked at once"
    assert not caplog.records


def test_the_lease_ends_after_a_save_that_is_late(shelf: ShelfInStore, store: Spied, clock: ManualClock) -> None:
    """Else another process could take over in between, and what was saved would not count."""
    held = shelf.acquire().function()
    saving: Future[Any] = Future()
    assert shelf.save(Record.of_token(Token("t"), clock.wall_now), held).late(saving, 2.0) is False
    shelf.release_soon(held)
    assert "release" not in store.calls
    saving.set_result(True)
    until(lambda: "release" in store.calls)


ENDS = """
import contextlib, sys, threading, time
from tests.stores import DictStore
from tokenauth import LoginAuth, TokenEndpointError

class Slow(DictStore):
    def release(self, key, lease):
        threading.main_thread().join()
        time.sleep(0.2)
        print("released", flush=True)

auth = LoginAuth(sys.argv[1], json={"user": "u", "password": "p-1 not a password"}, token="token", store=Slow())
with contextlib.suppress(TokenEndpointError):
    auth.get_token()
"""


def test_a_process_that_ends_after_a_failed_login_releases_the_lease(closed_port: int) -> None:
    """Or the next one waits until the lease is over."""
    command = [sys.executable, "-c", ENDS, f"http://127.0.0.1:{closed_port}/login"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "released\n"
