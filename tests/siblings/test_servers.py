"""The servers of `tests.siblings.servers` in conversation with a plain client: what they grant, and what they refuse.

Each API has a `Talk`: its login as the documentation has it, and where the token goes. From a login follow the calls
that differ from it in one thing (`slips`), none of which brings a token.
"""

import copy
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import httpx
import pytest
from joserfc import jwt

from tests.siblings.servers import (
    CLIENT_ASSERTION,
    CLIENT_SECRET,
    FMC,
    JWT_BEARER,
    SECRET,
    SIBLINGS,
    USER,
    Daraja,
    Entra,
    Feishu,
    Frappe,
    GitHubApp,
    GoogleServiceAccount,
    HMACLogin,
    Jenkins,
    Keystone,
    Magento,
    NonceLogin,
    QBittorrent,
    QuickBooks,
    Redfish,
    Salesforce,
    Sibling,
    SlidingSession,
    SOAPLogin,
    Synology,
    TwoHosts,
    TwoSessions,
    VCenter,
    WeChat,
    Xero,
    Zoho,
    key,
    running,
)

Call = dict[str, Any]
"""Arguments of `httpx.Client.request`."""


class Moved:
    """A time that is moved by hand, and by a millisecond whenever it is asked for."""

    def __init__(self) -> None:
        self.seconds = time.time()

    def __call__(self) -> float:
        self.seconds += 0.001
        return self.seconds


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False) as client:
        yield client


def send(http: httpx.Client, call: Call) -> httpx.Response:
    http.cookies.clear()
    return http.request(**call)


# the conversations


@dataclass(frozen=True)
class Talk:
    login: Callable[[Any, httpx.Client, str], Call]
    """What gets a token, with a secret that may be wrong."""
    carried: Callable[[httpx.Response], Call]
    """What a request must carry after such an answer."""
    resource: str = ""
    method: str = "GET"
    host: int = 0
    secret: str = SECRET
    turned_down: tuple[int, Any] = (401, None)
    """The answer to a wrong secret: status, and a part of the body."""
    refused: tuple[int, Any] = (401, None)
    """The answer to a token that was revoked."""
    always: Call = field(default_factory=dict)
    """What each request carries, with or without a token."""

    def use(self, http: httpx.Client, api: Sibling, carried: Call) -> httpx.Response:
        carried = merged(self.always, carried)
        return send(http, merged({"method": self.method, "url": api.servers[self.host].url + self.resource}, carried))


def merged(one: Call, other: Call) -> Call:
    return one | {name: one[name] | each if isinstance(one.get(name), dict) else each for name, each in other.items()}


def post(path: str, **rest: Any) -> Callable[[Any, httpx.Client, str], Call]:
    """Return a login; "SECRET" in it stands for the secret."""

    def login(api: Sibling, http: httpx.Client, secret: str) -> Call:
        return {"method": "POST", "url": api.url + path} | put_in(rest, secret)

    return login


def put_in(value: Any, secret: str) -> Any:
    if isinstance(value, dict):
        return {name: put_in(each, secret) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(put_in(each, secret) for each in value)
    return secret if value == "SECRET" else value


def get(path: str, **rest: Any) -> Callable[[Any, httpx.Client, str], Call]:
    return lambda api, http, secret: post(path, **rest)(api, http, secret) | {"method": "GET"}


def header(
    name: str, place: Callable[[httpx.Response], str], scheme: str = "", **rest: str
) -> Callable[[httpx.Response], Call]:
    return lambda response: {"headers": {name: scheme + place(response)} | rest}


def at(*path: Any) -> Callable[[httpx.Response], str]:
    def place(response: httpx.Response) -> str:
        value = response.json()
        for step in path:
            value = value[step]
        return str(value)

    return place


def cookie(name: str) -> Callable[[httpx.Response], Call]:
    return lambda response: {"headers": {"Cookie": f"{name}={response.cookies[name]}"}}


def signed(claims: dict[str, Any], *, alg: str = "RS256", secret: str = SECRET, **more: str) -> str:
    """Return a JWT; a wrong secret is another key under the same `kid`."""
    header = {"alg": alg, "kid": key().kid} | more
    private = key() if secret == SECRET else key("another")
    return jwt.encode(header, claims, private, algorithms=[alg])


def times(api: Sibling, seconds: int) -> dict[str, int]:
    now = int(api.now())
    return {"iat": now, "nbf": now, "exp": now + seconds}


def salesforce(api: Salesforce, http: httpx.Client, secret: str, **claims: Any) -> Call:
    made = {"iss": USER, "sub": api.username, "aud": api.url} | times(api, 180) | claims
    form = {"grant_type": JWT_BEARER, "assertion": signed(made, secret=secret)}
    return {"method": "POST", "url": f"{api.url}/services/oauth2/token", "data": form}


def google(api: GoogleServiceAccount, http: httpx.Client, secret: str, **claims: Any) -> Call:
    account = api.account()
    made = {"iss": account["client_email"], "aud": account["token_uri"], "scope": api.scope} | times(api, 3600)
    form = {"grant_type": JWT_BEARER, "assertion": signed(made | claims, secret=secret, typ="JWT")}
    return {"method": "POST", "url": account["token_uri"], "data": form}


def github(api: GitHubApp, http: httpx.Client, secret: str, **claims: Any) -> Call:
    token = signed({"iss": api.app} | times(api, 540) | claims, secret=secret)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return {"method": "POST", "url": f"{api.url}/app/installations/42/access_tokens", "headers": headers}


def entra(api: Entra, http: httpx.Client, secret: str, **claims: Any) -> Call:
    url = f"{api.url}/contoso/oauth2/v2.0/token"
    made = {"iss": USER, "sub": USER, "aud": url, "jti": str(uuid.uuid4())} | times(api, 300) | claims
    assertion = signed(made, alg="PS256", secret=secret, typ="JWT", **{"x5t#S256": api.thumbprint()})
    form = {"grant_type": "client_credentials", "client_id": USER, "scope": "https://graph.microsoft.com/.default"}
    form |= {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": assertion}
    return {"method": "POST", "url": url, "data": form}


def refreshing(path: str, **rest: Any) -> Callable[[Any, httpx.Client, str], Call]:
    def login(api: Any, http: httpx.Client, secret: str) -> Call:
        call = post(path, **rest)(api, http, secret)
        call["data"] = {"grant_type": "refresh_token", "refresh_token": api.current} | call.get("data", {})
        return call

    return login


def soap(api: Sibling, http: httpx.Client, secret: str) -> Call:
    inside = f"<username>{USER}</username><password>{escape(secret)}</password>"
    body = f"<e:Body><login xmlns='urn:partner.soap.sforce.com'>{inside}</login></e:Body>"
    envelope = f"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'>{body}</e:Envelope>"
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
    url = f"{api.url}/services/Soap/u/60.0"
    return {"method": "POST", "url": url, "content": envelope.encode(), "headers": headers}


def nonce(api: Sibling, http: httpx.Client, secret: str) -> Call:
    first = send(http, {"method": "GET", "url": f"{api.url}/api/nonce", "params": {"user": USER}})
    value = first.json()["challenge"]["nonce"]
    digest = hashlib.sha256(f"{value}{secret}".encode()).hexdigest()
    return {"method": "POST", "url": f"{api.url}/api/login", "json": {"user": USER, "nonce": value, "digest": digest}}


def with_hmac(api: Sibling, http: httpx.Client, secret: str, body: bytes = b'{"a": "b"}') -> Call:
    target, now = f"/auth/token?{urlencode({'region': 'eu west'})}", str(int(api.now() * 1000))
    mac = hmac.new(secret.encode(), f"POST{target}{now}".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Api-Key": USER, "X-Timestamp": now, "X-Signature": mac}
    return {"method": "POST", "url": api.url + target, "content": body, "headers": headers}


BASIC = (USER.encode(), "SECRET")
KEYSTONE = {
    "identity": {
        "methods": ["password"],
        "password": {"user": {"name": USER, "domain": {"id": "default"}, "password": "SECRET"}},
    },
    "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
}
SYNOLOGY = {"api": "SYNO.API.Auth", "version": "6", "method": "login", "format": "sid"}
LIST = {"api": "SYNO.FileStation.List", "version": "2", "method": "list_share"}
GITHUB = {"Accept": "application/vnd.github+json"}


def basic(login: Callable[[Any, httpx.Client, str], Call]) -> Callable[[Any, httpx.Client, str], Call]:
    """Add user and secret of HTTP Basic, in UTF-8."""
    return lambda api, http, secret: login(api, http, secret) | {"auth": (USER.encode(), secret.encode())}


def jenkins(response: httpx.Response) -> Call:
    told = response.json()
    return merged(cookie(Jenkins.cookie)(response), {"headers": {told["crumbRequestField"]: told["crumb"]}})


ACCESS = at("access_token")
OF_SYNOLOGY = {"success": False}
TALKS: dict[type[Sibling], Talk] = {
    WeChat: Talk(
        get("/cgi-bin/token", params={"grant_type": "client_credential", "appid": USER, "secret": "SECRET"}),
        lambda response: {"params": {"access_token": ACCESS(response)}},
        "/cgi-bin/user/get",
        turned_down=(200, {"errcode": 40125}),
        refused=(200, {"errcode": 40014}),
    ),
    Feishu: Talk(
        post("/open-apis/auth/v3/tenant_access_token/internal", json={"app_id": USER, "app_secret": "SECRET"}),
        header("Authorization", at("tenant_access_token"), "Bearer "),
        "/open-apis/contact/v3/users",
        turned_down=(200, {"code": 10014}),
        refused=(400, {"code": 99991663}),
    ),
    Daraja: Talk(
        basic(get("/oauth/v1/generate", params={"grant_type": "client_credentials"})),
        header("Authorization", ACCESS, "Bearer "),
        "/mpesa/stkpush/v1/processrequest",
        "POST",
        turned_down=(400, {"errorCode": "400.008.01"}),
        refused=(404, {"errorCode": "404.001.03"}),
        always={"json": {"Amount": 1}},
    ),
    Synology: Talk(
        get("/webapi/entry.cgi", params=SYNOLOGY | {"account": USER, "passwd": "SECRET"}),
        lambda response: {"params": {"_sid": at("data", "sid")(response)}},
        "/webapi/entry.cgi",
        turned_down=(200, {"error": {"code": 400}} | OF_SYNOLOGY),
        refused=(200, {"error": {"code": 119}} | OF_SYNOLOGY),
        always={"params": LIST},
    ),
    Keystone: Talk(
        post("/v3/auth/tokens", json={"auth": KEYSTONE}),
        header("X-Auth-Token", lambda response: response.headers["X-Subject-Token"]),
        "/v2.1/servers",
    ),
    Redfish: Talk(
        post("/redfish/v1/SessionService/Sessions", json={"UserName": USER, "Password": "SECRET"}),
        header("X-Auth-Token", lambda response: response.headers["X-Auth-Token"]),
        "/redfish/v1/Systems",
    ),
    FMC: Talk(
        basic(post("/api/fmc_platform/v1/auth/generatetoken")),
        header("X-auth-access-token", lambda response: response.headers["X-auth-access-token"]),
        f"/api/fmc_config/v1/domain/{FMC.domain}/policy/accesspolicies",
    ),
    VCenter: Talk(
        basic(post("/api/session")),
        header("vmware-api-session-id", lambda response: str(response.json())),
        "/api/vcenter/vm",
        refused=(401, {"error_type": "UNAUTHENTICATED"}),
    ),
    Magento: Talk(
        post("/rest/V1/integration/admin/token", json={"username": USER, "password": "SECRET"}),
        header("Authorization", lambda response: str(response.json()), "Bearer "),
        "/rest/V1/orders",
    ),
    QBittorrent: Talk(
        post("/api/v2/auth/login", data={"username": USER, "password": "SECRET"}),
        cookie("SID"),
        "/api/v2/app/version",
        turned_down=(200, "Fails."),
        refused=(403, "Forbidden"),
    ),
    Frappe: Talk(
        post("/api/method/login", data={"usr": USER, "pwd": "SECRET"}),
        cookie("sid"),
        "/api/method/frappe.auth.get_logged_user",
        refused=(403, {"session_expired": 1}),
    ),
    Jenkins: Talk(
        basic(get("/crumbIssuer/api/json")),
        jenkins,
        "/job/demo/build",
        "POST",
        refused=(403, None),
        always={"auth": (USER.encode(), SECRET.encode())},
    ),
    Zoho: Talk(
        refreshing("/oauth/v2/token", data={"client_id": USER, "client_secret": "SECRET"}),
        header("Authorization", ACCESS, "Zoho-oauthtoken "),
        "/crm/v6/Leads",
        host=1,
        secret=CLIENT_SECRET,
        turned_down=(200, {"error": "invalid_client_secret"}),
        refused=(401, {"code": "INVALID_TOKEN"}),
    ),
    QuickBooks: Talk(
        basic(refreshing("/oauth2/v1/tokens/bearer", headers={"Accept": "application/json"})),
        header("Authorization", ACCESS, "Bearer "),
        "/v3/company/9341/companyinfo/9341",
        secret=CLIENT_SECRET,
    ),
    Xero: Talk(
        basic(refreshing("/connect/token")),
        header("Authorization", ACCESS, "Bearer "),
        "/api.xro/2.0/Invoices",
        secret=CLIENT_SECRET,
        refused=(401, {"Title": "Unauthorized"}),
        always={"headers": {"xero-tenant-id": Xero.tenant, "Accept": "application/json"}},
    ),
    Salesforce: Talk(
        salesforce,
        header("Authorization", ACCESS, "Bearer "),
        "/services/data/v60.0/limits",
        host=1,
        turned_down=(400, {"error": "invalid_grant"}),
    ),
    GoogleServiceAccount: Talk(
        google,
        header("Authorization", ACCESS, "Bearer "),
        "/storage/v1/b",
        turned_down=(400, {"error": "invalid_grant"}),
    ),
    GitHubApp: Talk(
        github,
        header("Authorization", at("token"), "Bearer "),
        "/installation/repositories",
        refused=(401, {"message": "Bad credentials"}),
        always={"headers": GITHUB},
    ),
    Entra: Talk(
        entra,
        header("Authorization", ACCESS, "Bearer "),
        "/v1.0/users",
        turned_down=(401, {"error": "invalid_client"}),
    ),
    SOAPLogin: Talk(
        soap,
        header(
            "Authorization", lambda response: re.findall("<sessionId>(.*?)</sessionId>", response.text)[0], "Bearer "
        ),
        "/services/data/v60.0/limits",
        host=1,
        turned_down=(500, None),
    ),
    NonceLogin: Talk(nonce, header("Authorization", at("token"), "Bearer "), "/api/devices"),
    HMACLogin: Talk(with_hmac, header("Authorization", at("accessToken"), "Bearer "), "/orders"),
    TwoSessions: Talk(
        post("/web_api/login", json={"user": USER, "password": "SECRET"}),
        header("X-chkp-sid", at("sid")),
        "/web_api/show-hosts",
        "POST",
        turned_down=(400, {"code": "err_login_failed"}),
        always={"json": {}},
    ),
    SlidingSession: Talk(
        lambda api, http, secret: {
            "method": "PUT",
            "url": f"{api.url}/api/session",
            "json": {"login": USER, "secret": secret},
        },
        header("X-Session-Id", at("session", 0, "id")),
        "/api/stock",
        turned_down=(422, None),
        refused=(440, None),
    ),
    TwoHosts: Talk(
        post("/identity/token", json={"client": USER, "secret": "SECRET"}),
        header("Authorization", at("token"), "Bearer "),
        "/v1/items",
        host=1,
    ),
}


def says(response: httpx.Response, wanted: tuple[int, Any]) -> bool:
    status, content = wanted
    if isinstance(content, dict):
        return response.status_code == status and content.items() <= response.json().items()
    return response.status_code == status and (content is None or response.text == content)


def enters(http: httpx.Client, api: Sibling, secret: str | None = None) -> httpx.Response:
    talk = TALKS[type(api)]
    return send(http, talk.login(api, http, talk.secret if secret is None else secret))


def comes_in(http: httpx.Client, api: Sibling) -> Call:
    response = enters(http, api)
    assert response.is_success, response.text
    return TALKS[type(api)].carried(response)


@pytest.mark.parametrize("kind", SIBLINGS)
def test_the_documented_conversation(kind: type[Sibling], http: httpx.Client) -> None:
    talk, now = TALKS[kind], Moved()
    with running(kind, now) as api:
        assert not granted(talk.use(http, api, {})), "without a token"
        carried = comes_in(http, api)
        assert granted(talk.use(http, api, carried))
        now.seconds += api.lifetime - 1
        assert granted(talk.use(http, api, carried))
        now.seconds += 2
        assert granted(talk.use(http, api, carried)) == kind.sliding
        api.expire()
        assert not granted(talk.use(http, api, carried)), "it has expired"
        carried = comes_in(http, api)
        assert granted(talk.use(http, api, carried))
        api.revoke()
        assert says(talk.use(http, api, carried), talk.refused)
        assert granted(talk.use(http, api, comes_in(http, api)))
        count = api.logins + api.refreshes
        assert says(enters(http, api, "wr0ng"), talk.turned_down)
        assert (count, api.logins + api.refreshes, api.logouts, api.problems) == (3, 3, 0, [])


def granted(response: httpx.Response) -> bool:
    """Return whether a response is no refusal: some refuse with a 200."""
    if not response.is_success:
        return False
    if not response.headers.get("content-type", "").startswith("application/json"):
        return True
    told = response.json()
    return not (isinstance(told, dict) and (told.get("errcode") or told.get("code") or told.get("success") is False))


# calls that are not the documented one


def slips(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield *call* with one thing different each, and what it is."""
    yield "method", call | {"method": "POST" if call["method"] == "GET" else "GET"}
    yield "another method", call | {"method": "PATCH"}
    yield "path", call | {"url": re.sub(r"(\?|$)", r"/more\1", call["url"], count=1)}
    if "auth" in call:
        yield "no basic", {name: each for name, each in call.items() if name != "auth"}
    if "data" in call:
        yield "JSON for a form", {name: each for name, each in call.items() if name != "data"} | {"json": call["data"]}
        yield "form in the query", call | {"data": {}, "params": call["data"]}
    if "json" in call:
        plain = {name: each for name, each in call.items() if name != "json"}
        content = json.dumps(call["json"])
        yield "JSON without a label", plain | {"content": content}
        yield "a form for JSON", plain | {"data": {name: str(each) for name, each in call["json"].items()}}
        yield "no JSON", plain | {"content": content[:-1], "headers": {"Content-Type": "application/json"}}
    for part in {"params", "data", "json", "headers"} & set(call):
        for name in call[part]:
            yield f"no {name} in {part}", changed(call, part, name)
            if name not in {"Accept", "Content-Type", "SOAPAction"}:
                yield f"another {name} in {part}", merged(call, {part: {name: "another"}})
        if part != "headers":
            yield f"one more in {part}", merged(call, {part: {"more": "1"}})
    if not {"data", "json", "content"} & set(call):
        yield "a body", call | {"content": "more"}
    if "params" not in call:
        joined = "&" if "?" in call["url"] else "?"
        yield "a parameter", call | {"url": f"{call['url']}{joined}more=1"}


def changed(call: Call, part: str, without: str) -> Call:
    changed = copy.deepcopy(call)
    del changed[part][without]
    return changed


@pytest.mark.parametrize("kind", SIBLINGS)
def test_a_call_that_differs_in_one_thing_brings_no_token(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        count = len(list(slips(talk.login(api, http, talk.secret))))
        assert count >= 4
        for number in range(count):
            what, call = list(slips(talk.login(api, http, talk.secret)))[number]  # made anew, for it may be good once
            answer = send(http, call)
            assert (api.logins, api.refreshes) == (0, 0), (what, answer.text)
            if isinstance(api, QBittorrent):
                api.failures = 0
        assert [each for each in api.problems if each.startswith("fault")] == []
        assert api.problems
        assert granted(talk.use(http, api, comes_in(http, api)))


@pytest.mark.parametrize("kind", SIBLINGS)
def test_a_token_elsewhere_is_of_no_use(kind: type[Sibling], http: httpx.Client) -> None:
    with running(kind) as api:
        carried = comes_in(http, api)
        [token] = [each for each in api.live if each in str(carried)]
        for wrong in ({"Authorization": f"Bearer {token}"}, {"X-Auth-Token": token}, {"Cookie": f"token={token}"}):
            if wrong.items() <= carried.get("headers", {}).items():
                continue
            if kind in {Redfish, Keystone} and "X-Auth-Token" in wrong:
                continue
            assert not granted(TALKS[kind].use(http, api, {"headers": wrong})), wrong
        for part in carried:
            for name in carried[part]:
                assert not granted(TALKS[kind].use(http, api, changed(carried, part, name))), name


# what is one API's own


def test_a_new_token_of_wechat_leaves_the_old_one_five_minutes(http: httpx.Client) -> None:
    now = Moved()
    with running(WeChat, now) as api:
        old, new = comes_in(http, api), comes_in(http, api)
        use = TALKS[WeChat].use
        now.seconds += 290
        assert granted(use(http, api, old))
        now.seconds += 20
        assert says(use(http, api, old), (200, {"errcode": 40001}))
        assert granted(use(http, api, new))
        api.expire()
        assert says(use(http, api, new), (200, {"errcode": 42001}))
        assert says(use(http, api, {}), (200, {"errcode": 41001}))


def test_feishu_hands_a_token_out_again_until_it_has_half_an_hour(http: httpx.Client) -> None:
    now = Moved()
    with running(Feishu, now) as api:
        first = enters(http, api).json()
        now.seconds += 5000
        second = enters(http, api).json()
        assert second["tenant_access_token"] == first["tenant_access_token"]
        assert second["expire"] == pytest.approx(2200, abs=3)
        now.seconds += 1000
        assert enters(http, api).json()["tenant_access_token"] != first["tenant_access_token"]
        assert api.logins == 3


def test_synology_has_a_code_for_each_end_of_a_session(http: httpx.Client) -> None:
    with running(Synology) as api:
        carried, use = comes_in(http, api), TALKS[Synology].use
        assert says(use(http, api, {}), (200, {"error": {"code": 105}}))
        api.expire()
        assert says(use(http, api, carried), (200, {"error": {"code": 106}}))
        assert says(use(http, api, {"params": {"_sid": "no"}}), (200, {"error": {"code": 119}}))


LOGOUTS: dict[type[Sibling], Callable[[httpx.Response, Call], Call]] = {
    Synology: lambda login, carried: {
        "method": "GET",
        "url": "/webapi/entry.cgi",
        "params": {"api": "SYNO.API.Auth", "version": "6", "method": "logout"} | carried["params"],
    },
    Keystone: lambda login, carried: merged(
        carried,
        {
            "method": "DELETE",
            "url": "/v3/auth/tokens",
            "headers": {"X-Subject-Token": carried["headers"]["X-Auth-Token"]},
        },
    ),
    Redfish: lambda login, carried: carried | {"method": "DELETE", "url": login.headers["Location"]},
    VCenter: lambda login, carried: carried | {"method": "DELETE", "url": "/api/session"},
    QBittorrent: lambda login, carried: carried | {"method": "POST", "url": "/api/v2/auth/logout"},
    Frappe: lambda login, carried: carried | {"method": "GET", "url": "/api/method/logout"},
    GitHubApp: lambda login, carried: merged(
        carried, {"method": "DELETE", "url": "/installation/token", "headers": GITHUB}
    ),
    TwoSessions: lambda login, carried: carried | {"method": "POST", "url": "/web_api/logout", "json": {}},
}


@pytest.mark.parametrize("kind", LOGOUTS)
def test_a_logout_ends_the_session_once(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        login, other = enters(http, api), comes_in(http, api)
        carried = talk.carried(login)
        call = LOGOUTS[kind](login, carried)
        call["url"] = api.url + call["url"]
        wrong = send(http, call | {"method": "POST" if call["method"] != "POST" else "GET"})
        assert not (granted(wrong) and wrong.content)
        assert granted(talk.use(http, api, carried))
        assert granted(send(http, call))
        assert says(talk.use(http, api, carried), talk.refused)
        assert not granted(send(http, call))
        assert granted(talk.use(http, api, other))
        assert api.logouts == 1


@pytest.mark.parametrize(("kind", "seats"), [(TwoSessions, 2), (Redfish, 4)])
def test_a_login_past_the_last_seat_waits_for_a_logout(kind: type[Sibling], seats: int, http: httpx.Client) -> None:
    now = Moved()
    with running(kind, now) as api:
        responses = [enters(http, api) for _ in range(seats)]
        assert enters(http, api).status_code == 503
        carried = TALKS[kind].carried(responses[0])
        call = LOGOUTS[kind](responses[0], carried)
        assert send(http, call | {"url": api.url + call["url"]}).is_success
        assert enters(http, api).is_success
        assert enters(http, api).status_code == 503
        now.seconds += api.lifetime + 1
        assert enters(http, api).is_success, "seats are free when their time is over"
        assert api.logins == seats + 2


def test_redfish_says_where_the_session_stands_in_either_form(http: httpx.Client) -> None:
    with running(Redfish) as api:
        assert enters(http, api).headers["Location"] == "/redfish/v1/SessionService/Sessions/1"
        api.absolute = True
        assert enters(http, api).headers["Location"] == f"{api.url}/redfish/v1/SessionService/Sessions/2"


def test_fmc_refreshes_three_times(http: httpx.Client) -> None:
    def refresh(headers: dict[str, str]) -> httpx.Response:
        url = f"{api.url}/api/fmc_platform/v1/auth/refreshtoken"
        sent = {name: headers[name] for name in ("X-auth-access-token", "X-auth-refresh-token") if name in headers}
        return send(http, {"method": "POST", "url": url, "headers": sent})

    with running(FMC) as api:
        pair: Any = enters(http, api).headers
        assert pair["DOMAIN_UUID"] == FMC.domain
        for _ in range(3):
            used, pair = pair, refresh(pair).headers
            assert not granted(
                TALKS[FMC].use(http, api, {"headers": {"X-auth-access-token": used["X-auth-access-token"]}})
            )
            assert granted(TALKS[FMC].use(http, api, {"headers": {"X-auth-access-token": pair["X-auth-access-token"]}}))
        assert refresh({"X-auth-access-token": pair["X-auth-access-token"]}).status_code == 401
        assert refresh(used).status_code == 401
        assert refresh(pair).status_code == 401
        assert (api.logins, api.refreshes) == (1, 3)


def test_five_wrong_passwords_ban_from_qbittorrent(http: httpx.Client) -> None:
    with running(QBittorrent) as api:
        assert [enters(http, api, "no").status_code for _ in range(6)] == [200] * 5 + [403]
        assert enters(http, api).status_code == 403


def test_qbittorrent_refuses_another_origin(http: httpx.Client) -> None:
    with running(QBittorrent) as api:
        call = TALKS[QBittorrent].login(api, http, SECRET)
        assert send(http, call | {"headers": {"Referer": "http://elsewhere.example"}}).status_code == 401
        assert send(http, call | {"headers": {"Referer": api.url}}).text == "Ok."


def test_frappe_makes_a_guest_of_whom_it_refuses(http: httpx.Client) -> None:
    with running(Frappe) as api:
        response = TALKS[Frappe].use(http, api, {"headers": {"Cookie": "sid=old"}})
        assert (response.status_code, response.cookies["sid"]) == (403, "Guest")
        carried = comes_in(http, api)
        response = send(http, {"method": "GET", "url": f"{api.url}/api/resource/Salary"} | carried)
        assert (response.status_code, response.cookies.get("sid")) == (403, None)
        assert granted(TALKS[Frappe].use(http, api, carried))


def test_jenkins_tells_a_wrong_user_from_a_wrong_crumb(http: httpx.Client) -> None:
    with running(Jenkins) as api:
        carried, other = comes_in(http, api), comes_in(http, api)
        use = TALKS[Jenkins].use
        assert use(http, api, carried | {"auth": (USER, "no")}).status_code == 401
        mixed = merged(carried, {"headers": {"Cookie": other["headers"]["Cookie"]}})
        assert use(http, api, mixed).status_code == 403


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
    {"iat": int(time.time()) + 600},
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


def test_github_wants_a_user_agent(http: httpx.Client) -> None:
    with running(GitHubApp) as api:
        call = merged(github(api, http, SECRET), {"headers": {"User-Agent": ""}})
        assert send(http, call).status_code == 403


@pytest.mark.parametrize("kind", [Magento, Xero])
def test_without_an_accept_the_answer_is_xml(kind: type[Sibling], http: httpx.Client) -> None:
    with running(kind) as api:
        accept = {"headers": {"Accept": "text/html"}}
        if kind is Magento:
            response = send(http, merged(TALKS[kind].login(api, http, SECRET), accept))
        else:
            response = TALKS[kind].use(http, api, merged(comes_in(http, api), accept))
        assert (response.status_code, response.headers["content-type"]) == (200, "text/xml")


def test_a_soap_login_names_its_host(http: httpx.Client) -> None:
    with running(SOAPLogin) as api:
        assert f"<serverUrl>{api.servers[1].url}/" in enters(http, api).text
        assert "INVALID_LOGIN" in enters(http, api, "no").text
        assert "<password>" not in enters(http, api, "no").text


def test_a_nonce_is_good_once_and_for_a_minute(http: httpx.Client) -> None:
    now = Moved()
    with running(NonceLogin, now) as api:
        call = nonce(api, http, SECRET)
        assert [send(http, call).status_code for _ in range(2)] == [200, 400]
        call = nonce(api, http, SECRET)
        now.seconds += 61
        assert send(http, call).status_code == 400


def test_a_signature_is_good_once_and_in_time(http: httpx.Client) -> None:
    now = Moved()
    with running(HMACLogin, now) as api:
        call = with_hmac(api, http, SECRET)
        assert [send(http, call).status_code for _ in range(2)] == [200, 401]
        call = with_hmac(api, http, SECRET)
        assert send(http, call | {"content": b'{"a": "c"}'}).status_code == 401
        now.seconds += 31
        assert send(http, call).status_code == 401


def test_a_token_for_two_hosts_is_not_for_others(http: httpx.Client) -> None:
    with running(TwoHosts) as api:
        carried = comes_in(http, api)
        urls = [f"{server.url}/v1/items" for server in api.servers]
        statuses = [send(http, {"method": "GET", "url": url} | carried).status_code for url in urls]
        assert statuses == [401, 200, 200, 418]
        assert len(api.problems) == 1
        assert send(http, {"method": "GET", "url": urls[3]}).is_success


def test_the_clock_that_is_given_dates_the_answers(http: httpx.Client) -> None:
    with running(Keystone, lambda: 1_800_000_000.0) as api:
        response = enters(http, api)
        assert response.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
        assert response.json()["token"]["expires_at"] == "2027-01-15T09:00:00.000000Z"


def test_what_comes_first_may_hold_a_request_up(http: httpx.Client) -> None:
    with running(TwoHosts) as api:
        seen: list[str] = []
        api.before = lambda request: seen.append(f"{request.path} {api.lock.acquire(blocking=False)}")
        comes_in(http, api)
        assert seen == ["/identity/token True"]


def test_every_sibling_has_a_talk() -> None:
    assert list(TALKS) == list(SIBLINGS)
    assert len(SIBLINGS) == 25
