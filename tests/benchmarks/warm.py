"""What a warm authenticated request costs beside a constant header: `python -m tests.benchmarks.warm`.

Both run in turn on one client whose transport answers from memory, so that no network hides the difference.
The median of the rounds counts.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import httpx2
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from tests.support import PlainProvider
from tokenauth import Token, TokenAuth
from tokenauth._core.effects import Reply

URL = "https://api.example/path"
ROUNDS, REQUESTS = 15, 300


class Memory(BaseAdapter):
    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        raw = HTTPResponse(body=BytesIO(b"{}"), status=200, preload_content=False)
        response: Any = requests.adapters.HTTPAdapter().build_response(request, raw)
        return response

    def close(self) -> None:
        """Nothing is open."""


def warm(**options: Any) -> TokenAuth:
    auth = TokenAuth(PlainProvider("https://api.example"), cache={}, **options)
    source = auth._source
    now = source.credential.clock.monotonic()
    source.tokens.cache.put(
        source.tokens.key, source.logins.dated(Token("t" * 800, lifetime=1e6), Reply(200, sent=now), None)
    )
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

    class Flow(library.Auth):  # type: ignore[misc]
        def auth_flow(self, request: Any) -> Any:
            request.headers["Authorization"] = value
            yield request

    return Flow()


def on_requests() -> Callable[[Any], float]:
    session = requests.Session()
    session.mount("https://", Memory())

    def round_(auth: Any) -> float:
        session.auth = auth
        start = time.perf_counter()
        for _ in range(REQUESTS):
            session.get(URL)
        return time.perf_counter() - start

    return round_


def on_httpx(library: Any) -> Callable[[Any], float]:
    client = library.Client(transport=library.MockTransport(lambda request: library.Response(200, content=b"{}")))

    def round_(auth: Any) -> float:
        client.auth = auth
        start = time.perf_counter()
        for _ in range(REQUESTS):
            client.get(URL)
        return time.perf_counter() - start

    return round_


def on_async(library: Any) -> Callable[[Any], float]:
    async def answer(request: Any) -> Any:
        return library.Response(200, content=b"{}")

    def round_(auth: Any) -> float:
        async def main() -> float:
            async with library.AsyncClient(transport=library.MockTransport(answer), auth=auth) as client:
                start = time.perf_counter()
                for _ in range(REQUESTS):
                    await client.get(URL)
                return time.perf_counter() - start

        return asyncio.run(main())

    return round_


def measure(name: str, round_: Callable[[Any], float], library: Any) -> None:
    for label, auth in (("", warm()), (" +origins", warm(origins=["https://more.example"]))):
        plain, ours = [], []
        for _ in range(ROUNDS):
            plain.append(round_(constant(library)))
            ours.append(round_(auth))
        base, cost = statistics.median(plain) / REQUESTS * 1e6, statistics.median(ours) / REQUESTS * 1e6
        ratio = statistics.median(each / other for each, other in zip(ours, plain, strict=True))
        print(f"{name + label:24} constant {base:7.1f} us, ours {cost:7.1f} us, {cost - base:+6.1f} us, x{ratio:.3f}")


if __name__ == "__main__":
    measure("requests", on_requests(), requests)
    for library in (httpx, httpx2):
        measure(library.__name__, on_httpx(library), library)
        measure(f"{library.__name__}-async", on_async(library), library)
