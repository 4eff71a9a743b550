"""Logins: what a login needs, and what it returns."""

import logging
from typing import TYPE_CHECKING

from tokenauth._core import errors, stand_in
from tokenauth._core.cache import Held
from tokenauth._core.cooldown import logged
from tokenauth._core.credential import Credential
from tokenauth._core.dating import dated, lifetime_of
from tokenauth._core.effects import Misuse
from tokenauth._core.flights import Flight
from tokenauth._core.frozen import replace
from tokenauth._core.messages import TokenRequest
from tokenauth._core.provider import settable
from tokenauth._core.refreshing import Refreshing
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token
from tokenauth._core.tokens import Tokens

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

TRIES = 3


class Logins:
    """The token requests of one credential: how to build each, what its response means, and how failures count."""

    def __init__(self, credential: Credential, tokens: Tokens) -> None:
        self._credential = credential
        self._tokens = tokens
        self.refreshing = Refreshing(credential)
        self._warned = False

    # before the call

    @property
    def proven(self) -> bool:
        """Whether the last login that the provider answered succeeded."""
        return self._credential.cooldowns.proven(self._credential.key)

    @property
    def blocks(self) -> bool:
        """Whether building a token request may block, to call for a secret or to load a key."""
        provider = self._credential.provider
        return provider.blocks or any(secret.dynamic for secret in provider.secrets)

    @property
    def reads(self) -> str:
        """What that may be, as the subject of an error."""
        dynamic = any(secret.dynamic for secret in self._credential.provider.secrets)
        return "A callable for a secret" if dynamic else "What builds the token request"

    def begin(self, refresh_token: str | None) -> Talk:
        """Return a new login with its first request built."""
        if stand_in.current is not None:
            self.replay("")
            return Talk.over(self._credential, stand_in.current.login_of(self._credential.provider))
        return Talk(self._credential, refresh_token).begin()

    def farewell(self, token: Token) -> TokenRequest | None:
        """Return the call that ends *token*, or None."""
        return Talk(self._credential).farewell(token) if stand_in.current is None else None

    def replay(self, secrets: str) -> None:
        """Raise the current failure for these secrets, if there is a cool-down."""
        failure = self._cooling(secrets)
        if failure is not None:
            self._credential.emit("remembered", error=failure)
            raise failure

    def _cooling(self, secrets: str) -> "TokenAuthError | None":
        return self._credential.cooldowns.failure(self._credential.key, self._credential.monotonic(), secrets)

    def start(self, flight: Flight) -> None:
        """Report that a login starts: its request is built and about to be sent."""
        if flight.began is None:
            flight.began = self._credential.monotonic()
            self._credential.emit("started")

    def _since(self, flight: Flight) -> float | None:
        return None if flight.began is None else self._credential.monotonic() - flight.began

    # a failure

    @staticmethod
    def may_pass(failure: Exception) -> bool:
        """Whether *failure* comes from the endpoint or the network, so that another try may succeed."""
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

    def cool(self, failure: Exception, flight: Flight, *, quiet: bool = False) -> None:
        """Make the *failure* of a login count for a while, and for all who wait. Then tell of it, once.

        What never reached the endpoint doesn't count. *quiet*: the caller logs it.
        """
        credential = self._credential
        news, rest = _lasting(failure, flight), 0.0
        with credential.memory.lock:
            if not flight.counts or self._cooling(flight.mark) is not None:
                news = None
            elif news is not None and credential.provider.rests:
                rest = credential.cooldowns.start(credential.key, news, credential.monotonic(), flight.mark)
        if isinstance(failure, Misuse):
            flight.abandon()
            return
        flight.fail(failure)  # before anybody is told, who might ask for a token
        if news is not None:
            if not quiet:
                text, name = logged(news, rest), credential.name
                log.warning("%s", text if text.startswith(name) else f"{name}: {text}")
            credential.emit("failed", error=failure, seconds=self._since(flight))

    # the answer

    def accept(self, flight: Flight, talk: Talk, before: Token | None, *, keep: bool = True) -> Held:
        """Return what *talk* has brought; nobody has it yet. *before*: the token that it replaces."""
        token = talk.token
        if talk.refresh_token is not None and token.refresh_token is None:  # the old one stays good, RFC 6749 §6
            token = replace(token, refresh_token=talk.refresh_token)
        if token.refresh_in is not None and token.refresh_in <= self._credential.monotonic() - talk.reply.sent:
            token = replace(token, refresh_in=None)  # the answer took as long: each request would be a login
        held = dated(self._credential, token, talk.reply, before)
        if not held.is_usable(self._credential.clock):  # the same
            held = dated(self._credential, replace(token, lifetime=0.0, expires_at=None), talk.reply)
        with self._credential.memory.lock:
            remembers = not flight.forgotten
            follows = self._credential.provider.refreshes and stand_in.current is None
            if keep and follows and (remembers or self.refreshing.alone):
                self.refreshing.follow(held, talk)
            if remembers:
                self._credential.cooldowns.succeeded(self._credential.key, talk.mark)
        return held

    def keep(self, flight: Flight, held: Held, talk: Talk | None = None) -> Held:
        """Put *held*, which *talk* has brought, in use."""
        with self._credential.memory.lock:
            newer = self._tokens.held() if flight.future.done() else None  # of one that took over
            if not flight.forgotten and (newer is None or newer.since < held.since):
                flight.kept = True
                self._tokens.keep(held)  # before anything is told: a log handler may send requests of its own
        self.tell_of(flight, held, talk)
        return held

    def tell_of(self, flight: Flight, held: Held, talk: Talk | None = None) -> None:
        """Log that *held* was fetched, and tell `on_event`."""
        if talk is not None and held.token.lifetime is None and lifetime_of(talk.token, talk.reply) is not None:
            self._warn_of_the_end()
        lifetime, print_ = held.token.lifetime, held.token.fingerprint
        stated = "unknown" if lifetime is None else f"{round(lifetime)} s"
        log.info("%s: token %s fetched, lifetime %s", self._credential.name, print_, stated)
        self._credential.emit("fetched", print_, seconds=self._since(flight))

    def _warn_of_the_end(self) -> None:
        if not self._warned:
            self._warned = True
            text = "%s: the answer says that its token has expired already. It is used until it is refused. Is a clock"
            known = settable(self._credential.provider, "expires_in", "expires_at", "expires", "expires_unit")
            elsewhere = f", or is the expiry elsewhere ({', '.join(known)})" if known else ""
            log.warning(f"{text} wrong{elsewhere}?", self._credential.name)


def _lasting(failure: Exception, flight: Flight) -> "TokenAuthError | None":
    """Return what counts for a while of *failure*: an answer, or whatever the user's own raised after a login."""
    if isinstance(failure, errors.CredentialsRejected | errors.TokenEndpointError):
        return failure
    if flight.began is None or isinstance(failure, errors.TokenAuthError | Misuse):
        return None
    return errors.TokenAuthError(f"{type(failure).__name__} was raised before the new token was kept. By cache=?")
