"""The providers in use: against the sandbox, oddities included, with every client."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.clients import CLIENTS, Awaiting, Client, Get, Post
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, with_clock, without_pauses
from tokenauth import (
    AtripAuth,
    ClientCredentialsAuth,
    CredentialsRejected,
    ManisAuth,
    PasswordGrantAuth,
    PlatformAuth,
    TokenAuth,
    TokenEndpointError,
    TokenResponseError,
)
from tokenauth.sandbox import ThreadSandbox, credentials, serve_in_thread

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
Make = Callable[..., TokenAuth]
A = TypeVar("A", bound=TokenAuth)


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadSandbox]:
    with serve_in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: ThreadSandbox) -> ThreadSandbox:
    running.reset()
    return running


def manis(sandbox: ThreadSandbox, **options: Any) -> ManisAuth:
    settings = {"merchant_id": credentials.MANIS_MERCHANT_ID, "secret": credentials.MANIS_SECRET, "cache": {}}
    return fresh(ManisAuth(sandbox.url, **(settings | options)))


def atrip(sandbox: ThreadSandbox, **options: Any) -> AtripAuth:
    settings = {
        "client_id": credentials.ATRIP_CLIENT_ID,
        "client_secret": credentials.ATRIP_CLIENT_SECRET,
        "user_name": "operator",
        "role": "Finance",
        "order_no": "",
        "base_url": sandbox.url,
        "cache": {},
    }
    return fresh(AtripAuth(**(settings | options)))


def platform(sandbox: ThreadSandbox, kind: type[PasswordGrantAuth] = PlatformAuth, **options: Any) -> TokenAuth:
    settings = {"username": credentials.PLATFORM_USERNAME, "password": credentials.PLATFORM_PASSWORD, "cache": {}}
    return fresh(kind(f"{sandbox.url}/Token", **(settings | options)))


def grant(sandbox: ThreadSandbox, **options: Any) -> TokenAuth:
    return platform(sandbox, PasswordGrantAuth, **options)


def oauth(sandbox: ThreadSandbox, **options: Any) -> ClientCredentialsAuth:
    settings = {
        "client_id": credentials.OAUTH_CLIENT_ID,
        "client_secret": credentials.OAUTH_CLIENT_SECRET,
        "cache": {},
    }
    return fresh(ClientCredentialsAuth(f"{sandbox.url}/oauth/token", **(settings | options)))


def fresh(auth: A) -> A:
    auth.invalidate()  # what an earlier test's refusal has left
    without_pauses(auth)
    return auth


KINDS: list[tuple[Make, str, str, str]] = [
    (manis, "manis", "/manis/api/x", "secret"),
    (atrip, "atrip", "/portal/api/x", "client_secret"),
    (platform, "platform", "/platform/api/x", "password"),
    (grant, "platform", "/platform/api/x", "password"),
    (oauth, "oauth", "/oauth/api/x", "client_secret"),
]
kinds = pytest.mark.parametrize(
    ("make", "name", "path", "secret"), KINDS, ids=lambda each: getattr(each, "__name__", "")
)


def api(sandbox: ThreadSandbox, path: str) -> str:
    return (sandbox.portal_url if path.startswith("/portal") else sandbox.url) + path


@every
@kinds
def test_first_cached_revoked(
    client: Client, sandbox: ThreadSandbox, make: Make, name: str, path: str, secret: str
) -> None:
    auth, url = make(sandbox), api(sandbox, path)
    first, second = client.play(auth, Post(url, data=b"body"), Get(url))
    assert (first.status, first.json()["length"], second.status) == (200, 4, 200)
    sandbox.knobs(name, revoke=True)
    answer = client.send(auth, Post(url, data=b"body"))
    assert (answer.status, answer.history, answer.json()["length"]) == (200, [401], 4)
    assert sandbox.state()[name]["logins"] == 2


@every
@kinds
def test_a_wrong_secret_is_tried_once(
    client: Client, sandbox: ThreadSandbox, make: Make, name: str, path: str, secret: str
) -> None:
    auth = make(sandbox, **{secret: "wrong-4711"})
    for _ in range(2):
        with pytest.raises(CredentialsRejected) as caught:
            client.get(auth, api(sandbox, path))
        assert isinstance(caught.value, client.error_root)
        assert "wrong-4711" not in str(caught.value)
    assert sandbox.state()[name]["token_calls"] == 1


@kinds
def test_it_is_renewed_before_it_expires(sandbox: ThreadSandbox, make: Make, name: str, path: str, secret: str) -> None:
    clock = ManualClock()
    auth, url = with_clock(make(sandbox), clock), api(sandbox, path)
    CLIENTS[0].get(auth, url)
    lifetime = auth.get_token().lifetime
    if name == "atrip":  # which says nothing of it
        assert lifetime is None
        return
    assert lifetime is not None
    clock.move(lifetime - 1)
    assert CLIENTS[0].send(auth, Get(url)).history == []
    assert sandbox.state()[name]["logins"] == 2


# Manis


@pytest.mark.parametrize("expires", ["s", "ms", "us", "iso", "digits", "digits_ms"])
def test_manis_says_when_in_any_unit(sandbox: ThreadSandbox, expires: str) -> None:
    sandbox.knobs("manis", expires=expires)
    assert manis(sandbox).get_token().lifetime == pytest.approx(3600, abs=2)


def test_manis_may_say_nonsense(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", expires="garbage")
    auth = manis(sandbox)
    assert auth.get_token().lifetime is None
    assert CLIENTS[0].get(auth, f"{sandbox.url}/manis/api/x") == 200


@every
@pytest.mark.parametrize(
    ("shape", "code", "extra"),
    [
        ("fields", "AUTH-401", {"soaCode", "type", "status", "title", "timestamp"}),
        ("problem", "AUTH-401", {"soaCode", "type", "status", "title", "timestamp"}),
        ("message", None, {"timestamp"}),
    ],
)
def test_manis_is_read_in_either_shape_of_error(
    client: Client, sandbox: ThreadSandbox, shape: str, code: str | None, extra: set[str]
) -> None:
    sandbox.knobs("manis", errors=shape)
    with pytest.raises(CredentialsRejected, match="merchant or secret is wrong") as caught:
        client.get_token(manis(sandbox, merchant_id="nobody"))
    error = caught.value
    assert (error.status, error.code, error.detail) == (401, code, "merchant or secret is wrong")
    assert error.extra.keys() == extra


# Platform


@every
def test_the_platform_ends_older_tokens_and_is_asked_as_seldom_as_can_be(
    client: Client, sandbox: ThreadSandbox
) -> None:
    clock = ManualClock()
    auth, url = with_clock(platform(sandbox), clock), f"{sandbox.url}/platform/api/x"
    client.get(auth, url)
    lifetime = client.get_token(auth).lifetime
    assert lifetime == 14 * 86400 - 1
    clock.move(lifetime - 31)  # to the leeway: no soft refresh
    assert client.get(auth, url) == 200
    assert sandbox.state()["platform"]["logins"] == 1
    other = platform(sandbox, username=credentials.PLATFORM_USERNAME)
    other._source.tokens.key = "another process"
    assert client.get(other, url) == 200
    answer = client.send(auth, Get(url))
    assert (answer.status, answer.history, sandbox.state()["platform"]["logins"]) == (200, [401], 3)
    token = client.get_token(auth)
    assert (token.type, token.extra["userName"], token.extra["role"]) == (
        "Bearer",
        credentials.PLATFORM_USERNAME,
        "Administrator",
    )


# ATRIP


@every
def test_atrip_api_and_portal_are_two_doors(client: Client, sandbox: ThreadSandbox) -> None:
    auth = atrip(sandbox)
    assert client.send(auth, Post(f"{sandbox.url}/search.do", json={})).status == 200
    assert sandbox.state()["atrip"]["token_calls"] == 0
    assert client.get(auth, f"{sandbox.portal_url}/portal") == 200
    assert sandbox.state()["atrip"]["token_calls"] == 1


@every
@pytest.mark.parametrize("link", ["query", "fragment"])
def test_the_portal_gets_the_token_the_way_the_link_has_it(client: Client, sandbox: ThreadSandbox, link: str) -> None:
    sandbox.knobs("atrip", link=link)
    auth, url = atrip(sandbox), f"{sandbox.portal_url}/portal/x?a=b"
    answer = client.send(auth, Get(url))
    assert answer.status == 200
    sent = answer.response.request
    assert ("token=" in str(sent.url)) == (link == "query")
    assert sent.headers.get("Authorization", "").startswith("Bearer ") == (link == "fragment")
    sandbox.knobs("atrip", revoke=True)
    again = client.send(auth, Get(url))
    assert (again.status, again.history) == (200, [401])
    query = parse_qsl(urlsplit(str(again.response.request.url)).query)
    assert [name for name, _ in query] == (["a", "token"] if link == "query" else ["a"])


@every
@pytest.mark.parametrize(
    ("option", "header", "target"),
    [
        ({"portal_header": "X-Portal"}, "x-portal", "/x"),
        ({"portal_param": "ticket"}, None, "/x?ticket=link-1"),
        ({"portal_header": "Authorization"}, "authorization", "/x"),
    ],
)
def test_the_users_way_overrules_the_links(client: Client, option: Any, header: str | None, target: str) -> None:
    with portal() as (auth, server):
        chosen = auth(**option)
        assert client.get(chosen, f"{server.at('localhost')}/x") == 200
        (request,) = [each for each in server.requests if each.path == "/x"]
        assert request.target == target
        if header:
            assert request.headers[header] in {"link-1", "Bearer link-1"}


class Portal:
    """A token endpoint on 127.0.0.1 whose links lead to localhost; see `once`."""

    def __init__(self, *, once: bool = False) -> None:
        self.once, self.links, self.used = once, 0, set[str]()
        self.server: Server

    def answer(self, request: Received) -> Reply:
        if request.path == "/getAtripToken.do":
            self.links += 1
            url = f"{self.server.at('localhost')}/portal?token=link-{self.links}"
            return Reply(200, {"url": url, "status": 0, "msg": None})
        text = request.target + str(request.headers)
        token = next((f"link-{number}" for number in range(self.links, 0, -1) if f"link-{number}" in text), "")
        if not token or (self.once and token in self.used):
            return Reply(401, {})
        self.used.add(token)
        return Reply(200, {})

    def auth(self, **options: Any) -> AtripAuth:
        settings: dict[str, Any] = {"client_id": "c", "client_secret": "s-4711", "user_name": "u", "role": "Admin"}
        return fresh(AtripAuth(order_no="", base_url=self.server.url, cache={}, **settings, **options))


class portal:  # noqa: N801  (a context manager)
    def __init__(self, *, once: bool = False) -> None:
        self.portal = Portal(once=once)
        self.serving = serve(self.portal.answer)

    def __enter__(self) -> tuple[Callable[..., AtripAuth], Server]:
        self.portal.server = self.serving.__enter__()
        return self.portal.auth, self.portal.server

    def __exit__(self, *problem: Any) -> None:
        self.serving.__exit__(*problem)


@every
def test_links_that_serve_once_are_replaced(client: Client) -> None:
    with portal(once=True) as (make, server):
        auth, url = make(), f"{server.at('localhost')}/x"
        answers = client.play(auth, Get(url), Get(url), Get(url))
        assert [(answer.status, answer.history) for answer in answers] == [(200, []), (200, [401]), (200, [401])]
        first, second = (_portal_link(client, auth) for _ in range(2))
        assert first.url != second.url
        assert (first.token, second.token) == ("link-4", "link-5")
        assert "link-" not in repr(first)
        answer = client.send(auth, Get(url))  # a link for a person is not what the requests use
        assert "link-5" not in str(answer.response.request.url)


@every
def test_links_for_wrong_credentials_are_refused_once_for_all(client: Client, sandbox: ThreadSandbox) -> None:
    auth = atrip(sandbox, client_secret="s-wrong")
    if isinstance(client, Awaiting):
        met = client.run(lambda: client.gather([auth.aportal_link] * 20))
    else:
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(auth.portal_link) for _ in range(20)]
            met = [each.exception() for each in asked]
    assert {type(problem) for problem in met} == {CredentialsRejected}
    assert sandbox.state()["atrip"]["token_calls"] == 1


def _portal_link(client: Client, auth: AtripAuth) -> Any:
    return client.run(auth.aportal_link) if client.is_async else auth.portal_link()  # type: ignore[attr-defined]


@every
@pytest.mark.parametrize(
    ("status", "kind", "calls"),
    [
        (2, TokenResponseError, 3),
        (-1, TokenResponseError, 3),
        (9999, TokenResponseError, 3),
        (3, CredentialsRejected, 1),
        (900, CredentialsRejected, 1),
        (902, CredentialsRejected, 1),
        (7, TokenResponseError, 1),
    ],
)
@pytest.mark.diagonal
def test_failures_with_http_200_are_told_apart(
    client: Client, sandbox: ThreadSandbox, status: int, kind: type[TokenEndpointError], calls: int, clock: ManualClock
) -> None:
    sandbox.knobs("atrip", failures={"count": 9, "status": status, "business": True})
    auth = with_clock(atrip(sandbox, user_name=f"operator {status}"), clock)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            client.get(auth, f"{sandbox.portal_url}/portal")
        assert (caught.value.status, caught.value.code) == (200, str(status))
    assert sandbox.state()["atrip"]["token_calls"] == calls


@every
def test_a_passing_system_error_is_not_noticed(client: Client, sandbox: ThreadSandbox) -> None:
    sandbox.knobs("atrip", failures={"count": 2, "status": 2, "business": True})
    assert client.get(atrip(sandbox), f"{sandbox.portal_url}/portal") == 200


@every
def test_more_origins_get_the_two_headers_and_foreign_ones_nothing(client: Client, sandbox: ThreadSandbox) -> None:
    def search(request: Received) -> Reply:
        return Reply(200, {})

    with serve(search) as ours, serve(search) as foreign:
        auth = atrip(sandbox, origins=[ours.url])
        client.play(auth, Post(f"{ours.url}/search.do", json={}), Get(f"{foreign.url}/"))
        assert ours.requests[0].headers["x-atlas-client-secret"] == credentials.ATRIP_CLIENT_SECRET
        assert not [name for name in foreign.requests[0].headers if name.startswith("x-atlas")]
        assert "token" not in foreign.requests[0].target


@every
def test_a_redirect_from_the_api_takes_the_headers_nowhere_else(client: Client, sandbox: ThreadSandbox) -> None:
    with serve(lambda request: Reply(200, {})) as foreign:

        def redirect(request: Received) -> Reply:
            return Reply(307, b"", {"Location": f"{foreign.url}/"})

        with serve(redirect) as ours:
            auth = atrip(sandbox, origins=[ours.url])
            client.send(auth, Post(f"{ours.url}/search.do", json={}))
        assert ours.requests[0].headers["x-atlas-client-id"] == credentials.ATRIP_CLIENT_ID
        assert not [name for name in foreign.requests[0].headers if name.startswith("x-atlas")]


def test_the_portals_origin_can_be_fixed(sandbox: ThreadSandbox) -> None:
    with serve(lambda request: Reply(200, {})) as foreign:
        auth = atrip(sandbox, portal_origin=sandbox.portal_url)
        assert CLIENTS[0].get(auth, f"{foreign.url}/") == 200
        assert sandbox.state()["atrip"]["token_calls"] == 0
        assert CLIENTS[0].get(auth, f"{sandbox.portal_url}/portal") == 200
