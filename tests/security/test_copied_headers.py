"""I5 and I11 where somebody on the way down copies a request's headers: ours arrive at home, and nowhere else.

OpenTelemetry's instrumentation puts `Headers(request.headers)` in their place; transports that wrap another one build
a request of their own; hooks of the user's do either.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import FAMILY, Client, Get
from tests.security.world import PRESENTATIONS, Presentation, World
from tests.servers import Received

HTTPX = FAMILY
every_client = pytest.mark.parametrize("client", HTTPX, ids=repr)
every_presentation = pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
CUSTOM = next(each for each in PRESENTATIONS if each.name == "custom")

Setup = Callable[[Any], None]


def _hook(client: Client, change: Callable[[Any, Any], None]) -> Setup:
    def setup(session: Any) -> None:
        session.event_hooks = {"request": [client.hook(lambda request: change(client.library, request))]}

    return setup


def _renew(library: Any, request: Any) -> None:
    request.headers = library.Headers(request.headers)


def _renew_by_copy(library: Any, request: Any) -> None:
    request.headers = request.headers.copy()


def _renew_by_hand(library: Any, request: Any) -> None:
    request.headers = library.Headers(request.headers.multi_items())


def _wrapping(change: Callable[[Any, Any], Any]) -> Callable[[Client], Setup]:
    """Put a transport before the client's own, which sends what *change* makes of a request."""

    def make(client: Client) -> Setup:
        library = client.library

        class Wrapping(library.BaseTransport, library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
            def __init__(self, inner: Any) -> None:
                self._inner = inner

            def handle_request(self, request: Any) -> Any:
                return self._inner.handle_request(change(library, request))

            async def handle_async_request(self, request: Any) -> Any:
                return await self._inner.handle_async_request(change(library, request))

            def close(self) -> None:
                self._inner.close()

            async def aclose(self) -> None:
                await self._inner.aclose()

        def setup(session: Any) -> None:
            session._transport = Wrapping(session._transport)

        return setup

    return make


def _rebuilt(library: Any, request: Any) -> Any:
    return library.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )


def _renewed(library: Any, request: Any) -> Any:
    _renew(library, request)
    return request


def _extend_anew(library: Any, request: Any) -> None:
    request.extensions = {"timeout": request.extensions["timeout"]}


COPIES: dict[str, Callable[[Client], Setup]] = {
    "hook, extensions": lambda client: _hook(client, _extend_anew),
    "hook": lambda client: _hook(client, _renew),
    "hook, copy()": lambda client: _hook(client, _renew_by_copy),
    "hook, by hand": lambda client: _hook(client, _renew_by_hand),
    "rebuilding transport": _wrapping(_rebuilt),
    "instrumented transport": _wrapping(_renewed),
}
every_copy = pytest.mark.parametrize("copy", COPIES)


@every_copy
@every_presentation
@every_client
def test_what_is_ours_arrives_though_the_headers_were_copied(
    client: Client, presentation: Presentation, copy: str, plain_world: World
) -> None:
    plain_world.begin(presentation, "/target")
    auth = presentation.auth(plain_world.home.url)
    url = f"{plain_world.home.url}/target/302/200"
    answers = client.play(auth, Get(url), Get(url), setup=COPIES[copy](client))
    assert [(answer.status, answer.history) for answer in answers] == [(200, []), (200, [])], plain_world.show()
    assert plain_world.logins == presentation.logs_in


@every_copy
@every_presentation
@every_client
def test_a_401_is_renewed_though_the_headers_were_copied(
    client: Client, presentation: Presentation, copy: str, plain_world: World
) -> None:
    if not presentation.logs_in:
        return
    plain_world.begin(presentation, "/target")
    auth = presentation.auth(plain_world.home.url)
    client.get_token(auth)
    plain_world.logins += 1  # somebody else has logged in, which ends ours
    answer = client.send(auth, Get(f"{plain_world.home.url}/target/302/200"), setup=COPIES[copy](client))
    assert (answer.status, answer.history) == (200, [401]), plain_world.show()
    assert plain_world.logins == 3


@every_copy
@every_presentation
@every_client
@pytest.mark.parametrize("outcome", [200, 401])
def test_nothing_of_ours_goes_abroad_though_the_headers_were_copied(
    client: Client, presentation: Presentation, copy: str, outcome: int, plain_world: World
) -> None:
    plain_world.begin(presentation, f"{plain_world.far.url}/target")
    auth = presentation.auth(plain_world.home.url)
    url = f"{plain_world.home.url}/start/302/{outcome}"
    answer = client.send(auth, Get(url), setup=COPIES[copy](client))
    assert (answer.status, answer.history) == (outcome, [302]), plain_world.show()
    assert len(plain_world.far.requests) == 1
    assert [request.text for request in plain_world.far.requests if "canary" in request.text] == []
    assert plain_world.logins == presentation.logs_in


@pytest.mark.parametrize("presentation", [each for each in PRESENTATIONS if each.name != "authorization"], ids=str)
@every_client
def test_nor_does_an_older_token_that_a_hook_has_kept(
    client: Client, presentation: Presentation, plain_world: World
) -> None:
    """If `Authorization` is all that we send, what a hook adds stays: the client takes it off, and before any hook."""
    plain_world.begin(presentation, f"{plain_world.far.url}/target")
    auth, kept = presentation.auth(plain_world.home.url), {"x-mine": "1"}

    def change(library: Any, request: Any) -> None:
        if request.url.port == plain_world.far.port:
            request.headers.update(kept)
        elif len(kept) == 1:
            kept.update({name: value for name, value in request.headers.items() if name != "host"})
            auth.invalidate()

    urls = [f"{plain_world.home.url}/{path}/302/200" for path in ("back", "start")]
    answers = client.play(auth, *map(Get, urls), setup=_hook(client, change))
    assert [answer.status for answer in answers] == [200, 200], plain_world.show()
    (far,) = plain_world.far.requests
    assert "canary" not in far.text
    assert far.headers["x-mine"] == "1"
    assert plain_world.logins == 2 * presentation.logs_in


@every_copy
@every_client
def test_the_users_own_cookies_arrive_beside_ours(client: Client, copy: str, plain_world: World) -> None:
    presentation = next(each for each in PRESENTATIONS if each.name == "cookie")
    plain_world.begin(presentation, "/target")
    auth = presentation.auth(plain_world.home.url)

    def setup(session: Any) -> None:
        COPIES[copy](client)(session)
        session.cookies.set("theirs", "1")

    client.send(auth, Get(f"{plain_world.home.url}/target/302/200"), setup=setup)
    request = plain_world.home.to("/target/302/200")[0]  # which this home refuses, for it wants ours alone
    assert request.headers["cookie"] == "theirs=1; sid=canary-token-1"


def _final(library: Any, url: str) -> Any:
    """A request of a class that can't have subclasses."""

    class Final(library.Request):  # type: ignore[misc]
        def __init_subclass__(cls) -> None:
            raise TypeError("Final can't have subclasses")

    return Final("GET", url)


def _with_own_headers(library: Any, url: str) -> Any:
    class Mine(library.Headers):  # type: ignore[misc]
        """Headers of a class of the user's own."""

    request = library.Request("GET", url)
    request.headers = Mine(request.headers)
    return request


@every_presentation
@every_client
@pytest.mark.parametrize("make", [_final, _with_own_headers])
def test_a_request_of_the_user_s_own_kind_is_signed_and_takes_nothing_abroad(
    client: Client, presentation: Presentation, make: Callable[[Any, str], Any], plain_world: World
) -> None:
    plain_world.begin(presentation, f"{plain_world.far.url}/target")
    auth = presentation.auth(plain_world.home.url)

    async def main() -> None:
        async with client.client(auth) as session:  # type: ignore[attr-defined]  # httpx's have one
            await session.send(make(client.library, f"{plain_world.home.url}/start/302/200"))

    if client.is_async:
        client.run(main)  # type: ignore[attr-defined]  # the same
    else:
        with client.client(auth) as session:  # type: ignore[attr-defined]  # the same
            session.send(make(client.library, f"{plain_world.home.url}/start/302/200"))
    assert len(plain_world.far.requests) == 1, plain_world.show()
    assert [request.text for request in plain_world.far.requests if "canary" in request.text] == []
    assert plain_world.logins == presentation.logs_in


def _only(request: Received) -> str | None:
    return request.headers.get("x-token")


@every_client
def test_a_copy_that_a_transport_sends_elsewhere_is_not_signed(client: Client, plain_world: World) -> None:
    """Nor is the 401 from there held against the token."""

    def elsewhere(library: Any, request: Any) -> Any:
        there = _rebuilt(library, request)
        there.url = library.URL(str(request.url).replace(plain_world.home.url, plain_world.far.url))
        return there

    plain_world.begin(CUSTOM, "/target", far_wants_it=True)
    auth = CUSTOM.auth(plain_world.home.url)
    answer = client.send(auth, Get(f"{plain_world.home.url}/target/302/200"), setup=_wrapping(elsewhere)(client))
    assert (answer.status, plain_world.logins) == (401, 1), plain_world.show()
    assert {_only(request) for request in plain_world.far.requests} == {None}
    assert auth._source.tokens.fresh() is not None


@every_client
def test_what_a_hook_takes_off_stays_off(client: Client, plain_world: World) -> None:
    """And a 401 for that is not held against the token."""

    def take_off(library: Any, request: Any) -> None:
        del request.headers["X-Token"]

    plain_world.begin(CUSTOM, "/target")
    auth = CUSTOM.auth(plain_world.home.url)
    answer = client.send(auth, Get(f"{plain_world.home.url}/target/302/200"), setup=_hook(client, take_off))
    assert (answer.status, plain_world.logins) == (401, 1), plain_world.show()
    assert {_only(request) for request in plain_world.home.to("/target/302/200")} == {None}
    assert auth._source.tokens.fresh() is not None


@every_client
def test_headers_that_a_hook_puts_back_are_still_ours(client: Client, plain_world: World) -> None:
    def there_and_back(library: Any, request: Any) -> None:
        first = request.headers
        request.headers = {"Accept": "text/plain"}
        assert request.headers["X-Token"] == first["X-Token"]
        request.headers = first

    plain_world.begin(CUSTOM, "/target")
    auth = CUSTOM.auth(plain_world.home.url)
    answer = client.send(auth, Get(f"{plain_world.home.url}/target/302/200"), setup=_hook(client, there_and_back))
    assert (answer.status, plain_world.logins) == (200, 1), plain_world.show()
