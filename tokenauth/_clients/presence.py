"""Presence: which auth objects of this process use a credential. Closing the last one logs out."""

import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Hashable
from typing import Any

from tokenauth._core.forks import free, over_fork

_lock = threading.RLock()  # re-entrant: a garbage collection under the lock may run any code
_present: "weakref.WeakValueDictionary[tuple[Hashable, int], Any]" = weakref.WeakValueDictionary()


def enter(auth: Any, key: Hashable) -> None:
    """Count *auth* among those that use the credential of *key*."""
    with _lock:
        _present[key, id(auth)] = auth


def leave(auth: Any, key: Hashable) -> bool:
    """Stop counting *auth*; return whether no other object uses the credential of *key*."""
    with _lock:
        _present.pop((key, id(auth)), None)
        return not any(each == key for each, _ in list(_present))


def at_exit(auth: Any) -> None:
    """Have *auth* log out when this very process ends; one that is gone by then doesn't."""
    this, process = weakref.ref(auth), os.getpid()

    def bye() -> None:
        auth = this()
        if auth is not None and os.getpid() == process:
            with contextlib.suppress(Exception):
                auth.close()

    atexit.register(bye)


def _in_child() -> None:
    """Go on in a child process. One that shares its session takes its token from the store, and so takes a seat."""
    free(_lock)
    for (key, _), auth in list(_present.items()):
        if auth._source.fleet.shelf is not None:
            auth._source.tokens.cache.drop(key)


over_fork(_lock.acquire, _lock.release, _in_child)
