"""What a warm authenticated request costs beside a constant header: `python -m tests.benchmarks.warm`.

Both run in turn on one client whose transport answers from memory, so that no network hides the difference.
Of a few short rounds the least processor time counts, which other programs disturb least. It is compared with that
of the constant header right before, and of all these ratios the median counts. With `--instructions` valgrind counts
instructions in place of time, which does not care how busy a machine is. Names of clients ("httpx", "requests") limit
either to these.
"""

import asyncio
import atexit
import gc
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from tests.support import PlainProvider
from tokenauth import Token, TokenAuth
from tokenauth._core.dating import dated
from tokenauth._core.messages import Reply
from tokenauth.providers import Atrip

URL = "https://api.example/path"
TURNS, ROUNDS, REQUESTS = 40, 4, 40
WARM_UP = 120
"""Requests after which Python has adapted its bytecode to the other kind of auth."""
COUNTED = 100
Round = Callable[[Any, int], float]
"""Sends so many requests with an auth; returns the seconds."""


class Memory(BaseAdapter):
    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        raw = HTTPResponse(body=BytesIO(b"{}"), status=200, preload_content=False)
        response: Any = requests.adapters.HTTPAdapter().build_response(request, raw)
        return response

    def close(self) -> None:
        """Nothing is open."""


def warm(provider: Any = None, **options: Any) -> TokenAuth:
    auth = TokenAuth(provider or PlainProvider("https://api.example", f"u-{len(options)}"), **options)
    source = auth._source
    clock = source.credential.clock
    reply = Reply(200, sent=clock.monotonic(), sent_at=clock.wall())
    source.tokens.cache.put(source.tokens.key, dated(source.credential, Token("t" * 800, lifetime=1e6), reply))
    return auth


def constant(library: Any) -> Any:
    """The least that an auth can be: one header, always the same."""
    value = "Bearer " + "t" * 800

    if library is requests:

        class Constant(requests.auth.AuthBase):
            def __call__(self, request: Any) -> Any:
                request.headers["Authorization"] = value
                return request

        return Constant()

    if library is aiohttp:

        async def middleware(request: Any, handler: Any) -> Any:
            request.headers["Authorization"] = value
            return await handler(request)

        return middleware

    class Flow(library.Auth):  # type: ignore[misc]
        def auth_flow(self, request: Any) -> Any:
            request.headers["Authorization"] = value
            yield request

    return Flow()


def atrip() -> TokenAuth:
    access = Atrip(
        client_id="id", client_secret="s" * 40, user_name="u", role="Admin", order_no="", base_url="https://api.example"
    )
    return TokenAuth(access, cache={})


VARIANTS: dict[str, Callable[[], TokenAuth]] = {
    "": warm,
    " +origins": lambda: warm(origins=["https://more.example"]),
    " +header": lambda: warm(header="X-Token", scheme=""),
    " atrip": atrip,
}


def on_requests() -> Round:
    session = requests.Session()
    session.mount("https://", Memory())

    def round_(auth: Any, count: int) -> float:
        session.auth = auth
        start = time.process_time()
        for _ in range(count):
            session.get(URL)
        return time.process_time() - start

    return round_


def on_httpx(library: Any) -> Round:
    client = library.Client(transport=library.MockTransport(lambda request: library.Response(200, content=b"{}")))

    def round_(auth: Any, count: int) -> float:
        client.auth = auth
        start = time.process_time()
        for _ in range(count):
            client.get(URL)
        return time.process_time() - start

    return round_


def on_async(library: Any) -> Round:
    async def answer(request: Any) -> Any:
        return library.Response(200, content=b"{}")

    def round_(auth: Any, count: int) -> float:
        async def main() -> float:
            async with library.AsyncClient(transport=library.MockTransport(answer), auth=auth) as client:
                start = time.process_time()
                for _ in range(count):
                    await client.get(URL)
                return time.process_time() - start

        return asyncio.run(main())

    return round_


def on_aiohttp() -> Round:
    """aiohttp has no transport that answers from memory, so a server on loopback does, in a process of its own."""
    server = subprocess.Popen([sys.executable, "-c", _ANSWERS], stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    assert server.stdout is not None
    port = int(server.stdout.readline())

    class Loopback(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port_: int = 0, family: Any = socket.AF_INET) -> Any:
            return [
                {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            ]

        async def close(self) -> None:
            """Nothing is open."""

    def round_(auth: Any, count: int) -> float:
        async def main() -> float:
            connector = aiohttp.TCPConnector(resolver=Loopback())
            connector._get_ssl_context = lambda req: None  # type: ignore[method-assign]  # https without its cost
            async with aiohttp.ClientSession(middlewares=[auth], connector=connector) as session:
                start = time.process_time()
                for _ in range(count):
                    async with session.get(URL) as response:
                        await response.read()
                return time.process_time() - start

        return asyncio.run(main())

    return round_


_ANSWERS = """
import asyncio
class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}" * data.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


CLIENTS: dict[str, tuple[Callable[[], Round], Any]] = {
    "requests": (on_requests, requests),
    "httpx": (lambda: on_httpx(httpx), httpx),
    "httpx-async": (lambda: on_async(httpx), httpx),
    "httpx2": (lambda: on_httpx(httpx2), httpx2),
    "httpx2-async": (lambda: on_async(httpx2), httpx2),
    "aiohttp": (on_aiohttp, aiohttp),
}


def measure(names: list[str]) -> None:
    """Print the ratios of time."""
    for name in names:
        begin, library = CLIENTS[name]
        round_ = begin()
        auths = [constant(library), *(make() for make in VARIANTS.values())]
        turns = []
        for _ in range(TURNS):
            turn = []
            for auth in auths:
                round_(auth, WARM_UP)
                turn.append(min(round_(auth, REQUESTS) for _ in range(ROUNDS)) / REQUESTS * 1e6)
            turns.append(turn)
        for at, label in enumerate(VARIANTS, start=1):
            base, ours = (statistics.median(turn[each] for turn in turns) for each in (0, at))
            ratio = statistics.median(turn[at] / turn[0] for turn in turns)
            print(f"{name + label:24} constant {base:7.1f} us, ours {ours:7.1f} us, x{ratio:.3f}")


def mark() -> None:
    """Valgrind writes down what it has counted since the last mark: `--dump-before=getppid`."""
    os.getppid()


def be_counted(names: list[str]) -> None:
    """Send so many requests, and twice as many, with each auth; in the order in which `count` reads it."""
    for name in names:
        begin, library = CLIENTS[name]
        round_ = begin()
        for auth in (constant(library), *(make() for make in VARIANTS.values())):
            round_(auth, 30)
            gc.disable()  # or the counts would depend on when it runs
            for times in (1, 2):
                mark()
                round_(auth, times * COUNTED)
                mark()


def count(names: list[str]) -> None:
    """Print the ratios of instructions."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        sys.exit("--instructions needs valgrind, and there is none on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        options = ["--tool=callgrind", f"--callgrind-out-file={folder}/out", "--dump-before=getppid"]
        command = [valgrind, "-q", *options, sys.executable, "-m", "tests.benchmarks.warm", "--counted", *names]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        parts = [int(re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)[0]) for path in dumps[1::2]]
    costs = [(twice - once) / COUNTED for once, twice in zip(parts[::2], parts[1::2], strict=True)]
    for name in names:
        base, *ours = costs[: len(VARIANTS) + 1]
        del costs[: len(VARIANTS) + 1]
        for label, cost in zip(VARIANTS, ours, strict=True):
            text = f"constant {base:9,.0f} instructions, ours {cost:9,.0f}, {cost - base:+9,.0f}, x{cost / base:.3f}"
            print(f"{name + label:24} {text}")


if __name__ == "__main__":
    modes = {"--instructions": count, "--counted": be_counted}
    mode = next((argument for argument in sys.argv[1:] if argument in modes), "")
    chosen = [argument for argument in sys.argv[1:] if argument != mode] or list(CLIENTS)
    modes.get(mode, measure)(chosen)
