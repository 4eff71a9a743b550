"""What holds in every world: one text for all of them."""

import hashlib
from typing import Any

import pytest

from tests.support import without_pauses
from tests.world import of_httpx, of_requests
from tests.world.scene import KINDS, Scene
from tests.world.worlds import ROOTS, Outcome, Player, World
from tokenauth import CredentialsRejected, TokenAuthError, TokenEndpointError

pytestmark = pytest.mark.slow
WORLDS: list[World] = [*of_requests.WORLDS, *of_httpx.WORLDS]
every_world = pytest.mark.parametrize("world", WORLDS, ids=repr)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_token = pytest.mark.parametrize("kind", ["authorization", "custom"])


def settled(player: Player, method: str, url: str, **settings: Any) -> Outcome:
    """Send a request whose token was revoked; return what the caller sees in the end.

    In a world where a refusal becomes an exception below the auth object, the caller sees that, and does it again.
    """
    outcome = player.send(method, url, **settings)
    if player.world.late and outcome.raised is not None:
        outcome = player.send(method, url, **settings)
    return outcome


@every_token
@every_world
def test_the_first_request_is_signed_with_one_login(
    world: World, kind: str, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        player.sign(kind)
        assert [player.get(scene.url()).status for _ in range(2)] == [200, 200]
    assert scene.logins == len(scene.token_calls()) == 1
    assert len(scene.to("home")) == 3


@every_world
def test_static_headers_are_on_every_request(world: World, scene: Scene, request: pytest.FixtureRequest | None) -> None:
    with world.open(scene, request) as player:
        player.sign("static")
        assert [player.get(scene.url()).status for _ in range(2)] == [200, 200]
    assert scene.token_calls() == []


@every_token
@every_world
def test_a_revoked_token_costs_one_login_and_the_caller_sees_200(
    world: World, kind: str, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        player.sign(kind)
        assert player.get(scene.url()).status == 200
        scene.revoke()
        assert settled(player, "GET", scene.url()).status == 200
        assert player.get(scene.url()).status == 200
    assert scene.logins == 2


@pytest.mark.parametrize("outcome", [200, 401])
@pytest.mark.parametrize("status", [302, 307])
@every_kind
@every_world
def test_a_redirect_abroad_takes_nothing_of_ours_along(
    world: World, kind: str, status: int, outcome: int, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        player.sign(kind)
        seen = player.get(scene.url(f"/far/{status}/{outcome}"))
        assert scene.to("far"), "the redirect was not followed"
        assert scene.abroad() == []
        assert seen.status == outcome or seen.raised is not None
        logins = 0 if kind == "static" else 1
        assert scene.logins == logins
        assert player.get(scene.url()).status == 200, "what a stranger says is not held against the token"
        assert scene.logins == logins


@pytest.mark.parametrize("outcome", [200, 403, 404])
@every_kind
@every_world
def test_a_redirect_within_our_origins_arrives_signed(
    world: World, kind: str, outcome: int, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        player.sign(kind, origins=[scene.second])
        seen = player.get(scene.url(f"/second/302/{outcome}"))
        arrived = [scene.signed(each) for each in scene.to("second")]
        assert arrived == ([False, True] if world.untraced else [True])  # without a trace it is sent once more, signed
        assert (seen.status, seen.json()) == (200, {"signed": True})
    assert scene.logins == (0 if kind == "static" else 1)


BODY = bytes(range(256)) * 800


@every_world
def test_a_body_arrives_whole_after_a_401(world: World, scene: Scene, request: pytest.FixtureRequest | None) -> None:
    with world.open(scene, request) as player:
        player.sign()
        assert player.get(scene.url()).status == 200
        scene.revoke()
        seen = settled(player, "POST", scene.url(), content=BODY)
        assert seen.status == 200
        assert seen.json() == {"sha256": hashlib.sha256(BODY).hexdigest(), "length": len(BODY)}
    assert scene.logins == 2


@every_world
def test_an_upload_arrives_whole_after_a_401(world: World, scene: Scene, request: pytest.FixtureRequest | None) -> None:
    with world.open(scene, request) as player:
        player.sign()
        assert player.get(scene.url()).status == 200
        scene.revoke()
        seen = settled(player, "POST", scene.url(), files={"file": ("name.bin", BODY)})
        assert seen.status == 200
        accepted = scene.to("home")[-1]
        assert BODY in accepted.body
        assert seen.json()["length"] == len(accepted.body)
    assert scene.logins == 2


@every_world
def test_a_refused_login_is_one_try_and_an_error_of_the_clients(
    world: World, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        player.sign()
        scene.login_status = 401
        for _ in range(2):
            with pytest.raises(TokenAuthError) as caught:
                player.get(scene.url())
            assert isinstance(caught.value, CredentialsRejected)
            assert isinstance(caught.value, ROOTS[world.library])
    assert len(scene.token_calls()) == 1
    assert len(scene.to("home")) == 1, "the request itself is not sent"


@every_world
def test_an_endpoint_that_is_down_is_tried_three_times(
    world: World, scene: Scene, request: pytest.FixtureRequest | None
) -> None:
    with world.open(scene, request) as player:
        without_pauses(player.sign())
        scene.login_status = 503
        with pytest.raises(TokenAuthError) as caught:
            player.get(scene.url())
        assert isinstance(caught.value, TokenEndpointError)
        assert isinstance(caught.value, ROOTS[world.library])
        assert caught.value.status == 503
    assert len(scene.token_calls()) == 3


@every_world
def test_twenty_at_once_make_one_login(world: World, scene: Scene, request: pytest.FixtureRequest | None) -> None:
    with world.open(scene, request) as player:
        player.sign()
        assert player.herd(scene.url(), 20) == [200] * 20
    assert len(scene.token_calls()) == 1
