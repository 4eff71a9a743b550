"""Manis: ``POST /api/v1/auth/token`` with two headers and no body.

Answer, 200: ``{"tokenType": "Bearer", "token": str, "expiresAt": int}``. The document calls ``expiresAt`` a
timestamp and names no unit, so the `expires` knob chooses; it gives two shapes of error, so the `errors`
knob chooses. Source: the provider's "Get token" page and the OpenAPI description on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._api import api_routes, bearer
from tokenauth.sandbox._http import Call, answer, token_answer, token_endpoint
from tokenauth.sandbox._state import ProviderState
from tokenauth.sandbox.credentials import MANIS_MERCHANT_ID, MANIS_SECRET


def _iso(at: float) -> str:
    """Return ``yyyy-MM-dd'T'HH:mm:ss.SSS'Z'``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_EXPIRES: Final[Mapping[str, Callable[[float], object]]] = {
    "s": int,
    "ms": lambda at: int(at * 1000),
    "us": lambda at: int(at * 1_000_000),
    "iso": _iso,
    "digits": lambda at: str(int(at)),
    "digits_ms": lambda at: str(int(at * 1000)),
    "garbage": lambda _: "some day",
}


def routes(provider: ProviderState) -> list[BaseRoute]:
    """Return the token endpoint and the API behind it, under ``/manis``."""
    token = Route("/api/v1/auth/token", token_endpoint(provider, ("POST",), login))
    return [token, *api_routes("/manis", provider, bearer)]


def login(call: Call) -> Response:
    """Answer a token call: 400 for a missing header, 401 for a wrong one."""
    merchant, secret = call.header("x-merchant-id"), call.header("x-secret")
    if not merchant or not secret:
        return call.refuse(_error(call.provider, 400, "x-merchant-id and x-secret are needed"))
    if merchant != MANIS_MERCHANT_ID or not call.provider.secret_matches(secret, MANIS_SECRET):
        return call.refuse(_error(call.provider, 401, "merchant or secret is wrong"))
    return answer(token_answer(call.provider, _granted(call.provider, merchant)))


def _granted(provider: ProviderState, merchant: str) -> dict[str, object]:
    expires = _EXPIRES[provider.knobs.expires]
    return {
        "tokenType": "Bearer",
        "token": provider.issue(merchant),
        "expiresAt": expires(provider.told_time() + provider.knobs.lifetime),
    }


def _error(provider: ProviderState, status: int, text: str) -> Response:
    """Return six fields (the page's prose) or two (its OpenAPI description: timestamp is a date)."""
    now, shape = provider.told_time(), provider.knobs.errors
    if shape == "message" or (shape == "auto" and status == 401):
        return answer({"message": text, "timestamp": _iso(now)[:10]}, status)
    content = {
        "timestamp": _iso(now),
        "title": "Bad Request" if status == 400 else "Unauthorized",
        "type": "about:blank",
        "status": status,
        "soaCode": f"AUTH-{status}",
        "detail": text,
    }
    problem = {"content-type": "application/problem+json"} if shape == "problem" else None
    return answer(content, status, problem)
