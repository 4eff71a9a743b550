"""What requests alone has: prepared requests that are sent again, copied, pickled, or followed by hand.

Copies of a prepared request share its hook, and each carries the token that it was copied with.
"""

import itertools
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tests.security.world import QueryProvider
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, PlainProvider, TokenServer, background, with_clock
from tokenauth import Provider, TokenAuth
from tokenauth._core.origins import Origin

CUSTOM: dict[str, Any] = {"header": "X-Token", "scheme": ""}
EXTRA: dict[str, Any] = {"extra_headers": {"X-Api-Key": "key"}}
OURS = {"x-token", "x-api-key", "authorization"}


@pytest.fixture
def far() -> Iterator[Server]:
    with serve(lambda request: Reply(200)) as server:
        yield server


def prepare(session: requests.Session, auth: TokenAuth, url: str) -> requests.PreparedRequest:
    return session.prepare_request(requests.Request("GET", url, auth=auth))


def again(how: str, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return what a loop sends that has *prepared* once."""
    return prepared.copy() if how == "copies" else prepared


def pickled(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    other: requests.PreparedRequest = pickle.loads(pickle.dumps(prepared))
    return other


def redirects(places: dict[str, str]) -> Callable[[Received], Reply | None]:
    return lambda request: Reply(302, headers={"Location": places[request.path]}) if request.path in places else None


every_way = pytest.mark.parametrize("how", ["same object", "copies"])


# read by others


@pytest.mark.parametrize(
    "options", [{}, CUSTOM, EXTRA, {"provider": QueryProvider}], ids=["", "header", "extra", "query"]
)
def test_a_url_in_bytes_is_one_as_any(
    options: dict[str, Any], server: TokenServer, far: Server, session: requests.Session
) -> None:
    """Other auth objects set such a one for a moment: `OAuth1` of requests-oauthlib."""
    made = {name: each(server.url) if name == "provider" else each for name, each in options.items()}
    prepared: Any = prepare(session, server.auth(**made), f"{server.api}?page=1")
    for url, ours in ((server.api, True), (far.url, False)):
        prepared.url = f"{url}?page=2".encode()
        session.send(prepared)
        received = (server.server if ours else far).requests[-1]
        assert ("token-" in received.text) == ours
        assert received.query["page"] == "2"


# sent again


@every_way
def test_it_is_renewed_each_time_that_it_is_sent_again(
    how: str, server: TokenServer, session: requests.Session
) -> None:
    prepared = prepare(session, server.auth(), server.api)
    for renewals in range(4):
        for _ in range(2):
            assert session.send(again(how, prepared)).status_code == 200
        assert server.logins == 1 + renewals
        server.revoke()


def test_a_copy_that_carries_an_older_token_has_its_own_renewal(server: TokenServer, session: requests.Session) -> None:
    """The first 401 is on the older token, so the newer one is tried first; a 401 on that one is what counts."""
    prepared = prepare(session, server.auth(), server.api)
    server.revoke()
    assert session.send(prepared.copy()).status_code == 200
    server.revoke()
    response = session.send(prepared.copy())
    assert (response.status_code, [each.status_code for each in response.history]) == (200, [401, 401])
    carried = [request.headers["authorization"] for request in server.server.to("/api")]
    assert carried == [f"Bearer token-{number}" for number in (1, 2, 1, 2, 3)]
    assert server.logins == 3


def test_a_copy_whose_renewed_token_is_refused_is_the_callers(
    server: TokenServer, session: requests.Session, clock: ManualClock
) -> None:
    prepared = prepare(session, with_clock(server.auth(), clock), server.api)
    assert session.send(prepared.copy()).status_code == 200
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    assert [session.send(prepared.copy()).status_code for _ in range(2)] == [401, 401]
    assert len(server.server.to("/api")) == 1 + 2 + 2
    assert server.logins == 2


def test_a_body_that_was_sent_with_an_older_token_and_can_not_be_sent_twice_costs_no_login(
    server: TokenServer, session: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = prepare(session, server.auth(), server.api)
    server.revoke()
    assert session.send(prepared.copy()).status_code == 200
    older = prepared.copy()
    older.prepare_body(iter([b"once"]), None)
    older.headers["Authorization"] = "Bearer token-1"
    assert session.send(older).status_code == 401
    assert ["can't be sent twice" in record.message for record in caplog.records] == [True]
    assert session.send(prepared.copy()).status_code == 200
    assert server.logins == 2


class Strips(HTTPAdapter):
    """Takes our header off a request to *path*, once."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def send(self, request: Any, *args: Any, **settings: Any) -> requests.Response:
        if request.url.endswith(self.path):
            del request.headers["Authorization"]
            self.path = "none"
        return super().send(request, *args, **settings)


def test_a_hop_that_lost_the_signature_and_then_meets_a_revocation_is_renewed(
    server: TokenServer, session: requests.Session
) -> None:
    """It is sent three times: bare, with the token as it was, and with a new one."""

    def answer(request: Received) -> Reply | None:
        if request.path != "/api":
            return None
        server.revoke()
        return Reply(302, headers={"Location": "/hop"})

    session.mount("http://", Strips("/hop"))
    auth, server.answer = server.auth(), answer
    assert session.send(prepare(session, auth, server.api)).status_code == 200
    sent = [each.headers.get("authorization") for each in server.server.to("/hop")]
    assert sent == [None, "Bearer token-1", "Bearer token-2"]
    assert server.logins == 2


def test_a_hop_whose_adapter_raises_on_a_refusal_is_the_callers_after_a_renewal(
    server: TokenServer, session: requests.Session
) -> None:
    session.mount(f"{server.url}/no", HTTPAdapter(max_retries=Retry(1, status_forcelist=[401], backoff_factor=0)))
    to_no = redirects({"/api": "/no"})
    server.answer = lambda request: (
        Reply(401) if request.path == "/no" else to_no(request) if server.use(request).status == 200 else None
    )
    auth = server.auth()
    prepared = prepare(session, auth, server.api)
    server.revoke()
    with pytest.raises(requests.exceptions.RetryError):
        session.send(prepared)
    assert session.send(prepare(session, auth, f"{server.url}/else")).status_code == 200
    assert server.logins == 2


class Replaces(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        request.headers["Authorization"] = "Basic dXNlcg=="
        return super().send(request, *args, **settings)


def test_a_retry_that_did_not_carry_our_token_is_the_last(server: TokenServer, session: requests.Session) -> None:
    session.mount("http://", Replaces())
    assert session.send(prepare(session, server.auth(), server.api)).status_code == 401
    assert len(server.server.to("/api")) == 2
    assert server.logins == 1


@every_way
def test_each_sending_has_a_renewal_and_not_each_hop(how: str, server: TokenServer, session: requests.Session) -> None:
    """/api is redirected to /no, which says 401 whatever it gets; a redirect inherits the fragment."""
    to_no = redirects({"/api": "/no"})
    server.answer = lambda request: (
        Reply(401) if request.path == "/no" else to_no(request) if server.use(request).status == 200 else None
    )
    prepared = prepare(session, server.auth(), f"{server.api}#there")
    for sending in range(3):
        server.revoke()
        server.server.requests.clear()
        assert session.send(again(how, prepared)).status_code == 401
        assert len(server.token_calls) == 1, sending
        assert len(server.server.to("/no")) == 1, sending


@every_way
def test_a_redirect_to_the_same_url_ends_with_its_sending(
    how: str, server: TokenServer, session: requests.Session
) -> None:
    """Such as one that sets a cookie first."""
    turns = itertools.cycle([Reply(302, headers={"Location": "/api"}), None])
    server.answer = lambda request: (
        next(turns) if request.path == "/api" and server.use(request).status == 200 else None
    )
    prepared = prepare(session, server.auth(), server.api)
    for _ in range(3):
        server.revoke()
        response = session.send(again(how, prepared))
        assert (response.status_code, [each.status_code for each in response.history]) == (200, [302])
    assert server.logins == 4


def test_what_another_thread_sends_is_not_of_this_chain(server: TokenServer, session: requests.Session) -> None:
    """Another sends a copy while this one's redirect is on its way."""
    copies: list[requests.PreparedRequest] = []

    def answer(request: Received) -> Reply | None:
        if request.path == "/no":
            with requests.Session() as other:
                other.trust_env = False
                assert other.send(copies.pop(), allow_redirects=False, timeout=20).status_code == 302
            return Reply(401)
        return to_no(request) if server.use(request).status == 200 else None

    to_no = redirects({"/api": "/no"})
    server.answer = answer
    prepared = prepare(session, server.auth(), server.api)
    copies.append(prepared.copy())
    server.revoke()
    assert session.send(prepared).status_code == 401
    assert len(server.server.to("/no")) == 1
    assert server.logins == 2


def test_a_renewal_that_ended_in_a_redirect_is_not_the_next_sendings(
    server: TokenServer, session: requests.Session
) -> None:
    """The redirect is not followed, so what is sent next is no hop."""
    to_other = redirects({"/api": "/other"})
    server.answer = lambda request: to_other(request) if server.use(request).status == 200 else None
    prepared = prepare(session, server.auth(), server.api)
    for _ in range(3):
        server.revoke()
        assert session.send(prepared, allow_redirects=False).status_code == 302
    assert server.server.to("/other") == []
    assert server.logins == 4


def test_a_redirect_gets_the_token_in_its_query_and_is_renewed(server: TokenServer, session: requests.Session) -> None:
    """A Location has no token in its query, so the hop is signed as it sets out."""

    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            return None
        good = request.query.get("access_token") in server.valid
        if good and request.path == "/from":
            server.revoke()
            return Reply(302, headers={"Location": "/to"})
        return Reply(200 if good else 401)

    server.answer = answer
    session.auth = server.auth(provider=QueryProvider(server.url, server.user))
    assert session.get(f"{server.url}/from").status_code == 200
    assert [request.query.get("access_token") for request in server.server.to("/to")] == ["token-1", "token-2"]
    response = session.get(f"{server.url}/to")
    assert (response.status_code, response.history) == (200, [])
    assert server.logins == 2


# abroad


@pytest.mark.parametrize("options", [CUSTOM, EXTRA], ids=["custom", "extra"])
def test_an_older_token_does_not_go_abroad_on_a_copy(
    options: Any, server: TokenServer, far: Server, session: requests.Session
) -> None:
    """The server says 401 once, and takes the older token still."""
    says_401 = iter([True])
    to_far = redirects({"/api": f"{far.url}/x"})
    server.answer = lambda request: Reply(401) if request.path == "/api" and next(says_401, False) else to_far(request)
    prepared = prepare(session, server.auth(**options), server.api)
    for _ in range(2):
        assert session.send(prepared.copy()).status_code == 200
    assert server.logins == 2
    assert [OURS & request.headers.keys() for request in far.requests] == [set()] * 2


def test_an_older_token_does_not_go_abroad_by_hand(server: TokenServer, far: Server, session: requests.Session) -> None:
    """`Response.next` is copied before another sending of the same request renews the token."""
    says_401 = iter([False, True])
    step = redirects({"/api": "/hop", "/hop": f"{far.url}/x"})
    server.answer = lambda request: Reply(401) if request.path == "/api" and next(says_401, False) else step(request)
    prepared = prepare(session, server.auth(**CUSTOM), server.api)
    following = session.send(prepared, allow_redirects=False).next
    assert following is not None
    assert session.send(prepared, allow_redirects=False).status_code == 302
    assert server.logins == 2
    assert session.send(following).status_code == 200
    assert [request.headers["x-token"] for request in server.server.to("/hop")] == ["token-1"]
    assert ["x-token" in request.headers for request in far.requests] == [False]


@every_way
def test_what_was_abroad_once_is_renewed_when_it_stays_at_home(
    how: str, server: TokenServer, far: Server, session: requests.Session
) -> None:
    server.answer = redirects({"/api": f"{far.url}/x"})
    prepared = prepare(session, server.auth(), server.api)
    assert session.send(again(how, prepared)).status_code == 200
    server.answer = lambda request: None
    for _ in range(3):
        server.revoke()
        assert session.send(again(how, prepared)).status_code == 200
    assert server.logins == 4


def test_who_comes_home_from_abroad_by_hand_gets_nothing_whichever_thread_sends_it(
    server: TokenServer, session: requests.Session
) -> None:
    """Nothing of the earlier hops lives on, and the hook is the same as theirs; the user's own stays."""
    seen: list[str] = []
    session.hooks["response"] = [lambda response, **_: seen.append(response.url)]
    with serve(redirects({"/hop": f"{server.url}/back"})) as far:  # type: ignore[arg-type]  # None for no other path
        server.answer = redirects({"/api": f"{far.url}/hop"})
        session.auth = server.auth(**CUSTOM)
        following: Any = session.get(server.api, allow_redirects=False).next
        following = session.send(following, allow_redirects=False).next
        assert background(lambda: session.send(following)).result(20).status_code == 401
        assert seen == [server.api, f"{far.url}/hop", f"{server.url}/back"]
    assert ["x-token" in request.headers for request in server.server.to("/back")] == [False]
    assert server.logins == 1


# pickled


@pytest.mark.parametrize("options", [CUSTOM, EXTRA], ids=["custom", "extra"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_pickled_request_does_not_take_our_headers_abroad(
    options: Any, times: int, server: TokenServer, far: Server, session: requests.Session
) -> None:
    server.answer = redirects({"/api": "/hop", "/hop": f"{far.url}/x"})
    prepared = prepare(session, server.auth(**options), server.api)
    for _ in range(times):
        prepared = pickled(prepared)
    assert session.send(prepared).status_code == 200
    ours = OURS & server.server.to("/api")[0].headers.keys()
    assert ours
    assert ours <= server.server.to("/hop")[0].headers.keys()  # a redirect at home
    assert [ours & request.headers.keys() for request in far.requests] == [set()]


def test_a_pickled_request_takes_our_headers_to_all_that_is_home(
    server: TokenServer, session: requests.Session
) -> None:
    """From one of `origins` to another, and on to the provider's."""
    with (
        serve(lambda request: Reply(302, headers={"Location": f"{server.url}/to"})) as between,
        serve(lambda request: Reply(302, headers={"Location": between.url})) as start,
    ):
        auth = server.auth(**CUSTOM, origins=[start.url, between.url])
        session.send(pickled(prepare(session, auth, start.url)))
    received = [*start.requests, *between.requests, *server.server.to("/to")]
    assert [request.headers.get("x-token") for request in received] == ["token-1"] * 3


def test_what_needs_no_token_does_not_go_abroad_from_a_pickle_either(far: Server, session: requests.Session) -> None:
    turn = redirects({"/a": "/b", "/b": f"{far.url}/c"})
    with serve(lambda request: turn(request) or Reply(404)) as home:
        auth = TokenAuth(_atrip(home.url), cache={}, origins=[far.url])  # they may have the token, which this is not
        assert session.send(pickled(prepare(session, auth, f"{home.url}/a"))).status_code == 200
        names = {"x-atlas-client-id", "x-atlas-client-secret"}
        assert [names <= request.headers.keys() for request in home.requests] == [True, True]
    assert [names & request.headers.keys() for request in far.requests] == [set()]


def _atrip(url: str) -> Provider:
    from tokenauth.providers import Atrip

    return Atrip(client_id="id", client_secret="canary", user_name="u", role="Admin", order_no="", base_url=url)


class Serves(PlainProvider):
    """Its tokens are for another host than its own."""

    def may_serve(self, origin: Origin) -> bool:
        return origin.host == "localhost"


def test_what_is_not_for_the_token_endpoint_does_not_go_there_from_a_pickle(
    server: TokenServer, session: requests.Session
) -> None:
    auth = TokenAuth(Serves(server.url), header="X-Token", origins=[server.server.at("localhost")], cache={})
    server.answer = redirects({"/api": "/hop", "/hop": f"{server.url}/x"})
    session.send(pickled(prepare(session, auth, f"{server.server.at('localhost')}/api")))
    carried = {each.path: each.headers.get("x-token") for each in server.server.requests[1:]}
    assert carried == {"/api": "token-1", "/hop": "token-1", "/x": None}


def test_the_hook_in_a_pickle_holds_no_secret(server: TokenServer, session: requests.Session) -> None:
    prepared = prepare(session, server.auth(**CUSTOM, extra_headers={"X-Api-Key": "canary"}), server.api)
    state = pickle.dumps(prepared.hooks)
    assert b"X-Token" in state
    assert b"token-1" not in state
    assert b"canary" not in state
    assert server.user.encode() not in state


# the token call


class Stop(BaseException):
    """Such as a test's double raises to fail the test."""


class Stops(HTTPAdapter):
    def send(self, *_: Any, **__: Any) -> requests.Response:
        raise Stop


class SecretProvider(PlainProvider):
    def request(self, refresh_token: str | None = None) -> Any:
        request = super().request(refresh_token)
        request.headers["Authorization"] = "canary"  # type: ignore[index]
        return request


def test_no_frame_of_the_adapter_shows_the_secret_to_a_report_with_locals(session: requests.Session) -> None:
    session.mount("http://", Stops())
    auth = TokenAuth(SecretProvider("http://127.0.0.1:9"), token_client=session, cache={})
    with pytest.raises(Stop) as caught:
        auth.get_token()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename.endswith("_requests.py")]
    assert frames
    assert [frame.name for frame in frames if "canary" in str(frame.locals)] == []
