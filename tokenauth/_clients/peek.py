"""Whether a response refuses the token, if that depends on more than its status (`refused=`).

Law: a body is read only if a rule applies to its status and it can be small, and never if the user asked for a stream,
as far as the client can tell. The response stays readable for the user.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors
from tokenauth._core.places import Answer
from tokenauth._core.replays import replayed

if TYPE_CHECKING:
    from tokenauth._clients.steps import Steps
    from tokenauth._core.source import Source

LIMIT = 1024 * 1024
"""The bytes of a body that is read for it, by its Content-Length."""


def refuses(source: "Source", response: Any) -> bool:
    """Whether *response* says that the token is no good. Of its body what has been read counts; see `worth_reading`."""
    admission = source.admission
    status = getattr(response, "status_code", None) or response.status
    if not (admission.is_refusal(status, response.headers) or admission.looks(status)) or replayed(response):
        return False  # what was refused long ago, and kept by a cache, says nothing of this token
    if admission.is_refusal(status, response.headers):
        return True
    bodies = (getattr(response, name, None) for name in ("_content", "_body"))  # requests' and httpx's; aiohttp's
    body = next((each for each in bodies if isinstance(each, bytes)), b"")
    return admission.tells(Answer(status, response.headers, body), response)


def worth_reading(source: "Source", response: Any) -> bool:
    """Whether the body of *response* should be read before `refuses` is asked."""
    status = getattr(response, "status_code", None) or response.status
    if not source.admission.looks(status) or source.admission.is_refusal(status, response.headers):
        return False
    length = response.headers.get("Content-Length", "")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if length.isdecimal():
        return int(length) <= LIMIT and not kind.startswith(("audio/", "image/", "video/"))
    return str(kind) == "application/json" or str(kind).endswith("+json")


def refuses_read(source: "Source", response: Any, settings: dict[str, Any]) -> "Steps":
    """Return whether *response* says that the token is no good; its body is read for it if no stream was asked for.

    A body that breaks off is the caller's error unless the answer is sent for again. niquests raises it once only.
    """
    admission, status = source.admission, response.status_code
    broken: Exception | None = None
    if not settings.get("stream") and admission.looks(status) and not admission.is_refusal(status, response.headers):
        try:
            yield lambda: response.content
        except Exception as problem:
            broken = problem
    refused = refuses(source, response)
    if broken is not None and not refused:
        raise broken
    return refused


def behind(problem: BaseException | None) -> Iterator[BaseException]:
    """Yield *problem* and what it came from, for one of them may hold a response."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        problem = errors.alone(problem)
        yield problem
        problem = problem.__cause__ or problem.__context__
