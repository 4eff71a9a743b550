"""What is niquests' own. All else are the tests of every client, run in this environment: `uvx nox -s niquests`."""

import asyncio
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests import h2
from tests.clients import Client, Niquests, NiquestsAsync, Post
from tests.servers import Received, Reply
from tests.support import TokenServer, token_server
from tokenauth import CredentialsRejected, ManisAuth, TokenEndpointError
from tokenauth.sandbox import Sandbox, credentials, serve

niquests: Any = pytest.importorskip("niquests")  # untyped here, for the type checkers' environment has none
sgi: Any = pytest.importorskip("niquests.extensions.sgi")
BODY = b"whole body \x00\xff" * 1000


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Any]:
    with niquests.Session() as session:
        session.trust_env = False
        session.auth = manis_auth(sandbox)
        yield session


def manis_auth(sandbox: Sandbox, secret: str = credentials.MANIS_SECRET, **options: Any) -> ManisAuth:
    options.setdefault("cache", {})
    return ManisAuth(sandbox.url, merchant_id=credentials.MANIS_MERCHANT_ID, secret=secret, **options)


def counts(sandbox: Sandbox, *names: str) -> list[int]:
    return [sandbox.state()["manis"][name] for name in names]


def test_the_first_request_logs_in_and_the_next_does_not(sandbox: Sandbox, session: Any) -> None:
    answers = [session.get(f"{sandbox.url}/manis/api/orders") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert counts(sandbox, "logins", "api_200", "api_401") == [1, 3, 0]


@pytest.mark.parametrize("body", [BODY, io.BytesIO(BODY)], ids=["bytes", "file"])
def test_a_body_arrives_whole_after_a_renewal(sandbox: Sandbox, session: Any, body: Any) -> None:
    session.get(f"{sandbox.url}/manis/api/orders")
    sandbox.knobs("manis", revoke=True)
    answer = session.post(f"{sandbox.url}/manis/api/orders", data=body)
    assert answer.status_code == 200
    assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert [earlier.status_code for earlier in answer.history] == [401]
    assert counts(sandbox, "logins", "api_401") == [2, 1]


def test_a_generator_is_not_sent_again(sandbox: Sandbox, session: Any) -> None:
    session.get(f"{sandbox.url}/manis/api/orders")
    sandbox.knobs("manis", revoke=True)
    assert session.post(f"{sandbox.url}/manis/api/orders", data=iter([b"a", b"b"])).status_code == 401
    assert session.get(f"{sandbox.url}/manis/api/orders").status_code == 200


def test_a_wrong_secret_is_an_error_of_ours(sandbox: Sandbox) -> None:
    with pytest.raises(CredentialsRejected, match="merchant_id and secret"):
        niquests.get(f"{sandbox.url}/manis/api/orders", auth=manis_auth(sandbox, "wrong"))


def test_token_calls_can_be_made_by_a_niquests_session(sandbox: Sandbox, session: Any) -> None:
    with niquests.Session() as token_client:
        session.auth = manis_auth(sandbox, token_client=token_client)
        assert session.get(f"{sandbox.url}/manis/api/orders").status_code == 200
    assert counts(sandbox, "logins", "api_200") == [1, 1]


def test_an_async_session_may_make_the_token_calls(sandbox: Sandbox) -> None:
    async def main() -> int:
        async with niquests.AsyncSession() as own, niquests.AsyncSession() as session:
            session.auth = manis_auth(sandbox, token_client=own)
            status: int = (await session.get(f"{sandbox.url}/manis/api/orders")).status_code
            return status

    assert asyncio.run(main()) == 200
    assert counts(sandbox, "logins", "api_200") == [1, 1]


def test_an_async_adapter_that_keeps_no_connections_of_its_own_makes_the_token_calls(sandbox: Sandbox) -> None:
    class Passing(niquests.adapters.AsyncBaseAdapter):  # type: ignore[misc]
        """As a mock or a recorder: the adapter in it does the work."""

        def __init__(self) -> None:
            super().__init__()
            self._inner = niquests.adapters.AsyncHTTPAdapter()
            self.sent = 0

        async def send(self, request: Any, **settings: Any) -> Any:
            self.sent += 1
            return await self._inner.send(request, **settings)

        async def close(self) -> None:
            await self._inner.close()

    async def main() -> list[int]:
        async with niquests.AsyncSession() as own, niquests.AsyncSession() as session:
            own.mount("http://", passing := Passing())
            auth = session.auth = manis_auth(sandbox, token_client=own)
            statuses = []
            for _ in range(2):  # it is the user's, and stays open
                statuses.append((await session.get(f"{sandbox.url}/manis/api/orders")).status_code)
                auth.invalidate()
            return [*statuses, passing.sent]

    assert asyncio.run(main()) == [200, 200, 2]


def test_an_async_adapter_that_fails_is_an_endpoint_that_fails(sandbox: Sandbox) -> None:
    class Failing(niquests.adapters.AsyncBaseAdapter):  # type: ignore[misc]
        async def send(self, request: Any, **settings: Any) -> Any:
            raise niquests.ConnectionError

        async def close(self) -> None:
            """Nothing is open."""

    async def main() -> None:
        async with niquests.AsyncSession() as own, niquests.AsyncSession() as session:
            own.mount("http://", Failing())
            session.auth = manis_auth(sandbox, token_client=own)
            with pytest.raises(TokenEndpointError):
                await session.get(f"{sandbox.url}/manis/api/orders")

    asyncio.run(main())


def test_blocking_code_refuses_a_token_client_that_is_async(sandbox: Sandbox) -> None:
    auth = manis_auth(sandbox, token_client=niquests.AsyncSession())
    with pytest.raises(TypeError, match="is an async client"):
        auth.get_token()


@pytest.mark.parametrize("kind", ["Session", "AsyncSession"])
def test_a_request_prepared_on_a_loop_is_signed_when_it_is_sent(sandbox: Sandbox, kind: str) -> None:
    """By either kind of session: a blocking one may well be used where a loop runs, as in a notebook."""

    async def main() -> list[int]:
        session = getattr(niquests, kind)()
        prepared = niquests.Request("GET", f"{sandbox.url}/manis/api/orders", auth=manis_auth(sandbox)).prepare()
        assert "Authorization" not in prepared.headers
        answers = [session.send(prepared) for _ in range(2)]
        if kind == "AsyncSession":
            answers = [await each for each in answers]
            await session.close()
        else:
            session.close()
        return [each.status_code for each in answers]

    assert asyncio.run(main()) == [200, 200]
    assert counts(sandbox, "logins", "api_401") == [1, 0]


def test_a_refusal_in_the_history_of_an_async_answer_is_read(sandbox: Sandbox) -> None:
    async def main() -> Any:
        async with niquests.AsyncSession(auth=manis_auth(sandbox)) as session:
            await session.get(f"{sandbox.url}/manis/api/orders")
            sandbox.knobs("manis", revoke=True)
            return await session.get(f"{sandbox.url}/manis/api/orders")

    answer = asyncio.run(main())
    assert [type(each) for each in (answer, *answer.history)] == [niquests.Response] * 2
    assert [each.status_code for each in answer.history] == [401]
    assert answer.history[0].content


def test_an_async_file_is_sent_again_from_where_it_stood(sandbox: Sandbox) -> None:
    class File:
        def __init__(self) -> None:
            self.wrapped = io.BytesIO(b"before" + BODY)
            self.wrapped.seek(6)

        async def tell(self) -> int:
            return self.wrapped.tell()

        async def seek(self, position: int) -> int:
            return self.wrapped.seek(position)

        async def __aiter__(self) -> Any:
            while piece := self.wrapped.read(1000):
                yield piece

    async def main() -> Any:
        async with niquests.AsyncSession(auth=manis_auth(sandbox)) as session:
            await session.get(f"{sandbox.url}/manis/api/orders")
            sandbox.knobs("manis", revoke=True)
            return await session.post(f"{sandbox.url}/manis/api/orders", data=File())

    answer = asyncio.run(main())
    assert (answer.status_code, len(answer.history)) == (200, 1)
    assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()


class Events:
    """A server of server-sent events: its API answers with one, and redirects to itself in three ways."""

    def __init__(self, server: TokenServer) -> None:
        self.url = server.url.replace("http://", "psse://")
        self._server, self._places = server, {"/path": "/api", "/sse": f"{self.url}/api", "/http": server.api}
        self.refuses = False
        server.answer = self._answer

    def _answer(self, request: Received) -> Reply | None:
        if request.path == "/token":
            return None
        reply = self._server.use(request)
        if reply.status != 200 or request.path == "/api":
            refused = reply.status != 200 or self.refuses
            return Reply(401) if refused else Reply(200, b"data: hello\n\n", {"Content-Type": "text/event-stream"})
        return Reply(302, headers={"Location": self._places[request.path]})

    def get(self, kind: str, auth: Any, path: str) -> int:
        async def main() -> Any:
            async with niquests.AsyncSession(auth=auth) as session:
                answer = await session.get(self.url + path)
                if answer.extension is not None:
                    assert (await answer.extension.next_payload()).data == "hello"
                    await answer.extension.close()
                return answer

        if kind == "AsyncSession":
            answer = asyncio.run(main())
        else:
            with niquests.Session(auth=auth) as session:
                answer = session.get(self.url + path)
                if answer.extension is not None:
                    assert answer.extension.next_payload().data == "hello"
                    answer.extension.close()
        status: int = answer.status_code
        return status


@pytest.fixture
def events() -> Iterator[tuple[Events, TokenServer]]:
    with token_server() as server:
        yield Events(server), server


every_session = pytest.mark.parametrize("kind", ["Session", "AsyncSession"])


@every_session
@pytest.mark.parametrize("path", ["/api", "/path", "/sse", "/http"])
def test_server_sent_events_are_signed_and_renewed(kind: str, path: str, events: tuple[Events, TokenServer]) -> None:
    there, server = events
    auth = server.auth()
    assert there.get(kind, auth, path) == 200
    assert (server.logins, set(server.statuses)) == (1, {200})
    server.revoke()
    assert there.get(kind, auth, path) == 200
    assert server.logins == 2


@every_session
def test_a_request_for_events_and_its_redirects_share_one_renewal(
    kind: str, events: tuple[Events, TokenServer]
) -> None:
    there, server = events
    auth = server.auth()
    there.get(kind, auth, "/api")
    server.revoke()
    there.refuses = True
    assert there.get(kind, auth, "/path") == 401
    assert server.logins == 2


API = "https://api.example.com"


def wsgi_app(server: TokenServer) -> Any:
    """The API in this process."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {"authorization": environ.get("HTTP_AUTHORIZATION", "")}
        reply = server.use(Received("POST", environ["PATH_INFO"], headers, body))
        start_response(f"{reply.status} Status", [])
        return [json.dumps(reply.body).encode()]

    return app


def asgi_app(server: TokenServer) -> Any:
    return h2.asgi(lambda request, _: server.use(request))


def wsgi(server: TokenServer) -> Any:
    return sgi.WebServerGatewayInterface(app=wsgi_app(server))


def asgi(server: TokenServer) -> Any:
    return sgi._async.AsyncServerGatewayInterface(app=asgi_app(server))


@pytest.mark.parametrize(("client", "api"), [(Niquests(), wsgi), (NiquestsAsync(), asgi)], ids=["wsgi", "asgi"])
def test_an_application_in_this_process_is_an_api_like_any_other(client: Client, api: Any) -> None:
    """Its responses don't name their adapter. It is mounted at a URL that has an origin."""
    with token_server() as server:
        auth = server.auth(origins=[API])
        settings = {"setup": lambda session: session.mount(API, api(server))}
        assert client.get(auth, f"{API}/x", **settings) == 200
        server.revoke()
        answer = client.send(auth, Post(f"{API}/x", data=BODY), **settings)
    assert (answer.status, answer.history) == (200, [401])
    assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()


IN_PROCESS = [
    pytest.param(niquests.Session, wsgi_app, "wsgi://default", id="wsgi"),
    pytest.param(niquests.AsyncSession, asgi_app, "asgi://default", id="asgi"),
]


def statuses(session: Any, *paths: str) -> list[int]:
    """What *session*, sync or async, gets from these paths of its application."""

    async def awaited() -> list[int]:
        async with session:
            return [(await session.get(path)).status_code for path in paths]

    if isinstance(session, niquests.AsyncSession):
        return asyncio.run(awaited())
    with session:
        return [session.get(path).status_code for path in paths]


@pytest.mark.parametrize(("kind", "app", "home"), IN_PROCESS)
def test_the_application_of_a_session_gets_the_token_where_origins_name_it(kind: Any, app: Any, home: str) -> None:
    with token_server() as server:
        auth = server.auth(origins=[home])
        assert statuses(kind(app=app(server), auth=auth), "/x") == [200]
        server.revoke()
        assert statuses(kind(app=app(server), auth=auth), f"{home}/x", "/x") == [200, 200]
        assert server.logins == 2


@pytest.mark.parametrize(("kind", "app", "home"), IN_PROCESS)
def test_the_application_of_a_session_gets_no_token_else_and_a_warning_says_what_to_write(
    kind: Any, app: Any, home: str, caplog: pytest.LogCaptureFixture
) -> None:
    with token_server() as server:
        assert statuses(kind(app=app(server), auth=server.auth()), "/x", "/y") == [401, 401]
    [warning] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert f"requests to {home} go without the token" in warning
    assert "origins=" in warning


def test_token_errors_are_niquests_errors(sandbox: Sandbox) -> None:
    with pytest.raises(niquests.RequestException):
        niquests.get(f"{sandbox.url}/manis/api/orders", auth=manis_auth(sandbox, "wrong"))


def test_its_own_module_imports_no_other_client() -> None:
    code = (
        "import sys; from tokenauth.niquests import ManisAuth; print({'requests', 'httpx', 'httpx2'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_one_object_of_its_own_module_serves_both_sessions(sandbox: Sandbox) -> None:
    from tokenauth.niquests import ManisAuth as OwnAuth

    auth = OwnAuth(
        sandbox.url,
        merchant_id=credentials.MANIS_MERCHANT_ID,
        secret=credentials.MANIS_SECRET,
        cache={},
    )

    async def twenty() -> list[int]:
        async with niquests.AsyncSession(auth=auth) as session:
            answers = await asyncio.gather(*(session.get(f"{sandbox.url}/manis/api/orders") for _ in range(20)))
            return [each.status_code for each in answers]

    assert asyncio.run(twenty()) == [200] * 20
    with niquests.Session(auth=auth) as session:
        assert session.get(f"{sandbox.url}/manis/api/orders").status_code == 200
    assert counts(sandbox, "logins", "api_401") == [1, 0]
