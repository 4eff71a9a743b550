"""The flow: how a token is obtained. Only this module decides the order of the steps.

    obtain   use the cached token if it is valid; else join the flight for its key: lead it, or wait for its leader
    lead     look in the cache once more; else renew; land or fail the flight
    share    with a store: use what another process has saved; else renew under the fleet's lease, and save
    renew    exchange the refresh token, or log in: `renewal`
    leave    log out the replaced token, if the API has a logout

These are plain generators: they yield effects (`effects`) and receive the results. They know no clock, lock, loop or
client. `Source` and its parts answer their questions. `rejected` is the token that met a 401.
"""

import contextlib
import logging
from collections.abc import Generator
from functools import partial
from typing import Any

from tokenauth._core import errors
from tokenauth._core.cache import Held
from tokenauth._core.effects import LONGER, Effect, Exchange, Pause, Wait
from tokenauth._core.fleet import Leased, Shelf
from tokenauth._core.flights import Flight
from tokenauth._core.leader import Leader
from tokenauth._core.origins import Origin
from tokenauth._core.record import Record
from tokenauth._core.renewal import Fetch, keep, log_in, renew
from tokenauth._core.signature import Signature
from tokenauth._core.source import Source
from tokenauth._core.token import Token

log = logging.getLogger("tokenauth")

FAREWELL = 3.0
"""Maximum time in seconds for a logout."""
CLOSED = "The auth object was closed (close()) while it fetched the token"

Flow = Generator[Effect, Any, Token]


def obtain(source: Source, rejected: Token | None = None) -> Flow:
    """Return a token other than *rejected*: from the cache, from a fetch in progress, or from the provider."""
    deadline = source.deadline()
    late = False
    if rejected is not None:
        source.reject(rejected)
    while (held := source.tokens.usable(rejected)) is None:
        if late and source.late(deadline):  # the next comer has the time that a login takes
            text = f"The fetch of the token was abandoned, and too little time is left for another try. {LONGER}"
            raise errors.TokenEndpointError(text, retryable=True)
        with source.flight(rejected) as fresh:
            flight = source.join(fresh)
            if flight is fresh:
                return (yield from lead(Leader(source, flight, deadline), rejected, late=late))
        parting = flight.parting
        landed: Held | None = yield Wait(flight, deadline)  # raises what the leader met
        if flight.parting and not parting:
            raise errors.TokenAuthError(CLOSED)
        if landed is not None and is_answer_to(rejected, flight, landed):
            return landed.token  # even one that has expired since: it is used once by all who waited for it
        late = True
    if not late and rejected is None:
        source.credential.emit("hit", held.token.fingerprint)
    return (yield from refresh(source, held)) if source.tokens.due(held) else held.token


def is_answer_to(rejected: Token | None, flight: Flight, landed: Held) -> bool:
    """Whether a caller that met a 401 on *rejected* can use the result of *flight*: another token, or the same token if
    the flight was for this 401. Some servers return the same token until it expires."""
    if rejected is None or landed.token.value != rejected.value:
        return True
    return flight.rejected is not None and flight.rejected.value == rejected.value


def refresh(source: Source, held: Held) -> Flow:
    """Return a newer token if this caller is the one that fetches it, else the token in *held*.

    It may take as long as any fetch: if *held* expires meanwhile, other callers wait for the result.
    """
    try:
        with source.flight() as fresh:
            if source.join(fresh) is not fresh:
                return held.token
            source.credential.emit("refreshing", held.token.fingerprint)
            return (yield from lead(Leader(source, fresh, source.deadline()), held.token, spare=held))
    except Exception as failure:
        name, ended = source.provider.name, source.past(held.usable_until)
        state = "has expired meanwhile" if ended else "stays in use"
        log.warning("%s: refresh failed, the old token %s: %s", name, state, str(failure).removeprefix(f"{name}: "))
        if ended:
            raise
        if source.tokens.due(held):  # the failure does not cool down
            source.tokens.postpone(held)
        return held.token


def lead(leader: Leader, rejected: Token | None, *, late: bool = False, spare: Held | None = None) -> Flow:
    """Fetch a token for all waiters.

    *late*: this caller has waited before, so if it runs out of time, only it fails. *spare*: a token that it can use
    instead of waiting for another process.
    """
    source, flight, deadline = leader
    try:
        untold = source.logins.refreshing.untold
        if untold is not None:
            yield from keep(leader, untold)
        held = source.tokens.usable(rejected)  # somebody may have landed between our look and our joining
        if held is None and source.fleet.shelf is not None:
            if source.provider.logs_out:
                yield leader.ask(source.fleet.shelf.take_seat())
            held = yield from share(leader, source.fleet.shelf, rejected, spare)
        elif held is None:
            held = yield from renew(leader, rejected)
        if flight.parting:  # all was closed meanwhile: log out at once
            if source.fleet.shelf is not None:
                yield source.fleet.shelf.take_seat()
            source.logins.refreshing.line.over = True
            yield from farewell(source, held.token)
            raise errors.TokenAuthError(CLOSED)
        flight.land(held)
        if flight.replaced is not None and source.provider.logs_out and source.provider.logs_out_replaced:
            yield from leave(source, flight.replaced)
        return held.token
    except Exception as failure:
        if not (late and source.past(deadline)):
            source.logins.cool(failure, flight, quiet=spare is not None)
        raise


def share(leader: Leader, shelf: Shelf, rejected: Token | None, spare: Held | None) -> Fetch:
    """Return what another process has saved; else renew under the fleet's lease, and save."""
    source, flight, deadline = leader
    waits = source.fleet.lease_waits()
    while True:
        saved = yield leader.ask(shelf.load())
        held = source.fleet.adopt(saved, rejected)  # raises a rejection that the fleet knows of
        if held is not None:
            return held
        since = source.credential.wall()
        lease = yield leader.ask(shelf.acquire())
        if lease is not None:
            break
        if spare is not None:
            return spare
        if source.late(deadline):
            text = f"Another process is fetching the token and did not finish in time. {LONGER}"
            raise errors.TokenEndpointError(text, retryable=True)
        yield Pause(next(waits), flight)
    try:
        saved = yield leader.ask(shelf.load(lease))  # somebody was quick, between look and lease
        held = source.fleet.adopt(saved, rejected)
        if held is None:
            in_time = leader._replace(deadline=min(deadline, lease.until))
            held = yield from renew(in_time, rejected, Leased(shelf, lease, saved, since))
        return held
    except Exception as failure:
        if source.fleet.is_rejection(failure):
            yield leader.ask(shelf.save(source.fleet.record(failure, since), lease))
        raise
    finally:
        shelf.release_soon(lease)


def depart(source: Source, shelf: Shelf) -> Generator[Effect, Any, Token | None]:
    """Give up this process's seat. If it was the last one, return the fleet's token, which nobody can use any more.

    A process that takes a seat after the second look finds no token in the store; one that took it before is seen.
    """
    deadline, waits = source.now() + FAREWELL, source.fleet.lease_waits()
    if not (yield shelf.leave_seat()):
        return None
    while (lease := (yield shelf.acquire())) is None:  # another one gets up at this moment, or logs in
        if source.past(deadline):
            return None
        yield Pause(next(waits))
    try:
        saved: Record | None = yield shelf.load(lease)
        if saved is None or saved.token is None or (yield shelf.occupied()):
            return None
        if not (yield shelf.save(saved.ended(), lease)):
            return None
        if (yield shelf.occupied()):
            yield shelf.save(saved, lease)
            return None
        return saved.token
    finally:
        shelf.release_soon(lease)


def farewell(source: Source, token: Token | None, flight: Flight | None = None) -> Generator[Effect, Any, None]:
    """Log out, where this process is the last one; *token* is its own. Failures are only logged.

    *flight* is under way: it logs out by itself, and has some time for that.
    """
    if flight is not None:
        with contextlib.suppress(Exception):
            yield Wait(flight, source.now() + FAREWELL)
        if source.fleet.shelf is not None and not flight.future.done():
            return
    if source.fleet.shelf is not None:
        try:
            token = yield from depart(source, source.fleet.shelf)
        except Exception as failure:
            log.info("%s: the logout failed: %s", source.provider.name, type(failure).__name__)
            return
    if token is not None and (token.value or token.refresh_token):
        yield from leave(source, token)


def leave(source: Source, token: Token) -> Generator[Effect, Any, None]:
    """End the session of *token*, within seconds and if that is possible. Failures are only logged."""
    leader = Leader(source, source.solo(), min(source.deadline(), source.now() + FAREWELL))
    try:
        request = yield leader.call(partial(source.logins.farewell, token))
        if request is not None:
            reply = yield Exchange(request, leader.flight, leader.deadline)
            log.info("%s: token %s logged out (HTTP %s)", source.provider.name, token.fingerprint, reply.status)
    except Exception as failure:
        text = str(failure) if isinstance(failure, errors.TokenAuthError) else type(failure).__name__
        log.info("%s: the logout of token %s failed: %s", source.provider.name, token.fingerprint, text)


def static(source: Source, origin: Origin) -> Generator[Effect, Any, Signature]:
    """Return what requests to *origin* carry without a token."""
    leader = Leader(source, source.solo(), source.deadline())
    signature: Signature = yield leader.call(partial(source.admission.static, origin))
    return signature


def fetch(source: Source) -> Flow:
    """Return a token of the caller's own: not from the cache, not kept there, shared with nobody.

    Until a login has succeeded, callers go one after the other: wrong credentials are refused once for all of them.
    """
    deadline = source.deadline()
    while not source.logins.proven:
        with source.flight() as fresh:
            flight = source.join(fresh)
            if flight is fresh:
                return (yield from fetch_alone(Leader(source, flight, deadline)))
        yield Wait(flight, deadline)  # raises what the leader met
    return (yield from fetch_alone(Leader(source, source.solo(), deadline)))


def fetch_alone(leader: Leader) -> Flow:
    """Log in for this caller only. Those that wait for its flight only learn how it ended."""
    try:
        return (yield from log_in(leader)).token
    except Exception as failure:
        leader.source.logins.cool(failure, leader.flight)
        raise
