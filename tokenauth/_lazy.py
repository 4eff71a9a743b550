"""Lazy loading: public names of a package, and modules, are loaded when first used."""

import contextlib
import importlib
import logging  # noqa: F401  (its lock is to be taken after ours in a fork: what is imported makes loggers)
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from tokenauth._core.forks import over_fork

T = TypeVar("T")


def lazy(
    package: str, homes: Mapping[str, tuple[str, ...]], rest: str = ""
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for *package*.

    *homes*: the names in each module (relative to it); all others in `__all__` are in the module *rest*.
    """
    names = vars(sys.modules[package])
    home_of = {
        **dict.fromkeys(names["__all__"], rest),
        **{each: home for home, those in homes.items() for each in those},
    }

    def member(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = names[name] = getattr(importlib.import_module(home_of[name], package), name)
        return value

    return member, lambda: sorted({*names, *home_of})


@contextlib.contextmanager
def installed(name: str, what: str) -> Iterator[None]:
    """Say how to install the extra *name*, which *what* needs, if an import in the block fails for the lack of it."""
    missing = None
    try:
        yield
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.startswith("tokenauth"):
            raise
        missing = problem.name
    if missing is not None:
        raise ImportError(f"{what} needs {missing}{_INSTALL}{name}]'", name=missing) from None


_INSTALL = ": pip install 'tokenauth-http["


def says_what_to_install(problem: BaseException) -> bool:
    """Whether *problem* is the error of `installed`, whose text holds no secret."""
    return isinstance(problem, ImportError) and _INSTALL in str(problem)


IMPORTING = threading.RLock()
"""Held while a first request imports modules, and over a fork: a child would wait forever for a module that a thread of
its parent was importing."""
over_fork(partial(IMPORTING.acquire, timeout=5.0), IMPORTING.release)  # not for ever: what is imported may be anything


class Later:
    """A module that is imported when something of it is first used. Name it for type checkers under TYPE_CHECKING."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> object:
        with IMPORTING:
            value = getattr(importlib.import_module(self._module), name)
        vars(self)[name] = value
        return value


class ByKind(dict[type, T]):
    """What a function of a class returns, worked out once for each: `functools.cache` costs a request more."""

    def __init__(self, find: Callable[[Any], T]) -> None:
        self._find = find

    def __missing__(self, kind: type) -> T:
        found = self[kind] = self._find(kind)
        return found


class once(Generic[T]):  # noqa: N801  (a decorator, as cached_property is)
    """An attribute that is made when it is first wanted. Of two threads that want it, both get the same object."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        if instance is None:
            raise AttributeError(self._name)
        made: T = vars(instance).setdefault(self._name, self._make(instance))
        return made
