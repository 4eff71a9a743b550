"""What the demo expects of each provider, and how it logs in there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from operator import sub
from typing import Any, Final
from urllib.parse import urlencode

from tokenauth import TokenAuth
from tokenauth.sandbox import credentials as known
from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._by_hand import Login
from tokenauth.sandbox.front import APIS

STEPS: Final = ("first", "cached", "revoked", "expired", "wrong secret")


@dataclass(frozen=True)
class Counts:
    """What the server counted for one provider.

    Attributes:
        logins: token calls that gave a token.
        unauthorized: 401s of the protected API, or of the portal.
        ok: 200s of the same.
        refused: token calls turned down.
    """

    logins: int
    unauthorized: int
    ok: int
    refused: int = 0

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*map(sub, astuple(self), astuple(earlier)))

    def __str__(self) -> str:
        if self == Counts(0, 0, 0, self.refused) and self.refused:
            return f"{self.refused} refused"
        text = f"{self.logins}·{self.unauthorized}·{self.ok}"
        return f"{text}·{self.refused} refused" if self.refused else text


EXPECTED: Final[Mapping[str, Counts]] = {
    "first": Counts(1, 0, 1),
    "cached": Counts(0, 0, 1),
    "revoked": Counts(1, 1, 1),
    "expired": Counts(2, 0, 2),  # one login for the short-lived token, one when it has expired
    "wrong secret": Counts(0, 0, 0, refused=1),
}


@dataclass(frozen=True)
class Case:
    """One provider in the demo.

    Attributes:
        provider: the sandbox's name for it.
        title: ours.
        login: returns an auth object for a sandbox and a secret; None means the right one.
        path: of the protected resource.
        short: knobs that make tokens short-lived.
        pause: seconds after which such a token has expired in everybody's eyes.
        portal: whether the resource lives on the portal's origin.
        expected: what the server should count in each step.
    """

    provider: str
    title: str
    login: Callable[[Sandbox, str | None], TokenAuth]
    path: str
    short: Mapping[str, Any]
    pause: float
    portal: bool = False
    expected: Mapping[str, Counts] = field(default_factory=lambda: EXPECTED)

    def url(self, sandbox: Sandbox) -> str:
        return (sandbox.portal_url if self.portal else sandbox.url) + self.path

    def counts(self, sandbox: Sandbox) -> Counts:
        """Return what the server has counted up to now."""
        state, kind = sandbox.state()[self.provider], "portal" if self.portal else "api"
        return Counts(state["logins"], state[f"{kind}_401"], state[f"{kind}_200"], state["refused"])


def _auth(name: str) -> Callable[[Sandbox, str | None], TokenAuth]:
    """Return what makes an auth object for one of the sandbox's APIs."""
    api = next(each for each in APIS if each.name == name)
    return lambda sandbox, secret: api.auth(sandbox.url, secret)


def manis_login(sandbox: Sandbox, secret: str | None) -> Login:
    """Return the token call of `ManisAuth`, for the one by hand; the next two do the same."""
    headers = {"x-merchant-id": known.MANIS_MERCHANT_ID, "x-secret": secret or known.MANIS_SECRET}
    return Login("POST", f"{sandbox.url}/api/v1/auth/token", "token", headers)


def platform_login(sandbox: Sandbox, secret: str | None) -> Login:
    password = secret or known.PLATFORM_PASSWORD
    form = {"grant_type": "password", "username": known.PLATFORM_USERNAME, "password": password}
    return _form("GET", f"{sandbox.url}/Token", form)


def oauth_login(sandbox: Sandbox, secret: str | None) -> Login:
    secret = secret or known.OAUTH_CLIENT_SECRET
    form = {"grant_type": "client_credentials", "client_id": known.OAUTH_CLIENT_ID, "client_secret": secret}
    return _form("POST", f"{sandbox.url}/oauth/token", form)


def _form(method: str, url: str, form: Mapping[str, str]) -> Login:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Login(method, url, "access_token", headers, urlencode(form).encode())


CASES: Final = (
    # A second at least: on a slow machine so much may pass between a login and the request that it is for.
    # Manis tells milliseconds and ``Date`` whole seconds: what is read against the other is up to 1 s off
    Case("manis", "Manis", _auth("manis"), "/manis/api/orders", {"lifetime": 1, "expires": "ms"}, 2.1),
    Case(
        "atrip",
        "ATRIP portal",
        _auth("atrip"),
        "/portal/orders",
        {"lifetime": 1},
        1.1,
        portal=True,
        # a link says nothing about its lifetime, so its end shows as a 401
        expected={**EXPECTED, "expired": Counts(2, 1, 2)},
    ),
    # two seconds read ``"expires_in": 1``: the Platform cuts off
    Case("platform", "Platform", _auth("platform"), "/platform/api/orders", {"lifetime": 2}, 1.1),
    Case("oauth", "client credentials", _auth("oauth"), "/oauth/api/orders", {"lifetime": 1}, 1.1),
)
MANIS, _, PLATFORM, OAUTH = CASES
