"""A world: one way in which a program sends its requests. `World.open` yields a `Player`, the same for all of them.

Async clients are played through a portal to an event loop in a thread, so that a behaviour is one text of tests.
"""

import asyncio
import contextlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import pytest
import requests
import vcr
from anyio.from_thread import start_blocking_portal

from tests.servers import Answered, application, body_of, pairs_of
from tests.world.scene import Scene
from tokenauth import TokenAuthError

SECONDS = 60.0
ROOTS: dict[str, type[Exception]] = {
    "requests": requests.RequestException,
    "httpx": httpx.HTTPError,
    "httpx2": httpx2.HTTPError,
}


_UNTRACED = (
    "MockTransport",
    "WSGITransport",
    "ASGITransport",
    "aiohttp",
    "respx",
    "pytest-httpx",
    "bare",
    "TestClient",
)


@dataclass(frozen=True)
class Outcome:
    """What the caller saw. *status*: 0 where the client raised an error that has no response."""

    status: int
    response: Any = None
    raised: Exception | None = None

    def json(self) -> Any:
        return json.loads(self.response.content)


class Player:
    """One session or client of a world."""

    def __init__(self, world: "World", scene: Scene, session: Any) -> None:
        self.world, self.scene, self.session = world, scene, session

    def sign(self, kind: str = "authorization", **options: Any) -> Any:
        if self.world.lends:
            options["token_client"] = self.session
        self.session.auth = auth = self.scene.auth(kind, **options)
        return auth

    def get(self, url: str, **settings: Any) -> Outcome:
        return self.send("GET", url, **settings)

    def post(self, url: str, **settings: Any) -> Outcome:
        return self.send("POST", url, **settings)

    def send(self, method: str, url: str, **settings: Any) -> Outcome:
        """Send a request. An error of the client's is an outcome; one of ours is raised."""
        try:
            response = self._send(method, url, **settings)
        except TokenAuthError:
            raise
        except ROOTS[self.world.library] as problem:
            if not self.world.raises:
                raise
            response = getattr(problem, "response", None)
            if response is not None and self.world.library == "requests":
                response.close()  # which httpx does by itself
            return Outcome(0 if response is None else response.status_code, response, problem)
        return Outcome(response.status_code, response)

    def herd(self, url: str, count: int) -> list[int | Exception]:
        barrier = threading.Barrier(count)

        def one(_: int) -> int | Exception:
            barrier.wait(SECONDS)
            try:
                return self.get(url).status
            except Exception as problem:
                return problem

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def _send(self, method: str, url: str, **settings: Any) -> Any:
        if self.world.library == "requests":
            settings = {"data" if name == "content" else name: value for name, value in settings.items()}
            settings["timeout"] = SECONDS
        return self.session.request(method, url, **settings)


class AsyncPlayer(Player):
    def __init__(self, world: "World", scene: Scene, session: Any, portal: Any) -> None:
        super().__init__(world, scene, session)
        self.portal = portal

    def _send(self, method: str, url: str, **settings: Any) -> Any:
        return self.portal.call(lambda: self.session.request(method, url, **settings))

    def herd(self, url: str, count: int) -> list[int | Exception]:
        async def one() -> int | Exception:
            try:
                response = await self.session.get(url)
            except Exception as problem:
                return problem
            status: int = response.status_code
            return status

        async def all_of_them() -> list[int | Exception]:
            return list(await asyncio.gather(*(one() for _ in range(count))))

        results: list[int | Exception] = self.portal.call(all_of_them)
        return results


@contextlib.contextmanager
def nothing(_: Scene) -> Iterator[Any]:
    yield None


@dataclass(frozen=True)
class World:
    name: str
    library: str
    make: Callable[[Scene, Any], Any]
    """Given the scene and what `around` yields, returns a session or client."""
    around: Callable[[Scene], contextlib.AbstractContextManager[Any]] = nothing
    is_async: bool = False
    mock: bool = False
    """Whether nothing may come to the real servers."""
    lends: bool = False
    """Whether the session is the token_client, too: this world is one session, and a login without it is elsewhere."""
    raises: bool = False
    """Whether the caller sees a refusal as an exception of the client's."""
    late: bool = False
    """Whether a refusal becomes an exception below the auth object: the next request is the first to be right."""
    fixture: str = ""
    """The pytest fixture that `around` has no part in and `make` gets."""

    @property
    def untraced(self) -> bool:
        """Whether its transport knows no `trace`, httpx's request extension by which a hop is signed on the wire: the
        auth object then learns of a redirect by its end alone."""
        return self.library != "requests" and any(name in self.name for name in _UNTRACED)

    @contextlib.contextmanager
    def open(self, scene: Scene, request: pytest.FixtureRequest | None = None) -> Iterator[Player]:
        scene.begin(mocked=self.mock)
        with contextlib.ExitStack() as stack:
            state = stack.enter_context(self.around(scene))
            if self.fixture and request is not None:
                state = request.getfixturevalue(self.fixture)
            session = self.make(scene, state)
            if self.is_async:
                portal = stack.enter_context(start_blocking_portal("asyncio"))
                stack.enter_context(portal.wrap_async_context_manager(session))
                yield AsyncPlayer(self, scene, session, portal)
            else:
                stack.enter_context(session)
                yield Player(self, scene, session)
        assert scene.leaked == [], "a mocked request went to the network"

    def __repr__(self) -> str:
        return f"{self.library}{'-async' if self.is_async else ''}-{self.name}".replace(" ", "_")


@contextlib.contextmanager
def folder(scene: Scene) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@contextlib.contextmanager
def cassette(scene: Scene) -> Iterator[Any]:
    with (
        folder(scene) as place,
        vcr.VCR(record_mode=vcr.mode.NEW_EPISODES).use_cassette(f"{place}/cassette.yaml") as it,
    ):
        yield it


def asgi_app(scene: Scene) -> Any:
    async def answered(scope: dict[str, Any], headers: dict[str, str], body: bytes) -> Answered:
        url = f"{scope['scheme']}://{headers['host']}{scope['path']}?{scope['query_string'].decode()}"
        reply = scene.answer(scope["method"], url, headers, body)
        return reply.status, pairs_of(reply), body_of(reply)

    return application(answered)


def wsgi_app(scene: Scene) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        names = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        url = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1))
        reply = scene.answer(environ["REQUEST_METHOD"], url, names, body)
        start_response(f"{reply.status} Status", list(reply.headers.items()))
        return [body_of(reply)]

    return app
