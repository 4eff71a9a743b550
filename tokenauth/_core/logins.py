"""Logins: what a login needs, and what it returns."""

import logging
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors, stand_in
from tokenauth._core.cache import Held
from tokenauth._core.cooldown import logged
from tokenauth._core.credential import Credential
from tokenauth._core.dating import dated, lifetime_of, sliding
from tokenauth._core.effects import Misuse
from tokenauth._core.flights import Flight
from tokenauth._core.frozen import replace
from tokenauth._core.lines import BROUGHT, Line
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.provider import settable
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token
from tokenauth._core.tokens import Tokens
from tokenauth._core.under_way import login_under_way

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

log = logging.getLogger("tokenauth")

TRIES = 3


class Logins:
    """The token requests of one credential: how to build each, what its response means, and how failures count."""

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
        """Whether building a token request may block, to call for a secret or to load a key."""
        provider = self._credential.provider
        return provider.blocks or any(secret.dynamic for secret in provider.secrets)

    @property
    def reads(self) -> str:
        """What that may be, as the subject of an error."""
        dynamic = any(secret.dynamic for secret in self._credential.provider.secrets)
        return "A callable for a secret" if dynamic else "What builds the token request"

    @cached_property
    def line(self) -> Line:
        """The refresh tokens of this credential."""
        return (BROUGHT if self.alone else self._credential.memory.lines).of(self._credential.key)

    @property
    def alone(self) -> bool:
        """Whether a refresh token is the only way to log in."""
        return self._credential.provider.brought is not None

    @property
    def untold(self) -> Held | None:
        """What the listener has not been told of, so that it is not in use yet."""
        return self.line.untold if self._credential.provider.refreshes else None

    def listener(self) -> Callable[[str], object] | None:
        """Return whom to tell of new refresh tokens: of all auth objects of this credential, the last that said so."""
        if self._credential.provider.on_refresh_token is not None:
            self.line.listener = self._credential.provider.on_refresh_token
        return self.line.listener

    def renewal(self, saved: Token | None, *, shared: bool) -> Token | None:
        """Return the token whose refresh token is to be used now; None to log in.

        *shared*: whether processes share their tokens, and so see to it that it is used once; *saved* is what they have
        saved then, and counts, unless this process knows what came of it. May block where the user's one is a callable.
        """
        provider, line = self._credential.provider, self.line
        if not provider.refreshes or stand_in.current is not None:
            return None
        if provider.brought is not None:
            line.begin(provider.brought.reveal(), self._credential.birth or line.birth)
        if shared and saved is not None:
            line.go_on_from(saved)
        if provider.brought is not None:
            return self._ours(line, shared=shared)
        token = saved if shared else line.token if line.birth.is_here and not line.over else None
        if token is None or token.refresh_token is None or line.has_passed(token.refresh_token):
            return None  # a child and its parent would use it each, and the server would take that for theft
        return token

    def learn(self, saved: Token) -> None:
        """Let the refresh token that another process *saved* come next here, too: the store may lose it."""
        brought = self._credential.provider.brought
        if brought is not None:
            self.line.begin(brought.last(), self._credential.birth or self.line.birth)
            self.line.go_on_from(saved)

    def _ours(self, line: Line, *, shared: bool) -> Token | None:
        """Return what is next in *line*; TokenAuthError where another process may use that, too."""
        given = line.token is not None and not line.token.value
        if not shared and (line.birth.is_elsewhere if given else not line.birth.is_here):
            text = "this process was forked from one that has the same refresh token, and each use of one ends it for"
            advice = "all others. Pass store=FileStore(), or another store, so that the processes share each new one"
            raise errors.TokenAuthError(f"{self._credential.name}: {text} {advice}")
        return line.token

    def begin(self, refresh_token: str | None) -> Talk:
        """Return a new login with its first request built."""
        credential = self._credential
        if stand_in.current is not None:
            self.replay("")
            return self.over(stand_in.current.login_of(credential.provider))
        setting: dict[str, Any] = {"allow_http": credential.allow_http, "clock": credential.clock}
        return Talk(credential.provider, refresh_token, **setting, notes=credential.memory.notes).begin()

    def ended(self, token: Token | None) -> Token | None:
        """Return what to log out: the cached *token*, or the session that its refresh token keeps alive."""
        if not self._credential.provider.refreshes or not self.line.birth.is_here:
            return token
        last, was_over = self.line.token, self.line.over
        self.line.over = True
        return None if was_over else last if last is not None and last.value else token

    def over(self, token: Token) -> Talk:
        """Return a login that is over and has brought *token* just now."""
        sent, wall = self._credential.monotonic(), self._credential.wall()
        reply = Reply(200, {}, b"", sent=sent, sent_at=wall, received_at=wall)
        return Talk.over(self._credential.provider, token, reply)

    def farewell(self, token: Token) -> TokenRequest | None:
        """Return the call that ends *token*, or None."""
        provider = self._credential.provider
        if stand_in.current is not None:
            return None
        with login_under_way(self._credential.clock, self._credential.memory.notes):
            request = provider.logout(token)
        talk = Talk(provider, None, allow_http=self._credential.allow_http)
        return None if request is None else talk.checked(request)

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

    def unsend(self, refresh_token: str | None, failure: Exception) -> None:
        """Take *refresh_token* for unused where *failure* says that nothing was sent."""
        if refresh_token is not None and getattr(failure, "unsent", False):
            self.line.unspend(refresh_token)

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

    def cool(self, failure: Exception, flight: Flight) -> None:
        """Make the *failure* of a login count for a while, and for all who wait. Then tell of it, once.

        What never reached the endpoint doesn't count.
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
        held = self.dated(token, talk.reply, before)
        if not held.is_usable(self._credential.clock):  # the same
            held = self.dated(replace(token, lifetime=0.0, expires_at=None), talk.reply, before)
        with self._credential.memory.lock:
            remembers = not flight.forgotten
            follows = self._credential.provider.refreshes and stand_in.current is None
            if keep and follows and (remembers or self.alone):
                self._follow(held, talk)
            if remembers:
                self._credential.cooldowns.succeeded(self._credential.key, talk.mark)
        return held

    def _follow(self, held: Held, talk: Talk) -> None:
        """Let the refresh token of *held* be the next one."""
        if held.token.refresh_token is not None:
            self.line.follow(held.token)
            if self.listener() is not None and held.token.refresh_token != talk.refresh_token:
                self.line.untold = held

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

    def told(self, held: Held) -> None:
        """The listener knows the refresh token of *held*: a caller that passes it from now on means this line."""
        if self.line.untold is held:
            self.line.untold = None
        mark = self._credential.mark_with(held.token.refresh_token or "")
        if mark is not None:
            BROUGHT.also(mark, self._credential.mark)

    def telling(self, held: Held) -> Callable[[], object] | None:
        """Return the call of the listener, or None where there is nothing new in *held*."""
        listener = self.listener()
        if listener is None or self.line.untold is not held or held.token.refresh_token is None:
            return None
        return partial(listener, held.token.refresh_token)

    @staticmethod
    def not_told(problem: BaseException) -> Exception:
        """Return the error for what the listener raised: without its text, which may quote the refresh token."""
        problem = errors.alone(problem)
        if isinstance(problem, errors.TokenAuthError):
            return problem
        text = f"on_refresh_token raised {type(problem).__name__}; call it by itself to see why. Nothing is lost: it is"
        return errors.TokenAuthError(f"{text} called again, with the same refresh token, before the new token is used")

    def _warn_of_the_end(self) -> None:
        if not self._warned:
            self._warned = True
            text = "%s: the answer says that its token has expired already. It is used until it is refused. Is a clock"
            known = settable(self._credential.provider, "expires_in", "expires_at", "expires", "expires_unit")
            elsewhere = f", or is the expiry elsewhere ({', '.join(known)})" if known else ""
            log.warning(f"{text} wrong{elsewhere}?", self._credential.name)

    def dated(self, token: Token, reply: Reply, before: Token | None) -> Held:
        """Return *token* with its times, as it is to be held. *before*: the token that it replaces."""
        credential = self._credential
        if credential.provider.sliding:
            return sliding(token, reply, leeway=credential.leeway)
        soft = not credential.provider.discards_older  # else a refresh would end a token that others still send
        if credential.provider.hands_out_held and (lifetime_of(token, reply) or 0.0) > 2 * credential.leeway:
            before = None  # who has kept it renews it by its own rules: ask again before its end
        return dated(token, reply, before, leeway=credential.leeway, soft=soft, uniform=credential.uniform)


def _lasting(failure: Exception, flight: Flight) -> "TokenAuthError | None":
    """Return what counts for a while of *failure*: an answer, or whatever the user's own raised after a login."""
    if isinstance(failure, errors.CredentialsRejected | errors.TokenEndpointError):
        return failure
    if flight.began is None or isinstance(failure, errors.TokenAuthError | Misuse):
        return None
    return errors.TokenAuthError(f"{type(failure).__name__} was raised before the new token was kept. By cache=?")
