"""The commands, and their examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from tokenauth._version import __version__
from tokenauth.cli import _ending, caches, calls, describe, doctor, sandboxes, tokens
from tokenauth.cli._argv import Command
from tokenauth.cli._auth import HELP

EXAMPLES = """\b
Examples:
  tokenauth sandbox                                  APIs to try it on, with accounts
  tokenauth describe https://api.example.com/login --data user=me --data password=prompt
  tokenauth doctor -p manis-prod --url https://api.example.com/orders
  tokenauth header -p manis-prod | curl -H @- https://api.example.com/orders
  tokenauth request GET https://api.example.com/orders -p manis-prod

\b
Profiles are in one TOML file. Secrets come from the environment, a file, the
keyring, a command or a prompt.

\b
Exit codes: 0 done, 1 a check failed, 2 wrong arguments or configuration,
3 credentials refused, 4 token endpoint failed, 5 no usable token,
6 the API answered with an error, 130 interrupted."""

app = typer.Typer(
    name="tokenauth",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=EXAMPLES,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tokenauth {__version__}")
        raise typer.Exit


@app.callback()
def tokenauth(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Get tokens for HTTP APIs, send requests with them, and find out what is wrong if that fails."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _add(function: Callable[..., Any], *examples: str, auth: bool = True) -> None:
    lines = "\n".join(f"  {each}" for each in examples)
    epilog = f"\b\nExample{'s' if len(examples) > 1 else ''}:\n{lines}"
    if auth:
        epilog = f"{HELP}\n\n{epilog}"
    app.command(function.__name__, cls=Command if auth else None, epilog=epilog)(function)


_add(tokens.token, "tokenauth token -p manis-prod", "TOKEN=$(tokenauth token --class manis)")
_add(
    tokens.header,
    "tokenauth header -p manis-prod | curl -H @- https://api.example.com/orders",
    "tokenauth header https://search.example.com/x -p atrip",
)
_add(tokens.json, "tokenauth json -p manis-prod | jq -r .expires_at")
_add(
    calls.request,
    "tokenauth request GET https://api.example.com/orders -p manis-prod",
    "tokenauth request POST https://api.example.com/orders -p manis-prod -d '{\"id\": 7}'",
)
_add(tokens.portal, "tokenauth portal -p atrip --open")
_add(
    doctor.doctor,
    "tokenauth doctor -p manis-prod --url https://api.example.com/orders",
    "tokenauth doctor --class manis --base-url https://api.example.com",
)
_add(
    describe.describe,
    "tokenauth describe https://api.example.com/login --data user=me --data password=prompt",
    "tokenauth describe https://api.example.com/login --form --data u=me --data p=env:PASSWORD",
    "tokenauth describe https://api.example.com/t --method GET --basic me -H 'X-Key: env:KEY'",
    "tokenauth describe --openapi api.yaml --operation login",
    auth=False,
)
_add(sandboxes.sandbox, "tokenauth sandbox", "tokenauth sandbox --port 0 --quiet", auth=False)
_add(sandboxes.demo, "tokenauth demo", "tokenauth demo --full", auth=False)
app.add_typer(caches.app, name="cache")


def run(argv: Sequence[str]) -> int:
    """Run the command in *argv* and return its exit code."""
    command = typer.main.get_command(app)
    return _ending.ended(lambda: command.main(args=list(argv), prog_name="tokenauth", standalone_mode=False))
