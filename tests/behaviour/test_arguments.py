"""Wrong arguments fail in the constructor, and the text never shows the value."""

import functools
from collections.abc import Callable
from typing import Any, Unpack

import httpx
import pytest
import requests

import tokenauth.httpx
from tests.support import PlainProvider
from tokenauth import (
    APIKeyAuth,
    AtripAuth,
    ClientCredentialsAuth,
    JWTBearerAuth,
    LoginAuth,
    ManisAuth,
    Options,
    PasswordGrantAuth,
    PlatformAuth,
    Provider,
    RefreshTokenAuth,
    Token,
    TokenAuth,
)
from tokenauth.providers import XML, Call, Cookie, Kept, Login, Match, Signed, Text
from tokenauth.stores import FileStore

VALUE = "v4lue-that-nobody-may-see"
TO_THE_CLIENT = ": give it to a session or client, and pass that as token_client="


def manis(**changes: Any) -> Any:
    given = {"base_url": "https://api.example", "merchant_id": "m", "secret": "s"} | changes
    return ManisAuth(given.pop("base_url"), **given)


def oauth(**changes: Any) -> Any:
    given = {"token_url": "https://id.example/t", "client_id": "c", "client_secret": "s"} | changes
    return ClientCredentialsAuth(given.pop("token_url"), **given)


def password(**changes: Any) -> Any:
    given = {"token_url": "https://id.example/t", "username": "u", "password": "p"} | changes
    return PasswordGrantAuth(given.pop("token_url"), **given)


def platform(**changes: Any) -> Any:
    given = {"token_url": "https://id.example/t", "username": "u", "password": "p"} | changes
    return PlatformAuth(given.pop("token_url"), **given)


def any_api(**changes: Any) -> Any:
    given: dict[str, Any] = {"json": {"user": "u"}} | changes
    return LoginAuth("https://id.example/t", **given)


def renewing(**changes: Any) -> Any:
    return any_api(refresh=Call("/refresh", **changes))


def brought(**changes: Any) -> Any:
    return RefreshTokenAuth("https://id.example/t", refresh_token="r", client_id="c", **changes)


def atrip(**changes: Any) -> Any:
    given = {"client_id": "c", "client_secret": "s", "user_name": "n", "role": "r", "order_no": "o"} | changes
    return AtripAuth(**given)


URLS: list[tuple[Callable[..., Any], str]] = [
    (manis, "base_url"),
    (oauth, "token_url"),
    (password, "token_url"),
    (platform, "token_url"),
    (atrip, "base_url"),
]
TEXTS: list[tuple[Callable[..., Any], str]] = [
    (manis, "merchant_id"),
    (manis, "secret"),
    (oauth, "client_id"),
    (oauth, "client_secret"),
    (password, "username"),
    (password, "password"),
    (platform, "username"),
    (platform, "password"),
    (atrip, "client_id"),
    (atrip, "client_secret"),
    (atrip, "user_name"),
]


NONE: dict[str, Any] = {"pw": None}
NO_HEADER: dict[str, Any] = {"X-Pw": None}


def refusal(make: Callable[..., Any], **arguments: Any) -> str:
    """Return the text of the error that *make* raises; it must be one of the two, and show nothing of VALUE."""
    with pytest.raises((ValueError, TypeError)) as met:
        make(**arguments)
    problem: BaseException | None = met.value
    while problem is not None:
        assert VALUE not in f"{problem}{problem!r}{problem.args}"
        problem = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)
    return str(met.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "http://192.168.1.1",
        "HTTP://api.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://api.example",
        "api.example",
        "//api.example",
        "https://",
        "https:///path",
        "",
        " https://api.example",
        "https://api.example ",
        "https://api.example\n",
        "https://api exam.ple",
        f"https://user:{VALUE}@api.example",
        f"https://api.example/?key={VALUE}",
        f"https://api.example/#{VALUE}",
        f"https://api.example\\@{VALUE}",
        "https://api.example:99999",
        "https://[::1",
        None,
        7,
        b"https://api.example",
    ],
)
@pytest.mark.parametrize(("make", "name"), URLS)
def test_a_url_that_cannot_be_right_is_refused(make: Callable[..., Any], name: str, url: Any) -> None:
    text = refusal(make, **{name: url})
    assert name in text


@pytest.mark.parametrize("url", ["https://https", "https://api", "https://https/api", "https://API:443"])
def test_the_wreckage_on_manis_page_is_refused(url: str) -> None:
    assert "base_url" in refusal(manis, base_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://api.example"])
@pytest.mark.parametrize(("make", "name"), URLS)
def test_https_and_loopback_are_taken(make: Callable[..., Any], name: str, url: str) -> None:
    assert make(**{name: url})


@pytest.mark.parametrize(("make", "name"), URLS)
def test_plain_http_is_taken_where_the_user_says_so(make: Callable[..., Any], name: str) -> None:
    assert make(**{name: "http://api.example"}, allow_http=True)


@pytest.mark.parametrize(
    "value",
    ["", " ", f" {VALUE}", f"{VALUE} ", f"{VALUE}\n", f"{VALUE}\r\n", f"{VALUE}\nX: y", f"{VALUE}\0", f"\t{VALUE}"],
)
@pytest.mark.parametrize(("make", "name"), TEXTS)
def test_an_empty_or_padded_text_is_refused(make: Callable[..., Any], name: str, value: str) -> None:
    assert refusal(make, **{name: value})


@pytest.mark.parametrize("value", [None, 7, VALUE.encode(), [VALUE], {VALUE: VALUE}])
@pytest.mark.parametrize(("make", "name"), TEXTS)
def test_a_text_of_another_type_is_refused(make: Callable[..., Any], name: str, value: Any) -> None:
    assert refusal(make, **{name: value})


@pytest.mark.parametrize("value", ["sécret", "秘密"])
def test_what_goes_into_a_header_must_be_ascii(value: str) -> None:
    assert value not in refusal(manis, secret=value)
    assert oauth(client_secret=value)


@pytest.mark.parametrize("make", [manis, oauth, password, platform, atrip])
def test_an_unknown_option_is_refused_with_the_nearest_name(make: Callable[..., Any]) -> None:
    assert "'timeout'" in refusal(make, timeuot=3)
    assert "leway" in refusal(make, leway=3)
    assert "nothing_like_it" in refusal(make, nothing_like_it=VALUE)


ANY_API = LoginAuth("https://id.example/t", json={"user": "u"})


class Own(PlainProvider):
    """A provider of a user's, with no more arguments than it says."""

    def __init__(self, *hosts: str, **options: Unpack[Options]) -> None:
        super().__init__(f"https://{hosts[0]}")
        self.options = options


@pytest.mark.parametrize(
    ("taker", "name", "text"),
    [
        (oauth().replace, "url", "ClientCredentials has no argument 'url'; did you mean 'token_url'?"),
        (oauth().replace, "clientid", "ClientCredentials has no argument 'clientid'; did you mean 'client_id'?"),
        (oauth, "url", "ClientCredentialsAuth has no argument 'url'; did you mean 'token_url'?"),
        (oauth, "token_endpoint", "ClientCredentialsAuth has no argument 'token_endpoint'; did you mean 'token_url'?"),
        (oauth, "early_expiry", "ClientCredentialsAuth has no argument 'early_expiry'; did you mean 'leeway'?"),
        (oauth, "token_field_name", "ClientCredentialsAuth has no argument 'token_field_name'"),
        (oauth, "name", "ClientCredentialsAuth has no argument 'name'"),
        (oauth, "form", "ClientCredentialsAuth has no argument 'form'"),
        (ANY_API.replace, "token_url", "Login has no argument 'token_url'; did you mean 'url'?"),
        (ANY_API.replace, "extra_header", "Login has no argument 'extra_header'; did you mean 'extra_headers'?"),
        (ANY_API.replace, "data", "Login has no argument 'data'; did you mean 'form'?"),
        (ANY_API.replace, "verify", f"Login has no argument 'verify'{TO_THE_CLIENT}"),
        (manis, "proxies", f"ManisAuth has no argument 'proxies'{TO_THE_CLIENT}"),
        (functools.partial(APIKeyAuth, "k"), "cert", f"APIKeyAuth has no argument 'cert'{TO_THE_CLIENT}"),
        (LoginAuth, "base_url", "LoginAuth has no argument 'base_url'; did you mean 'url'?"),
        (manis, "merchant", "ManisAuth has no argument 'merchant'; did you mean 'merchant_id'?"),
        (manis, "error_code", "ManisAuth has no argument 'error_code'"),
        (platform, "user", "PlatformAuth has no argument 'user'; did you mean 'username'?"),
        (functools.partial(Token, "t"), "expires_in", "Token has no argument 'expires_in'; did you mean 'lifetime'?"),
        (Token, "access_token", "Token has no argument 'access_token'; did you mean 'value'?"),
        (Token, "token", "Token has no argument 'token'; did you mean 'value'?"),
        (functools.partial(Token, "t"), "expires", "Token has no argument 'expires'; did you mean 'expires_at'?"),
        (functools.partial(Own, "id.example"), "time_out", "Own has no argument 'time_out'; did you mean 'timeout'?"),
        (functools.partial(TokenAuth, Own("id.example")), "url", "TokenAuth has no argument 'url'"),
        (TokenAuth(Own("id.example")).replace, "hosts_", "Own has no argument 'hosts_'"),
    ],
)
def test_an_unknown_argument_is_named_and_the_one_that_was_meant(
    taker: Callable[..., Any], name: str, text: str
) -> None:
    """Whatever the classes beneath it call their arguments: theirs are not proposed, taken or mixed up with it."""
    assert refusal(taker, **{name: VALUE}) == text


class Mine(ManisAuth):
    """Of a user's."""


@pytest.mark.parametrize("kind", [ManisAuth, Mine, tokenauth.httpx.ManisAuth])
def test_an_error_names_the_class_that_was_called(kind: Any) -> None:
    missing = "missing 2 required keyword-only arguments: 'merchant_id' and 'secret'"
    assert refusal(kind, base_url="https://api.example") == f"{kind.__name__}.__init__() {missing}"
    too_many = functools.partial(kind, VALUE, VALUE)
    assert refusal(too_many).startswith(f"{kind.__name__}.__init__() takes 2 positional arguments but 3 were")
    assert refusal(kind, merchant=VALUE).startswith(f"{kind.__name__} has no argument 'merchant'")


def test_a_provider_that_declares_no_names_is_asked_itself() -> None:
    class Taking(Provider):
        def __init__(self, **options: Any) -> None:
            self.given = options

    class Wrapped(Taking):
        __init__: Any = functools.partialmethod(Taking.__init__, more=2)

    assert Taking(whatever=1).given == {"whatever": 1}
    assert Wrapped(whatever=1).given == {"whatever": 1, "more": 2}


def test_a_provider_without_arguments_takes_none() -> None:
    class Nothing(Provider): ...

    make: Any = Nothing
    assert refusal(lambda: make(1)) == "Nothing takes no arguments"
    assert refusal(make, whatever=1) == "Nothing has no argument 'whatever'"


async def _async_handler(event: object) -> None: ...


class _Handler:
    async def __call__(self, event: object) -> None: ...


OPTIONS: dict[str, list[Any]] = {
    "leeway": [-1, "30", None, True, float("nan"), float("inf"), 10**400, [1]],
    "timeout": [0, -1, "10", None, True, float("nan"), float("inf"), 1e10, 10**400],
    "origins": ["https://one.example", ["http://plain.example"], [f"https://{VALUE}@"], [7], 7, None],
    "header": ["", "X Token", "X-Token:", "X-Tök", "a\nb", 7, None],
    "scheme": ["a\nb", " Bearer", 7, b"Bearer", "B\u20acarer", "two\u00a0words", "Bär"],
    "extra_headers": [{"": "x"}, {"A B": "x"}, {"A": f"{VALUE}\n"}, {"A": 7}, {7: "x"}, [("A", "b")], None, "A"],
    "cache": [7, [], "cache", object()],
    "token_client": [7, "client", object(), requests, httpx, requests.get, requests.Session, httpx.Client],
    "on_event": [7, "callback", _async_handler, functools.partial(_async_handler), _Handler(), _Handler],
    "allow_http": ["false", "", 0, 1, "0", [False], _async_handler],
    "logout_at_exit": ["false", 1, [True]],
    "refused": [_async_handler, [403, _async_handler], _Handler()],
    "secret": [_async_handler, functools.partial(_async_handler), _Handler()],
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_cannot_be_right_is_refused(option: str) -> None:
    for value in OPTIONS[option]:
        refusal(manis, **{option: value})


LOGIN: dict[str, list[Any]] = {
    "public": ["scope", b"scope", 7, None, [7], [None], {7: "x"}],
    "error_fields": ["requestId", 7, None, [7]],
    "origins": ["https://one.example", b"https://one.example", 7, None],
    "keep": ["nonce", ["nonce"], {"nonce"}, 7, {7: "x"}],
    "first": [None, 7, Call, "/nonce", ["/nonce"], Call(7), Call(b"/nonce"), [Call(None)]],  # type: ignore[arg-type]
    "refresh": ["/refresh", True, Call, Call(7)],  # type: ignore[arg-type]
    "sliding": ["false", 1],
    "discards_older": ["false", 1, []],
    "token": [_async_handler, (_Handler(),)],
    "expires_in": [_async_handler],
    "success": [_async_handler],
    "rejected": [_Handler(), [401, _async_handler]],
    "retryable": [_async_handler],
}


@pytest.mark.parametrize("argument", LOGIN)
def test_an_argument_of_a_description_that_cannot_be_right_is_refused_by_name(argument: str) -> None:
    make = functools.partial(Login, "https://api.example", lifetime=60)
    for value in LOGIN[argument]:
        assert argument in refusal(make, **{argument: value})


@pytest.mark.parametrize("value", ["false", 1])
def test_a_flag_of_a_grant_is_true_or_false(value: Any) -> None:
    assert "use_refresh_token must be True or False" in refusal(password, use_refresh_token=value)


def test_what_is_in_extra_headers_is_as_it_was_given() -> None:
    given = {"X-Tenant": "t"}
    auth = APIKeyAuth("k", origins=["https://api.example"], extra_headers=given)
    twin = TokenAuth(PlainProvider("https://api.example"), extra_headers=given)
    given["X-Tenant"] = f"{VALUE}\n"
    assert auth.headers("https://api.example/")["X-Tenant"] == "t"
    assert twin._options["extra_headers"] == {"X-Tenant": "t"}


MESSAGE_S_OWN = ["Host", "host", "Content-Length", "CONTENT-LENGTH", "Transfer-Encoding", "Connection", "connection"]
NAMED: dict[str, Callable[[str], Any]] = {
    "header": lambda name: manis(header=name),
    "extra_headers": lambda name: manis(extra_headers={"X-Tenant": "t", name: VALUE}),
    "header of Login": lambda name: Login("https://api.example", header=name),
    "also": lambda name: Login("https://api.example", also={"X-Tenant": "t", name: VALUE}),
    "portal_header": lambda name: atrip(portal_header=name),
}


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("name", ["Cookie", "cookie", "COOKIE"])
def test_a_header_that_would_replace_the_user_s_cookies_is_refused(place: str, name: str) -> None:
    text = refusal(NAMED[place], name=name)
    assert place.partition(" ")[0] in text
    assert "cookie= of Login" in text


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("name", MESSAGE_S_OWN)
def test_a_header_that_frames_the_message_is_refused(place: str, name: str) -> None:
    text = refusal(NAMED[place], name=name)
    assert place.partition(" ")[0] in text
    assert name in text


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("name", ["X-Cookie", "Cookie2", "Host-Id", "Content-Length-Token", "Authorization"])
def test_other_headers_are_taken(place: str, name: str) -> None:
    assert NAMED[place](name)


@pytest.mark.parametrize("provider", [None, "https://api.example", ManisAuth, object()])
def test_a_provider_that_is_none_is_refused(provider: Any) -> None:
    with pytest.raises(TypeError, match="provider"):
        TokenAuth(provider)


def test_options_are_keyword_only() -> None:
    make: Any = TokenAuth
    with pytest.raises(TypeError):
        make(PlainProvider("https://api.example"), {})
    make = ManisAuth
    with pytest.raises(TypeError):
        make("https://api.example", "m", "s")


def test_good_options_are_taken() -> None:
    assert manis(
        origins=["https://one.example", "https://two.example:8443"],
        header="X-Token",
        scheme="",
        extra_headers={"X-Tenant": "t"},
        leeway=0,
        timeout=0.5,
        cache={},
        on_event=print,
        token_client=None,
    )


# what to write instead


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (
            lambda: manis(base_url=None),
            "base_url must be a URL like https://host, not None; is an environment variable",
        ),
        (lambda: oauth(token_url=None), "token_url must be a URL like https://host, not None"),
        (lambda: manis(base_url="api.example"), "write https:// before the host"),
        (lambda: manis(base_url="https://api.example/api/v1/auth/token"), "ends with /api/v1/auth/token already"),
        (lambda: manis(base_url="https://api.example/eu/t/", path="/t"), "write base_url without it"),
        (lambda: atrip(base_url="https://api.example/getAtripToken.do"), "ends with /getAtripToken.do already"),
        (lambda: manis(store=FileStore), "not the class FileStore: call it first"),
        (
            lambda: Login("https://api.example", json={"user": "u", "pw": None}),
            "json\\['pw'\\] must not be None",
        ),
        (lambda: Login("https://api.example", form=NONE), "If the API wants none, leave the name out"),
        (lambda: manis(base_url=""), "base_url is empty; is an environment variable or a setting missing"),
        (lambda: manis(merchant_id=""), "merchant_id is empty; is an environment variable or a setting missing"),
        (lambda: any_api(token=None), "token must be a place, such as"),
        (lambda: any_api(advice=7), "advice must be a str, not int"),
        (lambda: any_api(success=Text), "success must be a function, not the class Text: call it first"),
        (lambda: manis(refused=FileStore), "refused must be a function, not the class FileStore: call it first"),
        (
            lambda: manis(secret=lambda merchant: "s"),
            "secret is called with no argument, but: missing a required argument: 'merchant'",
        ),
        (lambda: manis(on_event=lambda: None), "on_event is called with one argument, but: too many positional"),
        (lambda: manis(refused=lambda: True), "refused is called with one argument, but: too many positional"),
        (lambda: any_api(token=lambda: "t"), "token is called with one argument, but: too many positional"),
        (lambda: brought(on_refresh_token=lambda: None), "on_refresh_token is called with one argument, but"),
        (
            lambda: any_api(sign=Signed("s", lambda: "s")),  # type: ignore[misc, arg-type]
            "the function of Signed is called with two arguments, but: too many positional",
        ),
        (lambda: Kept(lambda: "v"), "the function of Kept is called with one argument, but"),  # type: ignore[misc, arg-type]
        (lambda: FileStore("redis://localhost:6379"), "folder is a URL; RedisStore takes"),
        (lambda: FileStore("tokens\n"), "folder begins or ends with white space; was a newline read along"),
        (lambda: FileStore("to\0kens"), "folder has a control character"),
        (lambda: FileStore(7), "folder must be a str, not int"),  # type: ignore[arg-type]
        (lambda: renewing(uses="3"), "refresh.uses must be a whole number, 0 or more, not str"),
        (lambda: renewing(uses=True), "refresh.uses must be a whole number, 0 or more, not bool"),
        (lambda: renewing(uses=-1), "refresh.uses must be a whole number, 0 or more"),
        (lambda: renewing(places="data.token"), "refresh.places must be a mapping, not str"),
        (
            lambda: renewing(places={"tokn": "data.token"}),
            "refresh.places has no argument 'tokn'; did you mean 'token'",
        ),
        (lambda: any_api(token=Cookie(5)), "the name of a Cookie must be a str, not int"),  # type: ignore[arg-type]
        (lambda: any_api(token=XML("")), "the tag of an XML is empty"),
        (lambda: any_api(token=Match(b"(.)")), "the pattern of a Match must be a str, not bytes"),  # type: ignore[arg-type]
        (lambda: JWTBearerAuth("", key="k", issuer="i"), "token_url is empty"),
        (lambda: JWTBearerAuth("https://h", key="k", issuer="i", assertion_audience=""), "assertion_audience is empty"),
        (lambda: brought(on_refresh_token=FileStore), "on_refresh_token must be a function, not the class FileStore"),
        (lambda: Login("https://api.example", headers=NO_HEADER), "headers\\['X-Pw'\\] must not be None"),
    ],
)
def test_the_text_says_what_to_write_instead(mistake: Callable[[], Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        mistake()


def test_null_further_down_in_json_is_sent() -> None:
    provider = Login("https://api.example", json={"user": {"name": "u", "realm": None}, "list": [None]})
    assert provider.request().body == b'{"user": {"name": "u", "realm": null}, "list": [null]}'


def test_a_host_or_a_bare_slash_is_no_path_in_the_base_url() -> None:
    assert manis(base_url="https://token", path="/token")
    assert manis(base_url="https://api.example/token", path="/")
    assert manis(base_url="https://api.example/a-token", path="/token")
