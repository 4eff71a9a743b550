"""The protected APIs, the knobs and the counters."""

from __future__ import annotations

import socket
from contextlib import closing
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPConnection, RemoteDisconnected
from time import monotonic

import pytest
import requests

from tests.support import background, until
from tokenauth.sandbox import KnobError, ThreadSandbox
from tokenauth.sandbox.credentials import MANIS_MERCHANT_ID, MANIS_SECRET

from .conftest import START

LOGIN = {"x-merchant-id": MANIS_MERCHANT_ID, "x-secret": MANIS_SECRET}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SEARCH"]


def login(sandbox: ThreadSandbox) -> requests.Response:
    return requests.post(f"{sandbox.url}/api/v1/auth/token", headers=LOGIN, timeout=60)


@pytest.fixture
def bearer(sandbox: ThreadSandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {login(sandbox).json()['token']}"}


@pytest.mark.parametrize("method", METHODS)
def test_what_arrived_is_told(sandbox: ThreadSandbox, bearer: dict[str, str], method: str) -> None:
    body = bytes(range(256)) * 1000
    headers = {**bearer, "Content-Type": "application/x-test"}
    reply = requests.request(method, f"{sandbox.url}/manis/api/a/b?q=1", data=body, headers=headers, timeout=60).json()
    assert (reply["method"], reply["length"], reply["path"]) == (method, 256_000, "/manis/api/a/b")
    assert (reply["content_type"], reply["sha256"]) == ("application/x-test", sha256(body).hexdigest())
    token = bearer["Authorization"].removeprefix("Bearer ")
    assert reply["token"] == sha256(token.encode()).hexdigest()[:8]


@pytest.mark.parametrize("prefix", ["manis", "platform", "oauth"])
@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer wrong", "Basic d3Jvbmc6", "wrong"])
def test_who_has_no_token_gets_401(sandbox: ThreadSandbox, prefix: str, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}
    reply = requests.post(f"{sandbox.url}/{prefix}/api/x", data=b"x" * 100_000, headers=headers, timeout=60)
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert sandbox.state()[prefix]["api_401"] == 1


@pytest.mark.parametrize("path", ["api", "denied"])
def test_a_401_waits_for_the_body(sandbox: ThreadSandbox, path: str) -> None:
    head = f"POST /manis/{path}/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=60) as connection:
        connection.sendall(head.encode())
        answers = connection.makefile("rb")
        assert (answers.readline(), answers.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
        connection.sendall(b"x")
        assert answers.readline() == b"HTTP/1.1 401 Unauthorized\r\n"


def test_a_token_opens_its_own_api_only(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    assert requests.get(f"{sandbox.url}/oauth/api/x", headers=bearer, timeout=60).status_code == 401


def test_both_names_of_loopback_are_served(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    for url in (sandbox.url, sandbox.portal_url):
        assert requests.get(f"{url}/manis/api/x", headers=bearer, timeout=60).status_code == 200


def test_one_path_always_says_401(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    reply = requests.get(f"{sandbox.url}/manis/denied/x", headers=bearer, timeout=60)
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert sandbox.state()["manis"]["api_401"] == 1


def test_a_stream_comes_in_chunks_without_a_length(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    reply = requests.get(f"{sandbox.url}/manis/stream?n=3&size=10", headers=bearer, timeout=60)
    assert reply.content == b"\0" * 10 + b"\1" * 10 + b"\2" * 10
    assert "content-length" not in reply.headers
    assert requests.get(f"{sandbox.url}/manis/stream", timeout=60).status_code == 401


@pytest.mark.parametrize("query", ["n=10001", "size=1000001", "n=-1", "n=x", "size="])
def test_a_stream_that_is_too_long_or_no_number_is_a_400(
    sandbox: ThreadSandbox, bearer: dict[str, str], query: str
) -> None:
    reply = requests.get(f"{sandbox.url}/manis/stream?{query}", headers=bearer, timeout=60)
    assert (reply.status_code, reply.json()) == (400, {"message": "n or size out of range"})


@pytest.mark.parametrize("query", ["", "status=302", "to=", "status=299&to=/x", "status=400&to=/x", "status=x&to=/x"])
def test_a_redirect_to_nowhere_is_a_400(sandbox: ThreadSandbox, query: str) -> None:
    reply = requests.get(f"{sandbox.url}/redirect?{query}", allow_redirects=False, timeout=60)
    assert (reply.status_code, reply.json()) == (400, {"message": "status from 300 to 399, to: a URL"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_go_where_the_query_says(sandbox: ThreadSandbox, bearer: dict[str, str], status: int) -> None:
    query = {"status": str(status), "to": "https://elsewhere.example/x?y=1"}
    for path, headers in (("/redirect", {}), ("/manis/redirect", bearer)):
        reply = requests.post(
            sandbox.url + path, params=query, headers=headers, data=b"x", allow_redirects=False, timeout=60
        )
        assert (reply.status_code, reply.headers["location"]) == (status, query["to"])


def test_echo_tells_anybody_which_headers_came(sandbox: ThreadSandbox) -> None:
    reply = requests.get(f"{sandbox.portal_url}/echo/x", headers={"x-secret": "1"}, timeout=60).json()
    assert "x-secret" in reply["headers"]


def test_revoked_tokens_are_refused(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    sandbox.knobs("manis", revoke=True)
    assert requests.get(f"{sandbox.url}/manis/api/x", headers=bearer, timeout=60).status_code == 401
    assert sandbox.live["manis"].tokens == {}


def test_latency_delays_the_token_call_and_nothing_else(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", latency=3600)
    requests.get(f"{sandbox.url}/manis/api/x", timeout=20)
    sandbox.knobs("manis", latency=0.3)
    start = monotonic()
    login(sandbox)
    assert monotonic() - start >= 0.3


def test_a_reset_ends_the_calls_that_are_delayed(sandbox: ThreadSandbox) -> None:
    """Their logins, half a minute later, would discard the tokens of another test."""
    sandbox.knobs("manis", latency=3600)
    late = background(lambda: login(sandbox))
    until(lambda: sandbox.state()["manis"]["token_calls"] == 1)
    sandbox.reset()
    assert late.result(20).status_code == 503
    assert sandbox.state()["manis"]["logins"] == 0
    assert login(sandbox).status_code == 200


def test_failures_are_counted_off(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", failures={"count": 2, "status": 429, "retry_after": 7})
    replies = [login(sandbox) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert [reply.headers.get("retry-after") for reply in replies] == ["7", "7", None]
    counts = sandbox.state()["manis"]
    assert (counts["token_calls"], counts["failed"], counts["logins"]) == (3, 2, 1)


def test_a_failure_can_be_a_redirect_or_have_no_body(sandbox: ThreadSandbox) -> None:
    target = "https://elsewhere.example/"
    sandbox.knobs("manis", failures={"count": 1, "status": 307, "location": target})
    reply = requests.post(f"{sandbox.url}/api/v1/auth/token", allow_redirects=False, timeout=60)
    assert (reply.status_code, reply.headers["location"]) == (307, target)
    sandbox.knobs("manis", failures={"count": 1, "status": 204})
    assert (login(sandbox).status_code, login(sandbox).status_code) == (204, 200)


def test_small_answers_are_not_held_back(sandbox: ThreadSandbox) -> None:
    taken = []
    with requests.Session() as session:
        for _ in range(50):
            start = monotonic()
            session.get(f"{sandbox.url}/echo/x", timeout=20)
            taken.append(monotonic() - start)
    assert min(taken) < 0.04, "each is held back by Nagle's algorithm, for the 40 ms of a delayed acknowledgement"


def test_a_connection_can_be_dropped(sandbox: ThreadSandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.knobs("manis", failures={"count": 1, "kind": "drop"})
    with closing(HTTPConnection("127.0.0.1", sandbox.port, timeout=60)) as connection:
        connection.request("POST", "/api/v1/auth/token", headers=LOGIN)
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
    assert not caplog.records


def test_an_answer_can_be_cut_garbled_or_empty(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", failures={"count": 1, "kind": "cut"})
    with pytest.raises(requests.RequestException):
        login(sandbox)
    sandbox.knobs("manis", failures={"count": 1, "kind": "garbage"})
    assert login(sandbox).text.startswith("<html>")
    sandbox.knobs("manis", failures={"count": 1, "kind": "empty"})
    assert login(sandbox).content == b""


@pytest.mark.parametrize("skew", [-3600, 0, 3600])
def test_a_wrong_clock_shifts_date_and_expiry_together(sandbox: ThreadSandbox, skew: int) -> None:
    sandbox.knobs("manis", skew=skew)
    reply = login(sandbox)
    assert parsedate_to_datetime(reply.headers["date"]).timestamp() == START + skew
    assert reply.json()["expiresAt"] == START + 3600 + skew
    headers = {"Authorization": f"Bearer {reply.json()['token']}"}
    assert requests.get(f"{sandbox.url}/manis/api/x", headers=headers, timeout=60).status_code == 200


def test_fields_of_the_answer_can_be_replaced_and_removed(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", answer={"tokenType": "bearer", "expiresAt": None})
    content = login(sandbox).json()
    assert (content["tokenType"], "expiresAt" in content) == ("bearer", False)


def test_the_secret_can_be_rotated(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("manis", secret="another")
    assert login(sandbox).status_code == 401
    sandbox.knobs("manis", secret=None)
    assert login(sandbox).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        {"no_such_knob": 1},
        {"latency": -1},
        {"latency": "1"},
        {"expires": "minutes"},
        {"failures": {"count": 0}},
        {"failures": {"kind": "status"}},
        {"failures": {"count": 1, "kind": "explode"}},
    ],
)
def test_a_wrong_knob_is_refused_and_changes_nothing(sandbox: ThreadSandbox, values: dict[str, object]) -> None:
    with pytest.raises(KnobError):
        sandbox.knobs("manis", lifetime=1, **values)
    assert sandbox.live["manis"].knobs.lifetime == 3600


def test_a_wrong_provider_is_refused(sandbox: ThreadSandbox) -> None:
    with pytest.raises(KnobError, match="manis, atrip, platform, oauth"):
        sandbox.knobs("nobody", latency=1)


def test_reset_starts_anew(sandbox: ThreadSandbox, bearer: dict[str, str]) -> None:
    sandbox.knobs("manis", lifetime=1)
    sandbox.reset("manis")
    assert set(sandbox.state()["manis"].values()) == {0}
    assert requests.get(f"{sandbox.url}/manis/api/x", headers=bearer, timeout=60).status_code == 401
