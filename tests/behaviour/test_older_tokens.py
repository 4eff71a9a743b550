"""I3 where the token that takes the place of a refused one is older than the refusal: another process has saved it, and
one revocation has ended both. What becomes of it says nothing of a login."""

import hashlib
import io

import pytest
import requests

from tests.behaviour.test_raised_refusals import Raising, every_raising, met
from tests.clients import CLIENTS, Client, Post
from tests.servers import Reply
from tests.stores import DictStore, worker
from tests.support import ManualClock, TokenServer, with_clock
from tokenauth import TokenAuth

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def with_an_older_one(server: TokenServer, clock: ManualClock) -> TokenAuth:
    """Return an auth with token-1, whose store has had token-2 for a second."""
    store = DictStore()
    ours, other = (with_clock(worker(server, store), clock) for _ in range(2))
    for auth in (ours, other):
        assert auth.get_token().value == "token-1"
    clock.move(1)
    other.invalidate()
    assert other.get_token().value == "token-2"
    clock.move(1)
    return ours


@every_client
@pytest.mark.parametrize("lifetime", [3600.0, None])
def test_a_revocation_of_both_is_not_seen(
    client: Client, lifetime: float | None, server: TokenServer, clock: ManualClock
) -> None:
    server.lifetime = lifetime
    auth = with_an_older_one(server, clock)
    assert client.get(auth, server.api) == 200
    server.revoke()
    assert client.send(auth, Post(server.api, **client.file(b"--abcdef", 2))).json() == {
        "sha256": hashlib.sha256(b"abcdef").hexdigest(),
        "length": 6,
    }
    assert server.statuses == [200, 401, 401, 200]
    assert server.logins == 3


def test_a_file_that_goes_back_only_once_is_not_sent_a_third_time(server: TokenServer, clock: ManualClock) -> None:
    class GoesBackOnce(io.BytesIO):
        def seek(self, *place: int) -> int:
            return super().seek(*((1,) if server.statuses == [401, 401] else place))

    auth = with_an_older_one(server, clock)
    server.revoke()
    assert requests.post(server.api, data=GoesBackOnce(b"abcdef"), auth=auth, timeout=30).status_code == 401
    assert requests.get(server.api, auth=auth, timeout=30).status_code == 200
    assert server.statuses == [401, 401, 200]


@every_client
def test_a_revocation_of_both_is_not_seen_at_the_end_of_a_redirect(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    auth = with_an_older_one(server, clock)
    server.answer = lambda request: Reply(302, headers={"Location": "/api"}) if request.path == "/moved" else None
    server.revoke()
    assert client.get(auth, f"{server.url}/moved") == 200
    assert server.logins == 3


@every_raising
def test_a_revocation_of_both_that_is_raised_below_is_learnt(
    client: Client, raising: Raising, server: TokenServer, clock: ManualClock
) -> None:
    auth = with_an_older_one(server, clock)
    server.revoke()
    assert [met(client, auth, server.api, raising) for _ in range(4)] == [0, 0, 200, 200]
    assert server.logins == 3


def test_a_revocation_of_both_is_learnt_from_another_client(server: TokenServer, clock: ManualClock) -> None:
    auth = with_an_older_one(server, clock)
    assert auth.headers(server.api) == {"Authorization": "Bearer token-1"}
    assert auth.refused(server.api)
    assert auth.headers(server.api) == {"Authorization": "Bearer token-2"}
    assert auth.refused(server.api)
    assert auth.headers(server.api) == {"Authorization": "Bearer token-3"}
    assert not auth.refused(server.api)


@every_client
def test_an_address_that_always_refuses_costs_one_login(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    auth = with_an_older_one(server, clock)
    server.answer = lambda request: Reply(401, {}) if request.path == "/api" else None
    assert [client.get(auth, server.api) for _ in range(5)] == [401] * 5
    assert server.logins == 3
    assert len(server.server.to("/api")) == 3 + 4
    clock.move(2)
    assert client.get(auth, server.api) == 401
    assert server.logins == 4
