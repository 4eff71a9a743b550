"""References: where to read a secret at each login. Two references to the same place are the same credential.

    {env = "X"}   {file = "/run/secrets/x"}   {keyring = "service/user"}   {command = ["pass", "show", "x"]}

Law: a secret that was read is never shown. An error names the place and the next step.
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenauth._core import errors
from tokenauth._core.errands import RunCommand
from tokenauth._core.secrets import SourceError
from tokenauth._lazy import installed

LONGEST = 64 * 1024
SECONDS = 60.0
"""Maximum time in seconds for a command, which may prompt a person."""


@dataclass(frozen=True)
class FromEnv:
    """The environment variable *name*."""

    name: str

    def __call__(self) -> str:
        value = os.environ.get(self.name)
        if not value:
            raise SourceError(f"the environment variable {self.name} is {'not set' if value is None else 'empty'}")
        return value

    check = __call__


@dataclass(frozen=True)
class FromFile:
    """The text of a file, without the white space at its end."""

    path: str

    def __call__(self) -> str:
        content = b""
        try:
            with open(os.path.expanduser(self.path), "rb") as file:
                content = file.read(LONGEST + 1)
        except OSError as problem:
            why: str | None = problem.strerror or type(problem).__name__
        else:
            why = "it is too long for a secret" if len(content) > LONGEST else None
        if why is not None:
            raise SourceError(f"the file {self.path} can't be read: {why}")
        return _text(content, f"the file {self.path}")

    @property
    def is_pipe(self) -> bool:
        """Whether what is read from it is gone, as with the shell's `<(…)`."""
        try:
            return stat.S_ISFIFO(os.stat(os.path.expanduser(self.path)).st_mode)
        except OSError:
            return False

    def check(self) -> None:
        """Read it once, except a pipe: its writer may come later, and only once."""
        if not self.is_pipe:
            self()


@dataclass(frozen=True)
class FromKeyring:
    """The entry of the system's keyring for "service/user". Needs the extra `keyring`."""

    entry: str

    def __post_init__(self) -> None:
        if not all(self.entry.rpartition("/")):
            raise ValueError('keyring must be "service/user"')

    def __call__(self) -> str:
        service, _, user = self.entry.rpartition("/")
        kind, value = "", None
        try:
            with installed("keyring", "a secret in the keyring"):
                import keyring  # noqa: PLC0415  (an extra)
            value = keyring.get_password(service, user)
        except ImportError as problem:
            kind = str(problem)
        except Exception as problem:  # each backend has its own
            kind = f"the keyring gives nothing ({type(problem).__name__}): is it locked, or is there none here?"
        if value is None:
            missing = f"the keyring has nothing for {self.entry}: keyring set {service} {user}"
            raise SourceError(kind or missing)
        return str(value)

    def check(self) -> None:
        """Do nothing: a keyring may ask a person."""


@dataclass(frozen=True)
class FromCommand:
    """The output of a command, without the white space at its end. It runs without a shell."""

    argv: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.argv or not all(isinstance(each, str) for each in self.argv):
            raise ValueError('command must be a list of texts, such as ["pass", "show", "api"]')

    def __call__(self) -> str:
        from tokenauth._io import commands  # noqa: PLC0415  (few run one)

        what = f"the command {self.argv[0]}"
        try:
            printed = commands.output(RunCommand(self.argv, what, asks=True), SECONDS)
        except errors.TokenAuthError as problem:
            why = str(problem)
        else:
            return _text(printed, f"what {what} printed")
        raise SourceError(why)

    def check(self) -> None:
        """Do nothing: a command may take its time, and may ask a person."""


Reference = FromEnv | FromFile | FromKeyring | FromCommand

KINDS: Mapping[str, Callable[[Any], Reference]] = {
    "env": FromEnv,
    "file": FromFile,
    "keyring": FromKeyring,
    "command": lambda argv: FromCommand(tuple(argv)),
}


def reference(value: object) -> Reference | None:
    """Return what a table such as {"env": "X"} refers to, or None if *value* is no such table."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    (kind, place), *_ = value.items()
    if kind not in KINDS or not isinstance(place, list if kind == "command" else str) or not place:
        return None
    return KINDS[kind](place)


def _text(content: bytes, what: str) -> str:
    try:
        text = content.decode().rstrip()
    except UnicodeDecodeError:
        text, why = "", "is not UTF-8 text"
    else:
        why = "" if text else "is empty"
    if why:
        raise SourceError(f"{what} {why}")
    return text.removeprefix("\ufeff")
