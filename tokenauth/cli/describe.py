"""`describe`: from one login, or from an OpenAPI document, to the `LoginAuth(...)` call to paste."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokenauth.cli import _argv, _screen
from tokenauth.cli._auth import Json, Quiet, ask
from tokenauth.cli._ending import CREDENTIALS, ENDPOINT, TOKEN, USAGE, Stop, plainly

if TYPE_CHECKING:
    from tokenauth._core.places import Answer
    from tokenauth.providers._proposals import Proposal

Pairs = list[str] | None
_LONG = 30 * 86400


def describe(
    url: Annotated[str | None, typer.Argument(help="Of the login.")] = None,
    data: Annotated[Pairs, typer.Option("--data", "-d", help="NAME=VALUE of the body, JSON unless --form.")] = None,
    form: Annotated[bool, typer.Option("--form", help="Send the data as a form.")] = False,
    param: Annotated[Pairs, typer.Option("--param", help="NAME=VALUE of the query.")] = None,
    header: Annotated[Pairs, typer.Option("--header", "-H", help="'Name: value'.")] = None,
    basic: Annotated[str | None, typer.Option("--basic", help="USER or USER:env:NAME, for HTTP Basic.")] = None,
    method: Annotated[str, typer.Option("--method", "-X", help="Of the login.")] = "POST",
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Plain http to other hosts than this one.")] = False,
    openapi: Annotated[str | None, typer.Option("--openapi", help="File: YAML, JSON, or Markdown with either.")] = None,
    operation: Annotated[str | None, typer.Option("--operation", help="operationId, or 'POST /path'.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Log in once, show the response with all values masked, and print the LoginAuth(...) call to paste.

    With --openapi nothing is sent: everything comes from the document.
    """
    if openapi is not None:
        from tokenauth.cli import _openapi

        return _shown(*_openapi.described(openapi, operation, url), as_json=as_json, quiet=quiet)
    if operation is not None:
        raise Stop("--operation names an operation of a document: add --openapi FILE")
    if url is None:
        raise Stop("describe needs the URL of a login, or --openapi FILE")
    given = _arguments(url, data, param, header, basic, form=form, method=method.upper())
    answer, said = _answer({**given, **({"allow_http": True} if allow_http else {})}, quiet=quiet)
    return _told(given, answer, said, as_json=as_json, quiet=quiet)


def _arguments(
    url: str, data: Pairs, param: Pairs, header: Pairs, basic: str | None, *, form: bool, method: str
) -> dict[str, Any]:
    """Return the arguments of `LoginAuth`, a secret as where it comes from."""
    given: dict[str, Any] = {"url": url}
    if method != "POST":
        given["method"] = method
    lines = ["=".join(_argv.header_parts(each)) for each in header or []]
    sent = (("params", "--param", param), ("headers", "--header", lines), ("form" if form else "json", "--data", data))
    given |= {name: dict(_pair(option, each) for each in pairs) for name, option, pairs in sent if pairs}
    if basic is not None:
        user, password = _argv.user("--basic", basic, ask)
        given["basic"] = (user, _typed(user, password))
    return given


def _pair(option: str, text: str) -> tuple[str, Any]:
    name, value = _argv.pair(option, text, ask)
    return name, value if value == text.partition("=")[2] else _typed(name, value)


def _typed(name: str, value: Any) -> Any:
    from tokenauth.cli._written import Typed, variable

    return Typed(variable(name), value) if isinstance(value, str) else value


def _answer(given: Mapping[str, Any], *, quiet: bool) -> tuple[Answer, str]:
    """Return the answer, and what it says that is wrong."""
    from tokenauth import LoginAuth
    from tokenauth._core.places import Answer
    from tokenauth.cli._observed import observed

    auth = plainly(LoginAuth, **given, cache={})
    with _screen.waiting("logging in", quiet=quiet):
        seen = observed(auth)
    if not seen.replies:
        raise Stop(seen.why, USAGE if seen.reached else ENDPOINT)
    reply = seen.replies[-1]
    return Answer(reply.status, reply.headers, reply.body), getattr(seen.failure, "detail", None) or ""


def _told(given: dict[str, Any], answer: Answer, said: str, *, as_json: bool, quiet: bool) -> int:
    from tokenauth.cli._shape import shape
    from tokenauth.cli._written import places
    from tokenauth.providers._proposals import proposed

    lines, found = shape(answer), proposed(answer)
    if not as_json:
        _screen.say("The answer, every value masked:", quiet=quiet, style="bold")
        _screen.say("\n".join(f"  {line}" for line in lines), quiet=quiet)
    if not 200 <= answer.status < 300:
        refused = answer.status in {400, 401, 403, 415, 422}
        what = "the login was refused" if refused else "that does not look like a login"
        what += f": {said!r}" if said else ""
        form = "" if "form" in given else ", or send a form: --form"
        advice = f". Check the names and values that you send{form}" if refused else ""
        raise Stop(f"HTTP {answer.status}: {what}{advice}", CREDENTIALS if refused else ENDPOINT)
    if found.token is None:
        text = "HTTP 200, but nothing in the answer looks like a token. Was the login refused in the body?"
        raise Stop(f'{text} If not, name the place: LoginAuth(…, token="the.key")', TOKEN)
    written = {**given, **places(found)}
    return _shown(written, _notes(answer, found), lines, as_json=as_json, quiet=quiet)


def _shown(written: dict[str, Any], notes: list[str], lines: list[str], *, as_json: bool, quiet: bool) -> int:
    from tokenauth.cli import _written
    from tokenauth.profiles import path

    code, profile = _written.python(written, notes), _written.toml(written)
    if as_json:
        _screen.out_json({"answer": lines, "python": code, "profile": profile, "notes": notes})
        return 0
    _screen.say("\nPaste this:", quiet=quiet, style="bold")
    _screen.out(code)
    _screen.say(f"\nOr, as a profile in {plainly(path)}:", quiet=quiet, style="bold")
    _screen.say(profile, quiet=quiet)
    return 0


def _notes(answer: Answer, found: Proposal) -> list[str]:
    """Return what a person should look at."""
    from tokenauth._core.expiry import jwt_end, lifetime_of
    from tokenauth._core.places import found as stands_at

    notes = ["A guess from names and values: compare it with the API's documentation."]
    content = answer.content
    lifetime = lifetime_of(stands_at(answer, (found.expires_in,))) if found.expires_in else None
    if lifetime is not None and lifetime > _LONG and found.unit is None:
        notes.append(f'{found.expires_in} would be {lifetime / 86400:.0f} days. If it is in milliseconds: unit="ms"')
    if found.expires_in is None and found.expires_at is None:
        value = stands_at(answer, (found.token,))
        ends = isinstance(value, str) and jwt_end(value) is not None
        unknown = "The answer does not say when the token expires. If you know: lifetime=seconds."
        notes.append("The JWT itself says when it expires." if ends else unknown)
    code = _code_of(content)
    if code:
        notes.append(f"If failures come with HTTP 2xx too: success={code}")
    return notes


def _code_of(content: object) -> str:
    """Return a rule for success, where the answer has a code beside the token."""
    for name in ("code", "errcode", "errorCode", "status", "success", "ret", "result"):
        value = content.get(name) if isinstance(content, dict) else None
        if isinstance(value, bool) or (isinstance(value, int | str) and len(str(value)) <= 4 and str(value).isalnum()):
            return f'("{name}", {value!r})'.replace("'", '"')
    return ""
