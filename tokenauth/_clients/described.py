"""Lets an auth class take the arguments of a provider, while only the provider has the signature and the docstring."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

MYPY = False  # mypy takes it for true, and any other type checker for what it says

P = ParamSpec("P")
Init = TypeVar("Init", bound=Callable[..., None])

# mypy does not let a method bind another class' self. Editors (pyright) show the text of an argument if the decorated
# function is the provider's own, and lose it over a ParamSpec.
if MYPY:

    def arguments_of(  # pyright: ignore[reportRedeclaration]  # it is for mypy alone
        described: Callable[Concatenate[Any, P], None], /
    ) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]: ...

else:

    def arguments_of(described: Init, /) -> Callable[[Callable[..., None]], Init]:
        """Give the decorated `__init__` the signature and the docstring of *described*, a provider's `__init__`."""
        decorate: Any = functools.wraps(described, assigned=("__doc__", "__annotations__"))
        return decorate
