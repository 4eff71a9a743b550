"""requests, where something stands between the session and the wire and sends requests of its own.

Such as adapters that log, count, sign or cache. What a test's adapter sends is made from the signed request in a way
that programs make it.
"""

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.hooks import dispatch_hook
from urllib3 import Retry

from tests.security.world import CookieProvider, QueryProvider
from tests.servers import Received, Reply, Server, serve
from tests.support import TokenServer
from tokenauth import Provider, TokenAuth
from tokenauth.providers import Atrip

Change = Callable[[Any], Any]


def rebuilt(request: Any) -> requests.PreparedRequest:
    new = requests.PreparedRequest()
    new.prepare(method=request.method, url=request.url, headers=dict(request.headers), data=request.body)
    return new


def with_copied_headers(request: Any) -> Any:
    request.headers = copy.deepcopy(request.headers)
    return request


def pickled(request: Any) -> Any:
    return pickle.loads(pickle.dumps(request))


CHANGES: list[Change] = [
    lambda request: request,
    lambda request: request.copy(),
    copy.copy,
    copy.deepcopy,
    rebuilt,
    with_copied_headers,
    pickled,
]
every_change = pytest.mark.parametrize(
    "change", CHANGES, ids=["as it is", "copy()", "copy.copy", "deepcopy", "rebuilt", "headers", "pickled"]
)


class Changing(HTTPAdapter):
    """Sends what *change* makes of a request."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._change = change

    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        return super().send(self._change(request), *args, **settings)


@pytest.fixture
def other() -> Iterator[Server]:
    """Answers 404 to everything: a redirect that arrives unsigned is not told so."""
    with serve(lambda request: Reply(404)) as server:
        yield server


def atrip(server: TokenServer) -> Provider:
    return Atrip(
        client_id="canary-id", client_secret="canary", user_name="u", role="Admin", order_no="", base_url=server.url
    )


AUTHS: dict[str, Callable[..., TokenAuth]] = {
    "Authorization": lambda server, **options: server.auth(**options),
    "header": lambda server, **options: server.auth(header="X-Token", **options),
    "extra": lambda server, **options: server.auth(extra_headers={"X-Api-Key": "canary"}, **options),
    "param": lambda server, **options: server.auth(provider=QueryProvider(server.url, server.user), **options),
    "cookie": lambda server, **options: server.auth(provider=CookieProvider(server.url, server.user), **options),
}
every_auth = pytest.mark.parametrize("make", AUTHS.values(), ids=AUTHS)


def redirecting(server: TokenServer, places: dict[str, str]) -> None:
    server.answer = lambda request: (
        Reply(302, headers={"Location": places[request.path]}) if request.path in places else None
    )


def shown(request: Received) -> str:
    return f"{request.target} {request.headers}"


# where secrets go


@every_change
@every_auth
def test_nothing_of_ours_goes_abroad(
    make: Any, change: Change, server: TokenServer, other: Server, session: requests.Session
) -> None:
    session.mount("http://", Changing(change))
    session.auth = make(server)
    redirecting(server, {"/api": "/hop", "/hop": f"{other.url}/x"})
    assert session.get(server.api).status_code == 404
    (arrived,) = other.requests
    assert "token-" not in shown(arrived)
    assert "canary" not in shown(arrived)
    assert server.logins == 1


@every_change
def test_a_client_secret_does_not_go_abroad(
    change: Change, server: TokenServer, other: Server, session: requests.Session
) -> None:
    session.mount("http://", Changing(change))
    session.auth = TokenAuth(atrip(server), cache={})
    redirecting(server, {"/api": f"{other.url}/x"})
    assert session.get(server.api).status_code == 404
    assert server.server.to("/api")[0].headers["x-atlas-client-secret"] == "canary"
    assert "canary" not in shown(other.requests[0])


@every_change
@every_auth
def test_who_comes_home_from_abroad_gets_nothing(
    make: Any, change: Change, server: TokenServer, session: requests.Session
) -> None:
    session.mount("http://", Changing(change))
    session.auth = make(server)
    with serve(lambda request: Reply(302, headers={"Location": f"{server.url}/back"})) as far:
        redirecting(server, {"/api": far.url})
        assert session.get(server.api).status_code == 401
    assert ["token-" in shown(request) for request in server.server.to("/back")] == [False]
    assert server.logins == 1


class Proxy:
    """Stands for a request, as a tracer's does."""

    def __init__(self, request: Any) -> None:
        self.__dict__["wrapped"] = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["wrapped"], name)


class Proxies(HTTPAdapter):
    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        response = super().send(request, *args, **settings)
        response.request = Proxy(request)  # type: ignore[assignment]
        return response


@every_auth
def test_a_chain_that_was_abroad_stays_unsigned_where_responses_name_a_proxy(
    make: Any, server: TokenServer, session: requests.Session
) -> None:
    session.mount("http://", Proxies())
    session.auth = make(server)
    with serve(lambda request: Reply(302, headers={"Location": f"{server.url}/back"})) as far:
        redirecting(server, {"/api": far.url})
        assert session.get(server.api).status_code == 401
        assert "token-" not in shown(far.requests[0])
    assert ["token-" in shown(request) for request in server.server.to("/back")] == [False]


def test_a_revoked_token_is_renewed_where_responses_name_a_proxy(
    server: TokenServer, session: requests.Session
) -> None:
    session.mount("http://", Proxies())
    session.auth = server.auth()
    session.get(server.api)
    server.revoke()
    assert session.get(server.api).status_code == 200
    assert server.logins == 2


# redirects at home


def test_a_revoked_token_is_renewed_where_responses_name_no_adapter(
    server: TokenServer, session: requests.Session
) -> None:
    """As those of an adapter that asks a WSGI application: requests itself sets it in one of its own adapters only."""

    class Nameless(HTTPAdapter):
        def build_response(self, request: Any, low: Any) -> Any:
            response = super().build_response(request, low)
            del response.connection
            return response

    session.mount("http://", Nameless())
    session.auth = server.auth()
    assert session.get(server.api).status_code == 200
    server.revoke()
    assert session.get(server.api).status_code == 200
    assert (server.logins, server.statuses) == (2, [200, 401, 200])


@every_change
@every_auth
def test_a_redirect_inside_our_origins_arrives_signed(
    make: Any, change: Change, server: TokenServer, other: Server, session: requests.Session
) -> None:
    """The target says 404 to everybody, so nobody asks for the signature."""
    session.mount("http://", Changing(change))
    session.auth = make(server, origins=[other.url])
    redirecting(server, {"/api": "/hop", "/hop": f"{other.url}/x"})
    assert session.get(server.api).status_code == 404
    (arrived,) = other.requests
    assert "token-1" in shown(arrived)
    assert server.logins == 1


def test_what_netrc_has_does_not_take_the_place_of_our_header(
    server: TokenServer, other: Server, session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session.trust_env = True
    session.auth = server.auth(origins=[other.url])
    redirecting(server, {"/api": f"{other.url}/x"})
    assert session.get(server.api).status_code == 404
    assert [request.headers["authorization"] for request in other.requests] == ["Bearer token-1"]


# what the user does himself


def prepared(session: requests.Session, server: TokenServer, **options: Any) -> requests.PreparedRequest:
    return session.prepare_request(requests.Request("GET", server.api, auth=server.auth(**options)))


def test_an_auth_that_the_user_puts_on_later_wins(server: TokenServer, session: requests.Session) -> None:
    request = prepared(session, server)
    request.prepare_auth(("me", "pw"))
    redirecting(server, {"/api": "/hop"})
    assert session.send(request).status_code == 401
    assert [each.headers["authorization"].split()[0] for each in server.server.requests[1:]] == ["Basic", "Basic"]
    assert server.logins == 1


def test_the_user_may_delete_our_header_from_a_redirect_at_home(
    server: TokenServer, other: Server, session: requests.Session
) -> None:
    def strip(request: Any) -> Any:
        if request.url.endswith("/hop"):
            request.headers.pop("Authorization", None)
        return request

    session.mount("http://", Changing(strip))
    session.auth = server.auth(origins=[other.url])
    server.answer = lambda request: (
        Reply(302, headers={"Location": "/hop"})
        if request.path == "/api"
        else Reply(200)
        if request.path == "/hop"
        else None
    )
    assert session.get(server.api).status_code == 200
    assert ["authorization" in request.headers for request in server.server.to("/hop")] == [False]


def test_a_copy_with_another_url_is_signed_for_there(
    server: TokenServer, other: Server, session: requests.Session
) -> None:
    for origins, signed in (([other.url], True), ([], False)):
        request = copy.deepcopy(prepared(session, server, header="X-Token", origins=origins))
        request.url = f"{other.url}/x"
        assert session.send(request).status_code == 404
        assert ("x-token" in other.requests[-1].headers) is signed


def test_a_copy_that_leaves_home_keeps_the_cookies_that_are_not_ours(
    server: TokenServer, other: Server, session: requests.Session
) -> None:
    auth = server.auth(provider=CookieProvider(server.url, server.user))
    request = session.prepare_request(requests.Request("GET", server.api, headers={"Cookie": "mine=1"}, auth=auth))
    assert "token-1" in str(request.headers["Cookie"])
    request.url = f"{other.url}/x"
    assert session.send(request).status_code == 404
    assert other.requests[0].headers["cookie"] == "mine=1"


def test_a_copy_with_another_url_can_be_pickled(server: TokenServer, other: Server, session: requests.Session) -> None:
    request = prepared(session, server, origins=[other.url])
    request.url = f"{other.url}/x"
    assert session.send(pickled(request)).status_code == 404
    assert other.requests[0].headers["authorization"] == "Bearer token-1"


def test_an_auth_that_is_put_on_what_was_pickled_wins(server: TokenServer, session: requests.Session) -> None:
    request = pickled(prepared(session, server))
    request.prepare_auth(("me", "pw"))
    assert session.send(request).status_code == 401
    assert server.server.requests[1].headers["authorization"].startswith("Basic ")


def test_what_an_adapter_s_retries_remember_holds_no_secret(server: TokenServer, session: requests.Session) -> None:
    """They remember the method, which we make one that listens."""
    session.mount("http://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[401, 503], allowed_methods=None)))
    session.auth = server.auth()
    answers = iter([Reply(503)])
    server.answer = lambda request: None if request.path == "/token" else next(answers, None)
    (met,) = session.get(server.api).raw.retries.history
    assert met.method == "GET"
    assert pickle.loads(pickle.dumps(met)) == met
    assert b"token-1" not in pickle.dumps(met)


@pytest.mark.parametrize("hooks", [{}, {"response": []}], ids=["no list", "empty"])
def test_hooks_may_be_missing(hooks: Any, server: TokenServer, session: requests.Session) -> None:
    request = requests.PreparedRequest()
    request.prepare("GET", server.api)
    request.hooks = hooks
    server.auth()(request)
    server.revoke()
    assert session.send(request).status_code == 200


# how often


def test_an_auth_that_is_applied_again_renews_once(server: TokenServer, session: requests.Session) -> None:
    """As programs do that apply it before each try."""
    auth = server.auth()
    request = session.prepare_request(requests.Request("GET", server.api, auth=auth))
    for _ in range(4):
        auth(request)
    assert len(request.hooks["response"]) == 1
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    assert session.send(request).status_code == 401
    assert (server.logins, len(server.server.to("/api"))) == (2, 2)


class DispatchesTwice(requests.Session):
    """As a cache does."""

    def send(self, request: Any, **settings: Any) -> Any:
        return dispatch_hook("response", request.hooks, super().send(request, **settings))


def test_an_answer_that_is_handed_to_the_hook_again_renews_once(server: TokenServer) -> None:
    with DispatchesTwice() as session:
        session.trust_env = False
        session.auth = server.auth()
        server.answer = lambda request: None if request.path == "/token" else Reply(401)
        assert session.get(server.api).status_code == 401
    assert (server.logins, len(server.server.to("/api"))) == (2, 2)


class Bare(DispatchesTwice):
    """The request that its answers name is of its own kind."""

    def send(self, request: Any, **settings: Any) -> Any:
        response = requests.Session.send(self, request, **settings)
        response.request = object()  # type: ignore[assignment]
        return dispatch_hook("response", request.hooks, response)


def test_an_answer_whose_request_has_no_hooks_is_left_alone(server: TokenServer) -> None:
    with Bare() as session:
        session.trust_env = False
        session.auth = server.auth()
        server.answer = lambda request: None if request.path == "/token" else Reply(403)
        assert session.get(server.api).status_code == 403


class Made(BaseAdapter):
    """Makes answers by hand, and not of urllib3's parts: a test's double, a cache."""

    def __init__(self, *answers: tuple[int, dict[str, str]], url: str | None = None) -> None:
        super().__init__()
        self._answers, self._url = list(answers), url

    def send(self, request: Any, *_: Any, **__: Any) -> Any:
        response: Any = requests.Response()
        response.status_code, headers = self._answers.pop(0)
        response.headers.update(headers)
        response.raw, response.url = io.BytesIO(b"made up"), self._url or request.url
        response.request, response.connection = request, self
        return response

    def close(self) -> None:
        """There is nothing."""


def test_a_refusal_that_is_made_by_hand_is_read_and_renewed(server: TokenServer, session: requests.Session) -> None:
    session.mount(server.url, Made((401, {}), (200, {})))
    session.auth = server.auth()
    response = session.get(server.api)
    assert (response.status_code, response.history[0].content) == (200, b"made up")
    assert server.logins == 2


@pytest.mark.parametrize("back", [False, True], ids=["the end", "redirected home"])
def test_an_answer_that_comes_from_abroad_says_nothing_of_the_token(
    back: bool, server: TokenServer, session: requests.Session
) -> None:
    """As a cache has kept it, which followed redirects by itself."""
    answer = (302, {"Location": f"{server.url}/back"}) if back else (401, {})
    session.mount(f"{server.url}/kept", Made(answer, url="https://abroad.example/x"))
    session.auth = server.auth()
    server.answer = lambda request: Reply(401) if request.path == "/back" else None
    assert session.get(f"{server.url}/kept").status_code == 401
    assert len(server.server.to("/back")) == back
    assert session.get(server.api).status_code == 200
    assert server.logins == 1


# bodies


class Reader:
    """A file that requests takes for no stream, for it can't be iterated."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.read, self.tell, self.seek = self._file.read, self._file.tell, self._file.seek


@every_change
def test_a_body_that_can_only_be_read_is_sent_again_whole(
    change: Change, server: TokenServer, session: requests.Session
) -> None:
    if change in (copy.deepcopy, rebuilt, pickled):
        change = copy.copy  # these can't hand on a file
    session.mount("http://", Changing(change))
    session.auth = server.auth()
    session.get(server.api)
    server.revoke()
    body: Any = Reader(b"0123456789")
    body.read(4)
    response = session.post(server.api, data=body, headers={"Content-Length": "6"})
    assert response.status_code == 200
    assert [request.body for request in server.server.to("/api")][1:] == [b"456789"] * 2
