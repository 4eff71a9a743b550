"""The story of one authenticated request of httpx or httpx2, without I/O: told once for sync and async.

    ready     sign the request with the current token; a warm request needs nothing else
    begin     obtain a token, and sign the request with it
    again     after a refusal of our token: sign the same request again
    learn     after a refusal that a hook or a transport turned into an exception: the token is no longer valid

To wait for something, the story yields a step (see `steps`). The client follows redirects below the auth flow, so a
response may come from another URL. What counts is the request that got it.
"""

import logging
import traceback
from collections.abc import Generator, Hashable
from functools import partial
from typing import Any, NamedTuple

from tokenauth._clients.bodies import adrain, drain, is_whole, rewinder
from tokenauth._clients.ended import ENDED, begun, end
from tokenauth._clients.peek import behind, refuses, worth_reading
from tokenauth._clients.presented import Presented
from tokenauth._clients.redirects import Wire
from tokenauth._clients.steps import Either, Obtain, Static, Step
from tokenauth._core import stand_in
from tokenauth._core.futility import Refusal
from tokenauth._core.origins import Origin
from tokenauth._core.replays import replayed
from tokenauth._core.source import Source
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")

_SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110 §9.2.1


class _Streamed:
    """What is remembered of a request whose body isn't in memory: *signed*, and where its *stream* began."""

    def __init__(self, signed: Presented | Wire, signature: Presented, stream: Any) -> None:
        self._stream, self._rewind, self.signature = stream, rewinder(stream), signature
        self.token, self.follows, self.carried = signed.token, signed.follows, signed.carried

    def can_be_sent_again(self, request: Any) -> bool:
        """Set the body of *request* back to its beginning; return whether that can be done."""
        if request.stream is not self._stream:  # a redirect has left the body behind, or a hook has read it
            return rewinder(request.stream)()
        return self._rewind()


Sent = Presented | Wire | _Streamed
"""A request that was signed, as far as it matters after a refusal."""


class Again(NamedTuple):
    """A *request* to be sent again, as what it was signed, and the *refusal* for the flow to hold meanwhile.

    *last*: whether the caller gets the next refusal.
    """

    request: Any
    sent: Sent
    refusal: Refusal
    last: bool


class Story:
    """What requests for the tokens of *source* go through."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readiness = source.readiness
        self._admission = source.admission
        self._futility = source.credential.futility

    def ready(self, request: Any) -> Sent | None:
        """Sign *request* where all is at hand. This is the hot path."""
        try:
            place = request.url._uri_reference[:4]  # as `_spelled` has it, without a call
        except (AttributeError, TypeError):
            return None
        readiness = self._readiness
        presented: Any = readiness.static.get(place) if readiness.static else None
        if presented is None:
            ready = readiness.now()
            if ready is None or (presented := ready.signatures.get(place)) is None:
                return None
        ended = begun(request) if ENDED in request.extensions else []
        return _sign(self._source, request, presented, ended)

    def begin(self, request: Any) -> Generator[Step, Any, Sent | None]:
        presented = yield from self._present(request)
        if presented is None:
            begun(request, self._source.given(request.headers.items(), str(request.url)))
            return None
        ended = begun(request)
        stand_in.tell(request, presented)
        return _sign(self._source, request, presented, ended)

    def _present(self, request: Any, rejected: Token | None = None) -> Generator[Step, Any, Presented | None]:
        """Return what *request* is to carry, with a token other than *rejected*; None where it is not ours to sign."""
        source, url, origin = self._source, request.url, _origin(request.url)
        place = _spelled(url)
        if origin is None:
            source.admission.warn_of(url.scheme)
            return None
        alone = not source.admission.more_origins
        if source.provider.is_static(origin):
            signature = yield Static(origin)
            presented = Presented.of(signature, None, url, origin, alone=alone)
            source.learn_static(place, presented)
            return presented
        if not source.admission.admits(origin):
            return None
        token = source.tokens.fresh() if rejected is None else None
        if token is None:
            token = yield Obtain(rejected)
        signature = source.admission.signature(token, origin)
        if signature is None:
            return None
        presented = Presented.of(signature, token, url, origin, alone=alone)
        ready = source.ready()
        source.learn(ready if ready is not None and ready.token is token else None, place, presented)
        return presented

    def counts(self, request: Any, sent: Sent, response: Any) -> bool:
        """Whether *response* is worth a look: a refusal, or the end of redirects that may have gone unsigned."""
        signature = sent if isinstance(sent, Presented) else sent.signature
        try:
            request.extensions[ENDED].append(signature)  # as `end` does, without a call
        except KeyError:  # a hook has replaced them
            end(request, sent)
        admission, status = self._admission, response.status_code
        if (admission.peeks or status in admission.refusals) and (
            admission.is_refusal(status, response.headers) or admission.looks(status)
        ):
            return True
        if self._futility.watching:
            self._served(sent, response)
        return bool(response.history) and self._went_bare(sent, response)

    def _served(self, sent: Sent, response: Any) -> None:
        """Tell that *response* is no refusal, unless a cache has made it."""
        if self._futility.watching and sent.token is not None and not replayed(response):
            self._futility.served(_place(response.request))

    @staticmethod
    def _went_bare(sent: Sent, response: Any) -> bool:
        """Whether *response* is the end of redirects that may have gone unsigned."""
        return sent.follows and bool(response.history) and response.request.method in _SAFE

    def again(self, sent: Sent, response: Any, before: "Again | None" = None) -> Generator[Step, Any, "Again | None"]:
        """Return the request that got *response*, signed again; None if *response* is the caller's.

        *before*: what was returned for the response before, if this is one to a request that was sent again.
        """
        source, token, request = self._source, sent.token, response.request
        if worth_reading(source, response):
            yield Either(response.read, response.aread)  # its body may refuse the token (`refused=`)
        refused = refuses(source, response)
        if self._is_over(sent, response, before, refused=refused):
            return None
        carried = sent.carried(request)
        if (before if not carried else token is None or not refused) or not self._is_home(response, token):
            return None
        rejected, refusal = token if carried else None, response.extensions.pop(self, None)
        if refusal is not None:  # `ahead` has learnt it, and fetched another token, which may have the same value
            rejected = None
        else:
            refusal = Refusal(source.now()) if rejected is None else source.learn_refusal(rejected, _place(request))
        if refusal is None:
            return None
        refusal.before = before.refusal if before is not None else None
        if not sent.can_be_sent_again(request):
            log.warning("%s: the caller gets the 401, because the body can't be sent twice", source.provider.name)
            return None
        yield self._read(response)  # frees the connection before the token call and the retry
        presented = yield from self._present(request, rejected)
        if presented is None:
            return None
        stand_in.tell(request, presented)
        last = presented.token is not None and source.is_last(presented.token, refusal)
        ended = request.extensions.setdefault(ENDED, [])
        return Again(request, _sign(source, request, presented, ended), refusal, last)

    def _is_over(self, sent: Sent, response: Any, before: Again | None, *, refused: bool) -> bool:
        """Take note of *response*, and of the one *before*. Return whether nothing more can be done."""
        place = _place(response.request)
        if before is not None and _place(before.request) != place:  # a redirect, so it was served there
            self._source.ended(_place(before.request), refused=False)
        if not refused:
            self._served(sent, response)
            return not self._went_bare(sent, response)
        is_last = before is not None and before.last
        if is_last:
            self._source.renewed_in_vain(place)
        return is_last

    def _read(self, response: Any) -> Step:
        """Read *response*, which is no longer needed, and free its connection."""
        now = self._source.now
        return Either(partial(drain, response, now), partial(adrain, response, now))

    def ahead(self, request: Any, response: Any, renewed: Refusal | None) -> Generator[Step, Any, Refusal | None]:
        """Have the token in the cache that `begin` or `again` is about to ask for.

        Return what tells of a renewal for this flow, *renewed* before, or now; None if there was none.
        """
        presented = yield from self._present(request)
        token = presented.token if presented is not None else None
        if response is None or presented is None or token is None:
            return renewed
        carried = presented.is_on(response.request.headers, str(response.request.url))
        if worth_reading(self._source, response):
            yield Either(response.read, response.aread)  # its body may refuse the token (`refused=`)
        last = renewed is not None and self._source.is_last(token, renewed)
        if not last and carried and refuses(self._source, response) and self._is_home(response, token):
            renewed = self._source.learn_refusal(token, _place(response.request))
            if renewed is not None:
                yield self._read(response)
                yield Obtain(token)
                response.extensions[self] = renewed  # for `again`
        return renewed

    def learn(self, request: Any, sent: Sent | None, problem: BaseException | None) -> None:
        """Drop the token where *problem* was raised, by a hook or a transport of the user's, about a refusal of it."""
        if sent is None or problem is None:  # else nothing was sent
            return
        end(request, sent)
        response, request = _answer_behind(problem)
        token = sent.token
        if token is None or response is None or request is None:
            return
        if refuses(self._source, response) and sent.carried(request) and self._is_home(response, token, request):
            self._source.learn_refusal(token, _place(request))

    def _is_home(self, response: Any, token: Token | None, request: Any = None) -> bool:
        """Whether *response* and every redirect on the way to it came from an origin that may have *token*.

        *request*: what got the response; one that a transport has raised on knows nothing of it.
        """
        requests = [each.request for each in response.history]
        for each in (*requests, response.request if request is None else request):
            origin = _origin(each.url)
            if origin is None or not self._source.admission.serves(origin, token):
                return False
        return True


def _sign(source: Source, request: Any, presented: Presented, ended: list[Any]) -> Sent:
    """Put what is *presented* on *request*, so that no redirect takes it abroad. It is listed in *ended* at the end."""
    if presented.plain:
        presented.put_on(request.headers)
    if presented.params:
        request.url = type(request.url)(presented.url(str(request.url)))
    request.extensions = extensions = {**request.extensions, ENDED: ended}
    signed: Presented | Wire = presented
    if presented.watched:
        signed = extensions["trace"] = Wire(source, request, presented, ended)
    kind: Any = type(request.stream)
    return signed if is_whole[kind] else _Streamed(signed, presented, request.stream)


def _answer_behind(problem: BaseException | None) -> tuple[Any, Any]:
    """Return the response that *problem* is about, and its request; None where there is none.

    Where a hook has raised that is what the client was about to hand to its hooks or had done so, else what *problem*
    or an exception behind it holds. Where a transport has, the client still holds the redirect before.
    """
    while isinstance(problem, GeneratorExit):  # ours was closed by another generator
        problem = problem.__context__
    told = next((each for each in behind(problem) if getattr(each, "response", None) is not None), None)
    found = held = getattr(told, "response", None)
    request = getattr(told, "_request", None)  # of a HTTPStatusError
    for frame, _ in traceback.walk_tb(problem.__traceback__ if problem is not None else None):
        if frame.f_code.co_name == "_send_handling_redirects" and "response" in frame.f_locals:
            found = frame.f_locals["response"]
            request = None
        elif frame.f_code.co_name == "_send_single_request":
            found, request = held, frame.f_locals.get("request")
    return found, getattr(found, "_request", None) or request


def _spelled(url: Any) -> Hashable:
    """Return what stands for the origin of *url* and for no other; see `Ready`."""
    return url.scheme, url.userinfo.decode("ascii"), url.raw_host.decode("ascii"), url.port


def _place(request: Any) -> str:
    """Return the method and address of *request*, for `Futility`."""
    return f"{request.method} {request.url.copy_with(query=None, fragment=None)}"


def _origin(url: Any) -> Origin | None:
    try:
        return Origin.of(url.scheme, url.raw_host.decode("ascii"), url.port)
    except ValueError:
        return None
