"""Dating: turns what a response states into the times, by our own clocks, to refresh its token and to stop using it.

Law: no clock is read here. A lifetime counts from just before the token request, so a slow response makes it shorter
and never longer.
"""

import math

from tokenauth._core.cache import Held
from tokenauth._core.credential import Credential
from tokenauth._core.expiry import jwt_end
from tokenauth._core.frozen import replace
from tokenauth._core.messages import Reply
from tokenauth._core.sliding import LastUse
from tokenauth._core.token import Token

SOFT_REFRESH_AT = (0.70, 0.80)
"""A soft refresh begins at a fraction of the lifetime, drawn for each token from this range."""


def dated(credential: Credential, token: Token, reply: Reply, before: Token | None = None) -> Held:
    """Return *token* of *credential* with its times. *reply* contained it, and it replaces *before*.

    The token is used until *leeway* seconds before its expiry (at most 5 % of its lifetime). If it is no newer than
    *before*, the server has no other, so it is used until it expires and not refreshed earlier. If its expiry is
    unknown or has passed on arrival, it is used until it is refused.
    """
    provider, lifetime = credential.provider, lifetime_of(token, reply)
    if lifetime is None or lifetime <= 0:
        return Held(replace(token, lifetime=None, expires_at=None), math.inf, math.inf, reply.sent)
    leeway = min(credential.leeway, lifetime / 20)
    if provider.sliding:  # never refreshed earlier: a use does the same
        last_use = LastUse(lifetime - leeway, reply.sent, reply.sent_at)
        token = replace(token, lifetime=lifetime, expires_at=None)
        return Held(token, math.inf, math.inf, reply.sent, last_use=last_use)
    token = replace(token, lifetime=lifetime, expires_at=reply.sent_at + lifetime)
    if provider.hands_out_held and lifetime > 2 * credential.leeway:
        before = None  # who has kept it renews it by its own rules: ask again before its end
    same = before is not None and is_same(before, token)
    leeway = 0.0 if same else leeway
    until = reply.sent + lifetime - leeway
    wall_until = reply.sent_at + lifetime - leeway
    if same or provider.discards_older:  # a refresh would end a token that others still send
        return Held(token, until, until, reply.sent, wall_until)
    refresh_in = token.refresh_in or 0.0
    if refresh_in <= 0:  # at once, for each request: that can't be meant
        refresh_in = lifetime * credential.uniform(*SOFT_REFRESH_AT)
    return Held(token, until, min(reply.sent + refresh_in, until), reply.sent, wall_until)


def lifetime_of(token: Token, reply: Reply) -> float | None:
    """Return the seconds that *token* lives from when it was asked for, or None if *reply* and the token say nothing.

    What the answer states counts; where it is silent and the token is a JWT, its `exp` is a hint.
    """
    if token.lifetime is not None:
        return token.lifetime
    end = jwt_end(token.value) if token.expires_at is None else token.expires_at
    return None if end is None else end - reply.server_now


def is_same(before: Token, token: Token) -> bool:
    """Whether a fetch brought nothing new: the same value, or what is left of the same lifetime (to the second)."""
    if before.value == token.value:
        return True
    if before.expires_at is None or token.expires_at is None or before.lifetime is None or token.lifetime is None:
        return False
    return abs(before.expires_at - token.expires_at) < 1 and token.lifetime <= before.lifetime - 1


def as_answered(token: Token, wall: float, monotonic: float) -> tuple[Token, Reply]:
    """Return what this process would have been answered, and when, had it fetched *token* where another one did.

    *wall*, *monotonic*: both clocks, now.
    """
    if token.expires_at is None:
        return token, Reply(200, sent=monotonic, sent_at=wall)
    left = token.expires_at - wall
    lifetime = left if token.lifetime is None else token.lifetime
    age = max(lifetime - left, 0.0)  # less, where that one's clock is ahead
    return replace(token, lifetime=lifetime), Reply(200, sent=monotonic - age, sent_at=wall - age)
