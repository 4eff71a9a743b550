"""One observed login: each request with its response, and the outcome. It doesn't use the cache.

Where a refresh token is all there is to log in with, the next one is kept as ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenauth._core import errors
from tokenauth._core import flow as flows
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._io import drive, transports
from tokenauth.cli._ending import on_a_command_line


@dataclass
class Observed:
    """What was seen.

    Attributes:
        replies: the answers of token calls, in order.
        took: seconds of the last call.
        token: the token, or None.
        failure: the failure, or None.
        reached: whether the last call was answered.
    """

    replies: list[Reply] = field(default_factory=list)
    took: float = 0.0
    token: Any = None
    failure: Exception | None = None
    reached: bool = True

    @property
    def why(self) -> str:
        """The failure in words."""
        return on_a_command_line(str(self.failure))


def observed(auth: Any) -> Observed:
    """Log in with *auth*'s provider; with a refresh token, renew with it."""
    seen = Observed()
    send = transports.blocking(auth._token_client, auth._library)

    def watched(request: TokenRequest, seconds: float) -> tuple[int, Mapping[str, str], bytes]:
        start, sent_at, seen.reached = time.monotonic(), time.time(), False
        status, headers, body = send(request, seconds)
        seen.took, seen.reached = time.monotonic() - start, True
        reply = Reply(status, headers, body, sent=start, sent_at=sent_at, received_at=time.time())
        seen.replies.append(reply)
        return status, headers, body

    log = logging.getLogger("tokenauth")
    log.disabled = True  # what it would say is told anyway
    if auth._provider.brought is not None:  # a refresh token: what it brings must be kept
        auth.invalidate()
    fetch = flows.fetch if auth._provider.brought is None else flows.obtain
    try:
        seen.token = drive.run(fetch(auth._source), drive.Blocking(watched, auth._source.credential.clock))
    except errors.TokenAuthError as problem:
        seen.failure = problem
    finally:
        log.disabled = False
    return seen
