"""FileStore's small print: files that are in the way, holders that died, folders that are not trusted, busy files."""

import contextlib
import errno
import gc
import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from tokenauth.stores import FileStore
from tokenauth.stores.file import _distrusted, _lock, _rename, _trying_to_write

KEY = "ab" * 32
DIES_WITH_A_LEASE = """
import os, sys
from tokenauth.stores import FileStore
os._exit(0 if FileStore(sys.argv[1]).acquire(sys.argv[2], 3600) else 1)
"""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "tokens")


def names(store: FileStore, ending: str) -> list[str]:
    return [path.name for path in store.folder.glob(f"*.{ending}")]


# leases


def test_a_lease_that_can_not_be_written_is_held_by_nobody(store: FileStore) -> None:
    in_the_way = store.folder / f"{KEY}.lease"
    in_the_way.mkdir()
    with pytest.raises(OSError, match="lease"):
        store.acquire(KEY, 3600)
    assert [path.name for path in store.folder.iterdir() if path.suffix != ".lock"] == [in_the_way.name]
    in_the_way.rmdir()
    assert store.acquire(KEY, 3600)


def test_the_lease_of_a_process_that_died_is_given_to_the_next_at_once(store: FileStore) -> None:
    died = subprocess.run([sys.executable, "-c", DIES_WITH_A_LEASE, store.folder, KEY], check=True, timeout=60)
    assert died.returncode == 0
    (left,) = names(store, "alive")
    lease = store.acquire(KEY, 3600)
    assert lease
    assert names(store, "alive") == [f"{KEY}.{lease.fence}.alive"]
    assert lease.fence > int(left.split(".")[1])
    assert store.acquire(KEY, 3600) is None, "this holder lives"


# files


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.parametrize("how", ["released", "garbage"])
def test_what_a_child_inherits_stays_its_parents(store: FileStore, how: str) -> None:
    """Not even its garbage collection gives it back: with some versions of filelock, the lock is both processes'."""
    lease = store.acquire(KEY, 60)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # there are threads
        child = os.fork()
    if not child:
        if how == "released" and lease:
            store.release(KEY, lease)
        del lease
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert FileStore(store.folder).acquire(KEY, 60) is None


def test_an_entry_is_read_until_its_time_is_over(store: FileStore) -> None:
    path = store.folder / f"{KEY}.entry"
    assert store.load(KEY) is None, "it is not there"
    path.write_bytes(b"\r\n\x1a entry")
    os.utime(path, (time.time() + 3600, time.time() + 3600))
    assert store.load(KEY) == b"\r\n\x1a entry"
    os.utime(path, (time.time() - 1, time.time() - 1))
    assert store.load(KEY) is None


def test_of_what_is_no_entry_one_mebibyte_is_read(store: FileStore) -> None:
    path = store.folder / f"{KEY}.entry"
    path.write_bytes(b"x" * (1024 * 1024 + 1))
    os.utime(path, (time.time() + 3600, time.time() + 3600))
    assert store.load(KEY) == b"x" * (1024 * 1024)


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folder")
def test_a_folder_in_the_place_of_an_entry_is_none(store: FileStore) -> None:
    path = store.folder / f"{KEY}.entry"
    path.mkdir()
    os.utime(path, (time.time() + 3600, time.time() + 3600))
    assert store.load(KEY) is None


def is_open(path: Path) -> bool:
    """Whether this process has *path* open."""
    for descriptor in range(1024):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return True
    return False


def test_what_was_read_is_not_kept_open(store: FileStore) -> None:
    path = store.folder / f"{KEY}.entry"
    with path.open("wb") as file:
        file.write(b"entry")
        assert is_open(path)
    for until in (time.time() + 3600, 1):
        os.utime(path, (until, until))
        store.load(KEY)
        assert not is_open(path)


class Busy:
    """A file that can be renamed after some refusals only, as on Windows while another is read."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.renamed: list[Path] = []

    def replace(self, path: Path) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PermissionError("it is being read")
        self.renamed.append(path)


@pytest.mark.parametrize(("refusals", "tries"), [(0, 1), (0, 3), (1, 3), (2, 3)])
def test_a_busy_file_is_replaced_once_a_little_later(refusals: int, tries: int, tmp_path: Path) -> None:
    busy: Any = Busy(refusals)
    _rename(busy, tmp_path, tries)
    assert busy.renamed == [tmp_path]


@pytest.mark.parametrize(("refusals", "tries"), [(1, 1), (3, 3)])
def test_a_file_that_stays_busy_is_not_replaced(refusals: int, tries: int, tmp_path: Path) -> None:
    busy: Any = Busy(refusals)
    with pytest.raises(PermissionError):
        _rename(busy, tmp_path, tries)
    assert (busy.refusals, busy.renamed) == (0, [])


# folders


def folder(mode: int, user: int) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 0, 0, 2, user, user, 0, 0, 0, 0))


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o500])
def test_a_folder_of_the_users_own_is_trusted(mode: int) -> None:
    assert _distrusted(folder(mode, 1000), 1000) is None
    assert _distrusted(folder(mode, 0), 0) is None


@pytest.mark.parametrize("user", [0, 1000])
def test_a_folder_of_another_user_is_not_trusted(user: int) -> None:
    assert "another user" in str(_distrusted(folder(0o700, 1001), user))


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_in_is_not_trusted(mode: int) -> None:
    assert "chmod 700" in str(_distrusted(folder(mode, 1000), 1000))


def test_where_users_have_no_numbers_the_place_of_the_folder_must_do() -> None:
    assert _distrusted(folder(0o777, 0), None) is None


def test_a_full_disk_may_pass_and_what_else_stops_us_does_not() -> None:
    with _trying_to_write():
        raise OSError(errno.ENOSPC, "No space left on device")
    for wrong in (errno.EROFS, errno.EACCES, errno.ENOENT):
        with pytest.raises(ValueError, match=r"can't be written.*another folder") as caught, _trying_to_write():
            raise OSError(wrong, "Something else")
        assert caught.value.__suppress_context__


def test_a_long_lease_whose_holder_lives_is_not_swept(tmp_path: Path) -> None:
    """It may be days old when another process starts."""
    store, key = FileStore(tmp_path / "tokens"), "ab" * 32
    lease = store.acquire(key, 1e6)
    assert lease is not None
    for path in store.folder.glob("*.alive"):
        os.utime(path, (1, 1))
    assert FileStore(store.folder).acquire(key, 1) is None
    store.release(key, lease)
    assert FileStore(store.folder).acquire(key, 1) is not None


@pytest.mark.skipif(os.name == "nt", reason="there are no modes")
@pytest.mark.parametrize("mask", [0, 0o022])
def test_all_folders_that_are_made_are_the_users_own(tmp_path: Path, mask: int) -> None:
    """A daemon's umask may be 0: then everybody could replace the folder, or fill the cache folder of the user."""
    before = os.umask(mask)
    try:
        FileStore(tmp_path / "cache" / "app" / "tokens")
    finally:
        os.umask(before)
    made = [tmp_path / "cache", tmp_path / "cache/app", tmp_path / "cache/app/tokens"]
    assert [stat.S_IMODE(each.stat().st_mode) for each in made] == [0o700] * 3


def test_a_folder_that_does_not_do_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "file" / "tokens"):
        with pytest.raises(ValueError, match="Give FileStore another folder"):
            FileStore(wrong)


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(ValueError, match="folder is empty; is an environment variable"):
        FileStore("")


def test_a_child_leaves_its_parent_the_lock(tmp_path: Path) -> None:
    lock = _lock(tmp_path / "lock")
    lock.acquire()
    lock.process = os.getppid()  # as in a child
    lock.release()
    assert lock.is_locked
    lock.process = os.getpid()
    lock.release()
    assert not lock.is_locked
