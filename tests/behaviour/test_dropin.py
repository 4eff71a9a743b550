"""I11: what is the user's stays as it is; and the object behaves as an auth object must."""

import collections.abc
import copy
import pickle
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import pytest
import requests

from tests.clients import CLIENTS, FAMILY, Client, Get, Post
from tests.servers import Received, Reply
from tests.support import PlainProvider, TokenServer, token_server
from tokenauth import ClientCredentialsAuth, ManisAuth, Token, TokenAuth
from tokenauth import httpx as only_httpx
from tokenauth import requests as only_requests
from tokenauth._core.origins import Origin

SECRET = "s3cr3t-of-the-user"
HTTPX = FAMILY


def revoked(client: Client, server: TokenServer) -> TokenAuth:
    """Return an auth object whose token the API takes no more."""
    auth = server.auth()
    client.get_token(auth)
    server.revoke()
    return auth


# what the user sees


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_history_shows_the_401_and_nothing_of_ours(client: Client, server: TokenServer) -> None:
    cold = client.send(server.auth("another"), Get(server.api))
    assert cold.history == []
    answer = client.send(revoked(client, server), Get(server.api))
    assert answer.history == [401]
    assert str(answer.response.url) == server.api
    kept = answer.response.history
    assert [(str(each.url), each.history) for each in kept] == ([(server.api, [])] if client.keeps_refusals else [])


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_hooks_of_the_users_see_the_api_alone(client: Client, server: TokenServer) -> None:
    seen: list[tuple[str, Any]] = []

    def on_request(request: Any) -> None:
        seen.append(("request", str(request.url)))

    def on_response(response: Any) -> None:
        seen.append((str(response.status_code), str(response.url)))

    def add_hooks(session: Any) -> None:
        client.add_hooks(session, bool if client.of_requests else on_request, on_response)

    auth = revoked(client, server)
    auth.invalidate()
    server.answer = lambda request: (
        Reply(401) if request.headers.get("authorization") == "Bearer token-2" and request.path == "/api" else None
    )
    assert client.send(auth, Get(server.api), setup=add_hooks).status == 200
    assert server.logins == 3
    if client.of_requests:
        assert seen == [("200", server.api)]
    else:
        assert [what for what, _ in seen] == ["request", "401", "request", "200"]
        assert {url for _, url in seen} == {server.api}


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_session_is_as_it_was(client: Client, server: TokenServer) -> None:
    sessions: list[Any] = []

    def look(session: Any) -> None:
        session.headers["X-Mine"] = "1"
        client.set_cookie(session, "mine", "1")
        sessions.append((session, dict(session.headers), client.cookies(session), session.trust_env))

    assert client.send(revoked(client, server), Get(server.api), setup=look).status == 200
    session, headers, cookies, trust_env = sessions[0]
    assert dict(session.headers) == headers
    assert client.cookies(session) == cookies
    assert session.trust_env == trust_env
    assert not client.hooks(session)
    for request in server.server.to("/api"):
        assert (request.headers["x-mine"], request.headers["cookie"]) == ("1", "mine=1")
    for request in server.token_calls:
        assert not {"x-mine", "cookie"} & request.headers.keys()


@pytest.mark.parametrize("client", HTTPX, ids=repr)
def test_a_trace_of_the_users_goes_on(client: Client, server: TokenServer) -> None:
    """With `origins` and a header of our own we trace, too."""
    names: list[str] = []

    def sync_trace(name: str, info: Any) -> None:
        names.append(name)

    async def async_trace(name: str, info: Any) -> None:
        names.append(name)

    trace = async_trace if client.is_async else sync_trace
    for options in ({}, {"origins": ["https://more.example"]}, {"header": "X-Token"}):
        names.clear()
        auth = server.auth(str(options), **options)
        server.answer = lambda request: None if request.path == "/token" else Reply(401)
        assert client.send(auth, Get(server.api, extensions={"trace": trace})).status == 401
        started = [name for name in names if name.endswith("send_request_headers.started")]
        assert len(started) == 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_after_a_renewal_a_redirect_in_the_origin_carries_the_new_token(client: Client, server: TokenServer) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path == "/from" and request.headers["authorization"] == "Bearer token-2":
            return Reply(302, headers={"Location": "/api"})
        return None

    auth = revoked(client, server)
    server.answer = answer
    assert client.get(auth, f"{server.url}/from") == 200
    sent = [(request.path, request.headers.get("authorization")) for request in server.server.requests[1:]]
    assert sent == [
        ("/from", "Bearer token-1"),
        ("/token", None),
        ("/from", "Bearer token-2"),
        ("/api", "Bearer token-2"),
    ]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_redirects_are_the_users_affair(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: Reply(302, headers={"Location": "/api"}) if request.path == "/from" else None
    answer = client.send(server.auth(), Get(f"{server.url}/from"), follow_redirects=False)
    assert (answer.status, answer.history) == (302, [])


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cookie_that_a_401_sets_is_kept(client: Client, server: TokenServer) -> None:
    def answer(request: Received) -> Reply | None:
        if request.headers.get("authorization") == "Bearer token-1" and request.path == "/api":
            return Reply(401, headers={"Set-Cookie": "from401=1; Path=/"})
        return None

    auth = revoked(client, server)
    server.answer = answer
    first, second = client.play(auth, Get(server.api), Get(server.api))
    assert (first.status, first.history, second.status) == (200, [401], 200)
    assert server.server.to("/api")[-1].headers["cookie"] == "from401=1"
    if client.of_requests:
        assert server.server.to("/api")[1].headers["cookie"] == "from401=1"


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cookie_header_of_the_users_own_is_sent_again_as_it_is(client: Client, server: TokenServer) -> None:
    auth = revoked(client, server)
    assert client.send(auth, Get(server.api, headers={"Cookie": "a=b; c"})).status == 200
    assert [request.headers["cookie"] for request in server.server.to("/api")] == ["a=b; c"] * 2


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_headers_and_query_of_a_request_are_sent_again_as_they_were(client: Client, server: TokenServer) -> None:
    url = f"{server.api}/%2F;x?q=a%20b&q=&q=c+d"
    auth = revoked(client, server)
    assert client.send(auth, Post(url, headers={"X-A": "1", "Accept": "x/y"}, data=b"z")).status == 200
    first, second = server.server.requests[-3], server.server.requests[-1]
    assert first.target == second.target == url.removeprefix(server.url)
    assert {**first.headers, "authorization": ""} == {**second.headers, "authorization": ""}


def test_a_prepared_request_of_requests_may_be_sent_again(server: TokenServer) -> None:
    auth = server.auth()
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("POST", server.api, data=b"body", auth=auth))
        for _ in range(3):
            response = session.send(prepared)
            assert response.status_code == 200
            assert response.request is prepared
            server.revoke()
    assert server.logins == 3
    assert {request.body for request in server.server.to("/api")} == {b"body"}
    assert server.statuses == [200, 401, 200, 401, 200]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_built_request_of_httpx_may_be_sent_again(server: TokenServer, library: Any) -> None:
    with library.Client(auth=server.auth()) as client:
        request = client.build_request("POST", server.api, content=b"body")
        for _ in range(3):
            assert client.send(request).status_code == 200
            server.revoke()
    assert server.logins == 3
    assert server.statuses == [200, 401, 200, 401, 200]


@pytest.mark.parametrize("client", [CLIENTS[0], *FAMILY], ids=repr)  # aiohttp doesn't measure it
def test_elapsed_is_measured_after_a_retry_too(client: Client, server: TokenServer) -> None:
    answer = client.send(revoked(client, server), Get(server.api))
    assert answer.response.elapsed.total_seconds() > 0


def test_an_auth_given_with_each_request_works_as_well(server: TokenServer) -> None:
    auth = server.auth()
    assert requests.get(server.api, auth=auth, timeout=20).status_code == 200
    assert httpx.get(server.api, auth=auth).status_code == 200
    assert httpx2.get(server.api, auth=auth).status_code == 200
    assert server.logins == 1


# the object


def manis(**options: Any) -> ManisAuth:
    return ManisAuth("https://api.example", merchant_id="m-1", secret=SECRET, **options)


def test_it_is_an_auth_object_of_every_client() -> None:
    auth = manis()
    for kind in (requests.auth.AuthBase, httpx.Auth, httpx2.Auth, TokenAuth):
        assert isinstance(auth, kind)
    assert isinstance(only_requests.TokenAuth(auth._provider), requests.auth.AuthBase)
    assert not isinstance(only_requests.TokenAuth(auth._provider), httpx.Auth)
    assert isinstance(only_httpx.TokenAuth(auth._provider), httpx.Auth)
    assert not isinstance(only_httpx.TokenAuth(auth._provider), requests.auth.AuthBase)


def test_it_is_never_falsy_and_no_mapping() -> None:
    """requests skips a falsy auth, and merges a mapping."""
    auth = manis()
    assert auth
    assert not hasattr(auth, "__len__")
    assert not isinstance(auth, collections.abc.Mapping | collections.abc.Iterable)


def test_equal_credentials_make_equal_objects() -> None:
    assert manis() == manis()
    assert hash(manis()) == hash(manis())
    assert manis() != manis(leeway=1)
    assert manis() != ManisAuth("https://api.example", merchant_id="m-1", secret="another")
    assert manis() != ManisAuth("https://api.example", merchant_id="m-2", secret=SECRET)
    assert manis() != object()
    assert len({manis(), manis()}) == 1


class _Tenant(ManisAuth):
    def __init__(self, tenant: str) -> None:
        super().__init__("https://api.example", merchant_id="m-1", secret=SECRET)
        self.tenant = tenant

    def __getstate__(self) -> dict[str, Any]:
        return {}


def test_what_a_subclass_adds_counts() -> None:
    """As where it sends a header: `functools.lru_cache` would return what it has of another tenant."""
    assert _Tenant("t-1") == _Tenant("t-1")
    assert hash(_Tenant("t-1")) == hash(_Tenant("t-1"))
    assert _Tenant("t-1") != _Tenant("t-2")


def test_the_repr_says_who_and_where_and_no_secret() -> None:
    oauth = ClientCredentialsAuth("https://id.example/t", client_id="c-1", client_secret=SECRET)
    assert repr(manis()).startswith("<ManisAuth for Manis merchant m-1 at https://api.example/api/v1/auth/token #")
    assert "c-1" in repr(oauth)
    for auth in (manis(), oauth):
        assert SECRET not in f"{auth!r}{auth}{auth._provider!r}{auth._source!r}{vars(auth)}{vars(auth._provider)}"


def test_no_two_objects_have_the_same_text() -> None:
    """aiocache, dogpile.cache and fsspec take the text of an argument for the argument: one tenant would get what is
    another one's. So the text of an object that is gone doesn't come back either, as an address does."""
    auth = manis()
    text = repr(auth)
    assert text == str(auth) == repr(auth)
    others = [pickle.loads(pickle.dumps(auth)), copy.copy(auth), copy.deepcopy(auth), auth.replace(leeway=1)]
    texts = {repr(each) for each in (auth, *others)} | {repr(manis()) for _ in range(100)}
    assert len(texts) == 105


@pytest.mark.parametrize("again", [lambda auth: pickle.loads(pickle.dumps(auth)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_copy_works_and_is_equal(client: Client, again: Any) -> None:
    with token_server() as server:
        server.answer = lambda request: (
            Reply(200, {"token": "token-x"}) if "token" in request.path else Reply(200, b"", {})
        )
        auth = ManisAuth(server.url, merchant_id=server.user, secret=SECRET, leeway=7)
        client.get(auth, server.api)
        other = again(auth)
        assert type(other) is ManisAuth
        assert other is not auth
        assert other == auth
        assert hash(other) == hash(auth)
        assert client.get(other, server.api) == 200
        assert len(server.server.requests) == 3


def test_a_session_that_carries_it_can_be_pickled(server: TokenServer) -> None:
    with requests.Session() as session:
        session.auth = server.auth()
        assert session.get(server.api).status_code == 200
        with pickle.loads(pickle.dumps(session)) as again:
            assert again.get(server.api).status_code == 200


COPIES = [(client, "pickle") for client in (CLIENTS[0], *FAMILY)]  # aiohttp's can't be
COPIES += [(client, "deepcopy") for client in HTTPX]  # requests can't, for its raw stream


@pytest.mark.parametrize(("client", "how"), COPIES, ids=repr)
def test_a_response_can_be_copied_and_holds_no_secret(client: Client, how: str) -> None:
    with token_server() as server:
        server.answer = lambda request: Reply(200, {"token": "token-x"}) if "token" in request.path else Reply(401)
        auth = ManisAuth(server.url, merchant_id=server.user, secret=SECRET, cache={})
        response = client.send(auth, Get(server.api)).response
        state = pickle.dumps(response)
        assert SECRET.encode() not in state
        again = pickle.loads(state) if how == "pickle" else copy.deepcopy(response)
        assert (again.status_code, again.content) == (response.status_code, response.content)
        assert again.request.headers["Authorization"] == "Bearer token-x"


def test_a_deep_copy_of_a_prepared_request_is_renewed_as_well(server: TokenServer) -> None:
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", server.api, auth=server.auth()))
        server.revoke()
        assert session.send(copy.deepcopy(prepared)).status_code == 200
    assert server.statuses == [401, 200]


def test_a_prepared_request_that_went_through_a_pickle_is_sent_with_its_token(server: TokenServer) -> None:
    """It has left the credentials behind, so a 401 is the caller's."""
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", server.api, auth=server.auth()))
        again = pickle.loads(pickle.dumps(prepared))
        assert session.send(again).status_code == 200
        server.revoke()
        assert session.send(again).status_code == 401


def test_a_request_that_was_put_together_by_hand_is_renewed_as_well(server: TokenServer) -> None:
    """It has no cookies, not even an empty jar, so it takes none of the 401's either."""
    auth = revoked(CLIENTS[0], server)
    server.answer = lambda request: _with_cookie(server.use(request)) if request.path == "/api" else None
    request = requests.PreparedRequest()
    request.prepare_method("GET")
    request.prepare_url(server.api, None)
    request.prepare_headers(None)
    request.prepare_body(None, None)
    request.prepare_hooks(None)
    request.prepare_auth(auth, server.api)
    with requests.Session() as session:
        assert session.send(request).status_code == 200
    assert server.statuses == [401, 200]
    assert [each.headers.get("cookie") for each in server.server.to("/api")] == [None, None]


def _with_cookie(reply: Reply) -> Reply:
    reply.headers["Set-Cookie"] = "a=1"
    return reply


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://", "/x", "http://[::1", "mailto:someone@h.example"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_url_that_leads_nowhere_is_the_error_that_it_is_without_us(
    client: Client, url: str, server: TokenServer
) -> None:
    def met(auth: Any) -> tuple[type[Exception], str]:
        with pytest.raises(Exception) as caught:  # noqa: PT011  (whichever it is)
            client.get(auth, url)
        return type(caught.value), str(caught.value)

    assert met(server.auth()) == met(None)
    assert server.logins == 0


class Moves(PlainProvider):
    """Each token is for an origin that the answer names."""

    def read(self, reply: Any) -> Token:
        return replace(super().read(reply), origin=reply.json()["origin"])

    def may_serve(self, origin: Origin) -> bool:
        return True


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_renewed_token_that_is_for_another_origin_does_not_go_to_the_old_one(
    client: Client, server: TokenServer
) -> None:
    origins = iter([server.url, "https://moved.example"])

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        content: Any = server.login().body
        return Reply(200, content | {"origin": next(origins)})

    server.answer = answer
    auth = server.auth(provider=Moves(server.url, server.user))
    client.get_token(auth)
    server.revoke()
    answered = client.send(auth, Get(server.api))
    assert (answered.status, answered.content) == (401, b'{"error": "token"}')
    assert len(server.server.to("/api")) == 1
    assert server.logins == 2


class Tenant(ManisAuth):
    """A subclass as users write them, with attributes of its own."""

    __slots__ = ("region",)

    def __init__(self, tenant: str) -> None:
        super().__init__("https://api.example", merchant_id=tenant, secret="s", origins=map(str, ["https://b.example"]))
        self.tenant = tenant
        self.seen = [tenant]
        self.region = "eu"


TWINS: list[Any] = [copy.copy, copy.deepcopy, lambda auth: pickle.loads(pickle.dumps(auth))]


@pytest.mark.parametrize("twin_of", TWINS, ids=["copy", "deepcopy", "pickle"])
def test_a_twin_has_the_attributes_of_a_subclass_and_all_origins(twin_of: Any) -> None:
    auth = Tenant("t-1")
    twin = twin_of(auth)
    assert (twin.tenant, twin.seen, twin.region) == ("t-1", ["t-1"], "eu")
    assert (twin.seen is auth.seen) is (twin_of is copy.copy)
    assert twin == auth
    assert twin._source is not auth._source
    assert Origin.parse("https://b.example") in twin._source.admission.more_origins
