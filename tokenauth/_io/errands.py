"""Performs errands: calls a function, runs a command, reads a file. Each runs in a thread, so that no caller hangs.

In async code, an async function is awaited on the running event loop. In blocking code it gets its own loop.
"""

import inspect
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

from tokenauth._core import errors
from tokenauth._core.clock import Clock
from tokenauth._core.effects import LONGER, Exchange, Misuse
from tokenauth._core.errands import CallFunction, Errand, RunCommand
from tokenauth._core.messages import Reply
from tokenauth._core.token import Token
from tokenauth._io.drive import Driver, Steps
from tokenauth._io.token_call import TokenCall, is_late
from tokenauth._io.transports import reason
from tokenauth._io.waiting import Gone
from tokenauth._lazy import says_what_to_install


class Brought(NamedTuple):
    """What a command or a file has brought."""

    body: bytes = b""
    result: Any = None


def done(task: Exchange, clock: Clock, driver: Driver) -> Steps[Reply]:
    """Do the errand of *task*."""
    doing = _Doing(task, clock)
    work = partial(_performed, task.request, doing.seconds, task.flight.rejected)
    return driver.called(work, task.deadline, doing.reply)


class _Doing(TokenCall):
    """An errand: when it was begun, and what its outcome means."""

    def reply(self, future: "Future[Any]") -> Any:
        """Return what *future* brought in time, as a Reply, or what is to be awaited for it; raise the error of ours
        where it didn't, or failed."""
        if is_late(future):
            text = f"{self.request.what} did not finish in time. Does it wait for an answer, or for a network? {LONGER}"
            raise errors.TokenEndpointError(text, retryable=True)
        problem = future.exception()
        if isinstance(problem, Gone):
            raise errors.TokenEndpointError(f"{self.request.what} failed: {problem}", retryable=True)
        if problem is not None:
            raise _failed(self.request, problem)
        brought = future.result()
        if inspect.isawaitable(brought):
            return brought
        body, result = brought if isinstance(brought, Brought) else (b"", brought)
        stamp = {"sent": self.sent, "sent_at": self.sent_at, "received_at": self._clock.wall()}
        return Reply(200, body=body, result=result, **stamp)  # type: ignore[arg-type]  # floats


def _performed(errand: Errand, seconds: float, rejected: Token | None) -> object:
    match errand:
        case CallFunction():
            return _called(errand, rejected)
        case RunCommand():
            from tokenauth._io import commands  # noqa: PLC0415  (few run one)

            return Brought(commands.output(errand, seconds))
        case _:  # ReadFile
            from tokenauth._io import files  # noqa: PLC0415  (the same)

            return Brought(*files.content(errand))


def _called(errand: CallFunction, rejected: Token | None) -> object:
    """Return what the function returns; credentials of google-auth are refreshed first, where that is due."""
    value = errand.function(rejected=rejected) if errand.takes_rejected else errand.function()
    if _is_due(value, rejected):
        value.refresh(_google_request())
    return value


def _failed(errand: Errand, problem: BaseException) -> BaseException:
    """Return what to raise for *problem*, whose own text may quote a secret: it stays in the cause."""
    if isinstance(problem, errors.TokenAuthError):  # ours, or another auth object's, which the function asked
        problem.__traceback__ = None  # it has what the errand had in hand
    if isinstance(problem, errors.TokenAuthError | Misuse | KeyboardInterrupt | SystemExit):
        return problem
    missing = f": {problem}" if says_what_to_install(problem) else ""
    raised = missing or f" raised {reason(problem)}; call it by itself to see why"
    failure: BaseException = errors.TokenEndpointError(f"{errand.what}{raised}")
    failure.__cause__ = problem
    return failure


def _is_due(value: Any, rejected: Token | None) -> bool:
    """Whether *value* is what google-auth calls credentials, and has no good token."""
    if isinstance(value, str | tuple | Token) or not (hasattr(value, "valid") and hasattr(value, "expiry")):
        return False
    if inspect.iscoroutinefunction(getattr(value, "refresh", None)):
        return False
    return not value.valid or (rejected is not None and value.token == rejected.value)


def _google_request() -> Any:
    """Return what google-auth makes its calls with: by requests where that is installed, else by urllib3."""
    try:
        from google.auth.transport.requests import Request  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  # the user's
    except ImportError:
        import urllib3  # noqa: PLC0415  (the same)
        from google.auth.transport.urllib3 import Request  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  # the same

        return Request(urllib3.PoolManager())
    return Request()
