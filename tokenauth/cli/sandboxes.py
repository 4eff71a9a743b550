"""`sandbox`, `demo`: token APIs to try things on."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from tokenauth.cli import _screen
from tokenauth.cli._auth import Json, Quiet
from tokenauth.cli._ending import Stop, hush


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 8765,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run token APIs on this machine, with accounts to try. Shows each request; stop it with Ctrl-C."""
    _needed("starlette", "uvicorn")
    from tokenauth.sandbox import front
    from tokenauth.sandbox.server import run

    def ready(url: str) -> None:
        if as_json:
            _screen.out_json(front.as_json(url))
        elif quiet:
            _screen.out(url)
        else:
            _screen.out(front.as_text(url))

    try:
        run(port, ready=ready, seen=None if quiet or as_json else _show)
    except BrokenPipeError:
        raise
    except OSError as problem:
        text = problem.strerror or type(problem).__name__
    else:
        return
    raise Stop(f"port {port} is not available ({text}): use another one, or --port 0 for any free one")


def _show(method: str, path: str, status: int, seconds: float) -> None:
    style = "ok" if status < 300 else "warn" if status < 400 or status == 401 else "fail"
    code = str(status) if status else "cut"
    _screen.out((code, style), f"  {method:6} {path}  ", (f"{seconds * 1000:.0f} ms", "dim"))


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer clients, crowds of eight.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Then each API on each client, crowds of 500.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the story goes to stderr.")] = False,
) -> int:
    """Watch 64 callers lose their token at once: with hand-written auth, and with tokenauth."""
    _needed("rich", "starlette", "uvicorn")
    hush()  # failures are part of the story
    from tokenauth.sandbox.demo import run

    return run(quick=quick, full=full, json=as_json)


def _needed(*names: str) -> None:
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise Stop(f"{' and '.join(missing)} missing: pip install 'tokenauth-http[cli]'")
