"""I10, and I1 to I3, in bad weather: faults on the way to the token server and to the API, and bad answers."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import httpx
import httpx2
import pytest
import requests

from tests.clients import AWAITING, BLOCKING, CLIENTS, Client, Get
from tests.faults.proxy import Fault, Proxy, blackhole, delay, drip, reset, reset_after, truncate
from tests.servers import Received, Reply
from tests.support import ManualClock, TokenServer, background, until, with_clock, without_pauses
from tokenauth import CredentialsRejected, TokenAuth, TokenAuthError, TokenEndpointError
from tokenauth._core.cooldown import LONGEST_RETRY_AFTER
from tokenauth.providers import ClientCredentials

pytestmark = pytest.mark.filterwarnings(
    # httpx and httpx2 on trio leave their own body generator to the garbage collection where a write fails
    "ignore:Exception ignored in. <async_generator object ByteStream:pytest.PytestUnraisableExceptionWarning"
)

FAULTS: dict[str, Fault] = {
    "reset": reset,
    "reset before the answer": reset_after(0),
    "reset in the headers": reset_after(20),
    "reset in the body": reset_after(3, body=True),
    "end before the answer": truncate(0),
    "end in the headers": truncate(20),
    "end before the body": truncate(0, body=True),
    "end in the body": truncate(3, body=True),
}
SLOW: dict[str, Fault] = {"delay": delay(0.05), "drip": drip(0.0003)}
ENDLESS: dict[str, Fault] = {"blackhole": blackhole, "endless drip": drip(0.1)}

every_client: pytest.MarkDecorator = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def faults(of: dict[str, Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", of.values(), ids=of.keys())


# between client and token server


def behind(proxy: Proxy, server: TokenServer, clock: ManualClock | None = None, **options: Any) -> TokenAuth:
    """Return an auth whose token calls go through *proxy*, while its requests go to *server* directly."""
    token_endpoint(server, lambda: None)
    return oauth(server, clock, url=proxy.url, origins=[server.url], **options)


def oauth(
    server: TokenServer, clock: ManualClock | None, secret: Any = "s-1", *, url: str = "", **options: Any
) -> TokenAuth:
    provider = ClientCredentials(f"{url or server.url}/token", client_id=server.user, client_secret=secret)
    auth = without_pauses(server.auth(provider=provider, **options))
    return with_clock(auth, clock) if clock else auth


def token_endpoint(server: TokenServer, answer: Callable[[], Reply | None]) -> None:
    """Let /token answer what *answer* returns; None is a login."""

    def special(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        reply = answer()
        if reply is not None:
            return reply
        token: Any = server.login().body
        return Reply(200, {"access_token": token["token"], "token_type": "Bearer", "expires_in": 3600})

    server.answer = special


@faults(FAULTS)
@every_client
def test_a_fault_of_one_token_call_is_not_seen(client: Client, fault: Fault, server: TokenServer, proxy: Proxy) -> None:
    proxy.spoil(fault)
    assert client.get(behind(proxy, server), server.api) == 200
    assert proxy.connections == 2
    assert server.statuses == [200]


@faults(FAULTS)
@every_client
def test_a_fault_that_stays_is_a_clear_error_after_three_tries(
    client: Client, fault: Fault, server: TokenServer, proxy: Proxy, clock: ManualClock
) -> None:
    auth = behind(proxy, server, clock)
    proxy.spoil(always=fault)
    problems = client.herd(auth, server.api, 3)
    assert all(isinstance(problem, TokenEndpointError) for problem in problems)
    assert all(isinstance(problem, client.error_root) for problem in problems)
    assert all(problem.__context__ is None or isinstance(problem.__context__, TokenAuthError) for problem in problems)  # type: ignore[union-attr]
    assert proxy.connections == 3
    assert server.statuses == []
    proxy.spoil()
    clock.move(1.0)
    assert client.get(auth, server.api) == 200


@faults(SLOW)
@every_client
def test_a_slow_token_call_is_waited_for(client: Client, fault: Fault, server: TokenServer, proxy: Proxy) -> None:
    proxy.spoil(always=fault)
    assert client.herd(behind(proxy, server), server.api, 4) == [200] * 4
    assert proxy.connections == server.logins == 1


@faults(ENDLESS)
@every_client
def test_an_endless_token_call_is_given_up_in_time(
    client: Client, fault: Fault, server: TokenServer, proxy: Proxy
) -> None:
    auth = behind(proxy, server, timeout=0.4)
    proxy.spoil(fault)
    problems = client.herd(auth, server.api, 3)
    assert all(isinstance(problem, TokenEndpointError) for problem in problems)
    assert "in time" in str(problems[0])
    assert proxy.connections <= 1  # what was cut may not have arrived
    proxy.spoil()
    auth.invalidate()
    auth._source.credential.timeout = 10.0
    assert client.get(auth, server.api) == 200


@every_client
def test_a_fault_at_the_renewal_after_a_401_is_not_seen_either(
    client: Client, server: TokenServer, proxy: Proxy
) -> None:
    auth = behind(proxy, server)
    client.get(auth, server.api)
    server.revoke()
    proxy.spoil(reset, truncate(3, body=True))
    assert client.get(auth, server.api) == 200
    assert server.statuses == [200, 401, 200]


# between client and API


def outcome(client: Client, auth: Any, url: str, **settings: Any) -> Any:
    """Return what a caller sees: the kind of the exception, or the answer."""
    try:
        answer = client.send(auth, Get(url), **settings)
    except Exception as problem:
        return type(problem)
    return answer.status, answer.content


@faults(FAULTS | SLOW | {"blackhole": blackhole})
@every_client
def test_a_fault_of_the_api_is_what_it_is_without_us(
    client: Client, fault: Fault, server: TokenServer, proxy: Proxy
) -> None:
    auth = server.auth(origins=[proxy.url])
    token = client.get_token(auth)
    server.answer = lambda request: Reply(200, {"hello": "world"}) if request.path == "/api" else None
    settings = {"timeout": 0.5} if fault is blackhole else {}
    proxy.spoil(always=fault)
    without_us = outcome(client, None, f"{proxy.url}/api", **settings)
    connections, received = proxy.connections, len(server.server.requests)
    assert outcome(client, auth, f"{proxy.url}/api", **settings) == without_us
    assert not (isinstance(without_us, type) and issubclass(without_us, TokenAuthError))
    assert proxy.connections == 2 * connections, "we tried again"
    assert len(server.server.requests) == 2 * received - 1, "we sent something of our own"
    proxy.spoil()
    assert client.get(auth, f"{proxy.url}/api") == 200
    assert client.get_token(auth) is token or client.get_token(auth) == token
    assert server.logins == 1


@faults({name: fault for name, fault in FAULTS.items() if name != "reset"})
@every_client
def test_a_fault_of_the_retry_after_a_401_is_handed_on(
    client: Client, fault: Fault, server: TokenServer, proxy: Proxy
) -> None:
    """The connection of the 401 is closed, so the retry comes on one of its own."""
    auth = server.auth(origins=[proxy.url])
    client.get_token(auth)
    server.revoke()

    def answer(request: Received) -> Reply | None:
        if request.path == "/api" and request.headers.get("authorization") == "Bearer token-1":
            return Reply(401, b"{}", {"Connection": "close"})
        return Reply(200, {"hello": "world"}) if request.path == "/api" else None

    server.answer = answer
    proxy.spoil(always=fault)
    without_us = outcome(client, None, f"{proxy.url}/api")
    before = proxy.connections
    proxy.spoil(_through_once, always=fault)
    assert outcome(client, auth, f"{proxy.url}/api") == without_us
    assert proxy.connections in {before + 2, before + 2 + client.resends}
    proxy.spoil()
    assert client.get(auth, f"{proxy.url}/api") == 200
    assert server.logins == 2


async def _through_once(reader: Any, writer: Any) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


@pytest.mark.parametrize("status", [400, 403, 404, 407, 429, 500, 503])
@every_client
def test_an_answer_of_the_api_other_than_401_is_none_of_our_business(
    client: Client, status: int, server: TokenServer
) -> None:
    auth = server.auth()
    server.answer = lambda request: Reply(status, b"{}", {"Retry-After": "1"}) if request.path == "/api" else None
    assert client.get(auth, server.api) == status
    assert len(server.server.to("/api")) == 1
    server.answer = lambda request: None
    assert client.get(auth, server.api) == 200
    assert server.logins == 1


# what the token endpoint answers, and how long that counts


def calls_of(client: Client, auth: TokenAuth, server: TokenServer, kind: type[Exception]) -> int:
    """Let three requests fail at the same moment; return how many token calls that made."""
    before = len(server.token_calls)
    problems = client.herd(auth, server.api, 3)
    assert {type(problem) for problem in problems} == {kind}
    assert len({id(problem) for problem in problems}) == 3
    return len(server.token_calls) - before


@pytest.mark.diagonal
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@every_client
def test_a_failing_endpoint_rests_ever_longer(
    client: Client, status: int, server: TokenServer, clock: ManualClock
) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(status, b"{}"))
    for rest in [1, 2, 4, 8, 16, 30, 30]:
        assert calls_of(client, auth, server, TokenEndpointError) == 3
        clock.move(rest - 0.01)
        assert calls_of(client, auth, server, TokenEndpointError) == 0, f"it did not rest for {rest} s"
        clock.move(0.01)
    token_endpoint(server, lambda: None)
    assert client.get(auth, server.api) == 200
    server.revoke()
    token_endpoint(server, lambda: Reply(status, b"{}"))
    assert calls_of(client, auth, server, TokenEndpointError) == 3
    clock.move(1.0)
    assert calls_of(client, auth, server, TokenEndpointError) == 3, "a success does not end the row"


@pytest.mark.parametrize("status", [302, 404, 405])
@every_client
def test_what_will_not_get_better_is_not_tried_again_at_once(
    client: Client, status: int, server: TokenServer, clock: ManualClock
) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(status, b"{}", {"Location": "http://127.0.0.1:1/"}))
    assert calls_of(client, auth, server, TokenEndpointError) == 1
    clock.move(0.99)
    assert calls_of(client, auth, server, TokenEndpointError) == 0
    clock.move(0.01)
    assert calls_of(client, auth, server, TokenEndpointError) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
@every_client
def test_rejected_credentials_rest_for_a_minute(
    client: Client, status: int, server: TokenServer, clock: ManualClock
) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(status, {"error": "invalid_client"}))
    for _ in range(3):
        assert calls_of(client, auth, server, CredentialsRejected) == 1
        clock.move(59.99)
        assert calls_of(client, auth, server, CredentialsRejected) == 0
        clock.move(0.01)


@every_client
def test_invalidate_ends_a_rest(client: Client, server: TokenServer, clock: ManualClock) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(401, {"error": "invalid_client"}))
    assert calls_of(client, auth, server, CredentialsRejected) == 1
    auth.invalidate()
    assert calls_of(client, auth, server, CredentialsRejected) == 1
    token_endpoint(server, lambda: Reply(503))
    auth.invalidate()
    assert calls_of(client, auth, server, TokenEndpointError) == 3
    auth.invalidate()
    assert calls_of(client, auth, server, TokenEndpointError) == 3


@every_client
def test_a_changed_secret_ends_a_rest(client: Client, server: TokenServer, clock: ManualClock) -> None:
    secret = "old"
    auth = oauth(server, clock, lambda: secret)
    token_endpoint(server, lambda: Reply(401, {"error": "invalid_client"}))
    assert calls_of(client, auth, server, CredentialsRejected) == 1
    assert calls_of(client, auth, server, CredentialsRejected) == 0
    secret = "mistyped"
    assert calls_of(client, auth, server, CredentialsRejected) == 1
    assert calls_of(client, auth, server, CredentialsRejected) == 0
    secret = "new"
    token_endpoint(server, lambda: None)
    assert client.get(auth, server.api) == 200


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, True)], ids=["seconds", "date"])
@every_client
def test_retry_after_is_waited_for_within_the_timeout(
    client: Client, status: int, as_date: bool, server: TokenServer, clock: ManualClock
) -> None:
    """Pauses are real here, whatever the injected clock says; the server's clock is ten days off."""
    auth, moments = oauth(server, clock), []
    server_now = clock.wall_now + 864_000

    def answer() -> Reply | None:
        moments.append(time.monotonic())
        if len(moments) > 1:
            return None
        pause = formatdate(server_now + 1, usegmt=True) if as_date else "0.1"
        return Reply(status, b"{}", {"Retry-After": pause, "Date": formatdate(server_now, usegmt=True)})

    token_endpoint(server, answer)
    assert client.get(auth, server.api) == 200
    assert len(moments) == 2
    assert moments[1] - moments[0] >= (0.99 if as_date else 0.1)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
@every_client
def test_a_retry_after_beyond_the_timeout_is_an_error_at_once_and_is_kept(
    client: Client, status: int, as_date: bool, server: TokenServer, clock: ManualClock
) -> None:
    auth = oauth(server, clock)

    def answer() -> Reply:
        pause = formatdate(clock.wall_now + 100, usegmt=True) if as_date else "100"
        return Reply(status, b"{}", {"Retry-After": pause, "Date": formatdate(clock.wall_now, usegmt=True)})

    token_endpoint(server, answer)
    assert calls_of(client, auth, server, TokenEndpointError) == 1
    clock.move(99)
    assert calls_of(client, auth, server, TokenEndpointError) == 0
    clock.move(1)
    assert calls_of(client, auth, server, TokenEndpointError) == 1


ABSURD_AND_LONG = ["999999999", "9" * 30, "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"]
ABSURD = ["-5", "soon", "", "1e400", "inf", "nan", "1\t2", "\u0661"]


@pytest.mark.parametrize("pause", ABSURD_AND_LONG, ids=range(len(ABSURD_AND_LONG)))
@every_client
@pytest.mark.diagonal
def test_an_absurdly_long_retry_after_counts_for_an_hour_at_most(
    client: Client, pause: str, server: TokenServer, clock: ManualClock
) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(503, b"{}", {"Retry-After": pause}))
    assert calls_of(client, auth, server, TokenEndpointError) == 1
    clock.move(LONGEST_RETRY_AFTER)
    token_endpoint(server, lambda: None)
    assert client.get(auth, server.api) == 200


@pytest.mark.parametrize("pause", ABSURD, ids=range(len(ABSURD)))
@pytest.mark.parametrize("client", [CLIENTS[0], CLIENTS[1], AWAITING[-1]], ids=repr)
@pytest.mark.diagonal
def test_a_senseless_retry_after_is_none(client: Client, pause: str, server: TokenServer, clock: ManualClock) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(503, b"{}", {"Retry-After": pause.encode().decode("latin-1")}))
    assert calls_of(client, auth, server, TokenEndpointError) == 3
    clock.move(1.0)
    assert calls_of(client, auth, server, TokenEndpointError) == 3


@pytest.mark.parametrize("size", [8, pytest.param(64, marks=pytest.mark.slow)])
def test_a_wrong_password_is_tried_once_a_minute_whatever_the_load(
    size: int, server: TokenServer, clock: ManualClock
) -> None:
    """As many threads of each blocking client, and tasks on each event loop, three minutes long."""
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(401, {"error": "invalid_client"}))
    crowd: list[Client] = [*BLOCKING, *AWAITING]
    for minute in range(1, 4):
        for _ in range(2):
            with ThreadPoolExecutor(len(crowd)) as pool:
                herds = list(pool.map(lambda client: client.herd(auth, server.api, size), crowd))
            problems = [problem for herd in herds for problem in herd]
            assert len(problems) == size * len(crowd)
            assert {type(problem) for problem in problems} == {CredentialsRejected}
            assert len(server.token_calls) == minute
            clock.move(30.0)
    assert server.statuses == []


@every_client
def test_the_errors_are_what_each_client_raises(client: Client, server: TokenServer, clock: ManualClock) -> None:
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(503, b"{}"))
    for root in (requests.RequestException, httpx.HTTPError, httpx2.HTTPError):
        with pytest.raises(root):
            client.get(auth, server.api)


def test_waiters_and_the_next_callers_get_one_failure(server: TokenServer, clock: ManualClock) -> None:
    """Whoever comes while it cools down gets it within no time: the endpoint would hang."""
    auth = oauth(server, clock)
    token_endpoint(server, lambda: Reply(503, {"error": "down"}))
    with pytest.raises(TokenEndpointError) as first:
        auth.get_token()
    token_endpoint(server, lambda: until(lambda: False))
    asked = background(auth.get_token)
    problem: Any = asked.exception(10)
    assert str(problem).startswith(str(first.value))
    assert (problem.status, problem.code) == (503, "down")
