"""Signing keys: a PEM text, a JWK, or a file with either. They are checked at construction as far as possible.

Law: no error shows a part of a key. Law: joserfc (extra `jwt`) is imported when the first key is loaded.
"""

import contextlib
import functools
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors
from tokenauth._core.secrets import Secret, bare
from tokenauth._lazy import installed
from tokenauth.providers._sources import sealed

if TYPE_CHECKING:
    from joserfc.jwk import Key

KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP", "HS": "oct"}
"""The type of key (`kty`) that an algorithm wants, by its first letters."""
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
    *("EdDSA", "Ed25519", "HS256", "HS384", "HS512"),
)
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_PLAIN = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_OTHERS = {
    "ENCRYPTED PRIVATE KEY": "is encrypted; write it without a password: openssl pkey -in key.pem -out plain.pem",
    "PUBLIC KEY": "is a public key; the private key of the pair signs",
    "RSA PUBLIC KEY": "is a public key; the private key of the pair signs",
    "CERTIFICATE": "is a certificate; pass its private key here, and the certificate as certificate=",
    "OPENSSH PRIVATE KEY": "is in OpenSSH's own format; turn it into PEM: ssh-keygen -p -m PEM -f FILE",
    "DSA PRIVATE KEY": "is a DSA key, which no JWT algorithm takes; make an RSA or EC key",
}


def key_of(name: str, key: object) -> Secret:
    """Return the argument *name*, a key, as a secret; ValueError where it can't be the private key that signs."""
    if isinstance(key, Mapping):
        key = _written(name, key)
    if isinstance(key, bytes | bytearray):
        key = _decoded(name, bytes(key))
    secret = sealed(name, key, raw=True)
    if not secret.dynamic:
        check_key(name, secret.reveal())
    return secret


def _written(name: str, key: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(dict(key), sort_keys=True)
    except (TypeError, ValueError):
        problem = f"{name} is a dict, but not a JWK: it has something other than JSON"
    raise TypeError(problem)


def _decoded(name: str, key: bytes) -> str:
    try:
        return key.decode("ascii")
    except UnicodeDecodeError:
        problem = f"{name} is in a binary format; turn it into PEM: openssl pkey -in FILE -inform DER -out key.pem"
    raise ValueError(problem)


def check_key(name: str, text: str) -> None:
    """Raise ValueError where *text* can't be a private key, with what it is instead."""
    problem = _of_jwk(text) if text.lstrip().startswith("{") else _of_pem(text)
    if problem:
        raise ValueError(f"{name} {problem}")


def _of_pem(text: str) -> str:
    labels = _BEGIN.findall(text)
    if not labels:
        if "\n" not in text and len(text) < 300 and re.search(r"[\\/]|\.(?:pem|key|json|jwk)$", text):
            return "looks like a path; for a file write pathlib.Path(…)"
        return "is neither PEM (-----BEGIN PRIVATE KEY-----) nor a JWK (a dict, or JSON)"
    if "\\n" in text:
        return r'has the two characters \n in place of line ends: write key.replace("\\n", "\n")'
    if "Proc-Type: 4,ENCRYPTED" in text:
        return _OTHERS["ENCRYPTED PRIVATE KEY"]
    if _PLAIN & set(labels):
        whole = {label for label, _ in _BLOCK.findall(text)}
        return "" if _PLAIN & whole else "is cut off: a line -----END … is missing"
    return next((_OTHERS[each] for each in labels if each in _OTHERS), "holds no private key")


def _of_jwk(text: str) -> str:
    try:
        jwk = json.loads(text)
    except ValueError:
        return "is not complete JSON, so it is not a JWK"
    if "keys" in jwk:
        return 'is a set of keys (a JWKS); pass one of its "keys"'
    if "private_key" in jwk:
        return 'is a JSON file with a key in it; pass its "private_key" (a service account: JWTBearerAuth.from_google)'
    if "kty" not in jwk:
        return 'is not a JWK: it has no "kty"'
    if jwk["kty"] == "oct":
        return "is a shared secret; for that there is ClientSecretJWT"
    return "" if "d" in jwk else _OTHERS["PUBLIC KEY"]


def checked_algorithm(algorithm: object, secret: Secret | None = None) -> str | None:
    """Return *algorithm*; ValueError where it is none, or not one of the key's kind as far as that can be seen."""
    if algorithm is None:
        return None
    known = [each for each in ALGORITHMS if each.startswith("HS") is (secret is None)]
    if algorithm not in known:
        raise ValueError(f"algorithm must be one of {', '.join(known)}")
    kind = None if secret is None or secret.dynamic else _kind(secret.reveal())
    wanted = KINDS[str(algorithm)[:2]]
    if kind not in {None, wanted}:
        raise ValueError(f"algorithm {algorithm} wants a key of the kind {wanted}, but key is of the kind {kind}")
    return str(algorithm)


def _kind(text: str) -> object:
    if text.lstrip().startswith("{"):
        return json.loads(text).get("kty")
    return "RSA" if "RSA PRIVATE KEY" in text else "EC" if "EC PRIVATE KEY" in text else None


def named_in(secret: Secret) -> tuple[str | None, str | None]:
    """Return the `kid` and the `alg` that a JWK has, as far as it is there already."""
    if secret.dynamic or not secret.reveal().lstrip().startswith("{"):
        return None, None
    jwk = json.loads(secret.reveal())
    kid, alg = jwk.get("kid"), jwk.get("alg")
    return kid if isinstance(kid, str) else None, alg if alg in ALGORITHMS else None


@functools.lru_cache(maxsize=128)
def _imported(text: str) -> "Key":
    with installed("jwt", "A signed JWT"):
        from joserfc import errors as refusals  # noqa: PLC0415  (of an extra)
        from joserfc import jwk  # noqa: PLC0415  (the same)
    if text.lstrip().startswith("{"):
        content: dict[str, Any] = json.loads(text)
        kinds: dict[str, Any] = {"RSA": jwk.RSAKey, "EC": jwk.ECKey, "OKP": jwk.OKPKey}
        made: Key = kinds[content["kty"]].import_key(content)
        return made
    block = next(match for match in _BLOCK.finditer(text) if match[1] in _PLAIN)[0].encode()
    for kind in (jwk.RSAKey, jwk.ECKey):
        with contextlib.suppress(refusals.InvalidKeyTypeError):
            return kind.import_key(block)
    return jwk.OKPKey.import_key(block)


def loaded(name: str, text: str) -> "Key":
    """Return the private key in *text*; TokenAuthError where there is none."""
    try:
        check_key(name, text)
        return _imported(bare(text))
    except ImportError as problem:
        failure: Exception = ImportError(str(problem), name=problem.name)
    except ValueError as problem:
        said = str(problem)
        unread = f"{name} can't be read: it is damaged, or of a kind that no algorithm here takes"
        failure = errors.TokenAuthError(said if said.startswith(f"{name} ") else unread)
    except Exception as problem:  # joserfc's, whose text may quote
        failure = errors.TokenAuthError(f"{name} can't be read ({type(problem).__name__})")
    raise failure


def algorithm_of(key: "Key") -> str:
    """Return the usual algorithm for *key*."""
    kind = str(key.key_type)
    curve = getattr(key, "curve_name", "") if kind != "RSA" else ""
    found = "RS256" if kind == "RSA" else "HS256" if kind == "oct" else _CURVES.get(str(curve))
    if found is None:
        raise errors.TokenAuthError(f"key is on the curve {curve}: name its algorithm=")
    return found


@functools.lru_cache(maxsize=128)
def shared(secret: str) -> "Key":
    """Return a shared secret as a key."""
    with installed("jwt", "A signed JWT"):
        from joserfc.jwk import OctKey  # noqa: PLC0415  (of an extra)
    return OctKey.import_key(secret)
