"""One small class per client, so that a behaviour is one text of tests: `CLIENTS` is what to parametrise over.

client.play(auth, Get(url), Post(url, **body))   one session, one request after the other
client.herd(auth, url, count)                    count requests at the same moment, each answer's status
client.stream(auth, Get(url))                    the answer as it comes, unread
client.get_token(auth)                           the way this client's users get it
"""

import asyncio
import contextlib
import io
import json
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import httpx2
import requests
import trio

try:
    import niquests
except ImportError:
    niquests: Any = None  # type: ignore[no-redef]

if TYPE_CHECKING:
    HTTPAdapter = requests.adapters.HTTPAdapter
else:
    HTTPAdapter = (requests if niquests is None else niquests).adapters.HTTPAdapter

SECONDS = 60.0
TLS = ssl.create_default_context()
"""Shared, for to load the CA bundle takes each new client 20 ms, and loopback has no use for it."""


@dataclass
class Request:
    method: str
    url: str
    body: dict[str, Any] = field(default_factory=dict)


def Get(url: str, **body: Any) -> Request:
    return Request("GET", url, body)


def Post(url: str, **body: Any) -> Request:
    return Request("POST", url, body)


@dataclass
class Answer:
    """What every client tells of a response."""

    status: int
    content: bytes
    headers: dict[str, str]
    history: list[int]
    response: Any = field(repr=False)
    unread: bool = False
    """Whether nothing of the body had been read when the client handed the response over; see `Client.stream`."""

    def json(self) -> Any:
        return self.response.json()


class Client:
    """A client library in one of its ways of use."""

    name: str
    library: Any
    is_async = False
    resends = 0
    """How often the client itself sends a request again whose connection broke."""
    of_requests = False
    """Whether it takes what requests takes, and hands to hooks what requests does."""
    reopens = False
    """Whether its async client can be used again after its end."""
    keeps_refusals = True
    """Whether a 401 that was renewed stands in the response's own history."""

    @property
    def kind(self) -> tuple[str, bool]:
        """What has the same adapter and the same driver: one stands for another in a quick run (tests/pairwise.py)."""
        return self.name.split("-")[0].removesuffix("2"), self.is_async

    @property
    def error_root(self) -> type[Exception]:
        """What this client's users write after `except`."""
        root: type[Exception] = self.library.HTTPError
        return root

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        """Send *requests* in one session.

        *settings*: `follow_redirects` (True), `timeout`, `pool` (connections), `setup` (called with the session or
        client before anything is sent, where it may set the auth, too).
        """
        raise NotImplementedError

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        """Send *request* as a stream; call *on_open* when the response is there, then read it to its end."""
        raise NotImplementedError

    def hook(self, function: Callable[[Any], object]) -> Any:
        """Return *function* as this client takes event hooks."""
        return function

    def add_hooks(
        self, session: Any, on_request: Callable[[Any], object] = bool, on_response: Callable[[Any], object] = bool
    ) -> None:
        """Have *session* call these for each request that it sends and each response that it gets."""
        session.event_hooks = {"request": [self.hook(on_request)], "response": [self.hook(on_response)]}

    def hooks(self, session: Any) -> Any:
        """Return what stands in *session* of hooks; false where there are none."""
        return session.event_hooks["request"] + session.event_hooks["response"]

    def set_auth(self, session: Any, auth: Any) -> None:
        session.auth = auth

    def set_cookie(self, session: Any, name: str, value: str) -> None:
        session.cookies.set(name, value)

    def cookies(self, session: Any) -> dict[str, str]:
        return dict(session.cookies)

    def open_file(self, file: Any, length: int) -> dict[str, Any]:
        """Return a request body: the open *file*, of which *length* bytes are left."""
        return {"content": file, "headers": {"Content-Length": str(length)}}

    def send(self, auth: Any, request: Request, **settings: Any) -> Answer:
        return self.play(auth, request, **settings)[0]

    def get(self, auth: Any, url: str, **settings: Any) -> int:
        return self.send(auth, Get(url), **settings).status

    def herd(self, auth: Any, url: str, count: int) -> list[int | Exception]:
        """Return what each of *count* requests at the same moment met."""
        raise NotImplementedError

    def get_token(self, auth: Any) -> Any:
        return auth.get_token()

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        """Return a request body: a seekable file that stands at *position*."""
        raise NotImplementedError

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        """Return a request body: a generator, which can be sent once only."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name


def _stand(content: bytes, position: int) -> io.BytesIO:
    file = io.BytesIO(content)
    file.seek(position)
    return file


class Blocking(Client):
    def herd(self, auth: Any, url: str, count: int) -> list[int | Exception]:
        barrier = threading.Barrier(count)

        def one(_: int) -> int | Exception:
            barrier.wait(SECONDS)
            try:
                return self.get(auth, url)
            except Exception as problem:
                return problem

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))


class Requests(Blocking):
    name = "requests"
    of_requests = True
    library: Any = requests

    @contextlib.contextmanager
    def session(self, auth: Any, pool: int | None = None, setup: Callable[[Any], object] = bool) -> Iterator[Any]:
        with self.library.Session() as session:
            session.auth = auth
            if pool is not None:
                adapter = self.library.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=pool, pool_block=True)
                session.mount("http://", adapter)
            setup(session)
            yield session

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        options = self._options(settings)
        with self.session(auth, settings.get("pool"), settings.get("setup", bool)) as session:
            return [self._answer(session.request(each.method, each.url, **options, **each.body)) for each in requests]

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        with self.session(auth, settings.get("pool"), settings.get("setup", bool)) as session:
            options = self._options(settings)
            response = session.request(request.method, request.url, stream=True, **options, **request.body)
            unread = not response._content_consumed
            on_open()
            return replace(self._answer(response), unread=unread)

    @property
    def error_root(self) -> type[Exception]:
        root: type[Exception] = self.library.RequestException
        return root

    def add_hooks(
        self, session: Any, on_request: Callable[[Any], object] = bool, on_response: Callable[[Any], object] = bool
    ) -> None:
        """requests has no hook for a request; an adapter is the nearest thing."""

        class Adapter(HTTPAdapter):
            def add_headers(self, request: Any, **settings: Any) -> None:
                on_request(request)

        session.mount("http://", Adapter())

        def answered(response: Any, **_: Any) -> None:  # what a hook returns takes the response's place
            on_response(response)

        session.hooks["response"] = [answered]

    def hooks(self, session: Any) -> Any:
        return session.hooks["response"]

    def open_file(self, file: Any, length: int) -> dict[str, Any]:
        return {"data": file}

    def _options(self, settings: dict[str, Any]) -> dict[str, Any]:
        redirects = settings.get("follow_redirects", True)
        return {"timeout": settings.get("timeout", SECONDS), "allow_redirects": redirects}

    def _answer(self, response: Any) -> Answer:
        history = [each.status_code for each in response.history]
        return Answer(response.status_code, response.content, dict(response.headers), history, response)

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        return {"data": _stand(content, position)}

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        return {"data": (piece for piece in pieces)}


class Niquests(Requests):
    name = "niquests"
    library = niquests


def _settings(library: Any, auth: Any, settings: dict[str, Any]) -> dict[str, Any]:
    options = {"auth": auth, "follow_redirects": settings.get("follow_redirects", True), "verify": TLS}
    options["timeout"] = settings.get("timeout", SECONDS)
    if settings.get("pool") is not None:
        options["limits"] = library.Limits(max_connections=settings["pool"])
    return options


def _httpx_body(body: dict[str, Any]) -> dict[str, Any]:
    """requests' `data=` of bytes or text is httpx's `content=`."""
    if isinstance(body.get("data"), bytes | str):
        return {**{name: value for name, value in body.items() if name != "data"}, "content": body["data"]}
    return body


def _httpx_answer(response: Any) -> Answer:
    history = [each.status_code for each in response.history]
    return Answer(response.status_code, response.content, dict(response.headers), history, response)


class Httpx(Blocking):
    name = "httpx"
    library: Any = httpx

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        with self.client(auth, **settings) as client:
            return [_httpx_answer(client.request(each.method, each.url, **_httpx_body(each.body))) for each in requests]

    def client(self, auth: Any, **settings: Any) -> Any:
        client = self.library.Client(**_settings(self.library, auth, settings))
        settings.get("setup", bool)(client)
        return client

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        body = _httpx_body(request.body)
        with (
            self.client(auth, **settings) as client,
            client.stream(request.method, request.url, **body) as response,
        ):
            unread = not response.is_stream_consumed
            on_open()
            response.read()
            return replace(_httpx_answer(response), unread=unread)

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        rest = str(len(content) - position)  # httpx 0.28 would announce the whole file's length
        return {"content": _stand(content, position), "headers": {"Content-Length": rest}}

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        return {"content": (piece for piece in pieces)}


class Httpx2(Httpx):
    name = "httpx2"
    library = httpx2


class AsyncFile:
    """A seekable file as async clients take it: an async iterable that can tell and seek."""

    def __init__(self, content: bytes, position: int) -> None:
        self.wrapped = _stand(content, position)

    async def __aiter__(self) -> Any:
        while piece := self.wrapped.read(1000):
            yield piece


class Awaiting(Client):
    """An async client on asyncio."""

    is_async = True
    library: Any

    def run(self, function: Callable[[], Awaitable[Any]]) -> Any:
        """Run *function* on this client's event loop."""

        async def main() -> Any:
            return await function()

        return asyncio.run(main())

    async def gather(self, functions: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
        """Run *functions* at the same time; return their results, or the exceptions they raised."""
        return await asyncio.gather(*(each() for each in functions), return_exceptions=True)

    @contextlib.asynccontextmanager
    async def scope(self) -> AsyncIterator[Callable[[], object]]:
        """Yield a function that cancels the block, the way another task would; the block then ends quietly."""
        task = asyncio.current_task()
        assert task is not None
        try:
            yield task.cancel
        except asyncio.CancelledError:
            task.uncancel()

    @contextlib.asynccontextmanager
    async def limited(self) -> AsyncIterator[Callable[[], object]]:
        """Yield a function that makes the block's time limit pass: TimeoutError, as from `asyncio.timeout`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as timeout:
            yield lambda: timeout.reschedule(loop.time())

    async def until(self, condition: Callable[[], object]) -> None:
        """Let other tasks run until *condition* holds."""
        for _ in range(4000):
            if condition():
                return
            await self.sleep(0.005)
        raise AssertionError("waited in vain")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def client(self, auth: Any, **settings: Any) -> Any:
        client = self.library.AsyncClient(**_settings(self.library, auth, settings))
        settings.get("setup", bool)(client)
        return client

    def hook(self, function: Callable[[Any], object]) -> Any:
        async def hook(subject: Any) -> None:
            function(subject)

        return hook

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        body = _httpx_body(request.body)

        async def main() -> Answer:
            async with (
                self.client(auth, **settings) as client,
                client.stream(request.method, request.url, **body) as response,
            ):
                unread = not response.is_stream_consumed
                on_open()
                await response.aread()
                return replace(_httpx_answer(response), unread=unread)

        answer: Answer = self.run(main)
        return answer

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        async def main() -> list[Answer]:
            async with self.client(auth, **settings) as client:
                return [
                    _httpx_answer(await client.request(each.method, each.url, **_httpx_body(each.body)))
                    for each in requests
                ]

        answers: list[Answer] = self.run(main)
        return answers

    def herd(self, auth: Any, url: str, count: int) -> list[int | Exception]:
        async def main() -> list[Any]:
            async with self.client(auth, timeout=60) as client:

                async def one() -> int:
                    status: int = (await client.get(url)).status_code
                    return status

                return await self.gather([one] * count)

        results: list[int | Exception] = self.run(main)
        return results

    def get_token(self, auth: Any) -> Any:
        return self.run(auth.aget_token)

    def own_client(self) -> Any:
        """Return a client as it is made without arguments, for `token_client=`. Call it on its event loop."""
        return self.library.AsyncClient()

    def open_file(self, file: Any, length: int) -> dict[str, Any]:
        body = AsyncFile(b"", 0)
        body.wrapped = file
        return {"content": body, "headers": {"Content-Length": str(length)}}

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        rest = str(len(content) - position)
        return {"content": AsyncFile(content, position), "headers": {"Content-Length": rest}}

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        async def generate() -> Any:
            for piece in pieces:
                yield piece

        return {"content": generate()}


class OnTrio(Awaiting):
    """An async client on trio."""

    def run(self, function: Callable[[], Awaitable[Any]]) -> Any:
        return trio.run(function)

    @contextlib.asynccontextmanager
    async def scope(self) -> AsyncIterator[Callable[[], object]]:
        with trio.CancelScope() as scope:
            yield scope.cancel

    @contextlib.asynccontextmanager
    async def limited(self) -> AsyncIterator[Callable[[], object]]:
        with trio.fail_after(3600) as scope:
            yield lambda: setattr(scope, "deadline", trio.current_time())

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def gather(self, functions: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
        results: list[Any] = [None] * len(functions)

        async def one(index: int) -> None:
            try:
                results[index] = await functions[index]()
            except Exception as problem:
                results[index] = problem

        async with trio.open_nursery() as nursery:
            for index in range(len(functions)):
                nursery.start_soon(one, index)
        return results


class HttpxAsync(Awaiting):
    name = "httpx-asyncio"
    library = httpx


class HttpxTrio(OnTrio):
    name = "httpx-trio"
    library = httpx


class Httpx2Async(Awaiting):
    name = "httpx2-asyncio"
    library = httpx2


class Httpx2Trio(OnTrio):
    name = "httpx2-trio"
    library = httpx2


class _Response(aiohttp.ClientResponse):
    """A response with the names that httpx and requests have for what both know."""

    @property
    def status_code(self) -> int:
        return self.status

    @property
    def request(self) -> Any:
        return self.request_info


async def _read_whole(request: Any, handler: Any) -> Any:
    """As the other clients do with what is no stream; else the connection has to be given back by hand."""
    response = await handler(request)
    await response.read()
    return response


def _middleware(on_request: Callable[[Any], object], on_response: Callable[[Any], object]) -> Any:
    async def middleware(request: Any, handler: Any) -> Any:
        on_request(request)
        response = await handler(request)
        on_response(response)
        return response

    return middleware


class Aiohttp(Awaiting):
    """aiohttp, with the auth object as a middleware.

    Its `history` holds redirects alone; an answer's tells of all that the session met, in order.
    """

    name = "aiohttp"
    library: Any = aiohttp
    keeps_refusals = False
    resends = 1

    def own_client(self) -> Any:
        return aiohttp.ClientSession()

    def set_auth(self, session: Any, auth: Any) -> None:
        session._middlewares = (_read_whole, auth, *session._middlewares[1:])

    def add_hooks(
        self, session: Any, on_request: Callable[[Any], object] = bool, on_response: Callable[[Any], object] = bool
    ) -> None:
        session._middlewares = (*session._middlewares, _middleware(on_request, on_response))

    def hooks(self, session: Any) -> Any:
        return session._middlewares[2:]

    def set_cookie(self, session: Any, name: str, value: str) -> None:
        session.cookie_jar.update_cookies({name: value})

    def cookies(self, session: Any) -> dict[str, str]:
        return {each.key: each.value for each in session.cookie_jar}

    @property
    def error_root(self) -> type[Exception]:
        return aiohttp.ClientError

    def client(self, auth: Any, **settings: Any) -> Any:
        """Return a session. Call it on its event loop."""
        options: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=settings.get("timeout", SECONDS))}
        options["connector"] = aiohttp.TCPConnector(limit=settings.get("pool") or 0, ssl=TLS)
        options["cookie_jar"] = aiohttp.CookieJar(unsafe=True)  # which has cookies of addresses, as loopback's
        middlewares = [_read_whole, auth] if auth is not None else [_read_whole]
        session = aiohttp.ClientSession(middlewares=middlewares, response_class=_Response, **options)
        settings.get("setup", bool)(session)
        return session

    async def _send(self, session: Any, request: Request, settings: dict[str, Any]) -> Answer:
        redirects = settings.get("follow_redirects", True)
        met: list[int] = []
        async with self._request(session, request, met, allow_redirects=redirects) as response:
            return await _aiohttp_answer(response, met)

    def _request(self, session: Any, request: Request, met: list[int], **options: Any) -> Any:
        middlewares = (*session._middlewares[1:], _middleware(bool, lambda response: met.append(response.status)))
        body = _aiohttp_body(request.body)
        return session.request(request.method, request.url, middlewares=middlewares, **body, **options)

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        async def main() -> list[Answer]:
            async with self.client(auth, **settings) as session:
                return [await self._send(session, each, settings) for each in requests]

        answers: list[Answer] = self.run(main)
        return answers

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        async def main() -> Answer:
            met: list[int] = []
            async with (
                self.client(auth, **settings) as session,
                self._request(session, request, met) as response,
            ):
                unread = response._body is None
                on_open()
                return replace(await _aiohttp_answer(response, met), unread=unread)

        answer: Answer = self.run(main)
        return answer

    def herd(self, auth: Any, url: str, count: int) -> list[int | Exception]:
        async def main() -> list[Any]:
            async with self.client(auth, timeout=60) as session:

                async def one() -> int:
                    async with session.get(url) as response:
                        status: int = response.status
                        return status

                return await self.gather([one] * count)

        results: list[int | Exception] = self.run(main)
        return results

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        return {"data": _stand(content, position)}

    def open_file(self, file: Any, length: int) -> dict[str, Any]:
        return {"data": file}

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        async def generate() -> Any:
            for piece in pieces:
                yield piece

        return {"data": generate()}


async def _aiohttp_answer(response: Any, met: list[int]) -> Answer:
    content = await response.read()
    return Answer(response.status, content, dict(response.headers), met[:-1], _Read(response, content))


def _aiohttp_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of requests and httpx as aiohttp's."""
    body = dict(body)
    if "content" in body:
        body["data"] = body.pop("content")
    if "files" in body:
        form = aiohttp.FormData(body.get("data", {}), default_to_multipart=True)
        for field_name, (filename, content) in body.pop("files").items():
            form.add_field(field_name, content, filename=filename)
        return {**body, "data": form}
    if isinstance(body.get("data"), dict):
        pairs = [(name, each) for name, value in body["data"].items() for each in _each(value)]
        body["data"] = aiohttp.FormData(pairs)
    return body


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class _Read:
    """A response whose body has been read, as the other clients' have it."""

    response: Any
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def text(self) -> str:
        return self.content.decode()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.response, name)


class NiquestsAsync(Awaiting):
    """niquests' AsyncSession, which is requests' Session with awaits."""

    name = "niquests-asyncio"
    of_requests = reopens = True
    library: Any = niquests

    def own_client(self) -> Any:
        return self.library.AsyncSession()

    @property
    def error_root(self) -> type[Exception]:
        root: type[Exception] = self.library.RequestException
        return root

    def add_hooks(
        self, session: Any, on_request: Callable[[Any], object] = bool, on_response: Callable[[Any], object] = bool
    ) -> None:
        async def sent(request: Any, **_: Any) -> None:
            on_request(request)

        async def answered(response: Any, **_: Any) -> None:
            on_response(response)

        session.hooks["pre_request"], session.hooks["response"] = [sent], [answered]

    def hooks(self, session: Any) -> Any:
        return session.hooks["pre_request"] + session.hooks["response"]

    def client(self, auth: Any, **settings: Any) -> Any:
        session = self.library.AsyncSession(pool_connections=1, pool_maxsize=settings.get("pool") or 1000)
        session.auth = auth
        settings.get("setup", bool)(session)
        return session

    def _options(self, settings: dict[str, Any]) -> dict[str, Any]:
        redirects = settings.get("follow_redirects", True)
        return {"timeout": settings.get("timeout", SECONDS), "allow_redirects": redirects}

    def play(self, auth: Any, *requests: Request, **settings: Any) -> list[Answer]:
        async def main() -> list[Answer]:
            async with self.client(auth, **settings) as session:
                options = self._options(settings)
                return [
                    _niquests_answer(await session.request(each.method, each.url, **options, **each.body))
                    for each in requests
                ]

        answers: list[Answer] = self.run(main)
        return answers

    def stream(self, auth: Any, request: Request, on_open: Callable[[], object] = bool, **settings: Any) -> Answer:
        async def main() -> Answer:
            async with self.client(auth, **settings) as session:
                options = self._options(settings)
                response = await session.request(request.method, request.url, stream=True, **options, **request.body)
                unread = not response._content_consumed
                on_open()
                await response.content
                response.__class__ = self.library.Response
                return replace(_niquests_answer(response), unread=unread)

        answer: Answer = self.run(main)
        return answer

    def open_file(self, file: Any, length: int) -> dict[str, Any]:
        return {"data": file}

    def file(self, content: bytes, position: int) -> dict[str, Any]:
        return {"data": _stand(content, position)}

    def generator(self, pieces: list[bytes]) -> dict[str, Any]:
        return {"data": super().generator(pieces)["content"]}


def _niquests_answer(response: Any) -> Answer:
    history = [each.status_code for each in response.history]
    return Answer(response.status_code, response.content, dict(response.headers), history, response)


CLIENTS: list[Client] = [
    Requests(),
    Httpx(),
    HttpxAsync(),
    HttpxTrio(),
    Httpx2(),
    Httpx2Async(),
    Httpx2Trio(),
    Aiohttp(),
]
UNFIT: dict[str, str] = {}
"""Tests that these clients can't pass, and why."""
if niquests is not None:  # an environment of its own, for it replaces the urllib3 of the others: tests/niquests
    CLIENTS = [Niquests(), NiquestsAsync()]
    UNFIT = {
        "test_redirects_behind_a_proxy": "niquests reads the environment's proxies once, and these change",
        "test_a_proxy_that_refuses_the_tunnel_says_nothing_of_the_token": "the same",
        "test_a_login_on_a_lent_client_takes_the_proxy_that_the_client_takes": "its urllib3 is not that of requests",
        "test_a_body_that_breaks_off_is_the_client_s_own_error": "niquests takes what came of it for the whole",
        "test_an_ipv6_address_is_an_origin": "niquests names an IPv6 host without brackets, which the server refuses",
    }
BLOCKING = [client for client in CLIENTS if not client.is_async]
FAMILY = [client for client in CLIENTS if client.name.startswith("httpx")]
"""httpx and httpx2, which have one architecture."""
AWAITING = [client for client in CLIENTS if isinstance(client, Awaiting)]


def leave(client: Client, auth: Any) -> None:
    """Close *auth* as programs with this client do."""
    if isinstance(client, Awaiting):
        client.run(auth.aclose)
    else:
        auth.close()
