"""`cache list`, `cache clear`: the tokens that commands keep for the next one, encrypted, in a `FileStore`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tokenauth.cli import _screen
from tokenauth.cli._argv import Command
from tokenauth.cli._auth import Class, Json, Profile, Quiet, auth_of
from tokenauth.cli._ending import Stop, plainly

Folder = Annotated[str | None, typer.Option("--folder", help="A folder other than the default.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True, epilog="\b\nExample:\n  tokenauth cache list")
def cache(ctx: typer.Context) -> None:
    """List or delete the stored tokens."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog="\b\nExample:\n  tokenauth cache list")
def list_(folder: Folder = None, as_json: Json = False) -> None:
    """List the stored tokens: size and expiry. They are encrypted, and only the secrets of their login open them."""
    store = _store(folder)
    entries = [
        {"entry": each.key[:12], "bytes": each.size, "ends_in": round(each.until - time.time())}
        for each in store.entries()
    ]
    if as_json:
        _screen.out_json(entries)
        return
    _screen.say(f"{_tokens(len(entries))} in {store.folder}", style="dim")
    for each in entries:
        end = f"expires in {_screen.duration(each['ends_in'])}" if each["ends_in"] > 0 else "expired"
        _screen.out(f"{each['entry']}  {each['bytes']:>6} bytes  {end}")


@app.command(cls=Command, epilog="\b\nExample:\n  tokenauth cache clear -p manis-prod")
def clear(
    ctx: typer.Context, profile: Profile = None, name: Class = None, folder: Folder = None, quiet: Quiet = False
) -> None:
    """Delete all stored tokens, or those of one profile. The next command logs in again."""
    key = None
    if profile or name or ctx.obj:
        auth = auth_of(profile, name, ctx.obj)
        shelf = auth._source.fleet.shelf
        if shelf is None:
            raise Stop(f"{type(auth).__name__} stores no tokens", 0)
        key = shelf.key()
    forgotten = _store(folder).clear(key)
    _screen.say(f"{_tokens(forgotten)} deleted", quiet=quiet)


def _store(folder: str | None) -> Any:
    from tokenauth.stores import FileStore

    if folder is not None and not Path(folder).expanduser().is_dir():  # which it would make
        raise Stop(f"there is no folder {folder}")
    return plainly(FileStore, folder)


def _tokens(count: int) -> str:
    return f"{count} {'token' if count == 1 else 'tokens'}"
