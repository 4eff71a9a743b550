"""Client authentication at the token endpoint: `client_auth=` of every grant.

    "basic"            HTTP Basic, id and secret form-urlencoded first                          RFC 6749 §2.3.1
    "body"             form fields `client_id` and `client_secret`                              RFC 6749 §2.3.1
    "none"             the form field `client_id`: a public client, or mTLS                     RFC 6749 §2.1, 8705
    PrivateKeyJWT      an assertion signed with the client's private key                        RFC 7523 §2.2
    ClientSecretJWT    an assertion signed with the client's secret                             RFC 7523 §2.2
    ClientAssertion    an assertion signed elsewhere: by Kubernetes, GitHub Actions …           RFC 7521 §4.2
    your own           a `ClientAuth`

Law: the credential is the key or the secret. What is made from it is new for each call, and no part of the cache key.
"""

import abc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal
from urllib.parse import quote_plus, urlencode

from tokenauth._core.identity import state_of
from tokenauth._core.messages import TokenRequest
from tokenauth._core.secrets import Secret
from tokenauth.providers._values import basic_header, basic_user


@dataclass(frozen=True)
class Client:
    """The client and the server of a token request; a `ClientAuth` receives it with each one.

    Attributes:
        id: the `client_id`, or None.
        secret: the `client_secret`, to `reveal()`, or None.
        token_url: URL of the token request.
        issuer: the server's issuer, if you passed `issuer=`.
        methods: the server's `token_endpoint_auth_methods_supported`, or None if it publishes none.
    """

    id: str | None
    secret: Secret | None
    token_url: str
    issuer: str | None = None
    methods: tuple[str, ...] | None = None

    def revealed(self) -> str:
        """Return the secret as it is now."""
        assert self.secret is not None, "takes_secret sees to it"  # noqa: S101  (for the type checker)
        return self.secret.reveal()


class ClientAuth(abc.ABC):
    """Adds client authentication to a token request. It is pure, like a provider.

    Every attribute of a subclass is part of the cache key. Wrap secrets in `Secret`.
    """

    method: ClassVar[str] = ""
    """Its name in `token_endpoint_auth_methods_supported` (RFC 8414, RFC 7591 §2)."""
    takes_id: ClassVar[bool] = False
    """Whether it needs the grant's `client_id`."""
    takes_secret: ClassVar[bool] = False
    """Whether it needs the grant's `client_secret`."""
    dated: ClassVar[bool] = False
    """Whether it fails if this machine's clock is wrong."""
    blocks: ClassVar[bool] = False
    """Whether `applied` may take long, for example to sign."""

    @abc.abstractmethod
    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        """Return *request* with the client's authentication added: see `with_fields`."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets in it."""
        return tuple(each for each in state_of(self).values() if isinstance(each, Secret))

    @property
    def identity(self) -> object:
        """Everything else that distinguishes it."""
        own = {name: value.dynamic if isinstance(value, Secret) else value for name, value in state_of(self).items()}
        return (type(self), own)

    @property
    def process_bound(self) -> str:
        """What in it only this process can identify; see `Provider.process_bound`."""
        return ""

    def advice(self, client: Client) -> str:
        """Return the advice for an error about the client."""
        return "Check client_id and client_auth=."

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and state_of(self) == state_of(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def with_fields(request: TokenRequest, fields: Mapping[str, str]) -> TokenRequest:
    """Return *request* with more form *fields*."""
    added = urlencode(fields).encode()
    return replace(request, body=request.body + b"&" + added if request.body and added else request.body + added)


def with_headers(request: TokenRequest, headers: Mapping[str, str]) -> TokenRequest:
    return replace(request, headers={**request.headers, **headers})


class Basic(ClientAuth):
    method, takes_secret = "client_secret_basic", True
    name, other = "basic", "body"

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        user, password = quote_plus(str(client.id)), quote_plus(client.revealed())
        return with_headers(request, {"Authorization": basic_header(user, password)})

    def advice(self, client: Client) -> str:
        sent = f'Check client_id and client_secret. They were sent as client_auth="{self.name}"'
        return f'{sent}; some servers want client_auth="{self.other}".'


class Body(Basic):
    method = "client_secret_post"
    name, other = "body", "basic"

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        return with_fields(request, {"client_id": str(client.id), "client_secret": client.revealed()})


class Either(ClientAuth):
    """Basic, or Body if the server says that it accepts only that."""

    takes_secret = True

    def _chosen(self, client: Client) -> Basic:
        methods = client.methods or ()
        return Body() if Body.method in methods and Basic.method not in methods else Basic()

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        return self._chosen(client).applied(request, client)

    def advice(self, client: Client) -> str:
        return self._chosen(client).advice(client)


class Public(ClientAuth):
    method = "none"

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        return request if client.id is None else with_fields(request, {"client_id": client.id})

    def advice(self, client: Client) -> str:
        if client.id is None:
            return "The server wants to know the client: client_id=, and client_secret= or client_auth=."
        text = 'Check client_id. It was sent without a secret (client_auth="none"), as public clients and mTLS do'
        return f"{text}; a client that has a secret wants client_secret=."


class User(ClientAuth):
    """The user's own name and password by HTTP Basic, not urlencoded (RFC 7617), as the Platform wants."""

    def __init__(self, user: str, password: Secret) -> None:
        self.user, self.password = basic_user(user), password

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        return with_headers(request, {"Authorization": basic_header(self.user, self.password.reveal())})

    def advice(self, client: Client) -> str:
        return "Check username and password."


ClientAuthLike = Literal["basic", "body", "none"] | ClientAuth


def checked(
    client_auth: object, client_id: str | None, secret: Secret | None, more: Mapping[str, ClientAuth] | None = None
) -> ClientAuth:
    """Return the argument `client_auth`, or the default that fits. *more*: ways that only one grant has."""
    known: dict[str, ClientAuth] = {"basic": Basic(), "body": Body(), "none": Public(), **(more or {})}
    if client_auth is None:
        return Public() if secret is None else Either()
    auth = known.get(client_auth) if isinstance(client_auth, str) else client_auth
    if isinstance(auth, type) and issubclass(auth, ClientAuth):
        raise TypeError(f"client_auth must be made first: {auth.__name__}(…)")
    if not isinstance(auth, ClientAuth):
        names = ", ".join(f'"{name}"' for name in known)
        text = f"client_auth must be {names}, PrivateKeyJWT(…), ClientSecretJWT(…) or ClientAssertion(…)"
        raise ValueError(text)  # noqa: TRY004  (a wrong word is as likely)
    label = f'"{client_auth}"' if isinstance(client_auth, str) else type(auth).__name__
    if auth.takes_secret and (client_id is None or secret is None):
        raise TypeError(f"client_auth {label} needs client_id= and client_secret=")
    if secret is not None and not auth.takes_secret:
        raise TypeError(f"client_secret would have no effect beside client_auth {label}: leave one of them out")
    if auth.takes_id and client_id is None:
        raise TypeError(f"client_auth {label} needs client_id=")
    return auth
