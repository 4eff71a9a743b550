"""File: tokens that another program writes to a file: Kubernetes, Vault's agent, a sidecar."""

import os
from collections.abc import Generator, Iterable, Mapping
from typing import Unpack

from tokenauth._core.errands import ReadFile
from tokenauth._core.messages import Reply
from tokenauth._core.options import OtherOptions
from tokenauth._core.places import Place, Text
from tokenauth._core.token import Token
from tokenauth.providers._elsewhere import Elsewhere, Printed


class File(Printed):
    """Tokens that another program writes to a file: `FileAuth("/var/run/secrets/token", origins=[…])`.

    The one provider that does I/O: each request checks if the file changed.
    """

    _does = "has"
    rests = False
    idle: Mapping[str, str] = {**Elsewhere.idle, "store": "the processes share the file"}

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        origins: Iterable[str],
        token: Place = Text(),  # noqa: B008  (it never changes)
        expires: Place | None = None,
        name: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> None:
        """Read the file when a token is needed.

        The file is read at the first request, when it has changed, and when its token is refused. The program that
        renews the token may replace the file, overwrite it, or point a symbolic link to another one.

        Args:
            path: path of the file. "~" is the user's home. A relative path is resolved against the current directory
                now, not later.
            origins: "https://host[:port]" of each API that may receive the token.
            token: place of the token in the file. Default `Text()`, all of it; for JSON a key or a dotted path. See
                `LoginOptions`.
            expires: place of the expiry: Unix seconds, a date (UTC if it has no zone), or a lifetime (a number below
                1e8, or a duration). Default: the `exp` of a JWT, else unknown.
            name: name in errors and logs. Default "The file <path>".
            options: see `Options`.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self._path = _checked_path(path)
        super().__init__(name or f"The file {self._path}", origins, options, token, expires)

    def version(self) -> str | None:
        try:
            return version_of(os.stat(self._path))
        except OSError:
            return None

    def login(self, refresh_token: str | None = None) -> Generator[ReadFile, Reply, Token]:
        reply = yield ReadFile(self._path, self.name)
        return self.read(reply)


def version_of(status: os.stat_result) -> str:
    """Return a text that changes when a file is overwritten, replaced, or relinked."""
    return f"{status.st_dev}.{status.st_ino}.{status.st_size}.{status.st_mtime_ns}"


def _checked_path(path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        hint = "; is an environment variable or a setting missing?" if path is None else ""
        raise TypeError(f"path must be a str or a Path, not {type(path).__name__}{hint}")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError("path must be a str or a Path, not bytes")
    if not text.strip() or not text.isprintable():
        raise ValueError("path is empty, or has a character that no path should have. Is it the token itself?")
    return os.path.abspath(os.path.expanduser(text))
