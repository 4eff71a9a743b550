"""JWT: a signed assertion, new for each call. The credential is the key, so the JWTs take no part in the cache key."""

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors, under_way
from tokenauth._core.secrets import Secret, checked_text, hides_locals
from tokenauth.providers import _keys
from tokenauth.providers._sources import TextSource
from tokenauth.providers._values import Computed, present

if TYPE_CHECKING:
    from joserfc.jwk import Key

BACK = 10
"""Seconds by which `iat` and `nbf` are in the past, to allow for clock skew."""
_MADE = frozenset({"exp", "iat", "jti", "nbf"})
_NAMED = {"iss": "issuer", "sub": "subject", "aud": "audience"}

KeySource = TextSource | bytes | Mapping[str, Any]
"""A private key: PEM (text or bytes), a JWK (dict or JSON), a `pathlib.Path` of either (read at each login), a callable
that returns one, or anything with `get_secret_value()`."""


class JWT(Computed):
    """A JWT that is signed for each call, as a value in headers, form or json: for APIs that take one as the login.

    `LoginAuth(url, headers={"Authorization": JWT(key, issuer=app_id, scheme="Bearer")}, token="token")`

    Called, it returns a new JWT. So it is a token by itself: `FunctionAuth(JWT(key, issuer=…), origins=[…])`.
    """

    steady = False

    @hides_locals
    def __init__(
        self,
        key: KeySource,
        *,
        issuer: str | None = None,
        subject: str | None = None,
        audience: str | None = None,
        lifetime: float = 300.0,
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        kid: str | None = None,
        algorithm: str | None = None,
        scheme: str = "",
    ) -> None:
        """Describe the JWT (RFC 7519). Needs the extra `jwt`.

        Args:
            key: the private key: PEM, a JWK (dict or JSON), a `pathlib.Path` of either, a callable that returns one.
            issuer: `iss`. Default none.
            subject: `sub`. Default none.
            audience: `aud`. Default none.
            lifetime: seconds from `iat` to `exp`. `iat` is 10 s in the past, to allow for clock skew. Default 300.
            claims: more claims. Default none; `iat`, `nbf`, `exp` and a new `jti` are always there.
            headers: more JOSE header parameters, such as {"x5t#S256": …}. Default none.
            kid: id of the key. Default the JWK's.
            algorithm: such as "ES256" (RFC 7518). Default the JWK's, else by the key: RS256, ES256, ES384, ES512 or
                EdDSA.
            scheme: authentication scheme in front of the JWT, such as "Bearer". Default none.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self.secret: Secret = _keys.key_of("key", key)
        self._algorithm = _keys.checked_algorithm(algorithm, self.secret)
        self._kid = None if kid is None else checked_text("kid", kid)
        named = {"iss": issuer, "sub": subject, "aud": audience}
        given = {each: checked_text(_NAMED[each], value) for each, value in named.items() if value is not None}
        self._claims = {**given, **checked_claims("claims", claims, _NAMED)}
        self._headers = checked_claims("headers", headers, {"alg": "algorithm", "kid": "kid"})
        self._lifetime = checked_lifetime(lifetime)
        self._scheme = checked_text("scheme", scheme, empty=True, header=True)

    @property
    def told(self) -> object:
        own = {name: value for name, value in sorted(vars(self).items()) if name != "secret"}
        return ("jwt", json.dumps(own, sort_keys=True), self.secret.dynamic)

    def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
        signed = self.made(present(self.secret, kept, fresh=fresh), {})
        return f"{self._scheme} {signed}" if self._scheme else signed

    def __call__(self) -> str:
        return self.value({}, fresh=True)

    def made(self, text: str, claims: Mapping[str, Any]) -> str:
        """Return the JWT, signed with the key in *text*. Claims of the description override *claims*."""
        key = _keys.loaded("key", text)
        found_kid, found_alg = _keys.named_in(self.secret)
        algorithm = self._algorithm or found_alg or _keys.algorithm_of(key)
        kid = self._kid or found_kid
        header = {"typ": "JWT", "alg": algorithm, **({"kid": kid} if kid else {}), **self._headers}
        return signed(header, {**claims, **self._claims, **times(self._lifetime)}, key)

    def __repr__(self) -> str:
        return "<JWT>"


def times(lifetime: int) -> dict[str, Any]:
    """Return the claims that are new for each JWT."""
    now = int(under_way.now().wall()) - BACK
    return {"iat": now, "nbf": now, "exp": now + lifetime, "jti": str(uuid.uuid4())}


def signed(header: dict[str, Any], claims: dict[str, Any], key: "Key") -> str:
    """Return the JWT. TokenAuthError if the key doesn't fit the algorithm."""
    from joserfc import jws, jwt  # noqa: PLC0415  (of an extra; the key was loaded by it)

    class Registry(jws.JWSRegistry):
        """Accepts "EdDSA", the name that servers know, and any header parameter."""

        def get_alg(self, name: str) -> Any:
            return self.algorithms[name]

    try:
        return jwt.encode(header, claims, key, registry=Registry(strict_check_header=False))
    except Exception as problem:  # joserfc's, whose text may quote
        kind = type(problem).__name__
    raise errors.TokenAuthError(f"key doesn't sign with {header['alg']} ({kind}): is it a key for algorithm=?")


def checked_claims(name: str, claims: Mapping[str, Any] | None, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Return *claims*, the argument *name*. They must be JSON, and none may have its own argument in *arguments*."""
    if claims is None:
        return {}
    if not isinstance(claims, Mapping):
        raise TypeError(f"{name} must be a mapping, not {type(claims).__name__}")
    clash = [f"{each} ({arguments[each]}=)" for each in claims if each in arguments]
    fixed = sorted(_MADE & set(claims)) if name == "claims" else []
    if clash or fixed:
        raise ValueError(
            f"{name} must not have {', '.join(clash + fixed)}: there are arguments for these, or they are "
            "new in each JWT"
        )
    try:
        made: dict[str, Any] = json.loads(json.dumps(dict(claims), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        problem = f"{name} must be JSON: texts, numbers, booleans, lists and dicts"
    else:
        return made
    raise TypeError(problem)


def checked_lifetime(lifetime: object) -> int:
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        raise TypeError(f"lifetime must be a number of seconds, not {type(lifetime).__name__}")
    if not 2 * BACK <= lifetime <= 86400:
        raise ValueError(f"lifetime must be between {2 * BACK} and 86400 seconds")
    return int(lifetime)
