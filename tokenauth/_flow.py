"""The flow: how a token is obtained. The only place where the order of steps is decided.

    obtain   the cached token where it is usable; else join the flight for its key and lead it, or wait for its leader
    lead     look once more; else log in; land the flight, fail it, or in any case abandon it
    log_in   build the request, send it, read the answer; try again where that may help

These are plain generators: they yield effects (`_effects`) and are sent the results. They know no clock, lock, loop
or client; `Source` answers what they ask. `rejected` is the token that a 401 came back for.
"""

from collections.abc import Generator
from functools import partial
from typing import Any

from tokenauth._cache import Held
from tokenauth._effects import Call, Effect, Exchange, Pause, Wait
from tokenauth._flights import Flight
from tokenauth._source import Source, log
from tokenauth._token import Token

Flow = Generator[Effect, Any, Token]


def obtain(source: Source, rejected: Token | None = None) -> Flow:
    """Return a token other than *rejected*: from the cache, from whoever is fetching it, or from the provider."""
    deadline = source.deadline()
    late = False
    if rejected is not None:
        source.reject(rejected)
    while (held := source.usable(rejected)) is None:
        flight, leads = source.join()
        if leads:
            return (yield from lead(source, flight, rejected, deadline, late=late))
        landed: Held | None = yield Wait(flight, deadline)  # raises what the leader met
        if landed is not None and (rejected is None or landed.token.value != rejected.value):
            return landed.token  # even one that expired on arrival: it is used once by all who waited for it
        late = True
    return (yield from refresh(source, held)) if source.due(held) else held.token


def refresh(source: Source, held: Held) -> Flow:
    """Return a newer token where this caller is the one to fetch it, and *held*'s in every other case."""
    flight, leads = source.join()
    if not leads:
        return held.token
    try:
        deadline = min(source.deadline(), held.usable_until)
        return (yield from lead(source, flight, held.token, deadline, late=False))
    except Exception as failure:
        log.warning("%s: refresh failed, the old token stays in use: %s", source.provider.name, failure)
        return held.token


def lead(source: Source, flight: Flight, rejected: Token | None, deadline: float, *, late: bool) -> Flow:
    """Fetch for all who wait. *late*: this caller has waited before, so that running out of time is its own affair."""
    try:
        held = source.usable(rejected)  # somebody may have landed between our look and our joining
        if held is None:
            held = yield from log_in(source, flight, rejected, deadline)
        flight.land(held)
        return held.token
    except Exception as failure:
        if not (late and source.past(deadline)):
            source.cool(failure, flight.mark)
            flight.fail(failure)
        raise
    finally:
        flight.abandon()  # no effect on a flight that has landed or failed


def fetch(source: Source) -> Flow:
    """Return a token of the caller's own: not from the cache, not kept there, shared with nobody."""
    flight = source.solo()
    try:
        held = yield from log_in(source, flight, None, source.deadline(), keep=False)
        return held.token
    except Exception as failure:
        source.cool(failure, flight.mark)
        raise


def log_in(
    source: Source, flight: Flight, rejected: Token | None, deadline: float, *, keep: bool = True
) -> Generator[Effect, Any, Held]:
    """Ask the provider for a token, three times at most; *keep* it in the cache."""
    before, refresh_token = source.spend(rejected)
    tries = 0
    while True:
        request, flight.mark = yield Call(partial(source.prepare, refresh_token), flight, deadline, source.blocks)
        source.replay(flight.mark)
        tries += 1
        try:
            reply = yield Exchange(request, flight, deadline)
            return source.accept(reply, before, refresh_token, keep=keep)
        except Exception as failure:
            pause = 0.0 if refresh_token else source.pause(failure, tries, deadline)
            if pause is None:
                raise
        refresh_token = None  # it serves once; what follows is a login
        yield Pause(pause)
