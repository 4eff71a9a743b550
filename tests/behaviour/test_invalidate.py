"""`invalidate()` while a login is under way: what that login brings is for its own caller, and for nobody else.

The credential may have been changed by hand before `invalidate()`, and the login under way has the older one.

    login begins (old secret) → invalidate() → next caller → login ends: the next caller logs in itself, after it
"""

import threading
from typing import Any

import pytest

from tests.behaviour.test_given_up import REFUSED, Held, every_client
from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client
from tests.servers import Received, Reply
from tests.stores import DictStore, worker
from tests.support import TokenServer, background, token_threads, until, waiting
from tokenauth import CredentialsRejected, RefreshTokenAuth, TokenAuth


class HeldOnce(Held):
    """The same, for the first token call only."""

    def __call__(self, request: Received) -> Reply | None:
        return super().__call__(request) if len(self.server.token_calls) == 1 else None


def begun(client: Client, auth: TokenAuth, server: TokenServer) -> Any:
    """Send a request in the background, and return its outcome when its token call has arrived."""
    leader = background(lambda: client.herd(auth, server.api, 1)[0])
    until(lambda: server.token_calls)
    return leader


every: pytest.MarkDecorator = pytest.mark.parametrize("client", CLIENTS, ids=repr)


@every
def test_who_comes_after_it_gets_another_token(client: Client, server: TokenServer) -> None:
    auth, held = server.auth(), HeldOnce(server)
    leader = begun(client, auth, server)
    auth.invalidate()
    others = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: waiting(auth) == 3)
    held.release(None)
    assert leader.result(20) == 200
    assert others.result(20) == [200] * 3
    assert auth.get_token().value == "token-2"
    assert len(server.token_calls) == 2


@every
def test_its_token_is_not_kept_where_nobody_came(client: Client, server: TokenServer) -> None:
    auth, held = server.auth(), HeldOnce(server)
    leader = begun(client, auth, server)
    auth.invalidate()
    held.release(None)
    assert leader.result(20) == 200
    assert auth.get_token().value == "token-2"


@every
def test_its_rejection_is_nobody_elses(client: Client, server: TokenServer) -> None:
    auth, held = server.auth(), HeldOnce(server)
    leader = begun(client, auth, server)
    auth.invalidate()
    others = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: waiting(auth) == 3)
    held.release(REFUSED)
    assert isinstance(leader.result(20), CredentialsRejected)
    assert others.result(20) == [200] * 3
    assert len(server.token_calls) == 2


@every_client
def test_nor_is_that_of_one_that_was_given_up(client: Client, give_up: Any, server: TokenServer) -> None:
    auth, held = server.auth(), HeldOnce(server)
    give_up(client, auth, server)
    auth.invalidate()
    held.release(None)
    until(lambda: not token_threads(set()))
    assert client.get(auth, server.api) == 200
    assert auth.get_token().value == "token-2"


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_tasks_of_one_loop(client: Awaiting, server: TokenServer) -> None:
    auth, held = server.auth(), HeldOnce(server)

    async def main() -> list[Any]:
        async def lead() -> str:
            value: str = (await auth.aget_token()).value
            return value

        async def follow() -> str:
            await client.until(lambda: server.token_calls)
            auth.invalidate()
            return await lead()

        async def release() -> None:
            await client.until(lambda: waiting(auth))
            held.release(None)

        return await client.gather([lead, follow, release])

    assert client.run(main)[:2] == ["token-1", "token-2"]


@pytest.mark.usefixtures("quick_seals")
@pytest.mark.parametrize("who", ["the same process", "another process"])
@pytest.mark.parametrize("outcome", [None, REFUSED], ids=["a token", "a rejection"])
def test_with_a_store(outcome: Reply | None, who: str, server: TokenServer) -> None:
    client, store = BLOCKING[0], DictStore()
    one, held = worker(server, store), HeldOnce(server)
    other = one if who == "the same process" else worker(server, store)
    leader = begun(client, one, server)
    other.invalidate()
    next_one = background(lambda: client.get(other, server.api))
    if other is one:
        until(lambda: waiting(other))
    held.release(outcome)
    assert isinstance(leader.result(20), CredentialsRejected) if outcome else leader.result(20) == 200
    assert next_one.result(20) == 200
    assert other.get_token().value == ("token-1" if outcome else "token-2")
    assert len(server.token_calls) == 2


def test_a_refresh_token_that_is_under_way_is_used_once(server: TokenServer) -> None:
    """Whoever comes next waits for it, and goes on from what it has brought."""
    numbers, used = iter(range(2, 9)), list[bytes]()
    go = threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        used.append(request.body.partition(b"refresh_token=r-")[2][:1])
        assert go.wait(20)
        number = next(numbers)
        server.valid.add(f"t-{number}")
        return Reply(200, {"access_token": f"t-{number}", "token_type": "Bearer", "refresh_token": f"r-{number}"})

    server.answer = answer
    auth: Any = RefreshTokenAuth(
        f"{server.url}/token", refresh_token="r-1", client_id="c", on_refresh_token=lambda token: None, cache={}
    )
    leader = background(auth.get_token)
    until(lambda: used)
    auth.invalidate()
    next_one = background(auth.get_token)
    until(lambda: waiting(auth))
    go.set()
    assert [leader.result(20).value, next_one.result(20).value] == ["t-2", "t-3"]
    assert used == [b"1", b"2"]
