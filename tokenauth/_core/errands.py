"""Errands: ways to get a token besides calling its endpoint. A provider's `login` yields one as it does a TokenRequest.

    reply = yield CallFunction(get_token)          reply.result is what it returned
    reply = yield RunCommand(("gcloud", …))        reply.body is what it printed
    reply = yield ReadFile("/run/token")           reply.body is what stands there

Nothing here does anything: `_io.errands` performs them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tokenauth._core.frozen import Frozen, part


class CallFunction(Frozen):
    """Call *function*, sync or async, without arguments; with `rejected=` (a Token or None) where it *takes_rejected*.

    *what* names it in errors, such as "The function get_token".
    """

    function: Callable[..., Any] = part(repr=False)
    what: str = "The function"
    takes_rejected: bool = False


class RunCommand(Frozen):
    """Run a program without a shell. *env*: variables besides those that this process has."""

    argv: tuple[str, ...] = part(repr=False)
    what: str = "The command"
    env: Mapping[str, str] = part(default_factory=dict, repr=False)


class ReadFile(Frozen):
    """Read the file at *path*; the reply's result is its `version`, see `Provider.version`."""

    path: str = part(repr=False)
    what: str = "The file"


Errand = CallFunction | RunCommand | ReadFile
