"""Worlds of httpx and httpx2, sync and async."""

import contextlib
import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import hishel
import hishel.httpx
import hishel.httpx2
import httpx
import httpx2
import httpx_aiohttp
import httpx_aiohttp.httpx2
import httpx_retries
import respx
import starlette.testclient
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor

from tests.clients import TLS
from tests.servers import body_of
from tests.world.scene import Scene
from tests.world.tracing import sentry, tracing
from tests.world.worlds import SECONDS, World, asgi_app, cassette, folder, nothing, wsgi_app

LIBRARIES: list[Any] = [httpx, httpx2]


def _settings(**more: Any) -> dict[str, Any]:
    return {"verify": TLS, "timeout": SECONDS, "follow_redirects": True, **more}


def _kind(library: Any, *, is_async: bool) -> Any:
    return library.AsyncClient if is_async else library.Client


def _transport(library: Any, *, is_async: bool) -> Any:
    return library.AsyncHTTPTransport(verify=TLS) if is_async else library.HTTPTransport(verify=TLS)


# what changes requests on their way


def _renew(library: Any, request: Any) -> None:
    request.headers = library.Headers(request.headers)


def _renew_by_deepcopy(library: Any, request: Any) -> None:
    request.headers = copy.deepcopy(request.headers)


def _renew_by_pickle(library: Any, request: Any) -> None:
    request.headers = pickle.loads(pickle.dumps(request.headers))


def _renew_by_raw(library: Any, request: Any) -> None:
    request.headers = library.Headers(request.headers.raw)


def _renew_by_dict(library: Any, request: Any) -> None:
    request.headers = library.Headers(dict(request.headers))


HOOKS = {
    "hook Headers()": _renew,
    "hook deepcopy": _renew_by_deepcopy,
    "hook pickle": _renew_by_pickle,
    "hook raw": _renew_by_raw,
    "hook dict": _renew_by_dict,
}


def _raise(library: Any, response: Any) -> None:
    if response.status_code >= 400:  # httpx's own raise_for_status takes a redirect for an error as well
        response.raise_for_status()


def _hooked(
    library: Any, event: str, function: Callable[[Any, Any], None], *, is_async: bool
) -> Callable[[Scene, Any], Any]:
    def hook(subject: Any) -> None:
        function(library, subject)

    async def async_hook(subject: Any) -> None:
        function(library, subject)

    hooks = {event: [async_hook if is_async else hook]}
    return lambda scene, state: _kind(library, is_async=is_async)(**_settings(event_hooks=hooks))


def _new_request(library: Any, request: Any) -> Any:
    return library.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )


def _new_bare_request(library: Any, request: Any) -> Any:
    """Without its extensions, as one would who has not heard of them: so the connection can't tell anybody."""
    timeout = {"timeout": request.extensions.get("timeout", {})}
    return library.Request(
        request.method, request.url, headers=dict(request.headers), stream=request.stream, extensions=timeout
    )


def _new_headers(library: Any, request: Any) -> Any:
    _renew(library, request)
    return request


TRANSPORTS = {
    "transport sends a new request": _new_request,
    "transport sends a bare new request": _new_bare_request,
    "transport renews headers": _new_headers,
}


def _wrapped(library: Any, change: Callable[[Any, Any], Any], *, is_async: bool) -> Callable[[Scene, Any], Any]:
    def handle(self: Any, request: Any) -> Any:
        return self.inner.handle_request(change(library, request))

    async def handle_async(self: Any, request: Any) -> Any:
        return await self.inner.handle_async_request(change(library, request))

    def close(self: Any) -> None:
        self.inner.close()

    async def aclose(self: Any) -> None:
        await self.inner.aclose()

    body = {"handle_request": handle, "handle_async_request": handle_async, "close": close, "aclose": aclose}
    wrapping = type("Wrapping", (library.BaseTransport, library.AsyncBaseTransport), body)

    def make(scene: Scene, state: Any) -> Any:
        transport = wrapping()
        transport.inner = _transport(library, is_async=is_async)
        return _kind(library, is_async=is_async)(**_settings(transport=transport))

    return make


# mocks


def _answered(library: Any, scene: Scene, request: Any) -> Any:
    reply = scene.answer(request.method, str(request.url), request.headers, request.read())
    return library.Response(reply.status, headers=reply.headers, content=body_of(reply))


def _mock_transport(library: Any, *, is_async: bool) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, state: Any) -> Any:
        def answer(request: Any) -> Any:
            return _answered(library, scene, request)

        async def async_answer(request: Any) -> Any:
            await request.aread()
            return _answered(library, scene, request)

        transport = library.MockTransport(async_answer if is_async else answer)
        return _kind(library, is_async=is_async)(**_settings(transport=transport))

    return make


def _in_process(library: Any, *, is_async: bool) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, state: Any) -> Any:
        transport = library.ASGITransport(asgi_app(scene)) if is_async else library.WSGITransport(wsgi_app(scene))
        return _kind(library, is_async=is_async)(**_settings(transport=transport))

    return make


@contextlib.contextmanager
def _respx(scene: Scene) -> Iterator[Any]:
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=lambda request: _answered(httpx, scene, request))
        yield router


def _pytest_httpx(*, is_async: bool) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, mock: Any) -> Any:
        mock.add_callback(lambda request: _answered(httpx, scene, request), is_reusable=True, is_optional=True)
        return _kind(httpx, is_async=is_async)(**_settings())

    return make


# caches, retries, other wires, instruments


def _hishel(library: Any, *, is_async: bool, rfc: bool) -> Callable[[Scene, Any], Any]:
    home = hishel.httpx if library is httpx else hishel.httpx2

    def make(scene: Scene, folder: Any) -> Any:
        path = f"{folder}/cache.db"
        if is_async:
            return home.AsyncCacheClient(storage=hishel.AsyncSqliteStorage(database_path=path), rfc=rfc, **_settings())
        return home.CacheClient(storage=hishel.SqliteStorage(database_path=path), rfc=rfc, **_settings())

    return make


def _retrying(*, is_async: bool) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, state: Any) -> Any:
        retry = httpx_retries.Retry(total=2, status_forcelist=[401, 429, 503], backoff_factor=0)
        transport = httpx_retries.RetryTransport(transport=_transport(httpx, is_async=is_async), retry=retry)
        return _kind(httpx, is_async=is_async)(**_settings(transport=transport))

    return make


@contextlib.contextmanager
def _tracing(scene: Scene) -> Iterator[Any]:
    with tracing() as (provider, _):
        yield provider


def _instrumented(library: Any, *, is_async: bool) -> Callable[[Scene, Any], Any]:
    def make(scene: Scene, provider: Any) -> Any:
        client = _kind(library, is_async=is_async)(**_settings())
        instrumentor = HTTPXClientInstrumentor if library is httpx else HTTPX2ClientInstrumentor
        instrumentor.instrument_client(client, tracer_provider=provider)
        return client

    return make


@contextlib.contextmanager
def _all_instrumented(scene: Scene) -> Iterator[Any]:
    with tracing() as (provider, _):
        instrumentors = [HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor()]
        for each in instrumentors:
            each.instrument(tracer_provider=provider)
        try:
            yield provider
        finally:
            for each in instrumentors:
                each.uninstrument()


def _test_client(scene: Scene, state: Any) -> Any:
    return starlette.testclient.TestClient(asgi_app(scene), base_url=scene.home)


def _worlds(library: Any, *, is_async: bool) -> Iterator[World]:
    """Yield the worlds that both libraries have, and sync as well as async."""
    name = library.__name__

    def world(title: str, make: Callable[[Scene, Any], Any], around: Any = nothing, **traits: Any) -> World:
        return World(title, name, make, around, is_async=is_async, **traits)

    def plain(scene: Scene, state: Any) -> Any:
        return _kind(library, is_async=is_async)(**_settings())

    yield world("plain", plain)
    for title, function in HOOKS.items():
        yield world(title, _hooked(library, "request", function, is_async=is_async))
    for title, change in TRANSPORTS.items():
        yield world(title, _wrapped(library, change, is_async=is_async))
    yield world(
        "raise_for_status hook", _hooked(library, "response", _raise, is_async=is_async), raises=True, late=True
    )
    yield world("MockTransport", _mock_transport(library, is_async=is_async), mock=True, lends=True)
    title = "ASGITransport" if is_async else "WSGITransport"
    yield world(title, _in_process(library, is_async=is_async), mock=True, lends=True)
    yield world("vcrpy", plain, cassette)
    yield world("hishel", _hishel(library, is_async=is_async, rfc=False), folder)
    yield world("hishel rfc", _hishel(library, is_async=is_async, rfc=True), folder)
    yield world("opentelemetry client", _instrumented(library, is_async=is_async), _tracing)
    yield world("opentelemetry", plain, _all_instrumented)
    yield world("sentry", plain, sentry)
    if library is httpx:
        yield world("respx", plain, _respx, mock=True)
        yield world("pytest-httpx", _pytest_httpx(is_async=is_async), mock=True, fixture="httpx_mock")
        yield world("httpx-retries", _retrying(is_async=is_async))


WORLDS = [world for library in LIBRARIES for is_async in (False, True) for world in _worlds(library, is_async=is_async)]
WORLDS += [
    World(
        "httpx-aiohttp",
        "httpx",
        lambda scene, state: httpx_aiohttp.HttpxAiohttpClient(**_settings()),
        is_async=True,
    ),
    World(
        "httpx-aiohttp",
        "httpx2",
        lambda scene, state: httpx_aiohttp.httpx2.Httpx2AiohttpClient(**_settings()),
        is_async=True,
    ),
    World("Starlette TestClient", "httpx2", _test_client, mock=True, lends=True),
]
