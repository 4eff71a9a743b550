"""For clients without a hook for auth objects: `headers(url)`, `aheaders(url)`, `refused(url)`."""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tokenauth._clients.at_login import flows
from tokenauth._core import stand_in
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._lazy import once

if TYPE_CHECKING:
    from tokenauth._core.flow import Flow
    from tokenauth._core.source import Source

T = TypeVar("T")

_MOST_ORIGINS = 64


class _HandedOut(NamedTuple):
    """The *token* that was handed out last, and whether it was *renewed*: obtained after a refusal.

    Once that is refused there is no token, but the *last* one is known.
    """

    token: Token | None
    renewed: bool
    last: Token | None = None


_NOTHING = _HandedOut(None, renewed=False)


class Anywhere:
    """Headers for requests that you send without passing the auth object."""

    if TYPE_CHECKING:

        @once
        def _source(self) -> "Source": ...

    @once
    def _handed_out(self) -> dict[Origin, "_HandedOut"]:
        """What was handed out last, by origin."""
        return {}

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers for a request to *url*. Call it for each request: it is cheap, and renews a due token.

        If *url* may not receive the token, the result is `{}`, with one warning for its origin. A token that is sent as
        a cookie comes in a `Cookie` header.

        Raises:
            TokenAuthError: no token could be obtained.
            ValueError: *url* is not an http(s) URL, or the API takes its token in the query instead of a header.
        """
        origin = Origin.parse(url)
        if self._source.provider.is_static(origin):
            return _headers(url, self._run(flows.static(self._source, origin)))  # type: ignore[arg-type]  # a signature, not a token
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(url, origin, self._source.tokens.fresh() or self._obtain(None))

    async def aheaders(self, url: str) -> dict[str, str]:
        """Async version of `headers()`; it doesn't block the event loop."""
        origin = Origin.parse(url)
        if self._source.provider.is_static(origin):
            return _headers(url, await self._arun(flows.static(self._source, origin)))
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(url, origin, self._source.tokens.fresh() or await self._aobtain(None))

    def refused(self, url: str, headers: Mapping[str, str] | None = None) -> bool:
        """Report a 401 from *url*. If the result is True, send the request again with new `headers(url)`.

        This drops the token that `headers` last returned for the origin of *url*, but no newer token.

        Args:
            url: the URL that you passed to `headers`.
            headers: headers of the refused request. Pass them if several threads or tasks send at once, so that a late
                refusal of an old token can't drop a newer one.

        Returns:
            False if a new token would not help: *headers* carry no token of this object, or *url* has refused new
            tokens before and must wait for the next renewal.
        """
        source, origin = self._source, Origin.parse(url)
        token, renewed, last = self._handed_out.get(origin, _NOTHING)
        if token is None or not (headers is None or self._carries(headers, token, origin)):
            return self._is_outdated(headers, origin, token or last)
        address = url.partition("?")[0].partition("#")[0]
        if renewed:  # it was obtained after a refusal, and is refused as well
            source.renewed_in_vain(address)
        if not source.renews(token, address):
            return False
        source.reject(token)
        self._handed_out[origin] = _HandedOut(None, renewed=True, last=token)
        return True

    def _is_outdated(self, headers: Mapping[str, str] | None, origin: Origin, last: Token | None) -> bool:
        """Whether *headers* carried an older token than the current one, or than the one that is being fetched.

        *last*: the token that was handed out last.
        """
        held = self._source.tokens.held()
        known = last if held is None else held.token
        if headers is None or known is None:
            return False
        signature = self._source.admission.signature(known, origin)
        ours = signature is not None and set(signature.headers_beside(None)) <= set(headers)
        return ours and (held is None or not self._carries(headers, known, origin))

    def _carries(self, headers: Mapping[str, str], token: Token, origin: Origin) -> bool:
        signature = self._source.admission.signature(token, origin)
        return signature is not None and signature.is_on(headers, "")

    def _carrying(self, url: str, origin: Origin, token: Token) -> dict[str, str]:
        signature = self._source.admission.signature(token, origin)
        if signature is None:
            return {}
        given = self._handed_out
        before, renewed, _ = given.get(origin, _NOTHING)
        if len(given) >= _MOST_ORIGINS:
            given.clear()
        given[origin] = _HandedOut(token, renewed and (before is None or before.value == token.value))
        return _headers(url, signature)

    if TYPE_CHECKING:

        def _run(self, flow: "Flow", library: str | None = None) -> Token: ...

        async def _arun(self, flow: Generator[Any, Any, T], library: str | None = None) -> T: ...

        def _obtain(self, rejected: Token | None, library: str | None = None) -> Token: ...

        async def _aobtain(self, rejected: Token | None, library: str | None = None) -> Token: ...


def _headers(url: str, signature: Any) -> dict[str, str]:
    signature = signature or Signature()
    if signature.params:
        names = ", ".join(signature.params)
        raise ValueError(
            f"This API takes the token in the query ({names}), and headers() has no place for that: use the auth "
            "object with requests, httpx or aiohttp, or put get_token().value into the URL yourself"
        )
    stand_in.tell(url, signature)
    return dict(signature.headers_beside(None))
