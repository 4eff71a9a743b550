"""Forks: a child must not inherit a lock that a thread of its parent held, nor what that thread was about to change."""

import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any

_REGISTER = getattr(os, "register_at_fork", None)  # not on Windows
_generation = 0


class Birth:
    """Where something was made: in this process, or in one that it was forked from."""

    __slots__ = ("_generation", "_process")

    def __init__(self) -> None:
        self._generation = _generation
        self._process = os.getpid()

    @property
    def is_here(self) -> bool:
        return self._generation == _generation

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was made before a fork, by a process that still runs (a daemon's parent doesn't)."""
        if self.is_here:
            return False
        try:
            os.kill(self._process, 0)
        except OSError as problem:  # any other says that it runs: as another user, for one
            return not isinstance(problem, ProcessLookupError)
        return True


def over_fork(
    acquire: Callable[[], object],
    release: Callable[[], object],
    in_child: Callable[[], object] | None = None,
    register: Any = _REGISTER,
) -> None:
    """Hold a lock over each fork of this process. *in_child* is called there in place of *release*, if given.

    Some servers (uWSGI) call only what is meant for the child; then nothing was acquired, and nothing is released. What
    a thread of the parent held is held in the child for ever, unless *in_child* makes it `free`.
    """
    if register is None:
        return

    def unless_free(function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the lock was not acquired
            function()

    after, child = partial(unless_free, release), partial(unless_free, in_child or release)
    register(before=acquire, after_in_parent=after, after_in_child=child)


def free(lock: Any) -> None:
    """Free *lock* in a child, even if the parent held it, as `threading` does with its own."""
    renew = getattr(lock, "_at_fork_reinit", None)
    if renew is not None:
        renew()
        return
    with contextlib.suppress(RuntimeError):  # it is free, or another kind (of gevent's) and not ours
        lock.release()


def _born() -> None:
    global _generation  # noqa: PLW0603  (one number for the process)
    _generation += 1


over_fork(bool, bool, _born)
