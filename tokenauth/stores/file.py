"""FileStore: the processes of one machine, and one user, share tokens through a folder. Needs the extra `file`.

    <folder>/<key>.entry    a sealed token (`_sealed`), written beside and renamed: it is whole or not there
    <folder>/<key>.lock     the lease: an advisory lock, which ends with the process that holds it; its time of change
                            is when the lease ends though the process hangs

Folder 0700, files 0600. What else lies in the folder is left alone.
"""

import contextlib
import os
import re
import secrets
import stat
import time
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from tokenauth.stores._base import Lease

_ENTRY = re.compile(r"[0-9a-f]{64}\.entry(\.[0-9a-f]{16})?")
_OLD = 3600.0


class FileStore:
    """A folder of this user's on a local disk.

    Args:
        folder: created (0700) where it is not there. Default the user's cache folder for "tokenauth", such as
            ~/.cache/tokenauth on Linux.

    Raises:
        ValueError: the folder is no folder, can't be written, belongs to somebody else, or others may write in it.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        chosen = platformdirs.user_cache_path("tokenauth", appauthor=False) if folder is None else Path(folder)
        self.folder = chosen.expanduser().absolute()
        self._prepare()
        self._sweep()

    def load(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            if path.stat().st_mtime <= time.time():  # the time until which the entry counts
                return None
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> None:
        path = self._path(key)
        beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        until = time.time() + seconds
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(entry)
                file.flush()
                os.fsync(file.fileno())
            os.utime(beside, (until, until))
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise

    def acquire(self, key: str, seconds: float) -> Lease | None:
        for suffix in (".lock", ".lock2"):  # the second is for the case that the first one's holder hangs
            path = self._path(key).with_suffix(suffix)
            lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                if time.time() < path.stat().st_mtime:  # the time at which its lease ends
                    return None
            else:
                until = time.time() + seconds
                os.utime(path, (until, until))
                return Lease(fence=0, handle=lock)  # nobody saves after his lease has ended, so no fence is needed
        return None

    def release(self, key: str, lease: Lease) -> None:
        lease.handle.release()

    def __repr__(self) -> str:
        return f"FileStore({str(self.folder)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileStore) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.entry"

    def _prepare(self) -> None:
        """Create the folder where need be; ValueError where it can't be trusted or used."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
        except OSError as problem:
            raise ValueError(f"the folder for tokens can't be made: {problem}") from None
        if not stat.S_ISDIR(status.st_mode):
            raise ValueError(f"the folder for tokens is no folder: {self.folder}")
        if hasattr(os, "getuid"):
            if status.st_uid != os.getuid():
                raise ValueError(f"the folder for tokens belongs to another user: {self.folder}")
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ValueError(f"others may write in the folder for tokens: chmod 700 {self.folder}")
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise ValueError(f"the folder for tokens can't be written: {self.folder}")

    def _sweep(self) -> None:
        """Remove entries of ours whose time has long been over, and what a crash left half written."""
        before = time.time() - _OLD
        for path in self.folder.iterdir():
            if _ENTRY.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()
