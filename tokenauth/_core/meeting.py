"""Meeting: a future, and a thread, whose locks no interrupt can leave held.

`threading.Condition.__enter__` is Python code. A signal handler that raises there, as Ctrl-C does, leaves the lock
held, and the next thread that needs it waits for ever: the one that brings the result, or a new one that reports its
start. Here `with` calls the lock itself, in one step.
"""

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")


class Sound(threading.Condition):
    if not TYPE_CHECKING:
        __enter__ = property(lambda self: self._lock.__enter__)
        __exit__ = property(lambda self: self._lock.__exit__)


class Meeting(Future[T]):
    def __init__(self) -> None:
        super().__init__()
        self._condition = Sound()


class Started(threading.Thread):
    """A daemon thread."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(name="tokenauth-login", daemon=True, **settings)
        started: Any = getattr(self, "_started", None)
        if hasattr(started, "_cond"):  # not gevent's
            started._cond = Sound(threading.Lock())
