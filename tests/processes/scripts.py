"""Scripts in processes of their own, without the seconds that it takes to import every client.

`Scripts.run(code, *argv)` is `python -X dev -W error -c code argv…`, but for its start: one interpreter has made the
imports, and forks for each script. The child runs it in its main thread and ends as an interpreter does, so that exit,
signals, threads and garbage are those of any process.
"""

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
COMMAND = "from tests.processes import scripts; exec(scripts.PRELUDE); scripts.fork_for_each_line(globals())"
PRELUDE = """
import asyncio, gc, logging, os, signal, sys, threading, time
logging.getLogger("asyncio").setLevel(logging.ERROR)  # slow callbacks are no matter here
from tests.processes.children import *
from tests.support import background, until, waiting
from tests.clients import SECONDS
from tokenauth._core.effects import Call, Exchange
from tokenauth._core.flights import Flight
from tokenauth._core.flow import obtain
import requests, trio
"""


class Scripts:
    def __init__(self, parent: subprocess.Popen[str], folder: Path) -> None:
        self._parent = parent
        self._folder = folder

    def run(self, code: str, *argv: str, seconds: float) -> tuple[int, str, str]:
        """Run *code*; return the exit code, and what it wrote to stdout and stderr. After *seconds* it is killed."""
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps([code, argv, str(self._folder), seconds]) + "\n")
        self._parent.stdin.flush()
        assert self._parent.stdout is not None
        ended = int(self._parent.stdout.readline())
        return ended, (self._folder / "stdout").read_text(), (self._folder / "stderr").read_text()


@contextlib.contextmanager
def scripts() -> Iterator[Scripts]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", COMMAND]
    environment = {**os.environ, "PYTHONMALLOC": "default"}  # to look for C that writes where it must not takes long
    pipe = subprocess.PIPE
    with (
        TemporaryDirectory(prefix="ta-") as folder,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment) as parent,
    ):
        yield Scripts(parent, Path(folder))


# inside


def fork_for_each_line(names: dict[str, object]) -> None:
    """Read scripts from stdin, run each in a child, print how it ended; to the end of stdin."""
    gc.freeze()  # what has been imported is no child's garbage, and to look through it takes longer than most scripts
    while line := sys.stdin.readline():
        code, argv, folder, seconds = json.loads(line)
        child = os.fork()
        if not child:
            _become(folder)
            sys.argv[1:] = argv
            exec(code, names)
            sys.exit()
        print(_wait(child, seconds), flush=True)


def _become(folder: str) -> None:
    """Let this child read nothing, and write to files in *folder*."""
    ways = {0: (os.devnull, os.O_RDONLY)}
    ways |= {
        number: (f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, name in ((1, "stdout"), (2, "stderr"))
    }
    for number, (path, flags) in ways.items():
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)


def _wait(child: int, seconds: float) -> int:
    def late(signum: int, frame: object) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
