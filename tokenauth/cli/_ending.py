"""How a command ends: one sentence with the next step, and an exit code; no traceback, and no secret."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

CHECK, USAGE, CREDENTIALS, ENDPOINT, TOKEN, API, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130
TRACEBACK = "TOKENAUTH_TRACEBACK"


class Stop(Exception):
    """Ends the command with a sentence, or silently if the command has already said everything."""

    def __init__(self, text: str = "", code: int = USAGE) -> None:
        super().__init__(text)
        self.code = code


class _Kept(logging.Handler):
    """Collects the library's warnings, which are shown at the end unless the error says the same."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.texts:
            self.texts.append(text)


def ended(command: Callable[[], Any]) -> int:
    """Run *command* and return its exit code; say what went wrong."""
    log, kept = logging.getLogger("tokenauth"), _Kept()
    log.addHandler(kept)
    try:
        text, code = "", int(command() or 0)
    except KeyboardInterrupt:
        text, code = "", INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
        text, code = "", 0
    except Exception as problem:
        if os.environ.get(TRACEBACK):
            raise
        text, code = _said(problem)
    finally:
        log.removeHandler(kept)
    for warning in kept.texts:
        if warning not in text and text[:60] not in warning:
            _say(f"warning: {warning}")
    if text:
        _say(text)
    return code


def _say(text: str) -> None:
    sys.stderr.write(f"tokenauth: {text}\n")


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
        return f"{str(problem).rstrip('.')}. {step}".rstrip(), code
    if isinstance(problem, ImportError) and "pip install" in str(problem):
        return str(problem), USAGE
    kind = type(problem).__name__
    return f"unexpected: {kind}. {TRACEBACK}=1 shows where; that may show secrets, so look before you share it.", CHECK


def _steps(errors: Any) -> Iterator[tuple[type, int, str]]:
    """Yield each kind of error, the exit code, and the next step where its text has none."""
    yield errors.CredentialsRejected, CREDENTIALS, "For a minute this answer counts; --fresh asks again."
    yield errors.TokenResponseError, TOKEN, "`tokenauth describe` shows the answer."
    yield errors.TokenEndpointError, ENDPOINT, "`tokenauth doctor` looks at each step."
    yield errors.TokenAuthError, USAGE, ""


def _usage(problem: Any) -> str:
    text = str(problem.format_message()).rstrip(".")
    if "unexpected extra argument" in text:  # it quotes them, and one may be a secret
        text = "there are more arguments than this command takes"
    path = problem.ctx.command_path if getattr(problem, "ctx", None) else "tokenauth"
    return f"{text[:1].lower()}{text[1:]}. See: {path} --help"
