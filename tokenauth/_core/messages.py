"""Token requests and their replies."""

import json
from collections.abc import Mapping
from typing import Any

from tokenauth._core.expiry import http_date
from tokenauth._core.frozen import Frozen, part


class TokenRequest(Frozen):
    """A request to a token endpoint. Headers, body and query may hold secrets, so repr hides them.

    Attributes:
        fresh: whether the response must be new, as that of a login must. If false, it may come out of a cache.
    """

    method: str
    url: str = part(repr=False)
    headers: Mapping[str, str] = part(default_factory=dict, repr=False)
    body: bytes = part(default=b"", repr=False)
    fresh: bool = True


class Reply(Frozen):
    """The response of a token endpoint, or the result of an errand (`errands`).

    Attributes:
        status: HTTP status code; 200 for an errand.
        headers: names in lower case.
        body: at most 1 MiB, with the content coding removed; hidden in repr.
        sent: monotonic seconds, just before the request was sent.
        sent_at: Unix seconds of the same moment, by this machine's clock.
        received_at: Unix seconds at the end of the response, by this machine's clock.
        secrets: the secrets that were sent, refresh tokens included. Hidden in repr.
        result: return value of an errand's function, hidden in repr.
        call: the method and path that were called, if it was not the login itself; for errors.
    """

    status: int
    headers: Mapping[str, str] = part(default_factory=dict, repr=False)
    body: bytes = part(default=b"", repr=False)
    sent: float = 0.0
    sent_at: float = 0.0
    received_at: float = 0.0
    secrets: tuple[str, ...] = part(default=(), repr=False)
    result: Any = part(default=None, repr=False)
    call: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body's JSON value. ValueError if it is not JSON or is nested too deeply."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None

    @property
    def server_now(self) -> float:
        """Unix seconds by the server's clock: `Date` (RFC 9110 §6.6.1), or this machine's clock if there is none.

        `Date` has whole seconds. If this machine's clock is within that second, its finer reading is used.
        """
        date = http_date(self.headers.get("date", ""))
        if date is None:
            return self.received_at
        return min(max(self.received_at, date), date + 1.0)
