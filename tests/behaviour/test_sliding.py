"""`sliding=`: a token lives a while from its last use, and is renewed before a use that comes later than that."""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import CLIENTS, Client
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, with_clock
from tokenauth import LoginAuth
from tokenauth.stores import FileStore

pytestmark = pytest.mark.usefixtures("quick_seals")
IDLE = 1200.0
LEEWAY = 30.0
every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


class Sessions:
    """A session ends IDLE seconds after its last use; the API's clock is the test's own."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.ends: dict[str, float] = {}
        self.user = uuid.uuid4().hex
        self.logins = self.refusals = 0
        self.lock = threading.Lock()
        self.server: Server

    def __call__(self, request: Received) -> Reply:
        with self.lock:
            if request.path == "/login":
                self.logins += 1
                self.ends[f"s-{self.logins}"] = self.clock.wall_now + IDLE
                return Reply(200, {"id": f"s-{self.logins}"} | self.answer)
            session = request.headers.get("x-session", "")
            if self.ends.get(session, 0.0) <= self.clock.wall_now:
                self.refusals += 1
                return Reply(401)
            self.ends[session] = self.clock.wall_now + IDLE
            return Reply(200)

    answer: dict[str, Any] = {}  # noqa: RUF012  (replaced, never changed)

    def auth(self, **options: Any) -> LoginAuth:
        described: dict[str, Any] = {"token": "id", "lifetime": IDLE, "sliding": True, "header": "X-Session"}
        url, fields = f"{self.server.url}/login", {"user": self.user, "password": "p"}
        return with_clock(LoginAuth(url, json=fields, **{"cache": {}, **described, **options}), self.clock)  # type: ignore[return-value]

    def use(self, client: Client, auth: Any) -> tuple[int, int]:
        """Send a request; return the logins and the refusals so far."""
        assert client.get(auth, f"{self.server.url}/api") == 200
        return self.logins, self.refusals


@pytest.fixture
def sessions(clock: ManualClock) -> Iterator[Sessions]:
    sessions = Sessions(clock)
    with serve(sessions) as sessions.server:
        yield sessions


@every_client
@pytest.mark.parametrize("cached", [True, False], ids=["shared", "own"])
def test_each_use_begins_the_lifetime_anew(client: Client, sessions: Sessions, cached: bool) -> None:
    auth = sessions.auth(**({"cache": None} if cached else {}))
    assert sessions.use(client, auth) == (1, 0)
    for _ in range(5):
        sessions.clock.move(IDLE - LEEWAY - 1)
        assert sessions.use(client, auth) == (1, 0)


@every_client
def test_after_a_longer_silence_the_token_is_renewed_before_it_is_used(client: Client, sessions: Sessions) -> None:
    auth = sessions.auth()
    for logins in (1, 2, 3):
        assert sessions.use(client, auth) == (logins, 0)
        assert sessions.use(client, auth) == (logins, 0)
        sessions.clock.move(IDLE - LEEWAY)


@every_client
def test_a_machine_that_slept_renews_first(client: Client, sessions: Sessions) -> None:
    """Monotonic time may stand still meanwhile; and where the wall clock is set back, it tells of nothing."""
    auth = sessions.auth()
    assert sessions.use(client, auth) == (1, 0)
    sessions.clock.wall_now += IDLE
    assert sessions.use(client, auth) == (2, 0)
    sessions.clock.monotonic_now += IDLE
    assert sessions.use(client, auth) == (3, 0)


@every_client
def test_another_auth_object_s_use_counts(client: Client, sessions: Sessions) -> None:
    cache: dict[Any, Any] = {}
    one, other = sessions.auth(cache=cache), sessions.auth(cache=cache)
    assert sessions.use(client, one) == (1, 0)
    for _ in range(3):
        sessions.clock.move(IDLE / 2)
        assert sessions.use(client, other) == (1, 0)
    assert sessions.use(client, one) == (1, 0)


@every_client
def test_a_request_that_carries_no_token_is_no_use(client: Client, sessions: Sessions) -> None:
    auth = sessions.auth()
    assert sessions.use(client, auth) == (1, 0)
    with serve(lambda request: Reply(200 if "x-session" not in request.headers else 418)) as elsewhere:
        for _ in range(3):
            sessions.clock.move(IDLE / 3)
            assert client.get(auth, f"{elsewhere.url}/api") == 200
    assert sessions.use(client, auth) == (2, 0)


@every_client
def test_a_header_that_is_made_at_each_request_changes_nothing(client: Client, sessions: Sessions) -> None:
    """Nothing is worked out beforehand then."""
    auth = sessions.auth(also={"X-Now": lambda: "now"}, public=["X-Now"], header="X-Session")
    assert sessions.use(client, auth) == (1, 0)
    for _ in range(3):
        sessions.clock.move(IDLE / 2)
        assert sessions.use(client, auth) == (1, 0)
    sessions.clock.move(IDLE)
    assert sessions.use(client, auth) == (2, 0)


@every_client
def test_who_asks_for_the_token_uses_it(client: Client, sessions: Sessions) -> None:
    auth = sessions.auth()
    for _ in range(4):
        token = client.get_token(auth)
        assert (token.value, token.lifetime, token.expires_at) == ("s-1", IDLE, None)
        sessions.clock.move(IDLE / 2)
    sessions.clock.move(IDLE)
    assert client.get_token(auth).value == "s-2"


@every_client
def test_a_lifetime_that_the_answer_states_slides_too(client: Client, sessions: Sessions) -> None:
    sessions.answer = {"expires_in": IDLE / 2}
    auth = sessions.auth()
    assert sessions.use(client, auth) == (1, 0)
    sessions.clock.move(IDLE / 2 - LEEWAY - 1)
    assert sessions.use(client, auth) == (1, 0)
    sessions.clock.move(IDLE / 2)
    assert sessions.use(client, auth) == (2, 0)


@every_client
@pytest.mark.parametrize("answer", [{}, {"expires_in": 0}], ids=["none", "0"])
def test_a_session_whose_lifetime_nobody_knows_is_used_until_a_refusal(
    client: Client, sessions: Sessions, answer: dict[str, Any]
) -> None:
    sessions.answer = answer
    auth = sessions.auth(lifetime=None)
    assert sessions.use(client, auth) == (1, 0)
    sessions.clock.move(IDLE - 1)
    assert sessions.use(client, auth) == (1, 0)
    sessions.clock.move(IDLE)
    assert sessions.use(client, auth) == (2, 1)


@every_client
def test_a_session_that_the_server_ended_is_renewed_after_its_refusal(client: Client, sessions: Sessions) -> None:
    auth = sessions.auth()
    assert sessions.use(client, auth) == (1, 0)
    sessions.ends.clear()
    assert sessions.use(client, auth) == (2, 1)


@every_client
def test_another_process_may_have_used_it_meanwhile(client: Client, sessions: Sessions, tmp_path: Any) -> None:
    """A store doesn't tell when: a token from there is tried, and a refusal renews it."""
    here, there = (sessions.auth(store=FileStore(tmp_path / "tokens")) for _ in range(2))
    assert sessions.use(client, here) == (1, 0)
    for _ in range(4):
        sessions.clock.move(IDLE / 2)
        assert sessions.use(client, there) == (1, 0)
    assert sessions.use(client, here) == (1, 0)
    sessions.clock.move(IDLE)
    assert sessions.use(client, here) == (2, 1)
    assert sessions.use(client, there) == (2, 1)


@every_client
def test_a_token_from_a_store_slides_from_its_first_use_here(client: Client, sessions: Sessions, tmp_path: Any) -> None:
    store = FileStore(tmp_path / "tokens")
    here, there = sessions.auth(store=store), sessions.auth(store=store)
    assert sessions.use(client, here) == (1, 0)
    sessions.clock.move(IDLE / 2)
    assert sessions.use(client, there) == (1, 0)
    store.clear()
    assert sessions.use(client, there) == (1, 0)
    sessions.clock.move(IDLE / 2)
    assert sessions.use(client, there) == (1, 0)
