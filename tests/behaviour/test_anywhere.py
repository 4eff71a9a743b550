"""`headers(url)` and `refused(url)`: for clients that have no hook for an auth object."""

import asyncio
import itertools
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import urllib3

from tests.servers import Reply
from tests.support import ManualClock, PlainProvider, TokenServer, with_clock
from tokenauth import APIKeyAuth, FunctionAuth, LoginAuth
from tokenauth._core.signature import Signature

WAYS: dict[str, Callable[[Any, str], dict[str, str]]] = {
    "headers": lambda auth, url: auth.headers(url),
    "aheaders": lambda auth, url: asyncio.run(auth.aheaders(url)),
}
way = pytest.mark.parametrize("headers", WAYS.values(), ids=list(WAYS))


def get(url: str, headers: dict[str, str]) -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, headers=headers, retries=False).status


@way
def test_they_carry_the_token_home(headers: Any, server: TokenServer) -> None:
    auth = server.auth()
    assert headers(auth, server.api) == {"Authorization": "Bearer token-1"}
    assert get(server.api, headers(auth, server.api)) == 200
    assert server.logins == 1


@way
def test_they_are_empty_abroad_with_one_warning(
    headers: Any, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    auth = server.auth()
    with caplog.at_level(logging.WARNING, "tokenauth"):
        assert [headers(auth, "https://abroad.example/x") for _ in range(2)] == [{}, {}]
    assert ["go without the token" in record.message for record in caplog.records] == [True]
    assert server.logins == 0


class Elsewhere(PlainProvider):
    """Presents the token in the way that *signature* says."""

    def __init__(self, url: str, **signature: dict[str, str]) -> None:
        super().__init__(url)
        self.signature = signature

    def sign(self, token: Any) -> Signature:
        return Signature(**self.signature)


@way
def test_a_cookie_comes_in_its_header(headers: Any, server: TokenServer) -> None:
    auth = server.auth(provider=Elsewhere(server.url, cookies={"sid": "1"}))
    assert headers(auth, server.api) == {"Cookie": "sid=1"}


@way
def test_a_token_in_the_query_is_an_error_that_shows_no_secret(headers: Any, server: TokenServer) -> None:
    auth = server.auth(provider=Elsewhere(server.url, params={"key": "s3cret"}))
    with pytest.raises(ValueError, match=r"in the query \(key\)") as caught:
        headers(auth, server.api)
    assert "s3cret" not in str(caught.value)


@way
def test_a_refusal_gets_a_new_token(headers: Any, server: TokenServer) -> None:
    auth = server.auth()
    sent = headers(auth, server.api)
    server.revoke()
    assert get(server.api, sent) == 401
    assert auth.refused(server.api, sent)
    assert get(server.api, headers(auth, server.api)) == 200
    assert server.logins == 2


@pytest.mark.parametrize("kind", ["lower case", "pairs", "among others"])
def test_a_refusal_names_the_headers_as_they_were_sent(kind: str, server: TokenServer) -> None:
    auth = server.auth()
    sent = auth.headers(server.api)
    lower = {name.lower(): value for name, value in sent.items()}
    shapes: dict[str, Any] = {
        "lower case": lower,
        "pairs": tuple(lower.items()),
        "among others": {"accept": "*/*"} | lower,
    }
    server.revoke()
    assert auth.refused(server.api, shapes[kind])
    auth.headers(server.api)
    assert server.logins == 2
    assert auth.refused(server.api, shapes[kind])  # of the old token, again
    auth.headers(server.api)
    assert server.logins == 2


def test_all_who_were_refused_together_may_send_again(server: TokenServer) -> None:
    """Those as well who tell of it before the new token is there."""
    auth = server.auth()
    sent = auth.headers(server.api)
    server.revoke()
    assert [auth.refused(server.api, sent), auth.refused(server.api, sent), auth.refused(server.api)] == [True] * 3
    assert get(server.api, auth.headers(server.api)) == 200
    assert auth.refused(server.api, sent)
    assert get(server.api, auth.headers(server.api)) == 200
    assert server.logins == 2


def test_headers_of_one_auth_object_may_be_refused_to_another_of_the_account(server: TokenServer) -> None:
    cache: dict[Any, Any] = {}
    one, other = server.auth(cache=cache), server.auth(cache=cache)
    sent = one.headers(server.api)
    server.revoke()
    assert other.refused(server.api, sent)
    assert get(server.api, other.headers(server.api)) == 200
    assert one.refused(server.api)
    assert get(server.api, one.headers(server.api)) == 200
    assert server.logins == 2


def test_revocations_are_mended_at_once_however_many_there_have_been(server: TokenServer, clock: ManualClock) -> None:
    auth = with_clock(server.auth(), clock)
    for number in range(1, 6):
        sent = auth.headers(server.api)
        assert get(server.api, sent) == 200
        server.revoke()
        assert auth.refused(server.api, sent)
        assert server.logins == number
        clock.move(60)


def test_the_same_token_again_is_no_end_of_renewals(server: TokenServer, clock: ManualClock) -> None:
    """The one who gives the token has not noticed yet that it was revoked."""
    tokens = ["old", "old", "new"]
    auth = with_clock(FunctionAuth(lambda: tokens.pop(0), origins=[server.url], cache={}), clock)
    for token in ("old", "old", "new"):
        sent = auth.headers(server.api)
        assert sent == {"Authorization": f"Bearer {token}"}
        clock.move(60)
        assert auth.refused(server.api, sent)


def test_a_place_that_refuses_every_token_is_renewed_for_ever_more_rarely(
    server: TokenServer, clock: ManualClock
) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    auth = with_clock(server.auth(), clock)
    for _ in range(1000):  # a second each
        auth.refused(server.api, auth.headers(server.api))
        clock.move(1)
    assert server.logins <= 12


def test_who_asks_once_a_minute_and_says_that_the_new_token_was_refused_too_renews_more_rarely(
    server: TokenServer, clock: ManualClock
) -> None:
    """Between two of its questions the token may have been of use: only the second refusal says that it was of none."""
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    auth = with_clock(server.auth(), clock)
    for _ in range(60):
        sent = auth.headers(server.api)
        while auth.refused(server.api, sent):
            sent = auth.headers(server.api)
        clock.move(60)
    assert server.logins <= 16
    server.revoke()
    assert auth.refused(f"{server.api}/other", auth.headers(f"{server.api}/other")), "another address has its own rest"


def test_a_refusal_abroad_drops_nothing_even_if_the_token_was_sent_there(server: TokenServer) -> None:
    auth = server.auth()
    sent = auth.headers(server.api)
    assert not auth.refused("https://abroad.example/x", sent)
    assert auth.headers(server.api) == sent
    assert server.logins == 1


def test_a_late_refusal_of_an_old_token_drops_no_newer_one(server: TokenServer) -> None:
    auth = server.auth()
    sent = auth.headers(server.api)
    auth.invalidate()
    assert auth.headers(server.api) != sent
    assert auth.refused(server.api, sent)
    auth.headers(server.api)
    assert server.logins == 2


@pytest.mark.parametrize("renewal", ["ours", "another client's"])
def test_who_comes_before_the_new_token_is_there_sends_again_too(renewal: str, server: TokenServer) -> None:
    auth = server.auth()
    first = auth.headers(server.api)
    auth.invalidate()
    second = auth.headers(server.api)
    if renewal == "ours":
        assert auth.refused(server.api, second)
    else:
        auth._source.reject(auth.get_token())
    assert auth.refused(server.api, first)
    assert auth.refused(server.api, second)
    assert not auth.refused(server.api, {"X-Other": "1"})
    assert auth.headers(server.api) not in (first, second)
    assert server.logins == 3


def test_headers_for_any_number_of_origins_are_remembered_in_bounds() -> None:
    urls = [f"https://h{number}.example/x" for number in range(70)]
    auth = FunctionAuth(lambda: "t-1", origins=urls)
    assert all(auth.headers(url) == {"Authorization": "Bearer t-1"} for url in urls)
    assert len(auth._handed_out._values) <= 64
    assert auth.refused(urls[0], {"Authorization": "Bearer t-1"})


def test_requests_to_any_number_of_origins_are_remembered_in_bounds() -> None:
    urls = [f"https://h{number}.example/x" for number in range(70)]
    auth = FunctionAuth(lambda: "t-1", origins=urls, cache={})
    for url in urls:
        assert auth(requests.Request("GET", url).prepare()).headers["Authorization"] == "Bearer t-1"
    ready = auth._source.ready()
    assert ready is not None
    assert 0 < len(ready.signatures) <= 64


def test_refusals_of_any_number_of_addresses_are_remembered_in_bounds(clock: ManualClock) -> None:
    numbers = itertools.count()
    auth = FunctionAuth(lambda: f"t-{next(numbers)}", origins=["https://api.example"], cache={})
    with_clock(auth, clock)
    for number in range(1100):
        url = f"https://api.example/{number}"
        assert auth.refused(url, auth.headers(url))
        clock.move(60)
    assert 0 < len(auth._renewals._values) <= 1024


@way
def test_a_token_for_another_of_the_api_s_hosts_stays_out_with_one_warning(
    headers: Any, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the answer of a login names the host that the account is at."""
    home = server.server.at("localhost")
    server.answer = lambda request: Reply(200, {"token": "t", "api": home}) if request.path == "/token" else None
    auth = LoginAuth(f"{server.url}/token", json={"user": server.user}, token="token", home="api", cache={})
    assert headers(auth, f"{home}/api") == {"Authorization": "Bearer t"}
    assert [headers(auth, server.api) for _ in range(2)] == [{}, {}]
    assert ["go without the token" in record.message for record in caplog.records] == [True]


def test_a_refusal_of_what_is_not_ours_drops_nothing(server: TokenServer) -> None:
    auth = server.auth()
    assert not auth.refused(server.api, {"X-Other": "1"}), "nothing was handed out yet"
    auth.headers(server.api)
    assert not auth.refused(server.api, {"X-Other": "1"})
    assert not auth.refused("https://abroad.example/x")
    auth.headers(server.api)
    assert server.logins == 1


def test_refusals_of_new_tokens_become_rare(server: TokenServer) -> None:
    server.answer = lambda request: None if request.path == "/token" else Reply(401)
    auth = with_clock(server.auth(), ManualClock())
    for _ in range(10):
        sent = auth.headers(server.api)
        assert get(server.api, sent) == 401
        auth.refused(server.api, sent)
    assert server.logins == 2


WITHOUT = """
    import sys
    for name in {hidden}:
        sys.modules[name] = None
    import tokenauth
    error = tokenauth.TokenEndpointError("x")
    assert isinstance(error, tokenauth.TokenAuthError)
    auth = tokenauth.ManisAuth("https://api.example", merchant_id="m", secret="s")
    assert auth._library == "{library}", auth._library
"""


@pytest.mark.parametrize(
    ("hidden", "library"),
    [
        (["httpx", "requests"], "httpx2"),
        pytest.param(["httpx"], "requests", marks=pytest.mark.slow),  # a process each
        pytest.param(["httpx", "httpx2"], "requests", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_client_that_is_not_there_is_not_needed(hidden: list[str], library: str) -> None:
    text = textwrap.dedent(WITHOUT).format(hidden=hidden, library=library)
    assert subprocess.run([sys.executable, "-c", text], timeout=60, check=False).returncode == 0


@way
@pytest.mark.parametrize("url", [None, 7, b"https://api.example", httpx.URL("https://api.example")])
def test_a_url_of_another_type_is_refused_in_a_text_that_says_what_to_write(
    headers: Callable[..., Any], url: Any
) -> None:
    auth = APIKeyAuth("k", origins=["https://api.example"])
    with pytest.raises(TypeError, match=f"url must be a str, not {type(url).__name__}"):
        headers(auth, url)
    with pytest.raises(TypeError, match=f"url must be a str, not {type(url).__name__}"):
        auth.refused(url)


@pytest.mark.parametrize("sent", [42, "X-Api-Key: k", {1: "k"}, [("X-Api-Key",)]])
def test_what_are_no_headers_is_refused_in_a_text_that_shows_nothing_of_them(sent: Any) -> None:
    with pytest.raises(TypeError, match=r"^headers must be the headers that were sent: a mapping, or pairs"):
        APIKeyAuth("k", origins=["https://api.example"]).refused("https://api.example", headers=sent)
