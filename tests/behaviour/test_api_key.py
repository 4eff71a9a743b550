"""APIKeyAuth: a key that goes on each request as it is, with the care that tokens have."""

import asyncio
import copy
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply, Server, serve
from tokenauth import APIKeyAuth, TokenAuthError
from tokenauth._core.origins import Origin
from tokenauth.providers import APIKey

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
KEY = "k-4711-secret"
WAYS: dict[str, dict[str, str]] = {
    "Authorization": {},
    "header": {"header": "X-API-Key"},
    "scheme": {"scheme": "ApiKey"},
    "param": {"param": "api_key"},
    "cookie": {"cookie": "key"},
}
ways = pytest.mark.parametrize("way", WAYS)


def keys(request: Received) -> dict[str, str]:
    """Return where the key stands in *request*."""
    everywhere = {**request.headers, **{f"?{name}": value for name, value in request.query.items()}}
    return {name: value for name, value in everywhere.items() if KEY in value}


CARRIED = {
    "Authorization": {"authorization": f"Bearer {KEY}"},
    "header": {"x-api-key": KEY},
    "scheme": {"authorization": f"ApiKey {KEY}"},
    "param": {"?api_key": KEY},
    "cookie": {"cookie": f"key={KEY}"},
}


@pytest.fixture
def abroad() -> Iterator[Server]:
    with serve(lambda request: Reply(200), host="localhost") as server:
        yield server


@pytest.fixture
def api(abroad: Server) -> Iterator[Server]:
    def answer(request: Received) -> Reply:
        targets = {"/home": "/there", "/abroad": f"{abroad.url}/x"}
        if request.path in targets:
            return Reply(302, headers={"Location": targets[request.path]})
        return Reply(401 if request.path == "/401" else 200)

    with serve(answer) as server:
        yield server


def key_auth(api: Server, way: str = "header", key: Any = KEY, **options: Any) -> Any:
    settings: Any = {**WAYS[way], **options}
    return APIKeyAuth(key, origins=[api.url], **settings)


@every
@ways
def test_it_is_on_each_request_to_its_origins(client: Client, way: str, api: Server) -> None:
    answers = client.play(key_auth(api, way), Get(f"{api.url}/a?x=1"), Get(f"{api.url}/b"))
    assert [each.status for each in answers] == [200, 200]
    assert [keys(each) for each in api.requests] == [CARRIED[way]] * 2
    assert api.requests[0].query["x"] == "1"


@every
@ways
def test_no_redirect_takes_it_abroad_and_one_at_home_keeps_it(
    client: Client, way: str, api: Server, abroad: Server
) -> None:
    client.play(key_auth(api, way), Get(f"{api.url}/home"), Get(f"{api.url}/abroad"))
    assert [keys(each) for each in api.requests] == [CARRIED[way]] * 3
    assert KEY not in abroad.requests[0].text


@every
@ways
def test_foreign_origins_do_not_get_it(client: Client, way: str, api: Server, abroad: Server) -> None:
    assert client.get(key_auth(api, way), abroad.url) == 200
    assert KEY not in abroad.requests[0].text


@every
def test_a_refusal_is_the_caller_s_at_once(client: Client, api: Server) -> None:
    assert client.get(key_auth(api), f"{api.url}/401") == 401
    assert len(api.requests) == 1


@every
def test_a_callable_is_read_at_each_request(client: Client, api: Server) -> None:
    numbers = itertools.count(1)
    client.play(key_auth(api, key=lambda: f"{KEY}-{next(numbers)}"), Get(api.url), Get(api.url))
    assert [each.headers["x-api-key"] for each in api.requests] == [f"{KEY}-1", f"{KEY}-2"]


@every
def test_one_that_can_not_be_read_is_an_error_of_ours(client: Client, api: Server) -> None:
    def key() -> str:
        raise KeyError(KEY)

    with pytest.raises(TokenAuthError, match="The callable for key raised KeyError") as met:
        client.get(key_auth(api, key=key), api.url)
    assert KEY not in str(met.value)


@every
def test_extra_headers_go_with_it(client: Client, api: Server) -> None:
    client.get(key_auth(api, extra_headers={"X-Subscription": "s-1"}), api.url)
    assert api.requests[0].headers["x-subscription"] == "s-1"


def test_a_url_without_a_path_stands_for_no_other() -> None:
    """As `prepare()` never leaves one, but programs that set it by hand."""
    auth = APIKeyAuth(KEY, origins=["https://api.example"])
    for url, signed in [("https://api.example", True), ("https://abroad.example", False)] * 2:
        request = requests.Request("GET", "https://api.example").prepare()
        request.url = url
        assert ("Authorization" in auth(request).headers) is signed


def test_its_provider_signs_for_its_own_origins_alone() -> None:
    """Whoever asks it, and whether or not it was asked before if it has something for there."""
    provider = APIKey(KEY, origins=["https://api.example"])
    assert provider.static(Origin.parse("https://api.example/x")) is not None
    assert provider.static(Origin.parse("https://abroad.example/x")) is None


def test_several_origins_may_have_it(api: Server, abroad: Server) -> None:
    auth = APIKeyAuth(KEY, origins=(url for url in (api.url, abroad.url)), header="X-Key")
    assert auth.headers(api.url) == auth.headers(abroad.url) == {"X-Key": KEY}
    assert auth.headers("https://other.example") == {}


def test_its_methods_are_those_of_every_auth_object(api: Server) -> None:
    numbers = itertools.count(1)
    auth = key_auth(api, key=lambda: f"k-{next(numbers)}")
    assert (auth.get_token().value, asyncio.run(auth.aget_token()).value) == ("k-1", "k-2")
    assert auth.headers(api.url) == {"X-API-Key": "k-3"}
    assert asyncio.run(auth.aheaders(api.url)) == {"X-API-Key": "k-4"}
    assert not auth.refused(api.url)
    auth.invalidate()
    with auth:
        pass
    with pytest.raises(ValueError, match="api_key"):
        key_auth(api, "param").headers(api.url)


def test_pickles_and_copies_carry_the_key(api: Server) -> None:
    auth = key_auth(api)
    for twin in (pickle.loads(pickle.dumps(auth)), copy.copy(auth), copy.deepcopy(auth)):
        assert twin == auth
        assert twin.headers(api.url) == {"X-API-Key": KEY}
    assert KEY not in f"{auth!r} {auth._provider!r} {vars(auth._provider)!r} {auth._source.tokens.key!r}"
    assert key_auth(api, key="other") != auth


@pytest.mark.parametrize(
    ("key", "arguments", "text"),
    [
        (None, {}, "key must be a str, not None; is an environment variable"),
        ("", {}, "key is empty"),
        (f"{KEY}\n", {}, "was a newline read along with it"),
        (f"{KEY}\u00f6", {}, "other than ASCII"),
        (17, {}, "key must be a str, not int"),
        (f"{KEY};x", {"cookie": "c"}, "can't go into a cookie"),
        (KEY, {"header": "X-Key", "param": "key"}, "exclude each other"),
        (KEY, {"param": "key", "cookie": "key"}, "exclude each other"),
        (KEY, {"header": "X Key"}, "header"),
        (KEY, {"header": "Host"}, "header"),
        (KEY, {"param": ""}, "param is empty"),
        (KEY, {"refused": 403}, "neither fetched nor renewed"),
        (KEY, {"cache": {}}, "neither fetched nor renewed"),
        (KEY, {"origins": "https://h.example"}, r"origins=\["),
        (KEY, {"query": "key"}, "has no argument 'query'"),
    ],
)
def test_bad_input_is_refused(key: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text) as met:
        APIKeyAuth(key, **{"origins": ["https://h.example"], **arguments})
    assert KEY not in str(met.value)
