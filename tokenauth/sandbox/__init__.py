"""Three token APIs for tests and demos, true to their documents: an ASGI app and ways to run it (extra ``sandbox``).

    from tokenauth.sandbox import serve

    with serve() as sandbox:
        print(sandbox.url, sandbox.state())

`app` lists the paths, `credentials` the accounts, and `_state.Knobs` the faults that you can turn on.
"""

from __future__ import annotations

from tokenauth._lazy import installed

with installed("sandbox", "tokenauth.sandbox"):
    from tokenauth.sandbox._client import Sandbox, ThreadSandbox
    from tokenauth.sandbox._state import Failure, KnobError, Knobs, ProviderState, State
    from tokenauth.sandbox.app import create_app
    from tokenauth.sandbox.server import serve, serve_in_thread

__all__ = [
    "create_app",
    "Failure",
    "KnobError",
    "Knobs",
    "ProviderState",
    "Sandbox",
    "serve",
    "serve_in_thread",
    "State",
    "ThreadSandbox",
]
