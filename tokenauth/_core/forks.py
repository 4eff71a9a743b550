"""Forks: a child must not inherit a lock that a thread of its parent held, nor what that thread was about to change."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

_REGISTER = getattr(os, "register_at_fork", None)  # not on Windows
_generation = 0


def generation() -> int:
    """Return how many forks lie between this process and the one that imported the package."""
    return _generation


def over_fork(
    acquire: Callable[[], object],
    release: Callable[[], object],
    in_child: Callable[[], object] | None = None,
    register: Any = _REGISTER,
) -> None:
    """Hold a lock over each fork of this process. *in_child* is called there in place of *release*, if given.

    Some servers (uWSGI) call only what is meant for the child; then nothing was acquired, and nothing is released.
    """
    if register is not None:
        child = in_child or release

        def after_in_child() -> None:
            with contextlib.suppress(RuntimeError):  # the lock was not acquired
                child()

        register(before=acquire, after_in_parent=release, after_in_child=after_in_child)


def _born() -> None:
    global _generation  # noqa: PLW0603  (one number for the process)
    _generation += 1


if _REGISTER is not None:
    _REGISTER(after_in_child=_born)
