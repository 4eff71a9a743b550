"""B.17: many credentials begin at the same moment on one store; a secret that is another one each time."""

import itertools
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import Received, Reply, serve
from tests.support import token_threads, until
from tokenauth import ClientCredentialsAuth
from tokenauth.stores import FileStore

MANY = 60


def answer(request: Received) -> Reply:
    return Reply(200, {"access_token": "t-1", "token_type": "Bearer", "expires_in": 3600})


@pytest.mark.slow
def test_sixty_credentials_that_begin_at_once_do_not_wear_out_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their keys take seconds to be made: whoever has waited long enough goes without the store, and blames it not."""
    store, barrier = FileStore(tmp_path / "store"), threading.Barrier(MANY)

    def begin(number: int) -> ClientCredentialsAuth:
        auth = ClientCredentialsAuth(
            f"{server.url}/token", client_id=f"c-{number}", client_secret="s", store=store, timeout=10, cache={}
        )
        barrier.wait(20)
        assert auth.get_token().value == "t-1"
        return auth

    with serve(answer) as server, ThreadPoolExecutor(MANY) as pool, caplog.at_level(logging.WARNING):
        auths = list(pool.map(begin, range(MANY)))
        until(lambda: not token_threads(()))  # all keys are known
        for auth in auths:
            auth.invalidate()
            assert auth.get_token().value == "t-1"
    assert "the store failed" not in caplog.text
    assert len(list((tmp_path / "store").glob("*.entry"))) == MANY


@pytest.mark.slow
def test_a_secret_that_is_another_one_each_time_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = itertools.count()
    with serve(answer) as server:
        auth = ClientCredentialsAuth(
            f"{server.url}/token",
            client_id="c",
            client_secret=lambda: f"proof-{next(numbers)}",
            store=FileStore(tmp_path / "store"),
        )
        for _ in range(8):
            auth.get_token()
            auth.invalidate()
    assert caplog.text.count("changes each time") == 1
    assert "proof-" not in caplog.text
