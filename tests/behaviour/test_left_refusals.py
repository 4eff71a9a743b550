"""I3 where a request ends between the refusal and the next answer: the refusal is learnt, and renewals stay rare."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.behaviour.test_given_up import GIVE_UP, Held, every_client, out_of_time
from tests.behaviour.test_refused_body import BROKEN, refusing
from tests.clients import CLIENTS, Client, Post
from tests.servers import Received, Reply
from tests.support import ManualClock, TokenServer, background, until, with_clock

pytestmark = pytest.mark.timeout(60)


LEAVE = [(client, how) for client, how in GIVE_UP if how is not out_of_time]


@pytest.mark.parametrize(("client", "give_up"), LEAVE, ids=[repr(client) for client, _ in LEAVE])
def test_a_refusal_is_learnt_though_its_caller_leaves_while_its_body_stalls(
    client: Client, give_up: Any, server: TokenServer
) -> None:
    over = threading.Event()
    told: list[str] = []
    was_told: list[bool] = []

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        over.wait(30)  # a busy machine may be slow to read the head
        was_told.append(bool(told))

    head = {"Transfer-Encoding": "", "Content-Length": "100"}
    refusing(server, lambda: Reply(401, headers=head, pieces=pieces()))
    auth = server.auth(on_event=lambda event: told.append(event.kind) if event.kind == "rejected" else None)
    client.get_token(auth)
    server.revoke()
    try:
        give_up(client, auth, server, told)
    finally:
        over.set()
    until(lambda: was_told)
    assert was_told == [True]
    assert client.get(auth, server.api) == 200
    assert server.logins == 2


@every_client
def test_an_address_that_always_refuses_costs_few_logins_though_its_callers_leave(
    client: Client, give_up: Any, server: TokenServer, clock: ManualClock
) -> None:
    auth, refused = with_clock(server.auth(), clock), [Reply(401, {})]
    client.get_token(auth)
    held = Held(server)
    server.answer = lambda request: held(request) or (refused[0] if request.path == "/api" else None)
    clock.move(1)
    give_up(client, auth, server)
    held.release(None)
    until(auth._source.tokens.fresh)
    assert [client.get(auth, server.api) for _ in range(5)] == [401] * 5
    assert server.logins == 2
    clock.move(2)
    assert client.get(auth, server.api) == 401
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_address_that_always_refuses_costs_few_logins_though_no_body_can_be_sent_twice(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    auth = with_clock(server.auth(), clock)
    server.answer = lambda request: None if request.path == "/token" else Reply(401, {})
    for _ in range(6):
        assert client.send(auth, Post(server.api, **client.generator([b"abc"]))).status == 401
        clock.move(0.1)
    assert server.logins == 2


@pytest.mark.parametrize(
    ("client", "case"),
    [(client, case) for client in CLIENTS for case in BROKEN if (client.name, case) != ("aiohttp", "bad chunk")],
    ids=str,
)
def test_a_broken_401_is_renewed_though_other_answers_are_looked_into(
    client: Client, case: str, server: TokenServer
) -> None:
    refusing(server, lambda: Reply(raw=BROKEN[case]))
    auth = server.auth(refused=[401, ("code", 17)])
    client.get_token(auth)
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_second_revocation_is_mended_at_once_though_the_first_renewal_waits_for_its_answer(
    client: Client, server: TokenServer
) -> None:
    """As where an address answers when it has news."""
    slow, over = threading.Event(), threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.path == "/api" and request.headers["authorization"] == "Bearer token-2" and not slow.is_set():
            slow.set()
            over.wait(20)
        return None

    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    server.answer = answer
    first = background(lambda: client.get(auth, server.api))
    assert slow.wait(20)
    server.revoke()
    assert client.get(auth, server.api) == 200
    over.set()
    first.result(20)
    assert server.logins == 3
