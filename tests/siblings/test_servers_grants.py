"""What is one server's own: refresh tokens, assertions, nonces and signatures."""

import time
from typing import Any

import httpx
import pytest
from joserfc import jwt

from tests.siblings.servers import (
    CLIENT_SECRET,
    SECRET,
    USER,
    Entra,
    GitHubApp,
    GoogleServiceAccount,
    HMACLogin,
    NonceLogin,
    QuickBooks,
    Salesforce,
    Sibling,
    Xero,
    Zoho,
    key,
    running,
)
from tests.siblings.talks import (
    TALKS,
    Moved,
    comes_in,
    enters,
    entra,
    github,
    google,
    granted,
    merged,
    nonce,
    salesforce,
    says,
    send,
    with_hmac,
)


@pytest.mark.parametrize("kind", [QuickBooks, Xero])
def test_a_refresh_token_rotates(kind: type[QuickBooks] | type[Xero], http: httpx.Client) -> None:
    talk, now = TALKS[kind], Moved()
    with running(kind, now) as api:
        call = talk.login(api, http, talk.secret)
        assert send(http, call).json()["refresh_token"] == api.current != api.first
        now.seconds += api.grace + 1
        assert says(send(http, call), (400, {"error": "invalid_grant"}))
        assert api.families_lost == 1
        assert says(send(http, call | {"auth": (USER, "no")}), (401, {"error": "invalid_client"}))
        assert not enters(http, api).is_success, "the consent is gone"


def test_xero_takes_a_used_refresh_token_for_half_an_hour(http: httpx.Client) -> None:
    now = Moved()
    with running(Xero, now) as api:
        call = TALKS[Xero].login(api, http, CLIENT_SECRET)
        first, again = send(http, call).json(), send(http, call).json()
        assert first["refresh_token"] != again["refresh_token"]
        now.seconds += 1790
        assert send(http, call).is_success
        assert enters(http, api).is_success
        assert api.families_lost == 0


def test_zoho_tells_a_hosts_name_and_what_is_wrong(http: httpx.Client) -> None:
    now = Moved()
    with running(Zoho, now) as api:
        call = TALKS[Zoho].login(api, http, CLIENT_SECRET)
        response = send(http, call)
        assert (response.json()["api_domain"], "refresh_token" in response.json()) == (api.servers[1].url, False)
        assert not granted(
            send(http, {"method": "GET", "url": f"{api.url}/crm/v6/Leads"} | TALKS[Zoho].carried(response))
        )
        for name, error in (("client_id", "invalid_client"), ("refresh_token", "invalid_code")):
            assert says(send(http, merged(call, {"data": {name: "no"}})), (200, {"error": error}))
        assert [send(http, call).status_code for _ in range(10)] == [200] * 9 + [400]
        now.seconds += 600
        assert send(http, call).is_success


ASSERTED = {Salesforce: salesforce, GoogleServiceAccount: google, GitHubApp: github, Entra: entra}
BAD_CLAIMS = [
    {"iss": "another"},
    {"aud": "https://elsewhere.example"},
    {"sub": "another"},
    {"exp": 1},
    {"exp": int(time.time()) + 86400},
    {"exp": None},
    {"iat": int(time.time()) + 86400},
    {"iat": "now"},
]


@pytest.mark.parametrize("kind", ASSERTED)
@pytest.mark.parametrize("claims", BAD_CLAIMS, ids=lambda claims: next(iter(claims.items())))
def test_an_assertion_with_a_wrong_claim_is_refused(
    kind: type[Sibling], claims: dict[str, Any], http: httpx.Client
) -> None:
    unread = {GitHubApp: {"aud", "sub"}, GoogleServiceAccount: {"sub"}}  # who has no use for these
    with running(kind) as api:
        made: Any = ASSERTED[kind]
        response = send(http, made(api, http, SECRET, **claims))
        assert response.is_success == bool(set(claims) & unread.get(kind, set())), response.text
        assert send(http, made(api, http, SECRET)).is_success


NOW = int(time.time())


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        (GoogleServiceAccount, {"iat": None}),
        (GoogleServiceAccount, {"iat": NOW - 600, "exp": NOW + 3300}),
        (GitHubApp, {"iat": None}),
        (Entra, {"jti": ""}),
        (Entra, {"nbf": None}),
    ],
)
def test_an_assertion_that_lacks_a_claim_of_one_api_is_refused(
    kind: type[Sibling], claims: dict[str, Any], http: httpx.Client
) -> None:
    made: Any = ASSERTED[kind]
    with running(kind) as api:
        assert not send(http, made(api, http, SECRET, **claims)).is_success
        assert send(http, made(api, http, SECRET)).is_success


def remade(text: str, **header: str) -> str:
    """Return an assertion signed again, with another header."""
    token = jwt.decode(text, key(), algorithms=["RS256", "PS256"])
    made = {name: value for name, value in (token.header | header).items() if value}
    return jwt.encode(made, dict(token.claims), key(), algorithms=[made["alg"]])


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        (Salesforce, {"alg": "RS512"}),
        (GitHubApp, {"alg": "PS256"}),
        (Entra, {"alg": "RS256"}),
        (Entra, {"x5t#S256": "another"}),
        (Entra, {"typ": "at+jwt"}),
        (GoogleServiceAccount, {"alg": "PS256"}),
        (GoogleServiceAccount, {"kid": "another"}),
        (GoogleServiceAccount, {"kid": ""}),
    ],
)
def test_an_assertion_with_a_wrong_header_is_refused(
    kind: type[Sibling], header: dict[str, str], http: httpx.Client
) -> None:
    with running(kind) as api:
        for made, good in (({}, True), (header, False)):
            call = TALKS[kind].login(api, http, SECRET)
            if kind is GitHubApp:
                scheme, text = call["headers"]["Authorization"].split()
                call["headers"]["Authorization"] = f"{scheme} {remade(text, **made)}"
            else:
                name = "client_assertion" if kind is Entra else "assertion"
                call["data"][name] = remade(call["data"][name], **made)
            assert send(http, call).is_success == good


def test_entra_takes_an_assertion_once(http: httpx.Client) -> None:
    with running(Entra) as api:
        call = TALKS[Entra].login(api, http, SECRET)
        assert [send(http, call).status_code for _ in range(2)] == [200, 401]


def test_google_has_the_scope_in_the_claims(http: httpx.Client) -> None:
    with running(GoogleServiceAccount) as api:
        response = send(http, google(api, http, SECRET, scope=""))
        assert says(response, (400, {"error": "invalid_scope"}))


def test_salesforces_token_is_known_at_its_instance_alone(http: httpx.Client) -> None:
    with running(Salesforce) as api:
        response = enters(http, api)
        told = response.json()
        assert (told["instance_url"], "expires_in" in told) == (api.servers[1].url, False)
        url = f"{api.url}/services/data/v60.0/limits"
        refused = send(http, {"method": "GET", "url": url} | TALKS[Salesforce].carried(response))
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_github_wants_an_agent_an_accept_and_its_own_installation(http: httpx.Client) -> None:
    with running(GitHubApp) as api:
        call = github(api, http, SECRET)
        carried = comes_in(http, api)
        assert send(http, merged(call, {"headers": {"User-Agent": ""}})).status_code == 403
        assert send(http, call | {"url": call["url"].replace("/42/", "/43/")}).status_code == 404
        plain = merged(carried, {"headers": {"Accept": "*/*"}})
        assert TALKS[GitHubApp].use(http, api, plain).status_code == 415


def test_a_nonce_is_good_once_and_for_a_minute(http: httpx.Client) -> None:
    now = Moved()
    with running(NonceLogin, now) as api:
        asked = {"method": "GET", "url": f"{api.url}/api/nonce", "params": {"user": "another"}}
        assert send(http, asked).status_code == 404
        call = nonce(api, http, SECRET)
        assert [send(http, call).status_code for _ in range(2)] == [200, 400]
        call = nonce(api, http, SECRET)
        now.seconds += 61
        assert send(http, call).status_code == 400


def test_a_signature_is_good_once_and_in_time(http: httpx.Client) -> None:
    now = Moved()
    with running(HMACLogin, now) as api:
        call = with_hmac(api, http, SECRET)
        assert send(http, call | {"url": call["url"].replace("eu", "us")}).status_code == 400
        call = with_hmac(api, http, SECRET)
        assert [send(http, call).status_code for _ in range(2)] == [200, 401]
        call = with_hmac(api, http, SECRET)
        assert send(http, call | {"content": b'{"a": "c"}'}).status_code == 401
        now.seconds += 31
        assert send(http, call).status_code == 401
