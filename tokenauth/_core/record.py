"""Record: what processes share through a store: a token, or the rejection of the credentials."""

import json
import math
from collections.abc import Mapping
from typing import Any

from tokenauth._core.cooldown import REJECTED
from tokenauth._core.frozen import Frozen, part, replace
from tokenauth._core.token import Token

KEPT_UNKNOWN = 30 * 86400.0
"""Seconds for which a token of unknown expiry is kept."""
KEPT_REFRESH = 400 * 86400.0
"""Seconds for which a refresh token is kept at least; some live 100 days from their last use, and a few a year."""
KEPT_LONGEST = 3650 * 86400.0
_STATED = ("refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in")


class Record(Frozen):
    """One entry of a store, before it is sealed.

    Attributes:
        saved_at: Unix seconds when the login that brought it began, by the clock of the machine that saved it.
        token: or None.
        failure: text and evidence of a `CredentialsRejected`, or None.
        until: Unix seconds after which the entry is void.
        failed_until: Unix seconds after which the failure is void, and only the token counts.
    """

    saved_at: float
    until: float
    token: Token | None = None
    failure: Mapping[str, Any] | None = part(default=None, repr=False)
    failed_until: float = math.inf

    @classmethod
    def of_token(cls, token: Token, now: float) -> "Record":
        """Return what to tell of *token*. *now*: Unix seconds."""
        if token.refresh_token is not None:
            return cls(now, now + _kept(token), token)
        return cls(now, now + KEPT_UNKNOWN if token.expires_at is None else token.expires_at, token)

    @classmethod
    def of_rejection(cls, failure: Any, now: float, token: Token | None = None) -> "Record":
        """Return what to tell of *failure*, so that nobody tries the same credentials meanwhile.

        *token*: what is to be kept all the same, for there is nothing else to log in with than its refresh token.
        """
        evidence = {name: getattr(failure, name) for name in ("status", "code", "detail", "retry_after")}
        until = now + REJECTED
        kept = until if token is None else now + _kept(token)
        return cls(now, kept, token, failure={"message": str(failure), **evidence}, failed_until=until)

    def spent(self) -> "Record":
        """Return the record without its refresh token, which is about to be used."""
        return replace(self, token=self.token and replace(self.token, refresh_token=None))

    def ended(self) -> "Record":
        """Return the record without its token, which is about to be logged out."""
        return replace(self, token=None)

    def to_json(self) -> bytes:
        """Return the record as JSON. Fields of `Token.extra` that JSON has no form for become text."""
        token = None
        if self.token is not None:
            token = {name: getattr(self.token, name) for name in _TOKEN_FIELDS}
            token |= {name: dict(getattr(self.token, name)) for name in ("extra", "kept")}
        content = {"saved_at": self.saved_at, "until": self.until, "token": token, "failure": self.failure}
        if self.failure is not None:
            content["failed_until"] = self.failed_until
        return json.dumps(content, default=str).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Record":
        """Return the record that `to_json` gave; ValueError, KeyError or TypeError where *content* is none."""
        fields = json.loads(content)
        token = None if fields["token"] is None else Token(**fields["token"])
        failed_until = float(fields.get("failed_until", math.inf))
        return cls(float(fields["saved_at"]), float(fields["until"]), token, fields["failure"], failed_until)


def _kept(token: Token) -> float:
    """Return for how many seconds to keep the refresh token of *token*: as the answer says, or for long."""
    stated = [token.extra.get(name) for name in _STATED]
    numbers = [float(each) for each in stated if isinstance(each, int | float) and not isinstance(each, bool)]
    return min(max([KEPT_REFRESH, *numbers]), KEPT_LONGEST)


_TOKEN_FIELDS = ("value", "type", "lifetime", "expires_at", "refresh_in", "refresh_token", "origin")
