"""Who wins when more than one has a say in a request: the caller's header, another auth object, `auth=None`."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest

from tests.clients import CLIENTS, FAMILY, Aiohttp, Awaiting, Client, Get
from tests.servers import Reply, Server, serve
from tests.support import PlainProvider, TokenServer
from tokenauth import APIKeyAuth, TokenAuth

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
MINE = "Basic bWluZTptaW5l"


@pytest.fixture
def abroad() -> Iterator[Server]:
    with serve(lambda request: Reply(200), host="localhost") as server:
        yield server


# a header that the caller wrote


@every
@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_the_token_takes_the_place_of_the_caller_s_header(client: Client, name: str, server: TokenServer) -> None:
    """As that of HTTPBasicAuth, httpx.BasicAuth and aiohttp's DigestAuthMiddleware does."""
    assert client.send(server.auth(), Get(server.api, headers={name: MINE})).status == 200
    assert [each.headers["authorization"] for each in server.server.to("/api")] == ["Bearer token-1"]


@every
def test_so_it_does_with_a_header_of_the_session_s(client: Client, server: TokenServer) -> None:
    auth = server.auth(header="X-Token")
    server.answer = lambda request: None if request.path == "/token" else Reply(200)
    answer = client.send(auth, Get(server.api), setup=lambda session: session.headers.update({"x-token": "mine"}))
    assert answer.status == 200
    assert [each.headers["x-token"] for each in server.server.to("/api")] == ["token-1"]


@every
def test_and_with_a_query_parameter_of_its_name(client: Client, server: TokenServer) -> None:
    server.answer = lambda request: Reply(200)
    auth = APIKeyAuth("k-1", origins=[server.url], param="key")
    client.send(auth, Get(f"{server.api}?key=mine&x=1"))
    assert server.server.requests[0].query == {"x": "1", "key": "k-1"}


@every
def test_the_renewed_token_does_it_too(client: Client, server: TokenServer) -> None:
    auth = server.auth()
    client.get(auth, server.api)
    server.revoke()
    assert client.send(auth, Get(server.api, headers={"Authorization": MINE})).status == 200
    assert MINE not in [each.headers["authorization"] for each in server.server.to("/api")]


@every
def test_where_the_token_does_not_go_the_caller_s_header_stays(
    client: Client, server: TokenServer, abroad: Server
) -> None:
    assert client.send(server.auth(), Get(abroad.url, headers={"Authorization": MINE})).status == 200
    assert [each.headers["authorization"] for each in abroad.requests] == [MINE]
    assert server.logins == 0


@every
def test_credentials_in_the_url_give_way(client: Client, server: TokenServer) -> None:
    assert client.get(server.auth(), server.api.replace("//", "//user:pw@")) == 200
    assert [each.headers["authorization"] for each in server.server.to("/api")] == ["Bearer token-1"]


@pytest.mark.filterwarnings("ignore:.*auth:DeprecationWarning")  # aiohttp 4 will have none
def test_so_does_aiohttp_s_own_auth(server: TokenServer) -> None:
    async def main() -> None:
        async with (
            aiohttp.ClientSession(middlewares=[server.auth()]) as session,
            session.get(server.api, auth=aiohttp.BasicAuth("user", "pw")) as response,
        ):
            assert response.status == 200

    asyncio.run(main())
    assert [each.headers["authorization"] for each in server.server.to("/api")] == ["Bearer token-1"]


# one request without the token


def _unsigned(client: Client, auth: Any, url: str) -> None:
    """Send a request without the session's auth object, as this client's users write it."""
    if isinstance(client, Aiohttp):

        async def main() -> None:
            async with aiohttp.ClientSession(middlewares=[auth]) as session, session.get(url, middlewares=()):
                pass

        client.run(main)
    else:
        client.send(auth, Get(url, auth=None if client in FAMILY else lambda request: request))


@every
def test_one_request_can_go_without_it(client: Client, server: TokenServer) -> None:
    _unsigned(client, server.auth(), server.api)
    assert [each.headers.get("authorization") for each in server.server.to("/api")] == [None]
    assert server.logins == 0


@pytest.mark.parametrize("client", FAMILY, ids=repr)
def test_the_client_s_default_is_the_client_s_auth(client: Client, server: TokenServer) -> None:
    assert client.send(server.auth(), Get(server.api, auth=client.library.USE_CLIENT_DEFAULT)).status == 200


@pytest.mark.parametrize("client", CLIENTS[:1], ids=repr)
def test_none_means_the_session_s_auth_in_requests(client: Client, server: TokenServer) -> None:
    assert client.send(server.auth(), Get(server.api, auth=None)).status == 200


@pytest.mark.parametrize("client", [CLIENTS[0], *FAMILY], ids=repr)
def test_the_request_s_own_auth_wins(client: Client, server: TokenServer) -> None:
    client.send(server.auth("one"), Get(server.api, auth=server.auth("two")))
    assert [each.headers["x-user"] for each in server.token_calls] == ["two"]


# several auth objects on one request


class WithKey(TokenAuth):
    """An httpx auth object that puts a key beside the token."""

    key: APIKeyAuth

    def auth_flow(self, request: Any) -> Iterator[Any]:  # type: ignore[override]  # a generator
        request.headers.update(self.key.headers(str(request.url)))
        yield from super().auth_flow(request)


def both(client: Client, server: TokenServer, key: APIKeyAuth) -> Any:
    token = server.auth()
    if client in FAMILY:
        auth = WithKey(PlainProvider(server.url, server.user), cache={})
        auth.key = key
        return auth
    return lambda request: token(key(request))


@every
def test_two_auth_objects_sign_one_request(client: Client, server: TokenServer, abroad: Server) -> None:
    key = APIKeyAuth("k-1", origins=[server.url], header="X-Key")
    if isinstance(client, Aiohttp):
        token = server.auth()

        async def main() -> None:
            async with aiohttp.ClientSession(middlewares=[key, token]) as session:
                for url in (server.api, server.api, abroad.url):
                    async with session.get(url) as response:
                        assert response.status == 200
                    server.revoke()

        client.run(main)
    else:
        auth = both(client, server, key)
        for url in (server.api, server.api, abroad.url):
            assert client.get(auth, url) == 200
            server.revoke()
    assert {each.headers.get("x-key") for each in server.server.to("/api")} == {"k-1"}
    assert server.logins == 2
    assert [name for name in ("x-key", "authorization") if name in abroad.requests[0].headers] == []


# auth objects that are made for each request


@every
def test_objects_made_for_each_request_log_in_once_for_each_tenant(client: Client, server: TokenServer) -> None:
    tenants = [f"{server.user}-{name}" for name in ("a", "b", "a", "b", "a")]
    assert [client.get(server.auth(each, cache=None), server.api) for each in tenants] == [200] * 5
    assert [each.headers["x-user"] for each in server.token_calls] == tenants[:2]


@pytest.mark.parametrize("client", [each for each in CLIENTS if isinstance(each, Awaiting)], ids=repr)
def test_so_do_those_of_tasks_at_the_same_moment(client: Any, server: TokenServer) -> None:
    tenants = [f"{server.user}-{number % 3}" for number in range(30)]

    async def main() -> list[Any]:
        async def one(tenant: str) -> Any:
            return (await server.auth(tenant, cache=None).aget_token()).value

        def asked(tenant: str) -> Callable[[], Any]:
            return lambda: one(tenant)

        return list(await client.gather([asked(each) for each in tenants]))

    assert len({*client.run(main)}) == 3
    assert server.logins == 3


def test_one_object_serves_an_event_loop_and_another_one_after_it(server: TokenServer) -> None:
    auth = server.auth()
    assert {asyncio.run(auth.aget_token()).value for _ in range(3)} == {"token-1"}
