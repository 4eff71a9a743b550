"""Transports: make one token request with a client library, independent of the user's API requests.

Law: TLS as the client verifies it; no redirects, hooks, cookies or netrc; nothing is stored. Every failure becomes
`Unreachable`, raised outside of the client's own exception, which holds the secrets.
"""

import importlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors
from tokenauth._core.effects import Misuse
from tokenauth._core.messages import TokenRequest
from tokenauth._io.answer_body import BodyError
from tokenauth._io.drive import AwaitingTransport, BlockingTransport, InThread
from tokenauth._lazy import IMPORTING
from tokenauth._version import __version__

if TYPE_CHECKING:  # named at run time below: so that tools which look for imports find them
    from tokenauth._io.transports import _aiohttp, _httpx, _requests  # noqa: F401

LATER = 1.0
"""Seconds between the driver's timeout, which has the better message, and the client's own."""
_HOMES = {
    "requests": "_requests",
    "niquests": "_requests",
    "httpx": "_httpx",
    "httpx2": "_httpx",
    "aiohttp": "_aiohttp",
}
_CLIENTS = {"Session", "AsyncSession", "Client", "AsyncClient", "ClientSession"}


def checked_fresh(request: TokenRequest, headers: Mapping[str, str], *, replayed: bool) -> Mapping[str, str]:
    """Return the *headers* of the answer to *request*.

    BodyError where it must be fresh and is not: it was *replayed*, or has an age (RFC 9111 §5.1).
    """
    if not request.fresh:
        return headers
    age = headers.get("age", "").strip()
    if replayed or (age.isdecimal() and int(age[:10]) > 0):
        raise BodyError("the answer came from a cache, so it is not a login. Exclude token requests from that cache")
    return headers


def headers_of(request: TokenRequest) -> dict[str, str]:
    """Return the headers of *request*, and those against caches in a client or a proxy (RFC 9111 §5.2.1)."""
    ours = {"User-Agent": f"tokenauth/{__version__}", "Accept-Encoding": "identity"}
    return {**ours, "Cache-Control": "no-cache, no-store", **request.headers}


def library_of(client: object) -> str:
    """Return the library of *client*, a session or client. TypeError if it is unknown."""
    for kind in type(client).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in _HOMES and kind.__name__ in _CLIENTS:
            return name
    raise TypeError(
        "token_client must be a requests.Session, a Client or AsyncClient of httpx or httpx2, an "
        f"aiohttp.ClientSession, or a Session or AsyncSession of niquests, not {type(client).__name__}"
    )


def is_async(client: object) -> bool:
    """Whether the methods of *client* are coroutine functions."""
    return inspect.iscoroutinefunction(getattr(type(client), "send", None) or getattr(type(client), "_request", None))


def blocking(client: Any, library: str) -> BlockingTransport:
    """Return the transport that makes token requests with *client*, or with a new client of *library* if it is None."""
    if client is not None and is_async(client):
        return _refuse
    transport: BlockingTransport = _make("Blocking", client, library)
    return transport


def awaiting(client: Any, library: str) -> AwaitingTransport | InThread:
    """Return the same for event loops: in a thread, unless *client* is an async one."""
    if client is None or not is_async(client):
        return InThread(blocking(client, library))
    transport: AwaitingTransport = _make("Awaiting", client, library)
    return transport


def _make(kind: str, client: Any, library: str) -> Any:
    library = library if client is None else library_of(client)
    with IMPORTING:
        home = importlib.import_module(f"tokenauth._io.transports.{_HOMES[library]}")
        make: Callable[[Any, str], Any] = getattr(home, kind)
        return make(client, library)


def _refuse(*_: object) -> Any:
    raise Misuse(
        "token_client is an async client, and this call comes from blocking code: pass a blocking client, or use the "
        "async client or aget_token()"
    )


def reason(problem: BaseException) -> str:
    """Describe *problem* and its origin by the names of their types and the operating system's message.

    The clients' own messages are left out, because they quote requests and responses. Our own errors are used as is.
    """
    chain = list(_chain(problem, set()))
    ours = next((each for each in chain if isinstance(each, errors.TokenAuthError)), None)
    if ours is not None:
        return str(ours)
    first = f"{type(chain[-1]).__name__}{_system_words(chain)}"
    name = type(problem).__name__
    return first if first.partition(":")[0] == name else f"{name} ({first})"


def has_cause(problem: BaseException, names: Collection[str]) -> bool:
    """Whether *problem*, or something that it came from, is an exception of one of these *names*."""
    return any(kind.__name__ in names for each in _chain(problem, set()) for kind in type(each).__mro__)


def _system_words(chain: list[BaseException]) -> str:
    """Return the last text that the operating system, the resolver or OpenSSL gave."""
    words = [each.strerror for each in chain if isinstance(each, OSError) and each.errno is not None and each.strerror]
    return f": {words[-1]}"[:200] if words else ""


def _chain(problem: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Yield *problem* and all that it came from."""
    if id(problem) in seen:
        return
    seen.add(id(problem))
    yield problem
    context = None if problem.__suppress_context__ else problem.__context__
    parts = problem.exceptions if isinstance(problem, BaseExceptionGroup) else problem.args
    for each in (problem.__cause__, context, *parts, getattr(problem, "reason", None)):  # the last is urllib3's
        if isinstance(each, BaseException):
            yield from _chain(each, seen)
