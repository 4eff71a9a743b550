"""Transports: one token call on a client library; nothing of the user's requests is involved.

Law: TLS as the client has it, no redirect, no hook, no cookie, no netrc; nothing is kept. Whatever goes wrong comes out
as `Unreachable`, raised where the client's own exception, which holds the secrets, is no longer at hand.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from tokenauth._drive import AwaitingTransport, BlockingTransport, Unreachable, threaded
from tokenauth._version import __version__

USER_AGENT = f"tokenauth/{__version__}"
_HOMES = {"requests": "_requests", "niquests": "_requests", "httpx": "_httpx", "httpx2": "_httpx"}


def library_of(client: object) -> str:
    """Return the library that *client*, a session or client, comes from. TypeError where it is of none we know."""
    for kind in type(client).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in _HOMES and kind.__name__ in {"Session", "Client", "AsyncClient"}:
            return name
    raise TypeError(
        "token_client must be a requests.Session, or a Client or AsyncClient of httpx or httpx2, "
        f"not {type(client).__name__}"
    )


def is_async(client: object) -> bool:
    """Whether *client* has coroutines for methods."""
    return inspect.iscoroutinefunction(getattr(type(client), "send", None))


def blocking(client: Any, library: str) -> BlockingTransport:
    """Return the transport that makes token calls with *client*, or with a bare one of *library* where that is None."""
    if client is not None and is_async(client):
        return _refuse
    transport: BlockingTransport = _make("Blocking", client, library)
    return transport


def awaiting(client: Any, library: str) -> AwaitingTransport:
    """Return the same for event loops; a *client* that can only block is called in a thread."""
    if client is not None and not is_async(client):
        return threaded(blocking(client, library))
    transport: AwaitingTransport = _make("Awaiting", client, library)
    return transport


def _make(kind: str, client: Any, library: str) -> Any:
    library = library if client is None else library_of(client)
    home = importlib.import_module(f"tokenauth._transports.{_HOMES[library]}")
    make: Callable[[Any, str], Any] = getattr(home, kind)
    return make(client, library)


def _refuse(*_: object) -> Any:
    reason = "token_client is an async client, and this call comes from blocking code; pass a sync client"
    raise Unreachable(reason, connected=True)


def reason(problem: BaseException) -> str:
    """Return what *problem* says, on one line of 300 characters at most."""
    inner = getattr(problem.args[0], "reason", None) if problem.args else None
    said = inner or problem  # requests wraps urllib3's MaxRetryError, which speaks of retries that nobody made
    return " ".join(f"{type(problem).__name__}: {said}".split())[:300]
