"""Grant: what all OAuth 2.0 grants share: client authentication, finding the server, scopes, and advice in errors.

Each grant adds its own form fields.
"""

import copy
import logging
from collections.abc import Generator, Iterable, Mapping
from typing import Any, ClassVar, Self
from urllib.parse import urlencode, urlsplit

from tokenauth._core import errors
from tokenauth._core.expiry import http_date
from tokenauth._core.frozen import replace
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.options import checked_flag
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth._core.token import Token
from tokenauth.providers import _metadata, client_auth
from tokenauth.providers._answers import Fault
from tokenauth.providers._arguments import NONE, Value, checked_extra, checked_url, names
from tokenauth.providers._call import FORM, JSON, Call
from tokenauth.providers._description import SentOptions
from tokenauth.providers._sources import tell_sources
from tokenauth.providers._values import Kept
from tokenauth.providers.client_auth import Client, ClientAuth, ClientAuthLike
from tokenauth.providers.login import Login

_OURS = frozenset({"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""Form fields that every grant sets, or has an argument for."""
_OF_A_TOKEN = frozenset({"invalid_grant", "invalid_request", "invalid_token"})
"""Error codes that may mean the token that was sent: RFC 7521 §4.1, RFC 8693 §2.2.2, and what servers say."""
_REVOKED_AT, _METHODS = "revocation_url", "auth_methods"  # kept beside a token, for its revocation
_log = logging.getLogger("tokenauth")
_SKEW = 20.0
"""Clock skew in seconds from which an error mentions it."""


class SharedOptions(SentOptions, total=False):
    """The options of every OAuth 2.0 grant, and those of every auth object."""

    client_auth: ClientAuthLike | None
    """Client authentication: "basic" (HTTP Basic, with id and secret form-urlencoded first) or "body" (form fields),
    both RFC 6749 §2.3.1; "none" (a public client, or mTLS); PrivateKeyJWT(…), ClientSecretJWT(…), ClientAssertion(…),
    or your own `ClientAuth`. Default: "none" without a client_secret, else "basic". With `issuer=`, the default is
    "body" if the server's metadata say that it accepts only that."""
    scope: str | Iterable[str] | None
    """Scopes (RFC 6749 §3.3): a list, or one str separated by spaces. Default: the server's choice."""
    resource: str | Iterable[str] | None
    """URI of the API that the token is for, or a list of them (RFC 8707). Default none."""
    audience: str | Iterable[str] | None
    """Name of the API that the token is for, or a list, for servers that use it instead of `resource`. Default none."""
    revocation_url: str | None
    """Revocation endpoint (RFC 7009), on any host. `close()` then revokes the refresh token, or the access token if
    there is none. Default none."""
    extra: Mapping[str, Value] | None
    """Extra form fields, also sent when a token is refreshed. A list repeats its field. Default none."""


class GrantOptions(SharedOptions, total=False):
    """The options of the grants that can find their server by its issuer."""

    issuer: str | None
    """Issuer of the server, instead of `token_url`. The token endpoint comes from the server's metadata (RFC 8414,
    OpenID Connect Discovery), which are cached for 10 minutes. So does the revocation endpoint, if you ask for it with
    `revocation_url="issuer"`. Default none."""


class Grant(Login):
    """An OAuth 2.0 grant. *fields* are the form fields of its token request."""

    _url_name = "token_url"
    speaks_oauth = True
    _checked = frozenset(
        {"_client", "_client_auth", "_grant_type", "_issuer", "_revocation_url", "_url_name", "blocks"}
    )
    logs_out_replaced = False  # revoking the old token may end the new one as well
    _dated: ClassVar[bool] = False  # whether the grant depends on this machine's clock

    def __init__(
        self,
        token_url: str | None,
        fields: Mapping[str, Value],
        options: Mapping[str, Any],
        *,
        client_id: str | None = None,
        client_secret: SecretLike | None = None,
        name: str,
        advice: str,
        method: str = "POST",
        content_type: str = FORM,
        refreshes: bool = False,
        ways: Mapping[str, ClientAuth] | None = None,
        **described: Any,
    ) -> None:
        """Describe the grant. *options*: `GrantOptions`; *ways*: more for `client_auth`; *described*: for `Login`."""
        given = dict(options)
        issuer, revocation_url = given.pop("issuer", None), given.pop("revocation_url", None)
        client_id = None if client_id is None else checked_text("client_id", client_id)
        secret = None if client_secret is None else Secret("client_secret", client_secret)
        auth = client_auth.checked(given.pop("client_auth", None), client_id, secret, ways)
        allow_http = checked_flag("allow_http", given.get("allow_http"))
        self._issuer = None if issuer is None else _metadata.checked_issuer(issuer, allow_http=allow_http)
        url = self._home(token_url)
        more = shared_fields(given)
        more |= checked_extra(
            given.pop("extra", None), {*fields, *more, *_OURS, *(("refresh_token",) if refreshes else ())}
        )
        self._grant_type = str(fields["grant_type"])
        self._client_auth = auth
        renewal = {**more, "grant_type": "refresh_token", "refresh_token": Kept("refresh_token")}
        sent: dict[str, Any] = {"method": method, "headers": {"Accept": JSON, "Content-Type": content_type}}
        sent["params"] = given.pop("params", None)
        super().__init__(
            url,
            name=name,
            **sent,
            form={**fields, **more},
            refresh=Call(**sent, form=renewal) if refreshes else None,
            public=(*described.pop("public", ()), *names("public", given.pop("public", ()))),
            error_code="error",
            advice=advice,
            **described,
            **given,
        )
        self._client = Client(client_id, secret, self.token_url)
        self.blocks = auth.blocks
        self._revocation_url: str | None = revocation_url
        self.logs_out = revocation_url is not None
        if revocation_url == "issuer" and self._issuer is None:
            raise ValueError('revocation_url="issuer" needs the issuer= whose metadata name it')
        if revocation_url is not None and revocation_url != "issuer":
            self._revocation_url = checked_url("revocation_url", revocation_url, allow_http)

    def _home(self, token_url: str | None) -> str:
        """Return the token endpoint, or the issuer if that is given instead."""
        if self._issuer is None:
            if token_url is None:
                text = "token_url must be a URL like https://host, not None; is an environment variable or a setting"
                raise TypeError(f"{text} missing? Or pass the issuer=")
            if isinstance(token_url, str) and "/.well-known/" in token_url:
                raise ValueError("token_url is the address of metadata: pass issuer=, the part before /.well-known/")
            return token_url
        if token_url is not None:
            raise TypeError("token_url and issuer exclude each other: the issuer's metadata name the token endpoint")
        self._url_name = "issuer"
        return self._issuer

    # what this credential is

    @property
    def secrets(self) -> tuple[Secret, ...]:  # type: ignore[override]  # as Login has it
        own, proofs = super().secrets, (self._client.secret, *self._client_auth.secrets)
        return (*own, *(each for each in proofs if each is not None and each not in own))

    @property
    def process_bound(self) -> str:  # type: ignore[override]  # as Login has it
        return "; ".join(each for each in (super().process_bound, self._client_auth.process_bound) if each)

    @property
    def comparable(self) -> bool:  # type: ignore[override]  # as Login has it
        return super().comparable and type(self._client_auth).__module__.startswith("tokenauth.")

    @property
    def identity(self) -> tuple[object, ...]:
        client = (self._client.id, self._client.secret is not None and self._client.secret.dynamic)
        return (*super().identity, self._issuer, client, self._client_auth.identity)

    def _added(self) -> dict[str, object]:
        return {name: value for name, value in super()._added().items() if name not in self._checked}

    # what is sent

    def login(self, refresh_token: str | None = None) -> Generator[TokenRequest, Reply, Token]:
        if self._issuer is None:
            try:
                token = yield from super().login(refresh_token)
            except errors.TokenAuthError as failure:
                if refresh_token is None and failure.code in _OF_A_TOKEN:
                    tell_sources(self.secrets, self.token_url, refused=True)
                raise
            tell_sources(self.secrets, self.token_url, refused=False)
            return token
        server = yield from _metadata.discovered(self, self._issuer, allow_http=self._allow_http)
        try:
            token = yield from self._at(server).login(refresh_token)
        except errors.TokenEndpointError as failure:
            if not failure.retryable:  # the endpoint may have moved
                _metadata.forget(self._issuer, allow_http=self._allow_http)
            raise
        if self._revocation_url != "issuer" or server.revocation_url is None:
            return token
        known = {_REVOKED_AT: server.revocation_url, _METHODS: " ".join(server.methods or ())}
        return replace(token, kept={**token.kept, **known})

    def _at(self, server: _metadata.Server) -> Self:
        """Return this grant with the endpoint and methods of *server*."""
        twin = copy.copy(self)
        twin.token_url, twin._issuer = server.token_url, None
        twin._calls = {name: step.at(server.token_url) for name, step in self._calls.items()}
        twin._client = Client(self._client.id, self._client.secret, *server[:3])
        return twin

    def request(self, refresh_token: str | None = None, kept: Mapping[str, str] = NONE) -> TokenRequest:
        return self._client_auth.applied(super().request(refresh_token, kept), self._client)

    def logout(self, token: Token) -> TokenRequest | None:
        """Return the request that revokes *token* (RFC 7009 §2.1). A refresh token is preferred: it ends both."""
        url, client = self._revocation_url, self._client
        if url == "issuer":
            url = token.kept.get(_REVOKED_AT)
            methods = tuple(token.kept.get(_METHODS, "").split()) or None
            client = Client(client.id, client.secret, self.token_url, self._issuer, methods)
            if url is None:
                text = "%s: nothing was revoked, because the metadata of issuer %s names no usable revocation_endpoint"
                _log.warning(text, self.name, self._issuer)
        if url is None:
            return None
        kind = "access_token" if token.refresh_token is None else "refresh_token"
        form = {"token": token.refresh_token or token.value, "token_type_hint": kind}
        headers = {"Accept": JSON, "Content-Type": FORM}
        request = TokenRequest("POST", url, headers, urlencode(form).encode())
        return self._client_auth.applied(request, client)

    # what an error says

    def advice(self, reply: Reply, fault: Fault) -> str:
        of_grant, of_client = super().advice(reply, fault), self._client_auth.advice(self._client)
        match fault.code:
            case "unauthorized_client":
                text = f"The server does not let this client use the grant {self._grant_type}: allow it there."
            case "invalid_client":
                text = of_client
            case "invalid_grant":
                text = of_grant
            case _:
                text = " ".join(dict.fromkeys((of_grant, of_client)))
        if self._client.methods and fault.code != "invalid_grant":
            text += f" The server takes {', '.join(self._client.methods)}."
        return text + (_skewed(reply) if self._dated or self._client_auth.dated else "")


def _skewed(reply: Reply) -> str:
    """Return a sentence about clock skew, or "" if this machine's clock and the server's agree."""
    date = http_date(reply.headers.get("date", ""))
    ahead = 0.0 if date is None else reply.received_at - date
    if abs(ahead) < _SKEW:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f" This machine's clock is {abs(round(ahead))} s {way} the server's, and assertions are dated by it: set it."


def shared_fields(given: dict[str, Any]) -> dict[str, Value]:
    """Remove scope, resource and audience from *given*, and return them as form fields."""
    fields: dict[str, Value] = {}
    scopes = texts("scope", given.pop("scope", None))
    if scopes:
        fields["scope"] = " ".join(scopes)
    for name in ("resource", "audience"):
        values = texts(name, given.pop(name, None))
        if values:
            fields[name] = values[0] if len(values) == 1 else values
    for uri in texts("resource", fields.get("resource")):
        if not urlsplit(uri).scheme or "#" in uri:
            raise ValueError("resource must be an absolute URI without a fragment (RFC 8707 §2)")
    return fields


def texts(name: str, value: object) -> list[str]:
    """Return *value*, a str or several, as a list."""
    if value is None:
        return []
    if isinstance(value, str):
        return [checked_text(name, value)]
    if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a str or a list of them, not {type(value).__name__}")
    rows = sorted(value) if isinstance(value, set | frozenset) else value
    each = [checked_text(f"each {name}", one) for one in rows]
    if not each:
        raise ValueError(f"{name} is an empty list; leave it out for the server's default")
    return each
