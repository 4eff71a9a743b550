"""Strict servers of twenty-seven token APIs, made from their public documentation: `running(WeChat)`.

    with running(WeChat) as api:
        api.url                                    where the login stands; `api.servers[1].url`, if it has two hosts
        api.logins, api.refreshes, api.logouts     what was counted; and `api.problems`, what is not documented
        api.revoke(), api.expire()

Credentials are `USER` and `SECRET`, or `CLIENT_SECRET` where a client authenticates itself, or `key()`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.servers import serve
from tests.siblings.servers.assertions import CLIENT_ASSERTION, Entra, GitHubApp, GoogleServiceAccount, Salesforce
from tests.siblings.servers.base import JWT_BEARER, SECRET, USER, Sibling, key
from tests.siblings.servers.codes import Daraja, Feishu, Synology, WeChat
from tests.siblings.servers.in_cookies import Django, Frappe, Jenkins, QBittorrent
from tests.siblings.servers.in_headers import FMC, Jellyfin, Keystone, Magento, Redfish, VCenter
from tests.siblings.servers.of_their_own import (
    HMACLogin,
    NonceLogin,
    SlidingSession,
    SOAPLogin,
    TwoHosts,
    TwoSessions,
)
from tests.siblings.servers.refreshing import CLIENT_SECRET, QuickBooks, Refreshing, Xero, Zoho

__all__ = [
    "CLIENT_ASSERTION",
    "CLIENT_SECRET",
    "FMC",
    "JWT_BEARER",
    "SECRET",
    "SIBLINGS",
    "USER",
    "Daraja",
    "Django",
    "Entra",
    "Feishu",
    "Frappe",
    "GitHubApp",
    "GoogleServiceAccount",
    "HMACLogin",
    "Jellyfin",
    "Jenkins",
    "Keystone",
    "Magento",
    "NonceLogin",
    "QBittorrent",
    "QuickBooks",
    "Redfish",
    "Refreshing",
    "SOAPLogin",
    "Salesforce",
    "Sibling",
    "SlidingSession",
    "Synology",
    "TwoHosts",
    "TwoSessions",
    "VCenter",
    "WeChat",
    "Xero",
    "Zoho",
    "key",
    "running",
]

SIBLINGS: tuple[type[Sibling], ...] = (
    WeChat, Feishu, Daraja, Synology,
    Keystone, Redfish, FMC, VCenter, Magento, Jellyfin,
    QBittorrent, Frappe, Jenkins, Django,
    Zoho, QuickBooks, Xero,
    Salesforce, GoogleServiceAccount, GitHubApp, Entra,
    SOAPLogin, NonceLogin, HMACLogin, TwoSessions, SlidingSession, TwoHosts,
)  # fmt: skip

S = TypeVar("S", bound=Sibling)


@contextlib.contextmanager
def running(kind: type[S], now: Callable[[], float] = time.time) -> Iterator[S]:
    """Serve an API on loopback, each of its hosts on a port of its own."""
    api = kind(now)
    with contextlib.ExitStack() as stack:
        api.servers += [stack.enter_context(serve(api)) for _ in range(kind.hosts)]
        yield api
