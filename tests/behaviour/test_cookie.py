"""A token that goes as a cookie: beside the user's own, never in the jar, never abroad; on every client."""

from typing import Any

import pytest

from tests.clients import BLOCKING, CLIENTS, Client, Get, Post, Requests
from tests.servers import Received, Reply, Server, serve
from tests.support import TokenServer, token_server
from tokenauth import LoginAuth, Token, TokenAuth, TokenResponseError
from tokenauth._core.messages import Reply as TokenReply
from tokenauth._core.signature import Signature
from tokenauth.providers import Cookie, Kept, Login

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def cookies(request: Received) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


class Api:
    """A token server whose API wants the token as the cookie `sid`."""

    def __init__(self, server: TokenServer) -> None:
        self.server = server
        server.answer = self.answer

    def answer(self, request: Received) -> Reply | None:
        if request.path == "/token":
            return None
        if cookies(request).get("sid") not in self.server.valid:
            return Reply(401, {"error": "no session"}, {"Set-Cookie": "seen=401; Path=/"})
        if request.path == "/hop":
            return Reply(307, b"", {"Location": request.query["to"]})
        return Reply(200, {"ok": True})

    def auth(self, **options: Any) -> TokenAuth:
        provider = Login(f"{self.server.url}/token", json={"user": self.server.user}, token="token", cookie="sid")
        return TokenAuth(provider, cache={}, **options)

    @property
    def sent(self) -> list[dict[str, str]]:
        return [cookies(request) for request in self.server.server.requests if request.path != "/token"]


@every
def test_it_joins_the_users_cookies_and_stays_out_of_the_jar(client: Client) -> None:
    jars: list[Any] = []

    def setup(session: Any) -> None:
        client.set_cookie(session, "mine", "1")
        jars.append(session)

    with token_server() as server:
        api = Api(server)
        first, second = client.play(api.auth(), Get(server.api), Get(server.api), setup=setup)
        assert (first.status, second.status, server.logins) == (200, 200, 1)
        assert api.sent == [{"mine": "1", "sid": "token-1"}] * 2
        assert "sid" not in client.cookies(jars[0])


@every
def test_it_replaces_a_cookie_of_its_name_and_no_other(client: Client) -> None:
    with token_server() as server:
        api = Api(server)
        headers = {"Cookie": "a=1; sid=old; xsid=2; b"}
        assert client.send(api.auth(), Get(server.api, headers=headers)).status == 200
        (request,) = server.server.to("/api")
        assert request.headers["cookie"] == "a=1; xsid=2; b; sid=token-1"


@every
def test_a_401_puts_the_new_token_in_its_place(client: Client) -> None:
    with token_server() as server:
        api, auth = Api(server), None
        auth = api.auth()
        assert client.get(auth, server.api) == 200
        server.revoke()
        answer = client.send(auth, Post(server.api, data=b"body", headers={"Cookie": "a=1"}))
        assert (answer.status, answer.history) == (200, [401])
        assert api.sent[1:] == [{"a": "1", "sid": "token-1"}, {"a": "1", "sid": "token-2"}]
        assert [request.body for request in server.server.to("/api")[1:]] == [b"body"] * 2


@pytest.mark.parametrize("client", [client for client in BLOCKING if isinstance(client, Requests)], ids=repr)
def test_the_retry_takes_the_cookies_that_the_401_has_set(client: Client) -> None:
    def setup(session: Any) -> None:
        client.set_cookie(session, "mine", "1")
        client.set_cookie(session, "sid", "an old session")

    with token_server() as server:
        api = Api(server)
        auth = api.auth()
        client.get(auth, server.api)
        server.revoke()
        assert client.send(auth, Get(server.api), setup=setup).status == 200
        assert api.sent[1:] == [{"mine": "1", "sid": "token-1"}, {"mine": "1", "seen": "401", "sid": "token-2"}]


@every
def test_a_redirect_at_home_has_it_again(client: Client) -> None:
    with token_server() as server:
        api = Api(server)
        auth = api.auth()
        answer = client.send(auth, Get(f"{server.url}/hop?to=/api"))
        assert answer.status == 200
        assert api.sent[-1]["sid"] == "token-1"
        assert server.logins == 1  # a 401 on a hop that lost it is no rejection
        assert client.send(auth, Get(f"{server.url}/hop?to=/api")).status == 200
        assert server.logins == 1


@every
def test_it_goes_to_no_foreign_origin(client: Client) -> None:
    def foreign(request: Received) -> Reply:
        return Reply(401 if request.path == "/401" else 200, {})

    with token_server() as server, serve(foreign) as elsewhere:
        api = Api(server)
        auth = api.auth()
        for target in ("/", "/401"):
            client.get(auth, f"{server.url}/hop?to={elsewhere.url}{target}")
            client.get(auth, f"{elsewhere.url}{target}")
        assert not _saw(elsewhere, "token-1")
        assert server.logins == 1


@every
@pytest.mark.parametrize("token", [0, 1, 2])
def test_of_several_cookies_that_an_answer_sets_none_is_lost(client: Client, token: int) -> None:
    """Some clients hand on each `Set-Cookie` by itself, others join them."""
    names = ["Set-Cookie", "set-cookie", "SET-COOKIE"]  # one name in three spellings: three lines

    def setting(pairs: dict[str, str]) -> dict[str, str]:
        expires = "; Expires=Sat, 29 Sep 2035 00:59:54 GMT; Path=/"
        lines = [f"{each}{expires}" for each in map("=".join, pairs.items())]
        return dict(zip(names, lines[token:] + lines[:token], strict=True))

    def answer(request: Received) -> Reply:
        if request.path == "/login":
            sid = f"t-{len(server.to('/login'))}"
            return Reply(204, headers=setting({"sid": sid, "route": "r-1", "lang": "en"}))
        sent = cookies(request)
        if sent == {"sid": "t-2", "route": "r-1", "lang": "en"}:
            return Reply(200)
        return Reply(200, headers=setting({"sid": "ended", "route": "", "lang": "en"}))

    with serve(answer) as server:
        auth = LoginAuth(
            f"{server.url}/login",
            token=Cookie("sid"),
            keep={"all": Cookie()},
            also={"Cookie": Kept("all")},
            cookie="sid",
            refused=(Cookie("sid"), "ended"),
            cache={},
        )
        assert client.get(auth, f"{server.url}/orders") == 200
        assert len(server.to("/login")) == len(server.to("/orders")) == 2


def _saw(server: Server, text: str) -> bool:
    return any(text in request.text for request in server.requests)


@pytest.mark.parametrize("value", ["a;b=c", 'a"b', "a,b", "a\\b", "a b"])
def test_what_no_cookie_can_hold_is_an_error(value: str) -> None:
    provider = Login("https://api.example/login", token="t", cookie="sid")
    with pytest.raises(TokenResponseError, match="can't go into a cookie"):
        provider.read(TokenReply(200, {}, b'{"t": "%b"}' % value.replace("\\", "\\\\").replace('"', '\\"').encode()))


def test_other_values_stand_as_they_are() -> None:
    value = "eyJ0.-_~+/=!#$%&'()*:<>?@[]^`{|}"
    body = b'{"t": "%b"}' % value.encode()
    provider = Login("https://api.example/login", token="t", cookie="sid")
    signature = provider.sign(provider.read(TokenReply(200, {}, body)))
    assert signature is not None
    assert signature.headers_beside(None) == {"Cookie": f"sid={value}"}


def test_a_request_carries_a_cookie_wherever_it_stands() -> None:
    signature = Signature(cookies={"sid": "1"})
    assert all(signature.is_on({"Cookie": text}, "/") for text in ("sid=1", "a=2;sid=1; b=3", b"a=2; sid=1"))
    assert not any(signature.is_on({"Cookie": text}, "/") for text in ("sid=2", "xsid=1", "", None))
    assert signature.foreign_cookies("a=1; b; c=2") == "a=1; b; c=2"
    assert "1" not in repr(signature)
    assert Signature({"a": "b"}).headers_beside("x=y") == {"a": "b"}


def test_httpx_shows_it_in_no_repr() -> None:
    import httpx

    with token_server() as server:
        auth = Api(server).auth()
        with httpx.Client(auth=auth) as client:
            response = client.get(server.api)
        assert "token-1" in response.request.headers["Cookie"]
        assert "token-1" not in repr(response.request.headers)


@pytest.mark.parametrize(
    "options",
    [{"cookie": "a=b"}, {"cookie": ""}, {"cookie": "a", "param": "b"}, {"cookie": "a", "header": "B"}, {"cookie": "a",
     "scheme": ""}, {"header": "Cookie"}],
)  # fmt: skip
def test_wrong_cookies_are_refused_at_once(options: Any) -> None:
    with pytest.raises(ValueError, match=r"(?i)cookie"):
        Login("https://api.example/login", **options)


def test_a_token_is_no_cookie_else() -> None:
    assert Login("https://api.example/login").sign(Token("t")) is None
