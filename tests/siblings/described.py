"""The sibling APIs, described: each by its recipe on the page docs/apis/recipes.md."""

import base64
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.siblings import page
from tests.siblings.servers import (
    FMC,
    SECRET,
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

RECIPES: dict[type[Any], str] = {
    kind: page.recipe(name)
    for kind, name in {
        Zoho: "Zoho",
        QuickBooks: "QuickBooks",
        Xero: "Xero",
        Salesforce: "Salesforce:",
        GoogleServiceAccount: "Google",
        GitHubApp: "GitHub App",
        Entra: "Microsoft Entra",
        WeChat: "WeChat",
        Feishu: "Feishu",
        Daraja: "M-Pesa Daraja",
        Synology: "Synology",
        Keystone: "OpenStack Keystone",
        Redfish: "Redfish",
        FMC: "Cisco FMC",
        VCenter: "vCenter",
        Magento: "Magento",
        QBittorrent: "qBittorrent",
        Frappe: "Frappe",
        Jenkins: "Jenkins",
        Jellyfin: "Jellyfin",
        Django: "Any Django site",
        SOAPLogin: "Salesforce SOAP",
        NonceLogin: "First get a nonce, then send a digest of it",
        HMACLogin: "Sign the call with an HMAC",
        TwoSessions: "Log out, because sessions are few",
        SlidingSession: "The session ends 20 minutes after its last use",
        TwoHosts: "The login is on another host than the API",
    }.items()
}


def describe(kind: type[Any], api: Any, secret: str) -> Any:
    """Return what the recipe makes, for the running *api*. Where a private key is the secret, another one is wrong."""
    right = secret == SECRET
    pem = (key() if right else key("another")).as_pem(private=True).decode()
    values = {
        f'"{page.SECRET}"': repr(CLIENT_SECRET if right and hasattr(api, "current") else secret),
        'Path("key.pem")': repr(pem),
        'Path("cert.pem").read_text()': repr(certificate()),
    }
    for name, attribute in {"the-refresh-token": "current", "the-app-id": "app", "the-tenant-id": "tenant"}.items():
        if hasattr(api, attribute):
            values[f'"{name}"'] = repr(getattr(api, attribute))
    with tempfile.TemporaryDirectory() as folder:
        if kind is GoogleServiceAccount:
            file = Path(folder, "service-account.json")
            file.write_text(json.dumps(api.account() | {"private_key": pem}), encoding="utf-8")
            values['"service-account.json"'] = repr(str(file))
        return page.made(RECIPES[kind], [each.url for each in api.servers], values)


def certificate() -> str:
    """Return PEM whose thumbprint the server knows; nobody looks at what is in it."""
    inside = base64.encodebytes(key().as_der(private=False)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{inside}-----END CERTIFICATE-----\n"


DESCRIBED: dict[type[Any], Callable[[Any, str], Any]] = {kind: partial(describe, kind) for kind in RECIPES}

__all__ = ["DESCRIBED", "RECIPES", "SECRET"]
