"""Frozen objects: what a frozen dataclass with slots does, seen from outside."""

import copy
import dataclasses
import inspect
import pickle
import pprint
from typing import Any

import pytest

from tokenauth._core.frozen import Frozen, part, replace


class Point(Frozen):
    x: int
    y: int = 2
    secret: str = part(default="s", repr=False)
    extra: dict[str, int] = part(default_factory=dict, hash=False)


class Named(Point):
    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """The same as Point."""

    x: int
    y: int = 2
    secret: str = dataclasses.field(default="s", repr=False)
    extra: dict[str, int] = dataclasses.field(default_factory=dict, hash=False)


def test_it_does_what_a_dataclass_does() -> None:
    one, twin = Point(1, y=3), Twin(1, y=3)
    assert repr(one) == repr(twin).replace("Twin", "Point") == "Point(x=1, y=3, extra={})"
    assert hash(one) == hash(twin)
    assert one == Point(1, 3)
    assert one != Point(1, 4)
    assert one != twin
    assert dataclasses.asdict(one) == dataclasses.asdict(twin)
    assert [dataclasses.is_dataclass(each) for each in (one, Point, Frozen)] == [True] * 3
    assert [each.name for each in dataclasses.fields(Point)] == [each.name for each in dataclasses.fields(Twin)]
    assert Point.__match_args__ == Twin.__match_args__
    match one:
        case Point(x, y):
            assert (x, y) == (1, 3)


def test_it_is_printed_like_one() -> None:
    """pprint, and pytest where an assertion fails, ask for more of what they take for a dataclass."""
    one = Point(1)
    kinds: list[Any] = [one, Point, Twin]
    assert pprint.pformat([one], width=9) == f"[{one!r}]"
    assert [each.__dataclass_params__.frozen for each in kinds] == [True] * 3


def test_no_two_share_what_a_factory_made() -> None:
    assert Point(1).extra is not Point(1).extra


def copied(value: Any, **changes: Any) -> Any:
    """Do as `copy.replace` of Python 3.13."""
    return value.__replace__(**changes)


@pytest.mark.parametrize("changed", [replace, dataclasses.replace, copied])
def test_a_part_is_replaced_in_a_copy(changed: Any) -> None:
    one = Named(1, 2, "other", {"a": 1}, "n")
    assert changed(one, y=5) == Named(1, 5, "other", {"a": 1}, "n")
    assert one.y == 2
    with pytest.raises(TypeError):
        changed(one, z=1)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_equal(again: Any) -> None:
    one = Named(1, extra={"a": 1}, name="n")
    assert again(one) == one
    assert type(again(one)) is Named


def test_nothing_can_be_changed_or_added() -> None:
    one: Any = Point(1)
    for name in ("x", "z"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=rf"Point\.{name} can't be changed"):
            setattr(one, name, 2)
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Point\.x can't be deleted"):
        del one.x
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(
    ("arguments", "named", "text"),
    [
        ((), {"y": 1}, "Point needs x"),
        ((1,), {"x": 1}, "Point is given 'x' twice"),
        ((1,), {"z": 1}, "Point has no argument 'z'"),
        ((1, 2, "", {}, 5), {}, "Point takes 4 arguments at most, not 5"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], named: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=f"^{text}$"):
        Point(*arguments, **named)


def test_editors_and_help_see_the_parts() -> None:
    assert str(inspect.signature(Named)) == "(x, y=2, secret='s', extra={}, name='')"
