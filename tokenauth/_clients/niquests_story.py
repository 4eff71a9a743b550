"""The story of a request of niquests, told by hooks that its Session calls and its AsyncSession awaits.

niquests awaits the hooks that it takes for coroutine functions. Ours say that they are, and return a coroutine only if
the code that calls them is one itself. So one auth object serves both kinds of sessions.
"""

import asyncio
import inspect
import sys
import threading
import weakref
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from tokenauth._clients.requests_family import RequestsAuth
from tokenauth._clients.requests_story import Chain, Sent, begin
from tokenauth._clients.sent_again import tool
from tokenauth._clients.steps import Either, Steps, aplayed, played
from tokenauth._core.futility import Refusal
from tokenauth._core.origins import Origin
from tokenauth._core.token import Token
from tokenauth._io.loops import on_a_loop


class _Hook:
    """What `iscoroutinefunction` takes for a coroutine function: of asyncio on Python 3.11, else of inspect."""

    _is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
    _is_coroutine_mark = getattr(inspect, "_is_coroutine_mark", None)


class AwaitedSent(Sent, _Hook):
    """The response hook. In a session that is multiplexed, it changes the response that the user already has."""

    library = "niquests"

    @classmethod
    def begun(cls, auth: RequestsAuth, request: Any, place: str) -> Any:
        """Return *request*. In a coroutine nobody can wait for a token here: it is signed just before it is sent."""
        if not on_a_loop():
            return played(begin(auth, request, place), auth, cls.library, request)
        _Signs(auth, place).register(request)
        return request

    @property
    def _chain(self) -> Chain:
        chains: MutableMapping[Any, Chain] = self.__dict__.setdefault("chain", WeakKeyDictionary())
        return chains.setdefault(_task() or threading.current_thread(), Chain())

    def __call__(self, response: Any, **settings: Any) -> Any:
        awaited = _is_awaited()
        last = _of_promise(response, "niquests_response") if settings.get("multiplexed") else None
        last = response if last is None else last  # a response that is an error is false
        steps: Any = last
        if last is response or vars(last.request).get("_sent") is self:  # else the chain has been abroad
            steps = super().__call__(last, **settings)
        if steps is last:
            return _given(response) if awaited else response
        if last is not response:
            steps = _aside(steps, response)
        return (aplayed if awaited else played)(steps, self.auth, self.library, last.request)

    def by(self, sender: Any) -> None:
        """Note which session sends the request: the first one that does; later ones are adapters."""
        self.__dict__.setdefault("session", weakref.ref(sender))

    def _performed(self, story: Steps, request: Any) -> Any:
        return story

    def _renewable(self, response: Any, home: Origin, carried: Token | None) -> Steps:
        request = response.request
        signatures = (self._newest[0], *self.__dict__.get("older", ()))
        replaced = any(name in request.headers for name in signatures[0].headers)
        if replaced and not any(each.is_on(request.headers, request.url) for each in signatures):
            return None  # a hook of the user's, on `pre_request`, has put its own there
        return (yield from super()._renewable(response, home, carried))

    def _again(
        self, response: Any, home: Origin, rejected: Token | None, settings: dict[str, Any], refusal: Refusal
    ) -> Steps:
        self.__dict__["older"] = (*self.__dict__.get("older", ()), self._newest[0])
        answer, sent = yield from super()._again(response, home, rejected, {**settings, "multiplexed": False}, refusal)
        if answer is response:
            return answer, sent
        refused = response
        if settings.get("multiplexed"):
            jar = _of_promise(response, "niquests_cookies")
            if jar is not None and response.connection._allow_incoming_cookies:
                tool("niquests", "cookies.extract_cookies_to_jar")(jar, answer.request, answer.raw)
            if _of_promise(response, "niquests_allow_redirect"):
                answer = yield from self._followed(answer, settings)
            response.__dict__, answer.__dict__ = answer.__dict__, response.__dict__
            answer, refused = response, answer
            answer.history = [refused if each is answer else each for each in answer.history]
        if not settings.get("stream"):  # they have been read, and niquests makes the same of the last answer
            for each in (refused, *answer.history):
                each.__class__ = tool("niquests", "models.Response")
        return answer, sent

    def _followed(self, answer: Any, settings: dict[str, Any]) -> Steps:
        """Return what the redirects from *answer* end in: the session would make them from a response of its own."""
        session = self.__dict__.get("session", bool)()
        if not answer.is_redirect or not session:
            return answer
        self._expect_hop(answer)
        history = answer.history  # niquests empties it
        more = {name: each for name, each in settings.items() if name != "on_post_connection"}
        hops = session.resolve_redirects(answer, answer.request, **more | {"multiplexed": False})
        met = [answer, *(yield Either(lambda: [*hops], lambda: _listed(hops)))]
        met[-1].history = [*history, *met[:-1]]
        return met[-1]


class _Signs(_Hook):
    """The hook that signs a request before it is sent, once."""

    def __init__(self, auth: RequestsAuth, place: str) -> None:
        self._auth, self._place = auth, place

    def register(self, request: Any) -> None:
        """Have *request* call this when it is sent. Copies of a request share its hooks: it gets its own."""
        others = [e for e in request.hooks["pre_request"] if not (isinstance(e, _Signs) and e._auth is self._auth)]
        last = sum(isinstance(each, _Signs) for each in others)
        others.insert(last, self)
        request.hooks = {**request.hooks, "pre_request": others, "response": [*request.hooks["response"]]}

    def __call__(self, request: Any, **_: Any) -> Any:
        return (aplayed if _is_awaited() else played)(self._signing(request), self._auth, AwaitedSent.library, request)

    def _signing(self, request: Any) -> Steps:
        rest = [each for each in request.hooks["pre_request"] if each is not self]
        request.hooks = {**request.hooks, "pre_request": rest}
        held = request.hooks["response"]  # the session has it already
        request = yield from begin(self._auth, request, self._place)
        held[:] = request.hooks["response"]
        request.hooks = {**request.hooks, "response": held}
        return request


def _of_promise(response: Any, name: str) -> Any:
    """Return a parameter of the promise that *response* was, None where it was none.

    A session that is multiplexed follows redirects before hooks. Then it lets the user's response and the last one
    change places, and hands the latter to hooks: "niquests_response" of that one is the user's.
    """
    promise = getattr(getattr(response.raw, "_fp", None), "from_promise", None)
    return None if promise is None else promise.get_parameter(name)


def _aside(story: Steps, response: Any) -> Steps:
    """Perform *story*, and return *response*, which the hooks of the user's are to see."""
    yield from story
    return response


def _is_awaited() -> bool:
    """Whether a coroutine has called the function that asks."""
    return bool(sys._getframe(2).f_code.co_flags & inspect.CO_COROUTINE)


def _task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


async def _listed(each: Any) -> list[Any]:
    return [one async for one in each]


async def _given(response: Any) -> Any:
    return response
