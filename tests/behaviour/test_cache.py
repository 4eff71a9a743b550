"""The cache: who shares a token and who never does, any mutable mapping, bounded, and no secret in it."""

import base64
import threading
from collections.abc import MutableMapping
from typing import Any

import pytest
import requests
from cachetools import LRUCache, TTLCache

from tests.clients import AWAITING, CLIENTS, Client, Get
from tests.servers import Received, Reply, serve
from tests.support import ManualClock, Masked, PlainProvider, TokenServer, with_clock
from tokenauth import ClientCredentialsAuth, ManisAuth, PasswordGrantAuth, Token, TokenAuth, TokenAuthError
from tokenauth._core.cache import MAX_TOKENS
from tokenauth._core.memory import PROCESS
from tokenauth.providers import Login, Secret, TokenRequest
from tokenauth.stores import FileStore

SECRETS = ("s3cr3t-one", "s3cr3t-two")


class Issuer:
    """Gives each login a token of its own, whatever the path, and keeps the calls."""

    def __init__(self) -> None:
        self.logins: list[Received] = []

    def __call__(self, request: Received) -> Reply:
        if "token" not in request.path:
            return Reply(200, {"token": request.headers.get("authorization", "")})
        self.logins.append(request)
        token = f"t-{len(self.logins)}"
        return Reply(200, {"token": token, "access_token": token, "expires_in": 60})


def manis(url: str, **changes: Any) -> ManisAuth:
    return ManisAuth(url, **({"merchant_id": f"m-{url}", "secret": SECRETS[0]} | changes))


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_objects_with_the_same_credentials_share_a_token(client: Client) -> None:
    with serve(issuer := Issuer()) as server:
        for _ in range(5):
            assert client.get(manis(server.url), f"{server.url}/api") == 200
        assert len(issuer.logins) == 1


def test_requests_in_a_loop_log_in_once() -> None:
    with serve(issuer := Issuer()) as server:
        for _ in range(10):
            requests.get(f"{server.url}/api", auth=manis(server.url), timeout=20)
        assert len(issuer.logins) == 1


def test_all_clients_share_a_token() -> None:
    with serve(issuer := Issuer()) as server:
        for client in CLIENTS:
            assert client.get(manis(server.url), f"{server.url}/api") == 200
        assert len(issuer.logins) == 1


def _oauth(url: str, **changes: Any) -> TokenAuth:
    given = {"client_id": f"c-{url}", "client_secret": SECRETS[0], "scope": "a", "audience": "x"}
    return ClientCredentialsAuth(f"{url}/token", **(given | changes))


def _password(url: str, **changes: Any) -> TokenAuth:
    given = {
        "username": f"u-{url.rpartition(':')[2]}",
        "password": SECRETS[0],
        "client_id": "c",
        "client_secret": SECRETS[0],
    }
    return PasswordGrantAuth(f"{url}/token", **(given | changes))


DIFFERENT: dict[str, tuple[Any, dict[str, Any]]] = {
    "Manis secret": (manis, {"secret": SECRETS[1]}),
    "Manis secret, dynamic": (manis, {"secret": lambda: SECRETS[0]}),
    "Manis merchant": (manis, {"merchant_id": "another"}),
    "Manis path": (manis, {"path": "/other/token"}),
    "client secret": (_oauth, {"client_secret": SECRETS[1]}),
    "client id": (_oauth, {"client_id": "another"}),
    "scope": (_oauth, {"scope": "a b"}),
    "no scope": (_oauth, {"scope": None}),
    "audience": (_oauth, {"audience": "y"}),
    "extra": (_oauth, {"extra": {"resource": "z"}}),
    "password": (_password, {"password": SECRETS[1]}),
    "user": (_password, {"username": "another"}),
    "client of the password": (_password, {"client_secret": SECRETS[1]}),
    "as user": (_password, {"client_auth": "user", "client_id": None, "client_secret": None}),
}


@pytest.mark.parametrize("what", DIFFERENT)
@pytest.mark.parametrize("client", [CLIENTS[0], AWAITING[0]], ids=repr)
def test_what_makes_two_tokens_differ_keeps_them_apart(client: Client, what: str) -> None:
    make, changes = DIFFERENT[what]
    with serve(issuer := Issuer()) as server:
        first, second = make(server.url), make(server.url, **changes)
        assert client.get_token(first).value != client.get_token(second).value
        assert client.get_token(first).value != client.get_token(make(server.url, **changes)).value
        assert len(issuer.logins) == 2
        assert first != second


HIDDEN: dict[str, Any] = {
    "secret": lambda url, text: manis(url, secret=text),
    "user": lambda url, text: manis(url, merchant_id=text),
    "password": lambda url, text: PasswordGrantAuth(f"{url}/token", username="u", password=text),
    "password's user": lambda url, text: PasswordGrantAuth(f"{url}/token", username=text, password="p"),
    "client": lambda url, text: ClientCredentialsAuth(f"{url}/token", client_id=text, client_secret="s"),
    "client secret": lambda url, text: ClientCredentialsAuth(f"{url}/token", client_id="c", client_secret=text),
    "scope": lambda url, text: ClientCredentialsAuth(f"{url}/token", client_id="c", client_secret="s", scope=text),
    "basic's user": lambda url, text: TokenAuth(Login(f"{url}/token", basic=(text, "p"))),
    "form field": lambda url, text: TokenAuth(Login(f"{url}/token", form={"tenant": text})),
    "public form field": lambda url, text: TokenAuth(Login(f"{url}/token", form={"t": text}, public=("t",))),
    "own identity": lambda url, text: TokenAuth(PlainProvider(url, text)),
}


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.parametrize("what", HIDDEN)
@pytest.mark.diagonal
def test_a_text_that_hides_itself_is_sent_as_it_is_and_told_from_others(client: Client, what: str) -> None:
    texts = ["canary-one", "canary-two"]
    with serve(issuer := Issuer()) as server:
        for text in texts:
            auths = [HIDDEN[what](server.url, kind(text)) for kind in (Masked, str)]
            seen = [client.send(auth, Get(f"{server.url}/api")).json()["token"] for auth in auths]
            assert seen == [f"Bearer t-{len(issuer.logins)}"] * 2
        assert len(issuer.logins) == 2
    for text, login in zip(texts, issuer.logins, strict=True):
        sent = login.text + str(decoded(login.headers.get("authorization", "")))
        assert text in sent
        assert "***" not in sent


def decoded(authorization: str) -> bytes:
    return base64.b64decode(authorization.removeprefix("Basic "))


def test_values_do_not_run_into_one_another() -> None:
    keys = {
        _oauth("https://a.example", client_id=user, client_secret=secret)._source.tokens.key
        for user, secret in [("ab", "c"), ("a", "bc"), ("a', 'b", "c"), ("a", "b', 'c")]
    }
    assert len(keys) == 4


def test_what_the_options_are_does_not_change_the_credential() -> None:
    assert (
        manis("https://a.example", leeway=1)._source.tokens.key
        == manis("https://a.example", timeout=3)._source.tokens.key
    )


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_apis_that_differ_in_a_callable_have_a_token_each(client: Client) -> None:
    def answer(request: Received) -> Reply:
        if request.path == "/token":
            return Reply(200, {"read": "r-1", "admin": "a-1"})
        return Reply(200, {"got": request.headers["authorization"]})

    def auth(field: str) -> TokenAuth:
        return TokenAuth(Login(f"{server.url}/token", form={"key": "k"}, token=lambda content: content[field]))

    with serve(answer) as server:
        answers = [client.send(auth(field), Get(f"{server.url}/api")).json() for field in ("admin", "read")]
    assert answers == [{"got": "Bearer a-1"}, {"got": "Bearer r-1"}]


def _found(content: Any) -> Any:
    return content["token"]


def test_a_callable_without_a_name_is_refused_with_a_store(tmp_path: Any) -> None:
    """Other processes could not tell it from another."""
    store = FileStore(tmp_path / "store")
    provider = Login("https://api.example/token", form={"key": "k"}, token=lambda content: content["token"])
    assert TokenAuth(provider)
    with pytest.raises(ValueError, match=r"store= .*token= .*lambda.*module"):
        TokenAuth(provider, store=store)
    assert TokenAuth(Login("https://api.example/token", form={"key": "k"}, token=_found), store=store)


class _Told:
    """A description by its shape alone, which says that it is this process's."""

    name = "told"
    token_url = "https://api.example/token"
    identity = ("told",)
    secrets = (Secret("key", "k-4711"),)
    process_bound = "it is told apart by an object"

    def request(self) -> TokenRequest:
        raise NotImplementedError

    def read(self, reply: Any) -> Token:
        raise NotImplementedError


def test_who_says_that_it_is_one_process_s_is_refused_with_a_store(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match=r"store= .*it is told apart by an object"):
        TokenAuth(_Told(), store=FileStore(tmp_path / "store"))


MAPPINGS: dict[str, Any] = {
    "dict": dict,
    "LRU of 1": lambda: LRUCache(1),
    "LRU of 10": lambda: LRUCache(10),
    "TTL": lambda: TTLCache(10, 3600),
}


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.diagonal
def test_any_mutable_mapping_will_do(client: Client, server: TokenServer, mapping: str) -> None:
    cache: MutableMapping[Any, Any] = MAPPINGS[mapping]()
    auth = server.auth(cache=cache)
    assert client.herd(auth, server.api, 8) == [200] * 8
    assert len(cache) == 1
    server.revoke()
    assert client.herd(auth, server.api, 8) == [200] * 8
    assert len(cache) == 1
    assert server.logins == 2
    auth.invalidate()
    assert len(cache) == 0


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cache_that_is_too_small_costs_logins_and_nothing_else(client: Client, server: TokenServer) -> None:
    cache: MutableMapping[Any, Any] = LRUCache(1)
    auths = [server.auth(user, cache=cache) for user in ("one", "two")]
    for _ in range(2):
        for auth in auths:
            assert client.get(auth, server.api) == 200
    assert server.logins == 4
    assert len(cache) == 1


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cache_that_raises_costs_no_login_for_each_request(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    """As one on a full disk."""

    class Full(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            raise OSError("no space")

    auth = with_clock(server.auth(cache=Full()), clock)
    with pytest.raises(OSError, match="no space"):
        client.get_token(auth)
    for _ in range(3):
        with pytest.raises(TokenAuthError, match="OSError was raised before the new token was kept"):
            client.get_token(auth)
    assert server.logins == 1
    clock.move(2)
    with pytest.raises(OSError, match="no space"):
        client.get_token(auth)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_cache_without_room_is_told_of_once(
    client: Client, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    auth = server.auth(cache=LRUCache(0))
    assert [client.get(auth, server.api) for _ in range(3)] == [200] * 3
    assert ["has no room" in record.message for record in caplog.records if record.levelname == "WARNING"] == [True]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_entry_that_the_users_cache_drops_is_fetched_anew(client: Client, server: TokenServer) -> None:
    now = [0.0]
    auth = server.auth(cache=TTLCache(10, 60, timer=lambda: now[0]))
    client.get(auth, server.api)
    now[0] = 61.0
    assert client.get(auth, server.api) == 200
    assert server.logins == 2


@pytest.mark.parametrize("ttl", [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
def test_a_cache_whose_entry_expires_between_a_look_and_its_removal_is_no_error(
    server: TokenServer, ttl: float
) -> None:
    """Its timer goes on by itself, as time does."""
    ticks = iter(range(10_000))
    auth = server.auth(cache=TTLCache(10, ttl, timer=lambda: float(next(ticks))))
    for _ in range(20):
        assert auth.get_token().value
        auth.invalidate()


class Counting(dict[Any, Any]):
    """Counts what is done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.story: list[str] = []

    def get(self, *args: Any) -> Any:
        self.story.append("get")
        return super().get(*args)

    def __getitem__(self, key: Any) -> Any:
        self.story.append("get")
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.story.append("set")
        super().__setitem__(key, value)

    def __contains__(self, key: Any) -> bool:
        self.story.append("in")
        return super().__contains__(key)


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_warm_request_costs_one_look_up(client: Client, server: TokenServer) -> None:
    """I13; and no token call, no thread, no flight."""
    cache = Counting()
    auth = server.auth(cache=cache)
    client.get(auth, server.api)
    cache.story.clear()
    answers = client.play(auth, *[Get(server.api)] * 3)
    assert [answer.status for answer in answers] == [200] * 3
    assert cache.story == ["get"] * 3
    assert server.logins == 1


def test_the_process_cache_is_bounded() -> None:
    mapping = PROCESS.tokens._mapping
    assert isinstance(mapping, TTLCache)
    assert mapping.maxsize == MAX_TOKENS


def test_an_own_mapping_is_not_the_process_cache(server: TokenServer) -> None:
    provider = PlainProvider(server.url, server.user)
    assert TokenAuth(provider, cache={}).get_token() != TokenAuth(provider, cache={}).get_token()
    assert TokenAuth(provider).get_token() is TokenAuth(provider).get_token()
    assert server.logins == 3


def test_threads_may_use_one_small_cache_at_once(server: TokenServer) -> None:
    """cachetools' own are not safe by themselves."""
    cache: MutableMapping[Any, Any] = LRUCache(2)
    auths = [server.auth(f"user-{number}", cache=cache) for number in range(4)]
    met: list[Exception] = []

    def work(auth: TokenAuth) -> None:
        try:
            for _ in range(30):
                assert auth.get_token().value
        except Exception as problem:
            met.append(problem)

    threads = [threading.Thread(target=work, args=(auth,)) for auth in auths * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not met
    assert len(cache) <= 2


@pytest.mark.parametrize("make", [manis, _oauth, _password])
def test_keys_and_reprs_hold_no_secret(make: Any) -> None:
    cache: dict[Any, Any] = {}
    with serve(Issuer()) as server:
        auth = make(server.url, cache=cache)
        token = auth.get_token()
    text = f"{list(cache)!r} {cache!r} {auth!r} {auth._source!r} {auth._source.tokens.key!r} {token!r}"
    assert SECRETS[0] not in text
    assert token.value not in text
    assert "s3cr3t" not in text


class _InItsURL(PlainProvider):
    """Has its key where it does not belong, in the URL, and shows it in its own repr."""

    def __init__(self, token_url: str) -> None:
        super().__init__("https://api.example")
        self.token_url = token_url

    def __repr__(self) -> str:
        return self.token_url


class _Shaped(_Told):
    process_bound = ""

    def __init__(self, token_url: str) -> None:
        self.token_url = token_url


@pytest.mark.parametrize("kind", [_InItsURL, _Shaped])
@pytest.mark.parametrize(
    "url",
    [
        f"https://api.example/token?api_key={SECRETS[0]}",
        f"https://user:{SECRETS[0]}@api.example/token",
        f"https://{SECRETS[0]}@api.example/token#{SECRETS[1]}",
    ],
)
def test_a_repr_shows_origin_and_path_of_a_url(kind: Any, url: str) -> None:
    auth = TokenAuth(kind(url), origins=[f"https://user:{SECRETS[0]}@more.example/?key={SECRETS[1]}"])
    assert "at https://api.example/token #" in repr(auth)
    assert "s3cr3t" not in f"{auth!r} {auth._source!r}"
