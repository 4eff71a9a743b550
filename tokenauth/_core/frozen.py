"""Frozen: an object of named parts that never changes.

    class Point(Frozen):
        x: int
        y: int = part(default=0, repr=False)

It does what a frozen dataclass with slots does, and the functions of `dataclasses` take it for one. But no method is
compiled for each class, which takes up to a millisecond of every program that imports us.
"""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, TypeVar, dataclass_transform

if TYPE_CHECKING:
    import inspect
    from dataclasses import Field

_REQUIRED: Any = object()


class Slotted:
    """Base of classes with slots, so that every protocol of pickle takes them. The first two know no slots."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return super().__reduce_ex__(max(int(protocol), 2))


class Part(NamedTuple):
    """One part of a frozen object: what it is where it is not given, and whether it shows and counts."""

    default: Any = _REQUIRED
    default_factory: Callable[[], Any] | None = None
    repr: bool = True
    hash: bool = True

    def absent(self) -> Any:
        """Return what the part is where it is not given."""
        return self.default if self.default_factory is None else self.default_factory()

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED and self.default_factory is None


def part(**settings: Any) -> Any:
    """Say more of a part than its type, by the settings of `Part`; see `dataclasses.field`."""
    return Part(**settings)


@dataclass_transform(frozen_default=True, field_specifiers=(part,))
class _Kind(type):
    _parts: dict[str, Part]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> "_Kind":
        own = {each: namespace.pop(each, _REQUIRED) for each in namespace.get("__annotations__", {})}
        parts = {name: each for base in bases for name, each in getattr(base, "_parts", {}).items()}
        parts |= {name: given if isinstance(given, Part) else Part(given) for name, given in own.items()}
        namespace |= {"__slots__": tuple(own), "__match_args__": tuple(parts), "_parts": parts}
        return super().__new__(mcs, name, bases, namespace)

    @property
    def __signature__(cls) -> "inspect.Signature":
        from inspect import Parameter, Signature  # noqa: PLC0415  (few ask for it)

        kind = Parameter.POSITIONAL_OR_KEYWORD
        return Signature(
            [
                Parameter(name, kind, default=Parameter.empty if each.required else each.absent())
                for name, each in cls._parts.items()
            ]
        )

    @property
    def __dataclass_fields__(cls) -> "dict[str, Field[Any]]":
        return _fields(cls)

    @property
    def __dataclass_params__(cls) -> Any:
        return _twin(cls).__dataclass_params__


class Frozen(metaclass=_Kind):
    """Base of what never changes."""

    if not TYPE_CHECKING:

        def __init__(self, *arguments: object, **named: object) -> None:
            try:
                parts = type(self)._parts
                given = dict(zip(parts, arguments, strict=False))
                self._check(len(arguments), given, named)
                given |= named
                for name, each in parts.items():
                    object.__setattr__(self, name, given[name] if name in given else each.absent())
                self.__post_init__()
            except Exception as problem:
                from tokenauth._core.secrets import empty_frames  # noqa: PLC0415  (needed for an error only)

                del self, arguments, named, given
                empty_frames(problem)
                raise

        def __setattr__(self, name, value):
            _refuse(f"{type(self).__name__}.{name} can't be changed")

        def __delattr__(self, name):
            _refuse(f"{type(self).__name__}.{name} can't be deleted")

        @property
        def __dataclass_fields__(self):
            return _fields(type(self))

        @property
        def __dataclass_params__(self):  # pprint asks, and so does pytest
            return _twin(type(self)).__dataclass_params__

    def _check(self, count: int, given: Mapping[str, object], named: Mapping[str, object]) -> None:
        """Raise TypeError where the arguments don't fit."""
        name, parts = type(self).__name__, type(self)._parts
        if count > len(parts):
            raise TypeError(f"{name} takes {len(parts)} arguments at most, not {count}")
        for each in named:
            if each not in parts:
                from tokenauth._core.nearest import unknown  # noqa: PLC0415  (needed for an error only)

                raise unknown(name, each, parts)
            if each in given:
                raise TypeError(f"{name} is given {each!r} twice")
        missing = [each for each, one in parts.items() if one.required and each not in given and each not in named]
        if missing:
            raise TypeError(f"{name} needs {', '.join(missing)}")

    def __post_init__(self) -> None:
        """Check the parts; for subclasses."""

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name, each in type(self)._parts.items() if each.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self)._parts)

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, name) for name, each in type(self)._parts.items() if each.hash]))

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (type(self), {name: getattr(self, name) for name in type(self)._parts})

    def __replace__(self: "F", /, **changes: object) -> "F":
        return replace(self, **changes)


F = TypeVar("F", bound=Frozen)


def replace(value: F, /, **changes: object) -> F:
    """Return *value* with some parts changed."""
    kind = type(value)
    return kind(**{**{name: getattr(value, name) for name in kind._parts}, **changes})


def _refuse(text: str) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415  (few ever see it)

    raise FrozenInstanceError(text)


def _made(kind: type[F], parts: dict[str, object]) -> F:
    return kind(**parts)


def _fields(kind: _Kind) -> "dict[str, Field[Any]]":
    from dataclasses import fields  # noqa: PLC0415  (the caller has loaded it)

    return {each.name: each for each in fields(_twin(kind))}


@functools.cache
def _twin(kind: _Kind) -> Any:
    """Return the dataclass that *kind* could be."""
    from dataclasses import MISSING, field, make_dataclass  # noqa: PLC0415  (the caller has loaded it)

    def told(each: Part) -> Any:
        default = MISSING if each.default is _REQUIRED else each.default
        factory: Any = MISSING if each.default_factory is None else each.default_factory
        return field(default=default, default_factory=factory, repr=each.repr, hash=each.hash)

    parts = [(name, Any, told(each)) for name, each in kind._parts.items()]
    return make_dataclass(kind.__name__, parts, frozen=True)
