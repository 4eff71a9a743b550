"""Health: whether a store works, and when to ask it again.

Law: a store that has failed is left alone for some seconds. That is told once, and once more when it works again.
"""

import logging
import math
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from tokenauth._core.clock import Clock
from tokenauth._core.provider import Provider

if TYPE_CHECKING:
    from tokenauth._core.events import Kind

log = logging.getLogger("tokenauth")

REST = 5.0
"""Pause in seconds after a store has failed."""


class Health:
    """How the store of one credential does. *tell*: `Credential.emit`."""

    tell: Callable[["Kind"], object] = bool

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._out_until = self._keyless_until = -math.inf
        self._failing: set[str] = set()

    @property
    def rests(self) -> bool:
        """Whether the store is to be left alone."""
        return self._clock.monotonic() < max(self._out_until, self._keyless_until)

    def keyless(self, asking: "Future[Any]") -> None:
        """Leave the store alone until the seal is made: many are made at once, or a callable for a secret hangs."""

        def known(_: object) -> None:
            self._keyless_until = -math.inf

        self._keyless_until = self._clock.monotonic() + REST
        asking.add_done_callback(known)
        log.info("%s: the store is not asked, because its key is not known yet", self._provider.name)

    def failed(self, method: str, reason: str | BaseException) -> None:
        """Leave the store alone for a while. Warn where it worked until now, whichever of its methods fails."""
        said, warns = reason if isinstance(reason, str) else _said(reason), not self._failing
        self._failing.add(method)
        self._out_until = self._clock.monotonic() + REST
        if warns:
            self.tell("store_down")
            text = "%s: the store failed, so this process uses only its own tokens: %s"
            log.warning(text, self._provider.name, said)

    def works(self, method: str) -> None:
        if method in self._failing:
            self._failing.discard(method)
            if not self._failing:
                log.info("%s: the store works again", self._provider.name)
                self.tell("store_up")


def _said(problem: BaseException) -> str:
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
