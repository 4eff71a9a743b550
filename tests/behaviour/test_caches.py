"""What comes out of a cache is no login (RFC 9111), and refuses nothing; tests/world has the caches themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import BLOCKING, CLIENTS, Client, HTTPAdapter, Requests
from tests.servers import Received, Reply
from tests.support import TokenServer, without_pauses
from tokenauth import TokenEndpointError

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


@every_client
def test_token_calls_ask_caches_to_stay_out(client: Client, server: TokenServer) -> None:
    assert client.get(server.auth(), server.api) == 200
    asked = server.token_calls[0].headers["cache-control"]
    assert {each.strip() for each in asked.split(",")} >= {"no-store", "no-cache"}


@every_client
@pytest.mark.parametrize(("age", "is_login"), [("0", True), ("17", False), ("nonsense", True)])
def test_an_answer_with_an_age_is_somebody_elses_login(
    client: Client, age: str, is_login: bool, server: TokenServer
) -> None:
    def answer(request: Received) -> Reply | None:
        if request.path == "/token":
            login = server.login()
            return Reply(login.status, login.body, {"Age": age})
        return None

    server.answer = answer
    auth = without_pauses(server.auth())
    if is_login:
        assert client.get(auth, server.api) == 200
        return
    with pytest.raises(TokenEndpointError, match="cache"):
        client.get(auth, server.api)


Marking = Callable[[Any], None]


def _by_attribute(response: Any) -> None:
    response.from_cache = True


def _by_header(response: Any) -> None:
    response.headers["X-Hishel-From-Cache"] = "true"


def _by_extension(name: str, value: object) -> Marking:
    return lambda response: response.extensions.update({name: value})


def _marks(client: Client) -> dict[str, Marking]:
    if isinstance(client, Requests):
        return {"attribute": _by_attribute, "header": _by_header}
    return {
        "hishel_from_cache": _by_extension("hishel_from_cache", True),
        "from_cache": _by_extension("from_cache", True),
        "caching": _by_extension("caching", {"from_cache": True}),
    }


def _replaying(client: Client, mark: Marking) -> Callable[[Any], None]:
    """Have a session replay, and mark, every answer that it has for a URL; a cache that knows no rules."""
    kept: dict[str, Any] = {}

    class Adapter(HTTPAdapter):
        def send(self, request: Any, *args: Any, **settings: Any) -> Any:
            if request.url in kept:
                status, headers, content = kept[request.url]
                answer = self.build_response(request, _Raw(status, headers))
                answer._content, answer._content_consumed = content, True
                mark(answer)
                return answer
            answer = super().send(request, *args, **settings)
            kept[request.url] = answer.status_code, dict(answer.headers), answer.content
            return answer

    def setup(session: Any) -> None:
        if isinstance(client, Requests):
            session.mount("http://", Adapter())
            return
        library, inner = client.library, session._transport

        def handle(request: Any) -> Any:
            url = str(request.url)
            if url in kept:
                status, headers, content = kept[url]
                answer = library.Response(status, headers=headers, content=content)
                mark(answer)
                return answer
            answer = inner.handle_request(request)
            kept[url] = answer.status_code, dict(answer.headers), answer.read()
            return answer

        session._transport, session._mounts = library.MockTransport(handle), {}
        session._transport.close = inner.close

    return setup


class _Raw:
    """Enough of urllib3's response for requests to build one of its own."""

    reason = "kept"
    _original_response = None

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers = status, headers

    def release_conn(self) -> None: ...


CACHED = [
    pytest.param(client, mark, id=f"{client}-{name}") for client in BLOCKING for name, mark in _marks(client).items()
]
every_cache = pytest.mark.parametrize(("client", "mark"), CACHED)


@every_cache
def test_a_refusal_out_of_a_cache_drops_no_token(client: Client, mark: Marking, server: TokenServer) -> None:
    refusing = {"is": True}
    server.answer = lambda request: Reply(401) if request.path == "/kept" and refusing["is"] else None
    auth, setup = server.auth(), _replaying(client, mark)
    assert client.get(auth, f"{server.url}/kept", setup=setup) == 401
    logins, token = server.logins, auth.get_token().value
    for _ in range(5):
        assert client.get(auth, f"{server.url}/kept", setup=setup) == 401
    assert (server.logins, auth.get_token().value) == (logins, token)
    assert client.get(auth, server.api, setup=setup) == 200
    assert server.logins == logins


@every_cache
def test_a_replayed_answer_is_no_login(client: Client, mark: Marking, server: TokenServer) -> None:
    with _session(client) as session:
        _replaying(client, mark)(session)
        auth = without_pauses(server.auth(token_client=session))
        auth.get_token()
        auth.invalidate()
        with pytest.raises(TokenEndpointError, match="cache"):
            auth.get_token()


def _session(client: Client) -> Any:
    return client.library.Session() if isinstance(client, Requests) else client.library.Client()
