"""The sandbox as one ASGI app: three providers as their documents say, OAuth client credentials, their APIs.

    /api/v1/auth/token    /manis/…                    Manis
    /getAtripToken.do     /search.do, any other .do   ATRIP's API
    /  /portal…                                       ATRIP's portal, on its own host; else / says what there is
    /Token                /platform/…                 Platform
    /oauth/token          /oauth/…                    client credentials
    /echo/{path}          /redirect?status=&to=       for everybody: what arrived; a redirect
    /_sandbox/state  /_sandbox/knobs  /_sandbox/reset the controls

What is behind each provider is in `_api`; the knobs are in `_state.Knobs`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from tokenauth.sandbox import _api, _control, atrip, manis, oauth, platform
from tokenauth.sandbox._http import Endpoint
from tokenauth.sandbox._state import Clock, State
from tokenauth.sandbox.front import page


def create_app(*, clock: Clock = time.time, portal_host: str = "localhost", state: State | None = None) -> ASGIApp:
    """Return the sandbox.

    Args:
        clock: returns Unix seconds; tokens expire by it and answers tell it.
        portal_host: ATRIP's portal answers under this host alone, and ATRIP's API under any other.
        state: what it remembers, if the caller wants to look inside; *clock* is ignored then.
    """
    state = State(clock) if state is None else state
    shared = [
        *manis.routes(state["manis"]),
        *platform.routes(state["platform"]),
        *oauth.routes(state["oauth"]),
        *_control.routes(state),
        Route("/echo/{path:path}", Endpoint(_echo)),
        Route("/redirect", Endpoint(_redirect)),
    ]
    front = Route("/", Endpoint(page))
    portal = Router([_Unlinked("/", Endpoint(page)), *shared, *atrip.portal(state["atrip"])], redirect_slashes=False)
    routes: list[BaseRoute] = [Host(portal_host, portal), front, *shared, *atrip.api(state["atrip"])]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return _Outer(app, state.clock, portal_host)


class _Unlinked(Route):
    """A page for who comes to the portal's host without a link: a person who wrote localhost."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        request = Request(scope)
        linked = "token" in request.query_params or "authorization" in request.headers
        return (Match.NONE, {}) if linked else super().matches(scope)


class _Outer:
    """Puts the portal's host into the scope, and ``Date`` on answers that have none."""

    def __init__(self, app: ASGIApp, clock: Clock, portal_host: str) -> None:
        self.app = app
        self.clock = clock
        self.portal_host = portal_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["tokenauth.portal_host"] = self.portal_host
        with suppress(ClientDisconnect):  # it left before its body had arrived: nobody to answer
            await self.app(scope, receive, self._dated(send))

    def _dated(self, send: Send) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
        async def dated(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("date", formatdate(self.clock(), usegmt=True))
            await send(message)

        return dated


async def _echo(request: Request) -> Response:
    return _api.echo(request, await request.body(), _api.bearer(request))


async def _redirect(request: Request) -> Response:
    await request.body()
    return _api.redirect(request)
