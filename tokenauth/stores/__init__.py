"""Stores: where the processes of one machine, or of many, share their tokens. `TokenAuth(..., store=FileStore())`."""

from typing import TYPE_CHECKING

from tokenauth.stores._base import Lease, Store

if TYPE_CHECKING:
    from tokenauth.stores.file import FileStore
    from tokenauth.stores.redis import RedisStore

__all__ = ["FileStore", "Lease", "RedisStore", "Store"]


def __getattr__(name: str) -> object:
    if name == "FileStore":
        from tokenauth.stores.file import FileStore  # noqa: PLC0415  (needs an extra)

        return FileStore
    if name == "RedisStore":
        from tokenauth.stores.redis import RedisStore  # noqa: PLC0415  (needs an extra)

        return RedisStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
