"""`multiplexed=True`: niquests sends requests of one HTTP/2 connection at once, and follows redirects by itself."""

import asyncio
import contextlib
import hashlib
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients import Answer, Client, Get, Niquests, NiquestsAsync, Post, Request
from tests.h2 import serve
from tests.security.conftest import ca, ca_file, trusted  # noqa: F401  (fixtures)
from tests.security.test_origins_matrix import check_abroad, places_abroad, places_at_home, play
from tests.security.world import CASES, OUTCOMES, PRESENTATIONS, Presentation, World, canaries
from tests.servers import Received, Reply
from tests.support import TokenServer

niquests: Any = pytest.importorskip("niquests")  # untyped here, for the type checkers' environment has none
BODY = b"whole body \x00\xff" * 1000
pytestmark = pytest.mark.usefixtures("trusted")


class Multiplexed(Niquests):
    name = "niquests-multiplexed"

    @contextlib.contextmanager
    def session(self, auth: Any, pool: int | None = None, setup: Callable[[Any], object] = bool) -> Iterator[Any]:
        with niquests.Session(multiplexed=True, auth=auth) as session:
            setup(session)
            yield session

    def _answer(self, response: Any) -> Answer:
        response.content  # noqa: B018  # it waits for the answer; `history` does not
        return super()._answer(response)

    def at_once(self, auth: Any, *requests: Request, gathers: int = 1, **settings: Any) -> list[Answer]:
        """Send all of *requests* before any is answered; with `gathers=0` what reads an answer waits for it."""
        with self.session(auth, **settings) as session:
            answers = [session.request(each.method, each.url, **each.body) for each in requests]
            for _ in range(gathers):
                session.gather()
            return [self._answer(each) for each in reversed(answers)][::-1]


class AsyncMultiplexed(NiquestsAsync):
    name = "niquests-asyncio-multiplexed"

    def client(self, auth: Any, **settings: Any) -> Any:
        session = niquests.AsyncSession(multiplexed=True, auth=auth)
        settings.get("setup", bool)(session)
        return session

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        return self._all(auth, [[each] for each in requests], **settings)

    def at_once(self, auth: Any, *requests: Request, gathers: int = 1, **settings: Any) -> list[Answer]:
        return self._all(auth, [[*requests]], gathers, **settings)

    def _all(self, auth: Any, rounds: list[list[Request]], gathers: int = 1, **settings: Any) -> list[Answer]:
        async def main() -> list[Answer]:
            answers = []
            async with self.client(auth, **settings) as session:
                for requests in rounds:
                    options = {"stream": gathers == 0}
                    sent = [session.request(each.method, each.url, **options, **each.body) for each in requests]
                    responses = await asyncio.gather(*sent)
                    for _ in range(gathers):
                        await session.gather()
                    answers += [await self._read(each) for each in reversed(responses)][::-1]
            return answers

        answers: list[Answer] = self.run(main)
        return answers

    async def _read(self, response: Any) -> Answer:
        content = response.content  # after a redirect, niquests has one to be awaited here in any case
        content = content if isinstance(content, bytes) else await content
        history = [each.status_code for each in response.history]
        return Answer(response.status_code, content, dict(response.headers), history, response)


CLIENTS = [Multiplexed(), AsyncMultiplexed()]
every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


@pytest.fixture
def server(ca: Any) -> Iterator[TokenServer]:  # noqa: F811
    def answer(request: Received) -> Reply:
        special = this.answer(request)
        if special is not None:
            return special
        if request.path == "/token":
            return this.login()
        if request.path == "/moved":
            return Reply(302, headers={"Location": "/api"})
        return this.use(request)

    with serve(answer, ca) as served:
        this = TokenServer(served)
        yield this
    assert served.versions == {"2"} or not served.versions


@pytest.fixture
def h2_world(ca: Any) -> Iterator[World]:  # noqa: F811
    this = World()
    with serve(this.at_home, ca) as this.home, serve(this.abroad, ca) as this.far:
        yield this


def told(answers: list[Answer]) -> list[tuple[int, list[int]]]:
    return [(each.status, each.history) for each in answers]


@every_client
@pytest.mark.parametrize("path", ["api", "moved"])
def test_a_revoked_token_costs_one_login(client: Any, path: str, server: TokenServer) -> None:
    """After a redirect, too, which niquests hides from hooks."""
    auth, url = server.auth(), f"{server.url}/{path}"
    redirect = [302] if path == "moved" else []
    assert told(client.play(auth, Get(url), Get(url))) == [(200, redirect)] * 2
    server.revoke()
    first, second = client.play(auth, Get(url), Get(url))
    assert told([first, second]) == [(200, [*redirect, 401]), (200, redirect)]
    assert first.response.url == second.response.url == server.api
    assert first.content == second.content
    assert server.logins == 2


@every_client
@pytest.mark.parametrize("gathers", [0, 1, 2])
@pytest.mark.parametrize("path", ["api", "moved"])
def test_twenty_at_once_make_one_login(client: Any, gathers: int, path: str, server: TokenServer) -> None:
    auth, twenty = server.auth(), [Get(f"{server.url}/{path}") for _ in range(20)]
    assert [each.status for each in client.at_once(auth, *twenty, gathers=gathers)] == [200] * 20
    assert (server.logins, server.statuses) == (1, [200] * 20)
    server.revoke()
    answers = client.at_once(auth, *twenty, gathers=gathers)
    assert [each.status for each in answers] == [200] * 20
    assert {each.content for each in answers} == {answers[0].content} != {b""}
    assert server.logins == 2


@every_client
@pytest.mark.parametrize("path", ["api", "moved"])
def test_the_second_refusal_is_the_callers(client: Any, path: str, server: TokenServer) -> None:
    server.answer = lambda request: Reply(401, b"no") if request.path == "/api" else None
    (answer,) = client.play(server.auth(), Get(f"{server.url}/{path}"))
    assert (answer.status, answer.content) == (401, b"no")
    assert server.logins == 2
    assert len(server.server.to("/api")) == 2


@every_client
@pytest.mark.parametrize("body", ["bytes", "file"])
def test_a_body_arrives_whole_after_a_401(client: Any, body: str, server: TokenServer) -> None:
    auth = server.auth()
    client.play(auth, Get(server.api))
    server.revoke()
    data = BODY if body == "bytes" else io.BytesIO(BODY)
    (answer,) = client.play(auth, Post(server.api, data=data))
    assert (answer.status, answer.history) == (200, [401])
    assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()


@every_client
def test_a_generator_is_not_sent_again(client: Any, server: TokenServer) -> None:
    auth = server.auth()
    client.play(auth, Get(server.api))
    server.revoke()
    answers = client.play(auth, Post(server.api, **client.generator([b"a", b"b"])), Get(server.api))
    assert told(answers) == [(401, []), (200, [])]
    assert server.logins == 2


@every_client
def test_a_cookie_of_the_second_answer_is_kept(client: Any, server: TokenServer) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path != "/api":
            return None
        reply = server.use(request)
        return Reply(reply.status, reply.body, {"Set-Cookie": f"from{reply.status}=1; Path=/"})

    server.answer = answer
    auth, sessions = server.auth(), list[Any]()
    auth.get_token()
    server.revoke()
    client.play(auth, Get(server.api), setup=sessions.append)
    assert client.cookies(sessions[0]) == {"from401": "1", "from200": "1"}


@every_client
@pytest.mark.parametrize("path", ["api", "moved"])
def test_hooks_of_the_users_see_what_they_see_without_us(client: Any, path: str, server: TokenServer) -> None:
    """After a redirect that is the redirect: niquests lets the two responses change places."""
    seen: list[int] = []

    def setup(session: Any) -> None:
        client.add_hooks(session, on_response=lambda response: seen.append(response.status_code))

    auth = server.auth()
    client.play(auth, Get(f"{server.url}/{path}"), setup=setup)
    server.revoke()
    client.play(auth, Get(f"{server.url}/{path}"), setup=setup)
    assert seen == ([302, 302] if path == "moved" else [200, 200])


@every_client
@pytest.mark.parametrize("presentation", [each for each in PRESENTATIONS if each.logs_in], ids=str)
@pytest.mark.parametrize("case", ["303/200", "303/401", "307/200"])
@pytest.mark.parametrize("place", ["home", "target", "hop"])
@pytest.mark.diagonal
def test_a_redirect_that_only_the_second_try_meets_is_followed(
    client: Any, presentation: Presentation, case: str, place: str, h2_world: World
) -> None:
    """And what comes of it has no renewal left."""
    h2_world.begin(presentation, "/target" if place == "home" else f"{h2_world.far.url}/{place}")
    auth, url = presentation.auth(h2_world.home.url), f"{h2_world.home.url}/start/{case}"
    auth.get_token()
    h2_world.logins += 1  # which ends that token
    (answer,) = client.play(auth, Post(url, data=BODY))
    redirect, _, outcome = case.partition("/")
    assert (answer.status, answer.history[:2]) == (int(outcome), [401, int(redirect)])
    assert h2_world.logins == 3
    last = (h2_world.far if place == "target" else h2_world.home).requests[-1]
    assert last.body == (BODY if redirect == "307" else b"")
    back = [each for each in h2_world.home.requests if each.path.startswith("/back")]
    assert [each.text for each in (*h2_world.foreign, *back) if canaries(each)] == []


@every_client
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
@pytest.mark.parametrize("kind", ["port", "host"])
def test_a_foreign_origin_gets_nothing(client: Client, presentation: Presentation, kind: str, h2_world: World) -> None:
    statuses = play(h2_world, client, presentation, places_abroad(h2_world)[kind].replace("http:", "https:"))
    check_abroad(h2_world, statuses, presentation)


@every_client
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
def test_who_comes_home_from_abroad_gets_nothing(client: Client, presentation: Presentation, h2_world: World) -> None:
    statuses = play(h2_world, client, presentation, f"{h2_world.far.url}/hop")
    check_abroad(h2_world, statuses, presentation)
    back = [request for request in h2_world.home.requests if request.path.startswith("/back")]
    assert [request.text for request in back if canaries(request)] == []


@every_client
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
@pytest.mark.parametrize("kind", ["same", "relative"])
def test_a_redirect_at_home_is_signed(client: Client, presentation: Presentation, kind: str, h2_world: World) -> None:
    statuses = play(h2_world, client, presentation, places_at_home(h2_world)[kind])
    assert statuses == [*OUTCOMES] * 5
    assert all(canaries(each) for each in h2_world.home.requests if each.path.startswith("/target"))
    assert h2_world.foreign == []


def rebuilt(request: Any) -> Any:
    new = niquests.models.PreparedRequest()
    new.prepare(method=request.method, url=request.url, headers=dict(request.headers), data=request.body)
    return new


def pickled(request: Any) -> Any:
    return pickle.loads(pickle.dumps(request))


def changing(change: Callable[[Any], Any], *, is_async: bool) -> Any:
    """Return an adapter that sends what *change* makes of a request."""

    class Adapter(niquests.adapters.HTTPAdapter):  # type: ignore[misc]
        def send(self, request: Any, **settings: Any) -> Any:
            return super().send(change(request), **settings)

    class AsyncAdapter(niquests.adapters.AsyncHTTPAdapter):  # type: ignore[misc]
        async def send(self, request: Any, **settings: Any) -> Any:
            return await super().send(change(request), **settings)

    return AsyncAdapter() if is_async else Adapter()


@every_client
@pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
@pytest.mark.parametrize("place", ["target", "hop", "home"])
@pytest.mark.parametrize(
    "change", [rebuilt, lambda request: pickle.loads(pickle.dumps(request))], ids=["new", "pickled"]
)
@pytest.mark.diagonal
def test_adapters_may_send_requests_of_their_own(
    client: Any, presentation: Presentation, place: str, change: Any, h2_world: World
) -> None:
    """niquests makes redirects of these requests, and calls no hook before the last answer."""
    h2_world.begin(presentation, "/target" if place == "home" else f"{h2_world.far.url}/{place}")
    answers = client.play(
        presentation.auth(h2_world.home.url),
        *(Get(f"{h2_world.home.url}/start/{case}") for case in CASES),
        setup=lambda session: session.mount("https://", changing(change, is_async=client.is_async)),
    )
    assert [each.status for each in answers] == [*OUTCOMES] * 5
    back = [each for each in h2_world.home.requests if each.path.startswith("/back")]
    assert [each.text for each in (*h2_world.foreign, *back) if canaries(each)] == []
    assert len(h2_world.foreign) == (0 if place == "home" else len(CASES))


@every_client
def test_http_1_is_as_ever(client: Any, ca: Any, server: TokenServer) -> None:  # noqa: F811
    """What can't be multiplexed is answered at once, and hooks come before redirects."""
    url, auth = f"{server.url}/moved", server.auth()

    def setup(session: Any) -> None:
        kind = niquests.adapters.AsyncHTTPAdapter if client.is_async else niquests.adapters.HTTPAdapter
        session.mount("https://", kind(disable_http2=True, disable_http3=True))

    client.play(auth, Get(url), setup=setup)
    server.revoke()
    assert client.play(auth, Get(url), setup=setup)[0].status == 200
    assert server.logins == 2
    server.server.versions.discard("1.1")
