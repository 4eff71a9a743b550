"""Stores: share tokens between the processes of one machine or of many. `TokenAuth(..., store=FileStore())`."""

import importlib
from typing import TYPE_CHECKING

from tokenauth._lazy import installed
from tokenauth.stores._base import Lease, Store

if TYPE_CHECKING:
    from tokenauth.stores.file import FileStore
    from tokenauth.stores.redis import RedisStore

__all__ = ["FileStore", "Lease", "RedisStore", "Store"]


_EXTRAS = {"FileStore": "file", "RedisStore": "redis"}


def __getattr__(name: str) -> object:
    if name in _EXTRAS:
        with installed(_EXTRAS[name], name):
            home = importlib.import_module(f"tokenauth.stores.{_EXTRAS[name]}")
        return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
