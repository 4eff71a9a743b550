"""Store: the interface of a shared store. It has four blocking methods; any exception means that the store is down.

Keys are 64 hex digits. Entries are encrypted (`_sealed`): a store sees neither tokens nor user names.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to log in for the whole fleet, for a limited time.

    Attributes:
        fence: grows with each lease on the same key. An entry saved under a later lease is not overwritten.
        handle: for the store's own use.
    """

    fence: int
    handle: Any = field(default=None, compare=False, repr=False)


@runtime_checkable
class Store(Protocol):
    """A store that processes share, such as `FileStore` or `RedisStore`. Write your own with these four methods.

    They are called from many threads at once, but never from the thread of an event loop.
    """

    def load(self, key: str) -> bytes | None:
        """Return the entry at *key*, or None if there is none or it has expired."""

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:  # pyright: ignore[reportReturnType]  # a protocol
        """Save *entry* at *key* for *seconds* and return True. If a later lease on *key* has been granted, or an entry
        was saved under one, do nothing and return False."""

    def acquire(self, key: str, seconds: float) -> Lease | None:
        """Return a lease on *key* that ends by itself after *seconds*, even if its holder dies. Return None at once if
        another process holds it."""

    def release(self, key: str, lease: Lease) -> None:
        """End *lease* early if it is still the current one; else do nothing."""
