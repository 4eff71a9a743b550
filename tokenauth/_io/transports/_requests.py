"""Token calls on requests (and niquests, whose sessions are alike)."""

import importlib
from typing import Any

from tokenauth._core.effects import TokenRequest
from tokenauth._io.answer_body import Body, BodyError
from tokenauth._io.drive import Answer, Unreachable
from tokenauth._io.transports import LATER, USER_AGENT, reason
from tokenauth._io.transports.line import Line

_PIECE = 16 * 1024


class Blocking:
    """Makes token calls with *session*, or with one of its own for each call where that is None.

    A session lends its adapters (pools, proxies, TLS); its hooks, cookies, headers and redirects are not involved,
    for the call goes to the adapter directly.
    """

    def __init__(self, session: Any, library: str) -> None:
        self._session = session
        self._library = importlib.import_module(library)

    def __call__(self, request: TokenRequest, seconds: float) -> Answer:
        session = self._session or self._library.Session()
        problem: Unreachable
        try:
            with Line(seconds) as line:
                return self._call(session, request, seconds, line)
        except BodyError as error:
            problem = Unreachable(str(error), connected=True)
        except Exception as error:
            connected = not isinstance(error, self._library.ConnectionError)
            problem = Unreachable(reason(error), connected=connected)
        finally:
            if self._session is None:
                session.close()
        raise problem

    def _call(self, session: Any, request: TokenRequest, seconds: float, line: Line) -> Answer:
        prepared = _prepared(self._library, request)
        settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
        adapter = line.holding(session.get_adapter(prepared.url))
        response = adapter.send(prepared, timeout=seconds + LATER, **settings)
        try:
            line.hold(getattr(getattr(response.raw, "connection", None), "sock", None))  # out of a pool
            return response.status_code, _lower(response.headers), _read(response)
        finally:
            response.close()


def _prepared(library: Any, request: TokenRequest) -> Any:
    """Return *request* as one of *library*. Its headers are locals of no frame that an error comes through."""
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **request.headers}
    return library.Request(request.method, request.url, headers=headers, data=request.body).prepare()


def _read(response: Any) -> bytes:
    if not hasattr(response.raw, "read"):  # made by a test double
        return bytes(response.content)
    body = Body(response.headers.get("Content-Encoding", ""))
    while piece := response.raw.read(_PIECE, decode_content=False):
        body.feed(piece)
    return body.finish()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
