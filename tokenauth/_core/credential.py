"""Credential: what all parts of a source share: whose tokens these are, and which clock they use."""

import functools
import logging
import random
import weakref
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from tokenauth._core.cache import digest
from tokenauth._core.clock import SYSTEM, Clock
from tokenauth._core.cooldown import Cooldowns
from tokenauth._core.forks import Birth
from tokenauth._core.futility import Futility
from tokenauth._core.identity import Identity
from tokenauth._core.memory import PROCESS, Memory
from tokenauth._core.provider import Provider
from tokenauth._core.secrets import Secret

if TYPE_CHECKING:
    from tokenauth._core.events import Kind, OnEvent
    from tokenauth._core.under_way import Setting

log = logging.getLogger("tokenauth")


class Credential:
    """A provider, with the options that decide how its tokens are kept. *leeway*, *timeout*: seconds.

    Attributes:
        mark: keyed digest of everything that distinguishes tokens.
        key: the cache key: the mark, and the callables that return secrets. Without a secret it may be the client's
            certificate that the server goes by, and nobody can read it off: then the client itself.
        memory: what is remembered about this and other credentials.
        birth: the process that received the user's refresh token (`Provider.brought`), if there is one.
    """

    birth: Birth | None = None
    uniform: Callable[[float, float], float] = staticmethod(random.uniform)

    def __init__(
        self,
        provider: Provider,
        leeway: float = 30.0,
        timeout: float = 10.0,
        on_event: "OnEvent | None" = None,
        *,
        allow_http: bool = False,
        memory: Memory = PROCESS,
        clock: Clock = SYSTEM,
        client: object = None,
    ) -> None:
        self.provider = provider
        self.leeway, self.timeout, self.on_event = leeway, timeout, on_event
        self.allow_http, self.memory, self.clock = allow_http, memory, clock
        secrets = provider.secrets
        for each in secrets:
            if not isinstance(each, Secret):
                kind = type(provider).__name__
                raise TypeError(f"{kind}.secrets must be Secret(name, value), not {type(each).__name__}")
        static = [part for secret in secrets for part in (secret.name, None if secret.dynamic else secret)]
        dynamic: tuple[Hashable, ...] = tuple([each for each in secrets if each.dynamic])  # whose repr shows nothing
        self._via = None if client is None else weakref.ref(client)
        if self._via is not None and not secrets:
            dynamic = (self._via,)
        self.mark = digest(purpose(provider).encoded, *static)
        if provider.brought is not None:
            from tokenauth._core.lines import BROUGHT  # noqa: PLC0415  (most bring none)

            self.birth, self.mark = Birth(), BROUGHT.first(self.mark)
        self.key: Hashable = (self.mark, *dynamic) if dynamic else self.mark

    @property
    def setting(self) -> "Setting":
        """What a login is under way with."""
        return self.clock, self.memory.notes, self._via

    @property
    def process_bound(self) -> str:
        """What in it other processes can't identify; see `Provider.process_bound`."""
        bound = purpose(self.provider).bound
        why = "not defined under its own name in a module, so only this process knows it: use one that is"
        return self.provider.process_bound or (f"{', '.join(bound)} is {why}" if bound else "")

    @property
    def cooldowns(self) -> Cooldowns:
        return self.memory.cooldowns

    def mark_with(self, refresh_token: str) -> str | None:
        """Return the mark that the credential would have if the user had passed *refresh_token*."""
        brought = self.provider.brought
        if brought is None or brought.dynamic:
            return None
        static: list[object] = []
        for each in self.provider.secrets:
            newer = Secret(each.name, refresh_token, raw=True) if each is brought else each
            static += [each.name, None if each.dynamic else newer]
        return digest(purpose(self.provider).encoded, *static)

    @cached_property
    def futility(self) -> Futility:
        return self.memory.futilities.of(self.key)

    @property
    def name(self) -> str:
        return self.provider.name

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def wall(self) -> float:
        return self.clock.wall()

    def emit(self, kind: "Kind", fingerprint: str | None = None, **details: Any) -> None:
        """Call `on_event`, with more fields of `Event`. An exception in it is logged and not raised."""
        if self.on_event is None:
            return
        from tokenauth._core.events import Event, telling  # noqa: PLC0415  (most programs never ask)

        if telling.get():
            return
        before = telling.set(True)
        try:
            self.on_event(Event(kind, self.name, self.provider.token_url.partition("?")[0], fingerprint, **details))
        except Exception:
            log.exception("on_event raised")
        finally:
            telling.reset(before)


def purpose(provider: Provider) -> Identity:
    """Return what the tokens of *provider* are for: all that makes two tokens differ, but for the secrets.

    Raises:
        TypeError: there is something in its `identity` that can't be compared exactly.
    """
    kind = type(provider)
    this, rest = _of_class(cast("Hashable", kind)), Identity.of(provider.identity, f"{kind.__name__}.identity")
    return Identity(this.encoded + rest.encoded, this.bound + rest.bound)


@functools.lru_cache(maxsize=256)
def _of_class(kind: Hashable) -> Identity:
    return Identity.of(kind, "its class")
