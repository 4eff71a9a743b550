"""What the process tests run in processes of their own; importable, so that `spawn` finds it."""

import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from tests.clients import CLIENTS, Client
from tests.support import PlainProvider
from tokenauth import TokenAuth

if sys.version_info >= (3, 12):  # fork and threads: the very thing that is tested
    warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)


def client_named(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)


def given() -> tuple[TokenAuth, str, Client]:
    """Return what the command line names: the auth, the server's URL, the client."""
    url, user, name = sys.argv[1:4]
    return TokenAuth(PlainProvider(url, user)), url, client_named(name)


def spawned(auth: TokenAuth, url: str, name: str) -> int:
    return client_named(name).get(auth, url)


def in_fork(function: Callable[[], object]) -> int:
    """Call *function* in a forked child; return 0 where it returned true."""
    child = os.fork()
    if not child:
        code = 3
        try:
            code = 0 if function() else 2
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def logins(auth: Any, client: Any, count: int) -> None:
    """Log in *count* times, the way this client does it."""

    async def many() -> None:
        for _ in range(count):
            auth.invalidate()
            await auth._arun(_flow(auth), client.library.__name__)

    if client.is_async:
        client.run(many)
    else:
        for _ in range(count):
            auth.invalidate()
            auth._run(_flow(auth), client.library.__name__)


def _flow(auth: Any) -> Any:
    from tokenauth._core.flow import obtain

    return obtain(auth._source)


def threads() -> int:
    return sum(thread is not threading.main_thread() for thread in threading.enumerate())
