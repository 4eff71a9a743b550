"""Renewal: how the leader gets one token: with a refresh token, or by a login.

    renew    exchange the refresh token, once, if there is one; else log in; retry if that may help
    choose   choose the refresh token, and inform the fleet before it is used
    call     make the token requests, and save the result for the fleet before anyone uses it
    keep     inform the user of a new refresh token, and put its access token in use

What can happen to a refresh token, and what follows:

    nothing was sent (refused connection, DNS, TLS)      it stays valid
    no answer, or a 5xx: it may have been exchanged      log in; if there is no other way (`alone`), try it again
    refused (400 invalid_grant)                          log in; if there is no other way, the user must authorize again
    200 without a new one                                it stays valid (RFC 6749 §6)
    200, and nobody could be told                        this process has it, tells again, and goes on from there
    the process is killed between answer and save        the fleet knows the old one: as where no answer came
    its caller is cancelled                              the renewal goes on without it; nobody else may call meanwhile
    another process of the fleet has the lease           the lease ends with it, and the old one is as above
"""

import logging
from collections.abc import Generator
from functools import partial
from typing import Any
from urllib.parse import quote

from tokenauth._core import errors
from tokenauth._core.cache import Held
from tokenauth._core.effects import LONGER, Call, Effect, Pause
from tokenauth._core.errands import Errand
from tokenauth._core.fleet import Leased
from tokenauth._core.leader import Leader
from tokenauth._core.messages import TokenRequest
from tokenauth._core.secrets import Unshown
from tokenauth._core.source import Source
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")

TELLING = 1.0
"""Seconds that `on_refresh_token` has at least: what it is told of must not be lost for want of time."""

Fetch = Generator[Effect, Any, Held]


def renew(leader: Leader, rejected: Token | None, leased: Leased | None = None) -> Fetch:
    """Exchange the refresh token, once, if there is an unused one; else log in. Makes at most three tries."""
    source, refreshing, tries = leader.source, leader.source.logins.refreshing, 0
    held = source.tokens.held()
    before = held.token if held is not None else rejected
    if leased and leased.saved and leased.saved.token and leased.saved.token.value:
        before = leased.saved.token
    while True:
        refresh_token, leased = yield from choose(leader, leased)
        try:
            return (yield from call(leader, before, refresh_token, leased=leased))
        except Exception as failure:
            used = refresh_token is not None and not refreshing.alone and refreshing.line.has_passed(refresh_token)
            if refresh_token is not None and not refreshing.alone:
                log.info("%s: the refresh token didn't work: %s", source.provider.name, failure)
                if leased and leased.saved and not used:  # the next caller may use it
                    yield leader.ask(leased.shelf.save(leased.saved, leased.lease))
            if not used or source.logins.may_pass(failure):  # unused, it would be chosen again
                tries += 1
                yield from rest(leader, failure, tries)
            elif source.past(leader.deadline):
                raise unanswered(source, failure) from None
        if refresh_token is not None and leased:
            leased = leased._replace(saved=(yield leader.ask(leased.shelf.load(leased.lease))))
            adopted = source.fleet.adopt(leased.saved, rejected)
            if adopted is not None:
                return adopted


def unanswered(source: Source, failure: Exception) -> Exception:
    """Return *failure*, which left no time for a login. A refused refresh token says nothing of the credentials."""
    if not isinstance(failure, errors.CredentialsRejected):
        return failure
    text = f"{source.provider.name}: the refresh token was refused, and no time is left for a login"
    return errors.TokenEndpointError(f"{text}. {LONGER}", retryable=True)


def choose(leader: Leader, leased: Leased | None) -> Generator[Effect, Any, tuple[Any, Leased | None]]:
    """Return the refresh token to use, or None to log in, and the saved record. The fleet has been informed."""
    source, refreshing = leader.source, leader.source.logins.refreshing
    saved = leased.saved if leased else None
    function = partial(refreshing.renewal, saved.token if saved else None, shared=source.fleet.shelf is not None)
    token = (yield leader.call(function)) if refreshing.alone else function()
    if token is None:
        return None, leased
    if refreshing.alone and source.late(leader.deadline):
        raise errors.TokenEndpointError(f"Too little time is left to use the refresh token. {LONGER}", retryable=True)
    if leased:
        known = saved if saved and saved.token and saved.token.refresh_token == token.refresh_token else None
        known = known or source.fleet.record(token, leased.since)
        ask = leased.shelf.save(known if refreshing.alone else known.spent(), leased.lease)
        told = yield leader.ask(ask)
        if not told and refreshing.alone:
            raise errors.TokenEndpointError(f"{source.provider.name}: {_UNTOLD}", retryable=True)
        if not told:
            return None, leased
        leased = leased._replace(saved=known)
    refresh_token = Unshown(token.refresh_token)
    refresh_token.before = token
    return refresh_token, leased


_UNTOLD = (
    "the store can't be read and written, and without it a new refresh token might be lost, or be used twice. Nothing "
    "is renewed until the store works again"
)


def rest(leader: Leader, failure: Exception, tries: int) -> Generator[Effect, Any, None]:
    """Pause before the next try, or raise *failure* if there is none."""
    source, flight, deadline = leader
    pause = source.logins.pause(failure, tries, deadline, flight.mark)
    if pause is None:
        raise failure
    source.credential.emit("retried", error=failure)
    yield Pause(pause, flight)


def call(
    leader: Leader,
    before: Token | None,
    refresh_token: str | None,
    *,
    leased: Leased | None = None,
    keep_it: bool = True,
) -> Fetch:
    """Log in once, and put what that brings in use, but for *keep_it*. *before*: the token that is replaced."""
    flight, logins, refreshing = leader.flight, leader.source.logins, leader.source.logins.refreshing
    talk = yield leader.call(partial(logins.begin, refresh_token), logins.reads)
    flight.mark = talk.mark
    logins.replay(flight.mark)
    logins.start(flight)
    while talk.request is not None:
        late = leader.source.past(leader.deadline) or (leased is not None and leader.source.slept(leased.since))
        if late:  # a login that nobody has the time for may end the token of another
            raise errors.TokenAuthError(f"The time for a token was over before its request could be sent. {LONGER}")
        if refresh_token is not None and not refreshing.alone and may_carry(talk.request, refresh_token):
            refreshing.line.spend(refresh_token)
        try:
            reply = yield leader.exchange(talk.request)
        except Exception as failure:
            refreshing.unsend(refresh_token, failure)
            raise
        talk.answer(reply)
    held = logins.accept(flight, talk, before, keep=keep_it)
    if not keep_it:
        logins.tell_of(flight, held, talk)
        return held
    if leased:  # tell the other processes before anybody has it: who is killed then takes no refresh token along
        record = leader.source.fleet.record(held, leased.since)
        if not (yield leader.ask(leased.shelf.save(record, leased.lease))):
            leader.source.fleet.outdate(held)
    yield from keep(leader, held, talk)
    if before is not None and before.value != held.token.value and refresh_token is None:
        flight.replaced = before
    return held


def may_carry(request: TokenRequest | Errand, refresh_token: str) -> bool:
    """Whether *request* may have *refresh_token* in it; a look at the server's metadata before the exchange has not."""
    if not isinstance(request, TokenRequest) or request.method != "GET" or request.body:
        return True
    texts = (request.url, *request.headers.values())
    return any(form in text for form in (refresh_token, quote(refresh_token, safe="")) for text in texts)


def keep(leader: Leader, held: Held, talk: Talk | None = None) -> Generator[Effect, Any, None]:
    """Put *held* in use, when the user has been told of its refresh token, where he wants to be."""
    source, flight, deadline = leader
    refreshing = source.logins.refreshing
    telling = refreshing.telling(held)
    if telling is not None:
        late = max(deadline, source.now() + TELLING)
        problem: Exception | None = None
        try:
            yield Call(telling, flight, late, blocks=True, what="on_refresh_token")
        except Exception as failure:
            problem = refreshing.not_told(failure)
        if problem is not None:
            raise problem
    refreshing.told(held)
    source.logins.keep(flight, held, talk)


def log_in(leader: Leader) -> Fetch:
    """Log in with the credentials, at most three times, for this caller only."""
    tries = 0
    while True:
        tries += 1
        try:
            return (yield from call(leader, None, None, keep_it=False))
        except Exception as failure:
            yield from rest(leader, failure, tries)
