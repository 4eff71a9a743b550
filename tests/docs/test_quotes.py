"""The errors and log lines that the pages about troubles quote are those that people see: each is provoked here.

In a quote "…" stands for anything, and so does what differs each time: methods, addresses, numbers and fingerprints.
"""

import asyncio
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests

import tokenauth.requests
from tests.servers import Received, Reply, serve
from tests.support import background, until
from tokenauth import FunctionAuth, LoginAuth, ManisAuth, RefreshTokenAuth
from tokenauth.providers import Manis
from tokenauth.stores import Lease
from tokenauth.testing import isolated

DOCS = Path(__file__).parents[2] / "docs"
TROUBLES, ERRORS = ((DOCS / name).read_text(encoding="utf-8") for name in ("troubleshooting.md", "reference/errors.md"))
QUOTES = [
    *re.findall(r"^\| `(.+?)` \|", TROUBLES.partition("## I get an error")[2], re.MULTILINE),
    *re.findall(r'^\*\*\d\. Does a warning say "(.+)"\?\*\*$', TROUBLES, re.MULTILINE),
    *re.findall(r"^\| `(.+?)` \|", ERRORS.partition("## Messages")[2], re.MULTILINE),
    *re.findall(r"^(?:INFO:tokenauth:)?(Manis merchant .+)$", TROUBLES + ERRORS, re.MULTILINE),
]
DIFFERS = re.compile(r"…|\b(?:GET|POST)\b|https?://[^\s;,]*\w|\b\d+(?= s\b)|\b[0-9a-f]{8}\b")
TOKEN = {"expiresAt": 4_000_000_000, "access_token": "t-1", "refresh_token": "rt-2"}

LOGINS = {
    "/wrong": Reply(401, {"detail": "who are you"}),
    "/scope": Reply(400, {"error": "invalid_scope", "error_description": "no such scope"}),
    "/down": Reply(503, {"detail": "later"}),
    "/gone": Reply(404),
    "/broken": Reply(raw=b"220 mail.example ESMTP\r\n"),
    "/form": Reply(422, {"detail": [{"loc": ["body", "username"], "msg": "Field required"}]}),
    "/moved": Reply(302, headers={"Location": "https://other.example/"}),
    "/page": Reply(200, b"<html>"),
    "/spent": Reply(400, {"error": "invalid_grant"}),
    "/refuses": Reply(401),
}
FORKED = """
import os, sys
from tokenauth import RefreshTokenAuth
auth = RefreshTokenAuth(sys.argv[1], refresh_token="rt-1", client_id="c")
auth.get_token()
if not os.fork():
    try:
        auth.invalidate()
        auth.get_token()
    except Exception as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""


class Store:
    """One that is out of order, or whose lease another process has."""

    def __init__(self, *, works: bool) -> None:
        self.works = works

    def load(self, key: str) -> bytes | None:
        if self.works:
            return None
        raise OSError

    def acquire(self, key: str, seconds: float) -> Lease | None:
        return None

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        return False

    def release(self, key: str, lease: Lease) -> None: ...


class Provoking:
    def __init__(self, url: str, slow: threading.Event) -> None:
        self.url, self.slow, self.errors = url, slow, list[str]()

    def manis(self, path: str, **options: Any) -> ManisAuth:
        return ManisAuth(self.url, path=path, **{"merchant_id": "m-1", "secret": path, **options})

    def refreshing(self, path: str, **options: Any) -> RefreshTokenAuth:
        return RefreshTokenAuth(f"{self.url}{path}", refresh_token=f"rt{options}", client_id="c", **options)

    def fails(self, call: Callable[[], Any]) -> None:
        with pytest.raises((requests.RequestException, TypeError, ValueError)) as caught:
            call()
        self.errors.append(str(caught.value))

    def answers(self) -> None:
        for path in ("/wrong", "/wrong", "/down", "/gone", "/broken", "/form", "/moved", "/page"):
            self.fails(self.manis(path).get_token)
        self.fails(LoginAuth(f"{self.url}/scope", form={"a": "b"}).get_token)
        self.fails(LoginAuth(f"{self.url}/good", json={"a": "b"}, token="data.jwt").get_token)
        self.fails(self.refreshing("/spent").get_token)
        self.fails(ManisAuth("http://127.0.0.1:1", merchant_id="m-1", secret="s", timeout=5.0).get_token)
        self.fails(lambda: ManisAuth("http://manis.example.com", merchant_id="m-1", secret="s"))

    def waits(self) -> None:
        self.fails(self.manis("/slow", secret="alone", timeout=0.1).get_token)
        # computes the key of the credential's entries
        self.manis("/good", secret="leased", store=Store(works=False)).get_token()
        leased = self.manis("/good", secret="leased", store=Store(works=True), timeout=4.0)
        leased.invalidate()
        self.fails(leased.get_token)
        led = background(self.manis("/slow").get_token)
        until(lambda: self.manis("/slow")._source.flights._flights)
        self.fails(self.manis("/slow", timeout=0.1).get_token)
        asyncio.run(self._blocks())
        self.slow.set()
        led.result(10)

    async def _blocks(self) -> None:
        auth = self.manis("/slow", secret="coroutine")
        login = asyncio.ensure_future(auth.aget_token())
        await asyncio.sleep(0)
        self.fails(auth.get_token)
        login.cancel()

    def own_code(self) -> None:
        def raises(*_: object) -> str:
            raise KeyError

        def get_token() -> str:
            return httpx.Response(403, request=httpx.Request("GET", self.url)).raise_for_status().text

        self.fails(FunctionAuth(get_token, origins=[self.url]).get_token)
        self.fails(self.manis("/good", secret=raises).get_token)
        self.fails(self.refreshing("/good", on_refresh_token=raises).get_token)
        self.fails(self.refreshing("/good", store=Store(works=False)).get_token)
        nested: ManisAuth = self.manis("/good", secret=lambda: nested.get_token().value)
        self.fails(nested.get_token)
        command = [sys.executable, "-c", FORKED, f"{self.url}/good"]
        self.errors.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    def wired_wrongly(self) -> None:
        given: dict[str, Any] = {"merchant_id": "m-1", "secret": "s"}
        of_requests: Any = tokenauth.requests.ManisAuth(self.url, **given)
        provider: Any = Manis(self.url, **given)
        self.fails(lambda: httpx.get(self.url, auth=of_requests))
        self.fails(lambda: requests.get(self.url, auth=provider, timeout=10))
        self.fails(lambda: asyncio.run(self._by_aiohttp(of_requests)))

    async def _by_aiohttp(self, auth: Any) -> None:
        async with aiohttp.ClientSession(auth=auth) as session:
            await session.get(self.url)

    def requests(self) -> None:
        auth = self.manis("/good")
        requests.get(f"{self.url.replace('127.0.0.1', 'localhost')}/good", auth=auth, timeout=10)
        requests.post(f"{self.url}/refuses", data=iter([b"x"]), auth=auth, timeout=10)
        requests.get(f"{self.url}/refuses", auth=auth, timeout=10)
        for number in range(3):  # as if another process ended the token each time
            requests.get(f"{self.url}/once?{number}", auth=auth, timeout=10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated")  # aiohttp's, of which it takes another kind
def test_people_see_what_the_pages_quote(caplog: pytest.LogCaptureFixture) -> None:
    slow = threading.Event()

    def answer(request: Received) -> Reply:
        if request.path == "/slow":
            slow.wait(20)
        if request.path == "/once" and [each.target for each in server.requests].count(request.target) == 1:
            return Reply(401)
        return LOGINS.get(request.path) or Reply(200, {**TOKEN, "token": f"t-{len(server.requests)}"})

    caplog.set_level(logging.INFO, "tokenauth")
    with serve(answer) as server, isolated():
        provoking = Provoking(server.url, slow)
        provoking.answers()
        provoking.waits()
        provoking.own_code()
        provoking.wired_wrongly()
        provoking.requests()
    seen = "\n".join([*provoking.errors, *caplog.messages])
    patterns = {quote: ".*".join(re.escape(part.strip()) for part in DIFFERS.split(quote)) for quote in QUOTES}
    assert [quote for quote, pattern in patterns.items() if not re.search(pattern, seen)] == [], seen
    assert len(QUOTES) > 41  # as long as the pages have them where they are looked for
