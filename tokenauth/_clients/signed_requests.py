"""A signed request of requests or niquests: it knows its own signature. This module imports neither.

requests follows a redirect by copying the original request and then setting the copy's URL; adapters make copies, too.
So a request changes its class when it is signed. The new class passes the signature on to each copy, and consults it
whenever the URL is set.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any


class _URL:
    """The URL of a signed request. To read it takes no call of ours: Python looks into the instance first, for what
    has no `__get__`."""

    def __set__(self, request: Any, url: Any) -> None:
        before, vars(request)["url"] = vars(request).get("url"), url.decode() if isinstance(url, bytes) else url
        for each in _signers(request):
            each.moved(request, before)


class _ConnectionInfo:
    """niquests sets it when an adapter has returned.

    If it is multiplexed and the response is still to come, it makes a redirect of the request that the adapter sent.
    That may be another one, with our headers and without their guard. So it is told to make it of ours.
    """

    def __set__(self, request: Any, info: Any) -> None:
        vars(request)["conn_info"] = info
        sender = sys._getframe(1)
        response: Any = sender.f_locals.get(_RESPONSES.get(sender.f_code.co_name, ""))
        if getattr(response, "lazy", False):
            response.request = request
            vars(request)["_sent"].by(sender.f_locals["self"])


_RESPONSES = {"send": "r", "_future_handler": "next_promise"}
"""What functions of niquests call the response."""


class SignedRequest:
    """What the class of a signed request has beyond `PreparedRequest`: see `having`.

    In the instance's dictionary, `_sent` decides what becomes of the request: see `Sent` in `requests_story`.
    """

    __slots__ = ()
    _base: Any

    url, conn_info = _URL(), _ConnectionInfo()

    @property
    def method(self) -> Any:
        """An adapter that may raise on a refusal, below any hook, is handed one that hears of each answer."""
        ours = self.__dict__
        method = ours.get("method")
        reader = _module_of(1) if _module_of is not None else sys._getframe(1).f_globals.get("__name__")
        if reader not in _ADAPTERS or "_again" in ours or method is None:
            return method
        if not _may_raise(sys._getframe(1).f_locals):
            return method
        return Heard.of(method, functools.partial(vars(self)["_sent"].met, self))

    @method.setter
    def method(self, method: Any) -> None:
        vars(self)["method"] = method

    def copy(self) -> Any:
        twin = self._base.copy(self)
        vars(twin)["_sent"] = vars(self)["_sent"]
        twin.__class__ = self.__class__
        return twin

    def prepare_cookies(self, cookies: Any) -> None:
        """A redirect makes a new `Cookie` header."""
        self._base.prepare_cookies(self, cookies)
        for each in _signers(self):
            each.cookies_made(self)

    def prepare_auth(self, auth: Any, *more: Any, **named: Any) -> None:
        """After a redirect, requests would replace our header with what netrc has."""
        base = self._base
        if vars(self)["_sent"].gives_way(self, auth):
            base.prepare_auth(self, auth, *more, **named)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = _blank(self._base)
        vars(twin).update(deepcopy(vars(self), memo))
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (self._base,), vars(self)


def _signers(request: Any) -> list[Any]:
    """Return who has signed *request*, as its hooks tell: the last one last."""
    last = vars(request)["_sent"]
    others = (each for each in request.hooks.get("response", ()) if hasattr(type(each), "gives_way"))
    return [*(each for each in others if each is not last), last]


_ADAPTERS = {"requests.adapters", "niquests.adapters"}

_module_of: Any = getattr(sys, "_getframemodulename", None)  # Python 3.12 has it: it makes no frame object


def _may_raise(sending: Mapping[str, Any]) -> bool:
    """Whether the adapter that is *sending* may raise on a refusal: its own `send`, or urllib3's Retry.

    A connection that isn't urllib3's own records or makes up what it sends: it gets what it expects.
    """
    adapter: Any = sending.get("self")
    retries = getattr(adapter, "max_retries", None)
    raises = getattr(retries, "status_forcelist", ()) and getattr(retries, "raise_on_status", False)
    if not raises and getattr(getattr(type(adapter), "send", None), "__module__", "") in _ADAPTERS:  # as most are
        return False
    return getattr(getattr(sending.get("conn"), "ConnectionCls", None), "__module__", "").startswith("urllib3.")


class Heard(str):
    """A request's method that calls *tell* with status and headers of each answer.

    `http.client` and urllib3 compare the method with HEAD when they have read the head of an answer. Nothing else of a
    request comes by between that moment and the exception that a Retry raises.
    """

    tell: Callable[[int, Mapping[str, Any]], object]

    @classmethod
    def of(cls, method: str, tell: Callable[[int, Mapping[str, Any]], object]) -> "Heard":
        heard = cls(method)
        heard.tell = tell
        return heard

    def __eq__(self, other: object) -> bool:
        answer = sys._getframe(1).f_locals.get("self")
        status, headers = getattr(answer, "status", None), getattr(answer, "headers", None)
        if isinstance(status, int) and headers is not None:
            self.tell(status, headers)
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


class KeepsAuthorization:
    """Headers of a redirect to another of our origins: requests deletes `Authorization` there, once."""

    __slots__ = ()
    _base: Any

    def __delitem__(self, name: str) -> None:
        self._base.__delitem__(self, name) if name.lower() != "authorization" else let_go(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._base, (list(self.items()),)  # type: ignore[attr-defined]  # a mapping's


def let_go(headers: Any) -> None:
    """Have *headers* delete `Authorization` like any other."""
    if getattr(headers, "_more", None) is KeepsAuthorization:
        headers.__class__ = headers._base


def having(more: type, base: type) -> Any:
    """Return the class *base* with the members of *more*; an instance of *base* can become one of it, and back.

    It has no base but *base*, or else the memory of their instances might be laid out differently.
    """
    return base if getattr(base, "_more", None) is more else _having(more, base)


@functools.cache
def _having(more: type, base: type) -> Any:
    return type(base.__name__, (base,), {**vars(more), "_base": base, "_more": more})


def _blank(base: type) -> Any:
    return object.__new__(having(SignedRequest, base))
