"""The Platform in the sandbox: a GET with a body, a wrong label, optional Basic, one token per user."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox
from tokenauth.sandbox.credentials import (
    PLATFORM_OTHER_PASSWORD,
    PLATFORM_OTHER_USERNAME,
    PLATFORM_PASSWORD,
    PLATFORM_USERNAME,
)

RIGHT = {"grant_type": "password", "username": PLATFORM_USERNAME, "password": PLATFORM_PASSWORD}
OTHER = {"grant_type": "password", "username": PLATFORM_OTHER_USERNAME, "password": PLATFORM_OTHER_PASSWORD}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def login(
    sandbox: ThreadSandbox,
    form: dict[str, str] = RIGHT,
    *,
    method: str = "GET",
    label: str = JSON,
    **options: Any,
) -> requests.Response:
    headers = {"Content-Type": label}
    return requests.request(method, f"{sandbox.url}/Token", data=form, headers=headers, timeout=60, **options)


def call(sandbox: ThreadSandbox, token: str) -> int:
    headers = {"Authorization": f"bearer {token}"}
    return requests.get(f"{sandbox.url}/platform/api/x", headers=headers, timeout=60).status_code


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("label", [JSON, FORM, f"{FORM}; charset=utf-8"])
def test_the_form_is_read_from_the_body_whatever_the_label(sandbox: ThreadSandbox, method: str, label: str) -> None:
    content = login(sandbox, method=method, label=label).json()
    assert call(sandbox, content["access_token"]) == 200


def test_the_answer_looks_like_the_example(sandbox: ThreadSandbox) -> None:
    content = login(sandbox).json()
    keys = ["access_token", "token_type", "expires_in", "userName", "userId", "role", ".issued", ".expires"]
    assert list(content) == keys
    assert len(content["access_token"]) == 512
    assert (content["token_type"], content["expires_in"]) == ("bearer", 1_209_599)
    assert content["userName"] == PLATFORM_USERNAME
    assert content[".issued"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    assert content[".expires"] == "Sun, 27 Sep 2020 12:26:40 GMT"


def test_every_login_discards_the_older_tokens_of_that_user_only(sandbox: ThreadSandbox) -> None:
    first, other = login(sandbox).json()["access_token"], login(sandbox, OTHER).json()["access_token"]
    second = login(sandbox).json()["access_token"]
    assert [call(sandbox, token) for token in (first, other, second)] == [401, 200, 200]
    assert sandbox.state()["platform"]["live_tokens"] == 2


def test_a_refused_login_discards_nothing(sandbox: ThreadSandbox) -> None:
    token = login(sandbox).json()["access_token"]
    login(sandbox, {**RIGHT, "password": "wrong"})
    assert call(sandbox, token) == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({**RIGHT, "password": "wrong"}, "invalid_grant"),
        ({**RIGHT, "password": PLATFORM_PASSWORD.replace("+", " ")}, "invalid_grant"),
        ({**RIGHT, "password": PLATFORM_OTHER_PASSWORD}, "invalid_grant"),
        ({**RIGHT, "username": "nobody"}, "invalid_grant"),
        ({**RIGHT, "username": "nobody", "password": ""}, "invalid_grant"),
        ({**RIGHT, "grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_form_is_a_400(sandbox: ThreadSandbox, form: dict[str, str], error: str) -> None:
    reply = login(sandbox, form)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    assert reply.json()["error_description"]
    assert sandbox.state()["platform"]["refused"] == 1


def test_the_query_is_not_the_body(sandbox: ThreadSandbox) -> None:
    assert login(sandbox, {}, params=RIGHT).json()["error"] == "unsupported_grant_type"


def test_json_is_not_a_form(sandbox: ThreadSandbox) -> None:
    reply = requests.post(f"{sandbox.url}/Token", json=RIGHT, timeout=60)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


def test_a_field_given_twice_and_another_label_are_refused(sandbox: ThreadSandbox) -> None:
    twice = [*RIGHT.items(), ("password", PLATFORM_PASSWORD)]
    reply = requests.post(f"{sandbox.url}/Token", data=twice, timeout=60)
    assert reply.json()["error"] == "invalid_request"
    assert login(sandbox, label="text/plain").json()["error"] == "invalid_request"


def test_basic_is_optional_but_checked(sandbox: ThreadSandbox) -> None:
    assert login(sandbox, auth=(PLATFORM_USERNAME, PLATFORM_PASSWORD)).status_code == 200
    for wrong in [(PLATFORM_USERNAME, "wrong"), (PLATFORM_OTHER_USERNAME, PLATFORM_OTHER_PASSWORD)]:
        reply = login(sandbox, auth=wrong)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
        assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("value", ["Basic", "Basic !", "Basic /w==", "Basic é", "Bearer eA=="])
def test_an_authorization_that_is_no_basic_is_a_401(sandbox: ThreadSandbox, value: str) -> None:
    headers = {"Content-Type": FORM, "Authorization": value}
    reply = requests.post(f"{sandbox.url}/Token", data=RIGHT, headers=headers, timeout=60)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


def test_basic_can_be_demanded(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("platform", require_basic=True)
    assert login(sandbox).status_code == 401
    assert login(sandbox, auth=(PLATFORM_USERNAME, PLATFORM_PASSWORD)).status_code == 200


def test_another_method_is_a_405(sandbox: ThreadSandbox) -> None:
    assert login(sandbox, method="PUT").status_code == 405


def test_expires_in_is_cut_off_to_whole_seconds(sandbox: ThreadSandbox) -> None:
    sandbox.knobs("platform", lifetime=2)
    assert login(sandbox).json()["expires_in"] == 1
