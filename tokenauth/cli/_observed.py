"""One login, watched: each call with its answer, and how it ended. Not from the cache, and not kept there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tokenauth._core import errors
from tokenauth._core.effects import Reply
from tokenauth._core.talk import Talk
from tokenauth._io import transports
from tokenauth._io.drive import Unreachable


@dataclass
class Observed:
    """What was seen.

    Attributes:
        replies: the answers, in order.
        took: seconds of the last call.
        token: what came of it, or None.
        failure: why nothing did, or None.
        reached: whether the last call was answered.
    """

    replies: list[Reply] = field(default_factory=list)
    took: float = 0.0
    token: Any = None
    failure: Exception | None = None
    reached: bool = True


def observed(auth: Any) -> Observed:
    """Log in once with *auth*'s provider."""
    credential, seen = auth._source.credential, Observed()
    send = transports.blocking(auth._token_client, auth._library)
    talk = Talk(auth._provider, None, allow_http=credential.allow_http)
    try:
        talk.begin()
        while talk.request is not None:
            start, sent_at = time.monotonic(), time.time()
            status, headers, body = send(talk.request, credential.timeout)
            seen.took = time.monotonic() - start
            reply = Reply(status, headers, body, sent=start, sent_at=sent_at, received_at=time.time())
            seen.replies.append(reply)
            talk.answer(reply)
        seen.token = talk.token
    except Unreachable as problem:
        seen.reached, text = False, problem.reason
        seen.failure = errors.TokenEndpointError(text)
    except errors.TokenAuthError as problem:
        seen.failure = problem
    return seen
