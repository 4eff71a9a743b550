"""The error classes of `tokenauth.errors`. Their bases grow: an error is also one of each client that is imported.

Law: no client is imported for the sake of an error. Whoever catches `httpx.HTTPError` has imported httpx.
"""

import contextlib
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

Error = TypeVar("Error", bound=Exception)


class _Plain(OSError):
    """What is left of requests' exceptions without requests: the layout, or their bases couldn't be added later."""


if TYPE_CHECKING:
    _Root: Any = _Plain
    _NoAnswer: Any = _Plain
else:
    _Root = type("_Root", (_Plain,), {})
    _NoAnswer = type("_NoAnswer", (_Plain,), {})

_ROOTS = {"requests": "RequestException", "niquests": "RequestException", "aiohttp": "ClientError"}
_ROOTS |= dict.fromkeys(("httpx", "httpx2"), "HTTPError")
_NO_ANSWERS = dict.fromkeys(("requests", "niquests"), "ConnectionError")
_NO_ANSWERS |= dict.fromkeys(("httpx", "httpx2"), "RequestError")


def _grow() -> None:
    """Give the errors the bases that the clients in this program have for theirs."""
    for ours, names in ((_Root, _ROOTS), (_NoAnswer, _NO_ANSWERS)):
        found = (getattr(sys.modules.get(client), name, _Plain) for client, name in names.items())
        classes = dict.fromkeys(each for each in found if isinstance(each, type))  # once each: httpx2.alias_httpx()
        bases = *(each for each in classes if each is not _Plain), _Plain
        if bases != ours.__bases__:
            with contextlib.suppress(TypeError):  # a subclass of a user's own has its bases in another order
                ours.__bases__ = bases


_grow()


class TokenAuthError(_Root):  # type: ignore[misc]  # its bases are known at run time only
    """No token could be obtained. The message says what failed, where, and what to do. It never shows a secret.

    Attributes:
        status: HTTP status of the token endpoint's response, or None if there was none.
        code: the provider's own error code (`error` of RFC 6749 §5.2, `soaCode`, ATRIP's `status`), or None.
        detail: the provider's own error text, or None.
        retry_after: seconds that the provider asked to wait (`Retry-After`, RFC 9110 §10.2.3), or None.
        retryable: whether the same token request may succeed if it is sent again.
        extra: other fields of the provider's error response, such as Manis' `type`; never a secret.
        unsent: True if the request certainly never reached the endpoint, False if it did or that is unknown.
        remembered: seconds for which this failure is repeated without a new request (the cool-down); None if it is new.
        response: always None; the attribute exists because requests' exceptions have it.
    """

    response = None
    unsent = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        extra: Mapping[str, str] | None = None,
        remembered: float | None = None,
    ) -> None:
        _grow()
        self._said = message
        super().__init__(_with_rest(message, remembered))
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.retryable = retryable
        self.extra = dict(extra or {})
        self.remembered = remembered

    @property
    def request(self) -> Any:
        """The API request that needed the token, on requests, niquests, httpx and httpx2; else None."""
        return self.__dict__.get("_request")

    @request.setter
    def request(self, request: Any) -> None:
        self.__dict__["_request"] = request

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the request: its body may be a file."""
        return _made_of, (
            type(self),
            self.args,
            {name: each for name, each in vars(self).items() if name != "_request"},
        )

    def again(self, remembered: float | None = None) -> Self:
        """Return a new error with the same class, text and attributes: each exception object is raised only once."""
        left = self.remembered if remembered is None else remembered
        own = {name: each for name, each in vars(self).items() if name not in {"_request", "__notes__", "unsent"}}
        own |= {"remembered": left, "extra": dict(self.extra)}
        return _made_of(type(self), (_with_rest(self._said, left), *self.args[1:]), own)


def _with_rest(message: str, remembered: float | None) -> str:
    """Return *message*, and for how long the failure is repeated."""
    if remembered is None:
        return message
    left = math.ceil(remembered)
    return f"{message} (Remembered: no call was made. The next is in {left} s, or after auth.invalidate().)"


def _made_of(kind: type[Error], arguments: tuple[Any, ...], state: Mapping[str, Any]) -> Error:
    """Return an error of *kind*, a user's own perhaps, whose constructor takes what it likes."""
    _grow()
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class CredentialsRejected(TokenAuthError):
    """The provider rejected the credentials: check them. Not retried, and repeated for 60 s to avoid lockouts."""


class TokenEndpointError(TokenAuthError, _NoAnswer):  # type: ignore[misc]  # the same
    """The token endpoint failed, could not be reached, or did not answer in time.

    Also a requests.ConnectionError and an httpx.RequestError, so that code that retries on these catches it.
    """


class TokenResponseError(TokenEndpointError):
    """The token endpoint answered with a 2xx but without a usable token."""


for _error in (TokenAuthError, CredentialsRejected, TokenEndpointError, TokenResponseError):
    _error.__module__ = "tokenauth.errors"  # the public home, also for pickles
