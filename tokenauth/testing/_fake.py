"""A fake token for every auth object, in place of its login."""

import contextlib
import threading
from collections.abc import Iterator, Mapping

from tokenauth import errors
from tokenauth._core import stand_in
from tokenauth._core.frozen import Frozen, part, replace
from tokenauth._core.memory import forget
from tokenauth._core.provider import Provider
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token, problem_of
from tokenauth.testing._isolated import isolated

FAKE = "fake-token"


class Signed(Frozen):
    """A request that an auth object has signed.

    Attributes:
        method: such as "GET"; None where `headers()` was asked.
        url: as it was signed, with the query parameter that carries the token where one does.
        headers: what was put on the request, cookies as `Cookie`. Hidden in repr.
    """

    method: str | None
    url: str
    headers: Mapping[str, str] = part(repr=False)


class Fake:
    """Replaces every token API. Each auth object gets `token`, makes no login, and reads no secret.

    Attributes:
        signed: the requests that were signed, in order; a request that was sent again is in it twice.
        logins: how many logins there would have been.
        lifetime: seconds for which the next token lives; None, the default, for a token that never expires.
    """

    def __init__(self) -> None:
        self.signed: list[Signed] = []
        self.logins = 0
        self.lifetime: float | None = None
        self._token: Token | str = FAKE
        self._refusals = 0
        self._failure: errors.TokenAuthError | None = None
        self._lock = threading.Lock()

    @property
    def token(self) -> str:
        """The value that the next login brings. Set it, to a text or a `Token`, and the next request carries it."""
        value = self._token.value if isinstance(self._token, Token) else self._token
        return value if self._refusals == 0 else f"{value}-{self._refusals + 1}"

    @token.setter
    def token(self, token: str | Token) -> None:
        sendable(token)
        self._token, self._refusals = token, 0
        forget()

    def refuse(self) -> None:
        """Make the token that was handed out invalid, as if the API had ended it.

        `token` is another one from now on. No auth object knows before a server of yours answers 401 to the old one:
        then it logs in, and sends the request again with the new one.
        """
        self._refusals += 1

    def fail(self, failure: errors.TokenAuthError | None = None) -> None:
        """Let every login fail, until `recover()`; a token that is held is dropped.

        Args:
            failure: such as `CredentialsRejected("no such user")`. Default a `TokenEndpointError`.
        """
        if failure is not None and not isinstance(failure, errors.TokenAuthError):
            raise TypeError(f"failure must be a TokenAuthError, such as CredentialsRejected, not {_kind(failure)}")
        self._failure = failure or errors.TokenEndpointError("The login fails, because the test says so", status=503)
        forget()

    def recover(self) -> None:
        """Let logins succeed again, at once: the failure is forgotten."""
        self._failure = None
        forget()

    def login_of(self, provider: Provider) -> Token:
        """Return what a login at *provider* brings; raise the failure where one is wanted."""
        with self._lock:
            self.logins += 1
        if self._failure is not None:
            raise self._failure.again()
        token = provider.faked(self.token)
        if isinstance(self._token, Token):
            token = replace(self._token, value=self.token, kept={**token.kept, **self._token.kept})
        return token if self.lifetime is None else replace(token, lifetime=self.lifetime)

    def note(self, method: str | None, url: str, signature: Signature, /) -> None:
        """Note a request that is about to carry *signature*."""
        self.signed.append(Signed(method, url, signature.headers_beside(None)))


_active: list[Fake] = []
"""Fakes whose blocks have begun: they may end in another order, as fixtures of two tests at once do."""


@contextlib.contextmanager
def fake() -> Iterator[Fake]:
    """Give every auth object a fake token in the block, without a login; yield what replaces all token APIs.

    Requests are sent as ever, with the fake token: to your mock, or to a server of yours. Stores aren't used, logouts
    aren't sent, and nothing is remembered before or after.
    """
    this = Fake()
    with isolated():
        _active.append(this)
        stand_in.current = this
        try:
            yield this
        finally:
            _active.remove(this)
            stand_in.current = _active[-1] if _active else None


def sendable(token: str | Token) -> Token:
    """Return *token* as a Token. ValueError if no request can carry it."""
    held = token if isinstance(token, Token) else Token(token)
    problem = problem_of(held)
    if problem:
        raise ValueError(f"The token can't be sent: {problem}")
    return held


def _kind(thing: object) -> str:
    return f"the class {thing.__name__}: call it" if isinstance(thing, type) else type(thing).__name__
