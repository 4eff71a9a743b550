"""The sandbox's front page, and the same as text: what there is, with which account, and lines to try."""

from __future__ import annotations

import dataclasses
import html
import inspect
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from starlette.requests import Request
from starlette.responses import Response

import tokenauth
from tokenauth._config.env import words
from tokenauth.sandbox import credentials as of
from tokenauth.sandbox._state import EXPIRES, FAILURES, Knobs

if TYPE_CHECKING:
    from tokenauth import TokenAuth

_SECRETS = {"secret", "password", "client_secret"}


@dataclass(frozen=True)
class API:
    """One of the sandbox's token APIs.

    Attributes:
        name: as the controls call it.
        title: what it is.
        account: what logs in.
        login: the token call.
        path: of the API that wants the token.
        curl: arguments of the token call.
        kind: the auth class.
        address: the argument of the class that is a URL: the server's, or that of the token call.
    """

    name: str
    title: str
    account: dict[str, str]
    login: str
    path: str
    curl: str
    kind: str
    address: str = "token_url"

    def given(self, url: str) -> dict[str, str]:
        """Return the arguments of the class for the account at *url*."""
        return {self.address: url if self.address == "base_url" else self._login_at(url), **self.account}

    def _login_at(self, url: str) -> str:
        return url + self.login.partition(" ")[2]

    def auth(self, url: str, secret: str | None = None) -> TokenAuth:
        """Return an auth object for the account at *url*; *secret*: another one than the right one."""
        own = {name: secret or value for name, value in self.account.items() if name in _SECRETS}
        made: TokenAuth = getattr(tokenauth, self.kind)(**{**self.given(url), **own})
        return made

    def tries(self, url: str) -> list[str]:
        """Return lines to try at *url*: for curl, for the command line, where the secret is in the environment, and for
        Python."""
        code = ", ".join(f"{name}={value!r}" for name, value in self.given(url).items())
        options = [f"--class {words(self.kind)}"]
        for name, value in self.given(url).items():
            options.append(f"--{name.replace('_', '-')} {'env:SECRET' if name in _SECRETS else shlex.quote(value)}")
        secret = next(value for name, value in self.account.items() if name in _SECRETS)
        command = f"SECRET={shlex.quote(secret)} tokenauth token {' '.join(options)}"
        return [f"curl {self.curl} {self._login_at(url)}", command, f"{self.kind}({code})"]


_PLATFORM = {"username": of.PLATFORM_USERNAME, "password": of.PLATFORM_PASSWORD}
_CLIENT = f"{quote_plus(of.OAUTH_CLIENT_ID)}:{quote_plus(of.OAUTH_CLIENT_SECRET)}"

APIS = (
    API(
        "manis",
        "Manis, a payment API",
        {"merchant_id": of.MANIS_MERCHANT_ID, "secret": of.MANIS_SECRET},
        "POST /api/v1/auth/token",
        "/manis/api/orders",
        f"-X POST -H 'x-merchant-id: {of.MANIS_MERCHANT_ID}' -H 'x-secret: {of.MANIS_SECRET}'",
        "ManisAuth",
        "base_url",
    ),
    API(
        "atrip",
        "ATRIP, a travel API; its portal is at localhost, another origin",
        {
            "client_id": of.ATRIP_CLIENT_ID,
            "client_secret": of.ATRIP_CLIENT_SECRET,
            "user_name": of.ATRIP_USER_NAME,
            "role": of.ATRIP_ROLE,
            "order_no": of.ATRIP_ORDER_NO,
        },
        "POST /getAtripToken.do",
        "/search.do",
        f"-H 'Content-Type: application/json' -H 'x-atlas-client-id: {of.ATRIP_CLIENT_ID}' "
        f"-H 'x-atlas-client-secret: {of.ATRIP_CLIENT_SECRET}' -d '"
        f'{{"orderNo": "{of.ATRIP_ORDER_NO}", "userName": "{of.ATRIP_USER_NAME}", "role": "{of.ATRIP_ROLE}"}}\'',
        "AtripAuth",
        "base_url",
    ),
    API(
        "platform",
        "The Platform; each login ends all older tokens",
        _PLATFORM,
        "GET /Token",
        "/platform/api/orders",
        f"-X GET -H 'Content-Type: application/json' -d '{urlencode({'grant_type': 'password', **_PLATFORM})}'",
        "PlatformAuth",
    ),
    API(
        "oauth",
        "OAuth 2.0 client credentials",
        {"client_id": of.OAUTH_CLIENT_ID, "client_secret": of.OAUTH_CLIENT_SECRET},
        "POST /oauth/token",
        "/oauth/api/orders",
        f"-d grant_type=client_credentials -u '{_CLIENT}'",
        "ClientCredentialsAuth",
    ),
)


def knobs() -> dict[str, str]:
    """Return what can be made to go wrong, by name."""
    text = inspect.getdoc(Knobs) or ""
    found = re.findall(r"^    (\w+): (.*(?:\n      +.*)*)", text, re.MULTILINE)
    told = {name: " ".join(words.replace("``", "").split()) for name, words in found}
    return {each.name: told.get(each.name, "") for each in dataclasses.fields(Knobs)} | {
        "revoke": "true drops all tokens."
    }


def controls(url: str) -> list[tuple[str, str]]:
    """Return lines that turn the knobs, each with what it does."""
    post = f"curl -d '%s' {url}/_sandbox/knobs"
    return [
        ("forget the tokens: the next request meets a 401", post % '{"provider": "manis", "revoke": true}'),
        ("tokens live 5 s", post % '{"provider": "manis", "lifetime": 5}'),
        ("the next two token calls fail", post % '{"provider": "manis", "failures": {"count": 2, "status": 503}}'),
        ("another secret from now on", post % '{"provider": "manis", "secret": "changed"}'),
        ("what has come in", f"curl {url}/_sandbox/state"),
        ("start over", f"curl -X POST {url}/_sandbox/reset"),
    ]


def as_json(url: str) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "url": url,
        "apis": {
            each.name: {"account": each.account, "login": each.login.replace(" ", f" {url}"), "api": url + each.path}
            for each in APIS
        },
        "knobs": knobs(),
    }


def as_text(url: str) -> str:
    """Return the page as text, for a terminal."""
    lines = [f"The sandbox runs at {url} until Ctrl-C. The accounts are invented; they open nothing else."]
    for each in APIS:
        account = "  ".join(f"{name}={value!r}" for name, value in each.account.items())
        lines += ["", each.title, f"  login    {each.login}", f"  account  {account}", f"  API      {each.path}"]
        first, *others = each.tries(url)
        lines += [f"  try      {first}", *(f"           {line}" for line in others)]
    lines += [
        "",
        "Also: /echo/… says what arrived, /redirect?to=URL redirects, /<api>/denied/… always answers 401.",
        "",
    ]
    lines += ["Make something go wrong:"]
    lines += [f"  {line}\n           {what}" for what, line in controls(url)]
    lines += ["", f"Knobs (expires: {', '.join(EXPIRES)}; kinds of failures: {', '.join(FAILURES)}):"]
    lines += [f"  {name:12} {what}" for name, what in knobs().items()]
    return "\n".join(lines)


async def page(request: Request) -> Response:
    """Answer with the page, or with its text where a browser isn't asking."""
    await request.body()
    base = request.base_url
    if base.hostname == request.scope["tokenauth.portal_host"]:  # where no API is
        base = base.replace(hostname="127.0.0.1")
    url = str(base).rstrip("/")
    if "text/html" not in request.headers.get("accept", ""):
        return Response(as_text(url) + "\n", media_type="text/plain")
    return Response(_html(url), media_type="text/html")


_STYLE = """
:root { color-scheme: light dark } body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
padding: 0 1rem } code, pre { font: 13px/1.5 ui-monospace, monospace } pre { overflow-x: auto; padding: .6rem .8rem;
border: 1px solid #8884; border-radius: 6px; background: #8881 } th { text-align: left; font-weight: 600;
padding-right: 1rem; vertical-align: top; white-space: nowrap } h2 { margin-top: 2rem }
"""


def _html(url: str) -> str:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>tokenauth sandbox</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{_STYLE}</style><h1>tokenauth sandbox</h1>",
        "<p>Token APIs to try things on. The accounts are invented; they open nothing else.</p>",
    ]
    for each in APIS:
        rows = [("Login", each.login), ("API", each.path), *each.account.items()]
        parts += [f"<h2>{_e(each.title)}</h2>", _table(rows), _pre("\n".join(each.tries(url)))]
    lines = "\n".join(f"# {what}\n{line}" for what, line in controls(url))
    parts += ["<h2>Make something go wrong</h2>", _pre(lines)]
    more = f"expires: {', '.join(EXPIRES)}; kinds of failures: {', '.join(FAILURES)}."
    parts += ["<h2>Knobs</h2>", _table(list(knobs().items())), f"<p>{_e(more)}</p>"]
    return "".join(parts)


def _e(text: str) -> str:
    return html.escape(text)


def _pre(text: str) -> str:
    return f"<pre>{_e(text)}</pre>"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{_e(name)}<td><code>{_e(value)}</code>" for name, value in rows)
    return f"<table>{cells}</table>"
