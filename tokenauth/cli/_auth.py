"""An auth object from a profile, from arguments, or from the environment. It prompts for missing secrets."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any

import typer

from tokenauth.cli import _argv, _screen
from tokenauth.cli._ending import Stop, hush, plainly


def _profiles() -> list[str]:
    """Return the profiles, for shell completion; Typer chooses those that begin with what is typed."""
    from tokenauth.profiles import names

    try:
        return names()
    except (ImportError, ValueError):
        return []


def _classes() -> list[str]:
    from tokenauth.profiles import class_names

    return list(class_names())


Profile = Annotated[
    str | None,
    typer.Option("--profile", "-p", envvar="TOKENAUTH_PROFILE", autocompletion=_profiles, help="Name of a profile."),
]
Class = Annotated[
    str | None,
    typer.Option(
        "--class", envvar="TOKENAUTH_CLASS", autocompletion=_classes, help="An auth class, such as manis; see below."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Log in again, and don't keep the token.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=hush, help="Print errors only.")]

HELP = """\b
Name the API by a profile (-p), or by a class and its arguments:
  --class manis --base-url https://m.example.com --merchant-id m-1
The environment gives what you leave out (MANIS_SECRET, MANIS_SECRET_FILE).
A terminal asks for a missing secret. Write where a secret is, not the secret:
  --secret prompt | env:NAME | file:PATH | keyring:SERVICE/USER | command:CMD"""


def auth_of(profile: str | None, name: str | None, given: _argv.Given, *, fresh: bool = False) -> Any:
    """Return the auth object. If it can't be made, Stop with what to write."""
    return plainly(_made, *plainly(_chosen, profile, name, given), fresh=fresh)


def _made(kind: Any, arguments: dict[str, Any], label: str, *, fresh: bool) -> Any:
    from tokenauth import profiles
    from tokenauth._config.tables import made

    if fresh:
        auth = made(kind, {**arguments, "store": None, "cache": {}}, label)
        if auth._provider.brought is None:
            return auth
    auth = profiles.made_for_a_command(kind, arguments, label)
    if fresh:  # but the next refresh token must be kept
        auth.invalidate()
    return auth


def _chosen(profile: str | None, name: str | None, given: _argv.Given) -> tuple[Any, dict[str, Any], str]:
    """Return class, arguments, and what to call them in an error."""
    from tokenauth import profiles
    from tokenauth._config.env import prefix_of

    if profile and name:
        raise Stop("use either -p or --class: a profile has a class already")
    if not profile and not name:
        raise Stop(_which())
    kind = profiles.auth_class(name) if name else profiles.class_of(str(profile))
    own = _argv.values(kind, given, prefix_of(kind), ask)
    return profiles.described(profile, own) if profile else (kind, _completed(kind, own, given), kind.__name__)


def _completed(kind: Any, own: dict[str, Any], given: _argv.Given) -> dict[str, Any]:
    """Return *own* with what the environment has, and with the secrets that are missing, asked for."""
    from tokenauth._config.env import read, unwritable_of

    found, missing = read(kind, None, own)
    unwritable = unwritable_of(kind, found)
    if unwritable:
        how = f'in a profile, {unwritable} = {{python = "module:name"}}'
        raise Stop(f"{kind.__name__} needs {unwritable}, which can't be written on a command line: write it {how}")
    if missing and not sys.stdin.isatty():
        first = next(iter(missing.values()))
        text = f"{kind.__name__} needs {' and '.join(missing)}: set it in the environment, or write"
        own_one = _argv.option(first.name)
        note = f" ({own_one} is {given.command}'s own)" if given.option(first.name) != own_one else ""
        raise Stop(f"{text} {given.option(first.name)} {'prompt' if first.secret else '…'}{note}")
    for parameter in missing.values():
        label = given.option(parameter.name)
        found[parameter.name] = ask(label) if parameter.secret else _screen.asked(f"{label}: ")
    return found


def ask(label: str) -> str:
    """Return what a person types, without an echo."""
    try:
        value = getpass.getpass(f"{label.rstrip('=:')} (hidden): ", stream=sys.stderr) if sys.stdin.isatty() else ""
    except EOFError:
        value = ""
    if not value:
        raise Stop(f"{label} prompt needs a terminal and an answer: write env:NAME or file:PATH where there is none")
    return value


def _which() -> str:
    names = f" ({', '.join(_profiles())})" if _profiles() else ""
    return f"which API? Name a profile, -p NAME{names}, or a class: --class {' | '.join(_classes())}"
