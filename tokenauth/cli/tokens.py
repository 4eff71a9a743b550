"""`token`, `header`, `json`, `portal`: what a token is wanted for elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tokenauth.cli import _screen
from tokenauth.cli._auth import Class, Fresh, Json, Profile, Quiet, auth_of
from tokenauth.cli._ending import Stop, origin_of, plainly


def token(
    ctx: typer.Context,
    profile: Profile = None,
    name: Class = None,
    fresh: Fresh = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print a token. Logs in if there is none."""
    auth = auth_of(profile, name, ctx.obj, fresh=fresh)
    with _screen.waiting("logging in", quiet=quiet):
        found = auth.get_token()
    if not as_json:
        _screen.out(found.value)
        return
    end = found.expires_at
    described = {
        "token": found.value,
        "type": found.type,
        "expires_at": None if end is None else datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds"),
        "lifetime": found.lifetime,
        "fingerprint": found.fingerprint,
        "from": auth._provider.name,
    }
    _screen.out_json(described)


def json(
    ctx: typer.Context, profile: Profile = None, name: Class = None, fresh: Fresh = False, quiet: Quiet = False
) -> None:
    """Print a token as JSON, with its type and expiry."""
    token(ctx, profile, name, fresh=fresh, as_json=True, quiet=quiet)


def header(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Argument(help="URL of the request. Default: the login's host.")] = None,
    profile: Profile = None,
    name: Class = None,
    fresh: Fresh = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the headers for a request, for `curl -H @-`."""
    auth = auth_of(profile, name, ctx.obj, fresh=fresh)
    target = url or auth._provider.token_url
    check_home(auth, target)
    with _screen.waiting("logging in", quiet=quiet):
        found = plainly(auth.headers, target)
    if as_json:
        _screen.out_json(found)
    else:
        _screen.out("\n".join(f"{each}: {value}" for each, value in found.items()))


def portal(
    ctx: typer.Context,
    profile: Profile = None,
    name: Class = None,
    opens: Annotated[bool, typer.Option("--open", help="Open the link in a browser, and don't print it.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print a new link to ATRIP's portal. Anyone who has the link is logged in."""
    auth = auth_of(profile, name, ctx.obj, fresh=True)
    if not hasattr(auth, "portal_link"):
        raise Stop(f"{type(auth).__name__} has no portal; AtripAuth has: --class atrip")
    with _screen.waiting("asking for a link", quiet=quiet):
        link = auth.portal_link()
    if opens:
        import webbrowser

        if not webbrowser.open(link.url):
            raise Stop("no browser found. Without --open, the link is printed")
        _screen.say(f"opened {link.origin}", quiet=quiet)
    elif as_json:
        _screen.out_json({"url": link.url, "token": link.token, "origin": link.origin})
    else:
        _screen.out(link.url)


def check_home(auth: Any, url: str) -> None:
    """Stop if *url* may not receive the token."""
    from tokenauth.cli._checks import may_have

    origin = origin_of("that is not the URL of an API", url)
    if "@" in urlsplit(url).netloc:
        raise Stop("remove the user name and the password from the URL: the token replaces them")
    if not may_have(auth, origin):
        raise Stop(f"{origin} may not have this token. If it is one of your API's hosts: --origins {origin}")
