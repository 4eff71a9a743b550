"""FileStore: one user's processes on one machine share tokens through a folder. Needs the extra `file`.

    <folder>/<key>.entry          an encrypted token (`_sealed`); its modification time is when it expires
    <folder>/<key>.lease          fence of the last lease, and the Unix time at which it ends
    <folder>/<key>.<fence>.alive  locked by the operating system as long as the holder of that lease lives
    <folder>/<hex digit>.lock     locked while one of these changes

A process that dies loses its locks at once; one that hangs loses its lease when the lease ends. Files are written under
another name and renamed, so each is complete or absent. The folder has mode 0700, files 0600. Other files in the folder
are left alone.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import platformdirs
from filelock import FileLock, Timeout

from tokenauth._core.secrets import checked_text, hides_locals
from tokenauth.stores._base import Lease

_OURS = re.compile(r"[0-9a-f]{64}\.(entry|lease|[0-9]+\.alive)(\.[0-9a-f]{16})?")
_OLD = 3600.0
_LOCK_WAIT = 1.0
_LONGEST = 1024 * 1024
_RENAMES = 50 if os.name == "nt" else 1
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # else a pipe would keep us waiting
_OTHER = "Give FileStore another folder, such as a new one in your home or in /var/lib"
_user: Callable[[], int | None] = getattr(os, "geteuid", lambda: None)  # Windows knows no such number


class Entry(NamedTuple):
    """The entry at *key*: its *size* in bytes, and *until* when it is valid, in Unix seconds."""

    key: str
    size: int
    until: float


class FileStore:
    """Shares tokens through a folder on a local disk.

    Args:
        folder: path of the folder; created with mode 0700 if it doesn't exist. Default: the user's cache folder for
            "tokenauth", such as ~/.cache/tokenauth on Linux.

    Raises:
        ValueError: *folder* is empty, no folder, not writable, of another user, or writable for others.
    """

    @hides_locals
    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        if folder is not None:
            checked_text("folder", os.fspath(folder) if isinstance(folder, os.PathLike) else folder)
        if "://" in str(folder):  # not shown: it may hold a password
            raise ValueError("folder is a URL; RedisStore takes that of a Redis, such as redis://localhost:6379/0")
        chosen = platformdirs.user_cache_path("tokenauth", appauthor=False) if folder is None else folder
        path = os.path.expanduser(chosen)
        if str(path).startswith("~"):
            raise ValueError(f"the folder {path} can't be found: there is no such home; is HOME set?")
        self.folder = Path(path).absolute()
        self._prepare()

    def load(self, key: str) -> bytes | None:
        return self._read(self._path(key, "entry"))

    def save(self, key: str, entry: bytes, seconds: float, lease: Lease) -> bool:
        path = self._path(key, "entry")
        with _beside(path, entry, time.time() + seconds, lasting=True) as beside, self._changing(key):
            if lease.fence < self._last_lease(key)[0]:
                return False
            _rename(beside, path)
            return True

    def acquire(self, key: str, seconds: float) -> Lease | None:
        with self._changing(key):
            fence, until = self._last_lease(key)
            if time.time() < until and _is_held(self._path(key, f"{fence}.alive")):
                return None
            with contextlib.suppress(OSError):  # Windows removes no file that a hanging process has open
                self._path(key, f"{fence}.alive").unlink(missing_ok=True)
            fence, until = max(fence + 1, time.time_ns()), time.time() + seconds
            alive = _lock(self._path(key, f"{fence}.alive"))
            alive.acquire()
            path = self._path(key, "lease")
            try:
                with _beside(path, f"{fence} {until}".encode(), until) as beside:
                    _rename(beside, path)
            except BaseException:
                _end(alive)
                raise
            return Lease(fence, alive)

    def release(self, key: str, lease: Lease) -> None:
        if isinstance(lease.handle, _Lock) and lease.handle.process == os.getpid():
            _end(lease.handle)

    def entries(self) -> list[Entry]:
        """Return all entries, in the order in which they expire."""
        found = []
        for name in os.listdir(self.folder):
            key, _, part = name.partition(".")
            if part == "entry" and _OURS.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):  # replaced or cleared meanwhile
                    status = (self.folder / name).stat()
                    found.append(Entry(key, status.st_size, status.st_mtime))
        return sorted(found, key=lambda each: each.until)

    def clear(self, key: str | None = None) -> int:
        """Remove all entries, or the one at *key*, and return how many. Running processes keep their tokens."""
        keys = [each.key for each in self.entries() if key in {None, each.key}]
        for each in keys:
            with self._changing(each):
                self._path(each, "entry").unlink(missing_ok=True)
        return len(keys)

    def __repr__(self) -> str:
        return f"FileStore({str(self.folder)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileStore) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def _path(self, key: str, part: str) -> Path:
        return self.folder / f"{key}.{part}"

    @contextlib.contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Hold the lock under which what belongs to *key* is changed: for milliseconds."""
        if not self.folder.is_dir():  # somebody has cleaned up
            self._prepare()
        with _lock(self.folder / f"{key[0]}.lock").acquire(timeout=_LOCK_WAIT, poll_interval=0.005):
            yield

    def _last_lease(self, key: str) -> tuple[int, float]:
        """Return fence and end (Unix seconds) of the last lease on *key*."""
        try:
            fence, until = (self._read(self._path(key, "lease"), ended=True) or b"").split()
            return int(fence), float(until)
        except ValueError:
            return 0, 0.0

    @staticmethod
    def _read(path: Path, *, ended: bool = False) -> bytes | None:
        """Return what the file holds, 1 MiB at most; None where it is not there, or has *ended* and need not."""
        try:
            opened = os.open(path, _READ)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(opened)
            counts = stat.S_ISREG(status.st_mode) and (ended or time.time() < status.st_mtime)
            return os.read(opened, _LONGEST) if counts else None
        finally:
            os.close(opened)

    def _prepare(self) -> None:
        """Create the folder where need be; ValueError where it can't be trusted or used."""
        try:
            for each in (*reversed(self.folder.parents), self.folder):  # `parents=True` would use the umask alone
                if each == self.folder or not each.exists():
                    each.mkdir(mode=0o700, exist_ok=True)
            status = self.folder.stat()
        except OSError as problem:
            raise ValueError(
                f"the folder {self.folder} for tokens can't be made: {problem.strerror}. {_OTHER}"
            ) from None
        wrong = _distrusted(status, _user())
        if wrong is not None:
            raise ValueError(f"{wrong} {self.folder}. {_OTHER}")
        beside = self._path(f"{0:064x}", f"entry.{secrets.token_hex(8)}")
        with _trying_to_write():
            os.close(os.open(beside, _NEW, 0o600))
            beside.unlink()
            self._sweep()

    def _sweep(self) -> None:
        """Remove what is ours and has long been over, and what a crash left half written."""
        before = time.time() - _OLD
        for name in os.listdir(self.folder):
            if _OURS.fullmatch(name):
                with contextlib.suppress(OSError):
                    if (self.folder / name).stat().st_mtime < before and not _is_held(self.folder / name):
                        (self.folder / name).unlink()


def _is_held(path: Path) -> bool:
    """Whether *path* shows that the holder of a lease, which may be a long one, lives and has not released it."""
    if path.suffix != ".alive" or not path.exists():
        return False
    lock = _lock(path)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _distrusted(folder: os.stat_result, user: int | None) -> str | None:
    """Return why *folder* is no place for the tokens of *user*, or None. On Windows (None) its place must do."""
    if user is None:
        return None
    if folder.st_uid != user:
        return "the folder for tokens belongs to another user:"
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others can write to the folder for tokens: chmod 700"
    return None


@contextlib.contextmanager
def _trying_to_write() -> Iterator[None]:
    """ValueError where it fails, except that the disk is full: that may pass."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in _FULL:
            raise ValueError(
                f"the folder for tokens can't be written: {problem.strerror}: {problem.filename}. {_OTHER}"
            ) from None


class _Lock(FileLock):
    """The lock of one process. A child inherits it, and must not release it for both."""

    process = 0

    def release(self, force: bool = False) -> None:
        if self.process == os.getpid():
            super().release(force)


def _lock(path: Path) -> _Lock:
    lock = _Lock(path, timeout=0, mode=0o600, thread_local=False)  # released by another thread than it was taken by
    lock.process = os.getpid()
    return lock


@contextlib.contextmanager
def _beside(path: Path, content: bytes, until: float, *, lasting: bool = False) -> Iterator[Path]:
    """Write *content* to a file beside *path*, to be renamed, or removed. *lasting*: also if power fails."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, _NEW, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        os.utime(beside, (until, until))
        yield beside
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _end(alive: _Lock) -> None:
    alive.release(force=True)
    with contextlib.suppress(OSError):
        os.unlink(alive.lock_file)


def _rename(beside: Path, path: Path, tries: int = _RENAMES) -> None:
    """Replace *path* with *beside*; Windows refuses that while somebody reads the old one."""
    for _ in range(tries - 1):
        with contextlib.suppress(PermissionError):
            beside.replace(path)
            return
        time.sleep(0.01)
    beside.replace(path)
