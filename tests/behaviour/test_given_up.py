"""I1 and I10 for callers with time limits of their own: a login that its caller has given up is still made use of.

Otherwise each of them would send the password anew, and none would ever see the answer.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients import AWAITING, BLOCKING, Awaiting, Client
from tests.servers import Received, Reply
from tests.support import TokenServer, background, until, waiting
from tokenauth import CredentialsRejected, TokenAuth
from tokenauth._core.effects import Wait
from tokenauth._core.flow import obtain

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


def cancelled(client: Awaiting, auth: TokenAuth, server: TokenServer) -> None:
    """Send a request, and cancel it when its token call has arrived."""
    calls = len(server.token_calls)

    async def main() -> None:
        async with client.client(auth) as http, client.scope() as cancel:

            async def watch() -> None:
                await client.until(lambda: len(server.token_calls) > calls)
                cancel()

            await client.gather([watch, lambda: http.get(server.api)])

    client.run(main)


@contextlib.contextmanager
def interrupts() -> Iterator[Callable[[], object]]:
    """Yield what any thread may call to have KeyboardInterrupt raised in this one."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def interrupted(client: Client, auth: TokenAuth, server: TokenServer) -> None:
    """The same for a blocking client: Ctrl-C, or the alarm of a worker's time limit."""
    calls = len(server.token_calls)

    def press(ctrl_c: Callable[[], object]) -> None:
        until(lambda: len(server.token_calls) > calls)
        ctrl_c()

    with interrupts() as ctrl_c:
        pressed = background(lambda: press(ctrl_c))
        with pytest.raises(KeyboardInterrupt):
            client.get(auth, server.api)
        pressed.result(20)


GIVE_UP: list[tuple[Any, Any]] = [(client, cancelled) for client in AWAITING]
GIVE_UP += [(client, interrupted) for client in BLOCKING]
every_client: pytest.MarkDecorator = pytest.mark.parametrize(
    ("client", "give_up"), GIVE_UP, ids=[repr(client) for client, _ in GIVE_UP]
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


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_an_async_token_client_ends_with_its_task(client: Awaiting, server: TokenServer) -> None:
    """It belongs to the event loop, and so nothing of the call is left."""
    auth, held = server.auth(), Held(server)

    async def main() -> None:
        async with client.own_client() as own:
            mine = server.auth(token_client=own)

            async def watch() -> None:
                await client.until(lambda: server.token_calls)
                cancel()

            async with client.scope() as cancel:
                await client.gather([watch, mine.aget_token])
            assert waiting(mine) == 0

    client.run(main)
    held.release(None)
    assert client.get(auth, server.api) == 200
    assert len(server.token_calls) == 2
