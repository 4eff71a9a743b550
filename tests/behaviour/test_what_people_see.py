"""What a person sees, and what retrying code catches, where something is not as it was meant."""

import logging
import subprocess
import sys
from typing import Any

import httpx
import httpx2
import pytest
import requests

from tests.clients import CLIENTS, Client
from tests.servers import Received, Reply, serve
from tokenauth import ClientCredentialsAuth, LoginAuth, TokenEndpointError, TokenResponseError

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


def api(answer: dict[str, Any]) -> Any:
    def answered(request: Received) -> Reply:
        if request.path == "/token":
            return Reply(200, answer)
        return Reply(200 if request.headers.get("authorization") == "Bearer t" else 401)

    return serve(answered)


@every
def test_a_token_type_that_is_no_scheme_is_sent_as_bearer(client: Client) -> None:
    """As Apigee's."""
    with api({"access_token": "t", "token_type": "BearerToken", "expires_in": 60}) as server:
        auth = ClientCredentialsAuth(f"{server.url}/token", client_id="c", client_secret="s", cache={})
        assert client.get(auth, f"{server.url}/api") == 200
        assert len(server.to("/token")) == 1


@every
def test_where_there_is_no_token_the_text_names_the_place_and_what_is_there(client: Client) -> None:
    with api({"data": {"tok": "s3cret", "code": 1}}) as server:
        auth = LoginAuth(f"{server.url}/token", json={"user": "u"}, token="data.token", cache={})
        with pytest.raises(
            TokenResponseError, match=r"nothing at 'data\.token'.* There are: data\.tok, data\.code"
        ) as met:
            client.get_token(auth)
        assert "s3cret" not in str(met.value)


@every
def test_a_lifetime_that_is_elsewhere_is_told_of(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with api({"token": "t", "expiresIn": 60}) as server:
        auth = LoginAuth(f"{server.url}/token", json={"user": "u"}, token="token", expires_in="expires", cache={})
        assert client.get(auth, f"{server.url}/api") == 200
    assert "did you mean 'expiresIn'" in caplog.text


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.of_requests], ids=repr)
def test_a_scheme_that_has_no_origin_is_warned_of_once(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """As of a Unix socket; of httpx, see tests/security/test_hooks_that_raise.py."""
    with api({"token": "t"}) as server:
        auth = LoginAuth(f"{server.url}/token", json={"user": "u"}, token="token", cache={})
        for _ in range(2):
            prepared = client.library.Request("GET", "http+unix://%2Frun%2Fapi.sock/x", auth=auth).prepare()
    assert "Authorization" not in prepared.headers
    assert caplog.text.count("http+unix: URL goes without the token") == 1
    assert "api.sock" not in caplog.text


@every
def test_a_log_handler_may_use_the_very_same_auth(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """The token is there when a record tells of it."""
    statuses: list[int] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "fetched" in record.getMessage() and not statuses:
                statuses.append(requests.get(f"{server.url}/log", auth=auth, timeout=20).status_code)

    handler, log = Handler(), logging.getLogger("tokenauth")
    with api({"token": "t"}) as server, caplog.at_level(logging.INFO):
        auth = LoginAuth(f"{server.url}/token", json={"user": "u"}, token="token", cache={})
        log.addHandler(handler)
        try:
            assert client.get(auth, f"{server.url}/api") == 200
        finally:
            log.removeHandler(handler)
        assert statuses == [200]
        assert len(server.to("/token")) == 1


@pytest.mark.parametrize("kind", [httpx.RequestError, httpx2.RequestError, requests.ConnectionError])
def test_retrying_code_catches_an_endpoint_that_is_away(kind: type[Exception]) -> None:
    assert issubclass(TokenEndpointError, kind)


FOREIGN = """
import sys, requests
from tokenauth import LoginAuth
auth = LoginAuth(sys.argv[1], json={"user": "u"}, token="token")
print([requests.get(sys.argv[2], auth=auth, timeout=20).status_code for _ in range(2)])
"""


def test_a_plain_script_sees_once_that_the_api_is_on_another_origin() -> None:
    """Nobody has configured logging, and the answer is a bare 401."""
    with api({"token": "t"}) as login, api({}) as other:
        arguments = [sys.executable, "-c", FOREIGN, f"{login.url}/token", f"{other.url}/api"]
        ran = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[401, 401]"
    assert ran.stderr.count("origins=") == 1
    assert other.url in ran.stderr


REFUSED = """
import contextlib, logging, sys, requests
from tokenauth import ClientCredentialsAuth
url, *how = sys.argv[1:]
if "logging" in how:
    logging.basicConfig()
auth = ClientCredentialsAuth(url, client_id="c", client_secret="s")
with contextlib.suppress(requests.RequestException if "swallowed" in how else ()):
    requests.get(url, auth=auth, timeout=20)
"""


@pytest.mark.parametrize(
    ("how", "lines", "sentences"),
    [
        ((), 1, 1),
        (("swallowed",), 1, 0),
        (("swallowed", "logging"), 0, 1),
        pytest.param(("logging",), 0, 2, marks=pytest.mark.slow),
    ],
    ids=["plain", "swallowed", "swallowed-logging", "logging"],
)
def test_a_failed_login_is_told_of_once(how: tuple[str, ...], lines: int, sentences: int) -> None:
    """Its exception has the sentence. Where no logging is set up, the log has what the exception doesn't say."""
    with serve(lambda _: Reply(401, {"error": "invalid_client"})) as server:
        script = [sys.executable, "-c", REFUSED, f"{server.url}/token", *how]
        ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr.count("the login failed with CredentialsRejected (HTTP 401). No other is made for 60 s") == lines
    assert ran.stderr.count("refused the credentials") == sentences


BARE = """
import sys

class Hide:
    # as where it is not installed
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cryptography":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hide())
try:
    from tokenauth import ManisAuth
    from tokenauth.stores import FileStore
    ManisAuth("https://api.example", merchant_id="m", secret="s", store=FileStore(sys.argv[1]))
except ImportError as problem:
    print(problem)
"""


def test_a_store_without_its_extra_says_what_to_install(tmp_path: Any) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BARE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "FileStore needs cryptography: pip install 'tokenauth-http[file]'\n"
