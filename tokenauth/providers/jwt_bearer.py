"""The JWT bearer grant (RFC 7523 §2.1): the client logs in with an assertion that it signs, for itself or for a user.

Google service accounts, Salesforce, Box and DocuSign use it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Unpack

from tokenauth._core.places import Place
from tokenauth._core.secrets import SecretLike, checked_text
from tokenauth.providers._grant import Grant, SharedOptions, texts
from tokenauth.providers._jwt import JWT, KeySource
from tokenauth.providers._sources import LONGEST

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE = "https://oauth2.googleapis.com/token"
LIFETIME = 180.0
"""Lifetime of the assertion in seconds. Salesforce accepts three minutes at most, Box one, Google an hour."""


class JWTBearer(Grant):
    """The JWT bearer grant (RFC 7523 §2.1): `JWTBearerAuth(token_url, key=…, issuer=…)`; Google, Salesforce, Box."""

    _dated = True

    def __init__(
        self,
        token_url: str,
        *,
        key: KeySource,
        issuer: str,
        subject: str | None = None,
        assertion_audience: str | None = None,
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        kid: str | None = None,
        algorithm: str | None = None,
        lifetime: float = LIFETIME,
        home: Place | None = None,
        lifetime_of_token: float | timedelta | None = None,
        client_id: str | None = None,
        client_secret: SecretLike | None = None,
        **options: Unpack[SharedOptions],
    ) -> None:
        """Log in with an assertion that your private key signs. Needs the extra `jwt`.

        Args:
            token_url: "https://host/path" of the token endpoint.
            key: the private key: PEM, a JWK (dict or JSON), a `pathlib.Path` of either (read at each login), or a
                callable that returns one.
            issuer: `iss`, the signer: the service account's address, or the client's id.
            subject: `sub`, the user to act for. Default none.
            assertion_audience: `aud` of the assertion. Default: the token_url. (`audience=` is a form field, as with
                every grant.)
            claims: more claims, such as {"box_sub_type": "enterprise"}. Default none; `iat`, `nbf`, `exp` and a new
                `jti` are always there.
            headers: more JOSE header parameters. Default none.
            kid: id of the key. Default the JWK's.
            algorithm: such as "RS256" (RFC 7518). Default the JWK's, else by the key: RS256, ES256, ES384, ES512 or
                EdDSA.
            lifetime: seconds from `iat` to `exp`; `iat` is 10 s in the past, to allow for clock skew. Default 180.
            home: place of the API's URL, if the response says which host the token is for: "instance_url" at
                Salesforce. Default none.
            lifetime_of_token: lifetime in seconds (or a `timedelta`) if the response states none. Default unknown.
            client_id: form field, if the server wants the client's id as well. Default none.
            client_secret: its secret; a str, a callable, or anything with `get_secret_value()`. Default none.
            options: see `SharedOptions`: client_auth, scope, resource, audience, extra, and the options of every auth
                object.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        signer = checked_text("issuer", issuer)
        named = ("token_url", token_url) if assertion_audience is None else ("assertion_audience", assertion_audience)
        audience = checked_text(*named)
        assertion = JWT(
            key,
            issuer=signer,
            subject=subject,
            audience=audience,
            lifetime=lifetime,
            claims=claims,
            headers=headers,
            kid=kid,
            algorithm=algorithm,
        )
        super().__init__(
            token_url,
            {"grant_type": JWT_BEARER, "assertion": assertion},
            options,
            client_id=client_id,
            client_secret=client_secret,
            home=home,
            lifetime=lifetime_of_token,
            name=f"OAuth assertion of {signer}" + (f" for {subject}" if subject else ""),
            advice=f"Check key, issuer and subject, and that the server knows the key; the audience was {audience}.",
        )
        self.blocks = True


def google_account(
    account: str | os.PathLike[str] | Mapping[str, Any], *, scope: str | Iterable[str], subject: str | None = None
) -> dict[str, Any]:
    """Return the arguments of `JWTBearer` for a Google service account; see `JWTBearerAuth.from_google`."""
    content = account if isinstance(account, Mapping) else _read(account)
    missing = [name for name in ("client_email", "private_key") if not isinstance(content.get(name), str)]
    if missing:
        kind = content.get("type")
        told = f'; its type is "{kind}"' if kind in {"authorized_user", "external_account"} else ""
        raise ValueError(f"account is not a service account key: it has no {' and no '.join(missing)}{told}")
    return {
        "token_url": content.get("token_uri") or GOOGLE,
        "key": content["private_key"],
        "kid": content.get("private_key_id") or None,
        "issuer": content["client_email"],
        "subject": subject,
        "algorithm": "RS256",
        "claims": {"scope": " ".join(texts("scope", scope))},
        "lifetime": 3600.0,
    }


def _read(path: object) -> Mapping[str, Any]:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"account must be the path of a JSON file, or a dict, not {type(path).__name__}")
    if isinstance(path, str) and path.lstrip().startswith("{"):
        raise ValueError("account must be a path or a dict: write json.loads(…) around the text")
    try:
        with Path(path).open("rb") as file:
            content = json.loads(file.read(LONGEST))
    except OSError as problem:
        why = f"can't be read: {problem.strerror or type(problem).__name__}"
    except ValueError:
        why = "is no JSON"
    else:
        if isinstance(content, dict):
            return content
        why = "holds no JSON object"
    raise ValueError(f"account: the file {os.fspath(path)} {why}")
