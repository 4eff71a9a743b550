"""One token call: when it was sent, and what its outcome means."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

from tokenauth._core import errors
from tokenauth._core.clock import Clock
from tokenauth._core.effects import LONGER, Exchange
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._io.waiting import Gone, Late

Answer = tuple[int, Mapping[str, str], bytes]


class Unreachable(Exception):
    """A transport got no whole answer; the text says why. *connected*: whether the endpoint was reached.

    *sent*: whether any of the request may have been. In doubt, and by default, it was. *lasting*: whether another try
    would meet the same.
    """

    def __init__(self, reason: str, *, connected: bool, sent: bool = True, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting
        self.reason = reason
        self.connected = connected
        self.sent = sent


def is_late(future: "Future[Any]") -> bool:
    """Whether *future* has brought nothing in time."""
    return not future.done() or isinstance(future.exception(), Late)


class TokenCall:
    """One token call: when it was sent, and what its outcome means."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.request: Any = exchange.request
        self._public = exchange.public
        self._clock = clock
        self.sent_at = clock.wall()
        self.sent = clock.monotonic()
        self.seconds = max(exchange.deadline - self.sent, 0.001)

    def reply(self, future: "Future[Answer]") -> Reply:
        """Return what *future* brought in time; raise the error of ours where it didn't, or failed."""
        if is_late(future):
            raise self.failed(None)
        problem = future.exception()
        if isinstance(problem, Gone):
            problem = Unreachable(str(problem), connected=True)
        if isinstance(problem, Unreachable):
            is_cut = problem.sent and self._clock.monotonic() >= self.sent + self.seconds  # so its reason is ours
            raise self.failed(None if is_cut else problem)
        return self.answered(future.result())

    def answered(self, answer: Answer) -> Reply:
        return Reply(*answer, sent=self.sent, sent_at=self.sent_at, received_at=self._clock.wall())

    def failed(self, problem: Unreachable | None) -> Exception:
        """Return the error for *problem*; None means that time ran out. To be raised outside of any `except` block:
        the client's own exceptions hold the request with its secrets."""
        path = urlsplit(self.request.url).path
        where = f"{Origin.parse(self.request.url)}{path if path == urlsplit(self._public).path else ''}"
        if problem is None:
            text = f"The token endpoint {where} did not answer in time. Is it up, and can it be reached? {LONGER}"
        elif problem.connected:
            text = (
                f"The token endpoint {where} gave no usable answer: {problem.reason}. "
                "Is it the right URL, or is a proxy or a fault in between?"
            )
        else:
            text = (
                f"The token endpoint {where} can't be reached: {problem.reason}. Is the URL right, and the server up? "
                "Behind a proxy or a private CA, pass the session or client to use as token_client="
            )
        failure = errors.TokenEndpointError(text, retryable=problem is None or not problem.lasting)
        failure.unsent = problem is not None and not problem.sent  # a refresh token is then as good as before
        return failure
