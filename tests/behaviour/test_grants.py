"""Grants on every client: the server is found by its issuer, and a subject's token comes from another auth object."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.clients import CLIENTS, Awaiting, Client, Get
from tests.servers import Received, Reply, Server, serve
from tests.stores import DictStore
from tests.support import ManualClock, with_clock, without_pauses
from tokenauth import ClientCredentialsAuth, CredentialsRejected, TokenAuthError, TokenEndpointError, TokenExchangeAuth
from tokenauth.providers import ClientAssertion, PrivateKeyJWT

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
KEY = RSAKey.generate_key(2048).as_pem(private=True).decode()


class Authority:
    """An authorization server at `/<realm>`, and an API that takes the last token of each kind."""

    def __init__(self) -> None:
        self.realm, self.numbers = uuid.uuid4().hex, itertools.count(1)
        self.metadata: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.exchanged: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.revoked: list[tuple[str, str]] = []
        self.good = ""
        self.server: Server

    @property
    def issuer(self) -> str:
        return f"{self.server.url}/{self.realm}"

    @property
    def calls(self) -> list[str]:
        return [each.path.rsplit("/", 1)[-1] for each in self.server.requests if self.realm in each.path]

    def answer(self, request: Received) -> Reply:
        match request.path.removeprefix(f"/{self.realm}"):
            case "/.well-known/openid-configuration":
                known = {"issuer": self.issuer, "token_endpoint": f"{self.issuer}/token"}
                return Reply(200, json.dumps(known | self.metadata).encode(), self.headers)
            case "/token":
                return self.token({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
            case "/gone":
                form = parse_qs(request.body.decode())
                self.revoked.append((form["token"][0], form.get("client_secret", ["not in the body"])[0]))
                return Reply(200)
            case "/api":
                return Reply(200 if request.headers.get("authorization") == f"Bearer {self.good}" else 401)
        return Reply(404)

    def token(self, given: dict[str, str]) -> Reply:
        self.forms.append(given)
        token = f"{given['grant_type'].rpartition(':')[2]}-{next(self.numbers)}"
        if "subject_token" in given:
            self.exchanged.append(given["subject_token"])
        self.good = token
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})


@pytest.fixture
def authority() -> Iterator[Authority]:
    made = Authority()
    with serve(made.answer) as made.server:
        yield made


@every
def test_the_server_is_found_once(client: Client, authority: Authority) -> None:
    proof = PrivateKeyJWT(KEY)
    auth = ClientCredentialsAuth(issuer=authority.issuer, client_id="c", client_auth=proof, cache={})
    api = f"{authority.issuer}/api"
    assert [each.status for each in client.play(auth, Get(api), Get(api))] == [200, 200]
    authority.good = "revoked"
    assert client.get(auth, api) == 200
    assert authority.calls == ["openid-configuration", "token", "api", "api", "api", "token", "api"]


@every
def test_a_lying_issuer_gets_nothing_and_cools_down(client: Client, authority: Authority, clock: ManualClock) -> None:
    authority.metadata = {"issuer": "https://other.example"}
    auth: Any = ClientCredentialsAuth(issuer=authority.issuer, client_id="c", client_secret="s", cache={})
    with_clock(auth, clock)
    for _ in range(2):
        with pytest.raises(TokenEndpointError, match="says that its issuer is"):
            client.get(auth, f"{authority.issuer}/api")
    assert authority.calls == ["openid-configuration"]


@every
def test_what_one_client_was_told_of_an_issuer_decides_nothing_for_another(
    client: Client, authority: Authority
) -> None:
    """One may not verify TLS, go through another proxy, or be a test's: then the other one's secret would go astray."""

    def lie(request: httpx.Request) -> httpx.Response:
        if "well-known" in request.url.path:
            asked.append(request)
            return httpx.Response(200, json={"issuer": authority.issuer, "token_endpoint": f"{far.url}/token"})
        return httpx.Response(200, json={"access_token": "a", "expires_in": 60})

    asked: list[httpx.Request] = []
    shared: dict[str, Any] = {"issuer": authority.issuer, "cache": {}}
    with serve(lambda _: Reply(404)) as far, httpx.Client(transport=httpx.MockTransport(lie)) as lying:
        for number in range(2):
            other = ClientCredentialsAuth(client_id=f"{number}", client_secret="s", token_client=lying, **shared)
            assert other.get_token().value == "a"
        assert len(asked) == 1
        auth: Any = ClientCredentialsAuth(client_id="c", client_secret="secret", **shared)
        assert client.get(without_pauses(auth), f"{authority.issuer}/api") == 200
        assert far.requests == []
    assert authority.calls == ["openid-configuration", "token", "api"]


@every
@pytest.mark.parametrize("own", [False, True], ids=["bare client", "token_client"])
def test_metadata_out_of_a_cache_are_good_and_a_login_out_of_one_is_not(
    client: Client, own: bool, authority: Authority
) -> None:
    """Big providers have a CDN before them, whatever a request says of caches."""
    authority.headers = {"Age": "1200", "Cache-Control": "public, max-age=3600"}

    def made(**options: Any) -> ClientCredentialsAuth:
        auth = ClientCredentialsAuth(issuer=authority.issuer, client_id="c", client_secret="s", cache={}, **options)
        without_pauses(auth)
        return auth

    def token() -> Any:
        library: Any = client.library
        if not own:
            return client.get_token(made())
        if not isinstance(client, Awaiting):
            with library.Session() if client.of_requests else library.Client() as lent:
                return made(token_client=lent).get_token()

        async def lend() -> Any:
            async with client.own_client() as lent:
                return await made(token_client=lent).aget_token()

        return client.run(lend)

    assert token().value == "client_credentials-1"
    answer = authority.token
    authority.token = lambda given: Reply(200, answer(given).body, authority.headers)  # type: ignore[method-assign]
    with pytest.raises(TokenEndpointError, match="came from a cache"):
        token()


@every
def test_metadata_of_more_than_a_mebibyte_are_refused(client: Client, authority: Authority) -> None:
    authority.metadata = {"x": "x" * (1 << 20)}
    auth = ClientCredentialsAuth(issuer=authority.issuer, client_id="c", client_secret="s", cache={})
    with pytest.raises(TokenEndpointError):
        client.get_token(without_pauses(auth))
    assert "token" not in authority.calls


@every
def test_the_subject_may_be_another_auth_object(client: Client, authority: Authority) -> None:
    url = f"{authority.issuer}/token"
    subject = ClientCredentialsAuth(url, client_id="c", client_secret="s", cache={})
    auth = TokenExchangeAuth(url, subject_token=subject, cache={})
    api = f"{authority.issuer}/api"
    assert [each.status for each in client.play(auth, Get(api), Get(api))] == [200, 200]
    assert authority.exchanged == ["client_credentials-1"]
    authority.good = "revoked"
    assert client.get(auth, api) == 200
    assert authority.exchanged == ["client_credentials-1"] * 2, "the subject's own token is still good"


@every
@pytest.mark.parametrize("code", ["invalid_grant", "invalid_request", "invalid_client"])
def test_a_subject_that_is_refused_is_had_anew_by_the_next_try_once(
    client: Client, code: str, authority: Authority
) -> None:
    """RFC 8693 §2.2.2 says invalid_request, most servers invalid_grant. A wrong client says nothing of the subject."""
    url, issue, refused = f"{authority.issuer}/token", authority.token, ["client_credentials-1"]

    def token(given: dict[str, str]) -> Reply:
        if given.get("subject_token") in refused:
            authority.exchanged.append(given["subject_token"])
            return Reply(400, {"error": code})
        return issue(given)

    authority.token = token  # type: ignore[method-assign]
    clock = ManualClock()
    subject = with_clock(ClientCredentialsAuth(url, client_id="c", client_secret="s", cache={}), clock)
    auth = with_clock(TokenExchangeAuth(url, subject_token=subject, cache={}), clock)
    with pytest.raises(TokenAuthError):
        client.get_token(auth)
    again = code != "invalid_client"
    assert (subject._source.tokens.held() is None) == again
    if not again:
        return
    clock.move(1.0)
    assert client.get(auth, f"{authority.issuer}/api") == 200
    assert authority.exchanged == ["client_credentials-1", "client_credentials-2"]
    refused += ["client_credentials-4", "client_credentials-5"]
    for dropped in (subject, auth):
        dropped.invalidate()
    for _ in range(4):
        with pytest.raises(TokenAuthError):
            client.get_token(auth)
    assert authority.exchanged[2:4] == refused[1:]
    assert set(authority.exchanged[4:]) <= {refused[-1]}, "no login for each that is refused"


@every
def test_a_subject_that_was_renewed_while_its_old_token_is_refused_stays(client: Client, authority: Authority) -> None:
    url, issue = f"{authority.issuer}/token", authority.token
    newer: list[Any] = []

    def token(given: dict[str, str]) -> Reply:
        if given.get("subject_token") != "client_credentials-1":
            return issue(given)
        subject.invalidate()
        newer.append(subject.get_token())
        return Reply(400, {"error": "invalid_grant"})

    authority.token = token  # type: ignore[method-assign]
    subject = ClientCredentialsAuth(url, client_id="c", client_secret="s", cache={})
    with pytest.raises(TokenAuthError):
        client.get_token(TokenExchangeAuth(url, subject_token=subject, cache={}))
    assert [subject.get_token()] == newer


def test_processes_share_what_each_got_for_a_subject_s_token_of_its_own(authority: Authority) -> None:
    """Each has another token of the subject, which a store would tell apart: what that was got with is the same."""
    url, store = f"{authority.issuer}/token", DictStore()
    got = []
    for _ in range(2):
        subject = ClientCredentialsAuth(url, client_id="c", client_secret="s", cache={})
        subject.get_token()
        got.append(TokenExchangeAuth(url, subject_token=subject, cache={}, store=store).get_token().value)
    assert len(set(got)) == len(authority.exchanged) == 1
    other = ClientCredentialsAuth(url, client_id="c", client_secret="another's", cache={})
    assert TokenExchangeAuth(url, subject_token=other, cache={}, store=store).get_token().value not in got


def test_a_proof_that_changes_is_nothing_for_a_store(tmp_path: Path) -> None:
    """Each login would make an entry of its own that nobody ever finds."""

    def proof() -> str:
        return "p"

    url = "https://as.example/token"
    given: dict[str, Any] = {"cache": {}, "store": DictStore()}
    token = tmp_path / "token"
    workload = ClientCredentialsAuth(url, client_id="c", client_auth=ClientAssertion(token), cache={})
    made: list[Callable[[], Any]] = [
        lambda: ClientCredentialsAuth(url, client_id="c", client_auth=ClientAssertion(proof), **given),
        lambda: ClientCredentialsAuth(url, client_id="c", client_auth=ClientAssertion(token), **given),
        lambda: TokenExchangeAuth(url, subject_token=workload, **given),
    ]
    for make in made:
        with pytest.raises(ValueError, match="differs at each login: leave store= out, or pass what"):
            make()
    known = ClientCredentialsAuth(url, client_id="c", client_secret="s", cache={})
    assert ClientCredentialsAuth(url, client_id="c", client_auth=PrivateKeyJWT(KEY), **given)
    assert ClientCredentialsAuth(url, client_id="c", client_auth=ClientAssertion(known), **given)


@every
def test_a_subject_that_can_not_be_had_says_why(client: Client, authority: Authority) -> None:
    url = f"{authority.issuer}/token"
    authority.token = lambda given: Reply(401, {"error": "invalid_client"})  # type: ignore[method-assign]
    subject = ClientCredentialsAuth(url, client_id="the subject's", client_secret="s-4711", cache={})
    with pytest.raises(CredentialsRejected, match="OAuth client the subject's") as caught:
        client.get_token(TokenExchangeAuth(url, subject_token=subject, cache={}))
    assert "s-4711" not in str(caught.value)
    assert authority.calls == ["token"]


@every
@pytest.mark.parametrize("place", ["metadata", "answer"])
def test_an_endless_document_is_asked_for_once(
    client: Client, place: str, authority: Authority, clock: ManualClock
) -> None:
    """It would be as long at the next try; as any failure it rests."""
    given: Any = {"client_id": "c", "client_secret": "s", "cache": {}}
    if place == "metadata":
        authority.metadata = {"x": "y" * 1024 * 1024}
        auth = ClientCredentialsAuth(issuer=authority.issuer, **given)
    else:
        authority.token = lambda given: Reply(200, b" " * 1024 * 1025)  # type: ignore[method-assign]
        auth = ClientCredentialsAuth(f"{authority.issuer}/token", **given)
    with_clock(auth, clock)
    for remembered in (False, True):
        with pytest.raises(TokenEndpointError, match="larger than 1 MiB") as caught:
            client.get_token(auth)
        assert (caught.value.remembered is not None) == remembered
    assert len(authority.calls) == 1


@every
def test_the_issuer_s_revocation_endpoint_is_used_where_that_was_asked_for(
    client: Client, authority: Authority
) -> None:
    authority.metadata = {
        "revocation_endpoint": f"{authority.issuer}/gone",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    given: Any = {"client_id": "c", "client_secret": "s"}
    for asked, revoked in (None, []), ("issuer", ["client_credentials-2"]):
        auth = ClientCredentialsAuth(issuer=authority.issuer, revocation_url=asked, cache={}, **given)
        assert client.get(auth, f"{authority.issuer}/api") == 200
        if isinstance(client, Awaiting):
            client.run(auth.aclose)
        else:
            auth.close()
        assert authority.revoked == [(token, "s") for token in revoked]


def test_an_issuer_without_a_revocation_endpoint_is_told_of(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    given: Any = {"client_id": "c", "client_secret": "s", "cache": {}, "revocation_url": "issuer"}
    with ClientCredentialsAuth(issuer=authority.issuer, **given) as auth:
        auth.get_token()
    assert "names no usable revocation_endpoint" in caplog.text
    assert "token logged out" not in caplog.text
