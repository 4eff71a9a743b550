"""The sibling APIs, described; each `describe(api, secret)` is what a user writes."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from tests.siblings.servers import (
    FMC,
    SECRET,
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
    SlidingSession,
    SOAPLogin,
    Synology,
    TwoHosts,
    TwoSessions,
    VCenter,
    WeChat,
    Xero,
    Zoho,
)
from tests.siblings.servers.base import key
from tests.siblings.servers.refreshing import CLIENT_SECRET
from tokenauth import ClientCredentialsAuth, JWTBearerAuth, LoginAuth, RefreshTokenAuth
from tokenauth.providers import JWT, XML, Basic, Call, Cookie, Header, Kept, PrivateKeyJWT, Signed, Text

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


def wechat(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/cgi-bin/token",
        method="GET",
        params={"grant_type": "client_credential", "appid": USER, "secret": secret},
        rejected=("errcode", 40013, 40125),
        error_code="errcode",
        error_text="errmsg",
        param="access_token",
        refused=("errcode", 40001, 40014, 42001),
    )


def feishu(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/open-apis/auth/v3/tenant_access_token/internal",
        json={"app_id": USER, "app_secret": secret},
        token="tenant_access_token",
        expires_in="expire",
        success=("code", 0),
        rejected=("code", 10003, 10014),
        refused=[(400, "code", 99991663), (200, "code", 99991663)],
    )


def daraja(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/oauth/v1/generate",
        method="GET",
        params={"grant_type": "client_credentials"},
        basic=(USER, secret),
        error_code="errorCode",
        error_text="errorMessage",
        refused=(404, "errorCode", "404.001.03"),
    )


def synology(api: Any, secret: str) -> LoginAuth:
    auth = {"api": "SYNO.API.Auth", "version": "6"}
    return LoginAuth(
        f"{api.url}/webapi/entry.cgi",
        method="GET",
        params={**auth, "method": "login", "account": USER, "passwd": secret, "format": "sid"},
        token="data.sid",
        rejected=("error.code", 400),
        logout=Call(params={**auth, "method": "logout", "_sid": Kept("token")}),
        param="_sid",
        refused=("error.code", 106, 107, 119),
    )


def keystone(api: Any, secret: str) -> LoginAuth:
    user = {"name": USER, "domain": {"id": "default"}, "password": secret}
    project = {"name": "demo", "domain": {"id": "default"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return LoginAuth(
        f"{api.url}/v3/auth/tokens",
        json={"auth": {"identity": identity, "scope": {"project": project}}},
        public=["name", "id", "methods"],
        token=Header("X-Subject-Token"),
        expires_at="token.expires_at",
        logout=Call(method="DELETE", headers={"X-Auth-Token": Kept("token"), "X-Subject-Token": Kept("token")}),
        header="X-Auth-Token",
    )


def redfish(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/redfish/v1/SessionService/Sessions",
        json={"UserName": USER, "Password": secret},
        token=Header("X-Auth-Token"),
        keep={"session": Header("Location")},
        logout=Call(Kept("session"), method="DELETE", headers={"X-Auth-Token": Kept("token")}),
        header="X-Auth-Token",
    )


def fmc(api: Any, secret: str) -> LoginAuth:
    tokens = {"X-auth-access-token": Kept("token"), "X-auth-refresh-token": Kept("refresh_token")}
    return LoginAuth(
        f"{api.url}/api/fmc_platform/v1/auth/generatetoken",
        basic=(USER, secret),
        token=Header("X-auth-access-token"),
        refresh_token=Header("X-auth-refresh-token"),
        lifetime=1800,
        refresh=Call("/api/fmc_platform/v1/auth/refreshtoken", method="POST", headers=tokens, uses=3),
        header="X-auth-access-token",
    )


def vcenter(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/api/session",
        basic=(USER, secret),
        token="",
        logout=Call(method="DELETE", headers={"vmware-api-session-id": Kept("token")}),
        header="vmware-api-session-id",
    )


def magento(api: Any, secret: str) -> LoginAuth:
    url = f"{api.url}/rest/V1/integration/admin/token"
    return LoginAuth(url, json={"username": USER, "password": secret}, token="", lifetime=4 * 3600)


def qbittorrent(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/api/v2/auth/login",
        form={"username": USER, "password": secret},
        token=Cookie("SID"),
        rejected=[403, (Text(), "Fails.")],
        logout=Call("/api/v2/auth/logout", method="POST", headers={"Cookie": Signed("SID=", cookie_of)}),
        cookie="SID",
        refused=403,
    )


def cookie_of(name: str, kept: Any) -> str:
    return f"{name}{kept['token']}"


def frappe(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/api/method/login",
        form={"usr": USER, "pwd": secret},
        token=Cookie("sid"),
        logout=Call("/api/method/logout", headers={"Cookie": Signed("sid=", cookie_of)}),
        cookie="sid",
        refused=(403, "session_expired", 1),
    )


def jenkins(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/crumbIssuer/api/json",
        method="GET",
        basic=(USER, secret),
        token="crumb",
        keep={"session": Cookie()},
        header="Jenkins-Crumb",
        also={"Authorization": Basic(USER, secret), "Cookie": Kept("session")},
        refused=403,
    )


def soap(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/services/Soap/u/60.0",
        body=Signed(secret, envelope),
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"},
        token=XML("sessionId"),
        expires_in=XML("sessionSecondsValid"),
        home=XML("serverUrl"),
        rejected=(500, XML("faultcode"), "INVALID_LOGIN"),
        public=["SOAPAction"],
    )


def envelope(secret: str, kept: Any) -> str:
    inside = f"<username>{USER}</username><password>{escape(secret)}</password>"
    login = f"<login xmlns='urn:partner.soap.sforce.com'>{inside}</login>"
    return f"<e:Envelope xmlns:e='{ENVELOPE}'><e:Body>{login}</e:Body></e:Envelope>"


def nonce(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/api/login",
        first=Call("/api/nonce", params={"user": USER}, keep={"nonce": "challenge.nonce"}),
        json={"user": USER, "nonce": Kept("nonce"), "digest": Signed(secret, digest)},
        token="token",
    )


def digest(secret: str, kept: Any) -> str:
    return hashlib.sha256(f"{kept['nonce']}{secret}".encode()).hexdigest()


def with_hmac(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/auth/token",
        params={"region": "eu west"},
        json={"a": "b"},
        headers={"X-Api-Key": USER},
        public=["region", "a", "x-api-key"],
        sign=Signed(secret, signature),
        token="accessToken",
        expires_in="expiresIn",
    )


def signature(secret: str, call: Any) -> dict[str, str]:
    time = str(int(call.time * 1000))
    signed = f"{call.method}{call.target}{time}".encode() + call.body
    return {"X-Timestamp": time, "X-Signature": hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}


def two_sessions(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/web_api/login",
        json={"user": USER, "password": secret},
        token="sid",
        logout=Call("/web_api/logout", json={}, headers={"X-chkp-sid": Kept("token")}),
        header="X-chkp-sid",
    )


def sliding(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/api/session",
        method="PUT",
        json={"login": USER, "secret": secret},
        token="session.0.id",
        lifetime=1200,
        sliding=True,
        rejected=422,
        header="X-Session-Id",
        refused=440,
    )


def two_hosts(api: Any, secret: str) -> LoginAuth:
    return LoginAuth(
        f"{api.url}/identity/token",
        json={"client": USER, "secret": secret},
        token="token",
        origins=[api.servers[1].url, api.servers[2].url],
    )


def pem(secret: str) -> str:
    """Return the private key, or another one where the secret is another."""
    return (key() if secret == SECRET else key("another")).as_pem(private=True).decode()


def salesforce(api: Any, secret: str) -> JWTBearerAuth:
    return JWTBearerAuth(
        f"{api.url}/services/oauth2/token",
        key=pem(secret),
        issuer=USER,
        subject=api.username,
        assertion_audience=api.url,
        home="instance_url",
        lifetime_of_token=7200,
    )


def google(api: Any, secret: str) -> JWTBearerAuth:
    account = api.account() | {"private_key": pem(secret)}
    return JWTBearerAuth.from_google(account, scope=api.scope)


def github(api: Any, secret: str) -> LoginAuth:
    accept, token = {"Accept": "application/vnd.github+json"}, Signed("Bearer", bearer)
    return LoginAuth(
        f"{api.url}/app/installations/42/access_tokens",
        headers={"Authorization": JWT(pem(secret), issuer=api.app, lifetime=540, scheme="Bearer"), **accept},
        token="token",
        expires_at="expires_at",
        logout=Call("/installation/token", method="DELETE", headers={"Authorization": token, **accept}),
    )


def bearer(scheme: str, kept: Any) -> str:
    return f"{scheme} {kept['token']}"


def entra(api: Any, secret: str) -> ClientCredentialsAuth:
    headers = {"x5t#S256": api.thumbprint()}
    return ClientCredentialsAuth(
        f"{api.url}/contoso/oauth2/v2.0/token",
        client_id=USER,
        client_auth=PrivateKeyJWT(pem(secret), algorithm="PS256", headers=headers),
        scope="https://graph.microsoft.com/.default",
    )


def client(secret: str) -> str:
    return CLIENT_SECRET if secret == SECRET else secret


def zoho(api: Any, secret: str) -> RefreshTokenAuth:
    return RefreshTokenAuth(
        f"{api.url}/oauth/v2/token",
        refresh_token=api.current,
        client_id=USER,
        client_secret=client(secret),
        client_auth="body",
        origins=[api.servers[1].url],
        scheme="Zoho-oauthtoken",
    )


def quickbooks(api: Any, secret: str) -> RefreshTokenAuth:
    url = f"{api.url}/oauth2/v1/tokens/bearer"
    return RefreshTokenAuth(url, refresh_token=api.current, client_id=USER, client_secret=client(secret))


def xero(api: Any, secret: str) -> RefreshTokenAuth:
    return RefreshTokenAuth(
        f"{api.url}/connect/token",
        refresh_token=api.current,
        client_id=USER,
        client_secret=client(secret),
        extra_headers={"xero-tenant-id": api.tenant},
    )


DESCRIBED: dict[type[Any], Callable[[Any, str], Any]] = {
    Zoho: zoho,
    QuickBooks: quickbooks,
    Xero: xero,
    Salesforce: salesforce,
    GoogleServiceAccount: google,
    GitHubApp: github,
    Entra: entra,
    WeChat: wechat,
    Feishu: feishu,
    Daraja: daraja,
    Synology: synology,
    Keystone: keystone,
    Redfish: redfish,
    FMC: fmc,
    VCenter: vcenter,
    Magento: magento,
    QBittorrent: qbittorrent,
    Frappe: frappe,
    Jenkins: jenkins,
    SOAPLogin: soap,
    NonceLogin: nonce,
    HMACLogin: with_hmac,
    TwoSessions: two_sessions,
    SlidingSession: sliding,
    TwoHosts: two_hosts,
}

__all__ = ["DESCRIBED", "SECRET"]
