"""I5 and I6 behind a proxy that the environment names: what is ours goes through it, home and nowhere else."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

from tests.clients import CLIENTS, Client, Get
from tests.security.proxy import HttpProxy, http_proxy
from tests.security.world import PRESENTATIONS, Presentation, World, canaries, world

every_client = pytest.mark.parametrize("client", CLIENTS, ids=str)
every_presentation = pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpProxy]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with http_proxy() as this:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, this.url.replace("//", "//proxy-user:proxy-pass@"))
        yield this


@pytest.fixture(params=["http", "https"])
def seen_world(
    request: pytest.FixtureRequest, server_tls: ssl.SSLContext, trusted: None, plain_world: World
) -> Iterator[World]:
    """Both servers speak http, and the proxy reads along; or both speak https, through its tunnels."""
    if request.param == "http":
        yield plain_world
        return
    with world(home_tls=server_tls, far_tls=server_tls) as this:
        yield this


def _heeding_the_environment(session: Any) -> None:
    """aiohttp does so with `trust_env=True` alone."""
    if isinstance(session, aiohttp.ClientSession):
        session._trust_env = True
        session._connector._ssl = ssl.create_default_context()  # type: ignore[union-attr]  # what the tests trust


@every_client
@every_presentation
@pytest.mark.parametrize("place", ["home", "far", "chain"])
def test_redirects_behind_a_proxy(
    seen_world: World, proxy: HttpProxy, client: Client, presentation: Presentation, place: str
) -> None:
    world = seen_world
    places = {"home": "/target", "far": f"{world.far.url}/target", "chain": f"{world.far.url}/hop"}
    world.begin(presentation, places[place])
    auth = presentation.auth(world.home.url)
    answer = client.send(auth, Get(f"{world.home.url}/start/302/200"), setup=_heeding_the_environment)
    assert answer.status == 200, world.show()
    assert [request.text for request in world.foreign if canaries(request)] == []
    last = world.home.requests[-1]
    assert world.signed(last) == (place == "home" or last.path.startswith("/start"))
    assert world.logins == int(presentation.logs_in)
    if not client.of_requests:  # which signs such a hop by a 401, where the token is in the query or a cookie
        assert len(world.home.to("/target/302/200")) == int(place == "home"), "the hop was not signed at once"
    assert len(proxy.heads) >= len(answer.history) + 1
    assert all(head.startswith("CONNECT") for head in proxy.heads) == world.home.url.startswith("https")
    assert [head for head in proxy.tunnels if "canary" in head] == []
    assert all("proxy-authorization: basic" in head.lower() for head in proxy.heads)
    received = [*world.home.requests, *world.far.requests]
    assert [request for request in received if "proxy-authorization" in request.headers] == []


@every_client
@pytest.mark.parametrize("refusal", [b"401 Unauthorized", b"407 Proxy Authentication Required", b"403 Forbidden"])
def test_a_proxy_that_refuses_the_tunnel_says_nothing_of_the_token(
    server_tls: ssl.SSLContext, trusted: None, proxy: HttpProxy, client: Client, refusal: bytes
) -> None:
    with world(home_tls=server_tls) as this:
        this.begin(PRESENTATIONS[0], "/target")
        auth = PRESENTATIONS[0].auth(this.home.url).replace(refused=[401, 403])
        url = f"{this.home.url}/target/302/200"
        assert client.get(auth, url, setup=_heeding_the_environment) == 200
        proxy.refusal = refusal
        for _ in range(2):
            with pytest.raises((client.error_root, OSError)):
                client.get(auth, url, setup=_heeding_the_environment)
        proxy.refusal = None
        assert client.get(auth, url, setup=_heeding_the_environment) == 200
        assert this.logins == 1


def _session(trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    return session


LENT: dict[str, Callable[[bool], Any]] = {
    "requests": _session,
    "httpx": lambda heeds: httpx.Client(trust_env=heeds),
    "httpx2": lambda heeds: httpx2.Client(trust_env=heeds),
    "httpx-asyncio": lambda heeds: httpx.AsyncClient(trust_env=heeds),
    "httpx2-asyncio": lambda heeds: httpx2.AsyncClient(trust_env=heeds),
    "aiohttp": lambda heeds: aiohttp.ClientSession(trust_env=heeds),
}


@pytest.mark.parametrize("name", LENT)
@pytest.mark.parametrize("heeds", [True, False], ids=["trust_env", "no trust_env"])
def test_a_login_on_a_lent_client_takes_the_proxy_that_the_client_takes(
    plain_world: World, proxy: HttpProxy, name: str, heeds: bool
) -> None:
    """A session that keeps away from the environment's proxy must not have its secrets sent there."""
    plain_world.begin(PRESENTATIONS[0], "/target")

    async def main() -> None:
        async with LENT[name](heeds) as lent:
            await PRESENTATIONS[0].auth(plain_world.home.url, token_client=lent).aget_token()

    if name == "aiohttp" or "asyncio" in name:
        asyncio.run(main())
    else:
        with LENT[name](heeds) as lent:
            PRESENTATIONS[0].auth(plain_world.home.url, token_client=lent).get_token()
    assert plain_world.logins == 1
    assert bool(proxy.heads) == heeds
