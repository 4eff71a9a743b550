"""The error classes of `tokenauth.errors`; the only module of the core that imports the clients."""

from collections.abc import Mapping
from typing import Any, Self

import httpx
import requests

try:
    import httpx2
except ImportError:  # an extra
    _httpx_roots: tuple[type[Exception], ...] = (httpx.HTTPError,)
else:  # httpx2.alias_httpx() makes the two one class
    _httpx_roots = tuple(dict.fromkeys((httpx.HTTPError, httpx2.HTTPError)))

_Roots: Any = type("_Roots", (requests.RequestException, *_httpx_roots), {})


class TokenAuthError(_Roots):  # type: ignore[misc]  # its bases are known at run time only
    """No token could be had; the text says what, where and what next, and never shows a secret.

    Attributes:
        status: HTTP status of the token endpoint's answer, or None where there was none.
        code: the provider's own error code (`error` of RFC 6749 §5.2, `soaCode`, ATRIP's `status`), or None.
        detail: the provider's own error text, or None.
        retry_after: seconds that the provider asked to wait (`Retry-After`, RFC 9110 §10.2.3), or None.
        retryable: whether the same token call may succeed when it is made again.
        extra: other fields of the provider's error answer, such as Manis' `type`; never a secret.
        response: always None; the attribute exists because requests' exceptions have it.
    """

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
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.retryable = retryable
        self.extra = dict(extra or {})

    @property
    def request(self) -> Any:
        """The API request that wanted the token, where the client sets it; else None."""
        return self.__dict__.get("_request")

    @request.setter
    def request(self, request: Any) -> None:
        self.__dict__["_request"] = request

    def again(self) -> Self:
        """Return a new error of the same kind, text and evidence: an exception object is raised once only."""
        names = ("status", "code", "detail", "retry_after", "retryable", "extra")
        evidence = {name: self.__dict__[name] for name in names}
        return type(self)(*self.args, **evidence)


class CredentialsRejected(TokenAuthError):
    """The provider refused the credentials: check them. Not retried, and replayed for 60 s (lock-outs)."""


class TokenEndpointError(TokenAuthError):
    """The token endpoint failed, or could not be reached, or did not answer in time."""


class TokenResponseError(TokenEndpointError):
    """The token endpoint answered 2xx, but without a usable token."""


for _error in (TokenAuthError, CredentialsRejected, TokenEndpointError, TokenResponseError):
    _error.__module__ = "tokenauth.errors"  # the public home, also for pickles
