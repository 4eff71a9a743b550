"""I3 and I5 where hooks raise, copy and pickle: the refusal is learnt, and what is copied stays sealed."""

import contextlib
import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest

from tests.clients import CLIENTS, Client
from tests.security.test_origins_untraced import FAR, HOME, Net, family, redirecting
from tests.security.world import PRESENTATIONS
from tests.support import token_server
from tokenauth import TokenAuth

HTTPX = [client for client in CLIENTS if client.library in (httpx, httpx2)]
CUSTOM = next(each for each in PRESENTATIONS if each.name == "custom")


class OwnError(Exception):
    """What a user's hook raises in place of HTTPStatusError."""


def _raise_for_status(response: Any) -> None:
    response.raise_for_status()


def _raise_own(response: Any) -> None:
    if response.is_error:
        raise OwnError


@pytest.mark.parametrize("client", HTTPX, ids=repr)
@pytest.mark.parametrize("hook", [_raise_for_status, _raise_own])
def test_a_refusal_that_a_hook_raises_on_is_learnt(client: Client, hook: Callable[[Any], None]) -> None:
    with token_server() as server:
        auth = server.auth()

        def setup(session: Any) -> None:
            session.event_hooks = {"response": [client.hook(hook)]}

        assert client.get(auth, server.api, setup=setup) == 200
        server.revoke()
        with pytest.raises((client.library.HTTPStatusError, OwnError)):
            client.get(auth, server.api, setup=setup)
        assert client.get(auth, server.api, setup=setup) == 200
        assert server.logins == 2


class KeepsTheAnswer:
    """A wrapper that never sends the response back into the flow, so it says what it saw, as the docs ask for."""

    def __init__(self, auth: TokenAuth) -> None:
        self.auth = auth

    def auth_flow(self, request: Any) -> Any:
        response = yield next(self.auth.auth_flow(request))
        if response.status_code == 401:
            self.auth.refused(str(request.url), request.headers)


@pytest.mark.parametrize("client", HTTPX, ids=repr)
def test_a_wrapper_that_keeps_the_answer_can_tell_of_it(client: Client) -> None:
    with token_server() as server:
        auth = server.auth()
        wrapper = type("Wrapper", (KeepsTheAnswer, client.library.Auth), {})(auth)
        assert client.get(wrapper, server.api) == 200
        server.revoke()
        assert [client.get(wrapper, server.api) for _ in range(3)] == [401, 200, 200]
        assert server.logins == 2


class Tagging(TokenAuth):
    """A subclass at httpx's public extension point."""

    def auth_flow(self, request: Any) -> Any:
        request.headers["X-Tag"] = "1"
        yield from super().auth_flow(request)


class Reading(Tagging):
    """One that wants each body read before it sees the request or the response."""

    requires_request_body = requires_response_body = True

    def auth_flow(self, request: Any) -> Any:
        assert request.content == b""
        flow = super().auth_flow(request)
        with contextlib.closing(flow), contextlib.suppress(StopIteration):
            request = next(flow)
            while True:
                response = yield request
                assert isinstance(response.content, bytes)
                request = flow.send(response)


@pytest.mark.parametrize("kind", [Tagging, Reading])
@pytest.mark.parametrize("client", HTTPX, ids=repr)
def test_a_subclass_that_overrides_auth_flow_is_authenticated(client: Client, kind: type[Tagging]) -> None:
    def setup(session: Any) -> None:
        session.event_hooks = {"response": [client.hook(lambda response: response.raise_for_status())]}

    with token_server() as server:
        auth = kind(server.auth()._provider, cache={})
        assert client.get(auth, server.api) == 200
        server.revoke()
        assert client.get(auth, server.api) == 200
        assert server.logins == 2
        assert all(request.headers["x-tag"] == "1" for request in server.server.to("/api"))
        server.revoke()
        with pytest.raises(client.library.HTTPStatusError):
            client.get(auth, server.api, setup=setup)
        assert client.get(auth, server.api, setup=setup) == 200
        assert server.logins == 3


COPIES: dict[str, Callable[[Any, Any], Any]] = {
    "deepcopy": lambda library, headers: copy.deepcopy(headers),
    "pickle": lambda library, headers: pickle.loads(pickle.dumps(headers)),
    "raw": lambda library, headers: library.Headers(headers.raw),
    "dict": lambda library, headers: library.Headers(dict(headers)),
    "copy": lambda library, headers: library.Headers(headers),
}


def _sent(library: Any, auth: TokenAuth, net: Net, hook: Callable[[Any], None]) -> int:
    settings = {"transport": net.transport(library), "event_hooks": {"request": [hook]}, "follow_redirects": True}
    with library.Client(auth=auth, **settings) as client:
        status: int = client.get(f"{HOME}/start").status_code
    return status


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("how", COPIES)
def test_no_copy_of_the_headers_goes_abroad_where_nothing_is_traced(library: Any, how: str) -> None:
    net = Net({HOME: redirecting(f"{FAR}/x", CUSTOM), FAR: lambda request: (200, {})})

    def hook(request: Any) -> None:
        request.headers = COPIES[how](library, request.headers)

    assert _sent(library, net.auth(library, "Client", CUSTOM, HOME), net, hook) == 200
    assert [request.text for request in net.at(FAR) if "canary" in request.text] == []


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_that_sets_each_header_anew_takes_nothing_abroad(library: Any) -> None:
    net = Net({HOME: redirecting(f"{FAR}/x", CUSTOM), FAR: lambda request: (200, {})})

    def hook(request: Any) -> None:
        request.headers.update(dict(request.headers))
        for name, value in list(request.headers.items()):
            request.headers[name] = value

    assert _sent(library, net.auth(library, "Client", CUSTOM, HOME), net, hook) == 200
    assert [request.text for request in net.at(FAR) if "canary" in request.text] == []


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda request: pickle.loads(pickle.dumps(request))])
def test_a_copied_request_sent_by_a_plain_client_takes_nothing_abroad(library: Any, how: Any) -> None:
    net = Net({HOME: redirecting(f"{FAR}/x", CUSTOM), FAR: lambda request: (200, {})})
    auth = net.auth(library, "Client", CUSTOM, HOME)
    response = net.get(library, "Client", auth, f"{HOME}/start")
    request = how(response.history[0].request)
    request.stream = library.ByteStream(b"")
    with library.Client(transport=net.transport(library), follow_redirects=True) as client:
        assert client.send(request).status_code == 200
    assert [request.text for request in net.at(FAR) if "canary" in request.text] == []


@family
@pytest.mark.parametrize("status", [200, 403])
def test_a_redirect_at_home_is_signed_though_its_target_does_not_ask(library: Any, kind: str, status: int) -> None:
    def site(request: Any) -> tuple[int, dict[str, str]]:
        if request.path == "/start":
            return 302, {"location": "/there"}
        return (204, {}) if CUSTOM.is_on(request, "canary-token") else (status, {})

    net = Net({HOME: site})
    assert net.get(library, kind, net.auth(library, kind, CUSTOM, HOME), f"{HOME}/start").status_code == 204


@family
def test_websockets_are_signed_and_other_schemes_warned_of(
    library: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    net = Net({"wss://home.example": lambda request: (200, {}), "http+unix://home.example": lambda request: (200, {})})
    auth = net.auth(library, kind, CUSTOM, HOME)
    net.get(library, kind, auth, "wss://home.example/ws")
    assert CUSTOM.is_on(net.at("wss://home.example")[0], "canary-token")
    transport = net.transport(library)
    request = library.Request("GET", "http+unix://home.example/x")
    assert next(auth.sync_auth_flow(request)) is request
    assert "x-token" not in request.headers
    assert "http+unix: URL goes without the token" in caplog.text
    assert transport is not None
