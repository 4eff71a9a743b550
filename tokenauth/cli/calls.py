"""`request`: one request with the token, renewed after a 401."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tokenauth.cli import _argv, _screen
from tokenauth.cli._auth import Class, Fresh, Profile, Quiet, ask, auth_of
from tokenauth.cli._ending import API, ENDPOINT, PRIVATE_CA, Stop
from tokenauth.cli.tokens import check_home

SECONDS = 60.0
"""Maximum time without a byte from the API."""
_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def request(
    ctx: typer.Context,
    method: Annotated[str, typer.Argument(help="GET, POST …")],
    url: Annotated[str, typer.Argument(help="Where to send it.")],
    data: Annotated[str | None, typer.Option("--data", "-d", help="Body; @PATH for a file, @- for stdin.")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", "-H", help="'Name: value'; may be repeated.")] = None,
    include: Annotated[bool, typer.Option("--include", "-i", help="Print status and headers, too.")] = False,
    profile: Profile = None,
    name: Class = None,
    fresh: Fresh = False,
    quiet: Quiet = False,
) -> int:
    """Send a request with the token, and print the answer's body."""
    auth = auth_of(profile, name, ctx.obj, fresh=fresh)
    check_home(auth, url)
    given = [_argv.header(each, ask) for each in header or []]
    headers = {each: value for each, value, is_secret in given if not is_secret or each.lower() == "cookie"}
    secrets = {each: value for each, value, _ in given if each not in headers}
    if secrets:  # which go where the token goes, and to no other host after a redirect
        auth = auth.replace(extra_headers={**auth._options.get("extra_headers", {}), **secrets})
    if not _METHOD.fullmatch(method):
        raise Stop("the first argument is the method, such as GET, and the second the URL")
    body = _body(data)
    if body and body[:1] in {b"{", b"["} and not any(each.lower() == "content-type" for each in headers):
        headers["Content-Type"] = "application/json"
    answer = _sent(auth, method.upper(), url, headers, body, quiet=quiet)
    if include:
        lines = [f"HTTP {answer.status_code} {answer.reason}", *(f"{each}: {v}" for each, v in answer.headers.items())]
        _screen.out("\n".join(lines) + "\n")
    if sys.stdout.isatty():
        _screen.out(answer.content.decode(answer.encoding or "utf-8", "replace").removesuffix("\n"))
    else:
        sys.stdout.buffer.write(answer.content)
        sys.stdout.flush()
    if answer.status_code < 400:
        return 0
    _screen.say(f"tokenauth: {url.partition('?')[0]} answered {answer.status_code} {answer.reason}", quiet=quiet)
    return API


def _sent(auth: Any, method: str, url: str, headers: dict[str, str], body: bytes | None, *, quiet: bool) -> Any:
    import requests

    from tokenauth import TokenAuthError
    from tokenauth._io.transports import reason

    try:
        with _screen.waiting(f"{method} {url.partition('?')[0]}", quiet=quiet), requests.Session() as session:
            return session.request(method, url, headers=headers, data=body, auth=auth, timeout=SECONDS)
    except TokenAuthError:
        raise
    except requests.RequestException as problem:
        text = f"no answer from {url.partition('?')[0]}: {reason(problem)}"
        of_tls = isinstance(problem, requests.exceptions.SSLError)
        step = PRIVATE_CA if of_tls else "Check the address and your network."
    raise Stop(f"{text}. {step}", ENDPOINT)


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    try:
        return sys.stdin.buffer.read() if data == "@-" else Path(data[1:]).read_bytes()
    except OSError as problem:
        text = problem.strerror or type(problem).__name__
    raise Stop(f"{data[1:]} can't be read: {text}")
