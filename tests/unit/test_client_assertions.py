"""Assertions, judged by PyJWT, which is not what signs them."""

import base64
import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.support import ManualClock
from tokenauth import errors
from tokenauth._core.under_way import login_under_way
from tokenauth.providers import (
    JWT,
    ClientAssertion,
    ClientCredentials,
    ClientSecretJWT,
    JWTBearer,
    PrivateKeyJWT,
    TokenExchange,
)

URL = "https://as.example/oauth/token"
SECRET = "a shared secret of more than thirty-two bytes"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, Any] = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    sealing = NoEncryption() if password is None else BestAvailableEncryption(password)
    text: bytes = key.private_bytes(Encoding.PEM, form, sealing)
    return text.decode()


def public(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def jwk(algorithm: str) -> dict[str, Any]:
    kind: Any = {"R": RSAKey, "E": ECKey}[algorithm[0]] if algorithm != "EdDSA" else OKPKey
    return dict(kind.import_key(pem(KEYS[algorithm])).as_dict(private=True))


def sent(provider: Any) -> dict[str, str]:
    fields = parse_qs(provider.request().body.decode(), strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


def client(auth: Any, **options: Any) -> ClientCredentials:
    return ClientCredentials(URL, client_id="c-1", client_auth=auth, **options)


def judged(text: str, key: Any, algorithm: str, audience: str = URL) -> dict[str, Any]:
    needed = {"require": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]}
    claims: dict[str, Any] = pyjwt.decode(text, key, [algorithm], audience=audience, options=needed, leeway=0)  # type: ignore[arg-type]
    return claims


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("form", ["PKCS8", "traditional", "JWK", "JWK text", "bytes", "with its certificate"])
def test_private_key_jwt(algorithm: str, form: str) -> None:
    key = KEYS[algorithm]
    if form == "traditional" and algorithm == "EdDSA":
        pytest.skip("there is none")
    forms: dict[str, Any] = {
        "PKCS8": lambda: pem(key),
        "traditional": lambda: pem(key, PrivateFormat.TraditionalOpenSSL),
        "JWK": lambda: jwk(algorithm),
        "JWK text": lambda: json.dumps(jwk(algorithm)),
        "bytes": lambda: pem(key).encode(),
        "with its certificate": lambda: f"{CERTIFICATE}\n{pem(key)}",
    }
    text = forms[form]()
    fields = sent(client(PrivateKeyJWT(text, kid="k-1")))
    assert fields["grant_type"] == "client_credentials"
    assert fields["client_id"] == "c-1"
    assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    claims = judged(fields["client_assertion"], key.public_key(), algorithm)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("c-1", "c-1", URL)
    assert claims["exp"] - claims["iat"] == 60
    assert uuid.UUID(claims["jti"])
    assert pyjwt.get_unverified_header(fields["client_assertion"]) == {"typ": "JWT", "alg": algorithm, "kid": "k-1"}


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----"


def test_what_entra_wants() -> None:
    auth = PrivateKeyJWT(pem(RSA), algorithm="PS256", certificate=CERTIFICATE, lifetime=300)
    text = sent(client(auth))["client_assertion"]
    header = pyjwt.get_unverified_header(text)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(b"\0\1\2").digest()).decode().rstrip("=")
    assert (header["alg"], header["x5t#S256"]) == ("PS256", thumbprint)
    claims = judged(text, RSA.public_key(), "PS256")
    assert claims["exp"] - claims["iat"] == 300


def test_a_key_on_a_rare_curve_wants_its_algorithm_named() -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(errors.TokenAuthError, match="key is on the curve secp256k1: name its algorithm="):
        client(PrivateKeyJWT(pem(key))).request()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = client(PrivateKeyJWT(pem(ec.generate_private_key(ec.SECP256R1()))))
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(ImportError, match=r"tokenauth-http\[jwt\]") as caught:
        auth.request()
    assert caught.value.__cause__ is caught.value.__context__ is None, "a frame of it has the key"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_client_secret_jwt(algorithm: str) -> None:
    secret = SECRET * 2
    fields = sent(client(ClientSecretJWT(algorithm=algorithm), client_secret=secret))
    assert judged(fields["client_assertion"], secret, algorithm)["sub"] == "c-1"
    assert secret not in str(fields)


def test_a_jwk_brings_its_own_kid_and_algorithm() -> None:
    key = jwk("RS256") | {"kid": "own", "alg": "PS384"}
    header = pyjwt.get_unverified_header(sent(client(PrivateKeyJWT(key)))["client_assertion"])
    assert (header["kid"], header["alg"]) == ("own", "PS384")


def test_each_assertion_is_new_and_dated_by_the_clock_of_the_login() -> None:
    clock, provider = ManualClock(), client(PrivateKeyJWT(pem(RSA)))
    seen = []
    for _ in range(3):
        with login_under_way(clock.clock):
            text = sent(provider)["client_assertion"]
        claims = pyjwt.decode(text, options={"verify_signature": False})
        assert (claims["iat"], claims["nbf"], claims["exp"]) == tuple(int(clock.wall_now) + n for n in (-10, -10, 50))
        seen.append(claims["jti"])
        clock.move(1000)
    assert len(set(seen)) == 3


def test_the_audience_may_be_named() -> None:
    for auth in (
        PrivateKeyJWT(pem(RSA), audience="https://as.example"),
        ClientSecretJWT(audience="https://as.example"),
    ):
        more = {"client_secret": SECRET} if isinstance(auth, ClientSecretJWT) else {}
        text = sent(client(auth, **more))["client_assertion"]
        assert pyjwt.decode(text, options={"verify_signature": False})["aud"] == "https://as.example"


def test_the_key_distinguishes_and_its_output_does_not() -> None:
    def key(provider: Any) -> object:
        return provider.identity, provider.secrets

    one = client(PrivateKeyJWT(pem(RSA)))
    assert key(one) == key(client(PrivateKeyJWT(pem(RSA)))) == key(one)
    assert one == client(PrivateKeyJWT(pem(RSA)))
    others: list[dict[str, Any]] = [{"kid": "k"}, {"algorithm": "PS256"}, {"audience": "a"}, {"lifetime": 61}]
    others += [{"claims": {"a": 1}}, {"headers": {"a": 1}}]
    for other in [client(PrivateKeyJWT(pem(RSA), **each)) for each in others]:
        assert key(other) != key(one)
        assert other != one
    assert key(client(PrivateKeyJWT(pem(KEYS["ES256"])))) != key(one)
    assert key(client(PrivateKeyJWT(Path("a.pem")))) != key(client(PrivateKeyJWT(Path("b.pem"))))
    assert key(client(ClientAssertion("a"))) != key(client(ClientAssertion("b")))


NOTHING: Any = None


def wrong(**options: Any) -> PrivateKeyJWT:
    return PrivateKeyJWT(pem(RSA), **options)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "is an environment variable or a setting missing"),
    (7, TypeError, "must be a str"),
    ("", ValueError, "neither PEM"),
    ("secret-4711", ValueError, "neither PEM .* nor a JWK"),
    ("/etc/keys/4711.pem", ValueError, r"pathlib\.Path"),
    (public(RSA), ValueError, "public key; the private key of the pair signs"),
    (CERTIFICATE, ValueError, "certificate=.*"),
    (pem(RSA, password=b"secret-4711"), ValueError, "encrypted; .*openssl pkey"),
    (pem(RSA, PrivateFormat.TraditionalOpenSSL, b"secret-4711"), ValueError, "encrypted"),
    (pem(RSA, PrivateFormat.OpenSSH), ValueError, "ssh-keygen"),
    (pem(RSA)[:400], ValueError, "cut off"),
    (pem(RSA).replace("\n", "\\n"), ValueError, r"replace"),
    (b"\x30\x82\x04\xbd", ValueError, "binary format.*openssl"),
    ({"keys": [{"kty": "RSA"}]}, ValueError, "set of keys"),
    ({"kty": "RSA", "n": "secret-4711", "e": "AQAB"}, ValueError, "public key"),
    ({"kty": "oct", "k": "secret-4711"}, ValueError, "ClientSecretJWT"),
    ({"n": "secret-4711"}, ValueError, 'no "kty"'),
    ({"kty": "RSA", "d": object()}, TypeError, "other than JSON"),
    ('{"kty": "RSA", "d": "secret-4711"', ValueError, "not complete JSON"),
    ('{"type": "service_account", "private_key": "secret-4711"}', ValueError, "from_google"),
]


@pytest.mark.parametrize(("key", "kind", "text"), WRONG, ids=[text for *_, text in WRONG])  # no key: it is random
@pytest.mark.parametrize("taker", ["PrivateKeyJWT", "JWT", "JWTBearer"])
def test_a_wrong_key_is_refused_at_once(key: Any, kind: type[Exception], text: str, taker: str) -> None:
    make: Any = {
        "PrivateKeyJWT": lambda: PrivateKeyJWT(key),
        "JWT": lambda: JWT(key),
        "JWTBearer": lambda: JWTBearer(URL, key=key, issuer="i"),
    }[taker]
    with pytest.raises(kind, match=text) as caught:
        make()
    assert "4711" not in str(caught.value)
    assert caught.value.__context__ is None or "4711" not in repr(caught.value.__context__)


LATE: list[tuple[Any, dict[str, Any], str]] = [
    ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", {}, "can't be read"),
    ({"kty": "RSA", "n": "AA", "d": "AA", "e": "AA"}, {}, "can't be read|doesn't sign"),
    ({"kty": "XYZ", "d": "AA"}, {}, "can't be read"),
    (pem(RSA), {"algorithm": "ES256"}, "doesn't sign with ES256"),
    (pem(KEYS["ES256"]), {"algorithm": "ES512"}, "doesn't sign with ES512"),
    (lambda: public(RSA), {}, "public key"),
    (Path("/nowhere/at/all.pem"), {}, r"the file /nowhere/at/all\.pem can't be used: No such file"),
]


@pytest.mark.parametrize(("key", "options", "text"), LATE, ids=[text for *_, text in LATE])
def test_what_only_the_signing_can_tell_is_an_error_of_our_tree(key: Any, options: Any, text: str) -> None:
    provider = client(PrivateKeyJWT(key, **options))
    with pytest.raises(errors.TokenAuthError, match=text):
        provider.request()


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: wrong(algorithm="HS256"), ValueError, "algorithm must be one of RS256"),
        (lambda: PrivateKeyJWT(pem(RSA), algorithm="none"), ValueError, "algorithm must be one of"),
        (lambda: PrivateKeyJWT(jwk("ES256"), algorithm="RS256"), ValueError, "wants a key of the kind RSA"),
        (lambda: ClientSecretJWT(algorithm="RS256"), ValueError, "algorithm must be one of HS256"),
        (lambda: PrivateKeyJWT(pem(RSA), lifetime=0), ValueError, "lifetime must be between 20 and 86400"),
        (lambda: wrong(lifetime="60"), TypeError, "lifetime must be a number"),
        (lambda: PrivateKeyJWT(pem(RSA), claims={"aud": "x"}), ValueError, "audience="),
        (lambda: PrivateKeyJWT(pem(RSA), claims={"exp": 1}), ValueError, "new in each JWT"),
        (lambda: PrivateKeyJWT(pem(RSA), headers={"alg": "x"}), ValueError, "algorithm="),
        (lambda: PrivateKeyJWT(pem(RSA), claims={"x": object()}), TypeError, "must be JSON"),
        (lambda: wrong(claims=["x"]), TypeError, "mapping"),
        (lambda: PrivateKeyJWT(pem(RSA), certificate="x"), ValueError, "BEGIN CERTIFICATE"),
        (lambda: wrong(kid=7), TypeError, "kid"),
        (lambda: ClientAssertion("aaaa.bbbb.cccc"), ValueError, "expires"),
        (lambda: ClientAssertion(NOTHING), TypeError, "callable, or the path|None"),
        (lambda: ClientAssertion(""), ValueError, "empty"),
        (lambda: client(PrivateKeyJWT(pem(RSA)), client_secret="s"), TypeError, "client_secret would have no effect"),
        (lambda: client(PrivateKeyJWT), TypeError, "must be made first"),
        (lambda: client(ClientSecretJWT()), TypeError, "needs client_id= and client_secret="),
        (lambda: client("basic"), TypeError, "needs client_id= and client_secret="),
        (lambda: client("none", client_secret="s"), TypeError, "no effect"),
        (lambda: client(None), TypeError, "client_secret must be a str, not None"),
        (lambda: TokenExchange(URL, subject_token="s", client_auth=PrivateKeyJWT(pem(RSA))), TypeError, "client_id="),
    ],
)
def test_arguments_that_can_not_be_right(make: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make()


def test_an_assertion_of_somebody_else_is_read_at_each_login(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    provider = client(ClientAssertion(str(file)))
    assert sent(provider)["client_assertion"] == "first"
    file.write_text("second")
    assert sent(provider)["client_assertion"] == "second"
    told = iter(["a", "b"])
    provider = client(ClientAssertion(lambda: next(told)))
    assert [sent(provider)["client_assertion"] for _ in "12"] == ["a", "b"]


def test_jwt_bearer() -> None:
    provider = JWTBearer(
        URL,
        key=pem(RSA),
        issuer="me",
        subject="user@example.com",
        claims={"box_sub_type": "user"},
        scope=["a", "b"],
        client_id="c",
        client_secret="s",
        client_auth="body",
    )
    fields = sent(provider)
    assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (fields["scope"], fields["client_id"], fields["client_secret"]) == ("a b", "c", "s")
    claims = judged(fields["assertion"], RSA.public_key(), "RS256")
    assert (claims["iss"], claims["sub"], claims["box_sub_type"]) == ("me", "user@example.com", "user")
    assert claims["exp"] - claims["iat"] == 180


def test_a_jwt_in_a_header() -> None:
    text = JWT(pem(RSA), issuer="app", scheme="Bearer").value({}, fresh=True)
    scheme, _, assertion = text.partition(" ")
    assert scheme == "Bearer"
    assert pyjwt.decode(assertion, RSA.public_key(), ["RS256"])["iss"] == "app"
