"""Steps: what a generator of an adapter waits for, performed by blocking or by awaiting.

    played(steps, auth, library, request)          await aplayed(steps, auth, library, request)

A step is `Obtain`, `Static`, a function, or `Either` of two. What a function returns is awaited where it must be, so
one text serves a client's sync and async methods alike; what it raises is raised in the generator.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple

from tokenauth._clients.at_login import flows
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._core import errors
from tokenauth._core.origins import Origin
from tokenauth._core.token import Token


class Obtain(NamedTuple):
    """Ask for a token other than *rejected*."""

    rejected: Token | None


class Static(NamedTuple):
    """Ask for the signature of requests to *origin* that need no token. This may read a secret."""

    origin: Origin


class Either(NamedTuple):
    """Call *blocking* in blocking code, and await *awaiting* elsewhere."""

    blocking: Callable[[], object]
    awaiting: Callable[[], Awaitable[object]]


Step = Obtain | Static | Either | Callable[[], Any]
Steps = Generator[Step, Any, Any]


def played(steps: Steps, auth: BaseTokenAuth, library: str | None, request: Any) -> Any:
    """Perform *steps* by blocking this thread. An error of ours names the *request* that they are for.

    *library* makes the token requests; None for the auth object's own.
    """
    try:
        step = next(steps)
        while True:
            if isinstance(step, Obtain):
                step = steps.send(auth._obtain(step.rejected, library))
            elif isinstance(step, Static):
                step = steps.send(auth._source.admission.static(step.origin))
            else:
                try:
                    result = step.blocking() if isinstance(step, Either) else step()
                except Exception as problem:
                    step = steps.throw(problem)
                else:
                    step = steps.send(result)
    except StopIteration as end:
        return end.value
    except errors.TokenAuthError as problem:
        problem.request = request
        raise
    finally:
        steps.close()  # what is held there goes now, though an exception may hold this frame


async def aplayed(steps: Steps, auth: BaseTokenAuth, library: str | None, request: Any) -> Any:
    """Perform *steps* by awaiting."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Obtain):
                step = steps.send(await auth._aobtain(step.rejected, library))
            elif isinstance(step, Static):
                step = steps.send(await auth._arun(flows.static(auth._source, step.origin), library))
            else:
                try:
                    result = step.awaiting() if isinstance(step, Either) else step()
                    if isinstance(result, Awaitable):
                        result = await result
                except Exception as problem:
                    step = steps.throw(problem)
                else:
                    step = steps.send(result)
    except StopIteration as end:
        return end.value
    except errors.TokenAuthError as problem:
        problem.request = request
        raise
    finally:
        steps.close()
