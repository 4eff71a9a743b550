"""One contract for all stores: FileStore, RedisStore, a user's own, and the one that the docs show."""

import copy
import logging
import os
import pickle
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.stores import PASSWORD, DictStore, SecretProvider, contents, put, redis_server, shelf_name, worker
from tests.support import Masked, TokenServer, until
from tokenauth import TokenAuth
from tokenauth.providers import Provider
from tokenauth.stores import FileStore, Lease, RedisStore, Store
from tokenauth.stores._sealed import NotOurs, Seal

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "your-own-store.md"
pytestmark = pytest.mark.usefixtures("quick_seals")
Make = Callable[[], Any]
"""Returns the store, each time as another process would open it."""


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


def documented(path: Path) -> Store:
    """Return the docs' example of a store, at *path*."""
    namespace: dict[str, Any] = {"__name__": "docs"}
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "class SQLStore" in block)
    exec(compile(block.split("\nauth = ")[0], str(DOCS), "exec"), namespace)
    store: Store = namespace["SQLStore"](path)
    return store


@pytest.fixture(params=["file", "redis", "redis-text", "dict", "docs"])
def make(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Make:
    prefix = f"test-{secrets.token_hex(4)}:"
    shared = DictStore()
    makers: dict[str, Make] = {
        "file": lambda: FileStore(tmp_path / "tokens"),
        "redis": lambda: RedisStore(redis_url, prefix=prefix),
        "redis-text": lambda: RedisStore(text_client(redis_url), prefix=prefix),
        "dict": lambda: shared,
        "docs": lambda: documented(tmp_path / "tokens.db"),
    }
    return makers[request.param]


def text_client(url: str) -> Any:
    import redis

    return redis.Redis.from_url(url, decode_responses=True)


@pytest.fixture
def key() -> str:
    return secrets.token_hex(32)


EVERY_BYTE = bytes(range(256))


# what the four methods promise


def test_is_a_store(make: Make) -> None:
    assert isinstance(make(), Store)


def test_what_is_saved_is_loaded_by_all(make: Make, key: str) -> None:
    store = make()
    assert store.load(key) is None
    lease = store.acquire(key, 10)
    assert store.save(key, EVERY_BYTE, 10, lease)
    assert make().load(key) == EVERY_BYTE
    assert store.save(key, b"newer", 10, lease)
    assert make().load(key) == b"newer"
    assert store.load(secrets.token_hex(32)) is None


def test_an_entry_ends_by_itself(make: Make, key: str) -> None:
    store = make()
    lease = store.acquire(key, 10)
    store.save(key, b"brief", 0.2, lease)
    until(lambda: make().load(key) is None)
    store.save(key, b"long", 60, lease)
    assert store.load(key) == b"long"


def test_a_second_holder_is_refused_until_the_first_releases(make: Make, key: str) -> None:
    first, second = make(), make()
    lease = first.acquire(key, 30)
    assert second.acquire(key, 30) is None
    assert first.acquire(key, 30) is None, "not even the holder itself"
    assert second.acquire(secrets.token_hex(32), 30), "another key is another lease"
    first.release(key, lease)
    later = second.acquire(key, 30)
    assert later.fence > lease.fence


def test_nothing_is_saved_where_a_later_lease_has_been_given(make: Make, key: str) -> None:
    """Its holder may have logged in already, and ended the token that is to be saved."""
    first, second = make(), make()
    lease = first.acquire(key, 30)
    first.release(key, lease)
    later = second.acquire(key, 30)
    assert not first.save(key, b"older", 60, lease)
    assert second.load(key) is None
    assert second.save(key, b"newer", 60, later)
    assert first.load(key) == b"newer"


def test_a_lease_ends_by_itself(make: Make, key: str) -> None:
    first, second = make(), make()
    lease = first.acquire(key, 0.2)
    later = taken(second, key)
    assert later.fence > lease.fence
    assert first.acquire(key, 30) is None


def taken(store: Any, key: str) -> Lease:
    """Return a lease on *key*, as soon as it is free."""
    leases: list[Lease] = []

    def acquired() -> bool:
        lease = store.acquire(key, 30)
        leases.extend([lease] if lease else [])
        return bool(lease)

    until(acquired)
    return leases[0]


def test_a_release_by_another_than_the_holder_does_nothing(make: Make, key: str) -> None:
    late, holder, third = make(), make(), make()
    old = late.acquire(key, 0.1)
    lease = taken(holder, key)
    late.release(key, old)
    assert third.acquire(key, 30) is None
    late.release(key, Lease(lease.fence + 1))
    assert third.acquire(key, 30) is None
    holder.release(key, lease)
    assert third.acquire(key, 30)
    late.release(secrets.token_hex(32), old)


def test_a_late_holder_does_not_overwrite_what_a_later_one_saved(make: Make, key: str) -> None:
    late, holder = make(), make()
    old = late.acquire(key, 0.1)
    lease = taken(holder, key)
    assert holder.save(key, b"newer", 30, lease)
    assert not late.save(key, b"older", 30, old)
    assert make().load(key) == b"newer"
    holder.release(key, lease)
    assert not late.save(key, b"older", 30, old)
    assert make().load(key) == b"newer"


def test_of_many_that_ask_at_once_one_gets_the_lease(make: Make, key: str) -> None:
    stores = [make() for _ in range(6)]
    barrier = threading.Barrier(len(stores))

    def ask(store: Any) -> Lease | None:
        barrier.wait(10)
        lease: Lease | None = store.acquire(key, 30)
        return lease

    with ThreadPoolExecutor(len(stores)) as pool:
        for _ in range(15):
            leases = list(pool.map(ask, stores))
            (winner,) = [index for index, lease in enumerate(leases) if lease]
            stores[winner].release(key, leases[winner])


# what is made of it


def test_workers_share_one_login(make: Make, server: TokenServer) -> None:
    for _ in range(4):
        assert requests.get(server.api, auth=worker(server, make()), timeout=10).status_code == 200
    assert server.logins == 1


def test_a_store_holds_nothing_readable(make: Make, server: TokenServer) -> None:
    store = make()
    auth = worker(server, store)
    token = auth.get_token()
    held = contents(store)
    assert shelf_name(auth).encode() in held
    for readable in (token.value, PASSWORD, server.user, server.url, "127.0.0.1", "Bearer", token.fingerprint):
        assert readable.encode() not in held


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def _flip(position: int) -> Callable[[bytes], bytes]:
    def spoil(entry: bytes) -> bytes:
        at = position % len(entry)
        return entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]

    return spoil


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    **{f"edited at {at}": _flip(at) for at in (0, 9, 10, 11, 12, 15, 24, 60, -17, -1)},
    **{f"cut to {size}": lambda entry, size=size: entry[:size] for size in (0, 1, 11, 12, 20, 24, 39, 100)},  # type: ignore[misc]
    "cut by one": lambda entry: entry[:-1],
    "longer": lambda entry: entry + b"\0",
    "garbage": lambda entry: b"\xff" * len(entry),
    "text": lambda entry: b"hello",
    "huge": lambda entry: b"x" * 3_000_000,
}


@pytest.fixture
def saved(make: Make, server: TokenServer) -> tuple[Any, TokenAuth, bytes]:
    """A store, an auth, and its entry."""
    store = make()
    auth = worker(server, store)
    auth.get_token()
    return store, auth, store.load(shelf_name(auth))


def test_a_spoilt_entry_is_refused_and_replaced(
    make: Make, saved: tuple[Any, TokenAuth, bytes], server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    store, auth, entry = saved
    for number, (name, spoil) in enumerate(SPOILS.items(), 2):
        put(store, shelf_name(auth), spoil(entry))
        caplog.clear()
        assert requests.get(server.api, auth=worker(server, make()), timeout=10).status_code == 200, name
        assert server.logins == number, name
        assert len(warnings_in(caplog)) == 1, name
        assert "damaged or forged" in warnings_in(caplog)[0]
        assert worker(server, make()).get_token().value == f"token-{number}", "it was replaced"


def test_an_entry_at_another_key_is_refused(
    make: Make, saved: tuple[Any, TokenAuth, bytes], server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    store, _, entry = saved
    other = worker(server, make(), password="another password")
    assert shelf_name(other) not in contents(store).decode("latin-1")
    put(store, shelf_name(other), entry)
    assert other.get_token().value == "token-2"
    assert "damaged or forged" in warnings_in(caplog)[0]


def test_a_seal_binds_version_and_name() -> None:
    seal = Seal(("secret",), b"purpose")
    entry = seal.close(b"content")
    assert seal.open(entry) == b"content"
    assert seal.close(b"content") != entry, "a nonce of its own"
    assert Seal(("secret",), b"another purpose").name != seal.name != Seal(("other",), b"purpose").name
    assert Seal(("a", "b"), b"").name != Seal(("ab",), b"").name
    seal.name = "0" * 64
    with pytest.raises(NotOurs):
        seal.open(entry)


def test_an_entry_of_a_later_version_is_left_alone(
    make: Make, saved: tuple[Any, TokenAuth, bytes], server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    store, auth, _ = saved
    later = b"tokenauth:2\nwhatever that means"
    put(store, shelf_name(auth), later)
    other = worker(server, make())
    for _ in range(3):
        assert requests.get(server.api, auth=other, timeout=10).status_code == 200
        other._source.tokens.cache.drop(other._source.tokens.key)
    assert store.load(shelf_name(auth)) == later
    (warning,) = warnings_in(caplog)
    assert "later tokenauth" in warning
    put(store, shelf_name(auth), b"garbage")
    other.get_token()
    assert store.load(shelf_name(auth)).startswith(b"tokenauth:1\n"), "no later version in the way any more"


def test_a_changed_secret_has_a_place_of_its_own(make: Make, server: TokenServer) -> None:
    password = ["first"]
    auth = worker(server, make(), password=lambda: password[0])
    assert auth.get_token().value == "token-1"
    place = shelf_name(auth)
    password[0] = "second"
    auth._source.tokens.cache.drop(auth._source.tokens.key)
    assert auth.get_token().value == "token-2"
    assert shelf_name(auth) != place
    assert worker(server, make(), password="second").get_token().value == "token-2"
    assert worker(server, make(), password="first").get_token().value == "token-1"


# what a store of ours can besides; whether a user's own can is its user's affair


@pytest.mark.parametrize("make", ["file", "redis", "redis-text"], indirect=True)
def test_an_auth_with_a_store_is_compared_and_copied(make: Make, server: TokenServer) -> None:
    store = make()
    auth = TokenAuth(worker(server, store)._provider, store=store)
    assert copy.deepcopy(auth) == auth
    assert copy.copy(auth) == auth


@pytest.mark.parametrize("make", ["file", "redis"], indirect=True)  # no client of redis-py can be pickled
def test_an_auth_with_a_store_is_pickled(make: Make, server: TokenServer) -> None:
    store = make()
    auth = TokenAuth(worker(server, store)._provider, store=store)
    again = pickle.loads(pickle.dumps(auth))
    assert again.get_token() == auth.get_token()
    assert server.logins == 1


def test_stores_are_equal_where_they_are_the_same_place(tmp_path: Path, redis_url: str) -> None:
    assert FileStore(tmp_path / "a") == FileStore(str(tmp_path / "a")) != FileStore(tmp_path / "b")
    assert hash(FileStore(tmp_path / "a")) == hash(FileStore(tmp_path / "a"))
    assert RedisStore(redis_url) == RedisStore(redis_url) != RedisStore(redis_url, prefix="x:")
    assert hash(RedisStore(redis_url)) == hash(RedisStore(redis_url))
    for store in (FileStore(tmp_path / "a"), RedisStore(redis_url)):
        assert pickle.loads(pickle.dumps(store)) == copy.deepcopy(store) == store
    assert FileStore(tmp_path / "a") != RedisStore(redis_url)


# what is refused at once


@pytest.mark.parametrize("store", ["redis://localhost", FileStore, object(), {}])
def test_what_is_no_store_is_refused(store: object, server: TokenServer) -> None:
    with pytest.raises(TypeError, match=r"RedisStore\(url\), .*load, save, acquire and release|call it first"):
        worker(server, store)


@pytest.mark.parametrize("name", ["load", "save", "acquire", "release"])
def test_an_async_store_is_refused(name: str, server: TokenServer) -> None:
    """What nobody awaits looks like a saved token, and like a lease."""

    async def wrong(*_: object) -> None: ...

    store = type("Mine", (DictStore,), {name: wrong})()
    with pytest.raises(TypeError, match=f"Mine.{name} must be a plain function: an async one would never run"):
        worker(server, store)


def test_a_provider_without_a_secret_or_an_identity_is_refused(server: TokenServer) -> None:
    class Anybody(SecretProvider):
        identity = Provider.identity  # type: ignore[assignment]  # the base: a place of its own each time

    with pytest.raises(ValueError, match="has none: leave out store="):
        server.auth(store=DictStore())
    with pytest.raises(ValueError, match="says what its tokens are for: define its `identity`"):
        server.auth(provider=Anybody(server.url), store=DictStore())


@pytest.mark.parametrize(
    "url",
    ["http://h", "localhost:6379", "", "redis://:hush@h:port", "redis:/h/ush"]
    + [f"rediss://:hush@h?{each}" for each in ("nonsense=1", "ssl_cert_reqs=nonsense")],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="redis://") as caught:
        RedisStore(url)
    assert str(caught.value).startswith("the store's URL must be such as redis://localhost:6379/0")
    assert "hush" not in str(caught.value)
    assert caught.value.__context__ is None


def test_clients_of_redis_are_taken_as_they_are(redis_url: str) -> None:
    import redis
    import redis.asyncio
    from redis.sentinel import Sentinel

    class Cluster(redis.RedisCluster):
        def __init__(self) -> None:
            """As it is without a server."""

        def __del__(self) -> None:
            """Likewise."""

    sentinel = Sentinel([("localhost", 1)]).master_for("fleet")  # type: ignore[no-untyped-call]
    for client in (redis.Redis.from_url(redis_url), sentinel, Cluster(), redis.StrictRedis()):
        assert RedisStore(client)._client is client
    for client in (redis.asyncio.Redis(), redis.asyncio.Redis, redis.Redis, None, 5, redis_url.encode()):
        with pytest.raises(TypeError, match="blocking client"):
            RedisStore(client)
    with pytest.raises(TypeError, match=r"such as redis\.Redis, not redis\.asyncio\.client\.Redis"):
        RedisStore(redis.asyncio.Redis())
    with pytest.raises(TypeError, match=r"blocking client.*not redis.client.Pipeline"):
        RedisStore(redis.Redis().pipeline())
    for prefix in ("{a}", "a}", None, 5):
        with pytest.raises(ValueError, match="prefix"):
            RedisStore(redis_url, prefix=prefix)  # type: ignore[arg-type]


def test_a_redis_that_lost_all_still_knows_a_later_lease(redis_url: str, key: str) -> None:
    """As after a failover to a replica that had seen nothing yet: the old holder may be about to save."""
    store = RedisStore(redis_url, prefix=f"{key}:")
    old = store.acquire(key, 30)
    store._client.delete(*store._client.keys(f"{key}:*"))
    later = store.acquire(key, 30)
    assert old
    assert later
    assert later.fence > old.fence
    assert not store.save(key, b"older", 30, old)
    store.release(key, old)
    assert store.acquire(key, 30) is None, "the later one has it"
    assert store.save(key, b"newer", 30, later)


def test_the_docs_name_the_commands_that_a_redis_user_needs(key: str) -> None:
    import redis

    (line,) = re.findall(
        r"Its Redis user needs (.*?), on keys", (DOCS.parent / "stores.md").read_text(encoding="utf-8")
    )
    commands = [f"+{each.lower()}" for each in re.findall("`([A-Z]+)`", line)]
    with redis_server(maxmemory="0") as url, redis.Redis.from_url(url) as root:
        root.execute_command("ACL", "SETUSER", "store", "on", ">p", "~tokenauth:*", *commands)
        store = RedisStore(redis.Redis.from_url(url, username="store", password="p"))
        lease = store.acquire(key, 10)
        assert lease
        assert store.save(key, b"entry", 10, lease)
        store.release(key, lease)
        assert store.load(key) == b"entry"


def test_users_whose_names_hide_themselves_have_an_entry_each(server: TokenServer, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens")
    users = [kind(user) for kind in (str, Masked) for user in ("one", "two")]
    names = [shelf_name(TokenAuth(SecretProvider(server.url, user), store=store, cache={})) for user in users]
    assert names[:2] == names[2:]
    assert names[0] != names[1]


def test_a_repr_shows_no_password(tmp_path: Path) -> None:
    store = RedisStore("redis://user:hush@localhost:1/0")
    assert "hush" not in repr(store)
    assert str(tmp_path) in repr(FileStore(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX")
class TestFolder:
    def test_is_made_for_its_owner_alone(self, tmp_path: Path, key: str) -> None:
        before = os.umask(0)
        try:
            store = FileStore(tmp_path / "deep" / "tokens")
            lease = store.acquire(key, 30)
            assert lease
            store.save(key, b"x", 30, lease)
        finally:
            os.umask(before)
        assert store.folder.stat().st_mode & 0o777 == 0o700
        modes = {path.suffix: path.stat().st_mode & 0o777 for path in store.folder.iterdir()}
        assert modes == {".entry": 0o600, ".lease": 0o600, ".alive": 0o600, ".lock": 0o600}

    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
    def test_that_others_can_write_is_refused(self, tmp_path: Path, mode: int) -> None:
        folder = tmp_path / "tokens"
        folder.mkdir()
        folder.chmod(mode)
        with pytest.raises(ValueError, match="chmod 700"):
            FileStore(folder)

    def test_without_rights_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/tokenauth")):
            with pytest.raises(ValueError, match="for tokens"):
                FileStore(folder)

    @pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux")
    def test_that_cannot_be_written_is_refused(self) -> None:
        with pytest.raises(ValueError, match="for tokens"):
            FileStore("/proc/self/task")  # nobody can, not even root

    def test_of_somebody_else_is_refused(self, tmp_path: Path) -> None:
        folder = Path("/")  # root's
        if os.geteuid() == 0:
            folder = tmp_path
            try:
                os.chown(folder, 12345, -1)
            except PermissionError:
                pytest.skip("root without the rights of root")
        with pytest.raises(ValueError, match="another user"):
            FileStore(folder)

    def test_keeps_what_is_not_ours(self, tmp_path: Path, server: TokenServer) -> None:
        folder = tmp_path / "tokens"
        folder.mkdir(0o700)
        foreign = {"notes.txt": b"mine", "a.entry": b"mine", f"{'0' * 63}.entry": b"mine", ".lock": b"mine"}
        for name, content in foreign.items():
            (folder / name).write_bytes(content)
            os.utime(folder / name, (1, 1))
        (folder / "sub").mkdir()
        worker(server, FileStore(folder)).get_token()
        FileStore(folder)
        assert {name: (folder / name).read_bytes() for name in foreign} == foreign
        assert (folder / "sub").is_dir()

    def test_is_swept(self, tmp_path: Path, server: TokenServer) -> None:
        folder = tmp_path / "tokens"
        FileStore(folder)
        old, fresh = "a" * 64, "b" * 64
        for key in (old, fresh):
            for part in ("entry", "lease", "7.alive", f"entry.{'0' * 16}"):
                (folder / f"{key}.{part}").touch()
                if key == old:
                    os.utime(folder / f"{key}.{part}", (1, 1))
        FileStore(folder)
        assert {path.name[:64] for path in folder.iterdir()} == {fresh}

    def test_needs_no_locks_per_credential(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "tokens")
        for _ in range(40):
            key = secrets.token_hex(32)
            lease = store.acquire(key, 10)
            assert lease
            store.save(key, b"x", 10, lease)
            store.release(key, lease)
        assert len(list(store.folder.glob("*.lock"))) <= 16
        assert list(store.folder.glob("*.alive")) == []

    def test_the_default_is_the_users_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        assert FileStore().folder.is_relative_to(tmp_path)
        assert FileStore("~/tokens").folder == tmp_path / "tokens"

    def test_a_pipe_in_the_place_of_an_entry_blocks_nobody(self, tmp_path: Path, key: str) -> None:
        store = FileStore(tmp_path / "tokens")
        os.mkfifo(store.folder / f"{key}.entry")
        assert store.load(key) is None
