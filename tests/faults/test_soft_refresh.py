"""I9: a token is refreshed before it expires, by one caller, while the others go on with the one they have."""

import itertools
import json
import logging
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.clients import BLOCKING, CLIENTS, TLS, Client
from tests.servers import Received, Reply
from tests.support import (
    ManualClock,
    PlainProvider,
    TokenServer,
    background,
    until,
    waiting,
    with_clock,
    without_pauses,
)
from tokenauth import CredentialsRejected, TokenAuth, TokenEndpointError
from tokenauth._core.dating import dated
from tokenauth._core.effects import Call, Exchange, Wait
from tokenauth._core.flow import Flow, obtain
from tokenauth._core.messages import Reply as TokenReply
from tokenauth._core.token import Token

every_client: pytest.MarkDecorator = pytest.mark.parametrize("client", CLIENTS, ids=repr)
LIFETIME = 1000.0


def soft_at(server: TokenServer, clock: ManualClock, share: float = 0.75, **settings: Any) -> TokenAuth:
    """Return an auth with a token that is to be refreshed at *share* of its lifetime."""
    server.lifetime = LIFETIME
    auth = with_clock(without_pauses(server.auth(**settings)), clock)
    auth._source.credential.uniform = lambda low, high: 0.0 if high == 0.1 else share
    return auth


def used(server: TokenServer) -> list[str]:
    """Return the tokens that the API saw, in order."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.server.to("/api")]


@every_client
def test_one_caller_refreshes_and_the_others_go_on_with_the_token_they_have(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    auth, ready = soft_at(server, clock), threading.Event()
    assert client.get(auth, server.api) == 200
    clock.move(749.0)
    assert client.herd(auth, server.api, 4) == [200] * 4
    assert server.logins == 1, "refreshed too early"
    clock.move(1.0)
    server.answer = lambda request: None if request.path != "/token" or ready.wait(20) else Reply(500)
    refreshes = background(lambda: client.get(auth, server.api))
    until(lambda: len(server.token_calls) == 2)
    assert client.herd(auth, server.api, 8) == [200] * 8
    assert used(server) == ["token-1"] * 13
    assert not refreshes.done()
    ready.set()
    assert refreshes.result(20) == 200
    assert used(server)[-1] == "token-2"
    assert client.herd(auth, server.api, 4) == [200] * 4
    assert server.logins == 2
    assert set(server.statuses) == {200}


@pytest.mark.diagonal
@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
@every_client
def test_a_failed_refresh_costs_no_request_and_is_logged(
    client: Client, status: int, server: TokenServer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The token endpoint is down for the last 20 % of the token's life."""
    auth = soft_at(server, clock)
    client.get(auth, server.api)
    clock.move(800.0)
    server.answer = lambda request: Reply(status) if request.path == "/token" else None
    tries = 1 if status < 429 else 3
    with caplog.at_level(logging.WARNING, "tokenauth"):
        assert client.herd(auth, server.api, 4) == [200] * 4
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, told
    assert "refresh failed, the old token stays in use: " in told[0]
    assert len(server.token_calls) == 1 + tries
    for _ in range(16):
        clock.move(10.0)
        assert client.get(auth, server.api) == 200
    assert len(server.token_calls) <= 1 + tries * (4 if status < 429 else 9), "it does not cool down"
    assert set(used(server)) == {"token-1"}
    assert server.statuses == [200] * 21
    clock.move(20.0 + 60.0)  # it has expired: what was no matter is one now
    problem = client.herd(auth, server.api, 1)[0]
    assert isinstance(problem, CredentialsRejected if status < 429 else TokenEndpointError)
    clock.move(60.0)
    server.answer = lambda request: None
    assert client.get(auth, server.api) == 200
    assert server.logins == 2


@every_client
def test_a_refresh_that_takes_too_long_is_given_up_when_the_old_token_still_serves(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    auth, stop, answered = soft_at(server, clock), threading.Event(), threading.Event()
    client.get(auth, server.api)
    auth._source.credential.timeout = 0.4
    clock.move(800.0)

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        stop.wait(60)
        answered.set()
        return Reply(raw=b"")

    server.answer = answer
    with clock.running():
        assert client.get(auth, server.api) == 200
    assert not answered.is_set()
    assert client.herd(auth, server.api, 4) == [200] * 4
    stop.set()
    assert len(server.token_calls) <= 2, "somebody else refreshes at once, in vain"  # what was cut may not have arrived
    assert set(used(server)) == {"token-1"}


@pytest.mark.parametrize(
    ("refresh_in", "at"), [(100, 100.0), (900, 900.0), (0, 750.0), (-5, 750.0), (5000, LIFETIME - 30.0)]
)
@every_client
def test_the_servers_refresh_in_wins_but_never_passes_the_leeway(
    client: Client, refresh_in: int, at: float, server: TokenServer, clock: ManualClock
) -> None:
    auth = soft_at(server, clock)

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        token: Any = server.login().body
        return Reply(200, token | ({"refresh_in": refresh_in} if server.logins == 1 else {}))

    server.answer = answer
    client.get_token(auth)
    clock.move(at - 0.5)
    client.get_token(auth)
    assert server.logins == 1
    clock.move(0.5)
    client.get_token(auth)
    assert server.logins == 2
    client.get_token(auth)
    assert server.logins == 2


@every_client
def test_a_provider_that_discards_older_tokens_is_asked_only_when_the_leeway_begins(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    provider = PlainProvider(server.url, server.user, discards_older=True)
    auth = soft_at(server, clock, provider=provider)
    client.get(auth, server.api)
    clock.move(LIFETIME - 30.5)
    assert client.herd(auth, server.api, 4) == [200] * 4
    assert server.logins == 1
    clock.move(0.5)
    assert client.herd(auth, server.api, 4) == [200] * 4
    assert server.logins == 2


@pytest.mark.parametrize("discards", [False, True])
def test_a_discarding_provider_ignores_refresh_in(discards: bool, server: TokenServer, clock: ManualClock) -> None:
    source = soft_at(server, clock, provider=PlainProvider(server.url, discards_older=discards))._source
    token = Token("t", lifetime=LIFETIME, refresh_in=5.0)
    held = dated(source.credential, token, TokenReply(200, sent=clock.monotonic_now))
    assert held.refresh_from - clock.monotonic_now == (LIFETIME - 30.0 if discards else 5.0)


@pytest.mark.parametrize("lifetime", [0.5, 2.0, 20.0, 599.0, 601.0, 3600.0, 1e7, 1e10])
@pytest.mark.parametrize("leeway", [0.0, 30.0, 1e6])
def test_a_refresh_begins_between_70_and_80_percent_and_before_the_leeway(
    lifetime: float, leeway: float, server: TokenServer, clock: ManualClock
) -> None:
    source = server.auth(leeway=leeway)._source
    starts = set()
    for _ in range(200):
        held = dated(source.credential, Token("t", lifetime=lifetime), TokenReply(200, sent=clock.monotonic_now))
        start, end = held.refresh_from - clock.monotonic_now, held.usable_until - clock.monotonic_now
        assert 0.6999 * lifetime <= start <= 0.8001 * lifetime
        assert start < end
        assert end == pytest.approx(lifetime - min(leeway, lifetime / 20), abs=1e-3)
        starts.add(start)
    assert len(starts) > 100, "all processes of a fleet would refresh at the same moment"


def test_a_token_of_unknown_expiry_is_never_refreshed(server: TokenServer, clock: ManualClock) -> None:
    server.lifetime = None
    auth = with_clock(server.auth(), clock)
    auth.get_token()
    clock.move(1e9)
    auth.get_token()
    assert server.logins == 1
    held: Any = auth._source.tokens.held()
    assert held.refresh_from == held.usable_until == math.inf


@every_client
def test_a_refresh_that_brings_the_same_token_is_not_repeated(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """The server hands out one token until it ends, and says how long it still lives."""
    auth = soft_at(server, clock)
    end = clock.monotonic_now + LIFETIME
    server.valid.add("one")

    def answer(request: Received) -> Reply | None:
        return Reply(200, {"token": "one", "lifetime": end - clock.monotonic_now}) if request.path == "/token" else None

    server.answer = answer
    client.get(auth, server.api)
    clock.move(760.0)
    for _ in range(5):
        assert client.get(auth, server.api) == 200
        clock.move(40.0)
    assert len(server.token_calls) == 2


@every_client
def test_a_401_during_a_refresh_joins_it(client: Client, server: TokenServer, clock: ManualClock) -> None:
    """The token is revoked while one caller refreshes: the others take what that brings, and nobody logs in twice."""
    auth, ready = soft_at(server, clock), threading.Event()
    client.get(auth, server.api)
    clock.move(760.0)
    server.answer = lambda request: None if request.path != "/token" or ready.wait(20) else Reply(500)
    refreshes = background(lambda: client.get(auth, server.api))
    until(lambda: len(server.token_calls) == 2)
    server.revoke()
    herd = background(lambda: client.herd(auth, server.api, 4))
    until(lambda: waiting(auth) == 4)  # who comes after another's 401 waits without trying the old token
    assert 401 in server.statuses
    ready.set()
    assert refreshes.result(20) == 200
    assert herd.result(20) == [200] * 4
    assert server.logins == 2


def played(auth: TokenAuth) -> tuple[Any, Exchange]:
    """Return a flow that refreshes and stands at its token call."""
    flow = obtain(auth._source)
    call = next(flow)
    assert isinstance(call, Call)
    exchange = flow.send(call.function())
    assert isinstance(exchange, Exchange)
    return flow, exchange


@every_client
def test_who_waits_for_a_refresh_when_the_token_has_expired_gets_what_it_brings(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """The refresh is not cut short at the expiry: that would fail them all, and cool down."""
    auth = soft_at(server, clock)
    client.get(auth, server.api)
    clock.move(LIFETIME - 31.0)
    flow, exchange = played(auth)
    assert exchange.deadline == clock.monotonic_now + 10.0
    clock.move(5.0)
    herd = background(lambda: client.herd(auth, server.api, 4))
    until(lambda: waiting(auth) == 4)
    body: Any = server.login().body
    with pytest.raises(StopIteration):
        flow.send(TokenReply(200, {}, json.dumps(body).encode(), sent=clock.monotonic_now))
    assert herd.result(20) == [200] * 4
    assert used(server) == ["token-1", *["token-2"] * 4]
    assert server.logins == 2


def test_a_refresh_that_fails_when_the_old_token_has_expired_is_an_error(
    server: TokenServer, clock: ManualClock
) -> None:
    auth = soft_at(server, clock)
    auth.get_token()
    clock.move(LIFETIME - 31.0)
    flow, _ = played(auth)
    clock.move(1.0)
    with pytest.raises(CredentialsRejected):
        flow.throw(CredentialsRejected("refused"))


# in real time


class Watched(TokenAuth):
    """Notes what its callers had to wait for who did not find a token at once.

    *logins*: when token calls began. *in_vain*: those who waited for another's though they had a token that was good.
    """

    def __init__(self, provider: Any, **options: Any) -> None:
        super().__init__(provider, **options)
        self.logins: list[float] = []
        self.in_vain: list[int] = []

    def _obtain(self, rejected: Any, library: str | None = None) -> Token:
        return self._run(self._watched(obtain(self._source, rejected)), library)

    def _watched(self, flow: Flow) -> Flow:
        held, result = self._source.tokens.held(), None
        try:
            while True:
                effect = flow.send(result)
                if isinstance(effect, Exchange):
                    self.logins.append(time.monotonic())
                elif isinstance(effect, Wait) and held is not None and time.monotonic() < held.usable_until:
                    self.in_vain.append(threading.get_ident())
                result = yield effect
        except StopIteration as end:
            token: Token = end.value
            return token
        finally:
            flow.close()


@pytest.mark.parametrize("count", [3, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("client", [BLOCKING[0], BLOCKING[-1]], ids=repr)
def test_one_caller_at_most_is_delayed_per_renewal(client: Any, count: int, server: TokenServer) -> None:
    """Tokens of 2 s, logins of 300 ms, many threads: the one that logs in is delayed, nobody with a good token."""
    server.lifetime = 2.0
    auth = Watched(PlainProvider(server.url, server.user), cache={})
    logins: list[tuple[float, float]] = []
    expiries: dict[str, float] = {}
    late: list[str] = []

    def answer(request: Received) -> Reply | None:
        now = time.monotonic()
        if request.path != "/token":
            token = request.headers["authorization"].removeprefix("Bearer ")
            late.extend([token] if float(request.headers["x-began"]) > expiries[token] else [])
            return None
        threading.Event().wait(0.3)
        reply = server.login()
        body: Any = reply.body
        expiries[body["token"]] = time.monotonic() + 2.0
        logins.append((now, time.monotonic()))
        return reply

    server.answer = answer
    new = client.library.Session if client.of_requests else partial(client.library.Client, verify=TLS)
    sessions = [new() for _ in range(20 if count > 10 else 6)]

    def work(session: Any) -> list[int]:
        statuses = []
        with session:
            session.auth = auth
            while len(logins) < count and auth.get_token().lifetime:  # None: the login took the whole life of its token
                began = {"x-began": str(time.monotonic())}
                statuses.append(session.get(server.api, headers=began, timeout=20).status_code)
                threading.Event().wait(0.1)
        return statuses

    with ThreadPoolExecutor(len(sessions)) as pool:
        statuses = [status for seen in pool.map(work, sessions) for status in seen]
    assert set(statuses) <= {200}
    assert not late, "an expired token was sent"
    assert 401 not in server.statuses
    assert auth.in_vain == []
    assert len(auth.logins) == len(logins)
    assert all(began >= ended for (_, ended), (began, _) in itertools.pairwise(logins)), "two logins at a time"
    assert all(later - earlier >= 1.4 for earlier, later in itertools.pairwise(auth.logins)), "renewed too early"
