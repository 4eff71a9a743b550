"""OAuth 2.0 client credentials: ``POST /oauth/token``.

Form ``grant_type=client_credentials``, optional ``scope`` and ``audience``; the client names itself by HTTP
Basic, its id and secret form-urlencoded first, or by ``client_id`` and ``client_secret`` in the form, not
by both. Answer, 200: ``access_token``, ``token_type``, ``expires_in`` (seconds), ``scope``. Source: RFC
6749, 2.3.1 (client authentication), 4.4 (the grant), 5.1 and 5.2 (answers).
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._api import api_routes, bearer
from tokenauth.sandbox._http import Call, answer, token_answer, token_endpoint
from tokenauth.sandbox._state import ProviderState
from tokenauth.sandbox.credentials import OAUTH_AUDIENCE, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_SCOPES


def routes(provider: ProviderState) -> list[BaseRoute]:
    """Return the token endpoint and the API behind it, under ``/oauth``."""
    token = Route("/oauth/token", token_endpoint(provider, ("POST",), login))
    return [token, *api_routes("/oauth", provider, bearer)]


def login(call: Call) -> Response:
    """Answer a token call; errors are those of RFC 6749, 5.2."""
    form = call.form()
    if form is None or not call.labelled("application/x-www-form-urlencoded"):
        return call.fault("invalid_request", "The body must be urlencoded, each field once.")
    uses_basic = "authorization" in call.request.headers
    if uses_basic and "client_secret" in form:
        return call.fault("invalid_request", "Authenticate by Basic or in the body, not by both.")
    client = _basic(call) if uses_basic else (form.get("client_id", ""), form.get("client_secret", ""))
    if client is None or not _known(call.provider, *client):
        return _invalid_client(call, uses_basic=uses_basic)
    return _grant(call, form)


def _grant(call: Call, form: dict[str, str]) -> Response:
    scopes = form.get("scope", " ".join(OAUTH_SCOPES)).split(" ")
    if "grant_type" not in form:
        return call.fault("invalid_request", "grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        return call.fault("unsupported_grant_type", "Only client_credentials.")
    if not set(scopes) <= set(OAUTH_SCOPES):
        return call.fault("invalid_scope", f"Known scopes: {' '.join(OAUTH_SCOPES)}.")
    if form.get("audience", OAUTH_AUDIENCE) != OAUTH_AUDIENCE:
        return call.fault("invalid_target", f"The only audience: {OAUTH_AUDIENCE}.")
    content = {
        "access_token": call.provider.issue(OAUTH_CLIENT_ID),
        "token_type": "Bearer",
        "expires_in": _whole(call.provider.knobs.lifetime),
        "scope": " ".join(scopes),
    }
    return answer(token_answer(call.provider, content), 200, {"pragma": "no-cache"})


def _whole(seconds: float) -> float:
    """Return whole seconds as an integer, as servers write them."""
    return int(seconds) if seconds == int(seconds) else seconds


def _known(provider: ProviderState, client_id: str, secret: str) -> bool:
    return client_id == OAUTH_CLIENT_ID and provider.secret_matches(secret, OAUTH_CLIENT_SECRET)


def _basic(call: Call) -> tuple[str, str] | None:
    """Return id and secret from the header, urldecoded (RFC 6749, 2.3.1), or None."""
    pair = call.basic()
    if pair is None or not "".join(pair).isascii():
        return None
    try:
        return unquote_plus(pair[0], errors="strict"), unquote_plus(pair[1], errors="strict")
    except ValueError:  # not of text
        return None


def _invalid_client(call: Call, *, uses_basic: bool) -> Response:
    content = {"error": "invalid_client", "error_description": "Client unknown or secret wrong."}
    headers = {"www-authenticate": 'Basic realm="oauth"'} if uses_basic else None
    return call.refuse(answer(content, 401 if uses_basic else 400, headers))
