"""What is remembered, by what: the mapping of tokens decides, and `forget()` ends all of it.

Auth objects with the same mapping share failures, flights and futility as they share tokens; others share nothing.
"""

import gc
from typing import Any

import httpx
import httpx2
import pytest
import requests

import tokenauth
from tests.behaviour.test_given_up import Held
from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply
from tests.stores import DictStore, worker
from tests.support import ManualClock, TokenServer, background, until, waiting, with_clock
from tokenauth import CredentialsRejected, LoginAuth, TokenAuth

REJECTED = Reply(401, b"{}")
every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def rejects(server: TokenServer) -> None:
    """Have *server* refuse the credentials."""
    server.answer = lambda request: REJECTED if request.path == "/token" else None


def accepts(server: TokenServer) -> None:
    server.answer = lambda request: None


def fails(client: Client, auth: TokenAuth, server: TokenServer) -> None:
    with pytest.raises(CredentialsRejected):
        client.get(auth, server.api)


@every_client
def test_a_failure_counts_for_who_shares_the_mapping_and_for_nobody_else(client: Client, server: TokenServer) -> None:
    shared: dict[Any, Any] = {}
    rejects(server)
    fails(client, server.auth(cache=shared), server)
    accepts(server)
    fails(client, server.auth(cache=shared), server)
    assert client.get(server.auth(cache={}), server.api) == 200
    assert client.get(server.auth(cache=None), server.api) == 200
    assert len(server.token_calls) == 3


@pytest.mark.parametrize("cache", [None, {}], ids=["process", "own"])
def test_a_failure_outlives_the_object_that_met_it(cache: Any, server: TokenServer) -> None:
    """Objects that are made for each request, with one mapping, send wrong credentials once."""
    rejects(server)
    for _ in range(3):
        with pytest.raises(CredentialsRejected):
            requests.get(server.api, auth=server.auth(cache=cache), timeout=20)
        gc.collect()
    assert len(server.token_calls) == 1


def test_logins_are_shared_by_mapping(server: TokenServer) -> None:
    shared: dict[Any, Any] = {}
    auths = [server.auth(cache=shared), server.auth(cache=shared), server.auth(cache={})]
    held = Held(server)
    calls = [background(auth.get_token) for auth in auths]
    until(lambda: waiting(auths[0]) == 1 and len(server.token_calls) == 2)
    held.release(None)
    first, second, other = (call.result(20).value for call in calls)
    assert first == second != other
    assert server.logins == 2


def _futile(server: TokenServer) -> None:
    """Have one address of *server* refuse every token."""
    server.answer = lambda request: REJECTED if request.path == "/no" else None


@every_client
def test_what_was_futile_for_one_mapping_is_tried_with_another(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    _futile(server)
    shared: dict[Any, Any] = {}
    no = f"{server.url}/no"
    assert client.get(with_clock(server.auth(cache=shared), clock), no) == 401
    assert server.logins == 2
    assert client.get(with_clock(server.auth(cache=shared), clock), no) == 401
    assert server.logins == 2
    assert client.get(with_clock(server.auth(cache={}), clock), no) == 401
    assert server.logins == 4


@every_client
@pytest.mark.parametrize("cache", [None, {}], ids=["process", "own"])
def test_forget_ends_tokens_failures_and_futility(client: Client, cache: Any, server: TokenServer) -> None:
    _futile(server)
    auth = server.auth(cache=cache)
    for _ in range(2):
        assert [each.status for each in client.play(auth, Get(server.api), Get(f"{server.url}/no"))] == [200, 401]
        assert server.logins == 2
        server.logins = 0
        tokenauth.forget()
        assert auth._source.ready() is None
    rejects(server)
    fails(client, auth, server)
    accepts(server)
    tokenauth.forget()
    assert client.get(auth, server.api) == 200


@every_client
@pytest.mark.parametrize("answer", [None, REJECTED], ids=["token", "rejection"])
def test_a_login_that_was_under_way_leaves_nothing_behind(
    client: Client, answer: Reply | None, server: TokenServer
) -> None:
    """It serves who waits for it; who comes after logs in anew."""
    auth, held = server.auth(), Held(server)
    first = background(lambda: client.get(auth, server.api))
    until(lambda: len(server.token_calls) == 1)
    second = background(lambda: client.get(auth, server.api))
    until(lambda: waiting(auth) == 1)
    tokenauth.forget()
    held.release(answer)
    if answer is None:
        assert [first.result(20), second.result(20)] == [200, 200]
    else:
        for each in (first, second):
            assert isinstance(each.exception(20), CredentialsRejected)
    assert auth._source.tokens.held() is None
    accepts(server)
    assert client.get(auth, server.api) == 200
    assert len(server.token_calls) == 2


def test_who_comes_after_does_not_wait_for_a_login_from_before(server: TokenServer) -> None:
    auth, held = server.auth(), Held(server)
    before = background(auth.get_token)
    until(lambda: len(server.token_calls) == 1)
    tokenauth.forget()
    after = background(auth.get_token)
    until(lambda: len(server.token_calls) == 2)
    held.release(None)
    kept = after.result(20)
    assert before.result(20) != kept
    assert auth.get_token() == kept


def test_a_store_that_was_told_before_does_not_count(server: TokenServer) -> None:
    store = DictStore()
    auth, other = worker(server, store), worker(server, store)
    assert auth.get_token().value == other.get_token().value == "token-1"
    tokenauth.forget()
    assert auth.get_token().value == other.get_token().value == "token-2"


def test_who_invalidates_a_token_does_so_for_all_who_share_its_mapping(server: TokenServer) -> None:
    """What a store was told before counts for none of them."""
    shared: dict[Any, Any] = {}
    store = DictStore()
    auth, other = (worker(server, store, cache=shared) for _ in range(2))
    assert auth.get_token().value == "token-1"
    auth.invalidate()
    assert other.get_token().value == "token-2"


def test_a_refresh_token_of_before_is_not_used(server: TokenServer) -> None:
    seen: list[bytes] = []

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        seen.append(request.body)
        return Reply(200, {"token": f"t-{len(seen)}", "refresh_token": f"r-{len(seen)}"})

    server.answer = answer
    auth = worker(server, None, refreshes=True)
    auth.get_token()
    tokenauth.forget()
    auth.get_token()
    assert seen == [b"", b""]


# who logs in without a secret: the server may go by the client's certificate


@pytest.mark.parametrize("library", [requests.Session, httpx.Client, httpx2.Client], ids=lambda each: each.__module__)
def test_without_a_secret_each_token_client_has_its_own_tokens(library: Any, server: TokenServer) -> None:
    def token(client: Any, **login: Any) -> str:
        return LoginAuth(f"{server.url}/token", token="token", token_client=client, **login).get_token().value

    with library() as one, library() as other:
        assert len({token(one), token(other), token(None)}) == 3
        assert server.logins == 3
        assert token(one) == token(one)
        secret = {"json": {"password": "p-4711"}}
        assert token(one, **secret) == token(other, **secret)
    seen = set()
    for _ in range(5):  # a new client may have the address of an old one
        with library() as client:
            seen.add(token(client))
        del client
        gc.collect()
    assert len(seen) == 5
