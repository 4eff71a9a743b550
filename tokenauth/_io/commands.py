"""Running a command for what it prints: without a shell, and without a terminal unless it may ask a person.

Law: whatever it does, it is over in time, with all that it has started, and leaves no zombie. What it printed goes
into no error; of what it wrote on stderr, a line without the secrets does.
"""

import atexit
import contextlib
import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tokenauth._core import errors
from tokenauth._core.effects import LONGER
from tokenauth._core.errands import RunCommand
from tokenauth._core.forks import over_fork
from tokenauth._io.answer_body import LIMIT
from tokenauth.providers._masking import shown

_LONGEST_STDERR = 64 * 1024
_LOOK = 0.05
"""Seconds between two looks at whether a command has ended, whose children hold its output open."""
_PIECE = 64 * 1024
_TRACEBACK = "Traceback (most recent call last)"
_WINDOWS = os.name == "nt"

_running: "set[subprocess.Popen[bytes]]" = set()


def output(errand: RunCommand, seconds: float) -> bytes:
    """Return what the command printed, 1 MiB at most."""
    end = time.monotonic() + seconds
    process = _started(errand)
    _running.add(process)
    try:
        printed, complaints = (_read_by_threads if _WINDOWS else _read)(process, end)
        left = end - time.monotonic()
        status = _ended(process, left) if left > 0 and len(printed) <= LIMIT else process.returncode
    finally:
        _kill(process)
        _running.discard(process)
    problem = ""
    if len(printed) > LIMIT:
        problem = "printed more than 1 MiB, and was ended"
    elif status is None:
        problem = f"did not end in {seconds:.3g} s, and was ended. Does it wait for an answer? {LONGER}"
    elif status != 0:
        problem = f"failed with {_status(status)}{'' if errand.asks else _said(complaints, printed, errand)}"
    if problem:
        kind = errors.TokenResponseError if len(printed) > LIMIT else errors.TokenEndpointError
        raise kind(f"{errand.what} {problem}")
    return bytes(printed)


def _started(errand: RunCommand) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    settings: Any = {"creationflags": 0x200} if _WINDOWS else {"start_new_session": True}  # a group that can be ended
    settings |= {"stdin": subprocess.DEVNULL, "stderr": pipe}
    if errand.asks:  # a session of its own would have no terminal
        settings = {}
    environment = {**os.environ, **errand.env} if errand.env else None
    try:
        return subprocess.Popen[bytes](errand.argv, stdout=pipe, env=environment, **settings)
    except FileNotFoundError:
        problem = "was not found. Is it installed, and on the PATH of this process?"
    except OSError as error:
        problem = f"can't be started: {error.strerror or type(error).__name__}"
    except (ValueError, UnicodeError) as error:
        problem = f"can't be started: {type(error).__name__}"
    raise errors.TokenEndpointError(f"{errand.what} {problem}")


def _read(process: "subprocess.Popen[bytes]", end: float) -> tuple[bytearray, bytearray]:
    """Return what both pipes hold when they close, when the process ends, when it is too much, or at *end*. Where this
    process slept beyond *end*, what has ended meanwhile was in time."""
    import selectors  # noqa: PLC0415  (few run a command)

    found = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe is not None}
    with selectors.DefaultSelector() as selector:
        for pipe in found:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ)
        ended = late = False
        while selector.get_map() and not late:
            left = end - time.monotonic()
            late = left <= 0
            if late and process.poll() is None:
                break
            ended = ended or late
            ready = selector.select(0 if ended else min(left, _LOOK))
            if ended and not ready:  # a child of its own has the pipes still, and says nothing of ours
                break
            ended = ended or (not ready and process.poll() is not None)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                _add(found[key.fileobj], piece, LIMIT if key.fileobj is process.stdout else _LONGEST_STDERR)  # type: ignore[index]
            if process.stdout is not None and len(found[process.stdout]) > LIMIT:
                break
    printed, *complaints = found.values()
    return printed, complaints[0] if complaints else bytearray()


def _read_by_threads(process: "subprocess.Popen[bytes]", end: float) -> tuple[bytearray, bytearray]:  # Windows only
    """Do the same on Windows, where pipes can't be waited for."""
    printed, complaints = bytearray(), bytearray()

    def read(pipe: "object", into: bytearray, most: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := pipe.read1(_PIECE):  # type: ignore[attr-defined]  # a pipe
                _add(into, piece, most)
                if into is printed and len(into) > LIMIT:
                    process.kill()
                    return

    pipes = (process.stdout, printed, LIMIT), (process.stderr, complaints, _LONGEST_STDERR)
    threads = [threading.Thread(target=read, args=each, daemon=True) for each in pipes if each[0] is not None]
    for thread in threads:
        thread.start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(end - time.monotonic(), 0.0))
    for thread in threads:
        thread.join(_LOOK if process.poll() is None else max(min(end - time.monotonic(), 1.0), _LOOK))
    return printed, complaints


def _add(pieces: bytearray, piece: bytes, most: int) -> None:
    """Add *piece*, up to *most* and one byte in all."""
    pieces += piece[: max(most + 1 - len(pieces), 0)]


def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    """Return the exit status, or None where the process goes on after *seconds*."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(seconds)
    return None


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it has started where it goes on; collect it, and close its pipes."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            if _WINDOWS or os.getpgid(process.pid) != process.pid:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)  # its session's leader, so that the group has its number
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-status).name}"
    return f"signal {-status}"


def _said(complaints: bytearray, printed: bytearray, errand: RunCommand) -> str:
    """Return what the command wrote on stderr, fit to be shown; of a traceback of Python its last line."""
    text = complaints.decode(errors="replace").strip()
    if _TRACEBACK in text:
        text = text.rpartition("\n")[2]
    given = (*_values(errand.argv), *errand.env.values())
    words = {*given, *itertools.chain(*map(_parts, given)), *printed[:_PIECE].decode(errors="replace").split()}
    line = shown(text, [*errand.env.values(), *(each for each in words if len(each) >= _SHORTEST)])
    return f": {line}" if line else ". It wrote nothing on stderr"


_SHORTEST = 4
"""Characters of a word that may be a secret: a shorter one would hide all of the text."""
_SUBCOMMAND = re.compile(r"[a-z]+(?:-[a-z]+)*")
_BETWEEN = re.compile(r"[\s'\"`;|&()<>]+")
_VALUE = re.compile(r"(?<=[=:@])[^=:@]++(?!=)")


def _values(argv: Sequence[str]) -> Iterator[str]:
    """Yield the arguments that may be secrets: all but the subcommands at the beginning, and names of options."""
    for each in itertools.dropwhile(_SUBCOMMAND.fullmatch, argv[1:]):
        name, equals, value = each.partition("=")
        if not name.startswith("--"):
            yield each
        elif equals:
            yield value


def _parts(given: str) -> Iterator[str]:
    """Yield the parts of an argument that may be secrets: of `user:secret`, `-psecret`, a URL, a script for a shell."""
    for word in _BETWEEN.split(given):
        yield from _VALUE.findall(word)
        value = word[2:] if re.match("-[A-Za-z]", word) else word
        if not value.isalpha():  # a script has many such words, which tell what is wrong
            yield value


def _end_all() -> None:
    """End what runs still when the program ends: nobody waits for it."""
    for process in list(_running):
        with contextlib.suppress(Exception):
            _kill(process)


atexit.register(_end_all)
over_fork(bool, bool, _running.clear)  # they are the parent's
