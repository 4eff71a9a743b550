"""How a plain client talks to each of the servers: the login as its documentation has it, and where the token goes."""

import copy
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import httpx
from joserfc import jwt

from tests.siblings.servers import (
    CLIENT_ASSERTION,
    CLIENT_SECRET,
    FMC,
    JWT_BEARER,
    SECRET,
    USER,
    Daraja,
    Django,
    Entra,
    Feishu,
    Frappe,
    GitHubApp,
    GoogleServiceAccount,
    HMACLogin,
    Jellyfin,
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
        made: Call = put_in(rest, secret)
        return {"method": "POST", "url": api.url + path} | made

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
    """Return a JWT without the claims that are None; a wrong secret is another key under the same `kid`."""
    claims = {name: value for name, value in claims.items() if value is not None}
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


def django(api: Sibling, http: httpx.Client, secret: str) -> Call:
    url = f"{api.url}/accounts/login/"
    page = send(http, {"method": "GET", "url": url})
    [field] = re.findall('value="(.*?)"', page.text)
    headers = {"Cookie": f"csrftoken={page.cookies['csrftoken']}", "Referer": url}
    form = {"username": USER, "password": secret, "csrfmiddlewaretoken": field}
    return {"method": "POST", "url": url, "data": form, "headers": headers}


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


JELLYFIN = "MediaBrowser " + ", ".join(f'{name}="{value}"' for name, value in Jellyfin.client.items())
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
    Jellyfin: Talk(
        post("/Users/AuthenticateByName", json={"Username": USER, "Pw": "SECRET"}, headers={"Authorization": JELLYFIN}),
        header("Authorization", lambda response: f'{JELLYFIN}, Token="{at("AccessToken")(response)}"'),
        "/Items",
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
    Django: Talk(
        django,
        cookie("sessionid"),
        "/api/orders/",
        turned_down=(200, None),
        refused=(403, {"detail": "Authentication credentials were not provided."}),
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
    assert not response.is_error, response.text
    return TALKS[type(api)].carried(response)


def granted(response: httpx.Response) -> bool:
    """Return whether a response is no refusal: some refuse with a 200."""
    if not response.is_success:
        return False
    if not response.headers.get("content-type", "").startswith("application/json"):
        return True
    told = response.json()
    return not (isinstance(told, dict) and (told.get("errcode") or told.get("code") or told.get("success") is False))


def changed(call: Call, part: str, without: str) -> Call:
    changed = copy.deepcopy(call)
    del changed[part][without]
    return changed
