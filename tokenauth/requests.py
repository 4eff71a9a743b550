"""TokenAuth for requests; imports no other client.

    session.auth = TokenAuth(Manis("https://api.example.com", merchant_id="m-1", secret=secret))

requests calls the auth object once for each request, and its response hook for each answer, redirects included; a
redirect sends a copy of the request's headers. So the hook looks after three things: a 401 on our token, a redirect to
a foreign origin (what is ours is taken off before it is copied), and a redirect that lost our signature.
"""

import logging
import re
import time
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.utils import rewind_body

from tokenauth._base_auth import BaseTokenAuth
from tokenauth._origins import Origin
from tokenauth._signature import Signature
from tokenauth._token import Token

__all__ = ["TokenAuth"]

log = logging.getLogger("tokenauth")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1


class TokenAuth(BaseTokenAuth, AuthBase):
    """Authenticates requests of requests (and niquests' sync sessions) with the token of a provider."""

    _library = "requests"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        source = self._source
        origin = _origin(request.url)
        signature = source.provider.static(origin) if origin is not None else None
        if signature is not None:
            _put(request, signature)
            request.register_hook("response", _Sent(self, request, signature, None))
        elif origin is not None and source.admits(origin):
            token = source.fresh() or self._obtain(None)
            signature = source.signature(token, origin)
            if signature is not None:
                _put(request, signature)
                request.register_hook("response", _Sent(self, request, signature, token))
        return request


class _Sent:
    """The response hook of one signed request, which its redirects share.

    A prepared request may be sent again; each sending begins anew when the answer to the first request comes in.
    """

    def __init__(self, auth: TokenAuth, request: PreparedRequest, signature: Signature, token: Token | None) -> None:
        self._auth = auth
        self._first = id(request)
        self._signature = signature
        self._token = token
        self._retried = False
        self._abroad = False

    def __call__(self, response: Response, **settings: Any) -> Response:
        if id(response.request) == self._first:
            self._retried = self._abroad = False
        home = self._at_home(response.url)
        self._abroad = self._abroad or home is None
        if home is not None and not self._abroad and self._token is not None:
            response = self._answered(response, home, self._token, settings)
        if response.is_redirect and self._at_home(_target(response)) is None:
            _take_off(response.request, self._signature)
        return response

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled request or response, such as a cache keeps, leaves the credentials behind."""
        return partial, (_pass_on,)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Sent":
        return self

    def _at_home(self, url: str) -> Origin | None:
        """Return the origin of *url*, where it may have what was signed."""
        origin = _origin(url)
        return origin if origin is not None and self._auth._source.serves(origin, self._token) else None

    def _answered(self, response: Response, origin: Origin, token: Token, settings: dict[str, Any]) -> Response:
        """Return the answer to one more try where *response* is a 401 on *token*, else *response* itself.

        A redirect at home that lost the signature is signed, which does not count as the one renewal.
        """
        source, request = self._auth._source, response.request
        if not source.is_refusal(response.status_code, response.headers):
            return response
        carried = self._signature.is_on(request.headers, request.url or "")
        if carried and self._retried:
            return response
        rejected = token if carried else None
        if not _replayable(request):
            if rejected is not None:
                source.reject(rejected)
            log.warning("%s: a 401 is handed to the caller, for the body can't be sent twice", source.provider.name)
            return response
        _ = settings["stream"] or response.content
        response.close()  # frees the connection before the retry
        self._retried = self._retried or carried
        self._token = self._auth._obtain(rejected)
        signature = source.signature(self._token, origin)
        if signature is None:
            return response
        self._signature = signature
        return _send_again(response, signature, settings)


def _pass_on(response: Response, **_: Any) -> Response:
    return response


def _send_again(response: Response, signature: Signature, settings: dict[str, Any]) -> Response:
    """Send the request of *response* once more, with *signature*, on the same adapter."""
    request = response.request
    again = request.copy()
    if again.body is not None and again._body_position is not None:  # a redirect may have left the body behind
        rewind_body(again)
    _renew_cookies(again, response, signature)
    _put(request, signature)  # a redirect copies these headers
    _put(again, signature)
    started = time.perf_counter()
    answer: Response = response.connection.send(again, **settings)
    answer.elapsed = timedelta(seconds=time.perf_counter() - started)
    answer.history = [*response.history, response]
    answer.request = request
    return answer


def _renew_cookies(again: PreparedRequest, response: Response, signature: Signature) -> None:
    """Take the cookies that the 401 has set, unless the user wrote a Cookie header of his own."""
    jar = again._cookies
    if jar is None:
        return
    written = again.headers.pop("Cookie", None)
    if written is not None:
        written = signature.foreign_cookies(written) or None
    is_ours = signature.foreign_cookies(get_cookie_header(jar, again)) == (written or "")
    extract_cookies_to_jar(jar, response.request, response.raw)
    if is_ours or written is None:
        again.prepare_cookies(jar)
    else:
        again.headers["Cookie"] = written


def _replayable(request: PreparedRequest) -> bool:
    """Whether the body can be sent whole once more: bytes or text, or a file that knows where it stood."""
    return request.body is None or isinstance(request.body, bytes | str) or isinstance(request._body_position, int)


def _origin(url: str | None) -> Origin | None:
    try:
        return Origin.parse(url or "")
    except ValueError:
        return None


def _target(response: Response) -> str:
    """Return the URL of a redirect, "" where requests, urllib and we might not read the same in its Location."""
    location = response.headers["location"]
    if "\\" in location or any(character <= " " or character >= "\x7f" for character in location):
        return ""
    if location.startswith("//"):
        return f"{urlsplit(response.url).scheme}:{location}"
    return location if _SCHEME.match(location) else response.url  # a path stays at this origin


def _put(request: PreparedRequest, signature: Signature) -> None:
    request.headers.update(signature.headers_beside(request.headers.get("Cookie")))
    if signature.params:
        request.url = signature.url(request.url or "")


def _take_off(request: PreparedRequest, signature: Signature) -> None:
    for name, value in signature.headers.items():
        if request.headers.get(name) == value:
            del request.headers[name]
