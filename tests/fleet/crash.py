"""Saves an entry and dies of it: at a given byte, or between write and rename; or meets a full disk."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from tokenauth.stores import FileStore, Lease
from tokenauth.stores import file as module

ROOT = Path(__file__).parents[2]


def run(folder: Path, key: str, fence: int, way: str) -> int:
    """Return the exit status of a process that saves 100 bytes. *way*: a number of bytes, "rename" or "full"."""
    command = [sys.executable, "-m", "tests.fleet.crash", str(folder), key, str(fence), way]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> None:
    folder, key, fence, way = sys.argv[1:]
    store = FileStore(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if way == "rename":
        module._rename = lambda beside, path, tries=1: os.kill(os.getpid(), signal.SIGKILL)
    else:
        size = 10 if way == "full" else int(way)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if way == "full" else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        store.save(key, b"n" * 100, 60, Lease(int(fence)))
    except OSError:
        left = [path for path in store.folder.iterdir() if ".entry." in path.name and path.stat().st_size == 10]
        sys.exit(0 if way == "full" and not left else 3)
    sys.exit(4)


if __name__ == "__main__":
    main()
