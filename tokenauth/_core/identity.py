"""Identity: a value as a text. Two values have the same text only if they are equal and of the same type.

Law: the text reads like the Python expression that makes the value, so a quoted text can't pass for anything else. It
is the same in every process, even for sets with different hash seeds. A value that can't be compared exactly is
rejected, and never compared by its repr.
"""

import functools
import os
import sys
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, Flag
from functools import cached_property
from typing import Any

from tokenauth._core.secrets import Secret, bare

_LITERALS = frozenset((type(None), bool, int, float, complex, str, bytes))
"""What is told by its literal, and so are tuples and lists of these: Python writes them fast."""
_ROWS = frozenset((tuple, list, dict))


def _dated(value: Any) -> str:
    return f"{value.isoformat()} {getattr(value, 'fold', 0)}"


_PLAIN: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("decimal.Decimal", "fractions.Fraction", "uuid.UUID"), str),
    **dict.fromkeys(("datetime.date", "datetime.time", "datetime.datetime"), _dated),
    **dict.fromkeys(("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath"), str),
    "datetime.timedelta": lambda value: f"{value.days} {value.seconds} {value.microseconds}",
}
"""What is told by its type and this text. An object of a subclass may hold more."""


def _plain_text(kind: type) -> Callable[[Any], str] | None:
    """Return how an object of this very *kind* is told, if it is one of these; they are not imported for it."""
    module, name = str(kind.__module__).partition(".")[0], kind.__qualname__
    known = _PLAIN.get(name if module == "pathlib" else f"{module}.{name}")
    return known if getattr(sys.modules.get(module), name, None) is kind else None


_Place = tuple[Any, ...]
"""Where in the whole something stands, from the inside out: it becomes a text only where it is needed."""


class Identity:
    """A value as *encoded* bytes. *bound*: the places in it that only this process can identify."""

    __slots__ = ("bound", "encoded")

    def __init__(self, encoded: bytes = b"", bound: list[str] | None = None) -> None:
        self.encoded = encoded
        self.bound = [] if bound is None else bound

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
            identity.encoded = identity._written(value, (name,)).encode()
        except RecursionError:
            raise TypeError(f"{name} is nested too deeply, or within itself") from None
        return identity

    def _written(self, value: Any, place: _Place) -> str:
        kind = type(value)
        if kind in _LITERALS:
            return ascii(value)
        if kind in _ROWS:
            return self._mapping(value, place) if kind is dict else self._row(value, place)
        plain_text = _plain_text(kind)
        if plain_text is not None:
            return f"{kind.__name__}({plain_text(value)!a})"
        plain = bare(value.identity if isinstance(value, Secret) else value)
        if plain is not value:  # it was in a box, or of a subclass of str or bytes
            return self._written(plain, place)
        return self._object(value, place) if callable(value) else self._made(value, place)

    def _row(self, value: tuple[Any, ...] | list[Any], place: _Place) -> str:
        if _LITERALS.issuperset(map(type, value)):
            return ascii(value)
        inside = ", ".join(
            [
                ascii(each) if type(each) in _LITERALS else self._written(each, ("[n]", index, place))
                for index, each in enumerate(value)
            ]
        )
        if type(value) is list:
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"

    def _mapping(self, value: Mapping[Any, Any], place: _Place) -> str:
        items = [
            f"{self._written(key, ('a key of ', place))}: {self._written(value[key], ('[]', key, place))}"
            for key in value
        ]
        return f"{{{', '.join(sorted(items))}}}"

    def _made(self, value: Any, place: _Place) -> str:
        """Write *value* as the call of its class with its parts, and with its attributes by name."""
        more = () if isinstance(value, Enum) else sorted(state_of(value).items())
        named = [f"{name!a}={self._written(each, ('.', name, place))}" for name, each in more]
        return f"{self._object(type(value), place)}({', '.join([*self._parts(value, place), *named])})"

    def _parts(self, value: Any, place: _Place) -> Iterator[str]:
        match value:
            case Enum():
                yield self._written(value.value if isinstance(value, Flag) else value.name, place)
            case tuple() | list():
                for index, each in enumerate(value):
                    yield self._written(each, ("[n]", index, place))
            case Mapping():
                yield self._mapping(value, place)
            case frozenset() | set():
                yield from sorted(self._written(each, ("a part of ", place)) for each in value)
            case _ if not hasattr(type(value), "__dataclass_fields__"):  # the state of one is all
                raise TypeError(
                    f"{_spelled(place)} is of the type {type(value).__name__}, which can't be compared exactly. Write "
                    "what distinguishes it from others instead: texts, numbers, bytes, or tuples, dicts and "
                    "dataclasses of these"
                )

    def _object(self, thing: object, place: _Place) -> str:
        """Return the name of a class or callable where every process finds it there, else a mark of this process."""
        found = name_of(thing)
        if found is None:
            self.bound.append(_spelled(place))
            return f"mark({mark_of(thing)!a})"
        return f"name({found!a})"


def _spelled(place: _Place) -> str:
    match place:
        case ("[n]", int(index), tuple(outer)):
            return f"{_spelled(outer)}[{index}]"
        case ("[]", key, tuple(outer)):
            return f"{_spelled(outer)}[{str(key)!r}]" if isinstance(key, str) else f"{_spelled(outer)}[…]"
        case (".", str(name), tuple(outer)):
            return f"{_spelled(outer)}.{name}"
        case (str(words), tuple(outer)):
            return f"{words}{_spelled(outer)}"
    return str(place[0])


def same(one: object, other: object) -> bool:
    """Whether two callables are one and the same. Of an object that says it equals another, that is not known.

    Two dataclasses are where all that is in them is, whatever takes part in their own comparison.
    """
    if one is other or type(one) is not type(other):
        return one is other
    if isinstance(one, types.MethodType) and isinstance(other, types.MethodType):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    if type(one).__module__.startswith("tokenauth."):
        return one == other
    if not hasattr(type(one), "__dataclass_fields__"):
        return False
    try:
        return Identity.of(state_of(one)).encoded == Identity.of(state_of(other)).encoded
    except TypeError:
        return False


_STATELESS = (tuple, list, dict, set, frozenset, types.MappingProxyType)


def state_of(value: object) -> dict[str, Any]:
    """Return the attributes of *value*, also those in slots, but for what it remembers (`cached_property`)."""
    kind: Any = type(value)
    if kind in _STATELESS:
        return {}
    own = [
        name for name in getattr(value, "__dict__", ()) if not isinstance(getattr(kind, name, None), cached_property)
    ]
    return {name: getattr(value, name) for name in declared(kind).union(own) if hasattr(value, name)}


@functools.lru_cache(maxsize=256)
def declared(kind: type) -> frozenset[str]:
    """Return the names of the fields and slots of *kind*."""
    names = {*getattr(kind, "__dataclass_fields__", ())}
    for each in kind.__mro__:
        slots = vars(each).get("__slots__", ())
        names |= {_mangled(name, each) for name in ((slots,) if isinstance(slots, str) else slots)}
    return frozenset(names - {"__dict__", "__weakref__"})


def _mangled(name: str, kind: type) -> str:
    """Return the attribute that the slot *name* of the class *kind* makes: two underscores make it the class's own."""
    owner = kind.__name__.lstrip("_")
    return f"_{owner}{name}" if owner and name.startswith("__") and not name.endswith("__") else name


_marks: dict[int, tuple["weakref.ref[Any]", str]] = {}  # by id, for what says that it equals another may yet differ
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
    """Return a text that nothing else in this process ever has; the same for *thing* as long as that can be told.

    Each access makes a new bound method: it is the same if its object and its function are.
    """
    if isinstance(thing, types.MethodType):
        owner, function = thing.__self__, thing.__func__
        return f"{name_of(owner) or mark_of(owner)} {name_of(function) or mark_of(function)}"
    key, mark = id(thing), os.urandom(16).hex()
    try:
        this = weakref.ref(thing, lambda gone: _forget(key, gone))
    except TypeError:  # nothing tells when it has gone, and another one has its place
        return mark
    found = _marks.setdefault(key, (this, mark))
    if found[0]() is thing:
        return found[1]
    _marks[key] = this, mark
    return mark


def _forget(key: int, gone: "weakref.ref[Any]") -> None:
    """Drop the mark of what had this id, unless another thing has it by now."""
    found = _marks.get(key)
    if found is not None and found[0] is gone:
        _marks.pop(key, None)
