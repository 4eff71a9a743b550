"""Annotations: FastAPI, pydantic and Sphinx evaluate them, so each name in them must be found."""

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import pytest
import requests

import tokenauth
from tokenauth import TokenAuthError

CALLED = ("__init__", "__call__", "__enter__", "__exit__", "__aenter__", "__aexit__")


def modules() -> Iterator[Any]:
    """The public modules of clients that are installed here."""
    yield tokenauth
    for found in pkgutil.walk_packages(tokenauth.__path__, "tokenauth."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            with contextlib.suppress(ImportError):
                yield importlib.import_module(found.name)


def functions(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What users of the class *kind* call, inherited or not."""
    for name in dir(kind):
        each = inspect.getattr_static(kind, name)
        each = getattr(each, "__func__", getattr(each, "fget", getattr(each, "func", each)))
        if inspect.isfunction(each) and (not name.startswith("_") or name in CALLED):
            yield name, each


def public() -> Iterator[tuple[str, Any]]:
    for module in modules():
        for name in getattr(module, "__all__", ()):
            each = getattr(module, name)
            if not isinstance(each, type) and not inspect.isfunction(each):
                continue
            yield f"{module.__name__}.{name}", each
            if isinstance(each, type):
                yield from ((f"{module.__name__}.{name}.{method}", called) for method, called in functions(each))


def evaluated(each: Any) -> None:
    get_type_hints(each)
    if inspect.isfunction(each):
        inspect.signature(each, eval_str=True)


def theirs(each: Any) -> bool:
    """Whether it is an error, and some release of requests names in its own errors what it doesn't import."""
    try:
        get_type_hints(requests.RequestException)
    except NameError:
        return isinstance(each, type) and issubclass(each, TokenAuthError)
    return False


def test_every_public_annotation_can_be_evaluated() -> None:
    lost, seen = {}, 0
    for name, each in public():
        seen += 1
        try:
            evaluated(each)
        except NameError as problem:
            if not theirs(each):
                lost[name] = str(problem)
    assert lost == {}
    assert seen > 1000


@pytest.mark.parametrize("name", ["Options", "AtripAuth", "profile"])
def test_what_is_loaded_late_is_found(name: str) -> None:
    assert get_type_hints(getattr(tokenauth, name))
