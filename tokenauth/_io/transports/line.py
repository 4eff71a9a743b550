"""Line: cuts the connections of a token request in a thread when its time is over.

They are its own, and none of the user's client: after a fork, processes share one that was idle, and each may get the
answer that was for the other; and one of an event loop that has ended brings no answer.

A client's own timeout restarts with each piece that arrives, so a slow server could hold the thread and its socket
forever. A second handle on each socket lets another thread shut the connection down, whatever wraps the socket by then
(TLS).
"""

import contextlib
import copy
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

GRACE = 0.1
"""Seconds after the deadline until the line is cut. By then the waiting caller has given up."""


class Line:
    """A context manager for one token call that may last *seconds*.

    *shared*: whether a connection that carries several requests at once (HTTP/2) may carry others' as well.

    Attributes:
        connecting: whether a connection, TLS included, was begun and has not been made, so that nothing was sent.
    """

    def __init__(self, seconds: float, *, shared: bool = True) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._ends: list[Callable[[], object]] = []
        self._is_cut = self._is_over = self.connecting = False
        self._timer = threading.Timer(seconds + GRACE, self._cut)
        self._timer.name = "tokenauth-line"
        with contextlib.suppress(RuntimeError):  # an isolated subinterpreter has none
            self._timer.daemon = True

    def __enter__(self) -> "Line":
        with contextlib.suppress(RuntimeError):  # no thread is left: the client's own timeouts apply
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._is_over = True
        self._let_go()
        for end in self._ends:
            end()

    def check(self) -> None:
        """Raise TimeoutError when time is over: what is not held could go on for ever."""
        if self._is_cut:
            raise TimeoutError

    def hold(self, connection: object) -> None:
        """Cut *connection*, a connected socket, when time is over. Anything else is left alone."""
        if not isinstance(connection, socket.socket):
            return
        with contextlib.suppress(OSError), self._lock:
            if not self._is_over:
                self._handles.append(socket.socket(fileno=socket.dup(connection.fileno())))
                if self._is_cut:
                    self._shut_down()

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """The `trace` extension of httpx and httpx2."""
        if self._shared and name.startswith("http2."):
            self._let_go()
        if name.endswith("connect_tcp.complete"):
            self.hold(info["return_value"].get_extra_info("socket"))

    def holding(self, adapter: Any, *, lent: bool) -> Any:
        """Return a twin of *adapter*, of requests or niquests, whose connections are its own, and held.

        Another adapter (a test's) is returned as it is. The twin of one that is a cache is none.
        """
        pool_for = getattr(adapter, "get_connection_with_tls_context", None)
        if pool_for is None:
            own = apart(adapter) if lent else adapter
            if own is not adapter or not lent:
                own.get_connection = self._held_pools(own.get_connection)
                self._ends.append(own.close)
            return own
        held_pool = self._held_pools(lambda *args, **settings: self._own(pool_for(*args, **settings)))
        kind = _uncached(type(adapter))
        if hasattr(kind, "__del__"):  # it may close the pools, which are still the user's
            kind = type(kind.__name__, (kind,), {"__del__": lambda _: None})
        twin = object.__new__(kind)  # copy.copy would build new pools
        twin.__dict__.update(adapter.__dict__, get_connection_with_tls_context=held_pool)
        retries = getattr(adapter, "max_retries", 0)  # none: a refresh token serves once, and the flow tries again
        twin.max_retries = 0 if isinstance(retries, int) else type(retries)(0, read=False)
        return twin

    def _own(self, pool: Any) -> Any:
        """Return a twin of *pool*, of urllib3, without its connections."""
        twin = copy.copy(pool)
        twin.pool = type(pool.pool)(1)
        if isinstance(twin.pool, queue.Queue):  # else it is urllib3-future's, which takes connections only
            twin.pool.put(None)
        self._ends.append(twin.close)
        return twin

    def _held_pools(self, pool_for: Any) -> Any:
        def held_pool(*args: Any, **settings: Any) -> Any:
            pool = pool_for(*args, **settings)
            pool.ConnectionCls = self._held(pool.ConnectionCls)
            return pool

        return held_pool

    def _held(self, kind: Any) -> Any:
        def connect(connection: Any) -> Any:
            made = kind._new_conn(connection)
            self.hold(made)
            return made

        def connected(connection: Any) -> None:
            self.connecting = True
            kind.connect(connection)
            self.connecting = False

        return type(kind.__name__, (kind,), {"_new_conn": connect, "connect": connected})

    def _let_go(self) -> None:
        with self._lock:
            while self._handles:
                self._handles.pop().close()

    def _cut(self) -> None:
        with self._lock:
            self._is_cut = True
            self._shut_down()

    def _shut_down(self) -> None:
        for handle in self._handles:
            with contextlib.suppress(OSError):  # the other end was first
                handle.shutdown(socket.SHUT_RDWR)


def apart(adapter: Any) -> Any:
    """Return a twin of *adapter*, of niquests, with a pool of its own; another one as it is."""
    manager: Any = getattr(adapter, "poolmanager", None)
    if not hasattr(getattr(manager, "pools", None), "concurrency"):
        return adapter
    twin = object.__new__(type(adapter))
    twin.__dict__.update(adapter.__dict__, proxy_manager={}, poolmanager=copy.copy(manager))
    twin.poolmanager.pools = type(manager.pools)(1, concurrency=True)
    twin.poolmanager._own_resolver = False  # it stays open
    return twin


_CACHES = {"cachecontrol", "hishel"}


def _uncached(kind: Any) -> Any:
    """Return the class of adapters *kind*, or what it was before a cache was made of it."""
    roots = [each.__module__.partition(".")[0] for each in kind.__mro__]
    last = max((index for index, root in enumerate(roots) if root in _CACHES), default=-1)
    return kind.__mro__[last + 1]
