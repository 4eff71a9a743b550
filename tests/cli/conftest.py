"""The command in this process: `run("token", …)` gives exit code, stdout and stderr."""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tokenauth._core.lines import BROUGHT
from tokenauth._core.memory import PROCESS
from tokenauth.cli import main
from tokenauth.sandbox import ThreadSandbox, credentials, serve_in_thread

SECRET = "a-secret-nobody-may-see"


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


class Terminal(io.StringIO):
    """A terminal on which a person has typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command; whatever it says, it is one that a person can read, and no secret."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(tmp_path / "profiles.toml"))

    def ran(*argv: str) -> Ran:
        capsys.readouterr()
        PROCESS.forget()  # each command is a process of its own
        BROUGHT._alive.clear()
        PROCESS._forgotten_at = -math.inf  # for which a store that others wrote to counts
        code = main(argv)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert SECRET not in out + err
        return Ran(code, out, err)

    return ran


@pytest.fixture(scope="module")
def _server() -> Iterator[ThreadSandbox]:
    with serve_in_thread() as running:
        yield running


@pytest.fixture
def sandbox(_server: ThreadSandbox) -> ThreadSandbox:
    _server.reset()
    return _server


@pytest.fixture
def manis(sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for the sandbox's Manis; its secret is in the environment."""
    monkeypatch.setenv("MANIS_SECRET", credentials.MANIS_SECRET)
    return ["--class", "manis", "--base-url", sandbox.url, "--merchant-id", credentials.MANIS_MERCHANT_ID]
