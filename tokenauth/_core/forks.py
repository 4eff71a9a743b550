"""Forks: a child must not inherit a lock that a thread of its parent held, nor what that thread was about to change."""

import os
from collections.abc import Callable
from typing import Any

_REGISTER = getattr(os, "register_at_fork", None)  # not on Windows


def over_fork(
    acquire: Callable[[], object],
    release: Callable[[], object],
    in_child: Callable[[], object] | None = None,
    register: Any = _REGISTER,
) -> None:
    """Hold a lock over each fork of this process. *in_child* is called there in place of *release*, if given."""
    if register is not None:
        register(before=acquire, after_in_parent=release, after_in_child=in_child or release)
