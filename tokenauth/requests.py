"""The auth objects for requests; imports no other client.

    session.auth = ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)
    session.auth = TokenAuth(my_own_provider)

requests calls the auth object once for each request, and its response hook for each answer, redirects included; a
redirect sends a copy of the request, headers and hook. So the hook looks after three things: a 401 on our token, a
redirect to a foreign origin (what is ours is taken off before it is copied, and there the hook takes itself off), and
a redirect that lost our signature.
"""

import logging
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.utils import requote_uri, rewind_body

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.family import members_of
from tokenauth._clients.peek import refuses
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.source import Source
from tokenauth._core.token import Token

if TYPE_CHECKING:
    from tokenauth._clients.family import atrip, client_credentials, login, manis, password

__all__ = [
    "AtripAuth",
    "ClientCredentialsAuth",
    "LoginAuth",
    "ManisAuth",
    "PasswordGrantAuth",
    "PlatformAuth",
    "TokenAuth",
]

log = logging.getLogger("tokenauth")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1


class TokenAuth(BaseTokenAuth, AuthBase):
    """Authenticates requests of requests (and niquests' sync sessions) with the token of a provider."""

    _library = "requests"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        source = self._source
        origin = _origin(request.url)
        if origin is None:
            return request
        token = None
        signature = source.provider.static(origin)
        if signature is None and source.admission.admits(origin):
            token = source.tokens.fresh() or self._obtain(None)
            signature = source.admission.signature(token, origin)
        if signature is not None:
            _put(request, signature)
            request.register_hook("response", _Sent(self, origin, signature, token))
        return request


class _Chain(threading.local):
    """How far redirects have come in this thread: the URL of the hop to follow, and whether there was a renewal."""

    hop: str | None = None
    renewed = False


class _Sent:
    """The response hook of one signed request, which its redirects share, and so do copies that the user makes.

    A copy may still carry an older token, or none. What it carries is compared with the newest that the hook knows.
    """

    def __init__(self, auth: TokenAuth, origin: Origin, signature: Signature, token: Token | None) -> None:
        self._auth = auth
        self._origin = origin
        self._newest = signature, token  # one value, for threads may share the hook
        self._chain = _Chain()

    def __call__(self, response: Response, **settings: Any) -> Response:
        chain = self._chain
        is_hop = chain.hop is not None and chain.hop == _bare(response.request.url)
        chain.hop, chain.renewed = None, chain.renewed and is_hop
        home = self._at_home(response.url)
        if home is None:
            self._leave(response.request)
        else:
            response = self._answered(response, home, settings, is_hop=is_hop)
        if response.is_redirect:
            if self._at_home(_target(response)) is None:
                _take_off(response.request, self._newest[0].headers)
            elif home is not None:
                chain.hop = _bare(requote_uri(urljoin(response.url, response.headers["location"])))
        return response

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled request or response, such as a cache keeps, leaves the credentials behind."""
        source, (signature, token) = self._auth._source, self._newest
        origins = {self._origin, *source.admission.more_origins}
        if source.provider.may_serve(own := Origin.parse(source.provider.token_url)):
            origins.add(own)
        homes = sorted(str(origin) for origin in origins if source.admission.serves(origin, token))
        return _Guard, (tuple(signature.headers), tuple(homes))

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Sent":
        return self

    def _at_home(self, url: str) -> Origin | None:
        """Return the origin of *url*, where it may have what was signed."""
        origin = _origin(url)
        return origin if origin is not None and self._auth._source.admission.serves(origin, self._newest[1]) else None

    def _leave(self, request: PreparedRequest) -> None:
        """Take the hook off *request*, which was abroad, and so off all that it is redirected to."""
        others = [hook for hook in request.hooks["response"] if hook is not self]
        request.hooks = {**request.hooks, "response": others}

    def _answered(self, response: Response, home: Origin, settings: dict[str, Any], *, is_hop: bool) -> Response:
        """Return the answer to one more try where *response* is a 401 on our token, else *response* itself.

        What carries an older token or none, such as a redirect that lost the signature, is sent with the newest first,
        which does not count as the one renewal.
        """
        source, request, chain = self._auth._source, response.request, self._chain
        signature, token = self._newest
        if token is None or not _refuses(source, response, settings):
            return response
        carried = signature.is_on(request.headers, request.url or "")
        if carried and chain.renewed:
            return response
        if not _rewound(request):
            if carried:
                source.reject(token)
            log.warning("%s: a 401 is handed to the caller, for the body can't be sent twice", source.provider.name)
            return response
        chain.renewed = chain.renewed or carried
        answer, sent = self._again(response, home, token if carried else None, settings)
        if carried or sent is None or not _refuses(source, answer, settings):
            return answer
        if is_hop or not _rewound(request):
            source.reject(sent)  # so the next request renews it
            return answer
        chain.renewed = True
        return self._again(answer, home, sent, settings)[0]

    def _again(
        self, response: Response, home: Origin, rejected: Token | None, settings: dict[str, Any]
    ) -> tuple[Response, Token | None]:
        """Return the answer to one more try, and the token that it went out with, None where it did not carry it.

        That is where the new token may not go to *home*, or the user's adapter has replaced our header.
        """
        _finish(response, read=not settings["stream"])
        token = self._auth._obtain(rejected)
        signature = self._auth._source.admission.signature(token, home)
        if signature is None:
            return response, None
        self._newest = signature, token
        answer, carried = _send_again(response, signature, settings)
        return answer, token if carried else None


@dataclass(frozen=True)
class _Guard:
    """What a pickle has in the hook's place: it takes our headers off before a redirect abroad, and holds no secret."""

    names: tuple[str, ...]
    homes: tuple[str, ...]

    def __call__(self, response: Response, **_: Any) -> Response:
        if response.is_redirect and str(_origin(_target(response))) not in self.homes:
            _take_off(response.request, self.names)
        return response


def _refuses(source: Source, response: Response, settings: dict[str, Any]) -> bool:
    """Whether *response* says that the token is no good; its body is read for it where no stream was asked for."""
    if not settings.get("stream") and source.admission.looks(response.status_code):
        with suppress(OSError):
            _ = response.content
    return refuses(source, response)


def _finish(response: Response, *, read: bool) -> None:
    """Free the connection of a 401. Its body decides nothing: one that can't be read is as good as none."""
    with suppress(OSError):  # the root of requests' errors, and of niquests'
        _ = read and response.content
    response.close()
    if read and response._content is False:
        response._content, response._content_consumed = b"", True


def _send_again(response: Response, signature: Signature, settings: dict[str, Any]) -> tuple[Response, bool]:
    """Send the request of *response* once more on the same adapter; return the answer, and whether *signature* went."""
    request = response.request
    again = request.copy()
    _renew_cookies(again, response, signature)
    _put(request, signature)  # a redirect copies these headers
    _put(again, signature)
    started = time.perf_counter()
    answer: Response = response.connection.send(again, **settings)
    answer.elapsed = timedelta(seconds=time.perf_counter() - started)
    answer.history = [*response.history, response]
    answer.request = request
    return answer, signature.is_on(again.headers, again.url or "")


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


def _rewound(request: PreparedRequest) -> bool:
    """Set the body back to where it stood; False where it can't be sent whole once more."""
    if request.body is None or isinstance(request.body, bytes | bytearray | memoryview | str):
        return True
    with suppress(Exception):  # whatever a file of the user's raises
        rewind_body(request)
        return True
    return False


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


def _take_off(request: PreparedRequest, names: Iterable[str]) -> None:
    """By name, for a copy may carry an older value."""
    for name in names:
        request.headers.pop(name, None)


def _bare(url: str | None) -> str:
    """Return *url* without its fragment, which a redirect inherits."""
    return urlsplit(url or "")._replace(fragment="").geturl()


if TYPE_CHECKING:

    class AtripAuth(atrip.AtripAuth, TokenAuth): ...

    class ClientCredentialsAuth(client_credentials.ClientCredentialsAuth, TokenAuth): ...

    class LoginAuth(login.LoginAuth, TokenAuth): ...

    class ManisAuth(manis.ManisAuth, TokenAuth): ...

    class PasswordGrantAuth(password.PasswordGrantAuth, TokenAuth): ...

    class PlatformAuth(password.PlatformAuth, PasswordGrantAuth): ...

else:
    __getattr__ = members_of(TokenAuth)
