"""I5 where a request that was sent before gets another URL by hand, as where a caller tries the next host.

What it carries may be an older token, which has been replaced since. What requests does of this kind is in
tests/behaviour/test_prepared.py, too.
"""

import asyncio
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.clients import BLOCKING, CLIENTS, Client, Get
from tests.security.test_origins_untraced import FAR, HOME, LOGS_IN, SYNC, Net, every_presentation, family
from tests.security.world import PRESENTATIONS, Presentation, World, canaries, world


def _send_twice(
    net: Net, library: Any, kind: str, auth: Any, headers: dict[str, str], between: Callable[[], object] = bool
) -> None:
    """Send one request to home, and then abroad: path, query and headers stay as they are."""
    request = library.Request("GET", f"{HOME}/api?page=2", headers=headers)
    if kind == SYNC:
        with library.Client(transport=net.transport(library), auth=auth) as client:
            assert client.send(request).status_code == 200
            between()
            request.url = request.url.copy_with(host="far.example")
            assert client.send(request).status_code == 200
        return

    async def main() -> None:
        async with library.AsyncClient(transport=net.transport(library), auth=auth) as client:
            assert (await client.send(request)).status_code == 200
            between()
            request.url = request.url.copy_with(host="far.example")
            assert (await client.send(request)).status_code == 200

    asyncio.run(main())


@family
@every_presentation
def test_a_request_that_was_signed_takes_nothing_abroad(library: Any, kind: str, presentation: Presentation) -> None:
    net = Net({HOME: lambda request: (200, {}), FAR: lambda request: (200, {})})
    auth = net.auth(library, kind, presentation, HOME)
    _send_twice(net, library, kind, auth, {"cookie": "mine=1", "x-mine": "2"})
    (home,), (far,) = net.at(HOME), net.at(FAR)
    assert presentation.is_on(home, "canary-token") or presentation.name == "cookie"
    assert canaries(home)
    assert not canaries(far)
    assert (far.target, far.headers["cookie"], far.headers["x-mine"]) == ("/api?page=2", "mine=1", "2")


def _send(library: Any, kind: str, *sent: tuple[Any, Any]) -> list[Any]:
    """Send requests, each with its auth; return the responses."""
    if kind == SYNC:
        with library.Client(follow_redirects=True, timeout=20) as client:
            return [client.send(request, auth=auth) for request, auth in sent]

    async def main() -> list[Any]:
        async with library.AsyncClient(follow_redirects=True, timeout=20) as client:
            return [await client.send(request, auth=auth) for request, auth in sent]

    return asyncio.run(main())


@family
@pytest.mark.parametrize("path", ["x", "start"])
def test_a_request_that_another_tenant_sends_carries_that_tenants_token(library: Any, kind: str, path: str) -> None:
    """The first tenant's redirects are watched, the second's are the client's."""
    with world() as this:
        first = PRESENTATIONS[0].auth(this.home.url, origins=[this.home.at("localhost")])
        second = PRESENTATIONS[0].auth(this.home.url)
        request = library.Request("GET", f"{this.home.url}/{path}/302/200")
        answers = _send(library, kind, (request, first), (request, second))
        copied = library.Request("GET", request.url, extensions=request.extensions)
        answers += _send(library, kind, (copied, second))
    assert [each.status_code for each in answers] == [200, 200, 200]
    tokens = [each.headers["authorization"] for each in this.home.requests if "authorization" in each.headers]
    half = len(tokens) // 3
    assert tokens == ["Bearer canary-token-1"] * half + ["Bearer canary-token-2"] * half * 2


@family
@pytest.mark.parametrize("presentation", [each for each in LOGS_IN if not each.in_query], ids=str)
def test_a_target_that_names_home_takes_nothing_abroad(library: Any, kind: str, presentation: Presentation) -> None:
    """The extension `target` says what stands in the request line, and stays the same wherever a redirect leads."""
    with world() as this:
        this.begin(presentation, this.far.url)
        auth = presentation.auth(this.home.url, origins=[this.home.at("localhost")])
        target = {"target": f"{this.home.url}/start/302/200".encode()}
        _send(library, kind, (library.Request("GET", f"{this.home.url}/start/302/200", extensions=target), auth))
    assert canaries(this.home.requests[-1])
    (far,) = this.far.requests
    assert not canaries(far)


REPLACED = {
    "invalidated": lambda auth: auth.invalidate(),
    "replaced": lambda auth: (auth.invalidate(), auth.get_token()),
}
replaced = pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED)


def _numbered(net: Net) -> Net:
    """Have each login bring another token."""
    numbers = itertools.count(1)
    plain = net.answer

    def answer(method: str, url: str, headers: dict[str, str]) -> Any:
        status, fields, body = plain(method, url, headers)
        return status, fields, body.replace(b"canary-token", b"canary-token-%d" % next(numbers))

    net.answer = answer  # type: ignore[method-assign]
    return net


@family
@pytest.mark.parametrize("presentation", LOGS_IN, ids=str)
@replaced
def test_nor_does_one_that_carries_an_older_token(
    library: Any, kind: str, presentation: Presentation, replace: Any
) -> None:
    net = _numbered(Net({HOME: lambda request: (200, {}), FAR: lambda request: (200, {})}))
    token_client = library.Client(transport=net.transport(library))
    auth = presentation.auth(HOME, token_client=token_client)
    _send_twice(net, library, kind, auth, {"cookie": "mine=1", "x-mine": "2"}, lambda: replace(auth))
    (home,), (far,) = net.at(HOME), net.at(FAR)
    assert canaries(home)
    assert not canaries(far)
    assert (far.target, far.headers["cookie"], far.headers["x-mine"]) == ("/api?page=2", "mine=1", "2")


OURS = ("authorization", "x-token", "x-api-key", "cookie")


@replaced
@pytest.mark.parametrize("presentation", LOGS_IN, ids=str)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_nor_does_a_request_that_was_made_of_its_headers(
    client: Client, presentation: Presentation, replace: Any
) -> None:
    """As where a caller tries the next host with what the first one got."""
    with world() as this:
        auth = presentation.auth(this.home.url)
        this.presentation = presentation
        assert client.send(auth, Get(f"{this.home.url}/x/302/200?page=2")).status == 200
        home = this.home.requests[-1]
        replace(auth)
        copied = {name: home.headers[name] for name in OURS if name in home.headers}
        copied["cookie"] = "; ".join(["mine=1", *([copied["cookie"]] if "cookie" in copied else [])])
        client.send(auth, Get(f"{this.far.url}{home.target}", headers={**copied, "x-mine": "2"}))
    (far,) = this.far.requests
    assert canaries(home)
    assert not canaries(far)
    assert (far.target, far.headers["cookie"], far.headers["x-mine"]) == ("/x/302/200?page=2", "mine=1", "2")


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_what_is_of_another_credential_stays(client: Client) -> None:
    """Two auth objects may sign one request, each for its own API."""
    with world() as one, world() as other:
        other.logins = 7
        ours, others = PRESENTATIONS[0].auth(one.home.url), PRESENTATIONS[0].auth(other.home.url)
        assert client.get(ours, f"{one.home.url}/x/302/200") == client.get(others, f"{other.home.url}/x/302/200") == 200
        headers = {"authorization": f"Bearer {ours.get_token().value}"}
        assert client.send(others, Get(f"{one.home.url}/x/302/200", headers=headers)).status == 200


def test_headers_in_bytes_which_requests_takes_stay_as_they_are() -> None:
    with world() as this:
        auth: Any = LOGS_IN[0].auth(this.home.url)
        this.presentation = LOGS_IN[0]
        requests.get(f"{this.home.url}/x/302/200", auth=auth, timeout=20)
        requests.get(f"{this.far.url}/x/302/200", headers={"x-mine": b"2"}, auth=auth, timeout=20)
    assert this.far.requests[-1].headers["x-mine"] == "2"


@pytest.mark.parametrize("client", [each for each in BLOCKING if each.of_requests], ids=repr)
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=repr)
@pytest.mark.parametrize("kept", [False, True], ids=["as it is", "pickled"])
def test_a_session_that_has_redirects_keep_all_headers_takes_nothing_abroad(
    client: Client, presentation: Presentation, kept: bool, plain_world: World
) -> None:
    """Many programs have such a session, for requests takes off `Authorization` where an API redirects to its twin."""

    class Keeping(client.library.Session):  # type: ignore[misc, name-defined]  # of whichever client
        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            for name, value in response.request.headers.items():
                prepared_request.headers.setdefault(name, value)

    plain_world.begin(presentation, f"{plain_world.far.url}/target")
    url, auth = f"{plain_world.home.url}/start/302/200", presentation.auth(plain_world.home.url)
    with Keeping() as session:
        request = session.prepare_request(client.library.Request("GET", url, {"X-Mine": "1"}, auth=auth))
        assert session.send(pickle.loads(pickle.dumps(request)) if kept else request).status_code == 200
    (far,) = plain_world.far.requests
    assert canaries(far) == []
    assert far.headers["x-mine"] == "1"
