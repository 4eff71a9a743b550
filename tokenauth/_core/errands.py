"""Errands: ways to get a token without an HTTP request. A provider's `login` yields them like a TokenRequest.

    reply = yield CallFunction(get_token)          reply.result is its return value
    reply = yield RunCommand(("gcloud", …))        reply.body is its output
    reply = yield ReadFile("/run/token")           reply.body is the content

Nothing here has a side effect: `_io.errands` performs them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tokenauth._core.frozen import Frozen, part


class CallFunction(Frozen):
    """Call *function*, sync or async, without arguments, or with `rejected=` (a Token or None) if it *takes_rejected*.

    *what* names it in errors, such as "The function get_token".
    """

    function: Callable[..., Any] = part(repr=False)
    what: str = "The function"
    takes_rejected: bool = False


class RunCommand(Frozen):
    """Run a program without a shell. *env*: environment variables in addition to this process's own.

    *asks*: it may ask a person, so it has this process's terminal, input and stderr.
    """

    argv: tuple[str, ...] = part(repr=False)
    what: str = "The command"
    env: Mapping[str, str] = part(default_factory=dict, repr=False)
    asks: bool = False


class ReadFile(Frozen):
    """Read the file at *path*. The reply's result is the file's version, see `Provider.version`."""

    path: str = part(repr=False)
    what: str = "The file"


Errand = CallFunction | RunCommand | ReadFile
