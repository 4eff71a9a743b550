"""I3 where a refusal becomes an exception before the auth object sees it: in an adapter, a transport, a middleware."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import requests
from urllib3.util.retry import Retry

from tests.clients import AWAITING, CLIENTS, FAMILY, Aiohttp, Client, HTTPAdapter, Requests
from tests.servers import Received, Reply
from tests.support import ManualClock, TokenServer, token_server, with_clock

Raising = Callable[[Any], object]
"""Prepares a session or client, so that a refusal is raised."""


class OwnError(Exception):
    """What somebody's transport makes of a response that it doesn't like."""


def retrying(**settings: Any) -> Raising:
    retry = Retry(status_forcelist=[401, 503], backoff_factor=0, **settings)
    return lambda session: session.mount("http://", HTTPAdapter(max_retries=retry))


class Strict(HTTPAdapter):
    def send(self, *args: Any, **settings: Any) -> Any:
        response = super().send(*args, **settings)
        response.raise_for_status()
        return response


class StrictInItsOwnWay(HTTPAdapter):
    def send(self, *args: Any, **settings: Any) -> Any:
        response = super().send(*args, **settings)
        if response.status_code == 401:
            raise OwnError
        return response


def _mounted(kind: type[HTTPAdapter]) -> Raising:
    return lambda session: session.mount("http://", kind())


def _transport(client: Client, fail: Callable[[Any, Any, Any], None]) -> Raising:
    """Have *fail*, given the library, the request and the response, raise in the transport of an httpx client."""
    library: Any = client.library
    bases: Any = (library.BaseTransport, library.AsyncBaseTransport)

    def setup(session: Any) -> None:
        inner = session._transport

        class Failing(*bases):  # type: ignore[misc]  # either library's
            def handle_request(self, request: Any) -> Any:
                response = inner.handle_request(request)
                response.read()
                fail(library, request, response)
                return response

            async def handle_async_request(self, request: Any) -> Any:
                response = await inner.handle_async_request(request)
                await response.aread()
                fail(library, request, response)
                return response

            def close(self) -> None:
                inner.close()

            async def aclose(self) -> None:
                await inner.aclose()

        session._transport = Failing()
        session._mounts = {}

    return setup


def status_error(library: Any, request: Any, response: Any) -> None:
    if response.status_code >= 400:
        raise library.HTTPStatusError("refused", request=request, response=response)


def caused_by_status_error(library: Any, request: Any, response: Any) -> None:
    try:
        status_error(library, request, response)
    except library.HTTPStatusError as problem:
        raise OwnError from problem


def in_a_group(library: Any, request: Any, response: Any) -> None:
    """As a transport with a task group raises it."""
    try:
        status_error(library, request, response)
    except library.HTTPStatusError as problem:
        group = ExceptionGroup("unhandled errors in a TaskGroup", [problem])
    else:
        return
    raise group


async def raise_for_status(request: Any, handler: Any) -> Any:
    response = await handler(request)
    response.raise_for_status()
    return response


async def raise_own(request: Any, handler: Any) -> Any:
    try:
        return await raise_for_status(request, handler)
    except aiohttp.ClientResponseError as problem:
        raise OwnError from problem


def _further_in(middleware: Any) -> Raising:
    def setup(session: Any) -> None:
        session._middlewares = (*session._middlewares, middleware)

    return setup


RAISING: list[Any] = [
    pytest.param(client, raising, id=f"{client}-{name}")
    for client in CLIENTS
    for name, raising in {
        **(
            {
                "Retry once": retrying(total=0),
                "Retry thrice": retrying(total=2),
                "Retry any method": retrying(total=1, allowed_methods=None),
                "Retry by status": retrying(total=None, status=1),
                "adapter": _mounted(Strict),
                "adapter with an error of its own": _mounted(StrictInItsOwnWay),
            }
            if isinstance(client, Requests)
            else {}
        ),
        **(
            {
                "transport": _transport(client, status_error),
                "transport with an error of its own": _transport(client, caused_by_status_error),
                "transport with a task group": _transport(client, in_a_group),
            }
            if client in FAMILY
            else {}
        ),
        **(
            {
                "middleware": _further_in(raise_for_status),
                "middleware with an error of its own": _further_in(raise_own),
            }
            if isinstance(client, Aiohttp)
            else {}
        ),
    }.items()
]
every_raising = pytest.mark.parametrize(("client", "raising"), RAISING)


def met(client: Client, auth: Any, url: str, raising: Raising) -> int:
    """Return the status of the answer, or 0 where an exception was met."""
    errors = (OwnError, client.error_root, aiohttp.ClientError, ExceptionGroup)
    try:
        return client.get(auth, url, setup=raising)
    except errors:
        return 0


@every_raising
def test_a_refusal_that_is_raised_below_is_learnt(client: Client, raising: Raising) -> None:
    with token_server() as server:
        auth = server.auth()
        assert met(client, auth, server.api, raising) == 200
        server.revoke()
        assert [met(client, auth, server.api, raising) for _ in range(3)] == [0, 200, 200]
        assert server.logins == 2


@every_raising
def test_a_refusal_that_is_raised_after_a_redirect_is_learnt(client: Client, raising: Raising) -> None:
    with token_server() as server:
        auth = server.auth()
        moved = Reply(302, headers={"Location": "/api"})
        server.answer = lambda request: moved if request.path == "/moved" else None
        assert met(client, auth, f"{server.url}/moved", raising) == 200
        server.revoke()
        assert [met(client, auth, f"{server.url}/moved", raising) for _ in range(3)] == [0, 200, 200]
        assert server.logins == 2


@every_raising
def test_a_newer_token_stays(client: Client, raising: Raising) -> None:
    """Somebody else has renewed it while the request was under way."""
    with token_server() as server:
        auth = server.auth()
        renewals: list[str] = []

        def renewed_meanwhile(request: Received) -> Reply | None:
            if request.path == "/slow" and not renewals:
                renewals.append(auth._obtain(auth._source.tokens.fresh()).value)
                return Reply(401)
            return Reply(401) if request.path == "/slow" and renewals[0] not in request.text else None

        assert met(client, auth, server.api, raising) == 200
        server.answer = renewed_meanwhile
        met(client, auth, f"{server.url}/slow", raising)
        assert auth.get_token().value == renewals[0]
        assert server.logins == 2


@every_raising
def test_what_is_about_scope_is_no_refusal(client: Client, raising: Raising) -> None:
    with token_server() as server:
        auth = server.auth()
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="admin"'}
        server.answer = lambda request: Reply(401, headers=challenge) if request.path == "/scope" else None
        assert [met(client, auth, f"{server.url}/scope", raising) for _ in range(3)] == [0, 0, 0]
        assert met(client, auth, server.api, raising) == 200
        assert server.logins == 1


@every_raising
def test_an_address_that_always_refuses_costs_ever_fewer_logins(client: Client, raising: Raising) -> None:
    with token_server() as server:
        clock = ManualClock()
        auth = with_clock(server.auth(), clock)
        server.answer = lambda request: Reply(401) if request.path == "/never" else None
        for _ in range(15):
            assert met(client, auth, f"{server.url}/never", raising) == 0
            clock.move(1.0)
        assert 2 <= server.logins <= 6
        before = server.logins
        assert met(client, auth, server.api, raising) == 200
        server.revoke()
        assert [met(client, auth, server.api, raising) for _ in range(2)] == [0, 200]
        assert server.logins <= before + 2, "another address is renewed for at once"


@pytest.mark.skipif(not any(isinstance(each, Aiohttp) for each in AWAITING), reason="aiohttp's")
def test_a_session_that_raises_for_status_is_renewed_at_once() -> None:
    """aiohttp raises where the middlewares have done their work."""
    client = next(each for each in AWAITING if isinstance(each, Aiohttp))
    with token_server() as server:
        auth = server.auth()
        setup: Raising = lambda session: setattr(session, "_raise_for_status", True)  # noqa: E731  (its type is told)
        assert client.get(auth, server.api, setup=setup) == 200
        server.revoke()
        assert client.get(auth, server.api, setup=setup) == 200
        assert server.logins == 2


@pytest.mark.skipif(not any(isinstance(each, Aiohttp) for each in AWAITING), reason="aiohttp's")
@pytest.mark.parametrize("of", ["another request", "another login"])
def test_a_middleware_that_meets_the_refusal_of_something_else_costs_no_token(of: str) -> None:
    client = next(each for each in AWAITING if isinstance(each, Aiohttp))

    async def meeting(request: Any, handler: Any) -> Any:
        if of == "another login":
            await other.aget_token()
        async with aiohttp.ClientSession() as session, session.get(strange.api) as answer:
            answer.raise_for_status()

    with token_server() as server, token_server() as strange:
        auth, other = server.auth(), strange.auth()
        assert client.get(auth, server.api) == 200
        strange.answer = lambda request: Reply(401)
        assert [met(client, auth, server.api, _further_in(meeting)) for _ in range(3)] == [0, 0, 0]
        assert client.get(auth, server.api) == 200
        assert server.logins == 1


def test_what_is_read_below_is_a_plain_method(token: TokenServer) -> None:
    """Whoever keeps or logs a request finds a str."""
    seen: list[type] = []

    class Looking(HTTPAdapter):
        def send(self, request: Any, *args: Any, **settings: Any) -> Any:
            seen.append(type(request.method))
            return super().send(request, *args, **settings)

    with requests.Session() as session:
        session.auth = token.auth()
        session.mount("http://", Looking())
        assert session.get(token.api).status_code == 200
    assert seen == [str]


@pytest.fixture
def token() -> Any:
    with token_server() as server:
        yield server
