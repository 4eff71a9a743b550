"""I3: compare before refresh. A 401 counts only where our token got it; it drops that token and no newer one."""

import threading
import uuid
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get, Post
from tests.servers import Received, Reply
from tests.support import ManualClock, TokenServer, background, until, with_clock
from tokenauth import LoginAuth, TokenAuth, TokenEndpointError


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_revoked_token_is_renewed_unseen(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get(auth, server.api)
    server.revoke()
    answer = client.send(auth, Get(server.api))
    assert answer.status == 200
    assert answer.history == [401]
    assert server.statuses == [200, 401, 200]
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_live_token_is_used_without_another_login(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    answers = client.play(auth, *[Get(server.api)] * 5)
    assert [answer.status for answer in answers] == [200] * 5
    assert server.logins == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_api_that_always_says_401_gets_two_requests_and_one_renewal(client: Client, server: TokenServer) -> None:
    body = b'{"error": "never"}'
    server.answer = lambda request: None if request.path == "/token" else Reply(401, body, {"X-Why": "never"})
    auth = server.auth()
    client.get_token(auth)
    answer = client.send(auth, Post(server.api, data=b"body"))
    assert (answer.status, answer.content) == (401, body)
    assert {name.lower(): value for name, value in answer.headers.items()}["x-why"] == "never"
    assert answer.history == [401]
    sent = [request.headers["authorization"] for request in server.server.to("/api")]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_many_requests_that_one_renewal_did_not_help_wait_no_longer_than_one(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """The API forgets its tokens and refuses everything for a moment; then each takes what it gets."""
    auth = with_clock(server.auth(), clock)
    client.get(auth, server.api)
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    server.revoke()
    assert client.herd(auth, server.api, 12) == [401] * 12
    assert server.logins == 2
    server.answer = lambda request: None
    server.revoke()
    clock.move(1.0)
    assert client.get(auth, server.api) == 200, "the address is still refused, long after the API works again"
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_address_that_always_says_401_costs_ever_fewer_logins(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """Other addresses take the token meanwhile, so that it is neither dropped nor renewed for each request."""
    server.answer = lambda request: Reply(401) if request.path == "/never" else None
    auth = with_clock(server.auth(), clock)
    never = f"{server.url}/never"
    assert [each.status for each in client.play(auth, *[Get(f"{never}?n={n}") for n in range(4)])] == [401] * 4
    assert server.logins == 2
    assert [each.history for each in client.play(auth, *[Get(server.api)] * 2)] == [[], []]
    for seconds, logins in ((1.0, 3), (1.0, 3), (1.0, 4), (3.0, 4), (1.0, 5)):
        clock.move(seconds)
        assert client.get(auth, never) == 401
        assert server.logins == logins


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_method_that_is_always_refused_costs_ever_fewer_logins_though_others_are_served(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """Who may read but not write would log in for each write: the reads between them are no sign that it helps."""
    server.answer = lambda request: Reply(401) if request.method == "POST" and request.path == "/api" else None
    auth = with_clock(server.auth(), clock)
    answers = client.play(auth, *[Get(server.api), Post(server.api, data=b"body")] * 4)
    assert [each.status for each in answers] == [200, 401] * 4
    assert server.logins == 2
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_revocation_is_mended_at_once_though_another_address_always_says_401(
    client: Client, server: TokenServer
) -> None:
    server.answer = lambda request: Reply(401) if request.path == "/never" else None
    auth = server.auth()
    assert client.get(auth, f"{server.url}/never") == 401
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_revocation_is_mended_soon_though_each_address_is_new_and_some_always_say_401(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    server.answer = lambda request: Reply(401) if request.path.startswith("/theirs/") else None
    auth = with_clock(server.auth(), clock)

    def statuses(*paths: str) -> list[int]:
        return [answer.status for answer in client.play(auth, *(Get(f"{server.url}{path}") for path in paths))]

    assert statuses(*(f"/theirs/{each}" for each in "123")) == [401] * 3
    assert statuses("/mine/4", "/theirs/5", "/mine/6") == [200, 401, 200]
    assert server.logins == 4
    for number in (1, 2):
        server.revoke()
        assert statuses(*(f"/mine/{number}/{each}" for each in "789")) == [401, 200, 200]
        assert server.logins == 4 + number


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_address_that_takes_tokens_again_is_renewed_for_at_once(client: Client, server: TokenServer) -> None:
    closed = [True]
    server.answer = lambda request: Reply(401) if request.path == "/api" and closed else None
    auth = server.auth()
    assert client.get(auth, server.api) == 401
    closed.clear()
    assert client.get(auth, server.api) == 200
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_api_that_wants_the_token_elsewhere_is_told_of_once(
    client: Client, server: TokenServer, caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    client.play(with_clock(server.auth(), clock), *[Get(server.api)] * 3)
    assert len([each for each in caplog.records if "another header or scheme" in each.getMessage()]) == 1


SCOPE = [
    'Bearer error="insufficient_scope"',
    "Bearer error=insufficient_scope",
    'Bearer error = "insufficient_scope"',
    'Bearer error="insufficient_scope", scope="a b"',
    'Bearer realm="x",error\t=\tinsufficient_scope,scope="a"',
    'Bearer ERROR="insufficient_scope"',
    'Bearer realm="say \\"no\\"", Error="insufficient_scope"',
    'Bearer error="insufficient\\_scope"',
    'Basic realm="x", Bearer error="insufficient_scope"',
    'Negotiate abc==, Bearer realm="x", error="insufficient_scope"',
]
OTHERWISE = [
    "",
    "Bearer",
    'Bearer error="invalid_token"',
    'Bearer error="invalid_token", error_description="not: error=insufficient_scope"',
    'Bearer realm="error=\\"insufficient_scope\\""',
    'Bearer error_description="insufficient_scope"',
    'Bearer x-error="insufficient_scope"',
    'Bearer error="insufficient_scope_of_your_mind"',
    "Bearer error=insufficient_scope_of_your_mind",
    'Bearer error="invalid_token", DPoP error="insufficient_scope"',
    "Bearer realm=https://x.example/?error=insufficient_scope",
    'Bearer error="insufficient_scope',
]


@pytest.mark.parametrize("challenge", SCOPE)
def test_a_401_about_scope_is_not_renewed_however_it_is_written(challenge: str, server: TokenServer) -> None:
    for client in CLIENTS:
        assert _logins(client, server, challenge) == 1


@pytest.mark.parametrize("challenge", OTHERWISE)
def test_a_401_that_is_not_about_scope_is_renewed(challenge: str, server: TokenServer) -> None:
    for client in CLIENTS:
        assert _logins(client, server, challenge) == 2


def _logins(client: Client, server: TokenServer, challenge: str) -> int:
    """Return how many logins a request costs whose answer is always a 401 with *challenge*."""
    header = {"WWW-Authenticate": challenge}
    server.answer = lambda request: None if request.path == "/token" else Reply(401, headers=header)
    before = server.logins
    assert client.get(server.auth(uuid.uuid4().hex), server.api) == 401
    return server.logins - before


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_challenges_in_several_fields_count_together(client: Client, server: TokenServer) -> None:
    challenges = b"WWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: Bearer error=insufficient_scope\r\n"
    refusal = b"HTTP/1.1 401 Unauthorized\r\n" + challenges + b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    server.answer = lambda request: None if request.path == "/token" else Reply(raw=refusal)
    assert client.get(server.auth(), server.api) == 401
    assert server.logins == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_each_request_of_a_session_has_a_retry_of_its_own(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    first_tries = {"1", "3"}

    def answer(request: Received) -> Reply | None:
        number = request.query.get("n")
        if number in first_tries:
            first_tries.remove(number)
            return Reply(401)
        return None

    server.answer = answer
    answers = client.play(auth, *[Get(f"{server.api}?n={number}") for number in range(5)])
    assert [answer.status for answer in answers] == [200] * 5
    assert server.logins == 3


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_late_401_on_an_old_token_does_not_drop_the_newer_one(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get_token(auth)
    renewed = threading.Event()

    def answer(request: Received) -> Reply | None:
        if request.headers.get("authorization") == "Bearer token-1":
            assert renewed.wait(20)
            return Reply(401)
        return None

    server.answer = answer
    slow = background(lambda: client.send(auth, Get(server.api)))
    until(lambda: server.server.to("/api"))
    auth.invalidate()
    assert client.get_token(auth).value == "token-2"
    renewed.set()
    late = slow.result(20)
    assert (late.status, late.history) == (200, [401])
    assert client.get_token(auth).value == "token-2"
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_login_that_fails_on_renewal_is_what_the_caller_gets(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    server.answer = lambda request: Reply(404) if request.path == "/token" else None
    auth._source.credential.uniform = lambda low, high: 0.0
    with pytest.raises(TokenEndpointError):
        client.get(auth, server.api)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.parametrize("status", [400, 403, 404, 407, 500])
def test_other_statuses_are_none_of_our_business(client: Client, server: TokenServer, status: int) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(status)
    auth = server.auth()
    answer = client.send(auth, Get(server.api))
    assert (answer.status, answer.history) == (status, [])
    assert server.logins == 1
    assert len(server.server.to("/api")) == 1


def _replace(request: Any) -> None:
    request.headers["Authorization"] = "Basic dXNlcg=="


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_401_on_credentials_that_a_hook_of_the_users_put_there_does_not_count(
    client: Client, server: TokenServer
) -> None:
    auth = server.auth()
    client.get_token(auth)

    def replace_our_header(session: Any) -> None:
        client.add_hooks(session, _replace)

    answer = client.send(auth, Get(server.api), setup=replace_our_header)
    assert answer.status == 401
    assert {request.headers["authorization"] for request in server.server.to("/api")} == {"Basic dXNlcg=="}
    assert client.get_token(auth).value == "token-1"
    assert server.logins == 1


def _append(request: Any) -> None:
    text = str(request.url)
    added = text if "trace=" in text else f"{text}&trace=1"
    request.url = added if isinstance(request.url, str) else type(request.url)(added)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_in_the_query_counts_though_a_hook_of_the_users_adds_to_it(client: Client, server: TokenServer) -> None:
    auth = LoginAuth(f"{server.url}/token", json={}, token="token", param="key", cache={})

    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            return None
        return Reply(200 if request.query["key"] in server.valid else 401)

    def add_to_the_query(session: Any) -> None:
        client.add_hooks(session, _append)

    server.answer = answer
    assert client.get(auth, server.api, setup=add_to_the_query) == 200
    server.revoke()
    assert [client.get(auth, server.api, setup=add_to_the_query) for _ in range(2)] == [200, 200]
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_401_after_a_redirect_in_the_origin_is_retried_once(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get_token(auth)

    def answer(request: Received) -> Reply | None:
        if request.path == "/from":
            return Reply(302, headers={"Location": "/api"})
        if request.path == "/api" and request.headers.get("authorization") != "Bearer token-2":
            return Reply(401)
        return None

    server.answer = answer
    assert client.get(auth, f"{server.url}/from") == 200
    assert [request.headers["authorization"] for request in server.server.to("/api")] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert server.logins == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_request_with_redirects_has_one_retry_in_all(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get_token(auth)

    def answer(request: Received) -> Reply | None:
        if request.path == "/from":
            good = request.headers.get("authorization") == "Bearer token-2"
            return Reply(302, headers={"Location": "/never"}) if good else Reply(401)
        return Reply(401) if request.path == "/never" else None

    server.answer = answer
    assert client.get(auth, f"{server.url}/from") == 401
    assert [request.path for request in server.server.requests] == ["/token", "/from", "/token", "/from", "/never"]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_invalidate_drops_the_token(client: Client, server: TokenServer) -> None:
    auth: TokenAuth = server.auth()
    client.get(auth, server.api)
    auth.invalidate()
    client.get(auth, server.api)
    assert server.logins == 2
    assert server.statuses == [200, 200]


def _is_expired(response: Any) -> bool:
    """`refused=` as a function of any client's response, whose body has been read."""
    body = getattr(response, "_content", None) or getattr(response, "_body", None) or b""
    return b"40001" in body


FORMS: dict[str, tuple[Any, int]] = {
    "a status": (403, 403),
    "several": ([401, 419], 419),
    "a code": (("errcode", 40001), 200),
    "a code of one status": ((200, "errcode", 40001), 200),
    "a code beside an error": ((403, "errcode"), 403),
    "a function": (_is_expired, 200),
    "a list": ([419, ("errcode", 40001)], 200),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_renewals_that_help_nobody_become_rare_however_a_refusal_is_told(
    client: Client, form: str, server: TokenServer
) -> None:
    refused, status = FORMS[form]
    server.answer = lambda request: Reply(status, {"errcode": 40001}) if request.path == "/never" else None
    clock = ManualClock()
    auth = with_clock(server.auth(refused=refused), clock)
    never, logins = Get(f"{server.url}/never"), []
    for pause in (0.0, 0.5, 1.0, 0.5):
        clock.move(pause)
        assert [answer.status for answer in client.play(auth, never, never)] == [status] * 2
        logins.append(server.logins)
    assert logins == [2, 2, 3, 3], "the first and its renewal; none within 1 s; one; none within 2 s"
    assert client.get(auth, server.api) == 200
    assert server.logins == 3
