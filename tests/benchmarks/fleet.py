"""How load grows with the fleet: `python -m tests.benchmarks.fleet 10 100 1000`.

Workers are tasks, each with a memory cache, flights and cool-downs of its own, as if it were a process; they share one
Valkey. All need the new token in the same moment. Printed per renewal: logins, scripts of Redis, time to the last.
"""

import asyncio
import sys
import threading
import time
from dataclasses import dataclass

import redis

from tests.servers import Received, Reply
from tests.stores import redis_server, worker
from tests.support import TokenServer, token_server
from tokenauth import Token, TokenAuth
from tokenauth.stores import RedisStore

LATENCY = 0.05
"""Seconds that a login takes."""


@dataclass(frozen=True)
class Renewal:
    """What one renewal of the whole fleet cost."""

    workers: int
    logins: int
    scripts: int
    seconds: float
    threads: int


def simulate(workers: int, renewals: int, url: str, *, timeout: float = 60.0) -> list[Renewal]:
    """Return what each of *renewals* cost, the cold start first."""
    with token_server() as server, redis.Redis.from_url(url) as client:

        def answer(request: Received) -> Reply | None:
            if request.path == "/token":
                time.sleep(LATENCY)
            return None

        server.answer = answer
        client.flushall()
        auths = [worker(server, RedisStore(url), timeout=timeout) for _ in range(workers)]
        return asyncio.run(_renew(auths, renewals, server, client))


async def _renew(auths: list[TokenAuth], renewals: int, server: TokenServer, client: redis.Redis) -> list[Renewal]:
    costs: list[Renewal] = []
    old: Token | None = None
    for _ in range(renewals):
        logins = server.logins
        client.config_resetstat()
        began = time.monotonic()
        most = _Most()
        with most:
            tokens = await asyncio.gather(*(auth._aobtain(old) for auth in auths))
        seconds = time.monotonic() - began
        assert len({token.value for token in tokens}) == 1
        old = tokens[0]
        costs.append(Renewal(len(auths), server.logins - logins, _scripts(client), seconds, most.threads))
    return costs


class _Most:
    """How many threads there were at most."""

    def __init__(self) -> None:
        self.threads = 0

    def __enter__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.threads = max(self.threads, threading.active_count())


def _scripts(client: redis.Redis) -> int:
    statistics = client.info("commandstats")
    assert isinstance(statistics, dict)
    return int(statistics["cmdstat_eval"]["calls"])


def main(counts: list[int]) -> None:
    with redis_server() as url:
        print("| workers | renewal | logins | scripts of Redis | s to the last | threads |")
        print("| --- | --- | --- | --- | --- | --- |")
        for count in counts:
            for number, cost in enumerate(simulate(count, 3, url)):
                name = "cold start" if number == 0 else "all at once"
                print(f"| {count} | {name} | {cost.logins} | {cost.scripts} | {cost.seconds:.2f} | {cost.threads} |")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [10, 100, 1000])
