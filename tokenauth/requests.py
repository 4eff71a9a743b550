"""The auth objects for requests; imports no other client.

    session.auth = ManisAuth("https://api.example.com", merchant_id="m-1", secret=secret)
    session.auth = TokenAuth(my_own_provider)

requests calls the auth object once per request. It follows a redirect by copying the original request and then setting
the copy's URL. So a signed request, and each copy of it, has a class that knows its signature: when its URL is set, it
is signed for the new URL or loses the signature for good. This holds for requests that adapters make, too. A response
hook handles a 401 on our token.
"""

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.utils import get_netrc_auth, requote_uri, rewind_body

from tokenauth._clients import family
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.peek import refuses
from tokenauth._clients.signed_requests import KeepsAuthorization, SignedRequest, having, let_go
from tokenauth._core import stand_in
from tokenauth._core.origins import Origin
from tokenauth._core.replays import replayed
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token

if TYPE_CHECKING:
    from tokenauth._core.source import Source

__all__ = ["TokenAuth"]
__all__ += family.__all__

log = logging.getLogger("tokenauth")

_SIGNED = having(SignedRequest, PreparedRequest)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1


class TokenAuth(BaseTokenAuth, AuthBase):
    """Authenticates requests of requests (and niquests' sync sessions) with the token of a provider."""

    _library = "requests"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        source, url = self._source, request.url or ""
        place, token = url[: url.find("/", 8) + 1], None
        signature = source.readiness.static.get(place)
        if signature is None:
            ready = source.ready()
            if ready is None or (signature := ready.signatures.get(place)) is None:
                return self._sign(request, place)
            token = ready.token
        return self._signed(request, signature, token)

    def _sign(self, request: PreparedRequest, place: str) -> PreparedRequest:
        """Sign *request* where nothing is known yet of its *place*: scheme and authority, as the URL spells them."""
        source = self._source
        origin = _origin(request.url)
        if origin is None:
            return request
        signature, token = source.admission.static(origin), None
        if signature is not None and place:
            source.learn_static(place, signature)
        elif signature is None and source.admission.admits(origin):
            token = source.tokens.fresh() or self._obtain(None)
            signature = source.admission.signature(token, origin)
            ready = source.ready()
            if signature is not None and ready is not None and ready.token is token and place:
                source.learn(ready, place, signature)
        if signature is None:
            return request
        stand_in.tell(request, signature)
        return self._signed(request, signature, token)

    def _signed(self, request: PreparedRequest, signature: Signature, token: Token | None) -> PreparedRequest:
        """Put *signature* on *request*, and make it one that looks after it."""
        sent = _Sent(self, signature, token)
        hooks = request.hooks.setdefault("response", [])
        if hooks and any(isinstance(hook, _Sent) and hook.auth is self for hook in hooks):  # it was signed before
            hooks = _without(hooks, self)
            request.hooks = {**request.hooks, "response": hooks}  # for copies share theirs
        hooks.append(sent)
        _put(request, signature)
        body: Any = request.body
        if body is not None and request._body_position is None and hasattr(body, "tell"):
            with suppress(Exception):  # a file that requests doesn't take for a stream
                request._body_position = body.tell()
        request.__dict__["_sent"] = sent
        kind: Any = type(request)
        request.__class__ = _SIGNED if kind is PreparedRequest else having(SignedRequest, kind)
        return request


class _Chain(threading.local):
    """How far redirects have come in this thread: the URL of the hop to follow, and whether there was a renewal."""

    hop: str | None = None
    renewed = False


class _Sent:
    """The response hook of one signed request, which its redirects share, and so do copies that the user makes.

    A copy may still carry an older token, or none. What it carries is compared with the newest that the hook knows.
    """

    def __init__(self, auth: TokenAuth, signature: Signature, token: Token | None) -> None:
        self.auth = auth
        self._newest = signature, token  # one value, for threads may share the hook

    @property
    def _chain(self) -> _Chain:
        """Made when it is needed; `setdefault`, for threads may share the hook."""
        chain: _Chain = self.__dict__.setdefault("chain", _Chain())
        return chain

    def moved(self, request: Any, before: str | None) -> None:
        """The URL of *request* was set: sign it for there, or take off all that is ours, and the hook."""
        source, token, home = self.auth._source, self._newest[1], self._at_home(request.url)
        signature = None
        if home is not None:
            signature = source.admission.static(home) if token is None else source.admission.signature(token, home)
        if signature is None:
            self._forget(request)
            return
        if "Authorization" in signature.headers and home != _origin(before):
            request.headers.__class__ = having(KeepsAuthorization, request.headers.__class__)
        _put(request, signature)

    def met(self, request: Any, status: int, headers: Mapping[str, Any]) -> None:
        """An answer to *request* has come in, which an adapter may raise on: then no hook hears of it."""
        source, (signature, token), url = self.auth._source, self._newest, request.url or ""
        if token is None or not source.admission.is_refusal(status, headers):
            return
        chain = self.__dict__.get("chain")
        if chain is not None and chain.renewed and chain.hop == self._bare(url):  # it is the caller's
            return
        home = self._at_home(url)
        if home is not None and signature.is_on(request.headers, url):
            source.learn_refusal(token, _place(home, url))

    def cookies_made(self, request: Any) -> None:
        """The `Cookie` header of *request* was made anew."""
        signature = self._newest[0]
        if signature.cookies:
            request.headers.update(signature.headers_beside(request.headers.get("Cookie")))

    def gives_way(self, request: Any, auth: Any) -> bool:
        """Whether *auth* is to be put on *request*: the user's is, and then all that is ours comes off."""
        ours = self._newest[0].headers.get("Authorization")
        if auth and ours is not None and request.headers.get("Authorization") == ours:
            if isinstance(auth, tuple) and auth == get_netrc_auth(request.url):
                return False
            self._forget(request)
        return True

    def _forget(self, request: Any) -> None:
        """Make *request* one that was never signed."""
        signature = self._newest[0]
        _take_off(request, signature.headers)
        if signature.cookies and (cookie := request.headers.pop("Cookie", None)) is not None:
            kept = signature.foreign_cookies(cookie)
            if kept:
                request.headers["Cookie"] = kept
        self._leave(request)
        del request.__dict__["_sent"]
        request.__class__ = request._base

    def __call__(self, response: Response, **settings: Any) -> Response:
        status = response.status_code
        source = self.auth._source
        watched = source.credential.futility.watching or (source.admission.peeks and source.admission.looks(status))
        if status < 300 and not watched and "chain" not in self.__dict__:
            return response
        request = response.request
        if getattr(request, "hooks", None) is None:  # a cache's own kind of request
            return response
        chain = self._chain
        is_hop = chain.hop is not None and chain.hop == self._bare(request.url)
        chain.hop, chain.renewed = None, chain.renewed and is_hop
        home = self._at_home(response.url)
        if home is None:
            self._leave(request)
        else:
            response = self._answered(response, home, settings, is_hop=is_hop)
        if response.is_redirect:
            if self._at_home(_target(response)) is None:
                _take_off(response.request, self._newest[0].headers)
            elif home is not None:
                chain.hop = self._bare(requote_uri(urljoin(response.url, response.headers["location"])))
        return response

    def _bare(self, url: str | None) -> str:
        """Return *url* without what we put on it, and without its fragment, which a redirect inherits."""
        signature = self._newest[0]
        return _bare(signature.without(url or "") if signature.params else url)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled request or response, such as a cache keeps, leaves the credentials behind."""
        source, (signature, token) = self.auth._source, self._newest
        origins = set(source.admission.more_origins)
        own = Origin.parse(source.provider.token_url)
        if token is None or source.provider.may_serve(own):
            origins.add(own)
        homes = sorted(str(origin) for origin in origins if source.admission.serves(origin, token))
        return _Guard, (tuple(signature.headers), tuple(homes))

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Sent":
        return self

    def _at_home(self, url: str) -> Origin | None:
        """Return the origin of *url*, where it may have what was signed."""
        origin = _origin(url)
        return origin if origin is not None and self.auth._source.admission.serves(origin, self._newest[1]) else None

    def _leave(self, request: PreparedRequest) -> None:
        """Take the hook off *request*, which was abroad, and so off all that it is redirected to."""
        request.hooks = {**request.hooks, "response": _without(request.hooks.get("response", ()), self.auth)}

    def _answered(self, response: Response, home: Origin, settings: dict[str, Any], *, is_hop: bool) -> Response:
        """Return the answer to one more try where *response* is a 401 on our token, else *response* itself.

        What carries an older token or none, such as a redirect that lost the signature, is sent with the newest first,
        which does not count as the one renewal.
        """
        source, request, chain = self.auth._source, response.request, self._chain
        signature, token = self._newest
        if token is None:
            return response
        if not _refuses(source, response, settings):
            self._tell(response, home, settings)
            return response
        source.credential.futility.answered(_place(home, response.url))
        carried = signature.is_on(request.headers, request.url or "")
        if not self._is_worth_it(response, home, token if carried else None):
            return response
        chain.renewed = chain.renewed or carried
        answer, sent = self._again(response, home, token if carried else None, settings)
        if (
            carried
            or sent is None
            or not _refuses(source, answer, settings)
            or not source.renews(sent, _place(home, response.url))
        ):
            return answer
        if is_hop or not _rewound(request):
            source.reject(sent)  # so the next request renews it
            return answer
        chain.renewed = True
        return self._again(answer, home, sent, settings)[0]

    def _is_worth_it(self, response: Response, home: Origin, carried: Token | None) -> bool:
        """Whether the request of *response*, a 401 on the token *carried*, is to be sent again, and can be."""
        source = self.auth._source
        if any(refuses(source, each) for each in response.history):  # a cache hands the answer to the hook again
            return False
        if carried is not None and (self._chain.renewed or not source.renews(carried, _place(home, response.url))):
            return False
        if getattr(response, "connection", None) is not None and _rewound(response.request):
            return True
        if carried is not None:
            source.reject(carried)
        log.warning("%s: a 401 is handed to the caller, for the body can't be sent twice", source.provider.name)
        return False

    def _tell(self, response: Response, home: Origin, settings: dict[str, Any]) -> None:
        """Take note of how a request ended that nothing more can be done for."""
        source = self.auth._source
        if not replayed(response):
            source.ended(_place(home, response.url), refused=_refuses(source, response, settings))

    def _again(
        self, response: Response, home: Origin, rejected: Token | None, settings: dict[str, Any]
    ) -> tuple[Response, Token | None]:
        """Return the answer to one more try, and the token that it went out with, None where it did not carry it.

        That is where the new token may not go to *home*, or the user's adapter has replaced our header.
        """
        settings.pop("allow_redirects", None)
        _finish(response, read=not settings.get("stream"))
        token = self.auth._obtain(rejected)
        signature = self.auth._source.admission.signature(token, home)
        if signature is None:
            return response, None
        self._newest = signature, token
        answer, carried = _send_again(response, signature, settings)
        if carried and (rejected is not None or not _refuses(self.auth._source, answer, settings)):
            self._tell(answer, home, settings)
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

    def moved(self, request: Any, before: str | None) -> None:
        if str(_origin(request.url)) not in self.homes:
            _take_off(request, self.names)

    def met(self, *_: object) -> None:
        """Whose token it was is not known any more."""

    def cookies_made(self, request: Any) -> None:
        """There are none of ours to put back."""

    def gives_way(self, request: Any, auth: Any) -> bool:
        return True


def _refuses(source: "Source", response: Response, settings: dict[str, Any]) -> bool:
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
    again.__dict__["_again"] = True  # its answer is seen here
    _renew_cookies(again, response, signature)
    _put(request, signature)  # a redirect copies these headers
    _put(again, signature)
    stand_in.tell(again, signature)
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
        body: Any = request.body
        return not hasattr(body, "tell") or body.tell() == request._body_position
    return False


def _origin(url: str | None) -> Origin | None:
    try:
        return Origin.parse(url or "")
    except ValueError:
        return None


def _place(home: Origin, url: str) -> str:
    return f"{home}{urlsplit(url).path}"


def _target(response: Response) -> str:
    """Return the URL of a redirect, "" where requests, urllib and we might not read the same in its Location."""
    location = response.headers["location"]
    if "\\" in location or any(character <= " " or character >= "\x7f" for character in location):
        return ""
    if location.startswith("//"):
        return f"{urlsplit(response.url).scheme}:{location}"
    return location if _SCHEME.match(location) else response.url  # a path stays at this origin


def _without(hooks: Iterable[Any], auth: TokenAuth) -> list[Any]:
    return [hook for hook in hooks if not (isinstance(hook, _Sent) and hook.auth is auth)]


def _put(request: Any, signature: Signature) -> None:
    headers = request.headers
    ours = signature.headers_beside(headers.get("Cookie")) if signature.cookies else signature.headers
    for name, value in ours.items():
        headers[name] = value
    if signature.params:
        request.__dict__["url"] = signature.url(request.url or "")


def _take_off(request: PreparedRequest, names: Iterable[str]) -> None:
    """By name, for a copy may carry an older value."""
    let_go(request.headers)
    for name in names:
        request.headers.pop(name, None)


def _bare(url: str | None) -> str:
    """Return *url* without its fragment, which a redirect inherits."""
    return urlsplit(url or "")._replace(fragment="").geturl()


if TYPE_CHECKING:

    class APIKeyAuth(family.APIKeyAuth, TokenAuth): ...

    class AtripAuth(family.AtripAuth, TokenAuth): ...

    class ClientCredentialsAuth(family.ClientCredentialsAuth, TokenAuth): ...

    class CommandAuth(family.CommandAuth, TokenAuth): ...

    class FileAuth(family.FileAuth, TokenAuth): ...

    class FunctionAuth(family.FunctionAuth, TokenAuth): ...

    class JWTBearerAuth(family.JWTBearerAuth, TokenAuth): ...

    class LoginAuth(family.LoginAuth, TokenAuth): ...

    class ManisAuth(family.ManisAuth, TokenAuth): ...

    class PasswordGrantAuth(family.PasswordGrantAuth, TokenAuth): ...

    class PlatformAuth(family.PlatformAuth, PasswordGrantAuth): ...

    class TokenExchangeAuth(family.TokenExchangeAuth, TokenAuth): ...

    class RefreshTokenAuth(family.RefreshTokenAuth, TokenAuth): ...

else:
    __getattr__ = family.members_of(TokenAuth)
