"""HTTP/2 from end to end: the same text of behaviours, against hypercorn."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import pytest

from tests.h2 import hypercorn
from tests.world import test_behaviours as behaviours
from tests.world.scene import KINDS, Scene
from tests.world.worlds import SECONDS, World, asgi_app

pytestmark = pytest.mark.slow


@dataclass
class Place:
    """Where one of the three servers is, in this world."""

    url: str


@contextlib.contextmanager
def _three(scene: Scene) -> Iterator[Any]:
    before: dict[str, Any] = dict(scene.servers)
    with contextlib.ExitStack() as stack:
        places: dict[str, Any] = {name: Place(stack.enter_context(hypercorn(asgi_app(scene)))) for name in before}
        scene.servers.update(places)
        try:
            yield None
        finally:
            scene.servers.update(before)


def _client(library: Any, *, is_async: bool) -> Any:
    kind = library.AsyncClient if is_async else library.Client
    return lambda scene, state: kind(http1=False, http2=True, timeout=SECONDS, follow_redirects=True)


WORLDS = [
    World("http2", library.__name__, _client(library, is_async=is_async), _three, is_async=is_async)
    for library in (httpx, httpx2)
    for is_async in (False, True)
]
every_world = pytest.mark.parametrize("world", WORLDS, ids=repr)


@every_world
@pytest.mark.parametrize("kind", ["authorization", "custom"])
def test_a_revoked_token_costs_one_login(world: World, kind: str, scene: Scene) -> None:
    behaviours.test_a_revoked_token_costs_one_login_and_the_caller_sees_200(world, kind, scene, None)


@every_world
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcome", [200, 401])
def test_a_redirect_abroad_takes_nothing_of_ours_along(world: World, kind: str, outcome: int, scene: Scene) -> None:
    behaviours.test_a_redirect_abroad_takes_nothing_of_ours_along(world, kind, 302, outcome, scene, None)


@every_world
@pytest.mark.parametrize("kind", KINDS)
def test_a_redirect_within_our_origins_arrives_signed(world: World, kind: str, scene: Scene) -> None:
    behaviours.test_a_redirect_within_our_origins_arrives_signed(world, kind, 404, scene, None)


@every_world
def test_a_body_arrives_whole_after_a_401(world: World, scene: Scene) -> None:
    behaviours.test_a_body_arrives_whole_after_a_401(world, scene, None)


@every_world
def test_twenty_streams_of_one_connection_make_one_login(world: World, scene: Scene) -> None:
    behaviours.test_twenty_at_once_make_one_login(world, scene, None)


@every_world
def test_it_is_http2(world: World, scene: Scene) -> None:
    with world.open(scene) as player:
        player.sign()
        assert player.get(scene.url()).response.http_version == "HTTP/2"
