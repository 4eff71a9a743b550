"""Record: what processes tell each other through a store: a token, or that the credentials were rejected."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenauth._token import Token

KEPT_UNKNOWN = 30 * 86400.0
"""Seconds for which a token of unknown expiry, or one with a refresh token, is kept."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a store, before it is sealed.

    Attributes:
        saved_at: Unix seconds by the clock of the machine that saved it.
        token: or None.
        failure: text and evidence of a `CredentialsRejected`, or None.
        until: Unix seconds after which the entry tells nothing any more.
    """

    saved_at: float
    until: float
    token: Token | None = None
    failure: Mapping[str, Any] | None = field(default=None, repr=False)

    def to_json(self) -> bytes:
        """Return the record as JSON. Fields of `Token.extra` that JSON has no form for become text."""
        token = None
        if self.token is not None:
            token = {name: getattr(self.token, name) for name in _TOKEN_FIELDS} | {"extra": dict(self.token.extra)}
        content = {"saved_at": self.saved_at, "until": self.until, "token": token, "failure": self.failure}
        return json.dumps(content, default=str).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Record":
        """Return the record that `to_json` gave; ValueError, KeyError or TypeError where *content* is none."""
        fields = json.loads(content)
        token = None if fields["token"] is None else Token(**fields["token"])
        return cls(float(fields["saved_at"]), float(fields["until"]), token, fields["failure"])


_TOKEN_FIELDS = ("value", "type", "lifetime", "expires_at", "refresh_in", "refresh_token", "origin")
