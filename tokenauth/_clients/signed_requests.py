"""A signed request of requests: one that knows what was put on it. It imports no requests; what it is given is enough.

requests follows a redirect by copying the request that it was given and then setting the copy's URL; adapters make
copies of their own. So a request changes its class as it is signed. The new class hands the signature on to each copy,
and asks it what to do whenever the URL is set.
"""

import functools
from copy import deepcopy
from typing import Any


class SignedRequest:
    """What the class of a signed request has beyond `PreparedRequest`: see `having`.

    In the instance's dictionary, `_sent` decides what becomes of the request: see `_Sent` in `tokenauth.requests`.
    """

    __slots__ = ()
    _base: Any

    @property
    def url(self) -> Any:
        return vars(self).get("url")

    @url.setter
    def url(self, url: Any) -> None:
        before, vars(self)["url"] = self.url, url
        vars(self)["_sent"].moved(self, before)

    def copy(self) -> Any:
        twin = self._base.copy(self)
        vars(twin)["_sent"] = vars(self)["_sent"]
        twin.__class__ = self.__class__
        return twin

    def prepare_cookies(self, cookies: Any) -> None:
        """A redirect makes its `Cookie` header anew."""
        self._base.prepare_cookies(self, cookies)
        vars(self)["_sent"].cookies_made(self)

    def prepare_auth(self, auth: Any, *more: Any, **named: Any) -> None:
        """After a redirect requests would put what netrc has in the place of our header."""
        base = self._base
        if vars(self)["_sent"].gives_way(self, auth):
            base.prepare_auth(self, auth, *more, **named)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = _blank(self._base)
        vars(twin).update(deepcopy(vars(self), memo))
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (self._base,), vars(self)


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
