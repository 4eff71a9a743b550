"""ATRIP in the sandbox: five headers, HTTP 200 for everything, gzip, a portal on another origin."""

from __future__ import annotations

from contextlib import closing
from gzip import decompress
from http.client import HTTPConnection
from json import loads
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox
from tokenauth.sandbox.credentials import ATRIP_CLIENT_ID, ATRIP_CLIENT_SECRET

RIGHT = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "Accept-Encoding": "gzip",
    "x-atlas-client-id": ATRIP_CLIENT_ID,
    "x-atlas-client-secret": ATRIP_CLIENT_SECRET,
}
BODY = {"orderNo": "", "userName": "operator", "role": "Finance"}


def login(sandbox: ThreadSandbox, headers: dict[str, str | None] | None = None, body: Any = BODY) -> dict[str, Any]:
    """Return the answer's content; a header of None is left out."""
    merged: Any = {**RIGHT, **(headers or {})}  # the stubs know no None
    reply = requests.post(f"{sandbox.url}/getAtripToken.do", json=body, headers=merged, timeout=60)
    assert reply.status_code == 200
    content: dict[str, Any] = reply.json()
    assert content.keys() >= {"url", "status"}
    return content


def test_a_link_to_the_portal_is_returned(sandbox: ThreadSandbox) -> None:
    content = login(sandbox)
    assert (content["status"], content["msg"]) == (0, None)
    url = urlsplit(content["url"])
    assert (url.hostname, url.port, url.path) == ("localhost", sandbox.port, "/portal")
    assert requests.get(content["url"], timeout=60).status_code == 200
    assert sandbox.state()["atrip"]["portal_200"] == 1


def test_the_link_can_carry_its_token_in_the_fragment(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("atrip", link="fragment")
    url = urlsplit(login(sandbox)["url"])
    assert (url.path, url.query) == ("/", "")
    path, _, query = url.fragment.partition("?")
    assert path == "/login"
    headers = {"Authorization": f"Bearer {parse_qs(query)['token'][0]}"}
    assert requests.get(f"{sandbox.portal_url}/portal/orders", headers=headers, timeout=60).status_code == 200


def test_answers_are_gzipped_on_the_wire(sandbox: ThreadSandbox) -> None:
    body = b'{"orderNo": "1", "userName": "operator", "role": "Finance"}'
    with closing(HTTPConnection("127.0.0.1", sandbox.port, timeout=60)) as connection:
        connection.request("POST", "/getAtripToken.do", body, RIGHT)
        reply = connection.getresponse()
        assert reply.headers["content-encoding"] == "gzip"
        assert loads(decompress(reply.read()))["status"] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-atlas-client-id": None}, 3),
        ({"x-atlas-client-secret": None}, 3),
        ({"x-atlas-client-secret": "wrong"}, 3),
        ({"x-atlas-client-id": "wrong"}, 900),
        ({"Accept": "*/*"}, 2),
        ({"Accept": None}, 2),
        ({"Accept-Encoding": "gzip, deflate"}, 2),
        ({"Accept-Encoding": "identity"}, 2),
        ({"Content-Type": "text/plain"}, 2),
        ({"Content-Type": "application/json; charset=utf-8"}, 2),
    ],
)
def test_a_wrong_header_is_a_business_error(
    sandbox: ThreadSandbox, headers: dict[str, str | None], status: int
) -> None:
    content = login(sandbox, headers)
    assert (content["status"], content["url"]) == (status, "")
    assert sandbox.state()["atrip"]["refused"] == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"userName": "operator", "role": "Finance"},
        {"orderNo": "", "role": "Finance"},
        {"orderNo": "", "userName": "operator"},
        {**BODY, "orderNo": 7},
        {**BODY, "userName": ""},
    ],
)
def test_a_wrong_body_is_a_business_error(sandbox: ThreadSandbox, body: Any) -> None:
    assert login(sandbox, body=body)["status"] == 2


def test_api_calls_want_the_two_headers_and_no_token(sandbox: ThreadSandbox) -> None:
    def search(*names: str, **changed: str) -> requests.Response:
        headers = {name: RIGHT[name] for name in names} | changed
        return requests.post(f"{sandbox.url}/search.do", headers=headers, data=b"abc", timeout=60)

    both = ("x-atlas-client-id", "x-atlas-client-secret")
    assert search(*both).json()["length"] == 3
    assert search(both[0]).status_code == 401
    wrong = search(*both, **{both[1]: "wrong"})
    assert (wrong.status_code, wrong.json()["status"]) == (200, 3)
    counts = sandbox.state()["atrip"]
    assert (counts["api_200"], counts["api_401"], counts["api_refused"], counts["logins"]) == (1, 1, 1, 0)


def test_api_and_portal_are_two_origins(sandbox: ThreadSandbox) -> None:
    assert requests.post(f"{sandbox.portal_url}/search.do", headers=RIGHT, timeout=60).status_code == 404
    assert requests.post(f"{sandbox.portal_url}/getAtripToken.do", headers=RIGHT, timeout=60).status_code == 404
    assert requests.get(f"{sandbox.url}/portal", timeout=60).status_code == 404
    for url in (sandbox.url, sandbox.portal_url):  # who has no link sees what there is
        text = requests.get(f"{url}/", timeout=60).text
        assert "sandbox-merchant" in text
        assert sandbox.url in text


@pytest.mark.parametrize("path", ["/?token=wrong", "/portal", "/portal/orders", "/portal/api/x"])
def test_the_portal_turns_away_who_has_no_token(sandbox: ThreadSandbox, path: str) -> None:
    reply = requests.get(sandbox.portal_url + path, headers=RIGHT, timeout=60)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert sandbox.state()["atrip"]["portal_401"] == 1


def test_a_revoked_link_opens_nothing(sandbox: ThreadSandbox) -> None:
    url = login(sandbox)["url"]
    sandbox.knobs("atrip", revoke=True)
    assert requests.get(url, timeout=60).status_code == 401


def test_a_business_failure_can_be_ordered(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("atrip", failures={"count": 1, "status": 2, "business": True})
    assert login(sandbox)["status"] == 2
    assert login(sandbox)["status"] == 0
