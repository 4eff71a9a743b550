"""How a command ends: one sentence with the next step, and an exit code; no traceback, and no secret."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tokenauth.cli import _screen

CHECK, USAGE, CREDENTIALS, ENDPOINT, TOKEN, API, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130
TRACEBACK = "TOKENAUTH_TRACEBACK"
PRIVATE_CA = "If a proxy or your company signs certificates, name its CA in REQUESTS_CA_BUNDLE."


class Stop(Exception):
    """Ends the command with a sentence, or silently if the command has already said everything."""

    def __init__(self, text: str = "", code: int = USAGE) -> None:
        super().__init__(text)
        self.code = code


def plainly(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Return what *function* returns. If it can't, Stop with its words."""
    try:
        return function(*arguments, **named)
    except (ImportError, TypeError, ValueError) as problem:
        text = on_a_command_line(str(problem))
    raise Stop(text)


def origin_of(label: str, url: str) -> Any:
    """Return the origin of *url*. If it has none, Stop and blame *label*."""
    from tokenauth._config.tables import blamed
    from tokenauth._core.origins import Origin

    return plainly(blamed, label, Origin.parse, url)


class _Kept(logging.Handler):
    """Collects the library's warnings, which are shown at the end unless the error says the same."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.texts:
            self.texts.append(text)


def hush(quiet: bool = True) -> bool:
    """Keep the library's warnings back, if *quiet*."""
    for each in logging.getLogger("tokenauth").handlers:
        if quiet and isinstance(each, _Kept):
            each.setLevel(logging.ERROR)
    return quiet


def ended(command: Callable[[], Any]) -> int:
    """Run *command* and return its exit code; say what went wrong."""
    log, kept = logging.getLogger("tokenauth"), _Kept()
    log.addHandler(kept)
    try:
        text, code = "", int(command() or 0)
    except KeyboardInterrupt:
        text, code = "", INTERRUPTED
    except (BrokenPipeError, SystemExit) as problem:  # which is what Typer makes of the first
        if not isinstance(problem, BrokenPipeError) and not isinstance(problem.__context__, BrokenPipeError):
            raise
        _forsake_output()  # its reader has enough
        text, code = "", 0
    except Exception as problem:
        if os.environ.get(TRACEBACK):
            raise
        text, code = _said(problem)
    finally:
        log.removeHandler(kept)
    for warning in kept.texts:
        if not text or (warning not in text and text[:60] not in warning):
            _screen.say(f"tokenauth: warning: {warning}")
    if text:
        _screen.say(f"tokenauth: {text}")
    return code


def _forsake_output() -> None:
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)


def _said(problem: Exception) -> tuple[str, int]:
    """Return the sentence about *problem*, and the exit code."""
    if isinstance(problem, Stop):
        return str(problem), problem.code
    exit_code: int | None = getattr(problem, "exit_code", None)
    if exit_code is not None and hasattr(problem, "format_message"):  # of click, wherever it lives
        return _usage(problem), exit_code
    from tokenauth import errors

    if isinstance(problem, errors.TokenAuthError):
        code, step = next((code, step) for kind, code, step in _steps(errors) if isinstance(problem, kind))
        if step == _DESCRIBE and problem.status is None:  # what a file or a command gave is no answer
            step = ""
        return f"{_sentence(on_a_command_line(str(problem)))} {step}".rstrip(), code
    if isinstance(problem, OSError) and problem.strerror:
        if problem.filename is None:
            _forsake_output()
        return f"{problem.filename or 'the output'} can't be written: {problem.strerror}", CHECK
    if isinstance(problem, ImportError) and "pip install" in str(problem):
        return str(problem), USAGE
    kind = type(problem).__name__
    return f"unexpected: {kind}. {TRACEBACK}=1 shows where; that may show secrets, so look before you share it.", CHECK


_PYTHON = {
    "pass the session or client to use as token_client=": "set HTTPS_PROXY or REQUESTS_CA_BUNDLE",
    "or after auth.invalidate()": "or with --fresh",
    "or allow_http=True if": "or --allow-http if",
    "use the auth object with requests, httpx or aiohttp, or put get_token().value into": "use `tokenauth request`, "
    "or put what `tokenauth token` prints into",
}
"""What an error advises that nobody can do on a command line, and what can be done there."""
_DESCRIBE = "`tokenauth describe` shows the answer."


def on_a_command_line(text: str) -> str:
    """Return the *text* of an error with advice for a command line, not for Python."""
    for there, here in _PYTHON.items():
        text = text.replace(there, here)
    return text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", ".)")) else f"{text}."


def _steps(errors: Any) -> Iterator[tuple[type, int, str]]:
    """Yield each kind of error, the exit code, and the next step where its text has none."""
    yield errors.CredentialsRejected, CREDENTIALS, ""
    yield errors.TokenResponseError, TOKEN, _DESCRIBE
    yield errors.TokenEndpointError, ENDPOINT, "`tokenauth doctor` looks at each step."
    yield errors.TokenAuthError, USAGE, ""


def _usage(problem: Any) -> str:
    text = str(problem.format_message())
    if "unexpected extra argument" in text:  # it quotes them, and one may be a secret
        text = "there are more arguments than this command takes"
    ctx = getattr(problem, "ctx", None)
    text = text.removesuffix(".").replace("?.", "?")
    usage = f" {' '.join(ctx.get_usage().split())}." if ctx and "argument" in text else ""
    usage += " A profile is named by -p NAME." if "more arguments" in text and ctx and "profile" in ctx.params else ""
    return f"{_sentence(text[:1].lower() + text[1:])}{usage} See: {ctx.command_path if ctx else 'tokenauth'} --help"
