"""ATRIP: ``POST /getAtripToken.do`` returns a link for a person; the API itself wants two static headers.

The token call wants five headers (``Accept`` and ``Content-Type``: ``application/json``,
``Accept-Encoding``: exactly ``gzip``, ``x-atlas-client-id``, ``x-atlas-client-secret``) and a JSON object
with the texts ``orderNo``, ``userName``, ``role``. Every answer, business errors too, is HTTP 200 ``{"url":
str, "status": int, "msg": str | null}``, gzipped. ``status``: 0 success, 2 system error (here: a malformed
call), 3 unauthorized (wrong secret or a header missing), 900 (unknown client). The link leads to the
portal, which lives on another origin and wants the link's token. Source: the provider's "ATRIP Token" page;
900 is what third parties report for keys of the wrong environment. Where the token is in the link is
published nowhere, hence the `link` knob.
"""

from __future__ import annotations

import json
from gzip import compress
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._api import api_routes, bearer, echo, guard
from tokenauth.sandbox._http import Call, Endpoint, Handler, answer, token_answer, token_endpoint
from tokenauth.sandbox._state import ProviderState
from tokenauth.sandbox.credentials import ATRIP_CLIENT_ID, ATRIP_CLIENT_SECRET

_FIELDS: Final = ("orderNo", "userName", "role")
_FIXED: Final = {"accept": "application/json", "content-type": "application/json", "accept-encoding": "gzip"}
_UNAUTHORIZED: Final[dict[str, object]] = {"status": 3, "msg": "unauthorized access"}


def api(provider: ProviderState) -> list[BaseRoute]:
    """Return the token endpoint and the API calls, such as ``/search.do``."""
    return [
        Route("/getAtripToken.do", token_endpoint(provider, ("POST",), login)),
        Route("/{call}.do", Endpoint(_call_handler(provider), provider)),
    ]


def portal(provider: ProviderState) -> list[BaseRoute]:
    """Return the portal's pages: ``/``, for who has a link, and everything under ``/portal``."""

    def page(request: Request, body: bytes) -> Response:
        return echo(request, body, link_token(request))

    endpoint = guard(provider, link_token, page, counter="portal")
    return [
        *api_routes("/portal", provider, link_token, counter="portal"),
        *(Route(path, endpoint) for path in ("/", "/portal", "/portal/{path:path}")),
    ]


def link_token(request: Request) -> str | None:
    """Return the token as the link gives it: ``?token=…``, or for a fragment ``Authorization: Bearer``."""
    values = request.query_params.getlist("token")
    return values[0] if len(values) == 1 else bearer(request)


def login(call: Call) -> Response:
    """Answer a token call with a link."""
    client_id, secret = call.header("x-atlas-client-id"), call.header("x-atlas-client-secret")
    if not client_id or not secret:
        return _refuse(call, 3, "unauthorized access: a header is missing")
    if client_id != ATRIP_CLIENT_ID:
        return _refuse(call, 900, "client is unknown here")
    if not call.provider.secret_matches(secret, ATRIP_CLIENT_SECRET):
        return _refuse(call, 3, "unauthorized access")
    fault = _fault(call)
    return _refuse(call, 2, fault) if fault else _granted(call)


def _fault(call: Call) -> str | None:
    """Return what is wrong with the call's form, or None."""
    for name, expected in _FIXED.items():
        if call.header(name) != expected:
            return f"header {name} must be {expected}"
    try:
        content = json.loads(call.body)
    except ValueError:
        return "the body is not JSON"
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in _FIELDS):
        return "orderNo, userName and role are needed"
    return None if content["userName"] and content["role"] else "userName and role must not be empty"


def _granted(call: Call) -> Response:
    token = call.provider.issue(str(json.loads(call.body)["userName"]))
    content = {"url": _link(call, token), "status": 0, "msg": None}
    return _gzipped(call, token_answer(call.provider, content))


def _link(call: Call, token: str) -> str:
    """Return the link; the portal has the API's port on the host that the application was made with."""
    base = call.request.url.replace(hostname=call.request.scope["tokenauth.portal_host"], path="", query="")
    query = urlencode({"lang": "en", "token": token})
    path = "portal?" if call.provider.knobs.link == "query" else "#/login?"
    return f"{str(base).rstrip('/')}/{path}{query}"


def _refuse(call: Call, status: int, text: str) -> Response:
    return call.refuse(_gzipped(call, {"url": "", "status": status, "msg": text}))


def _gzipped(call: Call, content: dict[str, object], status: int = 200) -> Response:
    """Return *content* gzipped, if the caller takes that."""
    plain = answer(content, status)
    if "gzip" not in call.request.headers.get("accept-encoding", ""):
        return plain
    headers = {"content-type": "application/json", "cache-control": "no-store", "content-encoding": "gzip"}
    return Response(compress(bytes(plain.body)), status, headers)


def _call_handler(provider: ProviderState) -> Handler:
    """Return the handler of API calls: 401 without the two headers, 200 with status 3 for wrong ones."""

    async def handle(request: Request) -> Response:
        call = Call(provider, request, await request.body())
        client_id, secret = call.header("x-atlas-client-id"), call.header("x-atlas-client-secret")
        if not client_id or not secret:
            provider.count("api_401")
            return _gzipped(call, _UNAUTHORIZED, 401)
        if client_id != ATRIP_CLIENT_ID or not provider.secret_matches(secret, ATRIP_CLIENT_SECRET):
            provider.count("api_refused")
            return _gzipped(call, _UNAUTHORIZED)
        provider.count("api_200")
        return echo(request, call.body, None)

    return handle
