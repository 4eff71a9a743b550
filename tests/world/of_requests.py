"""Worlds of requests."""

import contextlib
import copy
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import betamax
import cachecontrol
import hishel
import hishel.requests
import requests
import requests_cache
import requests_mock
import responses
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests_toolbelt import sessions
from requests_toolbelt.adapters.host_header_ssl import HostHeaderSSLAdapter
from requests_toolbelt.adapters.socket_options import SocketOptionsAdapter
from requests_toolbelt.adapters.source import SourceAddressAdapter
from urllib3.util.retry import Retry

from tests.servers import body_of
from tests.world import django_app
from tests.world.scene import Scene
from tests.world.tracing import sentry, tracing
from tests.world.worlds import World, cassette, folder


def _plain(scene: Scene, state: Any) -> requests.Session:
    return requests.Session()


def _with(adapter: Callable[[], Any]) -> Callable[[Scene, Any], requests.Session]:
    def make(scene: Scene, state: Any) -> requests.Session:
        session = requests.Session()
        session.mount("http://", adapter())
        return session

    return make


class Changing(HTTPAdapter):
    """Sends what *change* makes of a request."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self._change = change

    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        return super().send(self._change(request), *args, **settings)


def _rebuilt(request: Any) -> Any:
    new = requests.PreparedRequest()
    new.prepare(method=request.method, url=request.url, headers=dict(request.headers), data=request.body)
    return new


def _copied_headers(request: Any) -> Any:
    request.headers = copy.deepcopy(request.headers)
    return request


def _retrying(*, raise_on_status: bool) -> Callable[[], HTTPAdapter]:
    retry = Retry(total=2, status_forcelist=[401, 429, 503], backoff_factor=0, raise_on_status=raise_on_status)
    return lambda: HTTPAdapter(max_retries=retry)


def _raising(scene: Scene, state: Any) -> requests.Session:
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    return session


# caches


def _cached(**settings: Any) -> Callable[[Scene, Any], Any]:
    return lambda scene, folder: requests_cache.CachedSession(f"{folder}/cache", **settings)


def _hishel(**settings: Any) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, folder: Any) -> requests.Session:
        session = requests.Session()
        storage = hishel.SqliteStorage(database_path=f"{folder}/cache.db")
        session.mount("http://", hishel.requests.CacheAdapter(storage=storage, **settings))
        return session

    return make


# mocks


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    read = body.read() if hasattr(body, "read") else body
    return read.encode() if isinstance(read, str) else bytes(read)


@contextlib.contextmanager
def _responses(scene: Scene) -> Iterator[Any]:
    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        reply = scene.answer(request.method, request.url, request.headers, _bytes(request.body))
        return reply.status, reply.headers, body_of(reply)

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST"):
            mock.add_callback(method, re.compile(".*"), answer)
        yield mock


def _answering(scene: Scene, mocker: Any) -> Any:
    def answer(request: Any, context: Any) -> bytes:
        reply = scene.answer(request.method, request.url, request.headers, _bytes(request.body))
        context.status_code = reply.status
        context.headers.update(reply.headers)
        return body_of(reply)

    mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=answer)
    return mocker


@contextlib.contextmanager
def _requests_mock(scene: Scene) -> Iterator[Any]:
    with requests_mock.Mocker() as mocker:
        yield _answering(scene, mocker)


@contextlib.contextmanager
def _mocked_session(scene: Scene) -> Iterator[Any]:
    session = requests.Session()
    with requests_mock.Mocker(session=session) as mocker:
        _answering(scene, mocker)
        yield session


def _mock_adapter(scene: Scene, state: Any) -> requests.Session:
    session = requests.Session()
    session.mount("http://", _answering(scene, requests_mock.Adapter()))
    return session


@contextlib.contextmanager
def _betamax(scene: Scene) -> Iterator[Any]:
    session = requests.Session()
    with tempfile.TemporaryDirectory() as folder:
        recorder = betamax.Betamax(session, cassette_library_dir=folder)
        # exact, or the request that it names has a body in which what is no UTF-8 was replaced
        with recorder.use_cassette("cassette", record="all", preserve_exact_body_bytes=True):
            yield session


# instruments and helpers


@contextlib.contextmanager
def _instrumented(scene: Scene) -> Iterator[Any]:
    with tracing() as (provider, exporter):
        RequestsInstrumentor().instrument(tracer_provider=provider)
        try:
            yield exporter
        finally:
            RequestsInstrumentor().uninstrument()


class SignsBeforeEachTry(requests.Session):
    """As airbyte-cdk's HttpClient does, which is too heavy to be installed for this: it prepares a request, and calls
    the session's auth on it before each try, so that it is signed twice or more."""

    def request(self, method: Any, url: Any, *args: Any, **settings: Any) -> Any:
        sending = {name: settings.pop(name) for name in ("timeout",) if name in settings}
        request = self.prepare_request(requests.Request(str(method), str(url), *args, **settings))
        for _ in range(3):
            if isinstance(self.auth, AuthBase):
                self.auth(request)
            response = self.send(request, **sending)
            if response.status_code not in {401, 429, 503}:
                break
        return response


class LogsEachTry(requests.Session):
    """Sends a copy of what it is given, as sessions do that count, log or sign."""

    def send(self, request: Any, **settings: Any) -> Any:
        time.perf_counter()
        return super().send(request.copy(), **settings)


def _django(scene: Scene, state: Any) -> Any:
    return django_app.client(scene)


def _base_url(scene: Scene, state: Any) -> Any:
    return sessions.BaseUrlSession(base_url=scene.home)


WORLDS = [
    World("plain", "requests", _plain),
    World("adapter sends copy()", "requests", _with(lambda: Changing(lambda request: request.copy()))),
    World("adapter sends deepcopy", "requests", _with(lambda: Changing(copy.deepcopy))),
    World("adapter sends a new request", "requests", _with(lambda: Changing(_rebuilt))),
    World("adapter deepcopies headers", "requests", _with(lambda: Changing(_copied_headers))),
    World("session sends copy()", "requests", lambda scene, state: LogsEachTry()),
    World("Retry", "requests", _with(_retrying(raise_on_status=False))),
    World("Retry that raises", "requests", _with(_retrying(raise_on_status=True)), raises=True, late=True),
    World("raise_for_status hook", "requests", _raising, raises=True),
    World("requests-cache memory", "requests", _cached(backend="memory"), folder),
    World("requests-cache sqlite", "requests", _cached(backend="sqlite"), folder),
    World(
        "requests-cache revalidating",
        "requests",
        _cached(backend="sqlite", cache_control=True, always_revalidate=True, stale_if_error=True),
        folder,
    ),
    World("CacheControl", "requests", lambda scene, state: cachecontrol.CacheControl(requests.Session())),
    World("hishel", "requests", _hishel(), folder),
    World("hishel rfc", "requests", _hishel(rfc=True), folder),
    World("responses", "requests", _plain, _responses, mock=True),
    World("requests-mock", "requests", _plain, _requests_mock, mock=True),
    World(
        "requests-mock session",
        "requests",
        lambda scene, session: session,
        _mocked_session,
        mock=True,
        lends=True,
    ),
    World("requests-mock adapter", "requests", _mock_adapter, mock=True, lends=True),
    World("vcrpy", "requests", _plain, cassette),
    World("betamax", "requests", lambda scene, session: session, _betamax, lends=True),
    World("DRF RequestsClient", "requests", _django, mock=True, lends=True),
    World("opentelemetry", "requests", _plain, _instrumented),
    World("sentry", "requests", _plain, sentry),
    World("toolbelt BaseUrlSession", "requests", _base_url),
    World("toolbelt SourceAddress", "requests", _with(lambda: SourceAddressAdapter("127.0.0.1"))),
    World("toolbelt SocketOptions", "requests", _with(lambda: SocketOptionsAdapter(socket_options=[]))),
    World("toolbelt HostHeaderSSL", "requests", _with(HostHeaderSSLAdapter)),
    World("auth called before each try", "requests", lambda scene, state: SignsBeforeEachTry()),
]
