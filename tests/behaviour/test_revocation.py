"""`revocation_url=` (RFC 7009): who is done with a grant says so, once."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.clients import CLIENTS, Client, leave
from tests.servers import Received, Reply, Server, serve
from tokenauth import ClientCredentialsAuth, PasswordGrantAuth, RefreshTokenAuth

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)


class Site:
    """Access tokens a-1, a-2 …, with refresh tokens r-1, r-2 … except for clients' own."""

    def __init__(self) -> None:
        self.server: Server
        self.revoked: list[dict[str, str]] = []
        self.answer = Reply(200)
        self.issued = 0

    def __call__(self, request: Received) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.path == "/revoke":
            self.revoked.append(form | {"authorization": request.headers.get("authorization", "")[:5]})
            return self.answer
        if request.path == "/token":
            self.issued += 1
            more = {} if form["grant_type"] == "client_credentials" else {"refresh_token": f"r-{self.issued}"}
            return Reply(200, {"access_token": f"a-{self.issued}", "token_type": "Bearer", "expires_in": 3600, **more})
        return Reply(200 if request.headers.get("authorization") == f"Bearer a-{self.issued}" else 401)

    @property
    def api(self) -> str:
        return f"{self.server.url}/api"

    def auth(self, kind: Any, **more: Any) -> Any:
        own = {ClientCredentialsAuth: {}, PasswordGrantAuth: {"username": "u", "password": "p"}}
        given = {"client_id": "c", "client_secret": "s", "cache": {}, **own.get(kind, {"refresh_token": "r-0"}), **more}
        return kind(f"{self.server.url}/token", revocation_url=f"{self.server.url}/revoke", **given)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with serve(site) as site.server:
        yield site


@every_client
@pytest.mark.parametrize("kind", [ClientCredentialsAuth, PasswordGrantAuth, RefreshTokenAuth])
def test_closing_revokes_once_and_the_refresh_token_where_there_is_one(client: Client, kind: Any, site: Site) -> None:
    auth = site.auth(kind)
    leave(client, auth)
    assert site.revoked == [], "nothing was had"
    for _ in range(2):
        assert client.get(auth, site.api) == 200
        site.issued += kind is not RefreshTokenAuth  # the token is refused, and renewed
    leave(client, auth)
    leave(client, auth)
    (sent,) = site.revoked
    names = {"a": "access_token", "r": "refresh_token"}
    assert sent["token_type_hint"] == names[sent["token"][0]]
    assert sent["token"][0] == ("a" if kind is ClientCredentialsAuth else "r")
    assert sent["authorization"] == "Basic"


@pytest.mark.parametrize("kind", [PasswordGrantAuth, RefreshTokenAuth])
def test_what_was_exchanged_is_not_revoked_for_that_may_end_what_came_of_it(kind: Any, site: Site) -> None:
    auth = site.auth(kind)
    for number in range(1, 4):
        assert auth.get_token().refresh_token == f"r-{number}"
        auth.invalidate()
    assert site.revoked == []
    auth.close()
    assert [each["token"] for each in site.revoked] == ["r-3"], "no access token is held, but this keeps the session"


def test_after_a_logout_there_is_a_login(site: Site) -> None:
    auth = site.auth(PasswordGrantAuth)
    auth.get_token()
    auth.close()
    assert auth.get_token().value == "a-2"
    assert "password" in site.server.to("/token")[-1].body.decode()


def test_the_last_auth_object_of_a_credential_revokes(site: Site) -> None:
    shared: dict[Any, Any] = {}
    one, other = site.auth(PasswordGrantAuth, cache=shared), site.auth(PasswordGrantAuth, cache=shared)
    with one:
        one.get_token()
    assert site.revoked == []
    other.close()
    assert len(site.revoked) == 1


@pytest.mark.parametrize("status", [400, 503])
def test_a_revocation_that_fails_is_nobody_s_failure(status: int, site: Site) -> None:
    site.answer = Reply(status, b"", {"Retry-After": "3600"})
    auth = site.auth(ClientCredentialsAuth, timeout=7200)  # to wait for the hour would be a hang
    auth.get_token()
    auth.close()
    assert len(site.revoked) == 1


def test_a_public_client_names_itself(site: Site) -> None:
    auth = site.auth(RefreshTokenAuth, client_secret=None)
    auth.get_token()
    auth.close()
    assert (site.revoked[0]["client_id"], site.revoked[0]["authorization"]) == ("c", "")


@pytest.mark.parametrize(
    ("ending", "revoked"),
    [
        ("", ["a-1"]),
        ("del auth", []),
        ("if child := os.fork(): os.waitpid(child, 0)", ["a-1"]),
    ],
    ids=["as usual", "the object is gone", "after a child"],
)
def test_a_program_that_ends_revokes(ending: str, revoked: list[str], site: Site) -> None:
    script = f"""
import os
from tokenauth import ClientCredentialsAuth
auth = ClientCredentialsAuth("{site.server.url}/token", client_id="c", client_secret="s", logout_at_exit=True,
    revocation_url="{site.server.url}/revoke")
auth.get_token()
{ending}
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert [each["token"] for each in site.revoked] == revoked


@pytest.mark.parametrize(
    "url",
    ["http://id.example/revoke", "id.example/revoke", "https://u:s3cret@id.example/r", "https://id.example/?s3cret"],
)
def test_a_url_that_can_not_be_right_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="revocation_url") as caught:
        ClientCredentialsAuth("https://id.example/t", client_id="c", client_secret="s", revocation_url=url)
    assert "s3cret" not in str(caught.value)


def test_two_that_revoke_elsewhere_share_their_token() -> None:
    """It makes no other token."""
    given: Any = {"refresh_token": "r", "client_id": "c"}
    one = RefreshTokenAuth("https://id.example/t", **given)
    other = RefreshTokenAuth("https://id.example/t", revocation_url="https://id.example/revoke", **given)
    assert one._source.tokens.key == other._source.tokens.key
