"""Errands: ways to get a token besides calling its endpoint. A provider's `login` yields one as it does a TokenRequest.

    reply = yield CallFunction(get_token)          reply.result is what it returned
    reply = yield RunCommand(("gcloud", …))        reply.body is what it printed
    reply = yield ReadFile("/run/token")           reply.body is what stands there

Nothing here does anything: `_io.errands` performs them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CallFunction:
    """Call *function*, sync or async, without arguments; with `rejected=` (a Token or None) where it *takes_rejected*.

    *what* names it in errors, such as "The function get_token".
    """

    function: Callable[..., Any] = field(repr=False)
    what: str = "The function"
    takes_rejected: bool = False


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a program without a shell. *env*: variables besides those that this process has."""

    argv: tuple[str, ...] = field(repr=False)
    what: str = "The command"
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Read the file at *path*; the reply's result is its `version`, see `Provider.version`."""

    path: str = field(repr=False)
    what: str = "The file"


Errand = CallFunction | RunCommand | ReadFile
