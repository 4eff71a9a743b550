"""What a store holds may be revoked, too: a token that was found there is no renewal."""

import itertools
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.clients import AWAITING, CLIENTS, Awaiting, Client, Get, Post
from tests.servers import Received, Reply
from tests.stores import DictStore, worker
from tests.support import TokenServer
from tokenauth import TokenAuth

pytestmark = pytest.mark.usefixtures("quick_seals")
every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


@pytest.fixture(params=[3600.0, None], ids=["", "unknown expiry"])
def idle(request: Any, client: Client, server: TokenServer) -> Any:
    """A worker with token-1. The store has token-2; both are revoked."""
    server.lifetime = request.param
    store = DictStore()
    idle, busy = worker(server, store), worker(server, store)
    for each in (idle, busy):
        assert client.get(each, server.api) == 200
        server.revoke()
    return idle


@every_client
@pytest.mark.parametrize("make", [Get, lambda url: Post(url, json={"order": 1})], ids=["get", "post"])
def test_a_worker_that_was_idle_gets_over_a_revoked_token_in_the_store(
    client: Client, server: TokenServer, idle: Any, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert server.logins == 2
    assert [each.status for each in client.play(idle, make(server.api), make(server.api))] == [200, 200]
    assert server.logins == 3
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


@every_client
def test_headers_for_any_client_get_over_it_too(server: TokenServer, idle: Any, client: Client) -> None:
    def status() -> int:
        return requests.get(server.api, headers=idle.headers(server.api), timeout=20).status_code

    for _ in range(2):  # as the loop of a user, who sends once more
        assert status() == 401
        assert idle.refused(server.api)
    assert status() == 200
    assert server.logins == 3


class WithFlow(TokenAuth):
    """With a flow of a user's own around ours."""

    def auth_flow(self, request: Any) -> Iterator[Any]:  # type: ignore[override]  # a generator
        yield from super().auth_flow(request)


@pytest.mark.parametrize("client", [each for each in AWAITING if each.name.startswith("httpx")], ids=repr)
def test_nor_does_it_block_the_event_loop_in_a_subclass_with_a_flow(client: Awaiting, server: TokenServer) -> None:
    store = DictStore()
    provider = worker(server, store)._source.provider
    idle, busy = (WithFlow(provider, store=store, cache={}, timeout=60) for _ in range(2))
    for each in (idle, busy):
        assert client.get(each, server.api) == 200
        server.revoke()
    asked, beaten = threading.Event(), threading.Event()
    went_on: list[bool] = []

    def gated(request: Received) -> Reply | None:
        if request.path == "/token":
            asked.set()
            went_on.append(beaten.wait(5))
        return None

    async def heart() -> None:
        await client.until(asked.is_set)
        beaten.set()

    async def main() -> Any:
        async with client.library.AsyncClient(auth=idle) as session:
            return await client.gather([lambda: session.get(server.api), heart])

    server.answer = gated
    answer, _ = client.run(main)
    assert answer.status_code == 200
    assert went_on == [True]


@every_client
def test_a_request_is_sent_three_times_at_most(client: Client, server: TokenServer) -> None:
    """However many processes log in meanwhile, whose tokens are refused, too."""
    store, numbers = DictStore(), itertools.count(1)
    auth, other = worker(server, store), worker(server, store)

    def refused(request: Received) -> Reply | None:
        if request.path != "/api":
            return None
        server.answer = lambda request: None
        other.invalidate()
        other.get_token()
        server.answer = refused
        next(numbers)
        return Reply(401)

    auth.get_token()
    server.answer = refused
    assert client.get(auth, server.api) == 401
    assert next(numbers) - 1 == 3


@every_client
def test_an_address_that_always_refuses_costs_each_worker_one_login(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: Reply(401) if request.path == "/never" else None
    store = DictStore()
    workers = [worker(server, store) for _ in range(3)]
    for each in workers:
        each.get_token()
    never = Get(f"{server.url}/never")
    for each in workers * 2:
        assert [answer.status for answer in client.play(each, never, never, never)] == [401] * 3
    assert server.logins <= 1 + len(workers)
    assert len(server.server.to("/never")) <= 3 * 6 + 2 * len(workers)
