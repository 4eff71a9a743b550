"""Servers found by their issuer: the login's generator, played by hand."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import ManualClock
from tokenauth import errors
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.under_way import Notes, login_under_way
from tokenauth.providers import ClientCredentials

ISSUER = "https://as.example/realms/main"
METADATA: dict[str, Any] = {"issuer": ISSUER, "token_endpoint": "https://tokens.example/t"}
TOKEN = {"access_token": "a-1", "token_type": "Bearer", "expires_in": 60}
OPENID, INSERTED = (
    "/realms/main/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/realms/main",
)
OPENID_INSERTED = "/.well-known/openid-configuration/realms/main"


class Played:
    """A login against *answers* by path: a dict is a 200, a number a status without a body."""

    def __init__(self, answers: Mapping[str, Any], **options: Any) -> None:
        self.answers, self.clock, self.notes = answers, ManualClock(), Notes()
        self.provider = ClientCredentials(**{"issuer": ISSUER, "client_id": "c", "client_secret": "s4711"} | options)
        self.sent: list[TokenRequest] = []

    def login(self) -> Any:
        self.sent = []
        with login_under_way(self.clock.clock, self.notes):
            steps = self.provider.login()
            request = next(steps)
            while True:
                self.sent.append(request)
                answer = self.answers.get(urlsplit(request.url).path, 404)
                status, body = (200, json.dumps(answer)) if isinstance(answer, dict) else (answer, "")
                body = answer if isinstance(answer, str) else body
                reply = Reply(200 if isinstance(answer, str) else status, {}, body.encode())
                try:
                    request = steps.send(reply)
                except StopIteration as end:
                    return end.value

    @property
    def paths(self) -> list[str]:
        return [urlsplit(each.url).path for each in self.sent]


@pytest.mark.parametrize("place", [OPENID, INSERTED, OPENID_INSERTED])
def test_metadata_are_looked_for_in_three_places(place: str) -> None:
    played = Played({place: METADATA, "/t": TOKEN})
    assert played.login().value == "a-1"
    order = [OPENID, INSERTED, OPENID_INSERTED]
    assert played.paths == [*order[: order.index(place) + 1], "/t"]
    assert played.sent[-1].url == "https://tokens.example/t"
    assert [each.method for each in played.sent[:-1]] == ["GET"] * (len(played.sent) - 1)
    assert not any("s4711" in str(dict(each.headers)) or each.body for each in played.sent[:-1])


def test_an_issuer_without_a_path_has_two_places() -> None:
    played = Played({}, issuer="https://as.example")
    with pytest.raises(errors.TokenEndpointError, match="no metadata") as caught:
        played.login()
    assert played.paths == ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
    assert "/.well-known/openid-configuration (HTTP 404)" in str(caught.value)


@pytest.mark.parametrize("other", ["<html>", "[]", "{}", 301, 401, 406])
def test_what_is_no_metadata_is_passed_over(other: Any) -> None:
    played = Played({OPENID: other, INSERTED: METADATA, "/t": TOKEN})
    assert played.login().value == "a-1"


@pytest.mark.parametrize("said", ["https://evil.example", f"{ISSUER}/", "https://as.example", None, 7, ["x"]])
def test_an_issuer_that_lies_gets_nothing(said: Any) -> None:
    played = Played({OPENID: METADATA | {"issuer": said}, INSERTED: METADATA, "/t": TOKEN})
    with pytest.raises(errors.TokenResponseError, match="says that its issuer is") as caught:
        played.login()
    assert played.paths == [OPENID]
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (None, "names no token_endpoint"),
        (7, "names no token_endpoint"),
        ("http://tokens.example/t", "plain http"),
        ("http://127.0.0.1/t", "on this machine"),
        ("https://tokens.example/t#x", "fragment"),
        ("https://u:p@tokens.example/t", "user name|no host"),
        ("/t", "not a usable URL"),
    ],
)
def test_an_endpoint_that_can_not_be_used(endpoint: Any, text: str) -> None:
    played = Played({OPENID: METADATA | {"token_endpoint": endpoint}})
    with pytest.raises(errors.TokenResponseError, match=text):
        played.login()


@pytest.mark.parametrize("endpoint", [7, "", "http://tokens.example/r", "https://u:p@tokens.example/r", "/r"])
def test_an_endpoint_that_no_login_needs_stops_none(endpoint: Any, caplog: pytest.LogCaptureFixture) -> None:
    played = Played({OPENID: METADATA | {"revocation_endpoint": endpoint}, "/t": TOKEN}, revocation_url="issuer")
    for _ in range(2):
        token = played.login()
        assert token.value == "a-1"
        played.clock.move(601)
    (warning,) = caplog.messages
    assert "can't be used to log out: revocation_endpoint" in warning
    assert played.provider.logout(token) is None


def test_a_failure_of_the_server_may_pass() -> None:
    for status in (500, 503, 429, 408):
        played = Played({OPENID: status, INSERTED: METADATA})
        with pytest.raises(errors.TokenEndpointError) as caught:
            played.login()
        assert caught.value.retryable
        assert played.paths == [OPENID]


def test_metadata_are_kept_for_ten_minutes() -> None:
    played = Played({OPENID: METADATA, "/t": TOKEN})
    played.login()
    played.clock.move(599)
    played.login()
    assert played.paths == ["/t"]
    played.clock.move(2)
    played.login()
    assert played.paths == [OPENID, "/t"]


def test_metadata_of_no_use_are_forgotten() -> None:
    answers: dict[str, Any] = {OPENID: METADATA, "/t": 404}
    played = Played(answers)
    with pytest.raises(errors.TokenEndpointError):
        played.login()
    answers |= {OPENID: METADATA | {"token_endpoint": "https://tokens.example/new"}, "/new": TOKEN}
    played.login()
    assert played.paths == [OPENID, "/new"]
    answers["/new"] = 503
    with pytest.raises(errors.TokenEndpointError):
        played.login()
    with pytest.raises(errors.TokenEndpointError):
        played.login()
    assert played.paths == ["/new"], "an endpoint that is down has not moved"


@pytest.mark.parametrize(
    ("methods", "body"),
    [
        (None, False),
        (["client_secret_basic", "client_secret_post"], False),
        (["client_secret_post"], True),
        (["private_key_jwt"], False),
        ("client_secret_post", False),
        ([7], False),
    ],
)
def test_the_metadata_may_choose_how_the_client_proves_itself(methods: Any, body: bool) -> None:
    played = Played({OPENID: METADATA | {"token_endpoint_auth_methods_supported": methods}, "/t": TOKEN})
    played.login()
    call = played.sent[-1]
    assert (b"client_secret=s4711" in call.body, "Authorization" in call.headers) == (body, not body)
    played = Played(
        {OPENID: METADATA | {"token_endpoint_auth_methods_supported": methods}, "/t": TOKEN}, client_auth="basic"
    )
    played.login()
    assert "Authorization" in played.sent[-1].headers


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"issuer": "http://as.example"}, ValueError, "plain http"),
        ({"issuer": f"{ISSUER}/.well-known/openid-configuration"}, ValueError, "before /.well-known/"),
        ({"issuer": f"{ISSUER}?a=b"}, ValueError, "no query"),
        ({"issuer": "https://u:p@as.example"}, ValueError, "user name"),
        ({"issuer": 7}, TypeError, "issuer must be a str"),
        ({"issuer": "as.example"}, ValueError, "https://"),
        ({"issuer": ISSUER, "token_url": "https://as.example/t"}, TypeError, "exclude each other"),
        ({"issuer": None}, TypeError, "token_url must be a URL .* issuer="),
        ({"issuer": None, "token_url": f"{ISSUER}/.well-known/openid-configuration"}, ValueError, "pass issuer="),
    ],
)
def test_an_issuer_that_can_not_be_right(options: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        Played({}, **options)


def test_the_issuer_distinguishes() -> None:
    one, other = Played({}).provider, Played({}, issuer="https://as.example/realms/other").provider
    assert one.identity != other.identity
    assert one != other
    assert one == Played({}).provider
