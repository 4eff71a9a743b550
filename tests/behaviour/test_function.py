"""FunctionAuth: tokens that a function returns."""

import asyncio
import copy
import datetime
import functools
import itertools
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.clients import BLOCKING, CLIENTS, Awaiting, Client, Get
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, background, until, waiting, with_clock, without_pauses
from tokenauth import (
    CredentialsRejected,
    FunctionAuth,
    Token,
    TokenAuthError,
    TokenEndpointError,
    TokenResponseError,
    forget,
)
from tokenauth.providers import JWT
from tokenauth.stores import FileStore

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
WALL = 1_800_000_000.0


class API:
    """Accepts the tokens in `valid`."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.server = server
        self.valid = {"t-1"}
        self.made: list[Any] = []
        self.numbers = itertools.count(1)

    @property
    def sent(self) -> list[str]:
        return [each.headers.get("authorization", "").removeprefix("Bearer ") for each in self.server.requests]

    def issue(self) -> str:
        """Return a new token, which ends all others."""
        token = f"t-{next(self.numbers)}"
        self.valid = {token}
        self.made.append(token)
        return token

    def auth(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        options.setdefault("cache", {})
        return FunctionAuth(function or self.issue, origins=[self.url], **options)


@pytest.fixture
def api() -> Iterator[API]:
    def answer(request: Received) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return Reply(200 if token in this.valid else 401, {"ok": token in this.valid})

    with serve(answer) as server:
        this = API(server)
        yield this


# any client, any function


def as_async(function: Callable[[], Any]) -> Callable[[], Any]:
    async def get_token() -> Any:
        await asyncio.sleep(0)
        return function()

    return get_token


async def nothing_to_await(function: Callable[[], Any]) -> Any:
    return function()


KINDS: dict[str, Callable[[Callable[[], Any]], Callable[[], Any]]] = {
    "sync": lambda function: function,
    "async": lambda function: functools.partial(nothing_to_await, function),
    "lambda": lambda function: lambda: nothing_to_await(function),
}


@every
@pytest.mark.parametrize("kind", KINDS)
def test_its_token_is_held_and_renewed_after_a_refusal(client: Client, kind: str, api: API) -> None:
    auth = api.auth(KINDS[kind](api.issue))
    assert [each.status for each in client.play(auth, *[Get(api.url)] * 3)] == [200] * 3
    api.valid = set()
    assert client.get(auth, api.url) == 200
    assert api.made == ["t-1", "t-2"]


@every
def test_a_signed_jwt_may_be_the_token_itself(client: Client, api: API) -> None:
    """No login at all: App Store Connect, Snowflake, GitHub Apps. Its end stands in it."""
    key = ECKey.generate_key("P-256", {"kid": "k-1"})
    auth = api.auth(JWT(key.as_dict(private=True), issuer="i-1", audience="api", lifetime=600))
    seen: list[str] = []

    def answer(request: Received) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        claims = jwt.decode(token, ECKey.import_key(key.as_dict(private=False)), algorithms=["ES256"]).claims
        assert (claims["iss"], claims["aud"]) == ("i-1", "api")
        seen.append(token)
        return Reply(401 if token == seen[0] and len(seen) > 2 else 200)

    with serve(answer) as server:
        auth = auth.replace(origins=[server.url])
        assert [each.status for each in client.play(auth, *[Get(server.url)] * 3)] == [200] * 3
    first, second, third, renewed = seen
    assert first == second == third != renewed
    assert 500 < auth.get_token().lifetime < 600


@every
def test_a_herd_calls_it_once(client: Client, api: API) -> None:
    def slow() -> str:
        until(lambda: waiting(auth) == 15)
        return api.issue()

    auth = api.auth(slow)
    assert client.herd(auth, api.url, 16) == [200] * 16
    assert api.made == ["t-1"]


def test_threads_tasks_and_clients_share_one_call(api: API) -> None:
    gate = threading.Event()

    def get_token() -> str:
        gate.wait(10)
        return api.issue()

    auths = [api.auth(get_token, cache=None) for _ in CLIENTS]
    answers = [
        background(functools.partial(each.get, auth, api.url)) for each, auth in zip(CLIENTS, auths, strict=True)
    ]
    until(lambda: waiting(auths[0]) >= len(CLIENTS) - 1)
    gate.set()
    assert [each.result(10) for each in answers] == [200] * len(CLIENTS)
    assert api.made == ["t-1"]


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.is_async], ids=repr)
def test_a_function_that_blocks_stops_no_event_loop(client: Any, api: API) -> None:
    threads: list[int] = []

    def get_token() -> str:
        threads.append(threading.get_ident())
        return api.issue()

    assert client.get(api.auth(get_token), api.url) == 200
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("client", [each for each in CLIENTS if isinstance(each, Awaiting)], ids=repr)
@pytest.mark.parametrize("kind", ["async", "lambda"])
def test_an_async_function_is_awaited_on_the_caller_s_own_loop(client: Any, kind: str, api: API) -> None:
    threads: list[int] = []

    async def get_token() -> str:
        threads.append(threading.get_ident())
        await client.sleep(0)
        return api.issue()

    function = get_token if kind == "async" else lambda: get_token()  # noqa: PLW0108  (the point)
    assert client.get(api.auth(function), api.url) == 200
    assert threads == [threading.get_ident()]


@pytest.mark.parametrize("client", BLOCKING, ids=repr)
def test_blocking_code_runs_an_async_function_on_a_loop_of_its_own(client: Client, api: API) -> None:
    assert client.get(api.auth(as_async(api.issue)), api.url) == 200
    assert api.made == ["t-1"]


# time


@every
def test_one_that_hangs_is_left_in_time(client: Client, api: API) -> None:
    gate = threading.Event()
    auth = api.auth(lambda: gate.wait(30) and api.issue(), timeout=0.3)
    with pytest.raises(TokenEndpointError, match="did not finish in time"):
        client.get(auth, api.url)
    gate.set()


@every
def test_an_async_one_that_hangs_is_left_in_time(client: Client, api: API) -> None:
    sleep = client.sleep if isinstance(client, Awaiting) else asyncio.sleep

    async def get_token() -> str:
        await sleep(3600)
        return "t-1"

    with pytest.raises(TokenEndpointError, match="did not finish in time"):
        client.get(api.auth(get_token, timeout=0.3), api.url)


@every
def test_an_async_one_that_is_cancelled_by_itself_says_so(client: Client, api: API) -> None:
    """Its caller is not: it has a failure to tell of."""

    async def get_token() -> str:
        raise asyncio.CancelledError

    with pytest.raises(TokenEndpointError, match="The function get_token failed: it was cancelled"):
        client.get(api.auth(get_token), api.url)


def test_what_it_brings_after_its_caller_gave_up_is_used(api: API) -> None:
    gate, begun = threading.Event(), threading.Event()

    def get_token() -> str:
        begun.set()
        gate.wait(10)
        return api.issue()

    auth = api.auth(get_token)

    async def main() -> None:
        task = asyncio.create_task(auth.aget_token())
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert (await auth.aget_token()).value == "t-1"

    asyncio.run(main())
    assert api.made == ["t-1"]


def test_what_is_to_be_awaited_and_comes_when_its_caller_is_gone_is_closed(api: API) -> None:
    gate, begun, closed = threading.Event(), threading.Event(), threading.Event()

    class Late:
        def __await__(self) -> Iterator[Any]:
            raise AssertionError("its loop is gone")

        close = closed.set

    async def main() -> None:
        task = asyncio.create_task(auth.aget_token())
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def get_token() -> Any:
        if begun.is_set():
            return api.issue()
        begun.set()
        gate.wait(10)
        return Late()

    auth = api.auth(get_token)
    asyncio.run(main())
    gate.set()
    assert closed.wait(10)
    assert auth.get_token().value == "t-1"


def test_who_waits_gets_what_an_async_function_brings_whose_caller_was_cancelled(api: API) -> None:
    calls: list[int] = []
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def get_token() -> str:
        calls.append(1)
        begun.set()
        await cancelled.wait()
        return api.issue()

    auth = api.auth(get_token)

    async def main() -> str:
        first = asyncio.create_task(auth.aget_token())
        await begun.wait()
        second = asyncio.create_task(auth.aget_token())
        await asyncio.sleep(0)
        first.cancel()
        cancelled.set()
        token: Token = await second
        return token.value

    assert asyncio.run(main()) == "t-1"
    assert calls == [1]


def test_a_token_is_renewed_ahead_while_others_go_on(api: API) -> None:
    clock = ManualClock()
    auth = with_clock(api.auth(lambda: (api.issue(), clock.wall_now + 1000)), clock)
    assert auth.get_token().value == "t-1"
    clock.move(690)
    assert auth.get_token().value == "t-1"
    clock.move(120)
    assert auth.get_token().value == "t-2"


def test_one_that_caches_is_asked_again_before_the_end(api: API) -> None:
    """azure-identity gives a new token 5 minutes before the end of the old one, and until then the old one."""
    clock, end, calls = ManualClock(), WALL + 3600, []

    def get_token() -> tuple[str, float]:
        calls.append(clock.wall_now - WALL)
        return ("old", end) if clock.wall_now < end - 300 else ("new", end + 3600)

    auth = with_clock(api.auth(get_token), clock)
    while auth.get_token().value == "old":
        clock.move(10)
    assert clock.wall_now < end - 30
    assert len(calls) < 8


def test_one_that_has_nothing_newer_is_not_asked_at_each_request(api: API) -> None:
    clock, calls = ManualClock(), []

    def get_token() -> tuple[str, float]:
        calls.append(1)
        return "old", WALL + 3600

    auth = with_clock(api.auth(get_token), clock)
    for _ in range(3599):
        auth.get_token()
        clock.move(1)
    assert len(calls) < 10


# what it may return


class AccessToken(NamedTuple):
    token: str
    expires_on: int


class Boxed:
    def get_secret_value(self) -> str:
        return "t-1"


UTC = datetime.UTC
AT = datetime.datetime.fromtimestamp(WALL + 600, UTC)
RETURNED: dict[str, tuple[Any, float | None]] = {
    "a text": ("t-1", None),
    "a text with a newline": ("t-1\n", None),
    "a box": (Boxed(), None),
    "a token": (Token("t-1", lifetime=600.0), 600),
    "a token that somebody has had for a while": (Token("t-1", lifetime=9000.0, expires_at=WALL + 600), 600),
    "a pair": (("t-1", WALL + 600), 600),
    "a pair without an end": (("t-1", None), None),
    "a pair with an aware date": (("t-1", AT), 600),
    "a pair with another zone's date": (("t-1", AT.astimezone(datetime.timezone(datetime.timedelta(hours=5)))), 600),
    "a pair with a naive date": (("t-1", AT.replace(tzinfo=None)), 600),
    "a pair with a lifetime": (("t-1", datetime.timedelta(minutes=10)), 600),
    "a pair with seconds": (("t-1", 600), 600),
    "azure's": (AccessToken("t-1", int(WALL) + 600), 600),
    "azure's new": (
        SimpleNamespace(token="t-1", expires_on=int(WALL) + 600, token_type="Bearer", refresh_on=None),
        600,
    ),
    "google's": (SimpleNamespace(token="t-1", expiry=AT.replace(tzinfo=None), valid=True), 600),
    "msal's": ({"access_token": "t-1", "token_type": "Bearer", "expires_in": 600}, 600),
    "authlib's": ({"access_token": "t-1", "expires_in": 9000, "expires_at": WALL + 600}, 600),
}


@pytest.mark.parametrize("name", RETURNED)
def test_what_it_may_return(name: str, api: API) -> None:
    result, lifetime = RETURNED[name]
    token = with_clock(api.auth(lambda: result), ManualClock()).get_token()
    assert (token.value, token.type, token.lifetime) == ("t-1", "Bearer", lifetime)


NONSENSE: list[Any] = [
    *(
        None,
        "",
        17,
        True,
        b"t-1",
        [],
        {},
        ("t-1",),
        ("t-1", 1, 2),
        ("t-1", "soon"),
        ("t-1", float("nan")),
        ("t-1", True),
    ),
    *("Bearer t-1", "t-1\nt-2", "t\u00f6ken", {"error": "no"}, object(), SimpleNamespace(token=None)),
    *(Token("t-1", lifetime=10**400), Token("t-1", expires_at=10**400), Token("t-1", refresh_in=float("inf"))),
    *((None, 1), ("t-1", object()), ("t-1", -5), Token("s3cret with blanks"), "x" * 40_000),
]


@pytest.mark.parametrize("result", NONSENSE, ids=lambda each: type(each).__name__)
def test_nonsense_is_an_error_that_shows_nothing_of_it(result: Any, api: API) -> None:
    with pytest.raises(TokenResponseError, match="The function <lambda> returned") as met:
        api.auth(lambda: result).get_token()
    assert "t-1" not in str(met.value)
    assert "s3cret" not in str(met.value)


@pytest.mark.parametrize("ahead", [float("nan"), float("inf"), 10**400, -1, "soon"])
def test_a_wish_to_be_refreshed_that_makes_no_sense_is_none(ahead: Any, api: API) -> None:
    calls: list[Any] = []

    def get_token() -> Any:
        calls.append(None)
        return SimpleNamespace(token="t-1", expires_on=4_000_000_000, refresh_on=ahead)

    auth = api.auth(get_token)
    assert [auth.get_token().refresh_in for _ in range(2)] == [None, None]
    assert len(calls) == 1


class GoogleCredentials:
    """As google-auth's: nothing is there before `refresh`."""

    def __init__(self, api: API) -> None:
        self.api = api
        self.token: str | None = None
        self.expiry: datetime.datetime | None = None
        self.requests: list[Any] = []

    @property
    def valid(self) -> bool:
        return self.token is not None

    def refresh(self, request: Any) -> None:
        self.requests.append(request)
        self.token = self.api.issue()


GOOGLE = ["google", "google.auth", "google.auth.transport"]


@every
def test_google_s_credentials_are_refreshed_where_that_is_due(
    client: Client, api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SimpleNamespace(Request=lambda: "a request")
    for name in (*GOOGLE, "google.auth.transport.requests"):
        monkeypatch.setitem(sys.modules, name, module)
    credentials = GoogleCredentials(api)
    auth = api.auth(lambda: credentials)
    assert client.get(auth, api.url) == 200
    api.valid = set()  # revoked, though google-auth takes it for good
    assert client.get(auth, api.url) == 200
    assert credentials.requests == ["a request"] * 2


def test_google_s_credentials_are_refreshed_by_urllib3_without_requests(
    api: API, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*GOOGLE, "google.auth.transport.urllib3"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(Request=lambda pool: pool))
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    credentials = GoogleCredentials(api)
    assert api.auth(lambda: credentials).get_token().value == "t-1"
    assert [type(each).__name__ for each in credentials.requests] == ["PoolManager"]


class AsyncGoogleCredentials(GoogleCredentials):
    async def refresh(self, request: Any) -> None:  # type: ignore[override]
        raise AssertionError("nobody awaits it")


def test_google_s_async_credentials_are_no_token(api: API) -> None:
    with pytest.raises(TokenResponseError, match="The function <lambda> returned"):
        api.auth(lambda: AsyncGoogleCredentials(api)).get_token()


@pytest.mark.parametrize("wish", [SystemExit, KeyboardInterrupt])
def test_a_function_may_end_the_program(wish: type[BaseException], api: API) -> None:
    def get_token() -> str:
        raise wish

    with pytest.raises(wish):
        api.auth(get_token).get_token()


# refusals


@every
def test_it_is_told_which_token_was_refused(client: Client, api: API) -> None:
    told: list[Token | None] = []

    def get_token(rejected: Token | None = None) -> str:
        told.append(rejected)
        return api.issue()

    auth = api.auth(get_token)
    client.get(auth, api.url)
    api.valid = set()
    assert client.get(auth, api.url) == 200
    assert [each and each.value for each in told] == [None, "t-1"]


def test_it_is_told_even_when_the_request_could_not_be_sent_again(api: API) -> None:
    told: list[Token | None] = []

    def get_token(*, rejected: Token | None) -> str:
        told.append(rejected)
        return api.issue()

    auth = api.auth(get_token)
    headers = auth.headers(api.url)
    assert auth.refused(api.url, headers)
    auth.headers(api.url)
    auth.invalidate()
    auth.headers(api.url)
    assert [each and each.value for each in told] == [None, "t-1", None]


def test_what_is_forgotten_is_not_told(api: API) -> None:
    told: list[Token | None] = []

    def get_token(*, rejected: Token | None) -> str:
        told.append(rejected)
        return api.issue()

    auth = api.auth(get_token, cache=None)
    assert auth.refused(api.url, auth.headers(api.url))
    forget()
    auth.headers(api.url)
    assert told == [None, None]


@every
def test_the_refused_token_again_leads_to_no_loop(client: Client, api: API, clock: ManualClock) -> None:
    calls: list[int] = []

    def get_token() -> str:
        calls.append(1)
        return "t-old"

    auth = with_clock(api.auth(get_token), clock)
    assert [each.status for each in client.play(auth, *[Get(api.url)] * 10)] == [401] * 10
    assert len(calls) <= 3
    assert len(api.sent) <= 12


# failures


@every
def test_an_exception_of_its_own_is_an_error_of_ours(client: Client, api: API) -> None:
    secret = "A" * 50

    def get_token() -> str:
        raise KeyError(f"no {secret}")

    auth = api.auth(get_token)
    with pytest.raises(client.error_root) as met:
        client.get(auth, api.url)
    assert isinstance(met.value, TokenEndpointError)
    assert isinstance(met.value.__cause__, KeyError)
    assert "The function get_token raised KeyError" in str(met.value)
    assert secret not in str(met.value)


def test_the_refused_token_is_not_shown_where_it_raises(api: API) -> None:
    def get_token(rejected: Token | None = None) -> str:
        if rejected is not None:
            raise RuntimeError(f"{rejected.value} is over")
        return "t-4711"

    auth = api.auth(get_token)
    auth.refused(api.url, auth.headers(api.url))
    with pytest.raises(TokenEndpointError, match="raised RuntimeError") as met:
        auth.headers(api.url)
    assert "t-4711" not in str(met.value)


def test_a_failure_cools_down_and_is_not_tried_again_at_once(api: API) -> None:
    calls: list[int] = []

    def get_token() -> str:
        calls.append(1)
        raise OSError("away")

    clock = ManualClock()
    auth = with_clock(api.auth(get_token), clock)
    for _ in range(3):
        with pytest.raises(TokenEndpointError):
            auth.get_token()
    assert len(calls) == 1
    clock.move(1.1)
    with pytest.raises(TokenEndpointError, match="raised OSError"):
        auth.get_token()
    assert len(calls) == 2


def test_a_failed_renewal_ahead_leaves_the_old_token_in_use(api: API, caplog: pytest.LogCaptureFixture) -> None:
    clock, answers = ManualClock(), iter([("t-1", WALL + 1000)])
    auth = with_clock(api.auth(lambda: next(answers)), clock)
    auth.get_token()
    clock.move(850)
    assert auth.get_token().value == "t-1"
    assert "the old token stays in use" in caplog.text


def test_an_error_of_another_auth_object_stays_what_it_is(api: API) -> None:
    def get_token() -> str:
        raise CredentialsRejected("no")

    with pytest.raises(CredentialsRejected, match=r"^no$"):
        api.auth(get_token).get_token()


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_function_that_uses_its_own_auth_object_is_told_at_once(way: str, api: API) -> None:
    def inside() -> Token:
        token: Token = auth.get_token()
        return token

    async def ainside() -> Token:
        token: Token = await auth.aget_token()
        return token

    auth = api.auth(inside if way == "sync" else ainside, timeout=3600)
    with pytest.raises(TokenAuthError, match="from inside its own fetch"):
        asyncio.run(auth.aget_token())


def test_another_auth_object_can_be_its_source(api: API) -> None:
    inner = api.auth(cache={})
    assert api.auth(inner.get_token).get_token().value == "t-1"
    assert asyncio.run(api.auth(inner.aget_token).aget_token()).value == "t-1"


# identity


class Vault:
    def __init__(self, value: str) -> None:
        self.value = value

    def get_token(self) -> str:
        return self.value

    def __call__(self) -> str:
        return self.value

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


def shared(one: Callable[[], Any], other: Callable[[], Any]) -> bool:
    keys = [FunctionAuth(each, origins=["https://h.example"])._source.tokens.key for each in (one, other)]
    return bool(keys[0] == keys[1])


def module_function() -> str:
    return "t-1"


def test_only_the_very_same_function_shares_its_token() -> None:
    vault, twin = Vault("a"), Vault("b")
    function = lambda: "a"  # noqa: E731
    partial = functools.partial(str, "a")
    assert shared(function, function)
    assert shared(partial, partial)
    assert shared(vault.get_token, vault.get_token)
    assert shared(module_function, module_function)
    assert shared(vault, vault)
    assert not shared(lambda: "a", lambda: "a")
    assert not shared(partial, functools.partial(str, "a"))
    assert not shared(vault.get_token, twin.get_token)  # though they are equal, as they say
    assert not shared(vault, twin)
    assert not shared(vault.get_token, vault)


def test_a_method_of_one_object_shares_over_auth_objects_that_come_and_go(api: API) -> None:
    class Tenant:
        def get_token(self) -> str:
            return api.issue()

    tenant = Tenant()
    for _ in range(3):
        assert api.auth(tenant.get_token, cache=None).get_token().value == "t-1"
    assert api.made == ["t-1"]


def test_what_took_the_place_of_another_shares_nothing_with_it() -> None:
    keys = set()
    for _ in range(200):
        keys.add(FunctionAuth(Vault("a").get_token, origins=["https://h.example"])._source.tokens.key)
    assert len(keys) == 200


def test_pickles_and_copies_are_as_good_as_their_functions(api: API) -> None:
    auth = FunctionAuth(module_function, origins=[api.url])
    for twin in (pickle.loads(pickle.dumps(auth)), copy.copy(auth), copy.deepcopy(auth)):
        assert twin == auth
        assert twin._source.tokens.key == auth._source.tokens.key
    made = FunctionAuth(lambda: "t-1", origins=[api.url])
    assert copy.deepcopy(made) == copy.copy(made) == made
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(made)


def test_texts_and_logs_show_no_token(api: API, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tokenauth")
    auth = api.auth(lambda: "t-4711-secret")
    token = auth.get_token()
    assert "t-4711" not in f"{auth!r} {auth._provider!r} {token!r} {caplog.text}"
    assert repr(auth).startswith("<FunctionAuth for The function <lambda> at http://127.0.0.1")


# bad input


async def coroutine() -> str:
    return "t-1"


def generator() -> Iterator[str]:
    yield "t-1"


def with_arguments(scope: str) -> str:
    return scope


BAD: list[tuple[Any, Mapping[str, Any], str]] = [
    ("s3cret", {}, "APIKeyAuth"),
    (None, {}, "not NoneType"),
    (Vault, {}, "not the class Vault"),
    (coroutine, {"called": True}, r"write its name without \(\)"),
    (generator, {}, "and not yield it"),
    (with_arguments, {}, r"by lambda: get_token\(…\)"),
    (SimpleNamespace(get_token=1), {}, r"write lambda: credential.get_token\(…\)"),
    (SimpleNamespace(refresh=1), {}, "write lambda: credentials"),
    (module_function, {"origins": "https://h.example"}, r"origins=\["),
    (module_function, {"origins": []}, r"origins=\["),
    (module_function, {"origins": None}, r"origins=\["),
    (module_function, {"origins": ["http://h.example"]}, "https"),
    (module_function, {"token_client": object()}, "no token call is made"),
    (module_function, {"store": FileStore}, "encrypted with"),
    (module_function, {"timout": 3}, "did you mean 'timeout'"),
    (module_function, {"timeout": 0}, "timeout"),
]


@pytest.mark.parametrize(("function", "arguments", "text"), BAD)
def test_bad_input_is_refused_with_what_to_write(function: Any, arguments: Mapping[str, Any], text: str) -> None:
    given = {"origins": ["https://h.example"], **arguments}
    if given.pop("called", False):
        function = function()
    with pytest.raises((TypeError, ValueError), match=text) as met:
        FunctionAuth(function, **given)
    assert "s3cret" not in str(met.value)


def test_origins_must_be_given() -> None:
    with pytest.raises(TypeError, match="origins"):
        FunctionAuth(module_function)  # type: ignore[call-arg]


@every
def test_the_token_stays_with_its_origins(client: Client, api: API) -> None:
    with serve(lambda request: Reply(200)) as abroad:
        assert client.get(api.auth(), abroad.url) == 200
        assert "authorization" not in abroad.requests[0].headers
    assert api.made == []


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("kind", ["coroutine", "future"])
def test_a_call_whose_task_somebody_cancels_is_made_again(kind: str, begun: bool) -> None:
    """As a supervisor does to each task that it has not started itself."""

    async def waited(future: Any) -> Any:
        return await future

    async def main() -> None:
        loop, futures = asyncio.get_running_loop(), list[Any]()

        def get_token() -> Any:
            futures.append(loop.create_future())
            if len(futures) > 1:
                futures[-1].set_result("t-1")
            return waited(futures[-1]) if kind == "coroutine" else futures[-1]

        auth = without_pauses(FunctionAuth(get_token, origins=["https://api.example"], cache={}))
        asking = asyncio.create_task(auth.aget_token())
        calls: list[Any] = []
        for _ in range(100_000):
            await asyncio.sleep(0)
            calls = [each for each in asyncio.all_tasks() if each.get_name() == "tokenauth-login"]
            if calls:
                break
        for _ in range(3 if begun else 0):
            await asyncio.sleep(0)
        calls[0].cancel()
        assert (await asking).value == "t-1"
        assert len(futures) == 2

    asyncio.run(main())
