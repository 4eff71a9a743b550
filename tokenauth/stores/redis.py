"""RedisStore: processes on many machines share tokens through Redis or Valkey. Needs the extra `redis`.

    <prefix>{<key>}:entry   hash with a TTL: `entry`, an encrypted token (`_sealed`), and `fence`, from its lease
    <prefix>{<key>}:lease   the fence of the current lease and a random mark of its holder; always with a TTL
    <prefix>{<key>}:fence   its latest fence, with a TTL: microseconds of Unix time, or one more than before

The braces keep the three keys on one node of a cluster. Each call is one script, so it is atomic, and it is never
answered by a replica or a client's cache, which may be behind. One that is sent again, because its answer was lost,
has the same result.
"""

import contextlib
import secrets
import time
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.retry import Retry

from tokenauth._core.secrets import hides_locals
from tokenauth.stores._base import Lease

_LOAD = "return redis.call('HGET', KEYS[1], 'entry')"
_SAVE = """
local saved = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') or 0  -- what is no number is none of ours
local given = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
if math.max(saved, given) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'entry', ARGV[1], 'fence', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
_ACQUIRE = """
if redis.call('PTTL', KEYS[1]) >= 0 then  -- without an end it is none of ours
  local fence, mark = string.match(tostring(redis.pcall('GET', KEYS[1])), '^(%d+) (.*)$')
  return mark == ARGV[4] and tonumber(fence) or 0
end
local counted = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local saved = tonumber(redis.call('HGET', KEYS[3], 'fence') or '0') or 0
local fence = string.format('%d', math.max(counted + 1, saved + 1, tonumber(ARGV[3])))  -- later, even if all is lost
redis.call('SET', KEYS[2], fence, 'PX', ARGV[2])
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[4], 'PX', ARGV[1])
return tonumber(fence)
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_FENCE_KEPT = 500 * 86400 * 1000  # ms; longer than any entry
_TIMEOUT = 1.0


class RedisStore:
    """Shares tokens through a Redis or Valkey server.

    Args:
        server: a URL ("redis://", "rediss://", "unix://"), or a client from redis-py: `redis.Redis`, a Sentinel's
            `master_for(...)`, or `redis.RedisCluster`. A client made from a URL waits at most 1 s.
        prefix: start of each key. Default "tokenauth:".

    Raises:
        ValueError: redis-py doesn't accept the URL. The server itself is not contacted before the first use: a store
            that is down does no harm.
        TypeError: *server* is neither, or an async client. (Calls run in threads, so pass a blocking one.)
    """

    @hides_locals
    def __init__(self, server: Any, *, prefix: str = "tokenauth:") -> None:
        if not isinstance(prefix, str) or any(character in prefix for character in "{}"):
            raise ValueError("prefix must be a str without braces")
        self._server = server
        self._prefix = prefix
        self._client = _client(server)

    def load(self, key: str) -> bytes | None:
        whole: dict[str, Any] = {NEVER_DECODE: []}  # also from a client with decode_responses=True: an entry is no text
        entry: bytes | None = self._client.execute_command("EVAL", _LOAD, 1, self._key(key, "entry"), **whole)
        return entry

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        keys = self._key(key, "entry"), self._key(key, "fence")
        saved = self._client.eval(_SAVE, 2, *keys, entry, lease.fence, _milliseconds(seconds))
        return bool(int(saved))

    def acquire(self, key: str, seconds: float) -> Lease | None:
        keys = self._key(key, "lease"), self._key(key, "fence"), self._key(key, "entry")
        now, mark = time.time_ns() // 1000, secrets.token_hex(8)
        fence = int(self._client.eval(_ACQUIRE, 3, *keys, _milliseconds(seconds), _FENCE_KEPT, now, mark))
        return Lease(fence, mark) if fence else None

    def release(self, key: str, lease: Lease) -> None:
        self._client.eval(_RELEASE, 1, self._key(key, "lease"), f"{lease.fence} {lease.handle}")

    def __repr__(self) -> str:
        return f"<RedisStore {self._prefix}…>"  # a URL may hold a password

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RedisStore) and (self._server, self._prefix) == (other._server, other._prefix)

    def __hash__(self) -> int:
        return hash(self._prefix)

    def __getstate__(self) -> dict[str, Any]:
        if not isinstance(self._server, str):
            raise TypeError("a RedisStore with a client of your own can't be pickled: make it with a URL")
        return {"_server": self._server, "_prefix": self._prefix}

    @hides_locals
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._client = _client(self._server)

    def __copy__(self) -> Self:
        return self  # clients can't be copied, and nothing in here changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def _key(self, key: str, part: str) -> str:
        return f"{self._prefix}{{{key}}}:{part}"


def _client(server: Any) -> Any:
    if isinstance(server, str):
        once_more = Retry(NoBackoff(), 1)  # for a connection that the server has closed meanwhile
        with contextlib.suppress(
            ValueError, TypeError, AttributeError, redis.RedisError
        ):  # whose text may hold a password
            client = redis.Redis.from_url(
                server, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=once_more
            )
            client.connection_pool.make_connection()  # connects to nothing yet
            return client
        raise ValueError(
            "the store's URL must be such as redis://localhost:6379/0 (or rediss://, unix://), with redis-py's own "
            "parameters, and with the password percent-encoded"
        )
    if not isinstance(server, redis.Redis | redis.RedisCluster) or hasattr(
        server, "execute"
    ):  # a pipeline answers later
        kind = f"{type(server).__module__}.{type(server).__qualname__}".removeprefix("builtins.")
        raise TypeError(f"RedisStore takes a URL or a blocking client of redis-py, such as redis.Redis, not {kind}")
    return server


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
