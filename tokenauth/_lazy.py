"""Names that a package offers and loads at their first use."""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for *package*, whose names stand in the modules *homes* (relative to it)."""
    names = vars(sys.modules[package])

    def member(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = names[name] = getattr(importlib.import_module(homes[name], package), name)
        return value

    return member, lambda: sorted({*names, *homes})
