"""Sealed headers, for httpx and httpx2: headers that are sent with a request, and never copied to another one.

These clients build a redirected request from `Headers(request.headers)`. They remove `Authorization` if the target is
another origin, and send all other headers on. The auth flow can't prevent that. So a sealed header can be read like
any other (by a transport, a hook, the user), but it is not in the list that such a copy is made from.

The request is sealed too. If a hook or an instrumentation assigns other headers to it, with or without ours, the
request keeps ours, sealed. So do copies and pickles of it. To change a sealed header, assign to its name, or delete it.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

Item = tuple[bytes, bytes, bytes]
"""A header as the clients keep it: its name, the same in lower case, its value."""
Seal = dict[bytes, Item]
"""The sealed headers, by name in lower case."""


@functools.cache
def keeps_list(kind: Any) -> bool:
    """Whether *kind* is the clients' own `Headers`, and keeps each header as an `Item` in `_list`."""
    if kind.__name__ != "Headers" or kind.__module__.partition(".")[0] not in {"httpx", "httpx2"}:
        return False
    headers = kind()
    headers["Name"] = "value"
    return bool(vars(headers).get("_list") == [(b"Name", b"name", b"value")])


def seal_of(headers: Mapping[str, str]) -> Seal:
    """Return what seals *headers*."""
    return {name.lower().encode(): (name.encode(), name.lower().encode(), headers[name].encode()) for name in headers}


def seal(request: Any, ours: Seal) -> None:
    """Put *ours* on *request*, sealed, instead of its headers of the same names. *ours* follows changes to them."""
    kind: Any = type(request)
    request.__class__ = _sealed_request(kind) or kind
    vars(request)["headers"] = sealed(request.headers, ours)


def sealed(headers: Any, ours: Seal) -> Any:
    """Return *headers*, of httpx or httpx2, with *ours* sealed in them, instead of headers of the same names."""
    items = [item for item in headers._list if item[1] not in ours]
    return _new_headers(type(headers), items, ours, headers._encoding)


@functools.cache
def _sealed_headers(kind: Any) -> Any:
    base = next(each for each in kind.__mro__ if each.__name__ == "Headers")
    return type("SealedHeaders", (_Sealed, base), {"_base": base})


@functools.cache
def _sealed_request(kind: Any) -> Any:
    """Return the sealed class for *kind*, or None if *kind* can't have subclasses. Then only the headers are sealed."""
    if issubclass(kind, _SealedRequest):
        return kind
    try:
        return type(kind.__name__, (_SealedRequest, kind), {"_base": kind, "__module__": kind.__module__})
    except TypeError:
        return None


def _new_headers(kind: Any, items: list[Item], ours: Seal, encoding: str | None) -> Any:
    headers = object.__new__(_sealed_headers(kind))
    headers._list, headers._ours, headers._encoding = items, ours, encoding
    return headers


def _new_request(base: Any) -> Any:
    return object.__new__(_sealed_request(base))


class _SealedRequest:
    """The first base, before `Request`, of the class that replaces a request's own."""

    _base: Any

    @property
    def headers(self) -> Any:
        return vars(self)["headers"]

    @headers.setter
    def headers(self, headers: Any) -> None:
        before = vars(self).get("headers")
        if isinstance(before, _Sealed) and headers is not before:
            headers = before._successor(headers)
        vars(self)["headers"] = headers

    def __reduce__(self) -> tuple[Any, ...]:
        return _new_request, (self._base,), self._base.__getstate__(self)


class _Sealed:
    """The first base, before `Headers`. `Headers` copies from `_list`, which is without ours."""

    _base: Any
    encoding: str
    _list: list[Item]
    _ours: Seal
    _encoding: str | None

    def _whole(self, ours: Iterable[Item] | None = None) -> Any:
        whole = self._base()
        whole._list = [*self._list, *(self._ours.values() if ours is None else ours)]
        whole._encoding = self._encoding
        return whole

    def _successor(self, headers: Any) -> Any:
        """Return *headers*, which replace these on a request, with what is sealed here."""
        if isinstance(headers, _Sealed):
            theirs, items = headers._ours, headers._list
            self._ours.clear()
            self._ours.update(theirs)
        else:
            headers = self._base(headers)
            items = self._without_ours(headers._list)
        return _new_headers(self._base, items, self._ours, headers._encoding)

    def _without_ours(self, items: list[Item]) -> list[Item]:
        """Return *items* without what is sealed. If a name of ours has another value there, the user's value wins."""
        ours = self._ours
        kept = [item for item in items if item[1] not in ours or ours[item[1]][2] != item[2]]
        for _, name, _ in kept:
            ours.pop(name, None)
        return kept

    @property
    def raw(self) -> Any:
        return [(name, value) for name, _, value in (*self._list, *self._ours.values())]

    def keys(self) -> Any:
        encoding = self.encoding
        return {name.decode(encoding): None for _, name, _ in (*self._list, *self._ours.values())}.keys()

    def values(self) -> Any:
        return self._whole().values()

    def items(self) -> Any:
        return self._whole().items()

    def multi_items(self) -> Any:
        return self._whole().multi_items()

    def get_list(self, key: str, split_commas: bool = False) -> Any:
        return self._whole().get_list(key, split_commas)

    def update(self, headers: Any = None) -> None:
        """Do as `Headers`. What is the same as ours stays sealed."""
        headers = self._base(headers)
        headers._list = self._without_ours(headers._list)
        self._base.update(self, headers)

    def copy(self) -> Any:
        """Return a sealed copy: a hook may assign it to the request."""
        return _new_headers(self._base, list(self._list), dict(self._ours), self._encoding)

    def __getitem__(self, key: str) -> Any:
        name = key.lower().encode()
        ours = self._ours.get(name)
        if ours is not None:
            return ours[2].decode()
        found = [value for _, lower, value in self._list if lower == name]  # each request is read by name, often
        if not found:
            raise KeyError(key)
        return b", ".join(found).decode(self._encoding or self.encoding)

    def __setitem__(self, key: str, value: str) -> None:
        name = key.lower().encode()
        if name in self._ours:
            if self._ours[name][2] == value.encode():
                return
            del self._ours[name]
        self._base.__setitem__(self, key, value)

    def __delitem__(self, key: str) -> None:
        if self._ours.pop(key.lower().encode(), None) is None:
            self._base.__delitem__(self, key)

    def __contains__(self, key: Any) -> bool:
        return key.lower().encode() in self._ours or bool(self._base.__contains__(self, key))

    def __len__(self) -> int:
        return len(self._list) + len(self._ours)

    def __eq__(self, other: object) -> bool:
        return bool(self._whole() == (other._whole() if isinstance(other, _Sealed) else other))

    __hash__ = None  # type: ignore[assignment]  # as Headers

    def __repr__(self) -> str:
        hidden = [(name, lower, b"[secure]") for name, lower, _ in self._ours.values()]  # as httpx shows Authorization
        return repr(self._whole(hidden))

    def __reduce__(self) -> tuple[Any, ...]:
        return _new_headers, (self._base, list(self._list), dict(self._ours), self._encoding)
