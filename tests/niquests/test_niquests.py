"""niquests' sync session takes the auth object of requests. Run in an environment of its own: `uvx nox -s niquests`."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tokenauth import CredentialsRejected, ManisAuth
from tokenauth.sandbox import Sandbox, credentials, serve

niquests: Any = pytest.importorskip("niquests")  # untyped here, for the type checkers' environment has none
BODY = b"whole body \x00\xff" * 1000


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Any]:
    with niquests.Session() as session:
        session.trust_env = False
        session.auth = manis_auth(sandbox)
        yield session


def manis_auth(sandbox: Sandbox, secret: str = credentials.MANIS_SECRET, **options: Any) -> ManisAuth:
    options.setdefault("cache", {})
    return ManisAuth(sandbox.url, merchant_id=credentials.MANIS_MERCHANT_ID, secret=secret, **options)


def counts(sandbox: Sandbox, *names: str) -> list[int]:
    return [sandbox.state()["manis"][name] for name in names]


def test_the_first_request_logs_in_and_the_next_does_not(sandbox: Sandbox, session: Any) -> None:
    answers = [session.get(f"{sandbox.url}/manis/api/orders") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert counts(sandbox, "logins", "api_200", "api_401") == [1, 3, 0]


@pytest.mark.parametrize("body", [BODY, io.BytesIO(BODY)], ids=["bytes", "file"])
def test_a_body_arrives_whole_after_a_renewal(sandbox: Sandbox, session: Any, body: Any) -> None:
    session.get(f"{sandbox.url}/manis/api/orders")
    sandbox.knobs("manis", revoke=True)
    answer = session.post(f"{sandbox.url}/manis/api/orders", data=body)
    assert answer.status_code == 200
    assert answer.json()["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert [earlier.status_code for earlier in answer.history] == [401]
    assert counts(sandbox, "logins", "api_401") == [2, 1]


def test_a_generator_is_not_sent_again(sandbox: Sandbox, session: Any) -> None:
    session.get(f"{sandbox.url}/manis/api/orders")
    sandbox.knobs("manis", revoke=True)
    assert session.post(f"{sandbox.url}/manis/api/orders", data=iter([b"a", b"b"])).status_code == 401
    assert session.get(f"{sandbox.url}/manis/api/orders").status_code == 200


def test_a_wrong_secret_is_an_error_of_ours(sandbox: Sandbox) -> None:
    with pytest.raises(CredentialsRejected, match="merchant_id and secret"):
        niquests.get(f"{sandbox.url}/manis/api/orders", auth=manis_auth(sandbox, "wrong"))


def test_token_calls_can_be_made_by_a_niquests_session(sandbox: Sandbox, session: Any) -> None:
    with niquests.Session() as token_client:
        session.auth = manis_auth(sandbox, token_client=token_client)
        assert session.get(f"{sandbox.url}/manis/api/orders").status_code == 200
    assert counts(sandbox, "logins", "api_200") == [1, 1]
