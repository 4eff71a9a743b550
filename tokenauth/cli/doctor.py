"""`doctor`: each step from the configuration to the API, with a verdict and the next step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokenauth.cli import _screen
from tokenauth.cli._auth import Class, Json, Profile, Quiet, auth_of
from tokenauth.cli._ending import CHECK, Stop, origin_of

if TYPE_CHECKING:
    from tokenauth.cli._checks import Verdict

_SIGNS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "skip": "-   "}


def doctor(
    ctx: typer.Context,
    profile: Profile = None,
    name: Class = None,
    url: Annotated[str | None, typer.Option("--url", help="An address of the API, to try the token on (GET).")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Check each step from the configuration to the API, and say what to fix. Makes one login."""
    if url is not None:
        origin_of("--url", url)
    try:
        auth = auth_of(profile, name, ctx.obj)
    except Stop as problem:
        from tokenauth.cli._checks import Verdict

        verdicts = iter([Verdict("configuration", "fail", str(problem), "Correct it, and run this again.")])
    else:
        verdicts = _verdicts(auth, f"the profile {profile}" if profile else type(auth).__name__, url, quiet)
    told = list(_told(verdicts, as_json=as_json, quiet=quiet))
    if as_json:
        _screen.out_json([asdict(each) for each in told])
    return CHECK if any(each.verdict == "fail" for each in told) else 0


def _verdicts(auth: Any, label: str, url: str | None, quiet: bool) -> Iterator[Verdict]:
    from tokenauth.cli import _checks
    from tokenauth.cli._observed import observed

    yield _checks.configuration(auth, label)
    yield from _checks.network(auth)
    with _screen.waiting("logging in", quiet=quiet):
        seen = observed(auth)
    yield from _checks.login(auth, seen)
    yield from _checks.token(auth, seen)
    yield from _checks.clock(seen)
    yield from _checks.api(auth, seen, url)
    yield _checks.store(auth)


def _told(verdicts: Iterator[Verdict], *, as_json: bool, quiet: bool) -> Iterator[Verdict]:
    for each in verdicts:
        yield each
        if as_json or (quiet and each.verdict != "fail"):
            continue
        _screen.out((_SIGNS[each.verdict], each.verdict), f"  {each.what:13}  {each.text}")
        if each.next:
            _screen.out(f"{'':6}{'':13}  ", (f"→ {each.next}", "dim"))
