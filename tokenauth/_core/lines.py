"""Lines: the chain of refresh tokens of one credential, each exchanged for the next (RFC 6749 §6).

Law: a line outlives its access tokens. A 401 or `invalidate()` drops an access token, but not the line.
Law: an exchanged refresh token is never used again (RFC 9700 §4.14): the server would take that for theft and revoke
them all. One that may have been exchanged, because no response came, is used again only if there is no other way to log
in.
Law: a refresh token that the user provides has one line per process, whatever the caches of its auth objects. Any other
line belongs to a memory (`memory`) and ends with it.
"""

import threading
import weakref
from collections.abc import Callable, Hashable

from cachetools import LRUCache

from tokenauth._core.cache import MAX_TOKENS, Held, Marks, Recent, digest
from tokenauth._core.forks import Birth, over_fork
from tokenauth._core.token import Token


class Line:
    """One credential's line, as this process knows it.

    Attributes:
        token: the token whose refresh token comes next, or None where there is none. Its value is "" where the refresh
            token is the one that the user brought.
        over: whether it was logged out.
        birth: which process got that one.
        listener: whom to tell of each new refresh token, or None.
        untold: what a renewal has brought, while the listener has not been told of it; it is not in use yet.
    """

    def __init__(self, lock: "threading.RLock") -> None:
        self._lock = lock
        self.token: Token | None = None
        self.birth = Birth()
        self.over = False
        self.listener: Callable[[str], object] | None = None
        self.untold: Held | None = None
        self._began: set[str] = set()
        self._passed = Marks(lock, 1024)

    def forget(self) -> None:
        with self._lock:
            self.token = self.untold = self.listener = None
            self.over = False
            self._began.clear()
            self._passed.forget()

    def begin(self, refresh_token: str, birth: Birth) -> None:
        """Start again with the user's refresh token, unless it is part of this line."""
        mark = digest(refresh_token)
        if mark in self._began:
            return
        self._began.add(mark)
        ours = self.has_passed(refresh_token) or self.is_next(refresh_token)
        if not ours:
            self.follow(Token("", refresh_token=refresh_token), birth)

    def follow(self, token: Token, birth: Birth | None = None) -> None:
        """Let the refresh token of *token* be the next one. A server may hand out the same one again."""
        before = self.token.refresh_token if self.token is not None else None
        if before is not None and before != token.refresh_token:
            self.spend(before)
        self.unspend(token.refresh_token)
        self.token, self.birth, self.over = token, birth or Birth(), False

    def go_on_from(self, saved: Token) -> None:
        """Let what another process has *saved* be the next one, unless it has passed here."""
        if saved.refresh_token and not self.has_passed(saved.refresh_token):
            self.follow(saved)

    def spend(self, refresh_token: str) -> None:
        """Mark *refresh_token* as exchanged, or as about to be."""
        self._passed.add(refresh_token)

    def unspend(self, refresh_token: str | None) -> None:
        """Undo that: it was certainly not exchanged."""
        self._passed.discard(refresh_token)

    def has_passed(self, refresh_token: str) -> bool:
        return self._passed.marked(refresh_token)

    def is_next(self, refresh_token: str) -> bool:
        return self.token is not None and self.token.refresh_token == refresh_token


class Lines:
    """Lines by credential: those in use, and the last thousands that were."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = MAX_TOKENS) -> None:
        self._lock = lock or threading.RLock()  # re-entrant: a garbage collection under it may run any code
        self._alive: weakref.WeakValueDictionary[Hashable, Line] = weakref.WeakValueDictionary()
        self._last: LRUCache[Hashable, Line] = LRUCache(maxsize)
        self._firsts: Recent[str] = Recent(self._lock, maxsize)

    def of(self, key: Hashable) -> Line:
        with self._lock:
            line = self._last[key] = self._alive.setdefault(key, Line(self._lock))
            return line

    def first(self, mark: str) -> str:
        """Return the mark of the credential to whose line the one of *mark* belongs."""
        return self._firsts.get(mark) or mark

    def also(self, mark: str, first: str) -> None:
        """Let the credential of *mark*, which was made with a later refresh token, be that of *first*."""
        self._firsts.put(mark, first)

    def forget(self) -> None:
        with self._lock:
            for line in list(self._alive.values()):  # they stay: auth objects hold them
                line.forget()
            self._last.clear()
            self._firsts.forget()


BROUGHT = Lines()
"""The lines that users have brought. Neither a `cache=` nor `forget()` concerns them: to forget what became of a
refresh token is to use it again."""

over_fork(BROUGHT._lock.acquire, BROUGHT._lock.release)
