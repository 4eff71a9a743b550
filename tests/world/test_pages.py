"""Pages with blocks that need a library of the group `world` run whole, and hold under revocation and in a crowd."""

import asyncio
import gc
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import curl_cffi
import pycurl
import pytest
import urllib3
import websockets
import websockets.sync.client

import tokenauth
from tests.docs.test_docs import BLOCK, PAGES, ROOT, SETTINGS, blocks, play
from tests.world.django_app import set_up
from tests.world.places import Places, places
from tokenauth.sandbox import credentials, serve_in_thread

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # mcp leaves those of streams that it ends
]

MARKED = [
    page
    for page in PAGES
    if any(found["mark"] == "world" for found in BLOCK.finditer(page.read_text(encoding="utf-8")))
]
CROWD = 20


@pytest.fixture(scope="module")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with places(tmp_path_factory.mktemp("places")) as running:
        yield running


@pytest.fixture
def there(_servers: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    _servers.begin()
    tokenauth.forget()
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    yield _servers
    gc.collect()  # here, and not in the next test


def _play(page: str, there: Places, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return play(ROOT / "docs" / page, there.hosts, capsys, world=True)


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_on_a_page_runs(page: Path, there: Places, capsys: pytest.CaptureFixture[str]) -> None:
    """All auth objects of a page are for the same account, so there is one login."""
    play(page, there.hosts, capsys, world=True)
    assert there.logins == 1
    assert {place for place, _, good in there.seen if not good} == set()


# docs/how-to/any-client.md


def _grpc(page: dict[str, Any]) -> bool:
    return bool(page["call"](page["channel"].unary_unary("/orders.Orders/Get"), b"o-2") == b"o-2")


def _feed(page: dict[str, Any]) -> bool:
    with page["open_feed"]() as socket:
        socket.send("hello")
        return bool(socket.recv() == "hello")


def _feed_async(page: dict[str, Any]) -> bool:
    async def main() -> bool:
        async with await page["aopen_feed"]() as socket:
            await socket.send("hello")
            return bool(await socket.recv() == "hello")

    return asyncio.run(main())


WAYS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "urllib3": lambda page: page["fetch"](f"{page['url']}/1").status == 200,
    "curl_cffi": lambda page: page["get"](f"{page['url']}/2").status_code == 200,
    "grpc": _grpc,
    "websockets": _feed,
    "websockets-async": _feed_async,
    "curl": lambda page: page["curl"](f"{page['url']}/3")[0] == 200,
    "pycurl": lambda page: page["perform"](f"{page['url']}/4")[0] == 200,
}


def test_any_client_renews_a_revoked_token_once_for_a_crowd(there: Places, capsys: pytest.CaptureFixture[str]) -> None:
    """Each way at an address of its own: one that refuses two tokens within seconds is left alone for a while."""
    page = _play("how-to/any-client.md", there, capsys)
    for number, (name, way) in enumerate(WAYS.items(), start=2):
        there.revoke()
        page["feed"] += "/more"
        with ThreadPoolExecutor(CROWD) as pool:
            answers = list(pool.map(way, [page] * CROWD))
        assert (name, answers, there.logins) == (name, [True] * CROWD, number)


@pytest.mark.parametrize("name", ["curl", "curl_cffi", "pycurl", "urllib3", "urllib3-named", "urllib.request"])
def test_what_a_client_sends_to_another_host_is_what_the_table_says(name: str, there: Places) -> None:
    """If this fails, the client has become safer or less safe: mend the table under "Redirects"."""
    url = f"{there.hosts['https://llm.example.com']}/moved"
    REDIRECTED[name](url, {"Authorization": "Bearer canary", "X-Token": "canary"})
    (arrived,) = there.at("abroad")
    sends = {"urllib3-named": set(), "urllib.request": {"authorization", "x-token"}}.get(name, {"x-token"})
    assert {"authorization", "x-token"} & set(arrived) == sends


def _curl(url: str, headers: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    subprocess.run(["curl", "-sL", "-H", "@-", url], input=lines, text=True, check=True, capture_output=True)


def _pycurl(url: str, headers: dict[str, str]) -> None:
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.FOLLOWLOCATION, True)
    handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
    handle.setopt(pycurl.WRITEFUNCTION, len)
    handle.perform()


def _urllib3(url: str, headers: dict[str, str], **options: Any) -> None:
    with urllib3.PoolManager(retries=urllib3.Retry(3, **options)) as pool:
        pool.request("GET", url, headers=headers)


NAMED = {"remove_headers_on_redirect": ["Authorization", "Cookie", "X-Token"]}
REDIRECTED: dict[str, Callable[[str, dict[str, str]], object]] = {
    "curl": _curl,
    "curl_cffi": lambda url, headers: curl_cffi.get(url, headers=headers),
    "pycurl": _pycurl,
    "urllib3": _urllib3,
    "urllib.request": lambda url, headers: urlopen(Request(url, headers=headers)).close(),
    "urllib3-named": lambda url, headers: _urllib3(url, headers, **NAMED),
}


def test_websockets_sends_the_headers_abroad_unless_it_is_told_not_to(
    there: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    page = _play("how-to/any-client.md", there, capsys)
    url = f"{there.hosts['wss://feed.example.com']}/moved"
    headers = {"Authorization": "Bearer canary", "X-Token": "canary"}

    async def opened(connect: Any) -> None:
        with pytest.raises(websockets.InvalidStatus):
            await connect(url, additional_headers=headers)

    asyncio.run(opened(page["Connect"]))
    with pytest.raises(websockets.InvalidStatus):
        websockets.sync.client.connect(url, additional_headers=headers)
    assert there.at("abroad") == []
    asyncio.run(opened(websockets.connect))
    (abroad,) = there.at("abroad")
    assert abroad["x-token"] == "canary"
    assert "authorization" not in abroad  # websockets 15 sends it, too


# docs/how-to/sdks.md and mcp.md


def test_sdks_renew_a_revoked_token_once_for_a_crowd(there: Places, capsys: pytest.CaptureFixture[str]) -> None:
    page = _play("how-to/sdks.md", there, capsys)
    ways = [lambda name=name: page[name]("hello") == "hello" for name in ("ask", "ask_claude", "ask_gemini")]
    for number, way in enumerate([*ways, lambda: page["orders"]() == [{"id": 1}]], start=2):
        there.revoke()
        with ThreadPoolExecutor(CROWD) as pool:
            answers = [pool.submit(way) for _ in range(CROWD)]
        assert [each.result() for each in answers] == [True] * CROWD
        assert there.logins == number
    assert not [headers for headers in there.at("llm") if "unused" in headers.get("authorization", "")]


def test_mcp_renews_a_revoked_token_once_for_a_crowd(there: Places, capsys: pytest.CaptureFixture[str]) -> None:
    page = _play("how-to/mcp.md", there, capsys)
    there.revoke()
    assert asyncio.run(page["add_all"]([(n, 1) for n in range(CROWD)])) == [n + 1 for n in range(CROWD)]
    assert there.logins == 2


# docs/how-to/web-frameworks.md


def _blocks_of(framework: str) -> str:
    """Return the blocks that import *framework*, with the sandbox's path of the orders."""
    found = [block for block, _, _ in blocks(ROOT / "docs" / "how-to" / "web-frameworks.md") if framework in block]
    return "\n".join(found).replace("/v1/orders", "/manis/api/orders")


@pytest.fixture
def manis(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The settings of both frameworks, for the sandbox."""
    tokenauth.forget()
    with serve_in_thread() as sandbox:
        made = {
            "MANIS_URL": sandbox.url,
            "MANIS_BASE_URL": sandbox.url,
            "MANIS_MERCHANT_ID": credentials.MANIS_MERCHANT_ID,
            "MANIS_SECRET": credentials.MANIS_SECRET,
        }
        for name, value in made.items():
            monkeypatch.setenv(name, value)
        yield made


def test_the_fastapi_application_runs(manis: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    page: dict[str, Any] = {"__name__": "orders"}
    exec(_blocks_of("fastapi"), page)
    with TestClient(page["app"]) as client:
        answer = client.get("/orders")
        assert (answer.status_code, answer.json()["path"]) == (200, "/manis/api/orders")
    monkeypatch.setenv("MANIS_SECRET", "another one")
    with TestClient(page["app"]) as client:
        answer = client.get("/orders")
        assert (answer.status_code, answer.json()) == (503, {"detail": "The orders can't be fetched now."})


def test_the_django_module_runs_in_views_of_both_kinds(manis: dict[str, str]) -> None:
    set_up()
    from asgiref.sync import sync_to_async
    from django.test import override_settings

    page: dict[str, Any] = {"__name__": "orders.api"}
    with override_settings(**manis):
        exec(_blocks_of("django"), page)
        assert page["orders"]()["path"] == "/manis/api/orders"
        assert asyncio.run(sync_to_async(page["orders"])())["path"] == "/manis/api/orders"
