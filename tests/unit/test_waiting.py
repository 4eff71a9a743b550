"""Waiting: what a time limit means for who waits, and where threads and trio can't be had."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import pytest
import trio

from tests.support import token_server
from tokenauth._io.loops import in_task, within
from tokenauth._io.waiting import Outcome, Pending, settled

RUNNERS: dict[str, Callable[[Callable[[], Awaitable[Any]]], Any]] = {
    "asyncio": lambda main: asyncio.run(main()),  # type: ignore[arg-type]
    "trio": trio.run,
}
every_loop = pytest.mark.parametrize("loop", RUNNERS.values(), ids=RUNNERS.keys())


async def never() -> None:
    await anyio.sleep_forever()


@every_loop
def test_what_takes_longer_is_none(loop: Any) -> None:
    async def main() -> Any:
        return await within(0.01, never())

    assert loop(main) is None


@every_loop
def test_a_timeout_of_its_own_comes_through(loop: Any) -> None:
    """It is not taken for the end of the time that was given."""

    async def fails() -> None:
        raise TimeoutError("its own")

    async def main() -> None:
        await within(60.0, fails())

    with pytest.raises(TimeoutError, match="its own"):
        loop(main)


def test_who_waits_inside_a_hook_of_requests_mock_gives_up_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token call that is waited for needs it."""
    lock, future = threading.RLock(), Future[None]()
    monkeypatch.setitem(sys.modules, "requests_mock.mocker", SimpleNamespace(_send_lock=lock))

    def token_call() -> None:
        with lock:
            future.set_result(None)

    thread = threading.Thread(target=token_call)
    with lock:
        thread.start()
        settled(Pending(future, 10.0))
        assert future.done()
        assert lock._is_owned()  # type: ignore[attr-defined]
    thread.join()


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_threads_to_be_had_the_caller_makes_the_call_itself() -> None:
    with token_server() as server:
        code = """
import logging, sys, threading
import requests
from tests.support import PlainProvider
from tokenauth.requests import TokenAuth
logging.getLogger("tokenauth").addHandler(logging.NullHandler())
threading.stack_size(1 << 46)  # more than there is
try:
    threading.Thread(target=bool).start()
except RuntimeError:
    assert requests.get(sys.argv[1], auth=TokenAuth(PlainProvider(sys.argv[2], sys.argv[3])), timeout=20).ok
    provider = PlainProvider(f"{sys.argv[2]}/nowhere", sys.argv[3])
    try:
        TokenAuth(provider).get_token()
    except requests.RequestException:
        sys.exit(0)
sys.exit("threads without end")
"""
        run(code, server.api, server.url, server.user)
        assert server.logins == 1


def test_an_event_loop_without_trio_installed_is_asyncio() -> None:
    with token_server() as server:
        code = """
import asyncio, sys
sys.modules["trio"] = None  # as where it is not installed
import httpx
from tokenauth import Provider, Token
from tokenauth._core.messages import TokenRequest
from tokenauth.httpx import TokenAuth

class Plain(Provider):
    name, token_url, secrets = "Plain", f"{sys.argv[1]}/token", ()

    def request(self, refresh_token=None):
        return TokenRequest("POST", self.token_url)

    def read(self, reply):
        return Token(reply.json()["token"])

async def main():
    async with httpx.AsyncClient(auth=TokenAuth(Plain())) as client:
        assert (await client.get(f"{sys.argv[1]}/api")).status_code == 200

asyncio.run(main())
"""
        run(code, server.url)
        assert server.logins == 1


@pytest.mark.parametrize("name", ["trio", "greenlet"])
def test_a_module_that_another_thread_is_just_importing_is_not_used_yet(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with token_server() as server:
        auth = server.auth()

        def fetched() -> list[str]:
            auth.invalidate()
            awaited = asyncio.run(auth.aget_token())
            auth.invalidate()
            return [awaited.value, auth.get_token().value]

        fetched()  # the clients import trio themselves, and would keep what is not whole
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        assert fetched() == ["token-3", "token-4"]


def test_what_is_awaited_may_be_a_future_and_several_at_once() -> None:
    """A function may return either; two auth objects may fetch on one loop."""

    async def main() -> list[str]:
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        outcomes: list[Outcome[str]] = [Outcome(), Outcome()]
        in_task(asked, 20, outcomes[0])
        in_task(asyncio.sleep(0, "slept"), 20, outcomes[1])
        asked.set_result("answered")
        return [await asyncio.wrap_future(outcome) for outcome in outcomes]

    assert asyncio.run(main()) == ["answered", "slept"]
