"""The Platform: ``GET /Token`` with an urlencoded body under the label ``application/json``.

POST and the right label work too, as they do on the servers whose shape this is. Answer, 200:
``access_token``, ``token_type`` (``bearer``), ``expires_in`` (whole seconds, cut off: 14 days read
1209599), ``userName``, ``userId``, ``role``, ``.issued``, ``.expires``. **Every login discards all older
tokens of its user.** Source: the "Get Access Token" page; its curl sends no Basic Authorization though the
page names one, so it is checked if present and demanded only by the `require_basic` knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from math import ceil
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._api import api_routes, bearer
from tokenauth.sandbox._http import Call, answer, token_answer, token_endpoint
from tokenauth.sandbox._state import ProviderState
from tokenauth.sandbox.credentials import (
    PLATFORM_OTHER_PASSWORD,
    PLATFORM_OTHER_USERNAME,
    PLATFORM_PASSWORD,
    PLATFORM_USERNAME,
)

_USERS: Final[Mapping[str, str]] = {
    PLATFORM_USERNAME: PLATFORM_PASSWORD,
    PLATFORM_OTHER_USERNAME: PLATFORM_OTHER_PASSWORD,
}


def routes(provider: ProviderState) -> list[BaseRoute]:
    """Return the token endpoint and the API behind it, under ``/platform``."""
    token = Route("/Token", token_endpoint(provider, ("GET", "POST"), login))
    return [token, *api_routes("/platform", provider, bearer)]


def login(call: Call) -> Response:
    """Answer a token call; an error is HTTP 400, or 401 for the Basic Authorization."""
    form = call.form()
    if form is None or not call.labelled("application/json", "application/x-www-form-urlencoded"):
        return call.fault("invalid_request", "The body must be urlencoded, each field once.")
    if form.get("grant_type") != "password":
        return call.fault("unsupported_grant_type", "grant_type must be password.")
    username, password = form.get("username", ""), form.get("password", "")
    if not _basic_is_right(call, username):
        content = {"error": "invalid_client", "error_description": "Basic Authorization is missing or wrong."}
        return call.refuse(answer(content, 401, {"www-authenticate": 'Basic realm="Token"'}))
    if not _known(call.provider, username, password):
        return call.fault("invalid_grant", "The user name or password is incorrect.")
    call.provider.revoke(username)
    return answer(token_answer(call.provider, _granted(call.provider, username)))


def _granted(provider: ProviderState, username: str) -> dict[str, object]:
    now, lifetime = provider.told_time(), provider.knobs.lifetime
    return {
        "access_token": provider.issue(username, size=384),
        "token_type": "bearer",
        "expires_in": ceil(lifetime) - 1,
        "userName": username,
        "userId": str(uuid5(NAMESPACE_URL, username)),
        "role": "Administrator",
        ".issued": formatdate(now, usegmt=True),
        ".expires": formatdate(now + lifetime, usegmt=True),
    }


def _known(provider: ProviderState, username: str, password: str) -> bool:
    return username in _USERS and provider.secret_matches(password, _USERS[username])


def _basic_is_right(call: Call, username: str) -> bool:
    """Tell whether the Basic Authorization fits *username*, or is absent and not demanded."""
    if "authorization" not in call.request.headers:
        return not call.provider.knobs.require_basic
    name, password = call.basic() or ("", "")
    return name == username and _known(call.provider, name, password)
