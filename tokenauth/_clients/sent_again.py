"""Sending a request of requests or niquests once more, as steps of its story: see `requests_story`."""

import importlib
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from types import FrameType
from typing import Any

from tokenauth._clients.bodies import Kept
from tokenauth._clients.requests_family import put
from tokenauth._clients.steps import Steps
from tokenauth._core import stand_in
from tokenauth._core.signature import Signature

_PIECE = 8192  # bytes


@cache
def tool(library: str, name: str) -> Any:
    """Return a function of *library*, by its module and name."""
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"{library}.{module}"), function)


def names_adapter(response: Any) -> bool:
    """Whether *response* tells which adapter it is from. One for WSGI or ASGI doesn't, so the session is looked at."""
    frame: FrameType | None = sys._getframe(1)
    while getattr(response, "connection", None) is None and frame is not None:
        if frame.f_code.co_name == "send" and "adapter" in frame.f_locals:
            response.connection = frame.f_locals["adapter"]
        frame = frame.f_back
    return getattr(response, "connection", None) is not None


def rewound(request: Any) -> Steps:
    """Set the body back to where it stood; return False where it can't be sent whole once more."""
    body, position = request.body, request._body_position
    if body is None or isinstance(body, bytes | bytearray | memoryview | str):
        return True
    if not isinstance(position, int):
        return False
    with suppress(Exception):  # whatever a file of the user's raises
        yield partial(body.seek, position)
        return not hasattr(body, "tell") or (yield body.tell) == position
    return False


def finished(response: Any, now: Callable[[], float], *, read: bool) -> Steps:
    """Free or close the connection of a 401. If it is to be *read*, as much as `Kept` takes stays readable."""
    kept, raw = Kept(now), response.raw
    if read and response._content is False:
        with suppress(Exception):  # its body decides nothing: one that can't be read is as good as none
            if not hasattr(raw, "decode_content"):  # none of urllib3's
                yield lambda: response.content
            else:
                while (piece := (yield partial(raw.read1, _PIECE, decode_content=True))) and kept.take(piece):
                    pass
    with suppress(Exception):  # niquests awaits what its adapter for ASGI doesn't return
        yield response.close
    if read and response._content is False:
        response._content, response._content_consumed = kept.content, True


def sent_again(response: Any, signature: Signature, settings: dict[str, Any], library: str) -> Steps:
    """Send the request of *response* once more on the same adapter.

    Return the answer, and whether *signature* went with the request.
    """
    request = response.request
    again = request.copy()
    again.__dict__["_again"] = True  # its answer is seen here
    _renew_cookies(again, response, signature, library)
    put(request, signature)  # a redirect copies these headers
    put(again, signature)
    stand_in.tell(again, signature)
    started = time.perf_counter()
    answer = yield partial(response.connection.send, again, **settings)
    answer.elapsed = timedelta(seconds=time.perf_counter() - started)
    answer.history = [*response.history, response]
    answer.request = request
    return answer, signature.is_on(again.headers, again.url or "")


def _renew_cookies(again: Any, response: Any, signature: Signature, library: str) -> None:
    """Take the cookies that the 401 has set, unless the user wrote a Cookie header of his own."""
    jar = again._cookies
    if jar is None:
        return
    written = again.headers.pop("Cookie", None)
    if written is not None:
        written = signature.foreign_cookies(written) or None
    header_of = tool(library, "cookies.get_cookie_header")
    is_ours = signature.foreign_cookies(header_of(jar, again)) == (written or "")
    tool(library, "cookies.extract_cookies_to_jar")(jar, response.request, response.raw)
    if is_ours or written is None:
        again.prepare_cookies(jar)
    else:
        again.headers["Cookie"] = written
