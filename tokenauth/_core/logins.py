"""Logins: what a login needs, and what it brings."""

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors
from tokenauth._core.cache import Held
from tokenauth._core.credential import Credential
from tokenauth._core.dating import dated, lifetime_of
from tokenauth._core.effects import Misuse, Reply, TokenRequest
from tokenauth._core.flights import Flight
from tokenauth._core.forks import generation
from tokenauth._core.secrets import Unshown
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token
from tokenauth._core.tokens import Tokens
from tokenauth._core.under_way import login_under_way

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

TRIES = 3


class Logins:
    """The token calls of one credential: how each is built, what its answer means, and how its failure counts."""

    def __init__(self, credential: Credential, tokens: Tokens) -> None:
        self._credential = credential
        self._tokens = tokens
        self._warned = False

    # before the call

    @property
    def proven(self) -> bool:
        """Whether the last login that the provider answered succeeded."""
        return self._credential.cooldowns.proven(self._credential.key)

    @property
    def blocks(self) -> bool:
        """Whether building a token request may block: a secret is read by a callable, or a key is to be loaded."""
        provider = self._credential.provider
        return provider.blocks or any(secret.dynamic for secret in provider.secrets)

    def unspent(self, newest: Token | None, *, shared: bool = False) -> str | None:
        """Return the refresh token of *newest*, and mark it as used; None if it was used before (RFC 6749 §10.4).

        *shared*: whether processes share their tokens, and so see to it that it is used once.
        """
        refresh_token = newest.refresh_token if newest is not None and self._credential.provider.refreshes else None
        memory, mark = self._credential.memory, self._credential.mark
        if refresh_token is None or not (shared or memory.fetched.has(generation(), mark, refresh_token)):
            return None  # a child and its parent would use it each, and the server would take that for theft
        if not memory.spent.add(mark, refresh_token):
            return None
        unshown = Unshown(refresh_token)
        unshown.before = newest
        return unshown

    def begin(self, refresh_token: str | None) -> Talk:
        """Return a login that has been begun: its first request is built."""
        credential = self._credential
        setting: dict[str, Any] = {"allow_http": credential.allow_http, "clock": credential.clock}
        return Talk(credential.provider, refresh_token, **setting, notes=credential.memory.notes).begin()

    def farewell(self, token: Token) -> TokenRequest | None:
        """Return the call that ends *token*, or None."""
        provider = self._credential.provider
        with login_under_way(self._credential.clock, self._credential.memory.notes):
            request = provider.logout(token)
        talk = Talk(provider, None, allow_http=self._credential.allow_http)
        return None if request is None else talk.checked(request)

    def replay(self, secrets: str) -> None:
        """Raise the failure that is cooling down for these secrets, if there is one."""
        failure = self._cooling(secrets)
        if failure is not None:
            raise failure

    def _cooling(self, secrets: str) -> "TokenAuthError | None":
        return self._credential.cooldowns.failure(self._credential.key, self._credential.monotonic(), secrets)

    # a failure

    @staticmethod
    def may_pass(failure: Exception) -> bool:
        """Whether *failure* is one of the endpoint or the network, which another try may not meet."""
        return bool(getattr(failure, "retryable", False))

    def pause(self, failure: Exception, tries: int, deadline: float, secrets: str) -> float | None:
        """Return the seconds to wait before the next try after *failure*, or None to give up."""
        if tries >= TRIES or not self.may_pass(failure):
            return None
        if self._cooling(secrets) is not None:
            return None  # it is a replay of that one
        pause = getattr(failure, "retry_after", None)
        if pause is None:
            pause = self._credential.uniform(0.05, 0.1) * 3 ** (tries - 1)
        return pause if self._credential.monotonic() + pause < deadline else None

    def cool(self, failure: Exception, flight: Flight) -> None:
        """Make the *failure* of a login count for a while, and for all who wait. Then tell of it, once.

        What never reached the endpoint doesn't count.
        """
        credential = self._credential
        news = None
        known = errors.CredentialsRejected, errors.TokenEndpointError
        with credential.memory.lock:
            if isinstance(failure, known) and not flight.forgotten and self._cooling(flight.mark) is None:
                news = failure
                if credential.provider.rests:
                    credential.cooldowns.start(credential.key, failure, credential.monotonic(), flight.mark)
        if isinstance(failure, Misuse):
            flight.abandon()
            return
        flight.fail(failure)  # before anybody is told, who might ask for a token
        if news is not None:
            text, name = str(failure), credential.name
            log.warning("%s", text if text.startswith(name) else f"{name}: {text}")
            credential.emit("failed", error=failure)

    # the answer

    def accept(self, flight: Flight, talk: Talk, before: Token | None, *, keep: bool = True) -> Held:
        """Return what *talk* has brought, and *keep* it. *before*: the token that it replaces."""
        credential, token = self._credential, talk.token
        if talk.refresh_token is not None and token.refresh_token is None:  # the old one stays good, RFC 6749 §6
            token = replace(token, refresh_token=talk.refresh_token)
        held = self.dated(token, talk.reply, before)
        with credential.memory.lock:
            if not flight.forgotten:
                self._remember(held, keep=keep)  # before anything is told: a log handler may send requests of its own
        if lifetime_of(token, talk.reply) is not None and held.token.lifetime is None:
            self._warn_of_the_end()
        lifetime, print_ = held.token.lifetime, held.token.fingerprint
        stated = "unknown" if lifetime is None else f"{round(lifetime)} s"
        log.info("%s: token %s fetched, lifetime %s", credential.name, print_, stated)
        credential.emit("fetched", print_)
        return held

    def _remember(self, held: Held, *, keep: bool) -> None:
        credential, refresh_token = self._credential, held.token.refresh_token
        credential.memory.spent.discard(credential.mark, refresh_token)  # a server may hand out the same one again
        if refresh_token is not None:
            credential.memory.fetched.add(generation(), credential.mark, refresh_token)
        credential.cooldowns.succeeded(credential.key)
        if keep:
            self._tokens.keep(held)

    def _warn_of_the_end(self) -> None:
        if not self._warned:
            self._warned = True
            text = "%s: the answer says that its token has expired already. It is used until it is refused. Is a clock"
            log.warning(f"{text} wrong, or is expires_in= or expires_at= another field?", self._credential.name)

    def salvage(
        self,
        flight: Flight,
        talk: Talk,
        old: Held | None,
        before: Token | None,
        reply: Callable[[], Reply],
        *,
        keep: bool,
    ) -> None:
        """Use the answer for those who wait and those who come next: the leader of *flight* was cancelled.

        A login of several steps is begun anew. Nothing is kept if a newer token is held by now than the *old* one,
        which was held when this was asked for.
        """
        held = self._tokens.held()
        try:
            if held is None or (old is not None and old.token.value == held.token.value):
                talk.answer(reply())
                held = self.accept(flight, talk, before, keep=keep) if talk.request is None else None
            flight.land(held if keep else None)
        except Exception as failure:
            self.cool(failure, flight)
        finally:
            flight.abandon()

    def dated(self, token: Token, reply: Reply, before: Token | None) -> Held:
        """Return *token* with its times, as it is to be held. *before*: the token that it replaces."""
        credential = self._credential
        if credential.provider.sliding:  # each use moves its end, so that the server alone knows it
            return Held(replace(token, expires_at=None), math.inf, math.inf, reply.sent)
        soft = not credential.provider.discards_older  # else a refresh would end a token that others still send
        if credential.provider.hands_out_held and (lifetime_of(token, reply) or 0.0) > 2 * credential.leeway:
            before = None  # who has kept it renews it by its own rules: ask again before its end
        return dated(token, reply, before, leeway=credential.leeway, soft=soft, uniform=credential.uniform)
