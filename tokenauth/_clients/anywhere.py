"""For clients without a hook for auth objects: `headers(url)`, `aheaders(url)`, `refused(url)`."""

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tokenauth._clients.at_login import cache, flows
from tokenauth._core import stand_in
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._lazy import once

if TYPE_CHECKING:
    from tokenauth._core.cache import Recent
    from tokenauth._core.flow import Flow
    from tokenauth._core.source import Source

T = TypeVar("T")

LASTED = 30.0
"""A new token that is refused at the same address so many seconds later has been of use in between."""


class Anywhere:
    """Headers for requests that you send without passing the auth object."""

    if TYPE_CHECKING:

        @once
        def _source(self) -> "Source": ...

    @once
    def _handed_out(self) -> "Recent[_Given]":
        """By origin: the token that was given last."""
        return cache.Recent(maxsize=64)

    @once
    def _renewals(self) -> "Recent[_Renewal]":
        """By address: the last renewal that its refusal led to."""
        return cache.Recent(maxsize=1024)

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers for a request to *url*. Call it for each request: it is cheap, and renews a due token.

        If *url* may not receive the token, the result is `{}`, with one warning for its origin. A token that is sent as
        a cookie comes in a `Cookie` header.

        Raises:
            TokenAuthError: no token could be obtained.
            ValueError: *url* is not an http(s) URL, or the API takes its token in the query instead of a header.
        """
        origin = _origin(url)
        if self._source.provider.is_static(origin):
            return _headers(url, self._run(flows.static(self._source, origin)))  # type: ignore[arg-type]  # a signature, not a token
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(url, origin, self._source.tokens.fresh() or self._obtain(None))

    async def aheaders(self, url: str) -> dict[str, str]:
        """Async version of `headers()`; it doesn't block the event loop."""
        origin = _origin(url)
        if self._source.provider.is_static(origin):
            return _headers(url, await self._arun(flows.static(self._source, origin)))
        if not self._source.admission.admits(origin):
            return {}
        return self._carrying(url, origin, self._source.tokens.fresh() or await self._aobtain(None))

    def refused(self, url: str, headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None) -> bool:
        """Report a 401 from *url*. If the result is True, send the request again with new `headers(url)`.

        This drops the token that `headers` last returned for the origin of *url*, but no newer token. Report the second
        401 of the same request too: renewals that don't help then become rare, 1 s apart, doubling to 10 minutes.

        Args:
            url: the URL that you passed to `headers`.
            headers: headers of the refused request, as a mapping or as pairs, with names in any case. Pass them if
                several threads or tasks send at once, so that a late refusal of an old token can't drop a newer one.

        Returns:
            False if a new token would not help: *headers* carry no token of this object, or *url* has refused new
            tokens before and must wait for the next renewal.
        """
        source, origin = self._source, _origin(url)
        if not source.admission.admits(origin):
            return False
        given, held = self._handed_out.get(origin), source.tokens.held()
        if headers is None:
            if given is None or given.dropped:
                return given is not None
            token = given.token
        else:
            known, sent = held or given, _Sent(headers)
            signature = None if known is None else source.admission.signature(known.token, origin)
            if signature is None:
                return False
            if held is None or not signature.is_on(sent, ""):
                # nothing to drop; if they carry an older token of ours, a newer one is there, or under way
                return all(name in sent for name in signature.headers_beside(None))
            token = held.token
        return self._drop(token, origin, address=url.partition("?")[0].partition("#")[0])

    def _drop(self, token: Token, origin: Origin, address: str) -> bool:
        """Drop *token*, which *address* refused, unless new ones didn't help there; return whether it did."""
        source, before, held = self._source, self._renewals.get(address), self._source.tokens.held()
        if held is None or held.token.value != token.value:  # another thread was first
            return True
        if before is not None and not before.in_vain and before.at <= held.since:
            # nobody reports successes: a token that lasts has had some
            before.in_vain = source.now() - before.at < LASTED
            source.ended(address, refused=before.in_vain)
        if not source.renews(token, address):
            return False
        self._handed_out.put(origin, _Given(token, dropped=True))
        source.reject(token)
        self._renewals.put(address, _Renewal(source.now()))
        return True

    def _carrying(self, url: str, origin: Origin, token: Token) -> dict[str, str]:
        signature = self._source.admission.signature(token, origin)
        if signature is None:
            return {}
        before = self._handed_out.get(origin)
        if before is None or before.token is not token or before.dropped:
            self._handed_out.put(origin, _Given(token))
        return _headers(url, signature)

    if TYPE_CHECKING:

        def _run(self, flow: "Flow", library: str | None = None) -> Token: ...

        async def _arun(self, flow: Generator[Any, Any, T], library: str | None = None) -> T: ...

        def _obtain(self, rejected: Token | None, library: str | None = None) -> Token: ...

        async def _aobtain(self, rejected: Token | None, library: str | None = None) -> Token: ...


def _origin(url: str) -> Origin:
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, not {type(url).__name__}: write str(url)")
    return Origin.parse(url)


class _Given(NamedTuple):
    """The token that was handed out last for an origin, and whether it has been refused there."""

    token: Token
    dropped: bool = False


class _Renewal:
    """The last renewal that a refusal led to at an address, and whether that refused the new token, too."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.in_vain = False


class _Sent(dict[str, str]):
    """Headers as they were sent, by names in any case: gRPC's and HTTP/2's are in lower case."""

    def __init__(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        try:
            pairs = [(name.lower(), value) for name, value in dict(headers).items()]
        except (AttributeError, TypeError, ValueError):  # whose text may hold a header
            pairs = None
        if pairs is None:
            raise TypeError("headers must be the headers that were sent: a mapping, or pairs, of str to str")
        super().__init__(pairs)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def _headers(url: str, signature: Signature) -> dict[str, str]:
    if signature.params:
        names = ", ".join(signature.params)
        raise ValueError(
            f"This API takes the token in the query ({names}), and headers() has no place for that: use the auth "
            "object with requests, httpx or aiohttp, or put get_token().value into the URL yourself"
        )
    stand_in.tell(url, signature)
    return dict(signature.headers_beside(None))
