"""I1, I2: a leader that goes away leaves its login to those who wait; nobody hangs; a nested call fails at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import trio

from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client
from tests.servers import Received, Reply
from tests.support import (
    ManualClock,
    PlainProvider,
    TokenServer,
    background,
    until,
    waiting,
    with_clock,
    without_pauses,
)
from tokenauth import TokenAuth, TokenAuthError, TokenEndpointError
from tokenauth._core.effects import Call, Exchange
from tokenauth._core.flow import obtain
from tokenauth._core.secrets import Secret

WAITERS = 5


def hold_first_token_call(server: TokenServer) -> threading.Event:
    """Let the first token call hang until the returned event is set. Then it is answered, as the others are.

    The event is set, too, when the server has lost its patience after a minute.
    """
    end = threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.path == "/token" and len(server.token_calls) == 1:
            end.wait(60)
            end.set()
        return None

    server.answer = answer
    return end


@contextlib.contextmanager
def hand_played_leader(auth: TokenAuth) -> Iterator[Any]:
    """Yield a flow that leads and stands at its token call."""
    flow = obtain(auth._source)
    call = next(flow)
    assert isinstance(call, Call)
    exchange = flow.send(call.function())
    assert isinstance(exchange, Exchange)

    try:
        yield flow.close
    finally:
        flow.close()


@pytest.mark.parametrize("end", ["scope", "limited"], ids=["cancelled", "timed out"])
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_waiters_succeed_when_a_task_that_leads_in_their_loop_ends(
    client: Awaiting, end: str, server: TokenServer
) -> None:
    auth, stop = server.auth(), hold_first_token_call(server)
    ends: list[Any] = []

    async def main() -> list[Any]:
        async with client.client(auth) as http:

            async def lead() -> str:
                try:
                    async with getattr(client, end)() as cancel:
                        ends.append(cancel)
                        await http.get(server.api)
                        return "finished"
                    return "cancelled"
                finally:
                    stop.set()

            async def follow() -> int:
                await client.until(lambda: server.token_calls)
                status: int = (await http.get(server.api)).status_code
                return status

            async def cancel() -> None:
                await client.until(lambda: waiting(auth) == WAITERS)
                ends[0]()

            return await client.gather([lead, cancel, *[follow] * WAITERS])

    leader, _, *others = client.run(main)
    assert leader == "cancelled" if end == "scope" else isinstance(leader, TimeoutError | trio.TooSlowError)
    assert others == [200] * WAITERS
    assert len(server.token_calls) == 1


@pytest.mark.parametrize("follower", CLIENTS, ids=repr)
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_waiters_elsewhere_succeed_when_a_task_that_leads_is_cancelled(
    client: Awaiting, follower: Client, server: TokenServer
) -> None:
    auth, stop = server.auth(), hold_first_token_call(server)
    cancelled = threading.Event()

    async def main() -> None:
        async with client.client(auth) as http, client.scope() as cancel:

            async def watch() -> None:
                await client.until(cancelled.is_set)
                cancel()

            await client.gather([watch, lambda: http.get(server.api)])

    leader = background(lambda: client.run(main))
    until(lambda: server.token_calls)
    herd = background(lambda: follower.herd(auth, server.api, WAITERS))
    until(lambda: waiting(auth) == WAITERS)
    cancelled.set()
    leader.result(20)
    assert waiting(auth) == WAITERS
    stop.set()
    assert herd.result(20) == [200] * WAITERS
    assert len(server.token_calls) == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_waiters_succeed_when_a_leader_is_closed(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    with hand_played_leader(auth) as close:
        herd = background(lambda: client.herd(auth, server.api, WAITERS))
        until(lambda: waiting(auth) == WAITERS)
        close()
        assert herd.result(20) == [200] * WAITERS
    assert server.logins == 1


@pytest.mark.parametrize("client", BLOCKING, ids=repr)
def test_waiters_succeed_when_ctrl_c_ends_the_leader(client: Client, server: TokenServer) -> None:
    """The test's own thread leads, for only that one gets signals."""
    auth, stop = server.auth(), hold_first_token_call(server)
    main_thread = threading.main_thread().ident
    assert main_thread == threading.get_ident()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def press_ctrl_c() -> list[Any]:
        until(lambda: server.token_calls)
        herd = background(lambda: client.herd(auth, server.api, WAITERS))
        until(lambda: waiting(auth) == WAITERS)
        signal.pthread_kill(main_thread, signal.SIGUSR1)
        return herd.result(20)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        others = background(press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            client.get(auth, server.api)
        stop.set()
        assert others.result(20) == [200] * WAITERS
    finally:
        signal.signal(signal.SIGUSR1, before)
        stop.set()
    assert len(server.token_calls) == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_leader_killed_between_two_instructions_is_replaced_in_time(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """It neither lands nor fails nor abandons its flight, ever; the flow stays as it is."""
    auth = with_clock(server.auth(timeout=10.0), clock)
    with hand_played_leader(auth):
        clock.move(2 * 10.0)
        assert client.get(auth, server.api) == 200
    assert client.get(auth, server.api) == 200
    assert server.logins == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_nobody_waits_longer_than_the_timeout(client: Client, server: TokenServer, clock: ManualClock) -> None:
    auth = with_clock(server.auth(timeout=3600.0), clock)
    with hand_played_leader(auth):  # which never lands
        auth._source.credential.timeout = 0.3
        problems = client.herd(auth, server.api, WAITERS)
    assert {type(problem) for problem in problems} == {TokenEndpointError}
    assert all("in time" in str(problem) for problem in problems)
    assert len({id(problem) for problem in problems}) == WAITERS
    auth._source.credential.timeout = 10.0
    assert client.get(auth, server.api) == 200


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_endpoint_that_never_answers_is_given_up_in_time(client: Client, server: TokenServer) -> None:
    stop = hold_first_token_call(server)
    auth = server.auth(timeout=0.4)
    problems = client.herd(auth, server.api, WAITERS)
    assert not stop.is_set()
    stop.set()
    assert {type(problem) for problem in problems} == {TokenEndpointError}
    assert len(server.token_calls) <= 1  # what was cut may not have arrived


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_call_that_nothing_can_cut_is_given_up_in_time(client: Client, server: TokenServer) -> None:
    """As in name resolution: there is no connection yet that could be closed."""
    end = threading.Event()

    class Hangs(requests.adapters.HTTPAdapter):
        def send(self, *args: Any, **settings: Any) -> Any:
            end.wait(60)
            end.set()
            raise requests.ConnectionError

    with requests.Session() as session:
        session.mount("http://", Hangs())
        problem = client.herd(server.auth(token_client=session, timeout=0.4), server.api, 1)[0]
        assert not end.is_set()
        end.set()
    assert isinstance(problem, TokenEndpointError)
    assert "in time" in str(problem)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_answer_that_drips_is_given_up_in_time(client: Client, server: TokenServer) -> None:
    """Each byte comes within the timeout, the whole does not."""
    given_up = threading.Event()

    def drip() -> Iterator[bytes]:
        while not given_up.wait(0.1):
            yield b" "

    server.answer = lambda request: Reply(200, pieces=drip()) if request.path == "/token" else None
    problem = client.herd(server.auth(timeout=0.4), server.api, 1)[0]
    given_up.set()
    assert isinstance(problem, TokenEndpointError)
    assert "in time" in str(problem)


# nested calls


class AsksForSecret(PlainProvider):
    """Its secret is read by a callable, which asks for a token of the very same credential."""

    def __init__(self, server: TokenServer, secret: Any) -> None:
        super().__init__(server.url, server.user)
        self.secrets = (Secret("secret", secret),)

    def request(self, refresh_token: str | None = None) -> Any:
        self.secrets[0].reveal()
        return super().request(refresh_token)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_callable_that_asks_for_the_token_it_is_needed_for_is_an_error_at_once(
    client: Client, server: TokenServer
) -> None:
    met: list[Exception] = []

    def secret() -> str:
        try:
            return requests.get(server.api, auth=auth, timeout=20).text
        except Exception as problem:
            met.append(problem)
            raise

    auth = server.auth(provider=AsksForSecret(server, secret), timeout=3600.0)
    with pytest.raises(TokenAuthError):
        client.get(auth, server.api)
    assert "inside its own fetch" in str(met[0])
    assert server.logins == 0


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_client_that_asks_for_the_token_is_an_error_at_once(client: Client, server: TokenServer) -> None:
    class Nested(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **settings: Any) -> Any:
            auth.get_token()
            return super().send(request, *args, **settings)

    with requests.Session() as session:
        session.mount("http://", Nested())
        auth = without_pauses(server.auth(token_client=session, timeout=3600.0))
        with pytest.raises(TokenAuthError, match="inside its own fetch"):
            client.get(auth, server.api)
    assert server.logins == 0


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_a_blocking_call_on_the_thread_of_the_loop_that_fetches_is_an_error_at_once(
    client: Awaiting, server: TokenServer
) -> None:
    """The fetch could not go on while its own thread is blocked."""
    auth, ready = server.auth(timeout=60.0), threading.Event()
    server.answer = lambda request: None if request.path != "/token" or ready.wait(20) else Reply(500)
    met: list[Exception] = []

    async def main() -> Any:
        async with client.client(auth) as http:

            async def block() -> None:
                await client.until(lambda: server.token_calls)
                try:
                    auth.get_token()
                except TokenAuthError as problem:
                    met.append(problem)
                finally:
                    ready.set()

            return await client.gather([lambda: http.get(server.api), block])

    response, _ = client.run(main)
    assert response.status_code == 200
    assert "blocking code in a coroutine can't wait for it" in str(met[0])
    assert server.logins == 1
