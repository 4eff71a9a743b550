"""I1: of all who want a token for one credential at one moment, one fetches; its failure is shared, too."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
import requests

from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client
from tests.servers import Received, Reply
from tests.support import PlainProvider, TokenServer, background, until, waiting, without_pauses
from tokenauth import CredentialsRejected, TokenAuth, TokenAuthError, TokenEndpointError

HERD = 16


def hold_token_call_until(server: TokenServer, ready: threading.Event, reply: Reply | None = None) -> None:
    """Let token calls be answered (by *reply*, or as usual) only when *ready* is set."""

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        assert ready.wait(20)
        return reply

    server.answer = answer


def herd_all_waiting(client: Client, server: TokenServer, auth: TokenAuth, reply: Reply | None = None) -> list[Any]:
    """Return what a herd met whose one token call is answered when all the others wait for it."""
    everybody_waits = threading.Event()
    hold_token_call_until(server, everybody_waits, reply)
    herd = background(lambda: client.herd(auth, server.api, HERD))
    until(lambda: waiting(auth) == HERD - 1 or herd.done())
    everybody_waits.set()
    return herd.result(20)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cold_herd_logs_in_once(client: Client, server: TokenServer) -> None:
    assert herd_all_waiting(client, server, server.auth()) == [200] * HERD
    assert server.logins == 1
    assert server.statuses == [200] * HERD


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_herd_that_meets_401s_logs_in_once_more_and_sees_none(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get(auth, server.api)
    server.revoke()
    assert client.herd(auth, server.api, HERD) == [200] * HERD
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_all_who_wait_share_the_failure_each_with_an_exception_of_its_own(client: Client, server: TokenServer) -> None:
    problems = herd_all_waiting(client, server, server.auth(), Reply(400, {"error": "invalid_client"}))
    assert {type(problem) for problem in problems} == {CredentialsRejected}
    assert len({id(problem) for problem in problems}) == HERD
    assert len(server.token_calls) == 1
    leaders = [problem for problem in problems if problem.__cause__ is None]
    assert len(leaders) == 1
    assert all(problem.__cause__ is leaders[0] for problem in problems if problem is not leaders[0])
    assert {str(problem) for problem in problems} == {str(leaders[0])}
    assert {problem.status for problem in problems} == {400}


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_herd_at_a_failing_endpoint_makes_the_tries_of_one_caller(client: Client, server: TokenServer) -> None:
    auth = without_pauses(server.auth())
    problems = herd_all_waiting(client, server, auth, Reply(503))
    assert {type(problem) for problem in problems} == {TokenEndpointError}
    assert len(server.token_calls) == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_leader_that_meets_a_bug_tells_the_others_its_kind(client: Client, server: TokenServer) -> None:
    class Buggy(PlainProvider):
        def read(self, reply: Any) -> Any:
            raise KeyError("bug")

    problems = herd_all_waiting(client, server, server.auth(provider=Buggy(server.url, server.user)))
    assert all(isinstance(problem, TokenAuthError) and "KeyError" in str(problem) for problem in problems)
    assert len(server.token_calls) == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_two_objects_with_one_credential_share_the_flight(client: Client, server: TokenServer) -> None:
    cache: dict[Any, Any] = {}
    first, second = server.auth(cache=cache), server.auth(cache=cache)
    both_ask = threading.Event()
    hold_token_call_until(server, both_ask)
    answers = [background(partial(client.get, auth, server.api)) for auth in (first, second)]
    until(lambda: waiting(first) == 1)
    both_ask.set()
    assert [answer.result(20) for answer in answers] == [200, 200]
    assert server.logins == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_two_credentials_do_not_wait_for_each_other(client: Client, server: TokenServer) -> None:
    slow, quick = server.auth("slow"), server.auth("quick")
    quick_is_served = threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.headers.get("x-user") == "slow":
            assert quick_is_served.wait(20)
        return None

    server.answer = answer
    waits = background(lambda: client.get(slow, server.api))
    until(lambda: server.token_calls)
    assert client.get(quick, server.api) == 200
    quick_is_served.set()
    assert waits.result(20) == 200
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_get_token_joins_the_flight_of_a_request(client: Client, server: TokenServer) -> None:
    auth, ready = server.auth(), threading.Event()
    hold_token_call_until(server, ready)
    request = background(lambda: client.get(auth, server.api))
    until(lambda: server.token_calls)
    token = background(lambda: client.get_token(auth))
    until(lambda: waiting(auth) == 1)
    ready.set()
    assert request.result(20) == 200
    assert token.result(20).value == "token-1"
    assert server.logins == 1


@pytest.mark.parametrize("lent", [None, requests.Session, httpx.Client], ids=["bare", "session", "client"])
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_the_event_loop_goes_on_while_a_token_is_fetched(client: Awaiting, server: TokenServer, lent: Any) -> None:
    """The token call is answered by a task of the same loop: where the loop stood still, it would run out of time."""
    loop_goes_on = threading.Event()
    hold_token_call_until(server, loop_goes_on)
    token_client = lent() if lent else None
    auth = server.auth(token_client=token_client, timeout=60.0)

    async def main() -> list[Any]:
        async with client.client(auth) as http:

            async def get() -> int:
                status: int = (await http.get(server.api)).status_code
                return status

            async def go_on() -> None:
                await client.until(lambda: server.token_calls and waiting(auth) == 1)
                loop_goes_on.set()

            return await client.gather([get, get, go_on])

    assert client.run(main) == [200, 200, None]
    assert server.logins == 1
    if token_client:
        token_client.close()


@pytest.mark.parametrize("blocking", BLOCKING, ids=repr)
@pytest.mark.parametrize("awaiting", AWAITING, ids=repr)
def test_threads_and_event_loops_wait_for_one_another(
    blocking: Client, awaiting: Awaiting, server: TokenServer
) -> None:
    auth, ready = server.auth(), threading.Event()
    hold_token_call_until(server, ready)
    callers = [partial(each.get, auth, server.api) for each in (blocking, awaiting, blocking, awaiting)]
    with ThreadPoolExecutor(len(callers)) as pool:
        answers = [pool.submit(caller) for caller in callers]
        until(lambda: waiting(auth) == len(callers) - 1)
        ready.set()
        assert [answer.result(20) for answer in answers] == [200] * len(callers)
    assert server.logins == 1
