"""A machine that is suspended while one of its processes has the lease: its monotonic time stands still meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fleet.process import processes
from tests.fleet.test_rotating import Family
from tests.servers import serve
from tests.support import ManualClock, with_clock
from tokenauth import RefreshTokenAuth, TokenAuthError
from tokenauth.stores import FileStore, Lease


class Sleepy(FileStore):
    """Is suspended, once, right after it has told the others that it uses the refresh token."""

    sleep: Callable[[], object] | None = None

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        saved = super().save(key, entry, seconds, lease)
        if self.sleep is not None:
            sleep, self.sleep = self.sleep, None
            self.release(key, lease)  # it has ended when the others look
            sleep()
        return saved


def test_a_refresh_token_is_not_used_after_the_lease_on_it(tmp_path: Path) -> None:
    """Another process had the time to use it. The server would take a second use for theft, and end the session."""
    family, clock, folder = Family(), ManualClock(), tmp_path / "tokens"
    clock.wall_now = time.time()
    with serve(family) as server:
        settings = {"store": f"file:{folder}", "url": server.url, "grant": "refresh", "refresh_token": "r-1"}
        with processes(1, settings) as (other,):

            def sleep() -> None:
                clock.wall_now += 3600
                assert other.ask("token") in family.valid

            store = Sleepy(folder)
            auth = RefreshTokenAuth(
                f"{server.url}/token", refresh_token="r-1", client_id="c", cache={}, timeout=60, store=store
            )
            with_clock(auth, clock)
            store.sleep = sleep
            with pytest.raises(TokenAuthError, match="The time for a token was over"):
                auth.get_token()
            assert family.refreshes == 1
            assert auth.get_token().value in family.valid
    assert family.lost == 0
