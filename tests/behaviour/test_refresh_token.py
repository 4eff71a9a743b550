"""`RefreshTokenAuth` on every client: a refresh token that the user brings, and what comes of it."""

import ast
import asyncio
import copy
import json
import pickle
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests

from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client, Get
from tests.servers import Received, Reply, serve
from tests.siblings.servers.base import USER
from tests.siblings.servers.refreshing import CLIENT_SECRET, QuickBooks, Xero
from tests.support import ManualClock, until, with_clock, without_pauses
from tokenauth import CredentialsRejected, RefreshTokenAuth, TokenAuth, TokenAuthError, TokenEndpointError, providers
from tokenauth._core.lines import BROUGHT
from tokenauth.stores import FileStore

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)
pytestmark = pytest.mark.usefixtures("quick_seals")
PATH = {QuickBooks: "/oauth2/v1/tokens/bearer", Xero: "/connect/token"}


class Site:
    """An API with a rotating refresh token, and what its user does."""

    def __init__(self, api: QuickBooks) -> None:
        self.api = api
        self.before: Callable[[Received], Reply | None] = lambda request: None

    def __call__(self, request: Received) -> Reply:
        return self.before(request) or self.api(request)

    @property
    def used(self) -> int:
        return len(self.api.used)

    @property
    def url(self) -> str:
        return f"{self.api.url}/v3/company/9341/companyinfo/9341"

    def auth(self, refresh_token: Any = None, **arguments: Any) -> RefreshTokenAuth:
        given: dict[str, Any] = {
            "client_id": USER,
            "client_secret": CLIENT_SECRET,
            "refresh_token": refresh_token or self.api.first,
        }
        arguments.setdefault("cache", {})
        return RefreshTokenAuth(self.api.url + PATH[QuickBooks], **(given | arguments))

    def restart(self) -> None:
        """Forget what a process knows."""
        BROUGHT.forget()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(QuickBooks())
    with serve(site) as server:
        site.api.servers = [server]
        yield site
    assert (site.api.problems, site.api.families_lost) == ([], 0)


@every_client
def test_it_rotates_and_each_new_one_is_told_of(client: Client, site: Site) -> None:
    told: list[str] = []
    auth = site.auth(on_refresh_token=told.append)
    for number in range(1, 4):
        assert client.get(auth, site.url) == 200
        assert told[-1] == site.api.current
        assert (len(told), site.api.refreshes) == (number, number)
        site.api.revoke()


@every_client
def test_a_herd_uses_it_once(client: Client, site: Site) -> None:
    auth = site.auth()
    assert client.herd(auth, site.url, 12) == [200] * 12
    site.api.revoke()
    assert client.herd(auth, site.url, 12) == [200] * 12
    assert site.api.refreshes == 2


@every_client
def test_an_async_function_is_told_too(client: Client, site: Site) -> None:
    told: list[tuple[str, bool]] = []

    async def tell(new: str) -> None:
        await asyncio.sleep(0) if client.library.__name__ != "trio" and _on_asyncio() else None
        told.append((new, client.is_async))

    assert client.get(site.auth(on_refresh_token=tell), site.url) == 200
    assert told == [(site.api.current, client.is_async)]


def _on_asyncio() -> bool:
    try:
        return asyncio.get_running_loop() is not None
    except RuntimeError:
        return False


@pytest.mark.parametrize("client", [each for each in AWAITING if "trio" not in repr(each)], ids=repr)
def test_an_async_function_runs_on_the_caller_s_own_loop(client: Awaiting, site: Site) -> None:
    loops: list[Any] = []

    async def tell(new: str) -> None:
        loops.append(asyncio.get_running_loop())

    auth = site.auth(on_refresh_token=tell)

    async def main() -> None:
        await auth.aget_token()
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(main())


@every_client
def test_a_function_that_fails_loses_nothing(client: Client, site: Site) -> None:
    told: list[str] = []

    def tell(new: str) -> None:
        told.append(new)
        if len(told) < 3:
            raise OSError(f"no room for {new}")

    auth = site.auth(on_refresh_token=tell)
    for _ in range(2):
        with pytest.raises(TokenAuthError, match="on_refresh_token raised OSError") as caught:
            client.get(auth, site.url)
        assert site.api.current not in str(caught.value)
        assert not isinstance(caught.value, TokenEndpointError)
    assert client.get(auth, site.url) == 200
    assert (told, site.api.refreshes) == ([site.api.current] * 3, 1)


def test_a_function_that_hangs_is_given_up_and_called_again(site: Site) -> None:
    import threading

    go, told, clock = threading.Event(), list[str](), ManualClock()

    def almost_late(_: Received) -> None:
        clock.move(99.5)  # what is left is for the function, however long a busy machine takes for the answer

    def tell(new: str) -> None:
        told.append(new)
        if len(told) == 1:
            go.wait(20)

    auth, site.before = with_clock(site.auth(on_refresh_token=tell, timeout=100.0), clock), almost_late
    with pytest.raises(TokenAuthError, match="on_refresh_token did not return in time"):
        auth.get_token()
    assert auth.get_token()
    go.set()
    assert told == [site.api.current] * 2


@pytest.mark.parametrize("client", BLOCKING[:1], ids=repr)
def test_a_function_that_asks_for_a_token_is_an_error_at_once(client: Client, site: Site) -> None:
    auth: Any = site.auth(on_refresh_token=lambda new: auth.get_token())
    with pytest.raises(TokenAuthError, match="from inside its own fetch"):
        client.get(auth, site.url)


# restart


@every_client
def test_after_a_restart_the_store_s_counts(client: Client, site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        assert client.get(site.auth(store=FileStore(tmp_path / "s")), site.url) == 200
        assert site.api.refreshes == number
        site.api.revoke()
        site.restart()


def test_a_new_argument_counts_more_than_the_store(site: Site, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "s")
    assert site.auth(store=store).get_token()
    site.api.current = "RT.new-consent"
    assert site.auth("RT.new-consent", store=store).get_token()
    site.restart()
    site.api.revoke()
    assert requests.get(site.url, auth=site.auth("RT.new-consent", store=store), timeout=10).status_code == 200


def test_a_store_that_is_out_of_order_costs_no_refresh_token(site: Site, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "s")
    assert site.auth(store=store).get_token()
    site.restart()
    broken = FileStore(tmp_path / "s")
    broken.load = broken.acquire = broken.save = lambda *_: 1 / 0  # type: ignore[method-assign, assignment]
    with pytest.raises(TokenEndpointError, match="the store can't be read and written"):
        site.auth(store=broken).get_token()
    assert site.used == 1
    site.api.revoke()
    auth = site.auth(store=store)
    auth.invalidate()
    assert requests.get(site.url, auth=auth, timeout=10).status_code == 200


# used up, and what is not its fault


@every_client
def test_one_that_is_used_up_says_what_to_do(client: Client, site: Site) -> None:
    auth = site.auth("RT.of-last-year")
    with pytest.raises(CredentialsRejected) as caught:
        client.get(auth, site.url)
    text = str(caught.value)
    assert "used up" in text
    assert "authorize again, and pass the new one as refresh_token=" in text
    assert "RT.of-last-year" not in text
    with pytest.raises(CredentialsRejected, match="Remembered"):
        client.get(auth, site.url)
    assert len([each for each in site.api.servers[0].requests if "token" in each.path]) == 1


def test_a_wrong_client_secret_is_not_called_a_used_up_token(site: Site) -> None:
    with pytest.raises(CredentialsRejected, match="client_secret") as caught:
        site.auth(client_secret="wrong").get_token()
    assert "used up" not in str(caught.value)


@every_client
@pytest.mark.parametrize("outage", ["503", "cut"])
def test_an_outage_before_the_exchange_costs_nothing(client: Client, site: Site, outage: str) -> None:
    down = [True]
    site.before = lambda request: (
        (Reply(503) if outage == "503" else Reply(raw=b"")) if down[0] and "token" in request.path else None
    )
    auth = without_pauses(site.auth())
    for _ in range(2):
        with pytest.raises(TokenEndpointError):
            client.get(auth, site.url)
    down[0] = False
    auth.invalidate()
    assert client.get(auth, site.url) == 200


@every_client
def test_a_refused_connection_costs_nothing(client: Client, site: Site) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/token"
        auth = without_pauses(RefreshTokenAuth(url, refresh_token="r-1", client_id="c", cache={}))
        with pytest.raises(TokenEndpointError) as caught:
            client.get(auth, url)
    assert caught.value.unsent


# what was sent, as each client tells it


@every_client
def test_what_a_server_has_seen_counts_as_sent(client: Client) -> None:
    with serve(lambda request: Reply(raw=b"")) as server:
        auth = without_pauses(RefreshTokenAuth(f"{server.url}/token", refresh_token="r-1", client_id="c", cache={}))
        with pytest.raises(TokenEndpointError) as caught:
            client.get(auth, server.url)
        assert not caught.value.unsent
        assert server.requests


@every_client
@pytest.mark.parametrize("fault", ["no such host", "no TLS"])
def test_what_never_left_is_as_good_as_before(client: Client, fault: str) -> None:
    with serve(lambda request: Reply(200)) as server:
        host = f"127.0.0.1:{server.port}" if fault == "no TLS" else "no-such-host.invalid"
        auth = without_pauses(RefreshTokenAuth(f"https://{host}/t", refresh_token="r-1", client_id="c", cache={}))
        with pytest.raises(TokenEndpointError) as caught:
            client.get(auth, f"https://{host}/api")
        assert caught.value.unsent


@pytest.mark.parametrize("library", ["requests", "httpx", "httpx2"])
def test_a_connection_out_of_the_user_s_pool_counts_as_sent(library: str) -> None:
    """No connection was begun: the request went down one that was there."""
    import importlib

    from tests.clients import TLS

    module = importlib.import_module(library)
    answers = iter([Reply(200, b"ok")])
    with serve(lambda request: next(answers, Reply(raw=b""))) as server:
        with module.Session() if library == "requests" else module.Client(verify=TLS) as lent:
            lent.get(server.url)
            auth = RefreshTokenAuth(f"{server.url}/t", refresh_token="r", client_id="c", cache={}, token_client=lent)
            with pytest.raises(TokenEndpointError) as caught:
                without_pauses(auth).get_token()
        assert not caught.value.unsent


def test_the_retries_of_a_lent_session_do_not_send_it_twice() -> None:
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    with serve(lambda request: Reply(503, {"error": "down"}, {"Retry-After": "60"})) as server:
        with requests.Session() as lent:
            lent.mount("http://", HTTPAdapter(max_retries=Retry(5, status_forcelist=[503], allowed_methods=None)))
            auth = RefreshTokenAuth(f"{server.url}/t", refresh_token="r", client_id="c", cache={}, token_client=lent)
            with pytest.raises(TokenEndpointError):
                auth.get_token()
        assert len(server.requests) == 1


# what is sent, and what is refused


def test_what_is_sent() -> None:
    url = "https://id.example/token"
    secret = providers.RefreshToken(url, refresh_token="r", client_id="c", client_secret="s", scope="a b")
    body = providers.RefreshToken(url, refresh_token="r", client_id="c", client_secret="s", client_auth="body")
    public = providers.RefreshToken(url, refresh_token="r", client_id="c")
    sent = [next(each.login("r-7")) for each in (secret, body, public)]
    renewal = {"grant_type": "refresh_token", "refresh_token": "r-7"}
    assert [dict(parse_qsl(each.body.decode())) for each in sent] == [
        {**renewal, "scope": "a b"},
        {**renewal, "client_id": "c", "client_secret": "s"},
        {**renewal, "client_id": "c"},
    ]
    assert ["Authorization" in each.headers for each in sent] == [True, False, False]
    with pytest.raises(TokenAuthError, match="no refresh token"):
        next(public.login())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"refresh_token": None}, "refresh_token must be a str, not None"),
        ({"refresh_token": ""}, "refresh_token is empty"),
        ({"refresh_token": "s3cret\n"}, "refresh_token begins or ends with white space"),
        ({"refresh_token": b"s3cret"}, "refresh_token must be a str, not bytes"),
        ({"client_id": None}, "client_id must be a str, not None"),
        ({"client_secret": ""}, "client_secret is empty"),
        ({"on_refresh_token": "save"}, "on_refresh_token must be a function that takes the new refresh token, not str"),
        ({"client_auth": "s3cret"}, "client_auth"),
        ({"extra": {"refresh_token": "s3cret"}}, "extra must not have refresh_token"),
        ({"refreshtoken": "s3cret"}, "has no argument 'refreshtoken'"),
    ],
)
def test_bad_input_is_refused_at_once_and_shows_no_value(arguments: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {"refresh_token": "r", "client_id": "c"} | arguments
    with pytest.raises((TypeError, ValueError), match=problem) as caught:
        RefreshTokenAuth("https://id.example/token", **given)
    assert "s3cret" not in str(caught.value)


def test_a_copy_and_a_pickle_are_the_same_credential(site: Site) -> None:
    auth = site.auth(cache=None)
    assert auth.get_token()
    for twin in (copy.copy(auth), copy.deepcopy(auth), pickle.loads(pickle.dumps(auth))):
        assert twin.get_token() == auth.get_token()
    assert site.api.refreshes == 1


def test_two_users_of_one_client_share_nothing(site: Site) -> None:
    one, two = site.auth("r-1"), site.auth("r-2")
    assert one._source.tokens.key != two._source.tokens.key
    assert one != two


@every_client
def test_nothing_of_it_shows(client: Client, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tokenauth")
    auth = site.auth()
    client.play(auth, Get(site.url), Get(site.url))
    site.api.revoke()
    client.get(auth, site.url)
    until(lambda: site.api.refreshes == 2)
    shown = caplog.text + repr(auth) + repr(auth._provider) + repr(auth.get_token())
    for secret in (site.api.first, site.api.current, CLIENT_SECRET):
        assert secret not in shown


@every_client
def test_one_that_goes_as_json_takes_a_subclass_of_the_provider(client: Client) -> None:
    """The block of docs/apis/refresh-token.md."""
    page = (Path(__file__).parents[2] / "docs" / "apis" / "refresh-token.md").read_text(encoding="utf-8")
    [block] = [
        each
        for each in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        if "IdentityCenter" in each
    ]
    namespace: dict[str, Any] = {"__name__": "docs"}
    exec(block, namespace)
    used, told = ["the-refresh-token"], list[str]()

    def answer(request: Received) -> Reply:
        if request.path != "/token":
            return Reply(200 if request.headers.get("x-amz-sso_bearer_token") == f"t-{len(used)}" else 401)
        sent = {"grantType": "refresh_token", "refreshToken": used[-1], "clientId": "shop", "clientSecret": "s3cret"}
        if json.loads(request.body) != sent:
            return Reply(400, {"error": "invalid_grant"})
        used.append(f"r-{len(used)}")
        return Reply(200, {"accessToken": f"t-{len(used)}", "expiresIn": 3600, "refreshToken": used[-1]})

    with serve(answer) as server:
        given = {name: value for name, value in _arguments(block).items() if name != "origins"}
        provider = namespace["IdentityCenter"](f"{server.url}/token", on_refresh_token=told.append, **given)
        auth = TokenAuth(provider, cache={})
        assert client.get(auth, f"{server.url}/accounts") == 200
        used.append("r-lost")  # the token ends, and somebody else has used its refresh token
        with pytest.raises(client.error_root) as caught:
            client.get(auth, f"{server.url}/accounts")
        assert isinstance(caught.value, CredentialsRejected)
        assert "The refresh token is used up" in str(caught.value)
        assert told == ["r-1"]


def _arguments(block: str) -> dict[str, Any]:
    """Return the named arguments of the last call of `IdentityCenter` in *block*."""
    [call] = [
        each.value for each in ast.parse(block).body if isinstance(each, ast.Assign) and "Center" in ast.dump(each)
    ]
    assert isinstance(call, ast.Call)
    return {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
