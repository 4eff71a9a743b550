"""Manis in the sandbox: two headers, expiresAt in any unit, two shapes of error."""

from __future__ import annotations

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox
from tokenauth.sandbox.credentials import MANIS_MERCHANT_ID, MANIS_SECRET

from .conftest import START, Clock

RIGHT = {"x-merchant-id": MANIS_MERCHANT_ID, "x-secret": MANIS_SECRET}


def login(sandbox: ThreadSandbox, headers: dict[str, str] = RIGHT) -> requests.Response:
    return requests.post(f"{sandbox.url}/api/v1/auth/token", headers=headers, timeout=60)


def call(sandbox: ThreadSandbox, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{sandbox.url}/manis/api/orders", headers=headers, timeout=60)


def test_two_headers_give_a_token_that_the_api_accepts(sandbox: ThreadSandbox) -> None:
    reply = login(sandbox)
    assert reply.json().keys() == {"tokenType", "token", "expiresAt"}
    assert reply.json()["tokenType"] == "Bearer"
    assert call(sandbox, reply.json()["token"]).status_code == 200
    counts = sandbox.state()["manis"]
    assert (counts["logins"], counts["api_200"], counts["api_401"], counts["live_tokens"]) == (1, 1, 0, 1)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("s", 1_600_003_600),
        ("ms", 1_600_003_600_000),
        ("us", 1_600_003_600_000_000),
        ("iso", "2020-09-13T13:26:40.000Z"),
        ("digits", "1600003600"),
        ("digits_ms", "1600003600000"),
        ("garbage", "some day"),
    ],
)
def test_expires_at_is_written_as_the_knob_says(sandbox: ThreadSandbox, unit: str, expected: int | str) -> None:
    sandbox.knobs("manis", expires=unit)
    assert login(sandbox).json()["expiresAt"] == expected


@pytest.mark.parametrize("missing", ["x-merchant-id", "x-secret"])
def test_a_missing_header_is_a_400_with_six_fields(sandbox: ThreadSandbox, missing: str) -> None:
    reply = login(sandbox, {name: value for name, value in RIGHT.items() if name != missing})
    assert reply.status_code == 400
    assert reply.json().keys() == {"timestamp", "title", "type", "status", "soaCode", "detail"}
    assert reply.json()["timestamp"] == "2020-09-13T12:26:40.000Z"
    assert reply.json()["status"] == 400
    assert sandbox.state()["manis"]["refused"] == 1


@pytest.mark.parametrize("wrong", ["x-merchant-id", "x-secret"])
@pytest.mark.parametrize("value", ["wrong", MANIS_SECRET[:-1], MANIS_SECRET + "x", MANIS_SECRET.upper()])
def test_a_wrong_value_is_a_401_with_two_fields(sandbox: ThreadSandbox, wrong: str, value: str) -> None:
    reply = login(sandbox, {**RIGHT, wrong: value})
    assert reply.status_code == 401
    assert reply.json().keys() == {"message", "timestamp"}
    assert reply.json()["timestamp"] == "2020-09-13"
    assert sandbox.state()["manis"]["logins"] == 0


@pytest.mark.parametrize(
    ("shape", "content_type", "field"),
    [
        ("fields", "application/json", "soaCode"),
        ("problem", "application/problem+json", "soaCode"),
        ("message", "application/json", "message"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {**RIGHT, "x-secret": "wrong"}])
def test_the_error_shape_can_be_chosen(
    sandbox: ThreadSandbox, shape: str, content_type: str, field: str, headers: dict[str, str]
) -> None:
    sandbox.knobs("manis", errors=shape)
    reply = login(sandbox, headers)
    assert reply.headers["content-type"] == content_type
    assert field in reply.json()


def test_only_post_logs_in(sandbox: ThreadSandbox) -> None:
    reply = requests.get(f"{sandbox.url}/api/v1/auth/token", headers=RIGHT, timeout=60)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_a_login_leaves_older_tokens_alone(sandbox: ThreadSandbox) -> None:
    first, second = login(sandbox).json()["token"], login(sandbox).json()["token"]
    assert [call(sandbox, token).status_code for token in (first, second)] == [200, 200]


def test_a_token_expires_by_the_clock(sandbox: ThreadSandbox, clock: Clock) -> None:
    sandbox.knobs("manis", lifetime=10)
    token = login(sandbox).json()["token"]
    clock.now = START + 9.9
    assert call(sandbox, token).status_code == 200
    clock.now = START + 10
    assert call(sandbox, token).status_code == 401
