"""Providers of a user's own: a subclass, or any object with the four things that are needed."""

import copy
import pickle
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.clients import CLIENTS, Client
from tests.servers import Reply as Response
from tests.support import ManualClock, PlainProvider, TokenServer, token_server, with_clock
from tokenauth import AtripAuth, ManisAuth, Token, TokenAuth, TokenAuthError, TokenResponseError
from tokenauth._core.origins import Origin
from tokenauth.providers import Login, Provider, Reply, Secret, Signature, TokenRequest
from tokenauth.stores import FileStore

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
URL = "https://api.example/login"


class Least:
    """The four things, and nothing else."""

    def __init__(self, url: str) -> None:
        self.name = "Least"
        self.token_url = f"{url}/token"

    def request(self) -> TokenRequest:
        return TokenRequest("POST", self.token_url)

    def read(self, reply: Reply) -> Token:
        return Token(reply.json()["token"], lifetime=3600.0)


class More(Least):
    """Says what it likes of the rest, too."""

    refreshes = True
    presents = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.secrets = [Secret("key", "k-4711")]
        self.identity = (url,)
        self.asked: list[str | None] = []

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        self.asked.append(refresh_token)
        return super().request()

    def sign(self, token: Token) -> Signature:
        return Signature({"Authorization": f"Bearer {token.value}", "X-More": "1"})

    def may_serve(self, origin: Origin) -> bool:
        return origin.loopback


async def _unawaited(*_: Any) -> TokenRequest: ...  # type: ignore[empty-body]


def _yields_text(*_: Any) -> Generator[str, Any, Token]:
    yield "https://api.example"
    return Token("t")


ASKED_WRONGLY: dict[str, dict[str, Any]] = {
    "no return": {"request": lambda *_: None},
    "the URL": {"request": lambda *_: "https://api.example"},
    "async": {"request": _unawaited},
    "a login that yields text": {"login": _yields_text},
}


@every
@pytest.mark.parametrize("mistake", ASKED_WRONGLY)
@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.diagonal
def test_a_login_that_asks_with_something_else_is_an_error_of_ours(
    client: Client, server: TokenServer, mistake: str
) -> None:
    kind = type("Mistaken", (PlainProvider,), ASKED_WRONGLY[mistake])
    for _ in range(2):
        with pytest.raises(
            TokenAuthError, match=r"its login must ask with a TokenRequest, not (NoneType|str|coroutine)"
        ):
            client.get(server.auth(provider=kind(server.url)), server.api)
    assert server.logins == 0


@every
@pytest.mark.diagonal
@pytest.mark.parametrize("signature", [{"Authorization": "Bearer t"}, "Bearer t"])
def test_a_sign_that_returns_something_else_is_a_type_error(
    client: Client, server: TokenServer, signature: Any
) -> None:
    kind = type("Mistaken", (PlainProvider,), {"sign": lambda *_: signature})
    with pytest.raises(TypeError, match=f"sign must return a Signature, not {type(signature).__name__}"):
        client.get(server.auth(provider=kind(server.url)), server.api)


@pytest.mark.parametrize("secrets", [("k-4711",), "k-4711", b"k-4711"])
def test_secrets_that_are_none_are_refused_without_being_shown(secrets: Any) -> None:
    kind = type("Mistaken", (PlainProvider,), {"secrets": secrets})
    with pytest.raises(TypeError, match=r"Mistaken.secrets must be Secret\(name, value\), not") as caught:
        TokenAuth(kind(URL), cache={})
    assert "k-4711" not in str(caught.value)


class Elsewhere(Least):
    """Names the API's origin in a way that can't be read."""

    def __init__(self, url: str, origin: Any) -> None:
        super().__init__(url)
        self.identity, self.origin = (url, str(origin)), origin

    def read(self, reply: Reply) -> Token:
        return Token(reply.json()["token"], origin=self.origin)


@every
@pytest.mark.parametrize("origin", ["api.example", "https://", 7, b"https://api.example", ["https://api.example"]])
@pytest.mark.diagonal
def test_an_origin_that_cannot_be_read_is_an_error_of_ours_that_cools_down(
    client: Client, server: TokenServer, origin: Any, clock: ManualClock
) -> None:
    auth = with_clock(TokenAuth(Elsewhere(server.url, origin), cache={}), clock)
    for _ in range(3):
        with pytest.raises(TokenResponseError, match="unusable token: its origin is not like https://host"):
            client.get(auth, server.api)
    assert server.logins == 1


@every
@pytest.mark.parametrize("kind", [Least, More])
def test_an_object_with_the_four_things_will_do(client: Client, kind: type[Least]) -> None:
    with token_server() as server:
        described = kind(server.url)
        auth = TokenAuth(described, cache={})
        assert client.get(auth, server.api) == 200
        server.revoke()
        assert client.get(auth, server.api) == 200
        assert server.logins == 2
        assert "Least" in repr(auth)


def test_what_it_says_of_the_rest_counts() -> None:
    with token_server() as server:
        described = More(server.url)
        auth = TokenAuth(described, cache={})
        assert CLIENTS[0].get(auth, server.server.at("localhost") + "/api") == 200
        assert described.asked == [None]
        assert server.server.to("/api")[0].headers["x-more"] == "1"
        assert auth._source.tokens.key == TokenAuth(More(server.url))._source.tokens.key
        assert auth._source.tokens.key != TokenAuth(More("https://else.example"))._source.tokens.key
        with pytest.raises(ValueError, match="header would have no effect"):
            TokenAuth(described, header="X-Token")


def test_without_an_identity_it_shares_with_itself_alone(tmp_path: Any) -> None:
    described = Least("https://api.example")
    auth = TokenAuth(described)
    assert auth._source.tokens.key != TokenAuth(Least("https://api.example"))._source.tokens.key
    assert (
        auth._source.tokens.key
        == copy.deepcopy(auth)._source.tokens.key
        == pickle.loads(pickle.dumps(auth))._source.tokens.key
    )
    assert auth == TokenAuth(described)
    assert hash(auth) == hash(TokenAuth(described))
    described.secrets = (Secret("key", "k-4711"),)  # type: ignore[attr-defined]  # it need not have them
    with pytest.raises(ValueError, match="identity"):
        TokenAuth(described, store=FileStore(tmp_path / "store"))


class _NoRead:
    name = "n"
    token_url = URL

    def request(self) -> TokenRequest:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (_NoRead(), "what _NoRead has not: read"),
        (PlainProvider, "not the class PlainProvider: call it"),
        (Least, "not the class Least: call it"),
        (object(), "must be a Provider, not object"),
        ({"name": "n"}, "must be a Provider, not dict"),
        ("https://h.example/login", "not str; for a login at a URL, use LoginAuth"),
        (lambda: "t", "not function; for a function that returns a token, use FunctionAuth"),
    ],
)
def test_what_it_lacks_is_said(wrong: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        TokenAuth(wrong)


Steps = Callable[["Mine", str | None], list[TokenRequest]]


class Mine(Provider):
    """One of a user's own that logs in with the calls that *steps* returns."""

    name = "Mine"

    def __init__(self, url: str, steps: "Steps") -> None:
        self.token_url = f"{url}/token"
        self.steps = steps
        self.repeated: list[str] = []

    def login(self, refresh_token: str | None = None) -> Generator[Any, Reply, Token]:
        self.repeated.append(f"{refresh_token!r} {refresh_token}")
        reply = None
        for call in self.steps(self, refresh_token):
            reply = yield call
        return self.read(reply) if reply is not None else Token("none")

    def read(self, reply: Reply) -> Token:
        answer = reply.json()
        return Token(answer["token"], lifetime=3600.0, refresh_token="r-4711")


class Returning(Mine):
    """One whose author took `login` for a function."""

    def login(self, refresh_token: str | None = None) -> Any:
        return Token("t")


class Awaited(Mine):
    async def login(self, refresh_token: str | None = None) -> Any:  # type: ignore[override]
        return Token("t")


class Unread(Mine):
    """One whose author has forgotten it."""

    read = Provider.read


def one_call(mine: Mine, _: str | None) -> list[TokenRequest]:
    return [TokenRequest("POST", mine.token_url)]


FAULTS: dict[str, tuple[type[Mine], Steps, str]] = {
    "no `read`": (Unread, one_call, r"raised TypeError \(provider.py"),
    "no generator": (Returning, one_call, "must be a generator, not return Token: write"),
    "a coroutine": (Awaited, one_call, "must be a generator, not return coroutine: write"),
    "no call": (Mine, lambda mine, _: [], "its login makes no token request"),
    "in clear": (Mine, lambda mine, _: [TokenRequest("GET", "http://other.example/nonce")], "is plain http"),
    "no URL": (Mine, lambda mine, _: [TokenRequest("GET", "https://")], "is not a usable URL"),
    "no `request`": (Mine, lambda mine, token: [mine.request(token)], r"raised TypeError \(provider.py"),
    "no token": (
        Mine,
        lambda mine, _: [TokenRequest("GET", f"{mine.token_url}?deep=1")],
        r"raised ValueError \(messages.py",
    ),
}


@every
@pytest.mark.parametrize("fault", FAULTS)
def test_a_login_that_can_not_work_says_why(client: Client, fault: str, server: TokenServer) -> None:
    """`deep`: JSON that no parser can follow."""
    server.answer = lambda request: Response(200, b"[" * 100_000) if request.query else None
    kind, steps, why = FAULTS[fault]
    with pytest.raises(client.error_root, match=f"^Mine: .*{why}"):
        client.get(TokenAuth(kind(server.url, steps), cache={}), server.api)


@every
def test_who_has_nothing_to_log_out_with_just_ends(client: Client, server: TokenServer) -> None:
    mine = Mine(server.url, one_call)
    mine.logs_out = True
    with TokenAuth(mine, cache={}) as auth:
        assert client.get(auth, server.api) == 200
    assert [each.path for each in server.server.requests] == ["/token", "/api"]


@every
def test_a_refresh_token_that_is_printed_on_its_way_is_not_shown(client: Client, server: TokenServer) -> None:
    """As a report with locals does, or a debugger."""
    mine = Mine(server.url, one_call)
    mine.refreshes = True
    auth = TokenAuth(mine, cache={})
    assert client.get(auth, server.api) == 200
    server.revoke()
    assert client.get(auth, server.api) == 200
    assert mine.repeated == ["None None", "'***' r-4711"]


@pytest.mark.parametrize("name", ["header", "scheme"])
@pytest.mark.parametrize("options", [{"param": "t"}, {"cookie": "t"}, {"also": {"a": "b"}}])
def test_options_that_the_provider_overrules_are_refused(name: str, options: Any) -> None:
    ours: Any = {name: "X-Token"}
    with pytest.raises(ValueError, match=f"{name} would have no effect.*param= or cookie= of the login itself"):
        TokenAuth(Login(URL, **options), **ours)


@pytest.mark.parametrize("name", ["header", "scheme"])
def test_atrip_names_what_to_use_instead(name: str) -> None:
    settings: Any = {
        "client_id": "c",
        "client_secret": "s",
        "user_name": "u",
        "role": "Admin",
        "order_no": "",
        name: "X-T",
    }
    with pytest.raises(ValueError, match=f"{name} would have no effect.*use portal_header= or portal_param="):
        AtripAuth(**settings)


def test_they_count_where_the_provider_leaves_it_to_them() -> None:
    auth = TokenAuth(Login(URL), header="X-Token", scheme="")
    signature = auth._source.admission.signature(Token("t"), Origin.parse(URL))
    assert signature is not None
    assert signature.headers == {"X-Token": "t"}
    ManisAuth("https://api.example", merchant_id="m", secret="s", header="X-Token", scheme="")


SAID: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"Authorization": "Bearer t"}),
    ({"header": "authorization"}, {"authorization": "Bearer t"}),
    ({"header": "X-Auth"}, {"X-Auth": "t"}),
    ({"header": "X-Auth", "scheme": None}, {"X-Auth": "t"}),
    ({"header": "X-Auth", "scheme": "Token"}, {"X-Auth": "Token t"}),
    ({"scheme": "ALPS"}, {"Authorization": "ALPS t"}),
    ({"scheme": ""}, {"Authorization": "t"}),
]


def carried(provider: Login, **options: Any) -> dict[str, str]:
    signature = TokenAuth(provider, **options)._source.admission.signature(Token("t"), Origin.parse(URL))
    assert signature is not None
    return dict(signature.headers)


@pytest.mark.parametrize(("options", "headers"), SAID)
def test_header_and_scheme_mean_the_same_wherever_they_are_given(options: Any, headers: dict[str, str]) -> None:
    assert carried(Login(URL), **options) == headers
    assert carried(Login(URL, **options)) == headers
    assert carried(Login(URL, also={"X-Key": "k"}, **options)) == {"X-Key": "k", **headers}


def test_options_given_to_the_auth_object_take_precedence_over_the_provider_s() -> None:
    provider = Login("http://api.example/login", allow_http=True, timeout=3.0, leeway=5.0, header="X-One")
    auth = TokenAuth(provider, timeout=4.0, header="X-Two")
    assert (auth._source.credential.timeout, auth._source.credential.leeway) == (4.0, 5.0)
    assert auth._source.admission.header == "X-Two"
    with pytest.raises(TypeError, match="Login has no argument 'timeuot'; did you mean 'timeout'"):
        Login(URL, timeuot=3.0)  # type: ignore[call-arg]
