"""ATRIP, row by row: links for the portal, two static headers for the API."""

import json
from typing import Any

import pytest

from tokenauth import errors
from tokenauth._core.expiry import LATEST
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._core.token import Token
from tokenauth.providers import Atrip, LegacyRole, Role
from tokenauth.providers.atrip import PRODUCTION, SANDBOX, SEARCH

SECRET = "atlas-s3cret"
LINK = "https://portal.example/sso?lang=en&token=t-1"
API, PORTAL = Origin.parse(SANDBOX), Origin.parse(LINK)


def atrip(**options: Any) -> Atrip:
    settings = {"client_id": "c-1", "client_secret": SECRET, "user_name": "alice", "role": Role.FINANCE, "order_no": ""}
    return Atrip(**{**settings, **options})


def reply(content: object = None, status: int = 200, **headers: str) -> Reply:
    return Reply(
        status, headers, json.dumps({"url": LINK, "status": 0, "msg": None} if content is None else content).encode()
    )


def test_the_call_has_five_headers_and_three_fields() -> None:
    request = atrip(order_no="O-1").request()
    assert (request.method, request.url) == ("POST", "https://sandbox.atriptech.com/getAtripToken.do")
    assert request.headers == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Accept-Encoding": "gzip",
        "x-atlas-client-id": "c-1",
        "x-atlas-client-secret": SECRET,
    }
    assert json.loads(request.body) == {"orderNo": "O-1", "userName": "alice", "role": "Finance"}


def test_headers_replace_and_add() -> None:
    headers = atrip(headers={"accept-encoding": "identity", "X-More": "1"}).request().headers
    assert headers["accept-encoding"] == "identity"
    assert headers["X-More"] == "1"
    assert len(headers) == 6


@pytest.mark.parametrize(
    ("role", "sent"),
    [(Role.CUSTOMER_SERVICE, "Customer service"), (LegacyRole.TICKETING, "TICKETING"), ("Something", "Something")],
)
def test_roles_pass_unchanged(role: str, sent: str) -> None:
    assert json.loads(atrip(role=role).request().body)["role"] == sent


def test_extra_fields_are_sent_and_distinguish() -> None:
    assert json.loads(atrip(extra={"cid": "old", "n": 1}).request().body)["cid"] == "old"
    assert atrip(extra={"cid": "a"}) != atrip(extra={"cid": "b"})
    with pytest.raises(ValueError, match="orderNo"):
        atrip(extra={"orderNo": "x"})


def test_hosts_are_constants() -> None:
    assert atrip(base_url=PRODUCTION).token_url == "https://api-sg.atriptech.com/getAtripToken.do"


def test_the_token_is_the_whole_link_and_for_its_origin() -> None:
    token = atrip().read(reply())
    assert (token.value, token.origin, token.lifetime, token.expires_at) == (LINK, "https://portal.example", None, None)
    assert LINK not in repr(token)
    assert "url" not in token.extra


@pytest.mark.parametrize("status", [0, "0"])
def test_status_0_is_success(status: object) -> None:
    assert atrip().read(reply({"url": LINK, "status": status})).value == LINK


@pytest.mark.parametrize("status", [3, "3", 900, 902])
def test_some_codes_reject_the_credentials_though_http_says_200(status: object) -> None:
    with pytest.raises(errors.CredentialsRejected, match="sandbox or production") as caught:
        atrip().read(reply({"url": "", "status": status, "msg": "unauthorized"}))
    assert (caught.value.status, caught.value.code, caught.value.detail) == (200, str(status), "unauthorized")


@pytest.mark.parametrize("status", [2, -1, "-1", 9999])
def test_some_codes_may_pass(status: object) -> None:
    with pytest.raises(errors.TokenEndpointError) as caught:
        atrip().read(reply({"url": "", "status": status}))
    assert caught.value.retryable
    assert caught.value.code == str(status)


@pytest.mark.parametrize("status", [False, True, None, 1, 17, "", "ok", [0], {}, 0.5])
def test_anything_else_is_a_failure_even_with_a_link(status: object) -> None:
    with pytest.raises(errors.TokenResponseError) as caught:
        atrip().read(reply({"url": LINK, "status": status, "msg": "success"}))
    assert not caught.value.retryable
    assert "t-1" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [{"status": 0}, {"status": 0, "url": ""}, {"status": 0, "url": None}, {"status": 0, "url": 7}]
)
def test_success_without_a_link_is_an_error(content: object) -> None:
    with pytest.raises(errors.TokenResponseError, match="link"):
        atrip().read(reply(content))


@pytest.mark.parametrize("status", [401, 403])
def test_http_status_comes_first(status: int) -> None:
    with pytest.raises(errors.CredentialsRejected):
        atrip().read(reply(None, status))


@pytest.mark.parametrize(
    ("headers", "content", "seconds"),
    [
        ({}, {"retryAfter": 7}, 7.0),
        ({}, {"retryAfter": "7.5"}, 7.5),
        ({"retry-after": "3"}, {"retryAfter": 7}, 3.0),
        ({"retry-after": "9" * 30}, {}, LATEST),
        ({"retry-after": "9" * 400}, {}, LATEST),
        ({}, {"retryAfter": -7}, None),
        ({}, {"retryAfter": True}, None),
        ({}, [], None),
    ],
)
def test_429_says_when_to_come_back(headers: dict[str, str], content: object, seconds: float | None) -> None:
    with pytest.raises(errors.TokenEndpointError) as caught:
        atrip().read(reply(content, 429, **headers))
    assert (caught.value.retryable, caught.value.retry_after) == (True, seconds)


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/?token=t-1",
        "https://u:p@portal.example/?token=t-1",
        "https://portal.example/?token=t-1\r\nx: y",
        "https://portal.example/ ?token=t-1",
        "https://portal.example\\@evil.example/?token=t-1",
        "javascript:alert(1)",
        "/sso?token=t-1",
    ],
)
def test_links_that_would_leak_are_refused_unseen(url: str) -> None:
    with pytest.raises(errors.TokenResponseError) as caught:
        atrip().read(reply({"url": url, "status": 0}))
    assert "t-1" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_link_to_plain_http_needs_loopback_or_leave() -> None:
    assert atrip().read(reply({"url": "http://localhost:9/?token=x", "status": 0})).origin == "http://localhost:9"
    assert atrip(allow_http=True).read(reply({"url": "http://p.example/", "status": 0})).origin == "http://p.example"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (LINK, "token"),
        ("https://p.example/?jwt=t-1", "jwt"),
        ("https://p.example/?cliAuthToken=t-1#/x?token=other", "cliAuthToken"),
        ("https://p.example/?ticket=no&token=t-1&token=second", "token"),
        ("https://p.example/?token=&jwt=t-1", "jwt"),
    ],
)
def test_a_token_in_the_query_goes_into_the_query(url: str, name: str) -> None:
    assert atrip().sign(Token(url)).params == {name: "t-1"}
    assert atrip().sign(Token(url)).headers == {}


@pytest.mark.parametrize("fragment", ["/login?lang=en&token=t-1", "token=t-1", "/a?b?access_token=t-1"])
def test_a_token_in_the_fragment_goes_into_the_header(fragment: str) -> None:
    signature = atrip().sign(Token(f"https://p.example/#{fragment}"))
    assert (signature.headers, signature.params) == ({"Authorization": "Bearer t-1"}, {})


def test_the_presentation_can_be_named() -> None:
    token = Token(LINK)
    assert atrip(portal_header="X-Portal").sign(token).headers == {"X-Portal": "t-1"}
    assert atrip(portal_header="authorization").sign(token).headers == {"authorization": "Bearer t-1"}
    assert atrip(portal_param="t").sign(Token("https://p.example/#/?token=t-1")).params == {"t": "t-1"}
    assert atrip(token_param="lang").sign(token).params == {"lang": "en"}
    with pytest.raises(ValueError, match="exclude"):
        atrip(portal_param="t", portal_header="X-T")


@pytest.mark.parametrize("url", ["https://p.example/", "https://p.example/?other=x", "https://p.example/#/login"])
def test_without_a_recognised_token_the_error_names_the_option_and_the_link_still_serves(url: str) -> None:
    with pytest.raises(errors.TokenResponseError, match="token_param"):
        atrip().sign(Token(url))
    assert atrip().link(Token(url)).token is None


def test_a_token_that_would_break_a_header_is_refused() -> None:
    with pytest.raises(errors.TokenResponseError, match="portal_param"):
        atrip().sign(Token("https://p.example/#/?token=a%0d%0ax:%20y"))


def test_a_portal_link_hides_itself() -> None:
    link = atrip().link(Token(LINK))
    assert (link.url, link.token, link.origin) == (LINK, "t-1", "https://portal.example")
    assert "t-1" not in f"{link} {link!r}"


def test_the_api_gets_the_two_headers_and_nobody_else() -> None:
    provider = atrip(origins=[SEARCH])
    for origin in (API, Origin.parse(SEARCH)):
        signature = provider.static(origin)
        assert signature is not None
        assert signature.headers == {"x-atlas-client-id": "c-1", "x-atlas-client-secret": SECRET}
        assert not provider.may_serve(origin)
    assert provider.static(PORTAL) is None
    assert provider.may_serve(PORTAL)
    with pytest.raises(TypeError, match="origins"):
        atrip(origins=SEARCH)


def test_a_known_portal_is_the_only_one() -> None:
    provider = atrip(portal_origin="https://portal.example/any")
    assert provider.may_serve(PORTAL)
    assert not provider.may_serve(Origin.parse("https://other.example"))


def test_a_callable_secret_is_read_at_each_call() -> None:
    secrets = iter(["first", "second"])
    provider = atrip(client_secret=lambda: next(secrets))
    assert provider.request().headers["x-atlas-client-secret"] == "first"
    signature = provider.static(API)
    assert signature is not None
    assert signature.headers["x-atlas-client-secret"] == "second"
