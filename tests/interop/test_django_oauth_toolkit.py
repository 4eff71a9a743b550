"""django-oauth-toolkit: what we send and read is understood by an OAuth 2.0 server that we did not write."""

import contextlib
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests

from tests.clients import CLIENTS, Client, Get
from tests.interop.django_server import (
    APP_ID,
    APP_SECRET,
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    PUBLIC_ID,
    USER,
)
from tests.support import ManualClock, until, with_clock
from tokenauth import ClientCredentialsAuth, CredentialsRejected, PasswordGrantAuth, TokenAuth

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
START = 60.0
every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


class Django:
    def __init__(self, url: str) -> None:
        self.url, self.api, self.token_url = url, f"{url}/api", f"{url}/o/token/"

    def calls(self) -> list[tuple[str, int]]:
        """Return grant and status of each token call since the last look."""
        return [(call["grant"], call["status"]) for call in self._get("/calls")["calls"]]

    def age(self) -> None:
        """Let all access tokens expire now."""
        self._get("/age")

    def revoke(self, token: str, client: tuple[str, str], hint: str = "access_token") -> None:
        form = {"token": token, "token_type_hint": hint}
        quoted = (quote_plus(client[0]), quote_plus(client[1]))  # RFC 6749 §2.3.1
        answer = requests.post(f"{self.url}/o/revoke_token/", form, auth=quoted, timeout=10)
        assert answer.status_code == 200

    def accepts(self, token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(self.api, headers=headers, timeout=10).status_code == 200

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return json.load(response)


@contextlib.contextmanager
def started(folder: Path, seconds: int) -> Iterator[Django]:
    command = "import sys; from tests.interop import django_server; django_server.main(*sys.argv[1:])"
    argv = [sys.executable, "-c", command, str(folder), str(seconds)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        deadline = threading.Timer(START, process.kill)
        deadline.start()
        try:
            port = process.stdout.readline().strip()
            deadline.cancel()
            assert port, "Django did not start; what it printed is above"
            yield Django(f"http://127.0.0.1:{port}")
        finally:
            deadline.cancel()
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Django]:
    with started(tmp_path_factory.mktemp("django"), 3600) as server:
        yield server


@pytest.fixture
def server(running: Django) -> Django:
    running.calls()
    return running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Django]:
    with started(tmp_path_factory.mktemp("hasty"), 1) as server:
        yield server


def service(server: Django, **options: Any) -> TokenAuth:
    settings = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "cache": {}, **options}
    return ClientCredentialsAuth(server.token_url, **settings)


def app(server: Django, **options: Any) -> TokenAuth:
    settings = {"username": USER, "password": PASSWORD, "client_id": APP_ID, "cache": {}, **options}
    settings.setdefault("client_secret", APP_SECRET)
    return PasswordGrantAuth(server.token_url, **settings)


def public_app(server: Django, **options: Any) -> TokenAuth:
    return app(server, client_id=PUBLIC_ID, client_secret=None, **options)


@every
@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_client_credentials(client: Client, server: Django, client_auth: Any) -> None:
    auth = service(server, client_auth=client_auth, scope="read")
    answers = client.play(auth, Get(server.api), Get(server.api))
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json() == {"user": None, "client": CLIENT_ID}
    assert server.calls() == [("client_credentials", 200)]
    token = client.get_token(auth)
    assert (token.type, token.lifetime, token.extra["scope"]) == ("Bearer", 3600, "read")


@every
@pytest.mark.parametrize(("make", "app_id"), [(app, APP_ID), (public_app, PUBLIC_ID)])
def test_the_password_grant(client: Client, server: Django, make: Any, app_id: str) -> None:
    auth = make(server)
    answers = client.play(auth, Get(server.api), Get(server.api))
    assert answers[1].json() == {"user": USER, "client": app_id}
    assert server.calls() == [("password", 200)]


@every
@pytest.mark.parametrize("make", [app, public_app])
def test_refresh_tokens_rotate(client: Client, server: Django, make: Any) -> None:
    clock = ManualClock()
    auth = with_clock(make(server), clock)
    tokens = []
    for _ in range(4):
        assert client.send(auth, Get(server.api)).history == []
        tokens.append(client.get_token(auth))
        clock.move(3600)
    assert server.calls() == [("password", 200)] + [("refresh_token", 200)] * 3
    assert len({token.value for token in tokens}) == len({token.refresh_token for token in tokens}) == 4


@every
@pytest.mark.parametrize(("make", "renewal"), [(service, "client_credentials"), (app, "refresh_token")])
def test_a_token_that_expired_there_is_renewed(client: Client, server: Django, make: Any, renewal: str) -> None:
    auth = make(server)
    client.get(auth, server.api)
    server.calls()
    server.age()
    answer = client.send(auth, Get(server.api))
    assert (answer.status, answer.history) == (200, [401])
    assert server.calls() == [(renewal, 200)]


@every
@pytest.mark.parametrize("make", [service, app])
def test_a_short_life_is_noticed_here(client: Client, hasty: Django, make: Any) -> None:
    auth = make(hasty)
    # a busy machine may take the second that a token lives; then its end is said to be unknown
    until(lambda: client.get(auth, hasty.api) == 200 and client.get_token(auth).lifetime == 1)
    first = client.get_token(auth)
    until(lambda: not hasty.accepts(first.value))
    hasty.calls()
    refused = client.send(auth, Get(hasty.api)).history
    assert len(refused) < len(hasty.calls()), "it was sent though it was known to have expired"


@every
def test_a_revoked_token_is_renewed(client: Client, server: Django) -> None:
    auth = service(server)
    client.get(auth, server.api)
    first = client.get_token(auth)
    server.revoke(first.value, (CLIENT_ID, CLIENT_SECRET))
    assert not server.accepts(first.value)
    assert client.get(auth, server.api) == 200
    assert client.get_token(auth) != first
    assert [grant for grant, _ in server.calls()] == ["client_credentials"] * 2


@every
def test_a_revoked_refresh_token_leads_to_one_login(client: Client, server: Django) -> None:
    auth = app(server)
    client.get(auth, server.api)
    first = client.get_token(auth)
    assert first.refresh_token is not None
    server.revoke(first.refresh_token, (APP_ID, APP_SECRET), "refresh_token")  # ends the access token, too
    assert client.get(auth, server.api) == 200
    assert server.calls() == [("password", 200), ("refresh_token", 400), ("password", 200)]


@pytest.mark.parametrize("client", CLIENTS[:3], ids=repr)
@pytest.mark.parametrize(
    ("make", "options", "status", "code"),
    [
        (service, {"client_secret": "wrong-4711"}, 401, "invalid_client"),
        (service, {"client_id": "nobody", "client_secret": "wrong-4711"}, 401, "invalid_client"),
        (service, {"client_secret": "wrong-4711", "client_auth": "body"}, 401, "invalid_client"),
        (service, {"scope": "all"}, 400, "invalid_scope"),
        (service, {"client_id": APP_ID, "client_secret": APP_SECRET}, 400, "unauthorized_client"),
        (app, {"password": "wrong-4711"}, 400, "invalid_grant"),
        (app, {"username": "nobody"}, 400, "invalid_grant"),
        (app, {"client_secret": "wrong-4711"}, 401, "invalid_client"),
        (app, {"client_id": "nobody"}, 401, "invalid_client"),
    ],
)
def test_a_refusal_is_told_and_not_repeated(
    client: Client, server: Django, make: Any, options: Any, status: int, code: str
) -> None:
    auth = make(server, **options)
    for _ in range(2):
        with pytest.raises(CredentialsRejected) as caught:
            client.get(auth, server.api)
        assert (caught.value.status, caught.value.code) == (status, code)
        assert "wrong-4711" not in str(caught.value)
    assert [answered for _, answered in server.calls()] == [status]
    auth.invalidate()


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_herd_logs_in_once(client: Client, server: Django) -> None:
    auth = app(server)
    assert client.herd(auth, server.api, 8) == [200] * 8
    assert server.calls() == [("password", 200)]
    server.age()
    assert client.herd(auth, server.api, 8) == [200] * 8
    assert server.calls() == [("refresh_token", 200)]
