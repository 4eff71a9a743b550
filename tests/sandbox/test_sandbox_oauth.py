"""Client credentials in the sandbox, by RFC 6749: two ways to name the client, errors of 5.2."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox
from tokenauth.sandbox.credentials import OAUTH_AUDIENCE, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET

GRANT = {"grant_type": "client_credentials"}
BASIC = (quote_plus(OAUTH_CLIENT_ID), quote_plus(OAUTH_CLIENT_SECRET))
IN_BODY = {**GRANT, "client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}


def login(sandbox: ThreadSandbox, form: dict[str, str], **options: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/oauth/token", data=form, timeout=60, **options)


def test_the_client_may_use_basic_or_the_body(sandbox: ThreadSandbox) -> None:
    for reply in (login(sandbox, GRANT, auth=BASIC), login(sandbox, IN_BODY)):
        content = reply.json()
        assert (content["token_type"], content["expires_in"]) == ("Bearer", 3600)
        assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
        headers = {"Authorization": f"Bearer {content['access_token']}"}
        assert requests.get(f"{sandbox.url}/oauth/api/x", headers=headers, timeout=60).status_code == 200
    assert sandbox.state()["oauth"]["logins"] == 2


@pytest.mark.parametrize(
    "auth",
    [
        (BASIC[0], "wrong"),
        ("wrong", BASIC[1]),
        (OAUTH_CLIENT_ID, BASIC[1]),
        ("%ff", "no UTF-8"),
        (BASIC[0], OAUTH_CLIENT_SECRET.encode()),
    ],
)
def test_basic_that_is_wrong_or_not_urlencoded_is_a_401(sandbox: ThreadSandbox, auth: Any) -> None:
    reply = login(sandbox, GRANT, auth=auth)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("value", ["Basic", "Basic !", "Basic /w==", "Basic é", "Bearer eA=="])
def test_an_authorization_that_is_no_basic_is_a_401(sandbox: ThreadSandbox, value: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": value}
    reply = requests.post(f"{sandbox.url}/oauth/token", data=GRANT, headers=headers, timeout=60)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


def test_a_wrong_client_in_the_body_is_a_400(sandbox: ThreadSandbox) -> None:
    for form in ({**IN_BODY, "client_secret": "wrong"}, GRANT):
        reply = login(sandbox, form)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_client")
        assert "www-authenticate" not in reply.headers


def test_both_ways_at_once_are_refused(sandbox: ThreadSandbox) -> None:
    assert login(sandbox, IN_BODY, auth=BASIC).json()["error"] == "invalid_request"


def test_scope_and_audience_are_checked(sandbox: ThreadSandbox) -> None:
    assert login(sandbox, {**IN_BODY, "scope": "read"}).json()["scope"] == "read"
    assert login(sandbox, {**IN_BODY, "audience": OAUTH_AUDIENCE}).json()["scope"] == "read write"
    assert login(sandbox, {**IN_BODY, "scope": "read admin"}).json()["error"] == "invalid_scope"
    assert login(sandbox, {**IN_BODY, "audience": "https://elsewhere.example"}).json()["error"] == "invalid_target"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}, "invalid_request"),
        ({**IN_BODY, "grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_another_grant_is_refused(sandbox: ThreadSandbox, form: dict[str, str], error: str) -> None:
    assert login(sandbox, form).json()["error"] == error


def test_the_form_must_be_a_form(sandbox: ThreadSandbox) -> None:
    reply = requests.post(f"{sandbox.url}/oauth/token", json=IN_BODY, timeout=60)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert requests.get(f"{sandbox.url}/oauth/token", params=IN_BODY, timeout=60).status_code == 405
