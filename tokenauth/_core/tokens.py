"""Tokens: which token of a credential is valid."""

import logging
import math
from functools import cached_property

from tokenauth._core.cache import Cell, Held
from tokenauth._core.credential import Credential
from tokenauth._core.provider import Provider, presented
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")


class Tokens:
    """One credential's entry in the cache, and its refused tokens.

    Attributes:
        watches: whether `watch` is to be called before a held token is taken for good.
    """

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._memory = credential.memory
        self.cache = self._memory.tokens
        self.key = credential.key
        self._refused: Token | None = None
        self._has_versions = getattr(credential.provider.version, "__func__", None) is not Provider.version
        self.watches = self._has_versions or credential.provider.sliding
        self._version: str | None = None

    @cached_property
    def cell(self) -> Cell:
        """The entry itself, for those who want it at each request."""
        return self.cache.cell(self.key)

    def held(self) -> Held | None:
        """Return the cached token, valid or not."""
        return self.cache.get(self.key)

    def fresh(self) -> Token | None:
        """Return the cached token if it needs no renewal."""
        if self.watches:
            self.watch()
        held = self.cell.held or self.held()
        if held is None or not held.is_usable(self._credential.clock):
            return None
        if self._credential.monotonic() >= held.refresh_from:
            return None
        self.used(held)
        return held.token

    def used(self, held: Held) -> None:
        """Whoever asked gets the token that is *held*, to send it."""
        self.slide(held)
        self._credential.emit("hit", held.token.fingerprint)

    def slide(self, held: Held) -> None:
        """Restart the lifetime of what is *held*, if each use does."""
        if held.last_use is not None:
            held.last_use.note(self._credential.clock)

    def watch(self) -> None:
        """Look whether something else than its end speaks against the held token."""
        if self._has_versions:
            self._watch_the_version()
        held = self.cell.held or self.held()
        if held is not None and held.last_use is not None and held.last_use.is_too_old(self._credential.clock):
            ended = held._replace(usable_until=-math.inf, refresh_from=-math.inf, last_use=None)
            self.cache.replace(self.key, ended)

    def _watch_the_version(self) -> None:
        """Make a refresh of the held token due, once, where the provider says that there is another one by now."""
        version = self._credential.provider.version()
        if version != self._version:
            self._version = version
            held = self.held()
            if held is not None and held.token.kept.get("version") != version:
                self.cache.replace(self.key, held._replace(refresh_from=-math.inf))

    def usable(self, rejected: Token | None) -> Held | None:
        """Return the cached token if it may be sent: it has not expired and is not *rejected*, which met a 401."""
        held = self.held()
        if held is None or (rejected is not None and held.token.value == rejected.value):
            return None
        return held if held.is_usable(self._credential.clock) else None

    def due(self, held: Held) -> bool:
        """Whether *held* should be refreshed while it is still valid, and there is no cool-down."""
        now = self._credential.monotonic()
        return now >= held.refresh_from and self._credential.cooldowns.failure(self.key, now) is None

    def postpone(self, held: Held) -> None:
        """Make the next refresh of *held* due later: the one under way was cancelled, or failed."""
        later = self._credential.monotonic() + self._credential.timeout
        self.cache.replace(self.key, held._replace(refresh_from=min(later, held.usable_until)))

    def keep(self, held: Held) -> None:
        """Cache *held*. It may have been refused before: some servers return the same token until it expires."""
        self._memory.refused.discard(self._credential.mark, held.token.value)
        self._refused = None
        self.cache.put(self.key, held)

    @property
    def refused(self) -> Token | None:
        """The token that was dropped for a refusal, until there is another one."""
        token = self._refused
        return token if token is not None and self.was_refused(token) else None

    def was_refused(self, token: Token) -> bool:
        return self._memory.refused.marked(self._credential.mark, token.value)

    def reject(self, token: Token, *, shared: bool = False) -> None:
        """Drop *token*, which met a 401, but no newer token. *shared*: whether processes share their tokens."""
        credential = self._credential
        self._memory.refused.add(credential.mark, token.value)
        held = self.cache.drop(self.key, token.value)
        if held is None:
            return
        self._refused = token
        log.info("%s: token %s was rejected", credential.name, token.fingerprint)
        now = credential.monotonic()
        if credential.cooldowns.contested(self.key, now, now - held.since):
            alone = shared or "store" in credential.provider.idle
            hint = "" if alone else "; let the processes share one token: store="
            text = "%s: fresh tokens are rejected again and again. The API may want the token in another header or"
            text += f" scheme ({presented(credential.provider)}). Or another process logs in with the same credentials,"
            log.warning(f"{text} and each login ends the other's token{hint}", credential.name)
        credential.emit("rejected", token.fingerprint)

    def invalidate(self) -> None:
        """Drop the token and forget failures."""
        self._memory.invalidate(self.key, self._credential.wall())
        self._refused, held = None, self.held()
        if held is not None:  # a store may have it from a machine whose clock is ahead
            self._memory.refused.add(self._credential.mark, held.token.value)
        self.cache.drop(self.key)
        self._credential.cooldowns.clear(self.key)
        self._credential.futility.forget()
