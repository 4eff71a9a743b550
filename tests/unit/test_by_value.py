"""What is made once for equal constants: equal means equal and of one kind, and nothing else is remembered."""

from pathlib import Path
from typing import Any

import pytest

from tokenauth._core import by_value as module
from tokenauth._core.by_value import by_value


def made(*arguments: Any) -> list[Any]:
    """Return what each of two calls made of *arguments*, a fresh object each time it is made."""
    return [remembering(*arguments), remembering(*arguments)]


@by_value
def remembering(*arguments: Any) -> list[Any]:
    return [arguments]


@pytest.mark.parametrize("argument", [None, True, 1, 1.5, "a", b"a", ("a", ("b", 2)), ["a"], {"a": ["b"]}])
def test_the_same_constant_is_made_once(argument: Any) -> None:
    one, other = made(argument)
    assert one is other
    assert one == [(argument,)]


def test_equal_constants_of_other_kinds_are_others() -> None:
    kinds = [1, True, 1.0, ("status", 0), ("status", False), ("status", 0.0), ["status", 0], "1", b"1", 0.0, -0.0]
    assert len({id(remembering(each)) for each in kinds}) == len(kinds)


class Text(str):
    """A text that may be more than its value."""

    __slots__ = ()


@pytest.mark.parametrize("argument", [Text("a"), lambda: "a", object(), (1, [len])])
def test_what_is_no_constant_is_made_each_time(argument: Any) -> None:
    one, other = made(argument)
    assert one is not other


def test_a_failure_is_not_remembered() -> None:
    calls = []

    @by_value
    def failing(text: str) -> str:
        calls.append(text)
        raise ValueError(text)

    for _ in range(2):
        with pytest.raises(ValueError, match="a") as caught:
            failing("a")
        assert caught.value.__context__ is None
    assert calls == ["a", "a"]


@pytest.mark.parametrize("argument", [object(), Path("x"), str], ids=["object", "path", "class"])
def test_what_is_made_of_no_constant_fails_as_if_nothing_had_been_looked_up(argument: object) -> None:
    """Else a person reads of an unmarshallable object first."""

    @by_value
    def failing(given: object) -> str:
        raise TypeError(given)

    with pytest.raises(TypeError) as caught:
        failing(argument)
    assert caught.value.__context__ is None


def test_it_does_not_grow_without_end() -> None:
    first = remembering("first")
    for number in range(2 * module._MOST):
        remembering(number)
    assert remembering("first") is not first
