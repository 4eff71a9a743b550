"""I5 where one request is sent for one tenant and then for another: nothing of the first one is left on it.

Clients have objects that outlive a request: a request is sent again, copies of it share its hooks, and redirects and
other requests are given its extensions.
"""

import asyncio
import contextlib
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest

from tests.clients import BLOCKING, CLIENTS, FAMILY, Aiohttp, Awaiting, Client, Get
from tests.security.world import PRESENTATIONS, Presentation
from tests.servers import Received, Reply, Server, serve
from tokenauth import TokenAuth

of_requests = pytest.mark.parametrize("client", [each for each in CLIENTS if each.of_requests], ids=repr)
of_httpx = pytest.mark.parametrize("client", FAMILY, ids=repr)
resending = pytest.mark.parametrize(
    "client", [each for each in CLIENTS if each.of_requests or each in FAMILY], ids=repr
)
SENT_BY_TOKEN = [each for each in PRESENTATIONS if each.logs_in and each.name != "extra"]
every_first = pytest.mark.parametrize("first", SENT_BY_TOKEN, ids=str)
every_second = pytest.mark.parametrize("second", SENT_BY_TOKEN, ids=str)
two_places = pytest.mark.parametrize(("first", "second"), [*permutations(SENT_BY_TOKEN, 2)], ids=str)


@dataclass
class API:
    """Logs in, and accepts every token but those that are revoked. "/go" redirects to "/there"."""

    tenant: str
    server: Server = field(init=False)
    revoked: Callable[[str], bool] = lambda text: False

    def answer(self, request: Received) -> Reply:
        if request.path == "/token":
            token = f"{self.tenant}-{len(self.server.requests)}"
            return Reply(200, {"token": token, "lifetime": 3600})
        if request.path == "/go":
            return Reply(302, headers={"Location": "/there"})
        return Reply(401 if self.revoked(request.text) else 200)

    def auth(self, presentation: Presentation, at: str = "", **options: Any) -> TokenAuth:
        return presentation.auth(self.server.url, origins=[at] if at else [], **options)

    @property
    def received(self) -> list[Received]:
        return [each for each in self.server.requests if each.path != "/token"]


@pytest.fixture
def apis() -> Iterator[tuple[API, API]]:
    with contextlib.ExitStack() as stack:
        both = API("anna"), API("bob")
        for each in both:
            each.server = stack.enter_context(serve(each.answer))
        yield both


def prepared(client: Client, url: str) -> Any:
    request = client.library.Request("GET", url)
    return request.prepare() if client.of_requests else request


def send(client: Client, *steps: Callable[[Any], Any]) -> list[Any]:
    """Call each of *steps* with a session, and send the request that it returns, or the pair of request and auth."""

    def session() -> Any:
        if client.of_requests:
            return client.library.AsyncSession() if client.is_async else client.library.Session()
        options = {"follow_redirects": True, "timeout": 20}
        return client.library.AsyncClient(**options) if client.is_async else client.library.Client(**options)

    def sending(on: Any, step: Callable[[Any], Any]) -> Any:
        request, auth = step(on)
        if not client.of_requests:
            return on.send(request, auth=auth)
        return on.send(request if auth is None else auth(request), timeout=20)

    async def main() -> list[Any]:
        async with session() as on:
            return [await sending(on, step) for step in steps]

    if client.is_async:
        return client.run(main) if isinstance(client, Awaiting) else asyncio.run(main())
    with session() as on:
        return [sending(on, step) for step in steps]


def both(client: Client, outer: Any, inner: Any) -> Any:
    """Return an auth object for *client* that chains these two."""
    if client.of_requests:
        return lambda request: inner(outer(request))

    async def middleware(request: Any, handler: Any) -> Any:
        return await outer(request, lambda request: inner(request, handler))

    return middleware


@resending
@every_first
@every_second
@pytest.mark.parametrize("path", ["/here", "/go"])
def test_a_request_that_is_sent_again_for_another_tenant_has_nothing_of_the_first(
    client: Client, first: Presentation, second: Presentation, path: str, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    request = prepared(client, f"{bob.server.url}{path}")
    ours, others = anna.auth(first, at=bob.server.url), bob.auth(second)
    send(client, lambda _: (request, ours), lambda _: (request, others))
    sent = bob.received
    half = len(sent) // 2
    assert len(sent) == (4 if path == "/go" else 2)
    assert all("anna" in each.text for each in sent[:half])
    assert all("bob" in each.text and "anna" not in each.text for each in sent[half:])


@resending
@every_first
@every_second
def test_nor_where_its_url_is_another_by_then(
    client: Client, first: Presentation, second: Presentation, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    request = prepared(client, f"{anna.server.url}/here")

    def moved(_: Any) -> Any:
        there = str(request.url).replace(str(anna.server.port), str(bob.server.port))
        request.url = there if client.of_requests else client.library.URL(there)
        return request, others

    ours, others = anna.auth(first), bob.auth(second)
    warm = prepared(client, f"{bob.server.url}/here")
    send(client, lambda _: (warm, others), lambda _: (request, ours), moved)
    *_, there = bob.received
    assert "bob" in there.text
    assert "anna" not in there.text


@of_httpx
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
@pytest.mark.parametrize("path", ["/here", "/go"])
def test_the_extensions_of_a_signed_request_sign_no_other_request(
    client: Client, presentation: Presentation, path: str, apis: tuple[API, API]
) -> None:
    anna, _ = apis
    auth = anna.auth(presentation)
    request = prepared(client, f"{anna.server.url}/here")

    def other(_: Any) -> Any:
        return client.library.Request("GET", f"{anna.server.url}{path}", extensions=request.extensions), None

    send(client, lambda _: (request, auth), other)
    signed, *others = anna.received
    assert "anna" in signed.text or "canary" in signed.text
    assert others
    assert not any("anna" in each.text or "canary" in each.text for each in others)


@of_httpx
@pytest.mark.parametrize("presentation", [each for each in SENT_BY_TOKEN if each.name in {"custom", "cookie"}], ids=str)
def test_a_signed_request_that_a_client_without_auth_sends_takes_nothing_abroad(
    client: Client, presentation: Presentation, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    auth = anna.auth(presentation)
    request = client.library.Request("GET", f"{anna.server.url}/here", headers={"cookie": "mine=1"})

    def moved(_: Any) -> Any:
        request.url = request.url.copy_with(port=bob.server.port)
        return request, None

    send(client, lambda _: (request, auth), moved)
    (there,) = bob.received
    assert "anna" not in there.text
    assert there.headers["cookie"] == "mine=1"


@of_requests
@every_first
@every_second
def test_copies_that_two_tenants_sign_are_renewed_by_their_own(
    client: Client, first: Presentation, second: Presentation, apis: tuple[API, API]
) -> None:
    """Copies of a request of requests share its hooks."""
    anna, bob = apis
    plain = prepared(client, f"{bob.server.url}/here")
    one, other = plain.copy(), plain.copy()
    ours, others = anna.auth(first, at=bob.server.url), bob.auth(second)

    def signed_by_both(_: Any) -> Any:
        ours(one)
        others(other)
        bob.revoked = lambda text: "anna-1" in text or ("anna" not in text and "bob" not in text)
        return one, None

    answers = send(client, signed_by_both, lambda _: (other, None), lambda _: (plain, None))
    assert [each.status_code for each in answers] == [200, 200, 401]
    refused, renewed, bobs, bare = bob.received
    assert "anna-1" in refused.text
    assert "anna-2" in renewed.text
    assert "bob" in bobs.text
    assert "anna" not in bobs.text
    assert not any("bob" in each.text for each in (refused, renewed))
    assert not any(name in bare.text for name in ("anna", "bob"))


@pytest.mark.parametrize("client", [each for each in BLOCKING if each.of_requests], ids=repr)
@every_first
@pytest.mark.parametrize("second", [None, *SENT_BY_TOKEN], ids=str)
def test_a_pickled_request_takes_nothing_to_another_server(
    client: Client, first: Presentation, second: Presentation | None, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    pickled = pickle.dumps(anna.auth(first)(prepared(client, f"{anna.server.url}/here")))
    request = pickle.loads(pickled)
    others = None if second is None else bob.auth(second)

    def moved(_: Any) -> Any:
        request.url = request.url.replace(str(anna.server.port), str(bob.server.port))
        return request, others

    send(client, moved)
    (there,) = bob.received
    assert "anna" not in there.text
    assert second is None or "bob" in there.text


@pytest.mark.parametrize("client", [each for each in BLOCKING if each.of_requests], ids=repr)
@every_first
@every_second
def test_nor_does_it_keep_the_first_tenant_s_token_for_the_second(
    client: Client, first: Presentation, second: Presentation, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    ours, others = anna.auth(first, at=bob.server.url), bob.auth(second)
    request = pickle.loads(pickle.dumps(ours(prepared(client, f"{bob.server.url}/here"))))
    send(client, lambda _: (request, others))
    (there,) = bob.received
    assert "bob" in there.text
    assert "anna" not in there.text


@of_requests
@pytest.mark.parametrize("presentation", SENT_BY_TOKEN, ids=str)
@pytest.mark.parametrize("copied", [False, True], ids=["same object", "copy"])
def test_what_the_second_tenant_s_token_is_refused_is_not_sent_with_the_first_s(
    client: Client, presentation: Presentation, copied: bool, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    ours, others = anna.auth(presentation, at=bob.server.url), bob.auth(presentation)
    bob.revoked = lambda text: "bob" in text

    def signed_by_both(_: Any) -> Any:
        request = ours(prepared(client, f"{bob.server.url}/here"))
        return others(request.copy() if copied else request), None

    answers = send(client, signed_by_both)
    assert [each.status_code for each in answers] == [401]
    assert len(bob.received) == 2
    assert not any("anna" in each.text for each in bob.received)


@every_first
@every_second
@pytest.mark.parametrize("tries", [1, 2])
def test_a_middleware_of_aiohttp_that_tries_one_tenant_after_the_other_mixes_nothing(
    first: Presentation, second: Presentation, tries: int, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    ours, others = anna.auth(first, at=bob.server.url), bob.auth(second)

    async def one_after_the_other(request: Any, handler: Any) -> Any:
        for _ in range(tries):
            await ours(request, handler)
        return await others(request, handler)

    client = Aiohttp()
    answer = client.send(one_after_the_other, Get(f"{bob.server.url}/here"))
    assert answer.status == 200
    *annas, bobs = bob.received
    assert len(annas) == tries
    assert all("anna" in each.text for each in annas)
    assert "bob" in bobs.text
    assert "anna" not in bobs.text


@two_places
@pytest.mark.parametrize("client", [each for each in CLIENTS if each not in FAMILY], ids=repr)
def test_two_auth_objects_on_one_request_both_sign_it(
    client: Client, first: Presentation, second: Presentation, apis: tuple[API, API]
) -> None:
    """Also once more after a refusal, and with each of the session's requests."""
    anna, bob = apis
    ours, others = anna.auth(first, at=bob.server.url), bob.auth(second)
    bob.revoked = lambda text: "bob-1" in text
    url = f"{bob.server.url}/here"
    answers = client.play(both(client, ours, others), Get(url), Get(url))
    assert [each.status for each in answers] == [200, 200]
    assert len(bob.received) == 3
    assert all("anna" in each.text and "bob" in each.text for each in bob.received)


@pytest.mark.parametrize("client", [each for each in BLOCKING if each.of_requests], ids=repr)
@two_places
@pytest.mark.parametrize("to_bob", [True, False], ids=["moved by hand", "redirected at home"])
@pytest.mark.parametrize("turn", [1, -1], ids=["anna first", "bob first"])
def test_each_of_two_auth_objects_sees_where_the_request_goes(
    client: Client, first: Presentation, second: Presentation, to_bob: bool, turn: int, apis: tuple[API, API]
) -> None:
    anna, bob = apis
    auths = (anna.auth(first), bob.auth(second, at=anna.server.url))[::turn]
    request = both(client, *auths)(prepared(client, f"{anna.server.url}/go"))
    if to_bob:
        request.url = request.url.replace(str(anna.server.port), str(bob.server.port))
    send(client, lambda _: (request, None))
    assert all("bob" in each.text for each in (*anna.received, *bob.received))
    assert not any("anna" in each.text for each in bob.received)
    assert all("anna" in each.text for each in anna.received)
    assert len(anna.received if not to_bob else bob.received) == 2


@pytest.mark.parametrize("client", [each for each in BLOCKING if each in FAMILY], ids=repr)
def test_an_auth_flow_within_another_one_adds_to_it(client: Client, apis: tuple[API, API]) -> None:
    anna, bob = apis
    request = prepared(client, f"{bob.server.url}/here")
    auths: Any = anna.auth(PRESENTATIONS[0], at=bob.server.url), bob.auth(PRESENTATIONS[1])
    flows = [each.auth_flow(request) for each in auths]
    for flow in flows:
        next(flow)
    assert request.headers["authorization"].startswith("Bearer anna")
    assert request.headers["x-token"].startswith("bob")


@of_requests
def test_a_refusal_of_the_second_tenant_s_token_is_none_of_the_first_s(client: Client, apis: tuple[API, API]) -> None:
    anna, bob = apis
    request = prepared(client, f"{bob.server.url}/here")
    ours, others = anna.auth(PRESENTATIONS[1], at=bob.server.url), bob.auth(PRESENTATIONS[0])
    bob.revoked = lambda text: "bob" in text
    answers = send(client, lambda _: (request, ours), lambda _: (request, others))
    assert [each.status_code for each in answers] == [200, 401]
    assert not any("anna" in each.text for each in bob.received[1:])
