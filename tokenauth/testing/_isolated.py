"""Isolation: nothing that one test leaves is there for the next."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Forget every token, failure and futile renewal of the process, before and after the block.

    That concerns every auth object, with a `cache=` of its own or without, however long it lives. See
    `tokenauth.forget`.
    """
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    memory = sys.modules.get("tokenauth._core.memory")  # who has not used it has nothing to forget
    if memory is not None:
        memory.forget()
