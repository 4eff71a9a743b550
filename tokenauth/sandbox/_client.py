"""The handle of a running sandbox: its URLs and its controls. Needs only the standard library."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tokenauth.sandbox._state import KnobError, State


class Sandbox:
    """A running sandbox.

    Attributes:
        url: ``http://127.0.0.1:<port>``: the token endpoints and the APIs.
        portal_url: ``http://localhost:<port>``: ATRIP's portal, another origin.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port or 80
        self.portal_url = f"http://localhost:{self.port}"

    @property
    def base_url(self) -> str:
        """The same as `url`."""
        return self.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def knobs(self, provider: str | None = None, **values: Any) -> None:
        """Turn knobs of *provider* ("manis", "atrip", "platform", "oauth"; None: all); see `_state.Knobs`.

        ``revoke=True`` drops its tokens. ``failures={"count": 2, "status": 503}`` fails the next two token
        calls.

        Raises:
            KnobError: no such knob or provider, or an invalid value.
        """
        self._control("POST", "knobs", values if provider is None else {"provider": provider, **values})

    def state(self) -> dict[str, dict[str, int]]:
        """Return the counters by provider and name."""
        return self._control("GET", "state")

    def reset(self, provider: str | None = None) -> None:
        """Forget tokens, counters and knobs of *provider* (None: all)."""
        self._control("POST", "reset", {} if provider is None else {"provider": provider})

    def _control(self, method: str, name: str, values: dict[str, Any] | None = None) -> dict[str, dict[str, int]]:
        body = None if values is None else json.dumps(values)
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, f"/_sandbox/{name}", body)
            response = connection.getresponse()
            content: dict[str, Any] = json.loads(response.read())
        if response.status != 200:
            raise KnobError(str(content.get("message")))
        return content


class ThreadSandbox(Sandbox):
    """A sandbox in a thread of this process. ``live`` is what it remembers, itself."""

    def __init__(self, url: str, live: State) -> None:
        super().__init__(url)
        self.live = live
