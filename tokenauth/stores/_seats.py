"""Seats: which processes use a credential. The last one to leave its seat logs out.

A seat is a lease on its own key, so it becomes free when its holder dies: at once with files, else when the lease ends.
Law: a process takes a seat before it reads a token from the store.
"""

import hashlib
import os
import random
import threading
import time
from functools import partial
from typing import NamedTuple

from tokenauth._core.cache import MAX_AGE
from tokenauth._core.forks import free, over_fork
from tokenauth.stores._base import Lease, Store

COUNT = 32
"""Seats of a credential. If all are taken, a process without one never logs out."""
SECONDS = 2 * MAX_AGE
"""After which a seat is free whatever its holder does. A renewal takes it again after half of that; no token is used
for longer."""
_PROBE = 5.0


class _Seat(NamedTuple):
    process: int
    key: str
    lease: Lease
    since: float


_taken: dict[tuple[object, str], _Seat] = {}
_lock = threading.RLock()
over_fork(_lock.acquire, _lock.release, partial(free, _lock))


def _keys(name: str) -> list[str]:
    return [hashlib.sha256(f"{name} seat {number}".encode()).hexdigest() for number in range(COUNT)]


def _place(store: Store, name: str) -> tuple[object, str]:
    return (store if type(store).__hash__ is not None else id(store), name)


def take(store: Store, name: str) -> bool:
    """Take a seat for this process, where it has none; return whether it has one."""
    place = _place(store, name)
    seat = _mine(place)
    if seat is not None and time.monotonic() - seat.since < SECONDS / 2:
        return True
    keys = _keys(name)
    for key in random.sample(keys, COUNT):
        lease = store.acquire(key, SECONDS)
        if lease is not None:
            with _lock:
                _taken[place] = _Seat(os.getpid(), key, lease, time.monotonic())
            if seat is not None:
                store.release(seat.key, seat.lease)
            return True
    return seat is not None


def leave(store: Store, name: str) -> bool:
    """Give up this process' seat; return whether it had one."""
    place = _place(store, name)
    seat = _mine(place)
    if seat is None:
        return False
    with _lock:
        _taken.pop(place, None)
    store.release(seat.key, seat.lease)
    return True


def occupied(store: Store, name: str) -> bool:
    """Whether any seat is taken."""
    for key in _keys(name):
        lease = store.acquire(key, _PROBE)
        if lease is None:
            return True
        store.release(key, lease)
    return False


def _mine(place: tuple[object, str]) -> _Seat | None:
    with _lock:
        seat = _taken.get(place)
    return seat if seat is not None and seat.process == os.getpid() else None  # a child has its parent's
