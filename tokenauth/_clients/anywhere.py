"""For clients that have no hook for an auth object: `headers(url)`, `aheaders(url)`, `refused(url)`."""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tokenauth._clients.at_login import flows
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._lazy import once

if TYPE_CHECKING:
    from tokenauth._core.flow import Flow
    from tokenauth._core.source import Source

T = TypeVar("T")

_MOST_ORIGINS = 64


class Anywhere:
    """Headers for requests that are sent without the auth object."""

    if TYPE_CHECKING:

        @once
        def _source(self) -> "Source": ...

    @once
    def _handed_out(self) -> dict[Origin, tuple[Token | None, bool]]:
        """By origin: the token that was given last, and whether it was obtained for a refusal."""
        return {}

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers that a request to *url* must carry: `{}` where *url* may not have the token.

        The first such URL of an origin is warned of. A token that is sent as a cookie comes in a `Cookie` header. Call
        it for each request: it is cheap, and renews the token when that is due.

        Raises:
            TokenAuthError: no token could be had.
            ValueError: *url* is no http(s) URL, or the API takes its token in the query, where no header has a place.
        """
        origin = Origin.parse(url)
        if self._source.provider.is_static(origin):
            return _headers(self._run(flows.static(self._source, origin)))  # type: ignore[arg-type]  # a signature, not a token
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(origin, self._source.tokens.fresh() or self._obtain(None))

    async def aheaders(self, url: str) -> dict[str, str]:
        """Do as `headers`, without blocking the event loop."""
        origin = Origin.parse(url)
        if self._source.provider.is_static(origin):
            return _headers(await self._arun(flows.static(self._source, origin)))
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(origin, self._source.tokens.fresh() or await self._aobtain(None))

    def refused(self, url: str, headers: Mapping[str, str] | None = None) -> bool:
        """Tell of a 401 that a request to *url* met; return whether to send it again, with new `headers(url)`.

        It drops the token that `headers` gave last for the origin of *url*, and no newer one.

        Args:
            url: as it was given to `headers`.
            headers: those of the refused request. Name them where several threads or tasks send at once, so that a
                late refusal of an old token drops no newer one.

        Returns:
            False where a new token would not help: *headers* carry none of ours, or this address has refused new
            tokens before, so that they have become rare.
        """
        source, origin = self._source, Origin.parse(url)
        token, renewed = self._handed_out.get(origin, (None, False))
        if token is None or not (headers is None or self._carries(headers, token, origin)):
            return self._is_outdated(headers, origin)
        address = url.partition("?")[0].partition("#")[0]
        if renewed:  # it was obtained for a refusal, and is refused, too
            source.renewed_in_vain(address)
        if not source.renews(token, address):
            return False
        source.reject(token)
        self._handed_out[origin] = (None, True)
        return True

    def _is_outdated(self, headers: Mapping[str, str] | None, origin: Origin) -> bool:
        """Whether *headers* were refused for an older token than the one that is held."""
        held = self._source.tokens.held()
        if headers is None or held is None:
            return False
        signature = self._source.admission.signature(held.token, origin)
        ours = signature is not None and set(signature.headers_beside(None)) <= set(headers)
        return ours and not self._carries(headers, held.token, origin)

    def _carries(self, headers: Mapping[str, str], token: Token, origin: Origin) -> bool:
        signature = self._source.admission.signature(token, origin)
        return signature is not None and signature.is_on(headers, "")

    def _carrying(self, origin: Origin, token: Token) -> dict[str, str]:
        signature = self._source.admission.signature(token, origin)
        if signature is None:
            return {}
        given = self._handed_out
        before, renewed = given.get(origin, (None, False))
        if len(given) >= _MOST_ORIGINS:
            given.clear()
        given[origin] = (token, renewed and (before is None or before.value == token.value))
        return _headers(signature)

    if TYPE_CHECKING:

        def _run(self, flow: "Flow", library: str | None = None) -> Token: ...

        async def _arun(self, flow: Generator[Any, Any, T], library: str | None = None) -> T: ...

        def _obtain(self, rejected: Token | None, library: str | None = None) -> Token: ...

        async def _aobtain(self, rejected: Token | None, library: str | None = None) -> Token: ...


def _headers(signature: Any) -> dict[str, str]:
    signature = signature or Signature()
    if signature.params:
        names = ", ".join(signature.params)
        raise ValueError(
            f"This API takes the token in the query ({names}), and headers() has no place for that: use the auth "
            "object with requests, httpx or aiohttp, or put get_token().value into the URL yourself"
        )
    return dict(signature.headers_beside(None))
