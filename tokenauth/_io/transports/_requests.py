"""Token requests with requests and niquests; the latter's async sessions, too."""

import functools
import importlib
from typing import Any

from tokenauth._core.messages import TokenRequest
from tokenauth._core.places import by_name
from tokenauth._core.replays import replayed
from tokenauth._io.answer_body import Body, BodyError, whole
from tokenauth._io.token_call import Answer, Unreachable
from tokenauth._io.transports import LATER, checked_fresh, has_cause, headers_of, reason
from tokenauth._io.transports.line import Line, apart

_PIECE = 16 * 1024
_BEFORE_SENDING = frozenset(
    {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ConnectTimeout",
        "EmptyPoolError",
        "ProxyError",
    }
)
"""Exceptions of urllib3 and its like that come when there is no connection to send anything on."""


class _Transport:
    def __init__(self, session: Any, library: str) -> None:
        self._session = session
        self._library = importlib.import_module(library)


class Blocking(_Transport):
    """Makes each token request with its own session.

    Only the adapters, TLS and proxy settings of the user's *session* are used, not its hooks, cookies, headers,
    auth or redirects. The request goes through `Session.send`, so that mocks of it see the request.
    """

    def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        session, made = _quiet(self._library)(self._session), _Made()
        try:
            with Line(seconds) as session.line:
                return self._call(session, request, seconds, made)
        except Exception as error:
            problem = _unreachable(self._library, error, unsent=session.line.connecting or made.no_tls(error))
        finally:
            if self._session is None:
                session.close()
        raise problem

    def _call(self, session: Any, request: TokenRequest, seconds: float, made: "_Made") -> Answer:
        prepared = _prepared(self._library, request)
        settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
        if self._library.__name__ == "niquests":
            settings["on_post_connection"] = made.see
        lender: Any = self._session
        sender = lender if lender is not None and "send" in vars(lender) else session  # a mock has replaced it there
        response = sender.send(prepared, timeout=seconds + LATER, allow_redirects=False, **settings)
        try:
            session.line.hold(getattr(getattr(response.raw, "connection", None), "sock", None))  # out of a pool
            headers = checked_fresh(request, by_name(response.headers), replayed=replayed(response))
            return response.status_code, headers, _read(response)
        finally:
            response.close()


class Awaiting(_Transport):
    """The same with an AsyncSession of niquests, which is always the user's."""

    async def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        adapter = self._session.get_adapter(request.url)
        own, made = apart(adapter), _Made()
        try:
            return await self._call(_lent(self._library, self._session, own), request, seconds, made)
        except Exception as error:
            problem: Exception = _unreachable(self._library, error, unsent=made.no_tls(error))
        finally:
            if own is not adapter:
                await own.close()
        raise problem

    async def _call(self, session: Any, request: TokenRequest, seconds: float, made: "_Made") -> Answer:
        prepared = _prepared(self._library, request)
        settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
        settings["on_post_connection"] = made.asee
        response = await session.send(prepared, timeout=seconds + LATER, allow_redirects=False, **settings)
        try:
            headers = checked_fresh(request, by_name(response.headers), replayed=replayed(response))
            body = Body(response.headers.get("Content-Encoding", ""))
            while piece := await response.raw.read(_PIECE, decode_content=False):
                body.feed(piece)
            return response.status_code, headers, body.finish()
        finally:
            await response.close()


class _Made:
    """Whether niquests has made a connection, TLS included, or has taken one out of a pool."""

    any = False

    def see(self, connection: object) -> None:
        self.any = True

    async def asee(self, connection: object) -> None:
        self.any = True

    def no_tls(self, error: Exception) -> bool:
        """Whether *error*, of niquests, ended a TLS handshake, so that nothing was sent."""
        return (
            not self.any
            and any(each.__module__ == "niquests.exceptions" for each in type(error).__mro__)
            and has_cause(error, {"SSLError"})
        )


def _unreachable(library: Any, error: Exception, *, unsent: bool = False) -> Unreachable:
    if isinstance(error, BodyError):
        return Unreachable(str(error), connected=True, lasting=error.lasting)
    unsent = unsent or has_cause(error, _BEFORE_SENDING)
    answered = not isinstance(error, library.ConnectionError) or has_cause(error, {"ProtocolError"})
    return Unreachable(reason(error), connected=answered and not unsent, sent=not unsent)


def _plain(session: Any) -> Any:
    """Return the library's own class behind *session*, which a cache may have put in its place."""
    return next(each for each in session.__mro__ if each.__name__ == "Session")


@functools.cache
def _quiet(library: Any) -> Any:
    """Return the kind of session that makes token calls with *library*."""

    class QuietSession(_plain(library.Session)):  # type: ignore[misc]  # requests' or niquests'
        """Keeps no cookies, follows no redirect, and its connections can be cut."""

        line: Line

        def __init__(self, lender: Any) -> None:
            super().__init__()
            self._adapter_for = super().get_adapter if lender is None else lender.get_adapter
            self._is_lent = lender is not None
            if lender is not None:
                self.adapters = lender.adapters
                self.verify, self.cert = lender.verify, lender.cert
                self.proxies, self.trust_env = lender.proxies, lender.trust_env

        def get_adapter(self, url: str, *args: Any, **settings: Any) -> Any:
            return self.line.holding(self._adapter_for(url, *args, **settings), lent=self._is_lent)

        def resolve_redirects(self, *_: Any, **__: Any) -> Any:
            """Yield no request: `send` would read a redirect's body, however long."""
            return iter(())

    return QuietSession


def _lent(library: Any, user: Any, adapter: Any) -> Any:
    """Return a twin of an AsyncSession that sends by *adapter*, keeps no cookies and follows no redirect."""

    class QuietSession(library.AsyncSession):  # type: ignore[misc]  # niquests'
        def get_adapter(self, *_: Any, **__: Any) -> Any:
            return adapter

        async def resolve_redirects(self, *_: Any, **__: Any) -> Any:
            return
            yield  # an async generator of none

    twin = object.__new__(QuietSession)  # copy.copy would build new pools
    twin.__dict__.update(user.__dict__, cookies=library.cookies.RequestsCookieJar(), multiplexed=False)
    return twin


def _prepared(library: Any, request: TokenRequest) -> Any:
    """Return *request* as one of *library*. Its headers are locals of no frame that an error comes through."""
    return library.Request(request.method, request.url, headers_of(request), data=request.body).prepare()


def _read(response: Any) -> bytes:
    if response._content is not False or not hasattr(response.raw, "decode_content"):  # read before, or no urllib3's
        return whole(response.content)
    body = Body(response.headers.get("Content-Encoding", ""))
    while piece := response.raw.read(_PIECE, decode_content=False):
        body.feed(piece)
    return body.finish()
