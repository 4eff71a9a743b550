"""I8: lifetimes. Relative beats absolute, absolute is read against `Date`, and no answer makes a loop."""

import base64
import json
import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, TokenServer, background, until, waiting, with_clock
from tokenauth import ClientCredentialsAuth, ManisAuth, TokenAuth

HERD = 64
LIFETIME = 600.0


class Endpoint:
    """Token endpoint and API; `answer` says what a login brings, `skew` how wrong its clock is, in seconds."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.skew = 0.0
        self.user = uuid.uuid4().hex
        self.answer: Callable[[], dict[str, Any]] = dict
        self.logins = 0
        self.server: Server

    @property
    def now(self) -> float:
        return self.clock.wall_now + self.skew

    def __call__(self, request: Received) -> Reply:
        if not request.path.endswith("/token"):
            return Reply(200 if request.headers.get("authorization") else 401)
        self.logins += 1
        names = {"token": f"t-{self.logins}", "access_token": f"t-{self.logins}", "tokenType": "Bearer"}
        return Reply(200, names | self.answer(), {"Date": formatdate(self.now, usegmt=True)})

    def manis(self) -> TokenAuth:
        auth = ManisAuth(self.server.url, merchant_id=self.user, secret="s", cache={})
        return with_clock(auth, self.clock)

    def oauth(self, **options: Any) -> TokenAuth:
        url = f"{self.server.url}/token"
        auth = ClientCredentialsAuth(url, client_id=self.user, client_secret="s", cache={}, **options)
        return with_clock(auth, self.clock)

    def logins_over(self, client: Client, auth: TokenAuth, *seconds: float) -> list[int]:
        """Return the logins so far after a request at each of *seconds*, counted from the first."""
        counts, start = [], self.clock.monotonic_now
        for each in seconds:
            self.clock.move(start + each - self.clock.monotonic_now)
            assert client.get(auth, f"{self.server.url}/api") == 200
            counts.append(self.logins)
        return counts


@pytest.fixture
def endpoint(clock: ManualClock) -> Any:
    endpoint = Endpoint(clock)
    with serve(endpoint) as endpoint.server:
        yield endpoint


WRITTEN: dict[str, Callable[[float], Any]] = {
    "s": int,
    "ms": lambda end: int(end * 1e3),
    "us": lambda end: int(end * 1e6),
    "float": lambda end: end + 0.25,
    "digits": lambda end: str(int(end)),
    "digits in ms": lambda end: str(int(end * 1e3)),
    "ISO": lambda end: datetime.fromtimestamp(end, UTC).isoformat(),
    "ISO with Z": lambda end: datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
}


@pytest.mark.parametrize("skew", [0, 3600, -3600])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.diagonal
def test_an_absolute_expiry_counts_by_the_servers_own_clock(
    client: Client, endpoint: Endpoint, written: str, skew: int
) -> None:
    endpoint.skew = skew
    endpoint.answer = lambda: {"expiresAt": WRITTEN[written](endpoint.now + LIFETIME)}
    auth = endpoint.manis()
    used_to_its_leeway = endpoint.logins_over(client, auth, 0, LIFETIME * 0.69)
    assert used_to_its_leeway == [1, 1]
    assert endpoint.logins_over(client, auth, LIFETIME * 0.31 - 25) == [2]


GARBAGE = ["soon", "", "-1", -5, 0, 1e400, True, [], {}, {"a": 1}, 1e30, "9" * 400, "2026-99-99T00:00:00Z", None]


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_an_expiry_that_makes_no_sense_is_unknown(
    endpoint: Endpoint, garbage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answer = lambda: {"expiresAt": garbage}
    auth = endpoint.manis()
    assert endpoint.logins_over(CLIENTS[0], auth, 0, 10, 86400 * 29) == [1, 1, 1]
    assert auth.get_token().expires_at is None
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == (garbage is not None)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_unknown_expiry_lasts_until_a_401(client: Client, server: TokenServer) -> None:
    server.lifetime = None
    auth = server.auth()
    assert client.play(auth, Get(server.api), Get(server.api))[1].status == 200
    server.revoke()
    assert client.send(auth, Get(server.api)).history == [401]
    assert server.logins == 2


LIFETIMES: dict[str, tuple[Any, float | None]] = {
    "600": (600, 600),
    "float": (600.9, 600.9),
    "str": ("600", 600),
    "str of a float": ("600.5", 600.5),
    "missing": (..., None),
    "null": (None, None),
    "negative": (-1, None),
    "negative str": ("-600", None),
    "garbage": ("an hour", None),
    "bool": (True, None),
    "list": ([600], None),
    "huge": (10**400, None),
}


@pytest.mark.parametrize("lifetime", LIFETIMES)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.diagonal
def test_a_relative_lifetime_in_every_form(client: Client, endpoint: Endpoint, lifetime: str) -> None:
    written, seconds = LIFETIMES[lifetime]
    endpoint.answer = lambda: {} if written is ... else {"expires_in": written}
    auth = endpoint.oauth()
    assert client.get_token(auth).lifetime == seconds
    if seconds is None:
        assert endpoint.logins_over(client, auth, 0, 86400) == [1, 1]
    else:
        assert endpoint.logins_over(client, auth, 0, seconds * 0.69, seconds) == [1, 1, 2]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_whose_end_has_passed_on_arrival_is_used_until_a_401_with_one_warning(
    client: Client, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """It works, so a login for each request helps nobody."""
    endpoint.answer = lambda: {"expires_in": 0}
    auth = endpoint.oauth()
    assert endpoint.logins_over(client, auth, 0, 0, 3600) == [1, 1, 1]
    auth.invalidate()
    assert endpoint.logins_over(client, auth, 0) == [2]
    assert ["expired already" in record.message for record in caplog.records] == [True]
    assert auth.get_token().expires_at is None


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.parametrize("lifetime", [5, 5.2])
def test_an_answer_that_takes_as_long_as_its_token_lives_is_no_login_for_each_request(
    client: Client, lifetime: float, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """Its end, counted from before the call, has passed on arrival."""

    def slow() -> dict[str, Any]:
        endpoint.clock.move(5.0)
        return {"expires_in": lifetime}

    endpoint.answer = slow
    auth = endpoint.oauth()
    assert endpoint.logins_over(client, auth, 0, 0, 60) == [1, 1, 1]
    assert ["expired already" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_answer_that_takes_as_long_as_its_early_refresh_is_no_login_for_each_request(
    client: Client, endpoint: Endpoint
) -> None:
    def slow() -> dict[str, Any]:
        endpoint.clock.move(5.0)
        return {"expires_in": 3600, "refresh_in": 5}

    endpoint.answer = slow
    assert endpoint.logins_over(client, endpoint.oauth(), 0, 0, 60) == [1, 1, 1]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_absolute_expiry_in_the_past_is_used_until_a_401(client: Client, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: {"expiresAt": int(endpoint.now - 3600)}
    assert endpoint.logins_over(client, endpoint.manis(), 0, 0) == [1, 1]


def jwt(**claims: Any) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(
        [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts] + ["s"]
    )


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_exp_of_a_jwt_counts_where_the_answer_is_silent(client: Client, endpoint: Endpoint) -> None:
    endpoint.skew = 7200
    endpoint.answer = lambda: {"access_token": jwt(exp=endpoint.now + LIFETIME)}
    assert endpoint.logins_over(client, endpoint.oauth(), 0, LIFETIME * 0.69, LIFETIME) == [1, 1, 2]


@pytest.mark.parametrize("exp", ["soon", None, -1, [], 1e400, True])
def test_a_jwt_without_a_usable_exp_has_an_unknown_end(
    endpoint: Endpoint, exp: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answer = lambda: {"access_token": jwt(exp=exp)}
    assert endpoint.oauth().get_token().expires_at is None
    assert not caplog.records


def test_what_the_answer_states_beats_the_exp_of_a_jwt(endpoint: Endpoint) -> None:
    endpoint.answer = lambda: {"access_token": jwt(exp=endpoint.now + LIFETIME), "expires_in": 50}
    assert endpoint.oauth().get_token().lifetime == 50


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_that_expired_while_the_machine_was_suspended_is_not_sent(client: Client, endpoint: Endpoint) -> None:
    """Monotonic time stands still meanwhile. A body that can be sent once only would get its 401."""
    endpoint.answer = lambda: {"expires_in": LIFETIME}
    auth = endpoint.oauth()
    assert client.get(auth, f"{endpoint.server.url}/api") == 200
    endpoint.clock.wall_now += LIFETIME - 31
    assert endpoint.logins_over(client, auth, 0) == [1]
    endpoint.clock.wall_now += 2
    assert endpoint.logins_over(client, auth, 0, 0) == [2, 2]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cold_herd_that_gets_an_expired_token_logs_in_once(client: Client, server: TokenServer) -> None:
    server.lifetime = 0.0
    auth, everybody_waits = server.auth(), threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            assert everybody_waits.wait(20)
        return None

    server.answer = answer
    herd = background(lambda: client.herd(auth, server.api, HERD))
    until(lambda: waiting(auth) == HERD - 1 or herd.done())
    everybody_waits.set()
    assert herd.result(20) == [200] * HERD
    assert server.logins == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_401_on_a_token_expired_on_arrival_makes_no_loop(client: Client, server: TokenServer) -> None:
    server.lifetime = 0.0
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    assert client.get(server.auth(), server.api) == 401
    assert server.logins == 2
    assert len(server.server.to("/api")) == 2


@pytest.mark.parametrize(
    ("lifetime", "leeway", "expected"),
    [(3600, 30, 30), (100, 30, 5), (10, 30, 0.5), (3600, 0, 0), (3600, 1000, 180), (1, 30, 0.05)],
)
def test_the_leeway_is_at_most_a_twentieth_of_the_lifetime(
    endpoint: Endpoint, lifetime: float, leeway: float, expected: float
) -> None:
    """Without soft refresh, which would come earlier: `discards_older`."""
    endpoint.answer = lambda: {"expires_in": lifetime}
    auth = endpoint.oauth(leeway=leeway)
    auth._provider.discards_older = True
    end = lifetime - expected
    assert endpoint.logins_over(CLIENTS[0], auth, 0, end - 0.01, end + 0.01) == [1, 1, 2]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_short_lifetime_is_not_fetched_for_each_request(client: Client, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: {"expires_in": 10}
    assert endpoint.logins_over(client, endpoint.oauth(leeway=30.0), 0, 2, 4, 6) == [1, 1, 1, 1]


@pytest.mark.parametrize("answer", ["same token", "same expiry"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_refresh_that_brings_nothing_new_does_not_refresh_again(
    client: Client, endpoint: Endpoint, answer: str
) -> None:
    """The server gives out the same token, or the same expiry, until the very end."""
    end = endpoint.clock.wall_now + LIFETIME

    def same() -> dict[str, Any]:
        if answer == "same token":
            return {"access_token": "the-same", "expires_in": max(end - endpoint.clock.wall_now, 0)}
        return {"expires_in": max(end - endpoint.clock.wall_now, 0)}

    endpoint.answer = same
    auth = endpoint.oauth()
    times = (0, LIFETIME * 0.81, LIFETIME * 0.82, LIFETIME * 0.9, LIFETIME - 6, LIFETIME - 1)
    assert endpoint.logins_over(client, auth, *times) == [1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_wall_clock_that_is_set_ahead_costs_a_login_and_one_that_is_set_back_none(
    client: Client, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda: {"expires_in": LIFETIME}
    auth = endpoint.oauth()
    client.get(auth, f"{endpoint.server.url}/api")
    for jump in (86400.0, -10 * 86400.0):
        endpoint.clock.wall_now += jump
        assert endpoint.logins_over(client, auth, 0, 0) == [2, 2]
    endpoint.clock.monotonic_now += LIFETIME
    assert endpoint.logins_over(client, auth, 0) == [3]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_lifetime_counts_from_before_the_call(client: Client, endpoint: Endpoint) -> None:
    def slow() -> dict[str, Any]:
        endpoint.clock.move(5.0)
        return {"expires_in": 100}

    endpoint.answer = slow
    auth = endpoint.oauth(leeway=0)
    auth._provider.discards_older = True
    began = endpoint.clock.wall_now
    assert client.get_token(auth).expires_at == pytest.approx(began + 100)
    assert endpoint.logins_over(client, auth, 94.9, 95.1) == [1, 2]


def test_relative_beats_absolute(endpoint: Endpoint) -> None:
    endpoint.answer = lambda: {"expires_in": 100, ".expires": "Mon, 01 Jan 2001 00:00:00 GMT", "expires_at": 1}
    auth = endpoint.oauth()
    assert auth.get_token().lifetime == 100


def test_without_date_the_own_clock_counts(endpoint: Endpoint) -> None:
    def undated(request: Received) -> Reply:
        reply = endpoint(request)
        return Reply(reply.status, reply.body, {"Date": ""})

    endpoint.answer = lambda: {"expiresAt": int(endpoint.now + LIFETIME)}
    with serve(undated) as server:
        auth = with_clock(ManisAuth(server.url, merchant_id=f"m-{server.port}", secret="s", cache={}), endpoint.clock)
        assert auth.get_token().lifetime == pytest.approx(LIFETIME, abs=1)
