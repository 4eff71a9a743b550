"""Command: tokens printed by a command such as gcloud, az, vault or op."""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Unpack

from tokenauth._core.errands import RunCommand
from tokenauth._core.messages import Reply
from tokenauth._core.options import OtherOptions
from tokenauth._core.places import Place, Text
from tokenauth._core.secrets import Secret, SecretLike
from tokenauth._core.token import Token
from tokenauth.providers._elsewhere import Printed

_LIST = 'a list of texts, such as ["gcloud", "auth", "print-access-token"]'


class Command(Printed):
    """Tokens printed by a command: `CommandAuth(["gcloud", "auth", "print-access-token"], origins=[…])`."""

    _does = "printed"

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        origins: Iterable[str],
        token: Place = Text(),  # noqa: B008  (it never changes)
        expires: Place | None = None,
        env: Mapping[str, SecretLike] | None = None,
        name: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> None:
        """Run the command when a token is needed.

        The command runs when a token is needed, without a shell and without input. At the `timeout` it is killed,
        together with its child processes.

        Args:
            argv: the program and its arguments. Other users of the machine can see them, so pass secrets by `env`.
            origins: "https://host[:port]" of each API that may receive the token.
            token: place of the token in the output. Default `Text()`, all of it; for JSON a key or a dotted path. See
                `LoginOptions`.
            expires: place of the expiry: Unix seconds, a date (UTC if it has no zone), or a lifetime (a number below
                1e8, or a duration). Default: the `exp` of a JWT, else unknown.
            env: extra environment variables for the command; a callable is read at each run.
            name: name in errors and logs. Default "The command <program>".
            options: see `Options`.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self._argv = _checked_argv(argv)
        if env is not None and not isinstance(env, Mapping):
            raise TypeError(f"env must be a mapping, not {type(env).__name__}")
        self._env = tuple(map(_checked_name, env or {}))
        self.secrets = tuple(Secret(f"env[{key!r}]", value, raw=True) for key, value in (env or {}).items())
        program = os.path.basename(self._argv[0]) or self._argv[0]
        super().__init__(name or f"The command {program}", origins, options, token, expires)

    def login(self, refresh_token: str | None = None) -> Generator[RunCommand, Reply, Token]:
        env = dict(zip(self._env, (each.reveal() for each in self.secrets), strict=True))
        reply = yield RunCommand(self._argv, self.name, env)
        return self.read(reply)


def _checked_argv(argv: object) -> tuple[str, ...]:
    if isinstance(argv, str | bytes | os.PathLike):
        raise TypeError(f"argv must be {_LIST}, not one text: no shell reads it. use shlex.split(…)")
    if not isinstance(argv, Sequence):
        raise TypeError(f"argv must be {_LIST}, not {type(argv).__name__}")
    words = tuple(os.fspath(each) if isinstance(each, os.PathLike) else each for each in argv)
    if not words:
        raise ValueError(f"argv is empty: it must be {_LIST}")
    for index, each in enumerate(words):
        if not isinstance(each, str):
            hint = "; is an environment variable or a setting missing?" if each is None else ""
            raise TypeError(f"argv[{index}] must be a str, not {type(each).__name__}{hint}")
        if "\0" in each or any("\ud800" <= character <= "\udbff" for character in each):
            raise ValueError(f"argv[{index}] has a character that no argument can have")
    if not words[0].strip():
        raise ValueError("argv[0], the program, is empty")
    return words


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        raise ValueError("a name in env is not a name for an environment variable")
    return name
