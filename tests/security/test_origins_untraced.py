"""I5 where there is no network: transports without a trace, adapters of the tests' own, ports that nobody may bind."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
import requests
from requests.adapters import BaseAdapter

from tests.security.world import PRESENTATIONS, Presentation
from tests.servers import Received
from tests.support import PlainProvider
from tokenauth import TokenAuth
from tokenauth._clients.sealed_headers import seal, seal_of

SYNC, ASYNC = "Client", "AsyncClient"
FAMILY = [(library, kind) for library in (httpx, httpx2) for kind in (SYNC, ASYNC)]
family = pytest.mark.parametrize(("library", "kind"), FAMILY, ids=lambda each: getattr(each, "__name__", each))
LOGS_IN = [each for each in PRESENTATIONS if each.logs_in]
every_presentation = pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)

Site = Callable[[Received], tuple[int, dict[str, str]]]


class Net:
    """A made-up network: origin to site, and what came in there."""

    def __init__(self, sites: dict[str, Site]) -> None:
        self.sites = sites
        self.seen: list[tuple[str, Received]] = []
        self.token = "canary-token"

    def answer(self, method: str, url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        parts = httpx.URL(url)
        origin = f"{parts.scheme}://{parts.netloc.decode()}"
        request = Received(method, parts.raw_path.decode(), headers, b"")
        if request.path.endswith("/token"):
            return 200, {}, b'{"token": "%b", "lifetime": 60}' % self.token.encode()
        self.seen.append((origin, request))
        return *self.sites[origin](request), b""

    def at(self, origin: str) -> list[Received]:
        return [request for where, request in self.seen if where == origin]

    def transport(self, library: Any, kind: str = SYNC) -> Any:
        """Return a transport whose bodies are in memory, or come in pieces to a client of the *kind* `ASYNC`."""

        async def pieces(body: bytes) -> AsyncIterator[bytes]:
            yield body

        def handle(request: Any) -> Any:
            status, headers, body = self.answer(request.method, str(request.url), dict(request.headers))
            return library.Response(status, headers=headers, content=body if kind == SYNC else pieces(body))

        return library.MockTransport(handle)

    def get(self, library: Any, kind: str, auth: TokenAuth, url: str) -> Any:
        return self.send(library, kind, auth, "GET", url)

    def send(
        self, library: Any, kind: str, auth: TokenAuth, method: str, url: str, transport: Any = None, **body: Any
    ) -> Any:
        settings = {"transport": transport or self.transport(library), "auth": auth, "follow_redirects": True}
        request = library.Request(method, url, **body)
        if kind == SYNC:
            with library.Client(**settings) as client:
                return client.send(request)

        async def main() -> Any:
            async with library.AsyncClient(**settings) as client:
                return await client.send(request)

        return asyncio.run(main())

    def auth(self, library: Any, kind: str, presentation: Presentation, url: str, **options: Any) -> TokenAuth:
        client = getattr(library, kind)(transport=self.transport(library))
        return presentation.auth(url, token_client=client, **options)


HOME, FAR = "https://home.example", "https://far.example"


def redirecting(place: str, presentation: Presentation) -> Site:
    def site(request: Received) -> tuple[int, dict[str, str]]:
        if not presentation.is_on(request, "canary-token"):
            return 401, {}
        return (302, {"location": place}) if request.path == "/start" else (200, {})

    return site


@family
@every_presentation
@pytest.mark.parametrize("outcome", [200, 401])
def test_a_transport_without_trace_takes_nothing_abroad(
    library: Any, kind: str, presentation: Presentation, outcome: int
) -> None:
    net = Net({HOME: redirecting(f"{FAR}/x", presentation), FAR: lambda request: (outcome, {})})
    response = net.get(library, kind, net.auth(library, kind, presentation, HOME), f"{HOME}/start")
    assert response.status_code == outcome
    assert [request.text for request in net.at(FAR) if "canary" in request.text] == []
    assert len(net.at(FAR)) == 1


class Users(TokenAuth):
    """One whose flow is the user's own: async clients run it, too."""

    def auth_flow(self, request: Any) -> Iterator[Any]:  # type: ignore[override]  # a generator
        yield from super().auth_flow(request)


@family
@pytest.mark.parametrize("own", [TokenAuth, Users])
@pytest.mark.parametrize("bare", [401, 404])
def test_a_hop_that_arrives_unsigned_is_sent_with_the_token_and_renewed_once(
    library: Any, kind: str, own: type[TokenAuth], bare: int
) -> None:
    def site(request: Received) -> tuple[int, dict[str, str]]:
        if request.path == "/start":
            return 302, {"location": "/there"}
        net.token = f"canary-{len(net.seen)}"  # is the next
        return (403 if "x-token" in request.headers else bare), {}

    net = Net({HOME: site})
    transport = net.transport(library, kind)
    token_client = getattr(library, kind)(transport=transport)
    auth = own(PlainProvider(HOME), header="X-Token", refused=[401, 403], token_client=token_client, cache={})
    assert net.send(library, kind, auth, "GET", f"{HOME}/start", transport).status_code == 403
    assert ["x-token" in each.headers for each in net.at(HOME)] == [True, False, True, True]


@family
@pytest.mark.parametrize("own", [TokenAuth, Users])
@pytest.mark.parametrize("bare", [401, 404])
def test_a_dead_token_is_learnt_of_where_a_hop_arrives_unsigned(
    library: Any, kind: str, own: type[TokenAuth], bare: int
) -> None:
    """What redirects asks for no token."""

    def site(request: Received) -> tuple[int, dict[str, str]]:
        if request.path == "/start":
            return 302, {"location": "/there"}
        token = request.headers.get("x-token")
        return bare if token is None else 200 if token == net.token else 401, {}

    net = Net({HOME: site})
    transport = net.transport(library, kind)
    token_client = getattr(library, kind)(transport=transport)
    auth = own(PlainProvider(HOME), header="X-Token", token_client=token_client, cache={})
    for net.token in ("canary-1", "canary-2"):
        assert net.send(library, kind, auth, "GET", f"{HOME}/start", transport).status_code == 200


@family
@every_presentation
def test_a_transport_without_trace_follows_redirects_at_home(
    library: Any, kind: str, presentation: Presentation
) -> None:
    net = Net({HOME: redirecting("/there", presentation)})
    response = net.get(library, kind, net.auth(library, kind, presentation, HOME), f"{HOME}/start")
    assert response.status_code == 200
    assert presentation.is_on(net.at(HOME)[-1], "canary-token")


@family
@pytest.mark.parametrize("presentation", LOGS_IN, ids=str)
@pytest.mark.parametrize("place", ["https://home.example:443/x", "https://home.example/x"])
def test_the_upgrade_to_https_on_the_same_host_takes_nothing_along(
    library: Any, kind: str, presentation: Presentation, place: str
) -> None:
    """The one redirect to another origin on which the clients keep Authorization."""
    plain = "http://home.example"
    net = Net({plain: redirecting(place, presentation), HOME: lambda request: (200, {})})
    auth = net.auth(library, kind, presentation, plain, allow_http=True)
    assert net.get(library, kind, auth, f"{plain}/start").status_code == 200
    assert [request.text for request in net.at(HOME) if "canary" in request.text] == []


class _Adapter(BaseAdapter):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self._net = net

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        headers = {name.lower(): value for name, value in request.headers.items()}
        response.status_code, found, response._content = self._net.answer(request.method, request.url, headers)
        response.headers.update(found)
        response.url, response.request = request.url, request
        response.__dict__["connection"] = self
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("presentation", LOGS_IN, ids=str)
@pytest.mark.parametrize("plain", ["http://home.example", "http://home.example:80", "http://HOME.example"])
def test_the_upgrade_to_https_in_requests(presentation: Presentation, plain: str) -> None:
    site = redirecting("https://home.example/x", presentation)
    net = Net({"http://home.example": site, HOME: lambda request: (200, {})})
    with requests.Session() as session:
        session.mount("http://", _Adapter(net))
        session.mount("https://", _Adapter(net))
        session.auth = presentation.auth(plain, allow_http=True, token_client=session)
        assert session.get(f"{plain}/start").status_code == 200
    assert [request.text for request in net.at(HOME) if "canary" in request.text] == []
    assert len(net.at(HOME)) == 1


# hosts that can't be had on a loopback


@pytest.mark.parametrize("kind", [SYNC, "requests"])
@pytest.mark.parametrize(
    ("home", "same", "other"),
    [
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example/x", "https://bucher.example/x"),
        ("https://xn--bcher-kva.example", "https://B\u00dcCHER.example/x", "https://b\u0433cher.example/x"),
        ("https://home.example", "https://home.example:443/x", "https://home.example:444/x"),
        ("https://home.example:443", "https://HOME.EXAMPLE/x", "http://home.example:443/x"),
        ("https://home.example", "https://home.example./x", "https://home.example.evil.example/x"),
        ("https://home.example", "https://home.example/x", "https://sub.home.example/x"),
        ("https://sub.home.example", "https://sub.home.example/x", "https://home.example/x"),
        ("https://[2001:DB8::1]", "https://[2001:db8:0:0::1]/x", "https://[2001:db8::2]/x"),
    ],
)
def test_origins_are_compared_in_normal_form(kind: str, home: str, same: str, other: str) -> None:
    seen: list[bool] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, content=b'{"token": "canary-token", "lifetime": 60}')
        seen.append("x-token" in request.headers)
        return httpx.Response(200)

    transport = httpx.MockTransport(handle)
    client = httpx.Client(transport=transport)
    auth = TokenAuth(PlainProvider(home), header="X-Token", scheme="", token_client=client, cache={})
    if kind == SYNC:
        for url in (same, other):
            client.get(url, auth=auth)
    else:
        seen += ["X-Token" in requests.Request("GET", url, auth=auth).prepare().headers for url in (same, other)]
    assert seen == [True, False]


class Again(httpx.SyncByteStream, httpx2.SyncByteStream, httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """A body of the user's own kind; whether it can be sent twice is unknown."""

    def __iter__(self) -> Any:
        return iter([b"body"])

    async def __aiter__(self) -> Any:
        yield b"body"


@family
def test_a_body_of_unknown_kind_is_not_sent_again_to_be_signed_either(library: Any, kind: str) -> None:
    """The hop at home comes without the custom header, for nothing is traced; the token itself is as good as before."""
    presentation = next(each for each in PRESENTATIONS if each.name == "custom")

    def site(request: Received) -> tuple[int, dict[str, str]]:
        if request.path == "/start":
            return 307, {"location": "/there"}
        return (200, {}) if presentation.is_on(request, "canary-token") else (401, {})

    net = Net({HOME: site})
    auth = net.auth(library, kind, presentation, HOME, cache={})
    transport = net.transport(library)
    transport.handle_request = transport.handler  # a mock transport would read the body

    async def handle(request: Any) -> Any:
        return transport.handler(request)

    transport.handle_async_request = handle
    response = net.send(library, kind, auth, "POST", f"{HOME}/start", transport, stream=Again())
    assert response.status_code == 401
    assert [request.path for request in net.at(HOME)] == ["/start", "/there"]
    assert auth._source.tokens.fresh() is not None


# what a user sees, and may do


@family
def test_sealed_headers_are_read_changed_and_copied_by_the_user_as_any(library: Any, kind: str) -> None:
    def sealed(headers: Any, ours: dict[str, str]) -> Any:
        request = library.Request("GET", HOME, headers=headers, stream=library.ByteStream(b""))
        seal(request, seal_of(ours))
        return request.headers

    headers = sealed({"A": "1", "X-Token": "theirs"}, {"X-Token": "canary", "X-Key": "canary-2"})
    whole = library.Headers({"A": "1", "X-Token": "canary", "X-Key": "canary-2"})
    assert headers == whole
    assert whole == headers
    assert headers == sealed(whole, {"X-Key": "canary-2"})
    assert headers != library.Headers({"A": "1"})
    assert dict(headers) == dict(whole)
    assert list(headers) == ["a", "x-token", "x-key"]
    assert list(headers.values()) == ["1", "canary", "canary-2"]
    assert headers.multi_items() == whole.multi_items()
    assert list(headers.items()) == list(whole.items())
    assert headers.raw == whole.raw
    assert headers.get_list("X-KEY") == ["canary-2"]
    assert headers.get("x-token") == "canary"
    assert len(headers) == 3
    assert "x-token" in headers
    assert "canary" not in repr(headers)
    assert dict(headers.copy()) == dict(whole)
    assert pickle.loads(pickle.dumps(headers)) == whole
    assert dict(library.Headers(headers)) == {"a": "1"}  # what a redirect is built from
    headers["X-Token"] = "mine"
    del headers["x-key"]
    headers.update({"A": "2"})
    assert dict(headers) == {"a": "2", "x-token": "mine"}
    with pytest.raises(KeyError):
        del headers["x-key"]
