"""Sealing: store entries are encrypted and authenticated with a key derived from the credential itself.

Law: anyone with the secret can read the token. Anyone with the store but without the secret learns nothing, and can't
forge an entry. There is no key to manage.

    scrypt(secrets, salt=what the credential is for) → 32 bytes: name of the entry; 32 bytes: AES-256-GCM key
    entry = "tokenauth:1\\n" + nonce (12 bytes) + AES-GCM(record, associated data = "tokenauth:1\\n" + name)
"""

import hashlib
import os
import re
import threading
from concurrent.futures import Future

from cachetools import LRUCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tokenauth._core.cache import MAX_TOKENS, digest
from tokenauth._core.forks import free, over_fork

VERSION = b"tokenauth:1\n"
_LATER = re.compile(rb"tokenauth:([2-9]|[1-9][0-9]{1,8})\n")
_NONCE = 12
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}  # 32 MiB, some 0.1 s


class NotOurs(Exception):
    """The entry is not from tokenauth, or was modified or swapped with another."""


class FromLater(Exception):
    """The entry is from a later version of tokenauth and must not be overwritten."""


class Seal:
    """The seal of one credential. *secrets*: their values. *purpose*: everything else that distinguishes tokens."""

    def __init__(self, secrets: tuple[str, ...], purpose: bytes) -> None:
        salt = hashlib.sha256(b"tokenauth store\n" + purpose).digest()
        password = "".join(f"{len(secret)}:{secret}" for secret in secrets).encode()
        derived = hashlib.scrypt(password, salt=salt, dklen=64, **_COST)
        self.name = derived[:32].hex()
        self._cipher = AESGCM(derived[32:])

    def close(self, content: bytes) -> bytes:
        """Return *content* as an entry."""
        nonce = os.urandom(_NONCE)
        return VERSION + nonce + self._cipher.encrypt(nonce, content, VERSION + self.name.encode())

    def open(self, entry: bytes) -> bytes:
        """Return the content of *entry*. NotOurs, FromLater."""
        if not entry.startswith(VERSION):
            raise FromLater if _LATER.match(entry) else NotOurs
        sealed = entry.removeprefix(VERSION)
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], VERSION + self.name.encode())
        except (InvalidTag, ValueError):
            raise NotOurs from None


class Seals:
    """The seals of this process's credentials, each made once: that takes a tenth of a second of a core, and 32 MiB."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # re-entrant: a garbage collection under it may run any code
        self._made: LRUCache[str, Seal] = LRUCache(MAX_TOKENS)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Go on in a child process, where no seal is being made."""
        free(self.lock)
        self._being_made: dict[str, Future[Seal]] = {}
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)

    def of(self, secrets: tuple[str, ...], purpose: bytes) -> Seal:
        key = digest(secrets, purpose)
        with self.lock:
            if key in self._made:
                return self._made[key]
            future = self._being_made.get(key)
            if future is not None:
                turns = None
            else:
                future, turns = self._being_made.setdefault(key, Future()), self._turns
        if turns is None:
            return future.result()
        try:
            with turns:
                seal = Seal(secrets, purpose)
            with self.lock:
                self._made[key] = seal
            future.set_result(seal)
        except BaseException as problem:
            future.set_exception(problem)
            raise
        finally:
            with self.lock:
                self._being_made.pop(key, None)
        return seal


SEALS = Seals()
over_fork(SEALS.lock.acquire, SEALS.lock.release, SEALS.begin_anew)
