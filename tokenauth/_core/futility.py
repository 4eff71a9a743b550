"""Futility: makes renewals that don't help rare.

A renewal is futile if the request is refused with the new token too. The API may want the token in another header, or
the account may not use that address. More logins would be wasted, and might invalidate a token that works elsewhere.

Law: a place is a method, an origin and a path: who may read may not write. After a futile renewal, the next one for
that place comes after 1 s, doubling to 10 minutes; it counts once, however many requests it was for. A success there
ends this. Other places are not affected, so a real revocation is handled at once. But if several places in a row were
futile, only places that have accepted a token since can cause a renewal. One refusal at another place then says little.
But twice as many of them, without a success in between, as ever came to nothing mean that the token has been revoked,
and there is a renewal.

If a request ends between the refusal and the next answer (its caller leaves, a hook raises, its body can't be sent
twice), the next request renews. That renewal was futile if the next request is refused at the same place.

A token that is older than the refusal, such as one that another process has saved, says nothing: what ended the refused
one may have ended both. So it costs no login, and it is not the renewal.
"""

import threading
import weakref
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import NamedTuple

from cachetools import LRUCache

FIRST, LONGEST = 1.0, 600.0
PLACES = 3
"""How many places in a row may be futile before the ones that are not known to work count as futile, too."""

_ANYWHERE = ""


class Refusal:
    """A refusal of which something may come yet, as long as it is held: by the frames of a request, so not for longer
    than that lasts.

    Attributes:
        at: monotonic seconds when the token was first refused there.
        before: the same request's refusal before, after which it was sent again; None if this is the first one.
    """

    def __init__(self, at: float, before: "Refusal | None" = None) -> None:
        self.at, self.before = at, before


class _Rest(NamedTuple):
    until: float
    pause: float


class Futility:
    """What is known of one credential's renewals. Times are monotonic seconds.

    Attributes:
        watching: whether successes must be told (`served`): for most credentials they need not.

    `_run`: how many refusals at places that are not known to work there were since the last success. `_usual`: the most
    of them that came to nothing.
    """

    def __init__(self, lock: "threading.RLock") -> None:
        self._lock = lock
        self.watching = False
        self._run, self._usual = 0, 1

    # made when a renewal was in vain: most credentials never see that

    _rests: "cached_property[LRUCache[str, _Rest]]" = cached_property(lambda _: LRUCache(1024))
    _serving: "cached_property[LRUCache[str, bool]]" = cached_property(lambda _: LRUCache(1024))
    _in_a_row: "cached_property[set[str]]" = cached_property(lambda _: set())
    _met: "cached_property[LRUCache[str, tuple[float, float, Callable[[], Refusal | None]]]]" = cached_property(
        lambda _: LRUCache(1024)
    )

    def allows(self, place: str, now: float) -> bool:
        """A 401 has come from *place*: return whether it may lead to a renewal."""
        if not self.watching:
            return True
        with self._lock:
            if self._is_resting(place, now):
                return False
            if len(self._in_a_row) < PLACES or place in self._serving or not self._is_resting(_ANYWHERE, now):
                self._run = 0
                return True
            self._run += 1
            return self._is_unusual

    def _is_resting(self, place: str, now: float) -> bool:
        rest = self._rests.get(place)
        return rest is not None and now < rest.until

    @property
    def _is_unusual(self) -> bool:
        return self._run >= 2 * self._usual

    def refused(self, place: str, now: float) -> bool:
        """A request to *place* was refused with a new token too. Return whether that is news."""
        with self._lock:
            news = place not in self._rests
            self._in_a_row.add(place)
            self._usual = max(self._usual, self._run)
            self._serving.pop(place, None)
            self._met.pop(place, None)
            for each in (place, _ANYWHERE):
                if self._is_resting(each, now):  # by others that the same renewal was for
                    continue
                before = self._rests.get(each)
                pause = FIRST if before is None else min(2 * before.pause, LONGEST)
                self._rests[each] = _Rest(now + pause, pause)
            self.watching = True
            return news

    def served(self, place: str) -> None:
        """A request to *place* was not refused."""
        with self._lock:
            self._serving[place] = True
            self._rests.pop(place, None)
            self._met.pop(place, None)
            if not self._is_unusual:  # else there was a renewal, which was of use
                self._usual = max(self._usual, self._run)
            self._run = 0
            if place in self._in_a_row:  # a renewal was of use after all
                self._in_a_row.clear()
                self._usual = 1
                self._rests.pop(_ANYWHERE, None)
            self.watching = len(self._rests) + len(self._met) > 0

    def met(self, place: str, since: float | None, now: float) -> Refusal | None:
        """A token met a refusal at *place*. *since*: when it was asked for; None if another one is in use by now.

        Return what to hold until the next answer is there; None if an older token met the same there before this one
        was asked for, and nothing came of that.
        """
        with self._lock:
            known = self._met.get(place)
            if since is None:
                return Refusal(now if known is None else known[1])
            before, at, left = known or (since, now, bool)
            is_answer = before < since and at <= since
            refusal = Refusal(at if before == since else now)
            self._met[place] = since, refusal.at, weakref.ref(refusal)
            self.watching = True
            return None if is_answer and not left() else refusal

    def forget(self) -> None:
        with self._lock:
            for made in ("_rests", "_serving", "_in_a_row", "_met"):
                vars(self).pop(made, None)
            self._run, self._usual = 0, 1
            self.watching = False


class Futilities:
    """One `Futility` for each credential, shared by its auth objects."""

    def __init__(self, lock: "threading.RLock | None" = None, maxsize: int = 4096) -> None:
        self._lock = lock or threading.RLock()
        self._each: LRUCache[Hashable, Futility] = LRUCache(maxsize)

    def of(self, key: Hashable) -> Futility:
        with self._lock:
            futility = self._each.get(key)
            if futility is None:
                futility = self._each[key] = Futility(self._lock)
            return futility

    def forget(self) -> None:
        with self._lock:
            for futility in self._each.values():  # they stay: auth objects hold them
                futility.forget()
