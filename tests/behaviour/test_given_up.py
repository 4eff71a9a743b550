"""I1 and I10 for callers with time limits of their own: a login that its caller has given up is still made use of.

Otherwise each of them would send the password anew, and none would ever see the answer.
"""

import asyncio
import contextlib
import gc
import json
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client
from tests.servers import Received, Reply
from tests.stores import DictStore
from tests.support import ManualClock, TokenServer, background, token_threads, until, waiting, with_clock
from tokenauth import CredentialsRejected, FunctionAuth, LoginAuth, RefreshTokenAuth, TokenAuth, TokenEndpointError
from tokenauth._core.effects import Wait
from tokenauth._core.flow import obtain
from tokenauth.providers import Call, Kept

REFUSED = Reply(401, b"{}")


class Held:
    """Holds token calls back until `release` is called with the answer, None for a login."""

    def __init__(self, server: TokenServer) -> None:
        self.server = server
        self.released = threading.Event()
        self.reply: Reply | None = None
        server.answer = self

    def __call__(self, request: Received) -> Reply | None:
        if request.path == "/token":
            assert self.released.wait(60)
            return self.reply
        return None

    def release(self, reply: Reply | None) -> None:
        self.reply = reply
        self.released.set()


def cancelled(client: Awaiting, auth: TokenAuth, server: TokenServer, begun: list[str] | None = None) -> None:
    """Send a request, and cancel it when its token call has arrived, or there is something in *begun*."""
    calls = len(server.token_calls)

    async def main() -> None:
        async with client.client(auth) as http, client.scope() as cancel:

            async def watch() -> None:
                await client.until(lambda: begun or len(server.token_calls) > calls)
                cancel()

            await client.gather([watch, lambda: http.get(server.api)])

    client.run(main)


class TimeLimit(Exception):
    """What celery and rq raise in their workers by a signal, as any exception of the user's."""


@contextlib.contextmanager
def interrupts(kind: type[BaseException] = KeyboardInterrupt) -> Iterator[Callable[[], object]]:
    """Yield what any thread may call to have an exception of this *kind* raised in this one."""

    def interrupt(*_: object) -> None:
        raise kind

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def interrupted(
    client: Client,
    auth: TokenAuth,
    server: TokenServer,
    begun: list[str] | None = None,
    kind: type[BaseException] = KeyboardInterrupt,
) -> None:
    """The same for a blocking client: Ctrl-C, or the alarm of a worker's time limit."""
    calls = len(server.token_calls)

    def press(ctrl_c: Callable[[], object]) -> None:
        until(lambda: begun or len(server.token_calls) > calls)
        ctrl_c()

    with interrupts(kind) as ctrl_c:
        pressed = background(lambda: press(ctrl_c))
        with pytest.raises(kind):
            client.get(auth, server.api)
        pressed.result(20)


out_of_time = partial(interrupted, kind=TimeLimit)
GIVE_UP: list[tuple[Any, Any]] = [(client, cancelled) for client in AWAITING]
GIVE_UP += [(client, how) for how in (interrupted, out_of_time) for client in BLOCKING]
every_client: pytest.MarkDecorator = pytest.mark.parametrize(
    ("client", "give_up"),
    GIVE_UP,
    ids=[f"{client!r}{'-out_of_time' if how is out_of_time else ''}" for client, how in GIVE_UP],
)


@every_client
def test_the_token_serves_the_next(client: Client, give_up: Any, server: TokenServer) -> None:
    auth, held = server.auth(), Held(server)
    give_up(client, auth, server)
    held.release(None)
    until(auth._source.tokens.fresh)
    assert client.herd(auth, server.api, 3) == [200] * 3
    assert server.logins == len(server.token_calls) == 1


@every_client
def test_a_wrong_password_counts_as_tried(client: Client, give_up: Any, server: TokenServer) -> None:
    auth, held = server.auth(), Held(server)
    give_up(client, auth, server)
    held.release(REFUSED)
    until(lambda: auth._source.credential.cooldowns.failure(auth._source.tokens.key, 0.0))
    assert {type(problem) for problem in client.herd(auth, server.api, 3)} == {CredentialsRejected}
    assert len(server.token_calls) == 1


@every_client
def test_who_waits_is_not_shown_how_the_login_was_built(client: Client, give_up: Any, server: TokenServer) -> None:
    """Reports of errors show the variables along a traceback, of causes as well."""
    auth, held = server.auth(), Held(server)
    give_up(client, auth, server)
    next_one = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: waiting(auth) == 3)
    held.release(REFUSED)
    problems: list[Any] = next_one.result(20)
    until(lambda: not token_threads(set()))
    assert [problem.__cause__.__traceback__ for problem in problems] == [None] * 3


@every_client
def test_whoever_comes_next_waits_for_it(client: Client, give_up: Any, server: TokenServer) -> None:
    auth, held = server.auth(), Held(server)
    give_up(client, auth, server)
    next_one = background(lambda: client.get(auth, server.api))
    until(lambda: waiting(auth) == 1)
    held.release(None)
    assert next_one.result(20) == 200
    assert client.get(auth, server.api) == 200
    assert len(server.token_calls) == 1
    assert waiting(auth) == 0


@every_client
def test_many_who_give_up_send_a_wrong_password_once(client: Client, give_up: Any, server: TokenServer) -> None:
    """Each has a time limit of its own, shorter than a login takes."""
    auth, held = server.auth(), Held(server)
    give_up(client, auth, server)
    for _ in range(3):
        flow = obtain(auth._source)
        assert isinstance(next(flow), Wait)
        flow.close()
    next_one = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: waiting(auth) == 3)
    held.release(REFUSED)
    assert {type(problem) for problem in next_one.result(20)} == {CredentialsRejected}
    assert len(server.token_calls) == 1


# what is awaited


@dataclass
class Awaited:
    """What brings a token and is awaited. It waits to be let go; `count` says how often it was begun."""

    server: TokenServer
    held: Held
    begun: list[str] = field(default_factory=list)
    auth: Any = None
    count: Callable[[], int] = int

    @contextlib.asynccontextmanager
    async def token_client(self, client: Awaiting) -> AsyncIterator[None]:
        async with client.own_client() as own:
            self.auth = self.server.auth(token_client=own)
            self.count = lambda: len(self.server.token_calls)
            yield

    @contextlib.asynccontextmanager
    async def function(self, client: Awaiting) -> AsyncIterator[None]:
        async def get_token() -> str:
            self.begun.append("call")
            await client.until(self.held.released.is_set)
            if self.held.reply is not None:
                raise CredentialsRejected("refused")
            token: str = json.loads(json.dumps(self.server.login().body))["token"]
            return token

        self.auth = FunctionAuth(get_token, origins=[self.server.url], cache={})
        self.count = lambda: len(self.begun)
        yield

    async def given_up(self, client: Awaiting) -> None:
        """Ask for a token, and be cancelled when it has been asked for, or somebody else's is waited for."""

        async def watch() -> None:
            await client.until(lambda: self.count() and (waiting(self.auth) or self.count() == 1))
            await client.sleep(0)
            cancel()

        async with client.scope() as cancel:
            await client.gather([self.auth.aget_token, watch])


awaited: pytest.MarkDecorator = pytest.mark.parametrize(
    "kind", [Awaited.token_client, Awaited.function], ids=["client", "function"]
)


@awaited
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_what_is_awaited_outlives_its_caller(client: Awaiting, kind: Any, server: TokenServer) -> None:
    world = Awaited(server, Held(server))

    async def main() -> None:
        async with kind(world, client):
            for _ in range(3):
                await world.given_up(client)
            world.held.release(None)
            assert {each.value for each in await client.gather([world.auth.aget_token] * 3)} == {"token-1"}

    client.run(main)
    assert world.count() == 1


@awaited
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_a_wrong_password_that_is_awaited_is_sent_once(client: Awaiting, kind: Any, server: TokenServer) -> None:
    world = Awaited(server, Held(server))

    async def main() -> None:
        async with kind(world, client):
            for _ in range(3):
                await world.given_up(client)
            world.held.release(REFUSED)
            met = await client.gather([world.auth.aget_token] * 3)
            assert {type(problem) for problem in met} == {CredentialsRejected}

    client.run(main)
    assert world.count() == 1


@awaited
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_what_is_awaited_ends_with_its_event_loop(
    client: Awaiting, kind: Any, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is left, and nobody waits for it: the next one begins anew at once."""
    world = Awaited(server, Held(server))

    async def main() -> None:
        async with kind(world, client):
            await world.given_up(client)

    client.run(main)
    gc.collect()
    world.held.release(None)
    assert waiting(world.auth) == 0
    assert client.get(world.auth if kind is Awaited.function else server.auth(), server.api) == 200
    assert world.count() == 2
    assert not caplog.records


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_blocking_code_may_follow_at_once_on_an_event_loop_that_has_ended(
    client: Awaiting, server: TokenServer
) -> None:
    """In the same thread: nothing is nested there any more, even before the login has noticed."""
    for _ in range(10):
        begun: list[str] = []

        async def get_token(begun: list[str] = begun) -> str:
            begun.append("call")
            if len(begun) == 1:
                await client.sleep(60)
            return "t"

        auth = FunctionAuth(get_token, origins=[server.url], cache={})

        async def main(auth: TokenAuth = auth, begun: list[str] = begun) -> None:
            async def watch() -> None:
                await client.until(lambda: begun)
                cancel()

            async with client.scope() as cancel:
                await client.gather([auth.aget_token, watch])

        client.run(main)
        assert auth.get_token().value == "t"


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_a_login_of_two_steps_goes_on_on_its_event_loop(client: Awaiting, server: TokenServer) -> None:
    """Where else: an async token_client works on that one only."""
    held = Held(server)
    first = Call("/token", json={}, keep={"nonce": "nonce"})
    login: dict[str, Any] = {"json": {"nonce": Kept("nonce")}, "first": first, "token": "token", "cache": {}}
    server.answer = lambda request: server.login() if request.path == "/token2" else held(request)

    async def main() -> None:
        async with client.own_client() as own:
            auth = LoginAuth(f"{server.url}/token2", **login, token_client=own)

            async def watch() -> None:
                await client.until(lambda: server.token_calls)
                cancel()

            async with client.scope() as cancel:
                await client.gather([auth.aget_token, watch])
            held.release(Reply(200, {"nonce": "n"}))
            await client.until(auth._source.tokens.fresh)

    client.run(main)
    assert len(server.token_calls) == server.logins == 1


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_a_client_that_is_closed_meanwhile_is_no_failure_of_the_endpoint(client: Awaiting, server: TokenServer) -> None:
    """Its login goes on, on a connection of its own. One of aiohttp's ends: whoever comes next logs in at once."""
    world, cache = Awaited(server, Held(server)), dict[Any, Any]()
    ends = client.name == "aiohttp"

    async def main() -> None:
        async with world.token_client(client):
            world.auth = world.auth.replace(cache=cache)
            await world.given_up(client)
        await client.until(lambda: not (ends and world.auth._source.flights._flights))
        world.held.release(None)
        assert (await (server.auth(cache=cache) if ends else world.auth).aget_token()).value
        world.auth.invalidate()
        if not client.reopens:
            with pytest.raises(TokenEndpointError, match="was closed"):
                await world.auth.aget_token()

    client.run(main)
    assert world.count() == 1 + ends


@pytest.mark.parametrize("client", AWAITING[:2], ids=repr)
def test_a_store_is_told_of_it_and_blocks_no_event_loop(client: Awaiting, server: TokenServer) -> None:
    threads: list[int] = []

    class Store(DictStore):
        def save(self, *arguments: Any) -> Any:
            threads.append(threading.get_ident())
            return super().save(*arguments)

    held = Held(server)
    secret = {"token": "token", "json": {"password": "p"}}

    async def main() -> None:
        async with client.own_client() as own:
            given: Any = {"cache": {}, "token_client": own, "store": Store(), **secret}
            auth = LoginAuth(f"{server.url}/token", **given)

            async def watch() -> None:
                await client.until(lambda: server.token_calls)
                cancel()

            async with client.scope() as cancel:
                await client.gather([auth.aget_token, watch])
            held.release(None)
            await client.until(lambda: threads)
            assert (await auth.aget_token()).value == "token-1"

    client.run(main)
    assert server.logins == 1
    assert threading.get_ident() not in threads


def test_an_event_loop_that_is_closed_with_it_under_way_hands_over_and_leaves_no_complaint(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As `asyncio.run` does not: nobody cancels what is left."""
    for seconds in (0.0, 0.01):
        sleeps = iter([60])

        async def get_token(sleeps: Iterator[int] = sleeps) -> str:
            await asyncio.sleep(next(sleeps, 0))
            return "t"

        auth = FunctionAuth(get_token, origins=[server.url], cache={})
        loop = asyncio.new_event_loop()
        with pytest.raises(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(auth.aget_token(), seconds))
        loop.close()
        del loop
        gc.collect()
        if not seconds:
            next(sleeps)  # the task was closed before it began
        assert asyncio.run(auth.aget_token()).value == "t"
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_what_was_to_begin_on_an_event_loop_that_is_closed_leaves_no_complaint(
    server: TokenServer, recwarn: pytest.WarningsRecorder
) -> None:
    """It is asked for when the loop has stopped, and never begins."""
    store = SlowStore()
    loop = asyncio.new_event_loop()
    given: Any = {"token": "token", "json": {"password": "p"}, "cache": {}, "store": store, "timeout": 60.0}
    auth = LoginAuth(f"{server.url}/token", **given, token_client=httpx.AsyncClient())

    async def give_up() -> None:
        leader = asyncio.create_task(auth.aget_token())
        await asyncio.to_thread(until, lambda: store.begun)
        leader.cancel()
        await asyncio.wait([leader])

    loop.run_until_complete(give_up())
    loop.run_until_complete(loop.shutdown_default_executor())
    flight = next(iter(auth._source.flights._flights.values()))
    store.released.set()
    until(lambda: flight.loop is loop and flight.thread != -1)
    loop.close()
    until(lambda: not token_threads(set()))
    gc.collect()
    assert not server.token_calls
    assert not [each for each in recwarn if "never awaited" in str(each.message)]


def test_who_waits_takes_over_when_the_event_loop_is_closed(server: TokenServer) -> None:
    """The task that logs in still exists, and never runs again."""
    held = Held(server)
    auth = LoginAuth(f"{server.url}/token", form={"a": "b"}, token="token", cache={}, timeout=30.0)
    loop = asyncio.new_event_loop()
    leader = loop.create_task(auth.aget_token())

    loop.run_until_complete(asyncio.to_thread(until, lambda: server.token_calls))
    waits = background(auth.get_token)
    until(lambda: waiting(auth))
    server.answer = lambda _: None
    loop.close()
    token = waits.result(20)
    held.release(None)
    assert token.value == "token-1"
    assert len(server.token_calls) == 2
    assert not leader.done()
    leader._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio says of it is not looked at here


@contextlib.contextmanager
def stopped_loop(server: TokenServer, held: Held, auth: Any) -> Iterator[tuple[asyncio.AbstractEventLoop, Any]]:
    """Yield a loop that has stopped, and its task, which logs in. Later token calls are answered."""
    loop = asyncio.new_event_loop()
    leader = loop.create_task(auth.aget_token())
    loop.run_until_complete(asyncio.to_thread(until, lambda: server.token_calls))
    try:
        yield loop, leader
    finally:
        held.release(None)
        loop.run_until_complete(asyncio.wait([leader]))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def take_over(client: Client, server: TokenServer, held: Held, auth: Any) -> None:
    """Assert that *client* takes over from a stopped loop, and that this changes nothing when it goes on."""
    with stopped_loop(server, held, auth) as (_, leader):
        waits = background(lambda: client.herd(auth, server.api, 3))
        until(lambda: waiting(auth) == 3)
        server.answer = lambda _: None
        assert waits.result(20) == [200] * 3
        assert not leader.done()
    assert leader.result().value == "token-2"
    assert auth.get_token().value == "token-1"
    assert len(server.token_calls) == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_who_waits_takes_over_when_the_event_loop_is_stopped(client: Client, server: TokenServer) -> None:
    """As after `loop.run_until_complete(asyncio.wait_for(…))`: the loop is not closed, and might run again."""
    take_over(client, server, Held(server), server.auth(timeout=4.0))


def test_blocking_code_takes_over_at_once_from_a_stopped_loop_of_its_thread(server: TokenServer) -> None:
    """That loop can't run before this code has ended."""
    auth, held = server.auth(timeout=3600.0), Held(server)
    with stopped_loop(server, held, auth):
        server.answer = lambda _: None
        assert auth.get_token().value == "token-1"
    assert auth.get_token().value == "token-1"


def test_a_loop_that_runs_again_finishes_its_login(server: TokenServer) -> None:
    auth, held = server.auth(), Held(server)
    with stopped_loop(server, held, auth) as (loop, leader):
        waits = background(auth.get_token)
        until(lambda: waiting(auth))
        held.release(None)
        loop.run_until_complete(leader)
        assert waits.result(20).value == "token-1"
    assert len(server.token_calls) == 1


class LookedAt(asyncio.SelectorEventLoop):
    """Counts how often somebody looks whether it is closed."""

    looks = 0

    def is_closed(self) -> bool:
        self.looks += 1
        return super().is_closed()


class InTurns:
    """A program that runs an event loop in turns. Its first caller has given up when it stands still."""

    def __init__(self, timeout: float) -> None:
        self.auth = FunctionAuth(self.get_token, origins=["https://api.example"], cache={}, timeout=timeout)
        self.count = 0
        self.begun, self.released = asyncio.Event(), asyncio.Event()
        self.loop, began = LookedAt(), time.monotonic()
        self.loop.run_until_complete(self._give_up())
        self.in_time = time.monotonic() - began < timeout  # else the loop itself may have seen that it took too long

    async def _give_up(self) -> None:
        leader = asyncio.create_task(self.auth.aget_token())
        await self.begun.wait()
        leader.cancel()
        await asyncio.wait([leader])

    async def get_token(self) -> str:
        self.count += 1
        self.begun.set()
        await self.released.wait()
        return "t"

    def close(self) -> None:
        self.loop.close()


@pytest.mark.slow  # a second passes between two looks
def test_a_loop_that_stands_still_for_long_loses_no_login() -> None:
    """The answer may hold a refresh token that is used once."""
    with contextlib.closing(InTurns(30.0)) as world:
        looks = world.loop.looks
        until(lambda: world.loop.looks > looks + 3)
        world.released.set()
        assert world.loop.run_until_complete(world.auth.aget_token()).value == "t"
        assert world.count == 1


def test_a_loop_that_does_not_run_again_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    for seconds in (0.1, 1.0, 10.0):  # a busy machine may take longer to begin it
        caplog.clear()
        with contextlib.closing(InTurns(seconds)) as world:
            until(lambda: not token_threads(set()))
            world.released.set()
            world.auth._source.credential.timeout = 10.0
            if world.in_time:
                assert world.auth.get_token().value == "t"
                break
    assert world.in_time
    assert not caplog.records


# a secret that takes its time


@dataclass(eq=False)
class SlowSecret:
    """A callable for a secret that waits to be let go."""

    server: TokenServer
    begun: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> str:
        self.begun.append("call")
        assert self.released.wait(20)
        return "p"

    def auth(self) -> Any:
        return LoginAuth(f"{self.server.url}/token", json={"password": self}, token="token", cache={})


def three_more_get_it(client: Client, auth: Any, server: TokenServer, slow: Any) -> None:
    """Assert that three more requests wait for what is *slow* and begun already, and are served when it is there."""
    next_one = background(lambda: client.herd(auth, server.api, 3))
    until(lambda: waiting(auth) == 3)
    assert len(slow.begun) == 1
    slow.released.set()
    assert next_one.result(20) == [200] * 3


@every_client
def test_a_secret_that_is_being_read_is_waited_for(client: Client, give_up: Any, server: TokenServer) -> None:
    """Whoever is less patient than it is slow would have it read anew, and never get a token."""
    secret = SlowSecret(server)
    auth = secret.auth()
    give_up(client, auth, server, begun=secret.begun)
    three_more_get_it(client, auth, server, secret)
    assert len(secret.begun) == server.logins == 1


@every_client
def test_a_secret_that_was_read_for_nobody_serves_the_next(client: Client, give_up: Any, server: TokenServer) -> None:
    secret = SlowSecret(server)
    auth = secret.auth()
    give_up(client, auth, server, begun=secret.begun)
    secret.released.set()
    until(lambda: not token_threads(set()))
    assert client.get(auth, server.api) == 200
    assert len(secret.begun) == server.logins == 1
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert len(secret.begun) == server.logins == 2


@every_client
def test_a_login_of_two_steps_goes_on_where_its_caller_left(client: Client, give_up: Any, server: TokenServer) -> None:
    held = Held(server)
    first = Call("/token", json={}, keep={"nonce": "nonce"})
    auth: Any = LoginAuth(f"{server.url}/token2", json={"nonce": Kept("nonce")}, first=first, token="token", cache={})
    server.answer = lambda request: server.login() if request.path == "/token2" else held(request)
    give_up(client, auth, server)
    held.release(Reply(200, {"nonce": "n"}))
    until(auth._source.tokens.fresh)
    assert client.get(auth, server.api) == 200
    assert len(server.token_calls) == server.logins == 1


@every_client
def test_tries_go_on_in_the_pause_that_a_caller_left(
    client: Client, give_up: Any, server: TokenServer, clock: ManualClock
) -> None:
    """Callers that are less patient than the pauses would send the password again and again."""
    retried: list[str] = []
    auth = with_clock(
        server.auth(on_event=lambda event: retried.append(event.kind) if event.kind == "retried" else None), clock
    )
    server.answer = lambda request: Reply(503, {}) if request.path == "/token" else None
    give_up(client, auth, server, begun=retried)
    until(lambda: auth._source.credential.cooldowns.failure(auth._source.tokens.key, 0.0))
    assert {type(problem) for problem in client.herd(auth, server.api, 3)} == {TokenEndpointError}
    assert len(server.token_calls) == 3


class SlowStore(DictStore):
    """A store that waits to be let go before it answers for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.released = threading.Event()

    def load(self, key: str) -> Any:
        self.begun.append("load")
        assert self.released.wait(20)
        return super().load(key)


@every_client
def test_a_slow_store_is_asked_once_for_all_who_give_up(client: Client, give_up: Any, server: TokenServer) -> None:
    """Whoever is less patient than it is slow would begin anew, and never get a token."""
    store = SlowStore()
    given: Any = {"token": "token", "json": {"password": "p"}, "cache": {}, "store": store, "timeout": 60.0}
    auth: Any = LoginAuth(f"{server.url}/token", **given)
    give_up(client, auth, server, begun=store.begun)
    three_more_get_it(client, auth, server, store)
    assert len(server.token_calls) == 1


@every_client
def test_with_a_store_a_slow_secret_is_read_once_for_all_who_give_up(
    client: Client, give_up: Any, server: TokenServer
) -> None:
    secret = SlowSecret(server)
    auth = secret.auth().replace(store=DictStore())
    give_up(client, auth, server, begun=secret.begun)
    three_more_get_it(client, auth, server, secret)
    assert server.logins == 1


def test_a_secret_that_was_read_for_nobody_is_read_anew_after_invalidate(server: TokenServer) -> None:
    client: Any = BLOCKING[0]
    secret = SlowSecret(server)
    auth = secret.auth()
    interrupted(client, auth, server, begun=secret.begun)
    secret.released.set()
    until(lambda: not token_threads(set()))
    auth.invalidate()
    assert client.get(auth, server.api) == 200
    assert len(secret.begun) == 2


@pytest.mark.parametrize("client", BLOCKING, ids=repr)
def test_a_time_limit_ends_the_caller_that_refreshes_early(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """The refresh that it began is still made use of, and does not swallow it."""
    server.lifetime = 1000.0
    auth = with_clock(server.auth(), clock)
    assert client.get(auth, server.api) == 200
    clock.move(900.0)
    held = Held(server)
    out_of_time(client, auth, server)
    held.release(None)
    until(lambda: server.logins == 2 and not token_threads(set()))
    assert client.get(auth, server.api) == 200
    assert len(server.token_calls) == server.logins == 2


def test_a_time_limit_loses_no_refresh_token(server: TokenServer) -> None:
    """A server takes a second use of the old one for theft."""
    client: Any = BLOCKING[0]
    sent: list[str] = []

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        sent.append(parse_qs(request.body.decode())["refresh_token"][0])
        assert released.wait(20)
        server.valid.add(f"t-{len(sent)}")
        return Reply(200, {"access_token": f"t-{len(sent)}", "refresh_token": f"r-{len(sent)}"})

    auth: Any = RefreshTokenAuth(f"{server.url}/token", refresh_token="r-0", client_id="c", cache={})
    server.answer, released = answer, threading.Event()
    out_of_time(client, auth, server)
    released.set()
    assert client.get(auth, server.api) == 200
    auth.invalidate()
    assert client.get(auth, server.api) == 200
    assert sent == ["r-0", "r-1"]
