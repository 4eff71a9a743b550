"""Store: what a shared store must do. Four methods, all blocking; any exception means that the store is out of order.

Keys are 64 hex digits. Entries are sealed (`_sealed`): a store sees neither tokens nor user names.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to log in for the whole fleet, for a while.

    Attributes:
        fence: grows with each lease of the same key; an entry saved under a later one is not overwritten.
        handle: the store's own.
    """

    fence: int
    handle: Any = field(default=None, compare=False, repr=False)


@runtime_checkable
class Store(Protocol):
    """A place that processes share, such as `FileStore` and `RedisStore`; write your own with these four methods.

    They are called from many threads, one of ours each, never on an event loop's.
    """

    def load(self, key: str) -> bytes | None:
        """Return the entry at *key*, or None where there is none, or its time is over."""

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:  # pyright: ignore[reportReturnType]  # a protocol
        """Put *entry* at *key* for *seconds*, and return True; where an entry that was saved under a later lease is
        there, or a later lease has been given, do nothing and return False."""

    def acquire(self, key: str, seconds: float) -> Lease | None:
        """Return a lease on *key* that ends by itself after *seconds*, also when its holder dies; None where another
        has it. Must not wait for it."""

    def release(self, key: str, lease: Lease) -> None:
        """End *lease* early, where it is still the current one; else do nothing."""
