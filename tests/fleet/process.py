"""A process of a fleet, for tests: `Process(settings)` starts it, `ask` has it do something.

Settings: store ("file:<folder>" or a URL), prefix, url (of the server), grant ("platform",
"password", or "refresh" with a refresh_token), timeout.
"""

import asyncio
import logging
import mmap
import multiprocessing
import os
import struct
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import redis
import requests

from tokenauth import PasswordGrantAuth, PlatformAuth, RefreshTokenAuth, TokenAuthError
from tokenauth.sandbox import credentials
from tokenauth.stores import FileStore, RedisStore, file

THINK = 0.01
"""Seconds between two requests of a worker under load."""


def store_of(settings: dict[str, Any]) -> Any:
    where = settings["store"]
    if where is None:
        return None
    if where.startswith("file:"):
        return FileStore(where.removeprefix("file:"))
    return RedisStore(redis.Redis.from_url(where, socket_timeout=60), prefix=settings.get("prefix", "tokenauth:"))


def auth_of(settings: dict[str, Any]) -> Any:
    """Return an auth object with a patient store: on a busy machine it is slow, and without it each would log in."""
    auth = _auth_of(settings)
    file._LOCK_WAIT = 60.0
    if auth._source.fleet.shelf:
        auth._source.fleet.shelf._call_seconds = auth._source.credential.timeout
    return auth


def _auth_of(settings: dict[str, Any]) -> Any:
    options = {"store": store_of(settings), "timeout": settings.get("timeout", 10.0)}
    url = settings["url"]
    if settings.get("grant", "platform") == "platform":
        password = settings.get("password", credentials.PLATFORM_PASSWORD)
        return PlatformAuth(f"{url}/Token", username=credentials.PLATFORM_USERNAME, password=password, **options)
    if settings["grant"] == "revoking":
        revoking: Any = {"revocation_url": f"{url}/revoke", "client_id": "c"}
        return PasswordGrantAuth(f"{url}/token", username="u", password="p", **revoking, **options)
    if settings["grant"] == "refresh":
        return RefreshTokenAuth(f"{url}/token", refresh_token=settings["refresh_token"], client_id="c", **options)
    return PasswordGrantAuth(f"{url}/token", username="u", password="p", **options)


class Process:
    """A process with an auth of its own. *answer* follows each *tell*; *ask* is both. *method*: of multiprocessing."""

    def __init__(self, settings: dict[str, Any], method: str = "forkserver") -> None:
        context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["tests.fleet.process"])  # the imports are made once
        self.pipe, inside = context.Pipe()
        self.process = context.Process(target=main, args=(settings, inside), daemon=True)
        self.process.start()
        inside.close()
        self.pid: int = self.process.pid

    def tell(self, *command: Any) -> None:
        self.pipe.send(command)

    def answer(self) -> Any:
        assert self.pipe.poll(60), "no answer"
        return self.pipe.recv()

    def ask(self, *command: Any) -> Any:
        self.tell(*command)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def close(self) -> None:
        with suppress(OSError):  # it is dead
            self.tell()
            self.process.join(1.0)  # ended in peace, its coverage counts
        self.kill()
        self.process.close()
        self.pipe.close()


@contextmanager
def processes(count: int, settings: dict[str, Any], method: str = "forkserver") -> Iterator[list[Process]]:
    """Run *count* processes, ready to be told."""
    with ExitStack() as stack:
        fleet = []
        for _ in range(count):
            fleet.append(Process(settings, method))
            stack.callback(fleet[-1].close)
        for process in fleet:
            assert process.answer() == "ready"
        yield fleet


class Progress:
    """When each worker had its last success: a file that all of them map."""

    def __init__(self, path: str, slots: int = 64) -> None:
        with open(path, "a+b") as file:
            if os.fstat(file.fileno()).st_size < 8 * slots:
                file.truncate(8 * slots)
            self.map = mmap.mmap(file.fileno(), 8 * slots)

    def note(self, slot: int) -> None:
        struct.pack_into("d", self.map, 8 * slot, time.monotonic())

    def since(self, moment: float, slots: list[int]) -> bool:
        return all(struct.unpack_from("d", self.map, 8 * slot)[0] > moment for slot in slots)


# inside the process


class Worker:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.auth = auth_of(settings)
        self.stop = threading.Event()
        self.counts: Counter[str] = Counter()

    def get(self, url: str) -> str:
        try:
            return str(requests.get(url, auth=self.auth, timeout=30).status_code)
        except TokenAuthError as error:
            return type(error).__name__

    def token(self) -> str:
        return str(self.auth.get_token().value)

    def close(self) -> None:
        self.auth.close()

    def invalidate(self) -> None:
        self.auth.invalidate()

    def load(self, url: str, client: str, slots: list[int], path: str) -> str:
        """Begin to make requests with each of *slots* threads or tasks; `end` tells what came of them."""
        progress = Progress(path)
        if client == "requests":
            work = [threading.Thread(target=self._requests, args=(url, slot, progress), daemon=True) for slot in slots]
        else:
            work = [threading.Thread(target=asyncio.run, args=(self._httpx(url, slots, progress),), daemon=True)]
        self.work = work
        for thread in work:
            thread.start()
        return "started"

    def end(self) -> dict[str, int]:
        self.stop.set()
        for thread in self.work:
            thread.join(30)
        return self.counts

    def _requests(self, url: str, slot: int, progress: Progress) -> None:
        with requests.Session() as session:
            session.auth = self.auth
            while not self.stop.wait(THINK):
                try:
                    status = session.get(url, timeout=30).status_code
                    self._count(str(status), slot, progress)
                except Exception as problem:
                    self._count(repr(problem)[:200], slot, progress)

    async def _httpx(self, url: str, slots: list[int], progress: Progress) -> None:
        async def one(slot: int) -> None:
            while not self.stop.is_set():
                await asyncio.sleep(THINK)
                try:
                    self._count(str((await client.get(url)).status_code), slot, progress)
                except Exception as problem:
                    self._count(repr(problem)[:200], slot, progress)

        async with httpx.AsyncClient(auth=self.auth, timeout=30) as client:
            await asyncio.gather(*(one(slot) for slot in slots))

    def _count(self, what: str, slot: int, progress: Progress) -> None:
        self.counts[what] += 1
        if what == "200":
            progress.note(slot)


def main(settings: dict[str, Any], pipe: Any) -> None:
    warnings.simplefilter("error")
    logging.basicConfig(format="%(asctime)s process %(process)d: %(message)s")  # of a test that fails pytest shows it
    logging.getLogger("tokenauth").setLevel(logging.INFO)
    worker = Worker(settings)
    pipe.send("ready")
    with suppress(EOFError):  # the test has ended
        while command := pipe.recv():
            name, *arguments = command
            pipe.send(getattr(worker, name)(*arguments))
