"""What is said to a token endpoint, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from tokenauth._core.expiry import http_date
from tokenauth._core.frozen import Frozen, part


class TokenRequest(Frozen):
    """A call of a token endpoint. Headers and body hold secrets, and a query may, so repr hides them."""

    method: str
    url: str = part(repr=False)
    headers: Mapping[str, str] = part(default_factory=dict, repr=False)
    body: bytes = part(default=b"", repr=False)


class Reply(Frozen):
    """The answer of a token endpoint, or what an errand brought (`errands`).

    Attributes:
        status: HTTP status code; 200 for an errand.
        headers: names in lower case.
        body: at most 1 MiB, content coding undone; hidden in repr.
        sent: monotonic seconds, just before the request was sent.
        sent_at: Unix seconds of the same moment, by this machine's clock.
        received_at: Unix seconds at the answer's end, by this machine's clock.
        secrets: what was sent and is not to be shown: the secrets as they were then, a refresh token. Hidden in repr.
        result: what the function of an errand returned, hidden in repr.
    """

    status: int
    headers: Mapping[str, str] = part(default_factory=dict, repr=False)
    body: bytes = part(default=b"", repr=False)
    sent: float = 0.0
    sent_at: float = 0.0
    received_at: float = 0.0
    secrets: tuple[str, ...] = part(default=(), repr=False)
    result: Any = part(default=None, repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body's JSON value; ValueError where it is none (also when nested too deeply)."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None

    @property
    def server_now(self) -> float:
        """Unix seconds by the server's clock: `Date` (RFC 9110 §6.6.1) where it is sent, else this machine's.

        `Date` counts whole seconds, so where this machine's clock falls within that second it is the finer reading.
        """
        date = http_date(self.headers.get("date", ""))
        if date is None:
            return self.received_at
        return min(max(self.received_at, date), date + 1.0)
