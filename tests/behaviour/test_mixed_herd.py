"""I1 with crowds, at full size under `-m slow`: the sandbox is a process of its own, whose token call takes 200 ms.

Cold: one login, and all get 200. After a revocation: one more login, and no caller sees a 401.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import trio
import urllib3

from tests.clients import TLS, Niquests
from tokenauth import ManisAuth
from tokenauth.sandbox import Sandbox, serve
from tokenauth.sandbox.credentials import MANIS_MERCHANT_ID, MANIS_SECRET

LATENCY = 0.2
SECONDS = 60.0
CONNECTIONS = 20
"""Of each async client. httpx takes time that grows with the square of its tasks, with or without auth."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


def threads(library: Any, auth: Any, url: str, count: int) -> list[int]:
    """Return what *count* threads got, each with a session of its own."""
    barrier = threading.Barrier(count)

    def one(_: int) -> int:
        with library.Session() as session:
            session.auth = auth
            barrier.wait(SECONDS)
            status: int = session.get(url, timeout=SECONDS).status_code
            return status

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


async def _gather_asyncio(one: Callable[[], Awaitable[int]], count: int) -> list[int]:
    return await asyncio.gather(*(one() for _ in range(count)))


async def _gather_trio(one: Callable[[], Awaitable[int]], count: int) -> list[int]:
    statuses: list[int] = []

    async def add() -> None:
        statuses.append(await one())

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(add)
    return statuses


def tasks(library: Any, on_trio: bool, auth: Any, url: str, count: int) -> list[int]:
    """Return what *count* tasks of one event loop got, on one client."""

    async def main() -> list[int]:
        limits = library.Limits(max_connections=CONNECTIONS)
        async with library.AsyncClient(auth=auth, timeout=SECONDS, verify=TLS, limits=limits) as client:

            async def one() -> int:
                status: int = (await client.get(url)).status_code
                return status

            return await (_gather_trio if on_trio else _gather_asyncio)(one, count)

    return trio.run(main) if on_trio else asyncio.run(main())


def by_headers(url: str, auth: Any, timeout: float) -> Any:
    """Return what a client got that is none of ours: it asks for the headers, and tells of a refusal."""
    headers = auth.headers(url)
    response = urllib3.request("GET", url, headers=headers, timeout=timeout)
    if response.status == 401 and auth.refused(url, headers):
        response = urllib3.request("GET", url, headers=auth.headers(url), timeout=timeout)
    return SimpleNamespace(status_code=response.status)


def mixed(auth: Any, url: str, count: int) -> list[int]:
    """Return what threads of four libraries and four event loops got, all on one auth object."""

    def blocking(send: Any) -> list[int]:
        return [send(url, auth=auth, timeout=SECONDS).status_code]

    senders = [requests.get, partial(httpx.get, verify=TLS), partial(httpx2.get, verify=TLS), by_headers]
    callers: list[Callable[[], list[int]]] = [partial(blocking, senders[number % 4]) for number in range(20)]
    per_loop = (count - 20) // 4
    callers += [
        partial(tasks, httpx, False, auth, url, per_loop),
        partial(tasks, httpx2, False, auth, url, per_loop),
        partial(tasks, httpx, True, auth, url, per_loop),
        partial(aiohttp_tasks, auth, url, per_loop),
    ]
    barrier = threading.Barrier(len(callers))

    def start(caller: Callable[[], list[int]]) -> list[int]:
        barrier.wait(SECONDS)
        return caller()

    with ThreadPoolExecutor(len(callers)) as pool:
        return [status for statuses in pool.map(start, callers) for status in statuses]


def aiohttp_tasks(auth: Any, url: str, count: int) -> list[int]:
    """Return what *count* tasks of one event loop got, on one session."""

    async def main() -> list[int]:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(middlewares=[auth], connector=connector, timeout=timeout) as session:

            async def one() -> int:
                async with session.get(url) as response:
                    return response.status

            return await _gather_asyncio(one, count)

    return asyncio.run(main())


def niquests_tasks(auth: Any, url: str, count: int) -> list[int]:
    """Return what *count* tasks of one event loop got, on one session."""

    async def main() -> list[int]:
        async with niquests.AsyncSession(auth=auth, pool_maxsize=CONNECTIONS, timeout=SECONDS) as session:

            async def one() -> int:
                status: int = (await session.get(url)).status_code
                return status

            return await _gather_asyncio(one, count)

    return asyncio.run(main())


CROWDS: dict[str, tuple[Callable[[Any, str, int], list[int]], int, int]] = {
    "threads, requests": (partial(threads, requests), 8, 64),
    "asyncio tasks, httpx": (partial(tasks, httpx, False), 20, 150),
    "asyncio tasks, httpx2": (partial(tasks, httpx2, False), 40, 500),
    "trio tasks, httpx": (partial(tasks, httpx, True), 20, 100),
    "trio tasks, httpx2": (partial(tasks, httpx2, True), 20, 100),
    "asyncio tasks, aiohttp": (aiohttp_tasks, 40, 500),
    "in 20 threads and 4 event loops": (mixed, 20 + 4 * 5, 20 + 4 * 20),
}
"""How many in the quick run, and in the slow one."""
niquests = Niquests.library
if niquests is not None:
    CROWDS = {
        "threads, niquests": (partial(threads, niquests), 8, 64),
        "asyncio tasks, niquests": (niquests_tasks, 40, 500),
    }
SIZES = [pytest.param(name, quick, id=f"{quick} {name}") for name, (_, quick, _) in CROWDS.items()]
SIZES += [
    pytest.param(name, full, id=f"{full} {name}", marks=pytest.mark.slow) for name, (_, _, full) in CROWDS.items()
]


@pytest.mark.parametrize(("crowd", "count"), SIZES)
def test_a_crowd_logs_in_once_cold_and_once_more_after_a_revocation(crowd: str, count: int, sandbox: Sandbox) -> None:
    run = CROWDS[crowd][0]
    sandbox.reset("manis")
    sandbox.knobs("manis", latency=LATENCY)
    auth = ManisAuth(sandbox.url, merchant_id=MANIS_MERCHANT_ID, secret=MANIS_SECRET, cache={})
    url = f"{sandbox.url}/manis/api/x"

    crowd_gets_200(run, auth, url, count)
    state = sandbox.state()["manis"]
    assert (state["logins"], state["token_calls"], state["api_200"], state["api_401"]) == (1, 1, count, 0)

    crowd_gets_200(run, auth, url, count)
    assert sandbox.state()["manis"]["logins"] == 1

    sandbox.knobs("manis", revoke=True)
    crowd_gets_200(run, auth, url, count)
    state = sandbox.state()["manis"]
    assert (state["logins"], state["api_200"]) == (2, 3 * count)
    assert 1 <= state["api_401"] <= count


def crowd_gets_200(run: Callable[[Any, str, int], list[int]], auth: Any, url: str, count: int) -> None:
    assert Counter(run(auth, url, count)) == {200: count}
