"""Client authentication by assertion (RFC 7523 §2.2): `client_auth=PrivateKeyJWT(key)` and similar."""

import abc
import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenauth._core.messages import TokenRequest
from tokenauth._core.secrets import Secret, checked_text, hides_locals
from tokenauth.providers import _keys
from tokenauth.providers._jwt import JWT, KeySource, checked_lifetime, signed, times
from tokenauth.providers._sources import TextSource, TokenOf, process_bound, sealed, told
from tokenauth.providers.client_auth import Client, ClientAuth, with_fields

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 60
"""Lifetime of an assertion in seconds. It is used at once, and some servers reject longer ones."""


class Assertion(ClientAuth):
    """Authenticates the client with a `client_assertion` (RFC 7521 §4.2)."""

    _audience: str | None = None

    @abc.abstractmethod
    def assertion(self, client: Client) -> str:
        """Return the assertion."""

    def _server(self, client: Client) -> str:
        """Return the audience: what you said, or what you named the server by."""
        return self._audience or client.issuer or client.token_url

    def _claims(self, client: Client) -> dict[str, str | None]:
        return {"iss": client.id, "sub": client.id, "aud": self._server(client)}

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        fields = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion(client)}
        named = {} if client.id is None else {"client_id": client.id}
        return with_fields(request, {**named, **fields})


class PrivateKeyJWT(Assertion):
    """`private_key_jwt`: an assertion signed with the client's private key (RFC 7523 §2.2). Needs the extra `jwt`."""

    method = "private_key_jwt"
    takes_id = dated = blocks = True

    @hides_locals
    def __init__(
        self,
        key: KeySource,
        *,
        kid: str | None = None,
        algorithm: str | None = None,
        audience: str | None = None,
        lifetime: float = LIFETIME,
        certificate: str | None = None,
        headers: Mapping[str, Any] | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the assertion. `iss` and `sub` are the client_id; `jti` is new each time.

        Args:
            key: the private key: PEM, a JWK (dict or JSON), a `pathlib.Path` of either (read at each login), or a
                callable that returns one.
            kid: id of the key, if the server knows several. Default the JWK's.
            algorithm: such as "PS256" (RFC 7518). Default the JWK's, else by the key: RS256, ES256, ES384, ES512 or
                EdDSA.
            audience: `aud`. Default what you named the server by: its issuer with `issuer=`, else the token_url.
            lifetime: seconds from `iat` to `exp`. Default 60.
            certificate: the key's certificate in PEM; its SHA-256 thumbprint is sent as `x5t#S256`, as Entra wants.
            headers: more JOSE header parameters. Default none.
            claims: more claims. Default none.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        more = dict(headers) if isinstance(headers, Mapping) else headers
        if certificate is not None:
            more = {**(more or {}), "x5t#S256": _thumbprint(certificate)}
        self._jwt = JWT(
            key, kid=kid, algorithm=algorithm, audience=audience, lifetime=lifetime, headers=more, claims=claims
        )
        self._audience = audience

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self._jwt.secret,)

    @property
    def identity(self) -> object:
        return (type(self), self._jwt.told)

    def assertion(self, client: Client) -> str:
        return self._jwt.made(self._jwt.secret.reveal(), self._claims(client))

    def advice(self, client: Client) -> str:
        audience = self._server(client)
        text = f"Check client_id, and that the server knows the public key. The assertion was for audience {audience}"
        return f"{text}: some servers want their issuer, others their token endpoint there (audience=), or a kid=."


class ClientSecretJWT(Assertion):
    """`client_secret_jwt`: an assertion signed with the `client_secret` (RFC 7523 §2.2). Needs the extra `jwt`."""

    method = "client_secret_jwt"
    takes_id = takes_secret = dated = blocks = True

    def __init__(self, *, algorithm: str = "HS256", audience: str | None = None, lifetime: float = LIFETIME) -> None:
        """Describe the assertion. `iss` and `sub` are the client_id; `jti` is new each time.

        Args:
            algorithm: "HS256", "HS384" or "HS512". Default "HS256".
            audience: `aud`. Default what you named the server by: its issuer with `issuer=`, else the token_url.
            lifetime: seconds from `iat` to `exp`. Default 60.

        Raises:
            TypeError, ValueError: an argument is invalid.
        """
        self._algorithm = _keys.checked_algorithm(algorithm) or "HS256"
        self._audience = None if audience is None else checked_text("audience", audience)
        self._lifetime = checked_lifetime(lifetime)

    def assertion(self, client: Client) -> str:
        key = _keys.shared(client.revealed())
        return signed({"typ": "JWT", "alg": self._algorithm}, self._claims(client) | times(self._lifetime), key)

    def advice(self, client: Client) -> str:
        audience = self._server(client)
        return f"Check client_id and client_secret, which signed an assertion for audience {audience} (audience=)."


class ClientAssertion(Assertion):
    """An assertion signed elsewhere and read at each login: by Kubernetes, GitHub Actions, Azure, a KMS …"""

    method = "private_key_jwt"

    @hides_locals
    def __init__(self, assertion: TextSource) -> None:
        """Take the assertion from a file, a callable or another auth object.

        Args:
            assertion: path of a file (a str or `pathlib.Path`), such as a projected service account token; a callable
                that returns the assertion; or another auth object, whose token is the assertion.

        Raises:
            TypeError, ValueError: none of these, or the text of an assertion, which would expire.
        """
        if isinstance(assertion, str):
            if re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]*", assertion):
                raise ValueError("assertion looks like a JWT itself, which expires: pass a callable, or a file's path")
            assertion = Path(checked_text("assertion", assertion))
        self._assertion = sealed("client_assertion", assertion)
        if not self._assertion.dynamic:
            raise TypeError("assertion must be a callable, or the path of a file")

    @property
    def identity(self) -> object:
        return (type(self), told(self._assertion))

    @property
    def process_bound(self) -> str:
        if isinstance(self._assertion.identity, TokenOf):
            return process_bound("client_auth", self._assertion)
        text = "the assertion of client_auth= differs at each login: leave store= out, or pass what stays the same"
        return f"{text}, such as the signing key (PrivateKeyJWT) or an auth object"

    def assertion(self, client: Client) -> str:
        return self._assertion.reveal()

    def advice(self, client: Client) -> str:
        return "Check client_id, and that the server trusts the client_assertion: its issuer, subject and audience."


def _thumbprint(certificate: object) -> str:
    text = certificate.decode("ascii", "replace") if isinstance(certificate, bytes) else certificate
    found = (
        re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.DOTALL)
        if isinstance(text, str)
        else None
    )
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except ValueError:
        der = b""
    if not der:
        raise ValueError("certificate must be in PEM: -----BEGIN CERTIFICATE-----")
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
