"""RedisStore with clients that people lend: what they do on the way between us and the server."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.commands.cluster import READ_COMMANDS
from redis.retry import Retry

from tests.stores import redis_server
from tokenauth.stores import RedisStore

KEY = "ab" * 32


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with redis_server() as url:
        yield url


class FromReplica(redis.Redis):
    """Reads from a replica that is behind, as a cluster's client with `read_from_replicas`, or as one with a cache."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        ask: Any = super().execute_command
        return None if args[0] in READ_COMMANDS else ask(*args, **options)


@pytest.mark.parametrize("decoded", [False, True])
def test_what_was_saved_is_read_from_who_decides(url: str, *, decoded: bool) -> None:
    """Else the next holder of the lease would use a refresh token that has been used."""
    store = RedisStore(FromReplica.from_url(url, decode_responses=decoded), prefix=f"behind-{decoded}:")
    lease = store.acquire(KEY, 30)
    assert lease
    assert store.save(KEY, b"\xff entry", 30, lease)
    assert store.load(KEY) == b"\xff entry"


def test_a_client_is_shared_by_copies_and_can_not_be_pickled() -> None:
    store = RedisStore(redis.Redis())
    assert copy.copy(store) == copy.deepcopy(store) == store
    with pytest.raises(TypeError, match="can't be pickled: make it with a URL"):
        pickle.dumps(store)


class Losing(redis.UnixDomainSocketConnection):
    """Loses the answer to the first command that holds *word*: it was carried out."""

    word = b""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        send: Any = super().send_packed_command
        send(command, check_health)
        if Losing.word and any(Losing.word in part for part in command):
            Losing.word = b""
            super().read_response()
            raise redis.ConnectionError("the connection was lost")


@pytest.mark.parametrize("word", [b"PTTL", b"PEXPIRE", b"DEL"])
def test_a_command_whose_answer_was_lost_is_sent_again_with_the_same_result(url: str, word: bytes) -> None:
    again = {"retry": Retry(NoBackoff(), 1), "retry_on_error": [redis.ConnectionError]}
    where: Any = {"path": url.removeprefix("unix://"), **again}
    pool = redis.ConnectionPool(Losing, **where)
    store = RedisStore(redis.Redis(connection_pool=pool), prefix=f"lost-{word.decode().lower()}:")
    Losing.word = word
    lease = store.acquire(KEY, 30)
    assert lease, "nobody else has it"
    assert store.acquire(KEY, 30) is None
    assert store.save(KEY, b"entry", 30, lease)
    store.release(KEY, lease)
    assert store.acquire(KEY, 30)
    assert not Losing.word, "an answer was lost"
