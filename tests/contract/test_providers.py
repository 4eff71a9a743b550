"""One contract for all providers: pure, portable, silent about secrets, and at ease with any answer."""

import base64
import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokenauth import errors, providers
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._core.token import Token
from tokenauth.providers import (
    Atrip,
    ClientCredentials,
    JWTBearer,
    Login,
    Manis,
    PasswordGrant,
    Platform,
    Provider,
    RefreshToken,
    TokenExchange,
)
from tokenauth.providers._elsewhere import Elsewhere

SECRET = "hush-hush-4711"
URL = "https://as.example/token"
Make = Callable[..., Provider]


def manis(secret: Any = SECRET, url: str = "https://as.example", **options: Any) -> Provider:
    return Manis(url, merchant_id="m-1", secret=secret, **options)


def atrip(secret: Any = SECRET, url: str = "https://as.example", **options: Any) -> Provider:
    settings = {"user_name": "alice", "role": "Finance", "order_no": "", **options}
    return Atrip(client_id="c-1", client_secret=secret, base_url=url, **settings)


def platform(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return Platform(url, username="alice", password=secret, **options)


def password(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return PasswordGrant(url, username="alice", password=secret, client_id="id", client_secret=SECRET, **options)


def client(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return ClientCredentials(url, client_id="c-1", client_secret=secret, **options)


def client_in_body(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return ClientCredentials(url, client_id="c-1", client_secret=secret, client_auth="body", **options)


def declared(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return Login(url, headers={"X-Secret": secret}, json={"key": secret}, success=("code", "00"), **options)


def exchange(secret: Any = SECRET, url: str = URL, **options: Any) -> Provider:
    return TokenExchange(url, subject_token=secret, client_id="c-1", **options)


MAKERS = [manis, atrip, platform, password, client, client_in_body, declared, exchange]
every = pytest.mark.parametrize("make", MAKERS)


def rotating() -> str:
    return SECRET


@every
def test_a_request_is_the_same_each_time(make: Make) -> None:
    assert make().request() == make().request()
    assert SECRET.encode() in _decoded(make())


def _decoded(provider: Provider) -> bytes:
    request = provider.request()
    basic = request.headers.get("Authorization", "").removeprefix("Basic ")
    return request.body + "\n".join(request.headers.values()).encode() + base64.b64decode(basic)


@every
def test_headers_can_be_sent_by_any_client(make: Make) -> None:
    request = make().request()
    assert all(f"{name}{value}".isascii() and value.isprintable() for name, value in request.headers.items())
    assert "?" not in request.url
    assert not {"host", "content-length", "user-agent"} & {name.lower() for name in request.headers}


@every
def test_copies_are_equal(make: Make) -> None:
    provider = make(rotating)
    pickled = [pickle.loads(pickle.dumps(provider, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in (*pickled, copy.deepcopy(provider), copy.copy(provider), make(rotating)):
        assert twin == provider
        assert hash(twin) == hash(provider)
        assert (twin.identity, twin.secrets) == (provider.identity, provider.secrets)
        assert twin.request() == provider.request()


@every
def test_what_a_callable_returned_is_not_pickled(make: Make) -> None:
    provider = make(rotating)
    provider.request()
    if make is not password:  # which has a second secret, a plain one
        assert SECRET.encode() not in pickle.dumps(provider)


@every
def test_other_secrets_make_another_credential(make: Make) -> None:
    one, other = make(), make("another-secret")
    assert one != other
    assert one.secrets != other.secrets
    assert one.identity == other.identity
    assert one != object()


@every
def test_another_url_makes_another_credential(make: Make) -> None:
    assert make().identity != make(url="https://as2.example/x").identity


@every
def test_no_two_kinds_share_a_token(make: Make) -> None:
    others = [other() for other in MAKERS if other is not make]
    assert make() not in others
    assert make().identity not in [other.identity for other in others]


@every
def test_identity_and_repr_hide_the_secret(make: Make) -> None:
    provider = make()
    provider.request()
    shown = f"{provider!r} {provider} {provider.name} {provider.identity} {provider.secrets} {provider.request()!r}"
    assert SECRET not in shown
    assert base64.b64encode(SECRET.encode()).decode() not in shown
    assert provider.name in repr(provider)


@every
@pytest.mark.parametrize(
    "bad", ["", " vvv", "vvv ", "vvv\n", "vv\rv", "vv\x00v", "vv\x7fv", "vv\ud800v", None, 7, b"vvv", ["vvv"]]
)
def test_bad_secrets_fail_in_the_constructor_unseen(make: Make, bad: object) -> None:
    if make is declared and bad == "":
        return  # an empty field of an unknown API is nobody's secret
    with pytest.raises((TypeError, ValueError)) as caught:
        make(bad)
    assert "vv" not in _everything(caught.value)


@every
@pytest.mark.parametrize(
    "bad",
    [
        "http://as.example/x",
        "https://user:vvv@as.example/x",
        "https://user:vv/v@as.example/x",
        "https://as.example/x?key=vvv",
        "https://as.example/x#vvv",
        "https://as.example:vvv/x",
        "https://as.example/v vv",
        "https://[vvv]/x",
        "https://vv\uff0fv/x",
        "vvv",
        "",
        None,
        7,
    ],
)
def test_bad_urls_fail_in_the_constructor_unseen(make: Make, bad: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make(url=bad)
    assert "vv" not in _everything(caught.value)


@every
def test_unknown_options_are_refused(make: Make) -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        make(no_such_option=SECRET)


@every
def test_http_is_for_loopback_or_with_leave(make: Make) -> None:
    assert make(url="http://127.0.0.1:1/x").token_url.startswith("http://127.0.0.1:1/x")
    assert make(url="http://as.example/x", allow_http=True).token_url.startswith("http://as.example/x")


@every
@pytest.mark.parametrize("returned", ["", "x\n", None, b"x"])
def test_a_callable_that_returns_rubbish_is_an_error_of_ours(make: Make, returned: Any) -> None:
    with pytest.raises(errors.TokenAuthError, match="unusable") as caught:
        make(lambda: returned).request()
    assert caught.value.__context__ is None


@every
def test_a_callable_that_raises_is_an_error_of_ours_without_its_text(make: Make) -> None:
    def broken() -> str:
        raise LookupError(SECRET)

    with pytest.raises(errors.TokenAuthError, match="LookupError") as caught:
        make(broken).request()
    assert SECRET not in _everything(caught.value)


DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECT = b'{"access_token":"t","token":"t","url":"https://p.example","status":0,"code":"00","x":' + b'{"x":' * 600
BODIES = [
    b"",
    b" \r\n",
    b"<!doctype html><p>hush-hush-4711",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b'{"access_token":',
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"NaN",
    b'{"access_token":1e400,"token":1e400,"url":1e400,"status":0,"code":"00"}',
    b'{"access_token":' + b"9" * 5000 + b"}",
    DEEP,
    DEEP_OBJECT + b"1" + b"}" * 601,
    b'{"error":{"error":["hush-hush-4711"]},"status":{},"code":[],"message":{}}',
    b'{"error":"hush-hush-4711","status":"hush-hush-4711","msg":"hush-hush-4711","soaCode":"hush-hush-4711"}',
]
VALUES = [None, "", 7, 1.5, True, False, [], ["t"], {}, {"t": "t"}]


@pytest.mark.diagonal
@every
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "status", [200, 201, 204, 301, 302, 304, 307, 400, 401, 403, 404, 405, 408, 418, 425, 429, 500, 503, 599, 999]
)
def test_every_hostile_answer_is_an_error_of_ours(make: Make, body: bytes, status: int) -> None:
    if body.startswith(DEEP_OBJECT) and status < 300:
        return  # perhaps a token; see the test of deep answers
    with pytest.raises(errors.TokenAuthError) as caught:
        make().read(Reply(status, {"location": f"https://evil.example/?q={SECRET}", "retry-after": "x"}, body))
    _check(caught.value, status)


def _check(error: errors.TokenAuthError, status: int) -> None:
    assert error.status == status
    assert SECRET not in _everything(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "https://as.example/" in str(error)
    assert isinstance(error, errors.CredentialsRejected | errors.TokenEndpointError)
    if status in {400, 401, 403}:
        assert type(error) is errors.CredentialsRejected
    elif not 200 <= status < 300:
        assert type(error) is errors.TokenEndpointError
        assert error.retryable == (status in {408, 425, 429} or status >= 500)


def _everything(error: BaseException) -> str:
    """Return all that *error* shows or holds, and its chain too."""
    chain = [each for each in (error.__cause__, error.__context__) if each is not None]
    return repr((str(error), error.args, vars(error), [_everything(each) for each in chain]))


@every
@pytest.mark.parametrize("value", VALUES)
def test_a_token_that_is_no_text_is_an_error(make: Make, value: object) -> None:
    body = {"access_token": value, "token": value, "url": value, "status": 0, "code": "00"}
    with pytest.raises(errors.TokenResponseError) as caught:
        make().read(Reply(200, {}, json.dumps(body).encode()))
    assert not caught.value.retryable


@every
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"access_token":"tok'])
def test_a_2xx_that_is_no_json_may_pass(make: Make, body: bytes) -> None:
    with pytest.raises(errors.TokenResponseError) as caught:
        make().read(Reply(200, {}, body))
    assert caught.value.retryable


@every
@pytest.mark.parametrize("location", ["https://evil.example/a?b=c", "//evil.example/a", "https://u:p@evil.example"])
def test_a_redirect_names_the_targets_origin_only(make: Make, location: str) -> None:
    with pytest.raises(errors.TokenEndpointError, match=r"https://evil\.example ") as caught:
        make().read(Reply(302, {"location": location}, b""))
    assert not caught.value.retryable


@every
@pytest.mark.parametrize("location", ["", "https://[", "https://a:b/", "\x00", "mailto:x", "http://ⅷ℡.example\x00"])
def test_a_redirect_to_nowhere_is_an_error_too(make: Make, location: str) -> None:
    with pytest.raises(errors.TokenEndpointError):
        make().read(Reply(302, {"location": location}, b""))


@every
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sun, 13 Sep 2020 09:35:43 GMT", 10.0),
        ("Sun, 13 Sep 2020 09:35:23 GMT", 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_by_the_servers_clock(make: Make, header: str, seconds: float | None, status: int) -> None:
    headers = {"retry-after": header, "date": "Sun, 13 Sep 2020 09:35:33 GMT"}
    with pytest.raises(errors.TokenEndpointError) as caught:
        make().read(Reply(status, headers, b"", received_at=1.0))
    assert caught.value.retry_after == seconds


GOOD = {
    "access_token": "tok",
    "token": "tok",
    "url": "https://portal.example/?token=tok",
    "status": 0,
    "code": "00",
    "expires_in": 60,
    "expiresAt": 1900000000,
}


@every
def test_a_good_answer_is_a_token_whose_extra_hides_it(make: Make) -> None:
    token = make().read(Reply(200, {}, json.dumps({**GOOD, "more": {"copy": "tok", "user": "alice"}}).encode()))
    assert isinstance(token, Token)
    assert "tok" in token.value
    assert token.type == "Bearer"
    assert isinstance(token.extra["more"], dict)
    assert token.extra["more"]["user"] == "alice"
    assert pickle.loads(pickle.dumps(token)) == token


@every
def test_a_deep_answer_is_read_or_refused(make: Make) -> None:
    try:
        make().read(Reply(200, {}, DEEP_OBJECT + b"1" + b"}" * 601))
    except errors.TokenAuthError as error:
        assert error.__context__ is None  # noqa: PT017


@every
@pytest.mark.parametrize("value", ["tok\r\nx: y", "tok\x00", "\ud800", "ä", " ", "x" * 100_000])
def test_a_token_that_can_not_be_sent_does_not_crash(make: Make, value: str) -> None:
    body = {"access_token": value, "token": value, "url": value, "status": 0, "code": "00"}
    try:
        token = make().read(Reply(200, {}, json.dumps(body).encode()))
    except errors.TokenResponseError:
        return
    assert token.value == value
    assert len(token.fingerprint) == 8


@every
def test_the_token_is_for_the_token_urls_origin(make: Make) -> None:
    provider = make()
    home, foreign = Origin.parse(provider.token_url), Origin.parse("https://foreign.example")
    if make is atrip:
        assert provider.static(home) is not None
        assert provider.may_serve(foreign)  # until the link says which
    else:
        assert provider.static(home) is None
        assert provider.may_serve(home)
        assert not provider.may_serve(foreign)
    assert provider.static(foreign) is None


def _leaves() -> st.SearchStrategy[Any]:
    return (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["0", "00", "tok", SECRET])
    )


def _values() -> st.SearchStrategy[Any]:
    return st.recursive(_leaves(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)


NAMES = [
    *(
        "access_token",
        "token",
        "url",
        "status",
        "code",
        "token_type",
        "tokenType",
        "expires_in",
        "expiresAt",
        "refresh_in",
    ),
    *(
        ".issued",
        ".expires",
        "refresh_token",
        "error",
        "error_description",
        "detail",
        "title",
        "message",
        "msg",
        "soaCode",
    ),
]


@given(
    content=st.dictionaries(st.sampled_from(NAMES), _values()) | _values(),
    status=st.sampled_from([200, 200, 400, 429, 500]),
    retry_after=st.text(max_size=30),
)
@example(
    content={**GOOD, "expires_in": 10**30, "expiresAt": "x", "refresh_in": [], "token_type": 7},
    status=200,
    retry_after="",
)
@example(content={**GOOD, "refresh_token": {"a": 1}}, status=200, retry_after="9" * 30)
def test_any_json_is_a_token_or_an_error_of_ours(content: Any, status: int, retry_after: str) -> None:
    for make in MAKERS:
        provider = make()
        reply = Reply(status, {"retry-after": retry_after, "date": retry_after}, json.dumps(content).encode())
        try:
            token = provider.read(reply)
            provider.sign(token)
        except errors.TokenAuthError as error:
            assert SECRET not in _everything(error)  # noqa: PT017
        else:
            assert isinstance(token.value, str)
            assert status == 200


@given(body=st.binary(max_size=200), status=st.integers(min_value=200, max_value=599))
def test_any_bytes_are_a_token_or_an_error_of_ours(body: bytes, status: int) -> None:
    for make in MAKERS:
        with pytest.raises(errors.TokenAuthError):
            make().read(Reply(status, {}, body))


def test_the_public_names_are_sorted_and_whole() -> None:
    assert providers.__all__ == sorted(providers.__all__, key=str.casefold)
    assert all(hasattr(providers, name) for name in providers.__all__)


def test_all_providers_stand_under_this_contract() -> None:
    of_its_own = {
        JWTBearer,  # its assertion is another one each time: tests/unit/test_client_assertions.py
        RefreshToken,  # it is the only way in, and used once: tests/behaviour/test_refresh_token.py
    }
    assert {type(make()) for make in MAKERS} | of_its_own >= set(_concrete(Provider))


def _concrete(kind: type) -> Iterator[type]:
    """Yield the providers below *kind*. Those without a token endpoint have tests of their own: test_function.py …"""
    child: type
    for child in kind.__subclasses__():
        ours = child.__module__.startswith("tokenauth.providers") and not child.__name__.startswith("_")
        if ours and child is not Elsewhere:
            yield from () if child.__module__.rpartition(".")[2].startswith("_") else (child,)
            yield from _concrete(child)
