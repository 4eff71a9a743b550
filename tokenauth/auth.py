"""The universal auth objects: one object for requests, httpx and, where it is installed, httpx2."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Unpack

from tokenauth import httpx as _httpx
from tokenauth import requests as _requests
from tokenauth._clients.base import Options
from tokenauth._core.flow import fetch
from tokenauth._core.secrets import SecretLike
from tokenauth.providers.atrip import SANDBOX, Atrip, PortalLink
from tokenauth.providers.client_credentials import ClientCredentials
from tokenauth.providers.manis import Manis
from tokenauth.providers.password import PasswordGrant, Platform

if TYPE_CHECKING:
    from tokenauth import httpx2 as _httpx2
else:
    try:
        from tokenauth import httpx2 as _httpx2
    except ImportError:  # an extra
        _httpx2 = _httpx

if TYPE_CHECKING or _httpx2 is not _httpx:

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth, _httpx2.TokenAuth):  # type: ignore[misc]  # two Auths
        """requests, httpx and httpx2."""

else:

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth):
        """requests and httpx."""


class TokenAuth(_EveryClient):
    """One auth object for requests, httpx and httpx2: `TokenAuth(provider, **options)`.

    Share it between sessions, clients, threads, tasks and event loops: all of them log in once. It subclasses
    `requests.auth.AuthBase`, `httpx.Auth` and, where that is installed, `httpx2.Auth`. Options: see `Options`.
    """

    _library = "requests"
    _async_library = "httpx"


class ManisAuth(TokenAuth):
    """Manis, a payment-orchestration API: `ManisAuth(base_url, merchant_id=…, secret=…)`.

    Args:
        base_url: "https://host[/prefix]" of your Manis API; the provider's document names no real host.
        merchant_id: sent as `x-merchant-id`.
        secret: sent as `x-secret`; a str, a callable, or anything with `get_secret_value()`.
        path: of the token endpoint. Default "/api/v1/auth/token".
        expires_unit: unit of `expiresAt`, "s", "ms" or "us". Default None: by its magnitude.
        options: see `Options`.

    Raises:
        TypeError, ValueError: an argument can't be right; its value is not shown.

    Source: Manis unified API v1.0, "Get token".
    """

    def __init__(
        self,
        base_url: str,
        *,
        merchant_id: str,
        secret: SecretLike,
        path: str = "/api/v1/auth/token",
        expires_unit: Literal["s", "ms", "us"] | None = None,
        **options: Unpack[Options],
    ) -> None:
        allow_http = options.get("allow_http", False)
        provider = Manis(
            base_url,
            merchant_id=merchant_id,
            secret=secret,
            path=path,
            expires_unit=expires_unit,
            allow_http=allow_http,
        )
        super().__init__(provider, **options)


class AtripAuth(TokenAuth):
    """ATRIP (Atlas): static headers for its API, and a link with a token for its customer service portal.

    Requests to the API's origin carry the two `x-atlas-*` headers. Requests to the portal's origin carry the token of
    a link that is fetched at the first of them. `portal_link()` returns a fresh link for a person to click.

    Args:
        client_id: sent as `x-atlas-client-id`.
        client_secret: sent as `x-atlas-client-secret`.
        user_name: the operator's name in your system.
        role: what the operator may do: a `Role`, or any other text.
        order_no: the order that the operator works on; "" for none.
        base_url: of the API. Default the sandbox, "https://sandbox.atriptech.com".
        extra: more fields for the JSON body.
        headers: more headers for the token call, or other values for the documented ones.
        token_param: name of the link's parameter that is the token. Default the usual names, in order.
        portal_header: header that carries the link's token. Default the way the link itself carries it.
        portal_param: query parameter that carries the link's token. Default likewise.
        portal_origin: the portal's origin, where it is known. Default None: the one in the first link.
        options: see `Options`; `origins` are more origins of the API.

    Raises:
        TypeError, ValueError: an argument can't be right; its value is not shown.

    Source: ATRIP, "getAtripToken".
    """

    _provider: Atrip

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: SecretLike,
        user_name: str,
        role: str,
        order_no: str,
        base_url: str = SANDBOX,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        token_param: str | None = None,
        portal_header: str | None = None,
        portal_param: str | None = None,
        portal_origin: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        provider = Atrip(
            client_id=client_id,
            client_secret=client_secret,
            user_name=user_name,
            role=role,
            order_no=order_no,
            base_url=base_url,
            extra=extra,
            headers=headers,
            token_param=token_param,
            portal_header=portal_header,
            portal_param=portal_param,
            portal_origin=portal_origin,
            origins=options.pop("origins", ()),
            allow_http=options.get("allow_http", False),
        )
        super().__init__(provider, **options)

    def portal_link(self) -> PortalLink:
        """Return a fresh link to the portal, for a person to click. Blocks; raises `TokenAuthError`."""
        return self._provider.link(self._run(fetch(self._source)))

    async def aportal_link(self) -> PortalLink:
        """Return a fresh link to the portal, for a person to click. Raises `TokenAuthError`."""
        return self._provider.link(await self._arun(fetch(self._source)))


class GrantOptions(Options, total=False):
    """The options of `PasswordGrantAuth` and `PlatformAuth`: those of every TokenAuth, and these.

    method: of the token call. Default "POST"; Platform "GET".
    content_type: label of the body, which is urlencoded. Default "application/x-www-form-urlencoded"; Platform
        "application/json".
    client_auth: (id, secret) for HTTP Basic, "user" for the user's own name and password, or None.
        Default None; Platform "user".
    client_id: form field of clients without a secret. Default none.
    scope: scopes, separated by blanks (RFC 6749 §3.3). Default the server's.
    extra: more form fields. Default none.
    use_refresh_token: whether to use the refresh token of an answer. Default True.
    discards_older: whether each login ends all older tokens; then there is no soft refresh. Default False;
        Platform True.
    """

    method: str
    content_type: str
    client_auth: tuple[str, SecretLike] | Literal["user"] | None
    client_id: str | None
    scope: str | None
    extra: Mapping[str, Any] | None
    use_refresh_token: bool
    discards_older: bool


class PasswordGrantAuth(TokenAuth):
    """The OAuth 2.0 password grant (RFC 6749 §4.3), for servers that still have it.

    Args:
        token_url: "https://host/path" of the token endpoint.
        username: the resource owner's user name.
        password: sent in the body; a str, a callable, or anything with `get_secret_value()`.
        options: see `GrantOptions`.

    Raises:
        TypeError, ValueError: an argument can't be right; its value is not shown.
    """

    _grant: type[PasswordGrant] = PasswordGrant

    def __init__(self, token_url: str, *, username: str, password: SecretLike, **options: Unpack[GrantOptions]) -> None:
        every: dict[str, Any] = dict(options)
        grant = {name: every.pop(name) for name in _OF_THE_GRANT & every.keys()}
        allow_http = options.get("allow_http", False)
        provider = self._grant(token_url, username=username, password=password, allow_http=allow_http, **grant)
        super().__init__(provider, **every)


_OF_THE_GRANT = GrantOptions.__annotations__.keys() - Options.__annotations__.keys()


class PlatformAuth(PasswordGrantAuth):
    """The Token API of "the platform": the password grant as its document says it, oddities included.

    GET with an urlencoded body under the label `application/json`, and Basic with the same name and password. Each
    login discards all older tokens, so there are as few as possible. Arguments as for `PasswordGrantAuth`.

    Source: "API Documentation Writing Sample #1", Get Access Token.
    """

    _grant = Platform


class ClientCredentialsAuth(TokenAuth):
    """The OAuth 2.0 client credentials grant (RFC 6749 §4.4).

    Args:
        token_url: "https://host/path" of the token endpoint.
        client_id: the client's identifier.
        client_secret: a str, a callable, or anything with `get_secret_value()`.
        scope: scopes, separated by blanks (RFC 6749 §3.3). Default none.
        audience: sent as `audience`, as some servers want. Default none.
        client_auth: "basic" (RFC 6749 §2.3.1) or "body". Default "basic".
        extra: more fields for the form.
        options: see `Options`.

    Raises:
        TypeError, ValueError: an argument can't be right; its value is not shown.
    """

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str,
        client_secret: SecretLike,
        scope: str | None = None,
        audience: str | None = None,
        client_auth: Literal["basic", "body"] = "basic",
        extra: Mapping[str, str] | None = None,
        **options: Unpack[Options],
    ) -> None:
        provider = ClientCredentials(
            token_url,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            audience=audience,
            client_auth=client_auth,
            extra=extra,
            allow_http=options.get("allow_http", False),
        )
        super().__init__(provider, **options)
