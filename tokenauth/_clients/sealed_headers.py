"""Sealed headers, for httpx and httpx2: headers that are sent with a request, and never copied to another one.

These clients build a redirected request from `Headers(request.headers)`. They remove `Authorization` if the target is
another origin, and send all other headers on. The auth flow can't prevent that. So a sealed header can be read like
any other (by a transport, a hook, the user), but it is not in the list that such a copy is made from.

The request is sealed too. If a hook or an instrumentation assigns other headers to it, with or without ours, the
request keeps ours, sealed. So do copies and pickles of it. To change a sealed header, assign to its name, or delete it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tokenauth._lazy import ByKind

Item = tuple[bytes, bytes, bytes]
"""A header as the clients keep it: its name, the same in lower case, its value."""
Seal = dict[bytes, Item]
"""The sealed headers by name, in lower case."""


@ByKind
def keeps_list(kind: Any) -> bool:
    """Whether *kind* is the clients' own `Headers`, and keeps each header as an `Item` in `_list`."""
    if kind.__name__ != "Headers" or kind.__module__.partition(".")[0] not in {"httpx", "httpx2"}:
        return False
    headers = kind()
    headers["Name"] = "value"
    return bool(vars(headers).get("_list") == [(b"Name", b"name", b"value")])


def seal_of(headers: Mapping[str, str]) -> Seal:
    """Return what seals *headers*."""
    items = [(name.encode(), name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {item[1]: item for item in items}


def seal(request: Any, ours: Seal) -> None:
    """Put *ours* on *request*, sealed, instead of its headers of the same names. *ours* follows changes to them."""
    kind: Any = type(request)
    headers = request.headers
    items, names = headers._list, tuple(ours)  # of a few names, to look for one costs less than its hash
    for item in items:
        if item[1] in names:
            items = [item for item in items if item[1] not in names]
            break
    new = object.__new__(_sealed_headers[type(headers)])
    new._list, new._ours, new._encoding = items, ours, headers._encoding
    sealed = _sealed_request[kind]
    if sealed is kind:
        request.__dict__["headers"] = new
    else:
        request.headers = new
        request.__class__ = sealed


@ByKind
def _sealed_headers(kind: Any) -> Any:
    base = next(each for each in kind.__mro__ if each.__name__ == "Headers")
    return type("SealedHeaders", (_Sealed, base), {"_base": base})


@ByKind
def _sealed_request(kind: Any) -> Any:
    """Return the sealed class for *kind*. If that can't have subclasses, it is *kind*: only headers are sealed then."""
    if issubclass(kind, _SealedRequest):
        return kind
    try:
        return type(kind.__name__, (_SealedRequest, kind), {"_base": kind, "__module__": kind.__module__})
    except TypeError:
        return kind


def _new_headers(kind: Any, items: list[Item], ours: Seal | list[Item], encoding: str | None) -> Any:
    headers = object.__new__(_sealed_headers[kind])
    headers._list, headers._encoding = items, encoding
    headers._ours = ours if isinstance(ours, dict) else {own[1]: own for own in ours}  # a pickle has a list
    return headers


def _new_request(base: Any) -> Any:
    return object.__new__(_sealed_request[base])


class _SealedRequest:
    """The first base, before `Request`, of the class that replaces a request's own.

    It hears of what is set, which is rare. What is read, which is often, takes no call of ours.
    """

    _base: Any

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name) if name == "headers" else None
        if isinstance(before, _Sealed) and value is not before:
            value = before._successor(value)
        self._base.__setattr__(self, name, value)

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
            theirs, items = dict(headers._ours), headers._list
            self._ours.clear()
            self._ours.update(theirs)
        else:
            headers = self._base(headers)
            items = self._without_ours(headers._list)
        return _new_headers(self._base, items, self._ours, headers._encoding)

    def _without_ours(self, items: list[Item]) -> list[Item]:
        """Return *items* without what is sealed. If a name of ours has another value there, the user's value wins."""
        kept = [item for item in items if (own := self._ours.get(item[1])) is None or own[2] != item[2]]
        for item in kept:
            self._ours.pop(item[1], None)
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
        if name in self._ours:
            return self._ours[name][2].decode()
        found = [value for _, lower, value in self._list if lower == name]  # each request is read by name, often
        if not found:
            raise KeyError(key)
        return b", ".join(found).decode(self._encoding or self.encoding)

    def __setitem__(self, key: str, value: str) -> None:
        name = key.lower().encode()
        own = self._ours.get(name)
        if own is None or own[2] != value.encode():
            self._ours.pop(name, None)
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
        return _new_headers, (self._base, list(self._list), list(self._ours.values()), self._encoding)
