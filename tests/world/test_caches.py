"""Caches that keep what was signed: a stale answer whose revalidation is refused, and answers out of the cache."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests_cache

from tests.servers import Received, Reply, serve
from tests.support import PlainProvider
from tests.world import of_httpx, of_requests
from tests.world.scene import Scene
from tests.world.worlds import World
from tokenauth import TokenAuth
from tokenauth._core.messages import TokenRequest

pytestmark = pytest.mark.slow
REVALIDATING = {"requests-cache revalidating", "CacheControl", "hishel rfc"}
CACHES = [
    world
    for world in (*of_requests.WORLDS, *of_httpx.WORLDS)
    if world.name.startswith(("requests-cache", "CacheControl", "hishel"))
]
every_cache = pytest.mark.parametrize("world", CACHES, ids=repr)
every_revalidating_cache = pytest.mark.parametrize(
    "world", [world for world in CACHES if world.name in REVALIDATING], ids=repr
)


@every_revalidating_cache
def test_a_refused_revalidation_is_renewed(world: World, scene: Scene) -> None:
    with world.open(scene) as player:
        player.sign()
        url = scene.url("/tagged")
        for _ in range(2):
            assert player.get(url).json() == {"tagged": True}
        assert "if-none-match" in scene.to("home")[-1].headers, "the cache asks whether its answer still holds"
        scene.revoke()
        seen = player.get(url)
        assert (seen.status, seen.json()) == (200, {"tagged": True})
    assert scene.logins == 2
    assert scene.signed(scene.to("home")[-1])


@every_cache
def test_an_answer_out_of_the_cache_costs_nothing(world: World, scene: Scene) -> None:
    with world.open(scene) as player:
        player.sign()
        url = scene.url()
        first, second = player.get(url), player.get(url)
        assert (first.status, second.status) == (200, 200)
        assert first.json() == second.json()
    assert scene.logins == 1
    assert len(scene.to("home")) <= 3


@every_cache
def test_an_answer_out_of_the_cache_that_is_older_than_the_token_is_left_alone(world: World, scene: Scene) -> None:
    """The token it was asked for with has ended, and another is in use."""
    with world.open(scene) as player:
        player.sign()
        url = scene.url()
        assert player.get(url).status == 200
        scene.revoke()
        assert player.get(scene.url()).status == 200
        assert player.get(url).status == 200
    assert scene.logins == 2


@pytest.fixture
def keeps_refusals() -> Iterator[requests_cache.CachedSession]:
    with (
        tempfile.TemporaryDirectory() as folder,
        requests_cache.CachedSession(f"{folder}/cache", backend="sqlite", allowable_codes=[200, 401]) as session,
    ):
        yield session


def test_a_refusal_out_of_the_cache_is_the_callers(keeps_refusals: requests_cache.CachedSession, scene: Scene) -> None:
    """requests-cache calls the response hooks on it, with a request of its own kind and no connection."""
    keeps_refusals.auth = scene.auth()
    url = scene.url("/never")
    assert keeps_refusals.get(url).status_code == 401
    asked, logins = len(scene.to("home")), scene.logins
    assert keeps_refusals.get(url).status_code == 401
    assert logins == 2
    assert scene.logins == logins, "what was refused long ago ends no token"
    assert len(scene.to("home")) == asked


def _kept(session: requests_cache.CachedSession) -> str:
    return " ".join(str(dict(each.request.headers)) for each in session.cache.responses.values())


def _caching(scene: Scene, kind: str, **settings: Any) -> str:
    """Return the headers that requests-cache keeps of requests that were signed."""
    with requests_cache.CachedSession(backend="memory", **settings) as session:
        session.auth = scene.auth(kind)
        for path in ("/api", "/far/302/200"):
            assert session.get(scene.url(path)).status_code == 200
        return _kept(session)


def test_requests_cache_keeps_no_token_of_authorization(scene: Scene) -> None:
    assert "canary" not in _caching(scene, "authorization")


def test_requests_cache_keeps_a_token_whose_header_it_is_not_told_of(scene: Scene) -> None:
    """It takes out the headers it knows, and X-Api-Key, spelt so, is none of them: it compares names by case."""
    assert "canary" in _caching(scene, "custom")
    assert "canary" not in _caching(scene, "custom", ignored_parameters=["X-Api-Key"])


class ByGet(PlainProvider):
    """Logs in by a GET, as PlatformAuth does, which a cache may keep."""

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        return TokenRequest("GET", self.token_url, {"x-user": self.user})


@every_cache
def test_a_cache_that_makes_the_token_calls_keeps_none_and_answers_none(world: World, scene: Scene) -> None:
    logins: list[Received] = []

    def answer(request: Received) -> Reply:
        logins.append(request)
        return Reply(
            200, {"token": f"canary-{len(logins)}", "lifetime": 600}, {"Cache-Control": "public, max-age=3600"}
        )

    with serve(answer) as server, tempfile.TemporaryDirectory() as folder:
        client: Any = world.make(scene, folder)
        auth = TokenAuth(ByGet(server.url), token_client=client, cache={})

        async def three_times() -> list[str]:
            found = []
            async with client:
                for _ in range(3):
                    found.append((await auth.aget_token()).value)
                    auth.invalidate()
            return found

        if world.is_async:
            found = asyncio.run(three_times())
        else:
            with client:
                found = []
                for _ in range(3):
                    found.append(auth.get_token().value)
                    auth.invalidate()
        assert found == ["canary-1", "canary-2", "canary-3"]
        kept = b"".join(each.read_bytes() for each in Path(folder).rglob("*") if each.is_file())
        assert b"canary" not in kept


def test_a_cache_that_is_installed_globally_has_no_part_in_token_calls(scene: Scene) -> None:
    requests_cache.install_cache(backend="memory")
    try:
        auth = scene.auth()
        for _ in range(2):
            auth.get_token()
            auth.invalidate()
    finally:
        requests_cache.uninstall_cache()
    assert scene.logins == 2
