"""The story of one signed request of requests or niquests, without I/O: told once for sync and async.

    begin      obtain a token, and sign the request with it; a warm request needs nothing else
    moved      a redirect: sign the copy for its new URL, or take off all that is ours, for good
    answered   after a refusal of our token: send the same request again
    met        after a refusal that an adapter is about to raise on: the token is no longer valid

To wait for something, the story yields a step, and `played` or `aplayed` performs it; see `steps`.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any

from tokenauth._clients.guard import Guard, bare, joined, origin_of, place_of, scheme_of, strip, target_of
from tokenauth._clients.peek import refuses, refuses_read
from tokenauth._clients.requests_family import RequestsAuth, put
from tokenauth._clients.sent_again import finished, names_adapter, rewound, sent_again, tool
from tokenauth._clients.signed_requests import KeepsAuthorization, SignedRequest, having
from tokenauth._clients.steps import Obtain, Static, Steps, played
from tokenauth._core import stand_in
from tokenauth._core.futility import Refusal
from tokenauth._core.origins import Origin
from tokenauth._core.replays import replayed
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")


def kinds_of(kind: type) -> tuple[Any, "type[Sent]"]:
    """Return the class that requests of the class *kind* have once they are signed, and the kind of their hook."""
    hook = Sent
    if any(each.__module__.startswith("niquests.") for each in kind.__mro__):
        from tokenauth._clients.niquests_story import AwaitedSent as hook  # noqa: N813, PLC0415  (it needs asyncio)
    return having(SignedRequest, kind), hook


def begin(auth: RequestsAuth, request: Any, place: str) -> Steps:
    """Sign *request* where nothing is known yet of its *place*: scheme and authority, as the URL spells them."""
    source, origin, signature = auth._source, origin_of(request.url), None
    token = None
    if origin is None:
        source.admission.warn_of(scheme_of(request.url))
    elif source.provider.is_static(origin):
        signature = yield Static(origin)
        if place:
            source.learn_static(place, signature)
    elif source.admission.admits(origin):
        token = source.tokens.fresh() or (yield Obtain(None))
        signature = source.admission.signature(token, origin)
        ready = source.ready()
        if signature is not None and ready is not None and ready.token is token and place:
            source.learn(ready, place, signature)
    if signature is None:
        strip(request, source.given(request.headers.items(), request.url or ""))  # copied from another request
        return request
    stand_in.tell(request, signature)
    return auth._signed(request, signature, token)


class Chain(threading.local):
    """How far redirects have come in this thread: the URL of the hop to follow, and whether there was a renewal."""

    hop: str | None = None
    renewed = False


class Sent:
    """The response hook of one signed request, which its redirects share, and so do copies that the user makes.

    A copy may still carry an older token, or none. What it carries is compared with the newest that the hook knows.
    """

    library = "requests"
    chain: Any = None
    """What `_chain` returns, or finds it in; None until a redirect or a refusal."""
    sent = False
    """Whether the request, or a copy of it, has got an answer."""

    def __init__(self, auth: RequestsAuth, signature: Signature, token: Token | None) -> None:
        self.auth = auth
        self._newest = signature, token  # one value, for threads may share the hook

    @classmethod
    def begun(cls, auth: RequestsAuth, request: Any, place: str) -> Any:
        """Return *request* as `begin` leaves it."""
        return played(begin(auth, request, place), auth, cls.library, request)

    def mark(self, request: Any) -> None:
        """Note where the body of *request* begins, if it is a file that the client doesn't take for a stream."""
        tell = getattr(request.body, "tell", None)
        if tell is not None and not iscoroutinefunction(tell):
            with suppress(Exception):
                request._body_position = tell()

    @property
    def _chain(self) -> Chain:
        """Made when it is needed; `setdefault`, for threads may share the hook."""
        chain: Chain = self.__dict__.setdefault("chain", Chain())
        return chain

    # what the request tells; see `SignedRequest`

    def moved(self, request: Any, before: str | None) -> None:
        """The URL of *request* was set: sign it for there, or take off all that is ours, and the hook."""
        source, token, home = self.auth._source, self._newest[1], self._at_home(request.url)
        signature = None
        if home is not None:
            signature = source.admission.static(home) if token is None else source.admission.signature(token, home)
        if signature is None:
            self._forget(request)
            return
        moved = (home, scheme_of(request.url)) != (origin_of(before), scheme_of(before))
        if moved and "Authorization" in signature.headers:
            request.headers.__class__ = having(KeepsAuthorization, request.headers.__class__)
        put(request, signature)

    def met(self, request: Any, status: int, headers: Mapping[str, Any]) -> None:
        """An answer to *request* has come in, which an adapter may raise on: then no hook hears of it."""
        source, (signature, token), url = self.auth._source, self._newest, request.url or ""
        if token is None or not source.admission.is_refusal(status, headers):
            return
        chain = self._chain if self.chain is not None else None
        if chain is not None and chain.renewed and chain.hop == self._bare(url):  # it is the caller's
            return
        home = self._at_home(url)
        if home is not None and signature.is_on(request.headers, url):
            source.learn_refusal(token, place_of(home, request))

    def cookies_made(self, request: Any) -> None:
        """*request* got a new `Cookie` header."""
        signature = self._newest[0]
        if signature.cookies:
            request.headers.update(signature.headers_beside(request.headers.get("Cookie")))

    def gives_way(self, request: Any, auth: Any) -> bool:
        """Whether *auth* is to be put on *request*: the user's is, and then all that is ours comes off."""
        ours = self._newest[0].headers.get("Authorization")
        if auth and ours is not None and request.headers.get("Authorization") == ours:
            if isinstance(auth, tuple) and auth == tool(self.library, "utils.get_netrc_auth")(request.url):
                return False
            self._forget(request)
        return True

    def _forget(self, request: Any) -> None:
        """Make *request* one that this has never signed."""
        strip(request, self._newest[0])
        self._leave(request)
        if request.__dict__["_sent"] is self:
            other = next((each for each in request.hooks["response"] if isinstance(each, Sent)), None)
            request.__dict__["_sent"] = other
            if other is None:
                del request.__dict__["_sent"]
                request.__class__ = request._base

    # what the client tells

    def __call__(self, response: Any, **settings: Any) -> Any:
        self.sent = True
        status, source = response.status_code, self.auth._source
        watched = source.credential.futility.watching or (source.admission.peeks and source.admission.looks(status))
        if status < 300 and not watched and self.chain is None:
            return response
        return self._performed(self.answered(response, settings), response.request)

    def _performed(self, story: Steps, request: Any) -> Any:
        return played(story, self.auth, self.library, request)

    def answered(self, response: Any, settings: dict[str, Any]) -> Steps:
        """Return the response that the client goes on with: often *response* itself."""
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
            response = yield from self._at_last(response, home, settings)
        if response.is_redirect:
            if self._at_home(target_of(response)) is None:
                strip(response.request, self._newest[0])
            elif home is not None:
                self._expect_hop(response)
        return response

    def _expect_hop(self, response: Any) -> None:
        self._chain.hop = self._bare(tool(self.library, "utils.requote_uri")(joined(response)))

    def _bare(self, url: str | None) -> str:
        """Return *url* without what we put on it, and without its fragment, which a redirect inherits."""
        signature = self._newest[0]
        return bare(signature.without(url or "") if signature.params else url)

    def _at_home(self, url: str) -> Origin | None:
        """Return the origin of *url*, where it may have what was signed."""
        origin = origin_of(url)
        return origin if origin is not None and self.auth._source.admission.serves(origin, self._newest[1]) else None

    def _leave(self, request: Any) -> None:
        """Take the hook off *request*, which was abroad, and so off all that it is redirected to."""
        request.hooks = {**request.hooks, "response": without(request.hooks.get("response", ()), self.auth)}

    def _at_last(self, response: Any, home: Origin, settings: dict[str, Any]) -> Steps:
        """Return the answer to one more try where *response* is a 401 on our token, else *response* itself.

        What carries an older token or none, such as a redirect that lost the signature, is sent with the newest first.
        If that is older than the 401, it does not count as the one renewal.
        """
        source, request, chain = self.auth._source, response.request, self._chain
        signature, token = self._newest
        if token is None:
            return response
        if not (yield from refuses_read(source, response, settings)):
            self._tell(response, home, refused=False)
            return response
        carried = signature.is_on(request.headers, request.url or "")
        rejected = token if carried else None
        refusal = yield from self._renewable(response, home, rejected)  # held until the end
        while refusal is not None:
            chain.renewed = chain.renewed or rejected is not None
            response, rejected = yield from self._again(response, home, rejected, settings, refusal)
            if rejected is None or not (yield from refuses_read(source, response, settings)):
                break
            refusal = source.learn_refusal(rejected, place_of(home, response.request, response.url), refusal)
            if refusal is not None and not (yield from rewound(request)):  # the next request renews it
                return response
        return response

    def _renewable(self, response: Any, home: Origin, carried: Token | None) -> Steps:
        """Return the refusal where the request of *response*, a 401 on the token *carried*, is to be and can be sent
        again; it is to be held meanwhile."""
        source = self.auth._source
        if any(refuses(source, each) for each in response.history):  # a cache hands the answer to the hook again
            return None
        refusal: Refusal | None = Refusal(source.now())
        if carried is not None:
            place = place_of(home, response.request, response.url)
            refusal = None if self._chain.renewed else source.learn_refusal(carried, place)
        if refusal is None or (names_adapter(response) and (yield from rewound(response.request))):
            return refusal
        log.warning("%s: the caller gets the 401, because the body can't be sent twice", source.provider.name)
        return None

    def _tell(self, response: Any, home: Origin, *, refused: bool) -> None:
        """Take note of how a request ended that nothing more can be done for."""
        if not replayed(response):
            self.auth._source.ended(place_of(home, response.request, response.url), refused=refused)

    def _again(
        self, response: Any, home: Origin, rejected: Token | None, settings: dict[str, Any], refusal: Refusal
    ) -> Steps:
        """Return the answer to one more try, and the token that it went out with if a refusal of that is not the last.

        Else None, as where the new token may not go to *home*, or the user's adapter has replaced our header.
        """
        source = self.auth._source
        settings.pop("allow_redirects", None)
        yield from finished(response, source.now, read=not settings.get("stream"))
        token = yield Obtain(rejected)
        signature, last = source.admission.signature(token, home), source.is_last(token, refusal)
        if signature is None:
            return response, None
        self._newest = signature, token
        answer, carried = yield from sent_again(response, signature, settings, self.library)
        if carried:
            refused = yield from refuses_read(source, answer, settings)
            if last or not refused:
                self._tell(answer, home, refused=refused)
        return answer, token if carried and not last else None

    # copies

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled request or response, such as a cache keeps, leaves the credentials behind."""
        source, (signature, token) = self.auth._source, self._newest
        origins = set(source.admission.more_origins)
        own = Origin.parse(source.provider.token_url)
        if token is None or source.provider.may_serve(own):
            origins.add(own)
        homes = sorted(str(origin) for origin in origins if source.admission.serves(origin, token))
        return Guard, (tuple(signature.headers), tuple(homes), tuple(signature.params), tuple(signature.cookies))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Sent":
        return self


def without(hooks: Iterable[Any], auth: object) -> list[Any]:
    """Return *hooks* but for those of *auth*."""
    return [hook for hook in hooks if not (isinstance(hook, Sent) and hook.auth is auth)]
