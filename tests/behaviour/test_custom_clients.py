"""`token_client`: its transports make the token calls; nothing else of it is involved."""

import asyncio
import gc
import threading
import traceback
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests

import tokenauth
from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client, Get
from tests.servers import Received, Reply
from tests.support import PlainProvider, TokenServer, without_pauses
from tokenauth import TokenAuth, TokenEndpointError

TOKEN = {"token": "from-the-client"}


def touchy_session(server: TokenServer, seen: list[str]) -> requests.Session:
    """Return a session with everything on it that a token call must not make use of."""
    session = requests.Session()
    session.auth = ("user", "password")
    session.headers["X-Mine"] = "1"
    session.cookies.set("mine", "1")
    session.params = {"mine": "1"}
    session.hooks["response"] = [lambda response, **_: seen.append(response.url)]
    return session


def touchy_client(library: Any, kind: str, seen: list[str]) -> Any:
    async def ahook(subject: Any) -> None:
        seen.append(str(subject.url))

    def hook(subject: Any) -> None:
        seen.append(str(subject.url))

    hooks: Any = [ahook if kind == "AsyncClient" else hook]
    return getattr(library, kind)(
        auth=("user", "password"),
        headers={"X-Mine": "1"},
        cookies={"mine": "1"},
        params={"mine": "1"},
        follow_redirects=True,
        event_hooks={"request": hooks, "response": hooks},
    )


def makers() -> dict[str, Any]:
    return {
        "requests.Session": touchy_session,
        "httpx.Client": lambda server, seen: touchy_client(httpx, "Client", seen),
        "httpx2.Client": lambda server, seen: touchy_client(httpx2, "Client", seen),
    }


@pytest.mark.parametrize("kind", makers())
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_call_on_the_users_client_shows_nothing_of_his(client: Client, kind: str, server: TokenServer) -> None:
    seen: list[str] = []
    with makers()[kind](server, seen) as token_client:
        assert client.get(server.auth(token_client=token_client), server.api) == 200
        check_untouched(server, seen, token_client)


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_so_with_an_async_client(client: Awaiting, library: Any, server: TokenServer) -> None:
    seen: list[str] = []

    async def main() -> None:
        async with (
            touchy_client(library, "AsyncClient", seen) as token_client,
            client.client(server.auth(token_client=token_client)) as http,
        ):
            assert (await http.get(server.api)).status_code == 200
            check_untouched(server, seen, token_client)

    client.run(main)


def check_untouched(server: TokenServer, seen: list[str], token_client: Any) -> None:
    (call,) = server.token_calls
    assert seen == []
    assert not {"authorization", "cookie", "x-mine"} & call.headers.keys()
    assert call.query == {}
    assert call.headers["user-agent"].startswith("tokenauth/")
    assert dict(token_client.cookies) == {"mine": "1"}
    assert token_client.headers["X-Mine"] == "1"
    assert token_client.auth is not None


@pytest.mark.parametrize("kind", makers())
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_no_redirect_of_a_token_call_is_followed(client: Client, kind: str, server: TokenServer) -> None:
    server.answer = lambda request: Reply(307, headers={"Location": "/elsewhere"}) if request.path == "/token" else None
    with makers()[kind](server, []) as token_client, pytest.raises(TokenEndpointError):
        client.get(without_pauses(server.auth(token_client=token_client)), server.api)
    assert not server.server.to("/elsewhere")


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_nor_is_one_by_an_async_client_of_the_users(client: Awaiting, server: TokenServer) -> None:
    server.answer = lambda request: Reply(307, headers={"Location": "/elsewhere"}) if request.path == "/token" else None

    async def main() -> None:
        async with client.own_client() as own:
            with pytest.raises(TokenEndpointError):
                await without_pauses(server.auth(token_client=own)).aget_token()

    client.run(main)
    assert not server.server.to("/elsewhere")


@pytest.mark.parametrize("kind", makers())
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cookie_of_the_token_endpoint_stays_out_of_the_users_jar(
    client: Client, kind: str, server: TokenServer
) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        reply = server.login()
        return Reply(reply.status, reply.body, {"Set-Cookie": "theirs=1; Path=/"})

    server.answer = answer
    with makers()[kind](server, []) as token_client:
        assert client.get(server.auth(token_client=token_client), server.api) == 200
        assert dict(token_client.cookies) == {"mine": "1"}


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_token_client_outlives_the_token_calls(client: Client, server: TokenServer) -> None:
    for token_client in (requests.Session(), httpx.Client(), httpx2.Client()):
        with token_client:
            auth = server.auth(token_client=token_client)
            for _ in range(3):
                auth.invalidate()
                assert client.get(auth, server.api) == 200
            assert token_client.get(f"{server.url}/token").status_code == 200


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_what_a_client_of_the_users_own_kind_does_is_no_part_of_a_token_call(library: Any, server: TokenServer) -> None:
    """Those of the SDKs of openai and anthropic close their connections when they are gone."""
    done: list[str] = []

    class Own(library.Client):  # type: ignore[misc]  # of whichever library
        def send(self, *args: Any, **settings: Any) -> Any:
            done.append("sent")
            return super().send(*args, **settings)

        def __del__(self) -> None:
            done.append("gone")

    class AsyncOwn(library.AsyncClient):  # type: ignore[misc]  # the same
        async def send(self, *args: Any, **settings: Any) -> Any:
            done.append("sent")
            return await super().send(*args, **settings)

        def __del__(self) -> None:
            done.append("gone")

    async def main() -> None:
        async with AsyncOwn() as client:
            await server.auth(token_client=client).aget_token()
            gc.collect()
            assert done == []

    with Own() as client:
        server.auth(token_client=client).get_token()
        gc.collect()
        assert done == []
    asyncio.run(main())
    assert len(server.token_calls) == 2


@pytest.mark.parametrize("client", [*BLOCKING, *(each for each in AWAITING if each.name != "aiohttp")], ids=repr)
def test_no_token_call_goes_out_on_a_connection_of_the_users(client: Client, server: TokenServer) -> None:
    """After a fork, processes share the one that was idle: each may get the answer that was for the other."""

    def attach(session: Any) -> None:
        client.set_auth(session, server.auth(token_client=session))

    def expired(request: Received) -> Reply | None:
        return Reply(401) if len(server.server.requests) == 3 else None

    server.answer = expired
    assert [each.status for each in client.play(None, Get(server.api), Get(server.api), setup=attach)] == [200, 200]
    assert server.server.to("/token") == [server.server.requests[index] for index in (0, 3)]
    own = {each.port for each in server.server.to("/api")}
    assert len(own) == 1, "the client keeps its connection"
    assert not own & {each.port for each in server.token_calls}


@pytest.mark.parametrize("client", [each for each in BLOCKING if each.of_requests], ids=repr)
def test_an_adapter_that_closes_itself_when_it_is_gone_lives_on(client: Client, server: TokenServer) -> None:
    class Own(client.library.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]  # of whichever library
        def __del__(self) -> None:
            self.close()

    with client.library.Session() as session:
        session.mount("http://", Own())
        session.get(server.api)
        server.auth(token_client=session).get_token()
        gc.collect()
        assert len(session.adapters["http://"].poolmanager.pools) == 1
    assert len(server.token_calls) == 1


# doubles


def told(request: Any) -> dict[str, str]:
    """Return what a double answers: the token only if the request is the provider's own."""
    return TOKEN if request.method == "POST" and str(request.url).endswith("/token") else {}


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("body", ["json", "bytes", "pieces"])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_mock_transport_makes_token_calls(client: Client, library: Any, body: str, server: TokenServer) -> None:
    def handle(request: Any) -> Any:
        if body == "json":
            return library.Response(200, json=told(request))
        content = b'{"token": "from-the-client"}'
        return library.Response(200, content=iter([content[:5], content[5:]]) if body == "pieces" else content)

    server.valid.add("from-the-client")
    with library.Client(transport=library.MockTransport(handle)) as token_client:
        assert client.get(server.auth(token_client=token_client), server.api) == 200
    assert not server.token_calls


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_an_async_mock_transport_makes_token_calls(client: Awaiting, library: Any, server: TokenServer) -> None:
    async def handle(request: Any) -> Any:
        return library.Response(200, json=told(request))

    server.valid.add("from-the-client")

    async def main() -> int:
        async with library.AsyncClient(transport=library.MockTransport(handle)) as token_client:
            auth = server.auth(token_client=token_client)
            async with client.client(auth) as http:
                status: int = (await http.get(server.api)).status_code
                return status

    assert client.run(main) == 200
    assert not server.token_calls


class Double(requests.adapters.BaseAdapter):
    """An adapter double, as test suites have them: the response is made by hand."""

    def __init__(self, body: bytes, error: Exception | None = None) -> None:
        super().__init__()
        self.body = body
        self.error = error
        self.threads: list[str] = []

    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        response = requests.Response()
        response.status_code = 200
        response._content = self.body
        response.request = request
        response.url = request.url
        return response

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_adapter_double_makes_token_calls(client: Client, server: TokenServer) -> None:
    server.valid.add("from-the-client")
    with requests.Session() as session:
        session.mount(server.url, Double(b'{"token": "from-the-client"}'))
        assert client.get(server.auth(token_client=session), server.api) == 200
    assert not server.token_calls


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_whatever_a_double_raises_is_an_error_of_ours(client: Client, server: TokenServer) -> None:
    with requests.Session() as session:
        session.mount(server.url, Double(b"", RuntimeError("no such thing")))
        with pytest.raises(client.error_root) as met:
            client.get(without_pauses(server.auth(token_client=session)), server.api)
    assert isinstance(met.value, TokenEndpointError)
    assert "RuntimeError" in str(met.value)
    assert "no such thing" not in str(met.value), "a text of the client's may quote what was sent"


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_subclass_of_a_client_will_do(client: Client, server: TokenServer) -> None:
    class Mine(requests.Session):
        """A user's own."""

    with Mine() as session:
        assert client.get(server.auth(token_client=session), server.api) == 200


@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_retries_may_be_a_number_that_was_put_on_an_adapter(client: Client, retries: int, server: TokenServer) -> None:
    """Which urllib3 takes as well as its own Retry, and which counts for no token call."""
    replies = iter([Reply(raw=b"")])
    server.answer = lambda request: next(replies, None) if request.path == "/token" else None
    with requests.Session() as session:
        adapter: Any = session.get_adapter(server.url)
        adapter.max_retries = retries
        auth = without_pauses(server.auth(token_client=session))
        assert client.get(auth, server.api) == 200
        assert len(server.token_calls) == 2
        assert adapter.max_retries == retries


# what can't work


OURS = str(Path(tokenauth.__file__).parent)


@pytest.mark.parametrize("client", BLOCKING, ids=repr)
def test_an_async_token_client_in_blocking_code_is_an_error_that_says_so(client: Client, server: TokenServer) -> None:
    """It is this caller's mistake: nobody else meets it, and nothing cools down."""
    auth = server.auth(token_client=httpx.AsyncClient())
    other = server.auth(cache=auth._options["cache"])
    with pytest.raises(TypeError, match="async client, and this call comes from blocking code") as caught:
        client.get(auth, server.api)
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert sum(file.startswith(OURS) for file in files) <= 7
    assert server.logins == 0
    assert client.get(other, server.api) == 200


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_closed_token_client_is_an_error_of_ours(client: Client, server: TokenServer) -> None:
    token_client = httpx.Client()
    token_client.close()
    auth = without_pauses(server.auth(token_client=token_client))
    with pytest.raises(client.error_root, match="RuntimeError"):
        client.get(auth, server.api)


@pytest.mark.parametrize("client", AWAITING, ids=repr)
def test_an_endpoint_that_an_async_token_client_does_not_reach_is_an_error_of_ours(
    client: Awaiting, closed_port: int
) -> None:
    provider = PlainProvider(f"http://127.0.0.1:{closed_port}")

    async def main() -> None:
        async with client.own_client() as own:
            auth = without_pauses(TokenAuth(provider, token_client=own, cache={}))
            with pytest.raises(client.error_root, match="can't be reached"):
                await auth.aget_token()

    client.run(main)


@pytest.mark.parametrize("client", [each for each in AWAITING if each.name != "aiohttp"], ids=repr)
def test_an_async_token_client_that_outlives_its_event_loop_sends_each_login_once(
    client: Awaiting, server: TokenServer
) -> None:
    """Its connections don't: a request that goes out on one is never answered."""
    auth = server.auth(token_client=client.own_client())
    for _ in range(3):
        assert client.get_token(auth).value == f"token-{len(server.token_calls)}"
        auth.invalidate()
    assert len(server.token_calls) == 3


@pytest.mark.parametrize("wrong", [object(), "session", requests, httpx.Client, dict])
def test_something_that_is_no_client_is_refused_at_once(server: TokenServer, wrong: Any) -> None:
    with pytest.raises(TypeError, match="token_client"):
        server.auth(token_client=wrong)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_the_client_that_the_auth_is_attached_to_may_make_its_token_calls(client: Client, server: TokenServer) -> None:
    def attach(session: Any) -> None:
        client.set_auth(session, server.auth(token_client=session))

    assert client.send(None, Get(server.api), setup=attach).status == 200
    assert "authorization" not in server.token_calls[0].headers


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_client_that_may_speak_http2_lends_its_settings_and_keeps_its_connections(
    library: Any, server: TokenServer
) -> None:
    """tests/world plays it on HTTP/2. Without the package h2 a client can't be made so; on plain http it needs none."""
    transport = library.HTTPTransport()
    transport._pool._http2 = True
    with library.Client(transport=transport) as client:
        client.get(server.api)
        (own,) = transport._pool.connections
        client.get(server.api, auth=server.auth(token_client=client))
        assert server.logins == 1
        assert transport._pool.connections == [own]
        assert own.is_idle()
