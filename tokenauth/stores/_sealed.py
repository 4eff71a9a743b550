"""Sealing: store entries are encrypted and authenticated with a key derived from the credential itself.

Law: anyone with the secret can read the token. Anyone with the store but without the secret learns nothing, and can't
forge an entry. There is no key to manage.

    scrypt(secrets, salt=what the credential is for) → 32 bytes: name of the entry; 32 bytes: AES-256-GCM key
    entry = "tokenauth:1\\n" + nonce (12 bytes) + AES-GCM(record, associated data = "tokenauth:1\\n" + name)
"""

import hashlib
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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
