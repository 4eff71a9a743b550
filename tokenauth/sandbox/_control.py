"""The sandbox's controls: read the counters, turn the knobs, reset.

``GET /_sandbox/state`` → ``{"manis": {"logins": 1, …}, …}``. ``POST /_sandbox/knobs`` ``{"provider":
"manis", "latency": 0.2, "revoke": true}``; without ``provider``: all of them. ``POST /_sandbox/reset``
``{"provider": "manis"}`` or no body: tokens forgotten, counters 0, knobs as at the start. Each answers with
the state, or with 400 and ``{"message": …}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tokenauth.sandbox._http import answer
from tokenauth.sandbox._state import KnobError, ProviderState, State


def routes(state: State) -> list[BaseRoute]:
    """Return the three controls."""

    async def read(_: Request) -> Response:
        return answer(state.as_json())

    async def knobs(request: Request) -> Response:
        return _apply(state, await request.body(), lambda provider, values: provider.turn(values))

    async def reset(request: Request) -> Response:
        return _apply(state, await request.body() or b"{}", lambda provider, _: provider.reset())

    return [
        Route("/_sandbox/state", read),
        Route("/_sandbox/knobs", knobs, methods=["POST"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]


def _apply(state: State, body: bytes, action: Callable[[ProviderState, dict[str, Any]], None]) -> Response:
    """Apply *action* to the providers that *body* names."""
    try:
        values = json.loads(body)
        name = values.pop("provider", None)
        for provider in state.providers.values() if name is None else [state[name]]:
            action(provider, values)
    except KnobError as error:
        return answer({"message": str(error)}, 400)
    except (ValueError, AttributeError, KeyError, TypeError):
        return answer({"message": f"expected a JSON object; provider: one of {', '.join(state.providers)}"}, 400)
    return answer(state.as_json())
