"""Clocks that an application's tests move: a token that has expired by them is renewed, one that has not is kept."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import freezegun
import pytest
import time_machine

from tests.clients import CLIENTS, Client, Get
from tests.stores import SecretProvider
from tests.world.scene import Scene
from tokenauth import TokenAuth
from tokenauth.stores import FileStore

pytestmark = pytest.mark.slow
START = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
LIFETIME = 3600
every_client = pytest.mark.parametrize(
    "client", [client for client in CLIENTS if not client.name.endswith("trio")], ids=repr
)


def _freezegun(steps: Callable[[Callable[[float], object]], None]) -> None:
    with freezegun.freeze_time(START, real_asyncio=True) as clock:
        steps(lambda seconds: clock.tick(datetime.timedelta(seconds=seconds)))


def _freezegun_ticking(steps: Callable[[Callable[[float], object]], None]) -> None:
    with freezegun.freeze_time(START, tick=True, real_asyncio=True) as clock:
        steps(lambda seconds: clock.tick(datetime.timedelta(seconds=seconds)))


def _time_machine(steps: Callable[[Callable[[float], object]], None]) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        steps(traveller.shift)


def _time_machine_ticking(steps: Callable[[Callable[[float], object]], None]) -> None:
    with time_machine.travel(START) as traveller:
        steps(traveller.shift)


MACHINES: dict[str, Any] = {
    "freezegun": _freezegun,
    "freezegun-ticking": _freezegun_ticking,
    "time-machine": _time_machine,
    "time-machine-ticking": _time_machine_ticking,
}
every_machine = pytest.mark.parametrize("machine", MACHINES)


@every_machine
@every_client
def test_a_clock_moved_past_the_expiry_causes_a_renewal(client: Client, machine: str, scene: Scene) -> None:
    """time-machine leaves the monotonic clock alone, so that only the wall clock tells."""
    scene.lifetime = LIFETIME
    auth = scene.auth()

    def steps(move: Callable[[float], object]) -> None:
        assert client.get(auth, scene.url()) == 200
        move(LIFETIME / 2)
        assert client.get(auth, scene.url()) == 200
        assert scene.logins == 1
        move(LIFETIME)
        assert client.get(auth, scene.url()) == 200
        assert scene.logins == 2

    MACHINES[machine](steps)


@every_machine
@every_client
def test_a_renewal_works_where_the_clock_stands(client: Client, machine: str, scene: Scene) -> None:
    auth = scene.auth()

    def steps(move: Callable[[float], object]) -> None:
        assert client.get(auth, scene.url()) == 200
        scene.revoke()
        assert client.send(auth, Get(scene.url())).status == 200

    MACHINES[machine](steps)
    assert scene.logins == 2


@every_machine
@every_client
def test_a_token_from_before_the_clock_was_moved_is_of_use_after(client: Client, machine: str, scene: Scene) -> None:
    """Made within the moved time, which is in the future, and used after it has been put right."""
    auth = scene.auth()
    MACHINES[machine](lambda move: client.get(auth, scene.url()))
    assert client.get(auth, scene.url()) == 200
    assert scene.logins <= 2


@every_machine
def test_a_login_with_a_store_is_in_time(machine: str, scene: Scene, tmp_path: Path) -> None:
    """The store's calls run in a thread, where freezegun shows the real clock."""
    auth = TokenAuth(SecretProvider(scene.home), store=FileStore(tmp_path), cache={})

    def steps(_: Callable[[float], object]) -> None:
        assert auth.get_token().value

    MACHINES[machine](steps)
