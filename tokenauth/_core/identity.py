"""Identity: a value as bytes, which two values share only where they are equal and of one kind.

Law: each part stands with its kind and its length, and the same way in every process (sets, too, whatever the hash
seed). What can't be compared exactly is refused, and never compared by its repr.
"""

import datetime
import decimal
import fractions
import pathlib
import sys
import types
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum, Flag
from functools import cached_property
from typing import Any

from tokenauth._core.secrets import Secret, bare


def _text(value: object) -> bytes:
    return str(value).encode(errors="surrogatepass")


def _dated(value: Any) -> bytes:
    return _text(f"{value.isoformat()} {getattr(value, 'fold', 0)}")


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    **dict.fromkeys((type(None), bool, int, str, decimal.Decimal, fractions.Fraction), _text),
    **dict.fromkeys((datetime.date, datetime.time, datetime.datetime), _dated),
    **dict.fromkeys((pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath), _text),
    float: lambda value: value.hex().encode(),
    complex: lambda value: f"{value.real.hex()} {value.imag.hex()}".encode(),
    bytes: bytes,
    uuid.UUID: lambda value: value.bytes,
    datetime.timedelta: lambda value: f"{value.days} {value.seconds} {value.microseconds}".encode(),
}
"""What is told by its type and these bytes. An object of a subclass may hold more."""


@dataclass
class Identity:
    """A value as *encoded* bytes. *bound*: where in it something stands that only this process can tell apart."""

    encoded: bytes = b""
    bound: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, value: object, name: str = "identity") -> "Identity":
        """Return the identity of *value*, which errors call *name*.

        It takes None, numbers, texts, bytes, dates, UUIDs, paths, members of enums, tuples, lists, mappings, sets,
        dataclasses, named tuples, classes, callables, secrets, and what has `get_secret_value()`.

        Raises:
            TypeError: something else is in it. The text says where, and what to write.
        """
        identity = cls()
        try:
            identity.encoded = identity._encode(value, name)
        except RecursionError:
            raise TypeError(f"{name} is nested too deeply, or within itself") from None
        return identity

    def _encode(self, value: Any, name: str) -> bytes:
        value = bare(value.identity if isinstance(value, Secret) else value)
        kind = type(value)
        if kind in _PLAIN:
            return _framed(kind.__name__, [_PLAIN[kind](value)])
        if callable(value):
            return self._object(value, name)
        more = {} if isinstance(value, Enum) else _state(value)
        named = [self._encode(each, f"{name}.{attribute}") for attribute, each in sorted(more.items())]
        return _framed("of", [self._object(kind, name), *self._parts(value, name), *named, repr(sorted(more)).encode()])

    def _parts(self, value: Any, name: str) -> list[bytes]:
        match value:
            case Enum():
                return [self._encode(value.value if isinstance(value, Flag) else value.name, name)]
            case tuple() | list():
                return [self._encode(each, f"{name}[{index}]") for index, each in enumerate(value)]
            case Mapping():
                return sorted(_framed("item", self._item(key, value[key], name)) for key in value)
            case frozenset() | set():
                return sorted(self._encode(each, f"a part of {name}") for each in value)
            case _ if is_dataclass(value):
                return []  # its state is all
        raise TypeError(
            f"{name} is of the type {type(value).__name__}, which can't be compared exactly. Write what distinguishes "
            "it from others instead: texts, numbers, bytes, or tuples, dicts and dataclasses of these"
        )

    def _item(self, key: object, value: object, name: str) -> list[bytes]:
        place = f"[{str(key)!r}]" if isinstance(key, str) else "[…]"
        return [self._encode(key, f"a key of {name}"), self._encode(value, f"{name}{place}")]

    def _object(self, thing: object, name: str) -> bytes:
        """Return the name of a class or callable where every process finds it there, else a mark of this process."""
        found = name_of(thing)
        if found is None:
            self.bound.append(name)
            return _framed("mark", [mark_of(thing).encode()])
        return _framed("name", [_text(found)])


def _framed(kind: str, parts: Iterable[bytes]) -> bytes:
    return b"".join(b"%d:%b" % (len(part), part) for part in (kind.encode(), *parts))


_STATELESS = (tuple, list, dict, set, frozenset, types.MappingProxyType)


def _state(value: object) -> dict[str, Any]:
    """Return the attributes of *value*, also those in slots, but for what it remembers (`cached_property`)."""
    kind = type(value)
    if kind in _STATELESS:
        return {}
    names = {each.name for each in fields(value)} if is_dataclass(value) else set()
    for each in kind.__mro__:
        slots = vars(each).get("__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
    own = [
        name for name in getattr(value, "__dict__", ()) if not isinstance(getattr(kind, name, None), cached_property)
    ]
    names = (names - {"__dict__", "__weakref__"}) | set(own)
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


_marks: "weakref.WeakKeyDictionary[object, str]" = weakref.WeakKeyDictionary()
_first: dict[str, object] = {}  # who had a name first in this process keeps it: a token outlives its provider


def name_of(thing: object) -> str | None:
    """Return "module:qualified name" where *thing* is what stands there; a script is named by its file."""
    module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        return None
    home: object = sys.modules.get(module)
    place = getattr(home, "__file__", None) if module in {"__main__", "__mp_main__"} else module
    for name in path.split("."):
        home = getattr(home, name, None)
    if not place or home is not thing or _first.setdefault(f"{place}:{path}", thing) is not thing:
        return None
    return f"{place}:{path}"


def mark_of(thing: object) -> str:
    """Return a text that nothing else in this process ever has; the same for *thing* as long as that can be told."""
    mark = uuid.uuid4().hex
    try:
        return _marks.setdefault(thing, mark)
    except TypeError:  # it can't be looked up, so nothing tells that it is the same
        return mark
