"""ATRIP: two static headers on each API call, and a single-sign-on link to the customer service portal.

`getAtripToken.do` returns a link with a token in it, for a person to open. The API itself takes no token. Nothing is
published about the token's place in the link, its lifetime, or whether it can be used more than once.
Source: the provider's page "ATRIP Token". The codes 900, 902, -1 and 9999 come from third-party reports.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Unpack
from urllib.parse import parse_qsl, urlencode, urlsplit

from tokenauth._core import errors
from tokenauth._core.frozen import Frozen, part
from tokenauth._core.header_names import checked_sent_name
from tokenauth._core.options import Options, checked_flag
from tokenauth._core.origins import Origin, checked_origin
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth._core.signature import Signature, in_header
from tokenauth._core.token import Token
from tokenauth.providers._arguments import Value, checked_extra, checked_origins, endpoint, over, plain
from tokenauth.providers.login import Login

SANDBOX = "https://sandbox.atriptech.com"
PRODUCTION = "https://api-sg.atriptech.com"
SEARCH = "https://search-sg.atriptech.com"
"""The known hosts; some customers have others. With sandbox keys, production answers 900."""

TOKEN_NAMES = ("token", "access_token", "accessToken", "atripToken", "cliAuthToken", "jwt", "ticket")
"""Names of the link parameter that holds the token, in order of preference."""


class Role(StrEnum):
    """The documented roles. You may pass any other str as well."""

    CUSTOMER_SERVICE = "Customer service"
    FINANCE = "Finance"
    DEVELOPER = "Developer"
    ADMIN = "Admin"


class LegacyRole(StrEnum):
    """Older role codes, which published examples use."""

    TICKETING = "TICKETING"
    FINANCE = "FINANCE"
    TECH = "TECH"
    ADMIN = "ADMIN"


class PortalLink(Frozen):
    """A link for a person to click. Anyone with the link is logged in; it may work only once.

    Attributes:
        url: the whole link, hidden in repr.
        token: the token in it, hidden in repr; None if none was recognized.
        origin: the portal's origin, like "https://host".
    """

    url: str = part(repr=False)
    token: str | None = part(repr=False)
    origin: str


class Atrip(Login):
    """ATRIP (Atlas): static headers for its API, and sign-on links to its customer service portal."""

    _noun = "link"
    presents_by = "portal_header= or portal_param="
    _checked = frozenset({"_client_id", "_secret", "_api", "_portal", "_names", "_portal_header", "_portal_param"})

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: SecretLike,
        user_name: str,
        role: str,
        order_no: str,
        base_url: str = SANDBOX,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, Value] | None = None,
        token_param: str | None = None,
        portal_header: str | None = None,
        portal_param: str | None = None,
        portal_origin: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Send what the origin of each request takes.

        Requests to the API's origin carry the two `x-atlas-*` headers. Requests to the portal's origin carry the token
        of a link, which the first such request fetches. `portal_link()` returns a new link for a person to click.

        Args:
            client_id: sent as `x-atlas-client-id`.
            client_secret: sent as `x-atlas-client-secret`; a str, a callable (read at each call), or anything with
                `get_secret_value()`.
            user_name: the operator's name in your system, under which the portal records actions.
            role: what the operator may do: a `Role`, or any other text.
            order_no: number of the order to open; "" for none.
            base_url: "https://host" of the API. Default the sandbox, "https://sandbox.atriptech.com".
            extra: extra fields of the JSON body, such as the older `cid`. Default none.
            headers: extra headers of the token request, or other values for the documented ones. Default none.
            token_param: name of the link parameter that holds the token. Default: the usual names, in order.
            portal_header: header that carries the link's token to the portal. Default: sent as it is in the link.
            portal_param: query parameter that carries the link's token to the portal. Default: sent as it is in the
                link.
            portal_origin: the portal's origin, if you know it before the first link. Default: the origin of the link.
            options: see `Options`. `origins` are additional origins of the API, such as [SEARCH]; they receive the
                static headers.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.

        Source: ATRIP, "getAtripToken".
        """
        allow_http = checked_flag("allow_http", options.get("allow_http"))
        url = endpoint(base_url, "/getAtripToken.do", allow_http)
        user = checked_text("user_name", user_name)
        self._client_id = checked_text("client_id", client_id, header=True)
        self._secret = Secret("client_secret", client_secret, header=True)
        self._api = checked_origins(options.pop("origins", ()), allow_http=allow_http) | {Origin.parse(url)}
        self._portal = None
        if portal_origin is not None:
            self._portal = checked_origin(portal_origin, "portal_origin", allow_http=allow_http)
        self._names = TOKEN_NAMES if token_param is None else (checked_text("token_param", token_param),)
        if portal_header is not None and portal_param is not None:
            raise ValueError("portal_header and portal_param exclude each other")
        self._portal_header = None if portal_header is None else checked_sent_name("portal_header", portal_header)
        self._portal_param = None if portal_param is None else checked_text("portal_param", portal_param)
        body = {"orderNo": checked_text("order_no", order_no, empty=True), "userName": user}
        body["role"] = checked_text("role", plain(role))
        own: dict[str, Value] = {
            "Accept-Encoding": "gzip",
            "x-atlas-client-id": self._client_id,
            "x-atlas-client-secret": self._secret,
        }
        super().__init__(
            url,
            name=f"ATRIP user {user}",
            headers=over(own, "headers", headers),
            json=body | checked_extra(extra, body),
            public=("orderNo", "userName", "role", "x-atlas-client-id"),
            token="url",  # noqa: S106  (a place in the answer)
            token_type=None,
            expires_in=None,
            refresh_in=None,
            home="url",
            success=("status", 0),
            error_code="status",
            error_text=("msg", "message"),
            rejected=("status", 3, 900, 902),
            retryable=("status", 2, -1, 9999),
            advice="Check client_id and client_secret, and that they belong to this base_url (sandbox or production).",
            **options,
        )
        self.presents = True

    def link(self, token: Token) -> PortalLink:
        """Return *token* as a link."""
        found = self._located(token.value)
        return PortalLink(token.value, found[1] if found else None, str(Origin.parse(token.value)))

    def static(self, origin: Origin) -> Signature | None:
        """Return the two static headers for the API's origins. A callable secret is read here, at each call."""
        if origin not in self._api:
            return None
        return Signature({"x-atlas-client-id": self._client_id, "x-atlas-client-secret": self._secret.reveal()})

    def is_static(self, origin: Origin) -> bool:
        return origin in self._api

    def may_serve(self, origin: Origin) -> bool:
        """Whether *origin* may be the portal's: without `portal_origin`, any origin except the API's."""
        return origin not in self._api and self._portal in {None, origin}

    def sign(self, token: Token) -> Signature:
        """Return the link's token, sent the way the link carries it. TokenResponseError if none is recognized."""
        found = self._located(token.value)
        if found is None:
            text = f"{self.name}: no token is recognised in the portal link. Name its parameter: token_param=…"
            raise errors.TokenResponseError(text)
        name, value, in_query = found
        if self._portal_header is None and (self._portal_param is not None or in_query):
            return Signature(params={self._portal_param or name: value})
        if not all("!" <= character <= "~" for character in value):
            text = f"{self.name}: the token in the portal link can't go into a header. Name a portal_param=…"
            raise errors.TokenResponseError(text)
        return Signature(in_header(Token(value), self._portal_header or "Authorization", None))

    def faked(self, value: str) -> Token:
        portal = str(self._portal or "https://portal.example")
        return Token(f"{portal}/?{urlencode({self._names[0]: value})}", origin=portal)

    def _located(self, url: str) -> tuple[str, str, bool] | None:
        """Return name and value of the link's token and whether it is in the query; None if the link has none.

        The query counts before the fragment (hash routing), and the first value of a name.
        """
        parts = urlsplit(url)
        for text, in_query in ((parts.query, True), (parts.fragment.rpartition("?")[2], False)):
            fields = dict(reversed(parse_qsl(text)))
            for name in self._names:
                if fields.get(name):
                    return name, fields[name], in_query
        return None
