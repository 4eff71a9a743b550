"""A store that is down, slow, full or in the way harms nobody: tokens are then the process's own; one warning."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
import requests

from tests.clients import AWAITING, CLIENTS, Awaiting, Client
from tests.servers import Received, Reply
from tests.stores import DictStore, Spied, redis_server, shelf_name, worker
from tests.support import ManualClock, TokenServer, until, with_clock
from tokenauth import PlatformAuth, TokenAuth, TokenAuthError
from tokenauth.sandbox import credentials, serve_in_thread
from tokenauth.stores import FileStore, RedisStore, _sealed

pytestmark = pytest.mark.usefixtures("quick_seals")
WARNED = "the store failed"


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def renew(auth: TokenAuth) -> str:
    """Return a token that is not from the memory cache."""
    auth._source.tokens.cache.drop(auth._source.tokens.key)
    return auth.get_token().value


def fail(_: str) -> None:
    raise OSError(28, "No space left on device")


def fail_on(*names: str) -> Callable[[str], None]:
    return lambda name: fail(name) if name in names else None


@pytest.mark.parametrize(
    "broken", [("load",), ("acquire",), ("save",), ("release",), ("load", "save", "acquire", "release")], ids=str
)
def test_a_store_that_fails_is_left_alone_and_used_again_when_it_works(
    server: TokenServer, broken: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    clock, store = ManualClock(), Spied(DictStore(), fail_on(*broken))
    auth = with_clock(worker(server, store), clock)
    for number in range(1, 5):
        assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
        assert server.logins <= number
        auth._source.tokens.cache.drop(auth._source.tokens.key)
        clock.move(4)
    assert len([text for text in warned(caplog) if WARNED in text]) == (0 if broken == ("release",) else 1)
    store.before = bool
    clock.move(6)
    renew(auth)
    store.calls.clear()
    assert renew(auth) == renew(auth), "it is used again"
    assert set(store.calls) == {"load"}
    other = with_clock(worker(server, store), clock)
    assert other.get_token() == auth.get_token()


def test_a_store_that_fails_is_not_asked_for_a_while(server: TokenServer) -> None:
    clock, store = ManualClock(), Spied(DictStore(), fail)
    auth = with_clock(worker(server, store), clock)
    for _ in range(5):
        renew(auth)
    assert store.calls == ["load"]


class Slow:
    """Something to call first: it waits until it is told to go on."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.within = threading.Semaphore(0)

    def __call__(self, _: str) -> None:
        self.within.release()
        self.go.wait(20)


def test_a_store_that_hangs_holds_up_one_request_and_warns_once(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock, slow = ManualClock(), Slow()
    store = Spied(DictStore(), slow)
    auth = with_clock(worker(server, store, timeout=3.0), clock)
    try:
        for _ in range(3):
            assert renew(auth).startswith("token-")
        assert store.calls == ["load"]
        clock.move(6)
        renew(auth)
        assert store.calls == ["load"] * 2
        assert len(warned(caplog)) == 1
    finally:
        slow.go.set()


def test_a_call_that_ends_too_late_does_not_count_as_recovery(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock, slow, strangers = ManualClock(), Slow(), set(threading.enumerate())
    store = Spied(DictStore(), slow)
    auth = with_clock(worker(server, store, timeout=3.0), clock)
    renew(auth)
    slow.go.set()
    until(lambda: strangers.issuperset(each for each in threading.enumerate() if each.name.startswith("tokenauth-")))
    slow.go.clear()
    clock.move(6)
    try:
        renew(auth)
        assert store.calls == ["load"] * 2
        assert len(warned(caplog)) == 1
    finally:
        slow.go.set()


def _with_refresh_token(server: TokenServer) -> Callable[[Received], Reply | None]:
    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        login = server.login()
        assert isinstance(login.body, dict)
        return Reply(200, {**login.body, "refresh_token": f"r-{server.user}"})

    return answer


@pytest.mark.parametrize("spoil", ["nothing", "save fails", "evicted"])
def test_a_refresh_token_is_used_only_where_the_fleet_can_be_told(server: TokenServer, spoil: str) -> None:
    server.answer = _with_refresh_token(server)
    inner = DictStore()
    store = Spied(inner)
    auth = worker(server, store, refreshes=True)
    auth.get_token()
    if spoil == "save fails":
        store.before = fail_on("save")
    if spoil == "evicted":
        inner.entries.clear()
    server.revoke()
    assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
    assert [call.body for call in server.token_calls] == [
        b"",
        f"r-{server.user}".encode() if spoil == "nothing" else b"",
    ]


def test_a_lease_that_comes_too_late_is_given_back(server: TokenServer) -> None:
    slow, inner = Slow(), DictStore()
    auth = worker(server, Spied(inner, lambda name: slow(name) if name == "acquire" else None), timeout=3.0)
    assert auth.get_token().value == "token-1"
    slow.go.set()
    until(lambda: next(inner.fences) > 1 and not inner.leases)


@pytest.mark.parametrize("moment", ["acquire", "login"])
@pytest.mark.parametrize("client", AWAITING, ids=str)
def test_a_cancelled_caller_gives_the_lease_back(client: Awaiting, server: TokenServer, moment: str) -> None:
    """Whether it waits for the lease, or has it: then at the end of the login, which goes on without it."""
    slow, inner, answered = Slow(), DictStore(), threading.Event()
    store = Spied(inner, lambda name: slow(name) if name == "acquire" else None)
    if moment == "login":
        slow.go.set()
        server.answer = lambda request: _gated(request, answered)
    auth = worker(server, store, timeout=60)

    async def main() -> None:
        async with client.scope() as cancel:

            async def canceller() -> None:
                if moment == "acquire":
                    await client.until(lambda: slow.within.acquire(blocking=False))
                else:
                    await client.until(lambda: server.token_calls)
                cancel()

            await client.gather([auth.aget_token, canceller])

    client.run(main)
    slow.go.set()
    assert moment == "acquire" or inner.leases
    answered.set()
    until(lambda: next(inner.fences) > 1 and not inner.leases)
    server.answer = lambda request: None
    assert worker(server, inner, timeout=60).get_token()


def _gated(request: Received, gate: threading.Event) -> Reply | None:
    if request.path == "/token":
        gate.wait(20)
    return None


@pytest.mark.parametrize("client", AWAITING, ids=str)
def test_calls_of_a_store_do_not_block_the_event_loop(client: Awaiting, server: TokenServer) -> None:
    slow = Slow()
    auth = worker(server, Spied(DictStore(), slow), timeout=60)
    beats = 0

    async def main() -> Any:
        nonlocal beats

        async def heart() -> None:
            nonlocal beats
            await client.until(lambda: slow.within.acquire(blocking=False))  # the store is at work now
            for _ in range(20):
                await client.sleep(0.01)
                beats += 1
            slow.go.set()

        return await client.gather([heart, auth.aget_token])

    _, token = client.run(main)
    assert token.value == "token-1"
    assert beats == 20


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_every_client_shares_through_a_store(client: Client, server: TokenServer) -> None:
    store = DictStore()
    for _ in range(3):
        assert client.get(worker(server, store), server.api) == 200
    assert server.logins == 1
    server.revoke()
    stale = worker(server, store)
    assert client.get(stale, server.api) == 200
    assert server.logins == 2


NONSENSE = {"int": 5, "text": "text", "object": object(), "list": [1], "huge": 1 << 60, "true": True, "false": False}


@pytest.mark.parametrize(
    ("method", "garbage"),
    [(each, name) for each in ("load", "acquire") for name in NONSENSE]
    + [("save", name) for name in (*NONSENSE, "none") if name not in {"true", "false"}],
)
def test_a_store_that_returns_nonsense_harms_nobody_and_is_named(
    server: TokenServer, method: str, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wrote it learns which method returned what."""
    result = NONSENSE.get(garbage)
    kind = type(f"Nonsense{method}", (DictStore,), {method: lambda *_: result})
    auth = worker(server, kind())
    assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
    (warning,) = warned(caplog)
    assert WARNED in warning
    assert f"{method} returned {type(result).__name__}, not" in warning


@pytest.mark.parametrize("entry", [b"", b"garbage"], ids=repr)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_entry_that_is_not_ours_is_told_of_as_such(
    server: TokenServer, entry: bytes, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Drivers of databases return bytes in several forms."""
    store = type("Forged", (DictStore,), {"load": lambda *_: kind(entry)})()
    assert requests.get(server.api, auth=worker(server, store), timeout=10).status_code == 200
    assert ["damaged or forged" in each for each in warned(caplog)] == [True]


@pytest.mark.parametrize("method", ["load", "save", "acquire"])
@pytest.mark.parametrize(
    "problem",
    [asyncio.CancelledError(), SystemExit(1), GeneratorExit(), TokenAuthError("of the store's own client")],
    ids=repr,
)
def test_whatever_a_store_raises_it_is_down_and_nothing_else(
    server: TokenServer, method: str, problem: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """A bridge to async code raises CancelledError, gevent's Timeout is no Exception, and a store may use tokenauth."""

    def before(name: str) -> None:
        if name == method:
            raise problem

    auth = worker(server, Spied(DictStore(), before))
    assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
    (warning,) = warned(caplog)
    assert WARNED in warning
    assert type(problem).__name__ in warning


def test_an_interrupt_is_nobodys_fault(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker(server, Spied(DictStore(), interrupted)).get_token()
    assert not warned(caplog)


def test_redis_may_go_and_come_back(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    with redis_server(maxmemory="0") as url:  # one of our own, which can be ended
        auth = with_clock(worker(server, RedisStore(url)), clock)
        assert auth.get_token().value == "token-1"
    for number in range(2, 5):
        assert renew(auth) == f"token-{number}"
        clock.move(3)
    assert len(warned(caplog)) == 1
    assert "ConnectionError" in warned(caplog)[0]


def test_a_redis_that_is_full_or_read_only_harms_nobody(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    with redis_server() as url:
        store = RedisStore(url)
        store._client.config_set("maxmemory", 1)
        try:
            assert worker(server, store).get_token().value == "token-1"
        finally:
            store._client.config_set("maxmemory", 0)
        assert "memory" in warned(caplog)[0]
        assert len(warned(caplog)) == 1


def test_a_fence_that_redis_has_forgotten_does_not_stop_saving(server: TokenServer) -> None:
    with redis_server() as url:
        store, key = RedisStore(url, prefix="evicted:"), "ab" * 32
        for _ in range(3):
            lease = store.acquire(key, 10)
            assert lease
            store.save(key, b"old", 10, lease)
            store.release(key, lease)
        store._client.delete(store._key(key, "fence"))
        lease = store.acquire(key, 10)
        assert lease
        assert store.save(key, b"new", 10, lease)
        assert store.load(key) == b"new"


@pytest.mark.parametrize("part", ["fence", "entry"])
def test_a_fence_that_is_no_number_does_not_stop_saving(server: TokenServer, part: str) -> None:
    with redis_server() as url:
        store, raw = RedisStore(url, prefix=f"edited-{part}:"), redis.Redis.from_url(url)
        auth = worker(server, store)
        key = store._key(shelf_name(auth), part)
        if part == "fence":
            raw.set(key, "nonsense")
        else:
            raw.hset(key, mapping={"entry": b"\xff", "fence": "nonsense"})
        assert auth.get_token() == worker(server, store).get_token()


def test_a_lease_that_redis_would_keep_for_ever_stops_nobody(server: TokenServer) -> None:
    """A dump that was restored, PERSIST, or somebody's own key: ours always end."""
    with redis_server() as url:
        store, raw = RedisStore(url, prefix="stuck:"), redis.Redis.from_url(url)
        auth = worker(server, store, timeout=40.0)
        for stuck in (raw.set, raw.rpush):
            raw.delete(*raw.keys("stuck:*"), "none")
            stuck(store._key(shelf_name(auth), "lease"), "7")
            assert renew(auth) == f"token-{server.logins}"
            assert requests.get(server.api, auth=worker(server, store), timeout=10).status_code == 200
        assert server.logins == 2, "and its token is shared"


def test_a_folder_that_is_removed_is_made_again(server: TokenServer, tmp_path: Any) -> None:
    store = FileStore(tmp_path / "tokens")
    store.folder.rmdir()
    for _ in range(2):
        assert requests.get(server.api, auth=worker(server, store), timeout=10).status_code == 200
    assert server.logins == 1
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_again_harms_nobody(
    server: TokenServer, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileStore(tmp_path / "tokens")
    store.folder.rmdir()
    store.folder.touch()
    assert requests.get(server.api, auth=worker(server, store), timeout=10).status_code == 200
    assert len(warned(caplog)) == 1


def test_what_a_process_could_not_save_is_not_replaced_by_something_older(server: TokenServer) -> None:
    """Each login ends the older tokens, so what the store had before our own login is dead."""
    clock, store = ManualClock(), Spied(DictStore())
    auth, other = (with_clock(worker(server, store, discards_older=True), clock) for _ in range(2))
    assert auth.get_token() == other.get_token()
    store.before = fail
    auth.invalidate()
    clock.move(1)
    server.revoke()
    assert auth.get_token().value == "token-2"
    store.before = bool
    clock.move(10)
    server.revoke()
    assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
    assert auth.get_token().value == "token-3"
    assert requests.get(server.api, auth=other, timeout=10).status_code == 200
    assert server.logins == 3


def test_a_holder_that_sleeps_past_its_lease_saves_nothing(server: TokenServer) -> None:
    clock, store = ManualClock(), DictStore()
    auth = with_clock(worker(server, store), clock)

    def answer(request: Received) -> Reply | None:
        clock.move(6)  # a lease is 5 s
        return None

    server.answer = answer
    assert auth.get_token().value == "token-1"
    assert store.entries == {}


def test_a_holder_that_slept_takes_what_a_later_one_saved(server: TokenServer) -> None:
    clock, store = ManualClock(), DictStore()
    sleeper, other = (with_clock(worker(server, store, discards_older=True), clock) for _ in range(2))

    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            server.answer = lambda request: None
            clock.move(6)
            store.leases.clear()
            assert other.get_token().value == "token-1"
            clock.move(1)
        return None

    server.answer = answer
    assert sleeper.get_token().value == "token-2"
    server.valid.discard("token-2")
    assert requests.get(server.api, auth=sleeper, timeout=10).status_code == 200
    assert sleeper.get_token().value == "token-1"
    assert server.logins == 2


def test_a_callable_for_a_secret_that_fails_is_no_fault_of_the_store(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise KeyError("vault")

    with pytest.raises(TokenAuthError, match="password raised KeyError"):
        worker(server, DictStore(), password=broken).get_token()
    assert not [text for text in warned(caplog) if WARNED in text]


def test_a_key_that_cannot_be_made_harms_nobody(
    server: TokenServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where 32 MiB of memory are not to be had."""
    monkeypatch.setitem(_sealed._COST, "maxmem", 1024)
    auth = worker(server, DictStore(), password="of this test alone")
    assert [auth.get_token().value, renew(auth)] == ["token-1", "token-2"]
    assert len([text for text in warned(caplog) if WARNED in text]) == 1


def test_a_rejection_is_known_to_all_and_forgotten_after_a_minute(server: TokenServer) -> None:
    clock, store = ManualClock(), DictStore()
    server.answer = lambda request: Reply(401) if request.path == "/token" else None
    for _ in range(3):
        with pytest.raises(TokenAuthError, match="refused"):
            with_clock(worker(server, store), clock).get_token()
    assert len(server.token_calls) == 1
    clock.move(61)
    server.answer = lambda request: None
    assert with_clock(worker(server, store), clock).get_token().value == "token-1"


def test_an_adopted_token_keeps_its_times(server: TokenServer) -> None:
    clock, store = ManualClock(), DictStore()
    first = with_clock(worker(server, store), clock)
    first.get_token()
    clock.move(1800)
    second = with_clock(worker(server, store), clock)
    second.get_token()
    one, two = first._source.tokens.held(), second._source.tokens.held()
    assert one
    assert two
    assert two.usable_until == pytest.approx(one.usable_until)
    assert 0.70 * 3600 - 1801 <= two.refresh_from - clock.monotonic_now <= 0.80 * 3600 - 1799


def test_a_token_from_a_machine_whose_clock_is_ahead_is_used_no_longer_than_it_lives(server: TokenServer) -> None:
    ahead, right, store = ManualClock(), ManualClock(), DictStore()
    ahead.wall_now += 7200
    token = with_clock(worker(server, store), ahead).get_token()
    second = with_clock(worker(server, store), right)
    assert second.get_token().value == token.value
    held = second._source.tokens.held()
    assert held
    assert held.since <= right.monotonic_now
    assert held.usable_until <= right.monotonic_now + 3600
    assert held.wall_until <= right.wall_now + 3600


def test_what_a_machine_whose_clock_is_ahead_has_saved_can_be_dropped(server: TokenServer) -> None:
    ahead, right, store = ManualClock(), ManualClock(), DictStore()
    ahead.wall_now += 7200
    token = with_clock(worker(server, store), ahead).get_token()
    second = with_clock(worker(server, store), right)
    assert second.get_token().value == token.value
    second.invalidate()
    assert second.get_token().value != token.value
    assert server.logins == 2


# two processes without a store


def test_a_rival_is_noticed_and_the_warning_names_the_option(caplog: pytest.LogCaptureFixture) -> None:
    with serve_in_thread() as sandbox:
        auths = [
            PlatformAuth(
                f"{sandbox.url}/Token",
                username=credentials.PLATFORM_USERNAME,
                password=credentials.PLATFORM_PASSWORD,
                cache={},
            )
            for _ in range(2)
        ]
        for _ in range(8):
            for auth in auths:
                assert requests.get(f"{sandbox.url}/platform/api/x", auth=auth, timeout=10).status_code == 200
        assert sandbox.live["platform"].counts["logins"] == 16
    texts = [text for text in warned(caplog) if "another process" in text]
    assert len(texts) == 2, "once for each of the two"
    assert all("store=" in text and credentials.PLATFORM_PASSWORD not in text for text in texts)
    caplog.clear()


def test_no_rival_no_warning(server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    auth = with_clock(worker(server, DictStore()), clock)
    for _ in range(6):
        clock.move(120)
        server.revoke()
        assert requests.get(server.api, auth=auth, timeout=10).status_code == 200
    assert warned(caplog) == []


def test_a_slow_store_does_not_stop_the_loops_heart(server: TokenServer) -> None:
    """Each of its calls goes on until the loop has gone on."""
    beats, calls = 0, []

    def wait_for_a_beat(call: str) -> None:
        before = beats
        until(lambda: beats > before)
        calls.append(call)

    auth = worker(server, Spied(DictStore(), wait_for_a_beat), timeout=30)

    async def main() -> None:
        nonlocal beats
        done = asyncio.create_task(auth.aget_token())
        while not (done.done() and "release" in calls):
            await asyncio.sleep(0.005)
            beats += 1
        assert done.result().value == "token-1"

    asyncio.run(main())
    assert calls == ["load", "acquire", "load", "save", "release"]


def test_a_token_that_was_saved_late_is_put_in_use_once(server: TokenServer) -> None:
    """By then it may have been refused, or there is a newer one."""
    slow, told, strangers = Slow(), list[str](), set(threading.enumerate())
    store = Spied(DictStore(), lambda name: slow(name) if name == "save" else None)
    auth = worker(server, store, timeout=3.0, on_event=lambda event: told.append(event.kind))
    try:
        refused = auth.get_token()
        auth.refused(server.url, auth.headers(server.url))
    finally:
        slow.go.set()
    until(lambda: strangers.issuperset(each for each in threading.enumerate() if each.name.startswith("tokenauth-")))
    assert told.count("fetched") == 1
    assert auth.get_token() != refused
