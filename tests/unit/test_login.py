"""Login: ten other token APIs, each in a few lines, and the rules of where things stand."""

import base64
import copy
import functools
import gc
import json
import operator
import pickle
import re
import subprocess
import sys
import time
import types
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import ManualClock, with_clock
from tokenauth import LoginAuth, TokenAuth, errors
from tokenauth._core.dating import dated
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._core.source import Source
from tokenauth._core.token import Token
from tokenauth.providers import XML, Basic, Call, Cookie, Header, Kept, Login, Match, Signed, Text

URL = "https://api.example/login"
ISO_7 = "2030-03-17T17:46:40.0000000Z"
Sibling = tuple[Login, dict[str, Any], dict[str, Any]]


def answer(content: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(content).encode())


def header_pair_and_nested_answer() -> Sibling:
    provider = Login(
        URL,
        headers={"X-Client-Id": "c", "X-Client-Secret": "s"},
        json={"grant": "app"},
        token="data.accessToken",
        expires_in="data.expiresIn",
        success=("code", "00"),
    )
    body = {"code": "00", "data": {"accessToken": "tok", "expiresIn": "900"}}
    return provider, body, {"lifetime": 900.0}


def get_with_a_time_stamp() -> Sibling:
    provider = Login(
        URL,
        method="GET",
        headers={"X-Key": "k", "X-Timestamp": lambda: "1900000000"},
        public=["X-Timestamp"],
        token="token",
    )
    return provider, {"token": "tok"}, {"lifetime": None}


def milliseconds() -> Sibling:
    provider = Login(URL, json={"key": "k"}, token="token", expires_in="ttl", unit="ms")
    return provider, {"token": "tok", "ttl": 900_000}, {"lifetime": 900.0}


def own_header_without_scheme() -> Sibling:
    provider = Login(URL, form={"key": "k"}, token="accessToken", header="Access-Token")
    return provider, {"accessToken": "tok"}, {"headers": {"Access-Token": "tok"}}


def success_flag_with_http_200() -> Sibling:
    provider = Login(URL, json={"key": "k"}, token="result.token", success=("success", True))
    return provider, {"success": True, "result": {"token": "tok"}}, {}


def iso_with_seven_digits() -> Sibling:
    provider = Login(URL, json={"user": "u", "password": "p"}, token="token", expires_at="expiration")
    return provider, {"token": "tok", "expiration": ISO_7}, {"expires_at": 1900000000.0}


def minutes() -> Sibling:
    provider = Login(URL, json={"key": "k"}, token="token", expires_in="expiresInMinutes", unit="min")
    return provider, {"token": "tok", "expiresInMinutes": 15}, {"lifetime": 900.0}


def own_scheme() -> Sibling:
    provider = Login(URL, json={"key": "k"}, token="jwt", scheme="ALPS")
    return provider, {"jwt": "tok"}, {"headers": {"Authorization": "ALPS tok"}}


def epoch_as_text() -> Sibling:
    provider = Login(URL, basic=("u", "p"), token="token", expires_at="expires")
    return provider, {"token": "tok", "expires": "1900000000"}, {"expires_at": 1900000000.0}


def subscription_key_on_every_call() -> Sibling:
    key = {"Ocp-Apim-Subscription-Key": "sub-key"}
    provider = Login(URL, headers=key, form={"grant_type": "client_credentials"}, also=key)
    return provider, {"access_token": "tok"}, {"headers": {**key, "Authorization": "Bearer tok"}}


SIBLINGS = [
    header_pair_and_nested_answer,
    get_with_a_time_stamp,
    milliseconds,
    own_header_without_scheme,
    success_flag_with_http_200,
    iso_with_seven_digits,
    minutes,
    own_scheme,
    epoch_as_text,
    subscription_key_on_every_call,
]


@pytest.mark.parametrize("sibling", SIBLINGS)
def test_sibling_apis_are_described_and_read(sibling: Any) -> None:
    provider, content, expected = sibling()
    token = provider.read(answer(content))
    assert token.value == "tok"
    assert "tok" not in json.dumps(dict(token.extra))
    signature = TokenAuth(provider)._source.admission.signature(token, Origin.parse(URL))
    got = {"lifetime": token.lifetime, "expires_at": token.expires_at, "headers": signature and signature.headers}
    assert {name: got[name] for name in expected} == expected


@pytest.mark.parametrize("code", ["01", 0, None, True, ["00"]])
def test_a_failure_with_http_200_is_an_error(code: object) -> None:
    provider, content, _ = header_pair_and_nested_answer()
    with pytest.raises(errors.TokenResponseError, match="reported a failure"):
        provider.read(answer({**content, "code": code, "message": "no"}))


def test_the_time_stamp_is_fresh_but_tells_no_credentials_apart() -> None:
    ticks = iter("12")
    provider = Login(URL, headers={"X-Key": "k", "X-Time": lambda: next(ticks)}, public=["x-time"])
    assert [provider.request().headers["X-Time"] for _ in "12"] == ["1", "2"]
    assert [secret.name for secret in provider.secrets] == ["headers['X-Key']"]


def test_a_flag_is_a_flag_and_not_its_name() -> None:
    for provider, value in (
        (Login(URL, success=("ok", True)), "True"),
        (Login(URL, success=("ok", "True")), True),
    ):
        with pytest.raises(errors.TokenResponseError):
            provider.read(answer({"access_token": "tok", "ok": value}))


def test_a_query_parameter_carries_the_token() -> None:
    signature = Login(URL, param="key").sign(Token("tok"))
    assert signature is not None
    assert (dict(signature.headers), signature.params) == ({}, {"key": "tok"})
    assert Login(URL).sign(Token("tok")) is None


@pytest.mark.parametrize(
    ("where", "content", "found"),
    [
        ("a.b", {"a.b": "exact", "a": {"b": "path"}}, "exact"),
        ("a.b", {"a": {"b": "path"}}, "path"),
        (("x", "a.b"), {"a": {"b": "second"}}, "second"),
        (lambda content: content["list"][0], {"list": ["called"]}, "called"),
    ],
)
def test_exact_key_then_path_then_the_next_place(where: Any, content: Mapping[str, Any], found: str) -> None:
    assert Login(URL, token=where).read(answer(content)).value == found


def test_a_callable_that_stumbles_finds_nothing() -> None:
    provider = Login(URL, token=lambda content: content["no"]["such"], success=lambda content: content["ok"])
    with pytest.raises(errors.TokenResponseError) as caught:
        provider.read(answer({"token": "tok"}))
    assert caught.value.__context__ is None


def test_codes_of_a_2xx_reject_or_retry() -> None:
    provider = Login(URL, rejected=("error", "bad_secret"), retryable=("error", "busy"))
    with pytest.raises(errors.CredentialsRejected):
        provider.read(answer({"error": "bad_secret"}))
    with pytest.raises(errors.TokenResponseError) as caught:
        provider.read(answer({"error": "busy"}))
    assert caught.value.retryable


def test_an_error_object_is_read_too() -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        Login(URL).read(answer({"error": {"code": "E1", "message": "no"}}, 401))
    assert (caught.value.code, caught.value.detail) == ("E1", "no")


def test_json_bodies_keep_their_shape_and_hide_their_texts() -> None:
    body = {"auth": {"user": "u-1", "keys": ["k-1", 7, None, True]}, "note": ""}
    provider = Login(URL, json=body)
    assert json.loads(provider.request().body) == body
    assert "k-1" not in f"{provider!r} {provider.identity}"
    assert [secret.reveal() for secret in provider.secrets] == ["k-1"]


@pytest.mark.parametrize(
    "options",
    [
        {"form": {}, "json": {}},
        {"form": {"a": 7}},
        {"form": ["a"]},
        {"headers": {"a b": "x"}},
        {"headers": {"a": "x", "A": "y"}},
        {"headers": {"a": "x\r\ny: z"}},
        {"headers": {"a": "ä"}},
        {"method": "post"},
        {"unit": "w"},
        {"token": 7},
        {"token": ()},
        {"success": ()},
        {"success": "code"},
        {"basic": "user:password"},
        {"basic": ("a:b", "password")},
        {"param": "p", "header": "H"},
        {"header": "A B"},
        {"scheme": "a\n"},
        {"name": "a\nb"},
        {"header": "Cookie"},
        {"header": "cookie"},
        {"header": "Host"},
        {"header": "Content-Length"},
        {"header": "transfer-encoding"},
        {"header": "Connection"},
        {"also": {"Cookie": "k=1"}},
        {"also": {"HOST": "else.example"}},
        {"also": {"content-length": "0"}},
        {"also": {"Transfer-Encoding": "chunked"}},
        {"also": {"connection": "close"}},
    ],
)
def test_wrong_descriptions_fail_at_once(options: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Login(URL, **options)


def test_providers_that_read_the_same_value_at_each_login_are_equal() -> None:
    def now() -> str:
        return "1900000000"

    def provider(stamp: Any) -> Login:
        return Login(URL, headers={"X-Key": "k", "X-Timestamp": stamp}, public=["X-Timestamp"], token="token")

    assert provider(now) == provider(now)
    assert provider(now) != provider(lambda: "1900000000")
    assert provider(now) != provider("1900000000")


def test_headers_of_the_token_call_may_have_a_cookie() -> None:
    assert Login(URL, headers={"Cookie": "k=1"}).request().headers == {"Cookie": "k=1", "Accept": "application/json"}


def admin_token(content: Mapping[str, Any]) -> object:
    return content["admin"]


def read_token(content: Mapping[str, Any]) -> object:
    return content["read"]


class Picker:
    """Finds a token by method or by call; each of them finds another."""

    __hash__ = None  # type: ignore[assignment]  # can't be looked up

    def __init__(self, field: str) -> None:
        self.field = field

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picker)

    def __call__(self, content: Mapping[str, Any]) -> object:
        return content[self.field]

    pick = __call__


def closure(field: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda content: content[field]


def pick(content: Mapping[str, Any], field: str) -> object:
    return content[field]


CALLABLES: dict[str, Callable[[str], Any]] = {
    "module's functions": lambda field: {"admin": admin_token, "read": read_token}[field],
    "closures": closure,
    "partials": lambda field: functools.partial(pick, field=field),
    "bound methods": lambda field: Picker(field).pick,
    "objects": Picker,
    "itemgetters": operator.itemgetter,
}


def key(provider: Login) -> object:
    return Source(provider).tokens.key


@pytest.mark.parametrize("argument", ["token", "token_type", "expires_in", "success"])
@pytest.mark.parametrize("kind", CALLABLES)
def test_providers_that_differ_in_a_callable_share_no_token(kind: str, argument: str) -> None:
    options: list[Any] = [{argument: CALLABLES[kind](field)} for field in ("admin", "read")]
    admin, read = (Login(URL, form={"key": "k"}, **option) for option in options)
    assert key(admin) != key(read)
    assert key(admin) == key(admin) == key(copy.copy(admin))


@pytest.mark.parametrize("kind", ["module's functions", "closures", "partials", "bound methods"])
def test_providers_with_the_very_same_callable_share_a_token(kind: str) -> None:
    found = CALLABLES[kind]("admin")
    one, other = (Login(URL, form={"key": "k"}, token=found) for _ in range(2))
    assert key(one) == key(other)
    assert one == other


class Box:
    """As pydantic's SecretStr."""

    def __init__(self, value: str) -> None:
        self.get_secret_value = lambda: value


@pytest.mark.parametrize("place", ["headers", "form", "json", "also"])
@pytest.mark.parametrize("name", ["scope", "Audience", "client_id", "resource"])
@pytest.mark.parametrize("made", [lambda value: lambda: value, Box])
def test_what_an_api_is_asked_for_tells_tokens_apart_however_it_is_given(place: str, name: str, made: Any) -> None:
    options: list[Any] = [{place: {"x-key": "k", name: made(value)}} for value in ("admin", "read")]
    admin, read = (Login(URL, **option) for option in options)
    assert key(admin) != key(read)
    assert key(admin) == key(Login(URL, **options[0]))


def fixed() -> str:
    return "1"


def test_a_value_under_a_public_name_tells_tokens_apart_unless_it_is_read_anew_each_time() -> None:
    boxed = [Login(URL, json={"key": "k", "user": Box(user)}, public=["user"]) for user in ("alice", "bob")]
    assert key(boxed[0]) != key(boxed[1])
    stamps = [Login(URL, json={"key": "k", "at": now}, public=["at"]) for now in (fixed, fixed, lambda: "1")]
    assert key(stamps[0]) == key(stamps[1]) != key(stamps[2])
    kept = [Login(URL, json={"key": "k"}, also={"at": lambda: "1"}, public=["at"]) for _ in range(2)]
    assert key(kept[0]) == key(kept[1]), "it is no part of the token call"


def test_a_callable_that_is_gone_leaves_its_token_to_nobody() -> None:
    """The next lambda may stand where it stood in memory."""
    keys = set()
    for _ in range(50):
        keys.add(key(Login(URL, token=lambda content: content["admin"])))
        gc.collect(0)
    assert len(keys) == 50


def test_a_function_that_is_defined_anew_under_its_name_is_another_one() -> None:
    name = f"notebook_{uuid.uuid4().hex}"  # a name is known for as long as the process lives
    module = sys.modules[name] = types.ModuleType(name)
    try:
        providers = []
        for field in ("admin", "read"):
            exec(f"def pick(content): return content[{field!r}]", module.__dict__)
            providers.append(Login(URL, token=module.pick))
    finally:
        del sys.modules[name]
    admin, read = providers
    assert key(admin) != key(read)
    assert not admin.process_bound
    assert "token=" in read.process_bound


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda provider: pickle.loads(pickle.dumps(provider))])
def test_a_provider_with_a_module_s_function_is_pickled_and_copied(
    again: Callable[[Login], Login],
) -> None:
    provider = Login(URL, token=admin_token, success=read_token)
    twin = again(provider)
    assert twin == provider
    assert (twin.identity, key(twin)) == (provider.identity, key(provider))
    assert twin.read(answer({"admin": "tok", "read": True})).value == "tok"
    assert twin != Login(URL, token=read_token, success=read_token)


def printed(*command: str) -> str:
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_a_module_s_function_is_the_same_in_every_process() -> None:
    here = Login(URL, token=admin_token)
    make = f"Login({URL!r}, token={admin_token.__name__})"
    there = printed("-c", f"from {__name__} import *; print(repr({make}.identity))")
    assert there == repr(here.identity)
    assert f"{__name__}:admin_token" in there
    assert not here.process_bound


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from tokenauth.providers import Login
def pick(content): return content[{field!r}]
provider = Login("https://api.example/login", token=pick)
print([provider.process_bound, provider.identity])
"""


def test_functions_of_two_scripts_are_two(tmp_path: Path) -> None:
    """Both are `__main__.pick`."""
    root = str(Path(__file__).parents[2])
    scripts = {field: tmp_path / f"{field}.py" for field in ("admin", "read")}
    for field, script in scripts.items():
        script.write_text(SCRIPT.format(root=root, field=field))
    admin, again, read = (printed(str(scripts[field])) for field in ("admin", "admin", "read"))
    assert admin == again != read
    assert admin.startswith("['', ")
    assert printed("-c", SCRIPT.format(root=root, field="admin")).startswith("['token= ")


def test_a_callable_without_a_name_is_this_process_s() -> None:
    for kind in ("closures", "partials", "bound methods", "objects", "itemgetters"):
        found = CALLABLES[kind]("admin")
        provider = Login(URL, token=found, token_type=found, expires_in=read_token, success=closure("ok"))
        assert provider.process_bound.startswith("token=, token_type=, success= ")
    assert Login(URL).process_bound == ""


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (answer({"data": [{"jwt": "eyJ.a.b"}]}), 'nothing at .access_token.*data.0.jwt.*mean token="data.0.jwt"'),
        (Reply(200, {}, b'"tok-0123456789abcdef"'), 'mean token=""'),
        (Reply(204, {"x-auth-token": "tok-1"}, b""), r'answered with nothing.*token=Header\("x-auth-token"\)'),
        (Reply(200, {"set-cookie": "SID=tok-1; Path=/"}, b"Ok."), r'token=Cookie\("SID"\), with Cookie from'),
    ],
)
def test_an_error_says_where_the_token_seems_to_stand_and_shows_no_value(reply: Reply, text: str) -> None:
    with pytest.raises(errors.TokenResponseError, match=text) as caught:
        Login(URL, json={"key": "k"}).read(reply)
    assert "tok-" not in str(caught.value)
    assert "eyJ" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content", "kind", "text"),
    [
        (200, {"error": "invalid_client"}, errors.CredentialsRejected, "refused the credentials"),
        (400, {"message": "Too many requests"}, errors.TokenEndpointError, "had enough"),
        (400, {"code": "maximum active tokens"}, errors.TokenEndpointError, "had enough"),
        (422, {"message": "no"}, errors.TokenEndpointError, "form= or json=.* rejected=422"),
        (422, {"detail": [{"loc": ["body", "x"], "msg": "Needed"}]}, errors.TokenEndpointError, "Needed: body.x"),
        (415, {}, errors.TokenEndpointError, "form= or json="),
        (405, {}, errors.TokenEndpointError, "the URL and method="),
        (404, {}, errors.TokenEndpointError, r"Check the URL\.$"),
        (401, {"message": ["first", "second"]}, errors.CredentialsRejected, "'first'"),
        (401, {"message": "no such user-1"}, errors.CredentialsRejected, "no such user-1"),
    ],
)
def test_what_an_api_says_is_told_as_it_is_meant(status: int, content: Any, kind: Any, text: str) -> None:
    with pytest.raises(errors.TokenAuthError, match=text) as caught:
        Login(URL, json={"username": "user-1", "password": "p-4711"}).read(answer(content, status))
    assert type(caught.value) is kind
    assert str(caught.value).count("https://api.example") == 1


@pytest.mark.parametrize("value", ["Bearer tok-1", "bearer  tok-1 "])
def test_a_token_may_come_with_its_scheme_before_it(value: str) -> None:
    token = Login(URL, token="data").read(answer({"data": value}))
    assert (token.value, token.type) == ("tok-1", "Bearer")
    assert value not in repr(token.extra)


def test_a_wrong_place_for_the_lifetime_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    provider = Login("https://once.example/login", json={"key": "k"}, expires_in="data.ttl")
    for _ in range(2):
        provider.read(answer({"access_token": "tok", "expiresIn": 900}))
    assert [record.getMessage() for record in caplog.records] == [
        "Token API at https://once.example/login: no lifetime at expires_in='data.ttl'; did you mean 'expiresIn'?"
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"expires_at": "data.end"}, ["no lifetime at expires_at='data.end'; did you mean 'expiresIn'?"]),
        ({"expires_in": "x", "expires_at": "y"}, ["expires_in='x'; did you mean", "expires_at='y'; did you mean"]),
        ({"expires_in": "expiresIn", "expires_at": "y"}, []),
        ({"expires_in": "data.never", "expires_at": "never"}, []),
        ({}, []),
    ],
)
def test_a_wrong_place_for_the_end_is_told(given: Any, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    url = f"https://{'-'.join(['end', *given.values()])}.example/login"
    Login(url, json={"key": "k"}, **given).read(answer({"access_token": "tok", "expiresIn": 900, "never": None}))
    assert len(caplog.records) == len(told)
    assert all(text in record.getMessage() for text, record in zip(told, caplog.records, strict=True))


@pytest.mark.parametrize("field", ["expires_in", "expires_at", "issued_at", "refresh_in"])
def test_a_time_that_makes_no_sense_is_told_with_the_api_it_comes_from(
    field: str, caplog: pytest.LogCaptureFixture
) -> None:
    places: dict[str, Any] = {"expires_in": "ttl", field: "odd"}
    provider = Login(URL, json={"key": "k"}, **places)
    token = provider.read(answer({"access_token": "tok", "ttl": 900, "odd": "soon"}))
    (text,) = [record.getMessage() for record in caplog.records]
    assert text.startswith(f"Token API at {URL}: {field} in the token answer makes no sense (str), and is ignored.")
    assert token.lifetime == (None if field == "expires_in" else 900)


def raises(secret: str, call: object) -> dict[str, str]:
    raise KeyError(secret)


def test_a_signature_that_raises_is_an_error_of_ours_that_shows_nothing() -> None:
    with pytest.raises(errors.TokenAuthError, match="callable for Signed raised KeyError") as caught:
        Login(URL, sign=Signed("k-4711", raises)).request()
    assert "k-4711" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"rejected": ["41"]},
        {"rejected": 41},
        {"rejected": (400, 401)},
        {"rejected": ("code", [1, 2])},
        {"token": Header},
        {"first": "https://api.example/nonce"},
        {"first": Call("https://else.example/nonce")},
        {"first": Call("https://api.example:port/nonce")},
        {"sliding": True},
        {"lifetime": 0},
        {"lifetime": "20 min"},
        {"sign": raises},
        {"json": {}, "body": "x"},
    ],
)
def test_wrong_parts_fail_at_once(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Login(URL, **wrong)


@pytest.mark.parametrize("content", [["shop", "s3cret"], '{"user": "shop"}', b"{}"])
def test_json_that_is_no_mapping_goes_as_body(content: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a mapping, not \w+; .* goes as text: body="):
        Login(URL, json=content)


def test_what_is_kept_may_have_a_prefix() -> None:
    bearer, plain = (
        Login(URL, logout=Call(headers={"A": each})) for each in (Kept("token", prefix="B "), Kept("token"))
    )
    request = bearer.logout(Token("t-1"))
    assert request is not None
    assert request.headers["A"] == "B t-1"
    assert bearer != plain
    assert bearer.identity != plain.identity
    assert repr(Kept("token", prefix="B ")) == "Kept('token', prefix='B ')"


def _quoted(kept: Mapping[str, str]) -> str:
    return f'Token="{kept["token"]}", Site="{kept["site"]}"'


def test_a_function_makes_a_value_of_what_is_kept() -> None:
    """A text after the token, two values in one header, a value that has to be decoded."""
    kept = {"token": "t-1", "site": "s-1"}
    login = Login(URL, keep={"site": "site"}, also={"Authorization": Kept(_quoted, prefix="MediaBrowser ")})
    signature = login.sign(Token("t-1", kept={"site": "s-1"}))
    assert signature is not None
    assert signature.headers == {"Authorization": 'MediaBrowser Token="t-1", Site="s-1"'}
    assert login.steady
    assert login.process_bound == ""
    assert login == Login(URL, keep={"site": "site"}, also={"Authorization": Kept(_quoted, prefix="MediaBrowser ")})
    assert login != Login(URL, keep={"site": "site"}, also={"Authorization": Kept(_quoted)})
    assert repr(Kept(_quoted)) == "Kept(<function>)"
    basic = Basic("shop", Kept(_quoted)).value(kept, fresh=True)
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == f"shop:{_quoted(kept)}"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"headers": {"X-Site": Basic("shop", Kept(lambda kept: kept["site"]))}}, r"headers\['X-Site'\]="),
        ({"json": {"site": Kept(lambda kept: kept["site"])}}, r"json\['site'\]="),
        ({"body": Kept(lambda kept: kept["site"])}, "body="),
        ({"logout": Call(Kept(lambda kept: kept["site"]))}, "url="),
    ],
)
def test_other_processes_do_not_know_a_function_without_a_name(arguments: Any, name: str) -> None:
    login = Login(URL, **arguments)
    assert re.match(f"{name} is a lambda", login.process_bound)
    assert "Finder" not in repr(login.identity)


@pytest.mark.parametrize("made", [Kept, functools.partial(Signed, "s-1"), lambda function: Basic("u", Kept(function))])
def test_a_function_in_also_changes_no_token(made: Any) -> None:
    """Auth objects share one, in a store too, whatever they do with it."""
    one, other = (Login(URL, also={"X-Site": made(function)}) for function in (lambda *_: "1", lambda *_: "2"))
    assert one.process_bound == ""
    assert one.identity == other.identity
    assert one != other


@pytest.mark.parametrize(
    ("function", "why"),
    [(lambda kept: kept["other"], "raised KeyError"), (lambda kept: 5, "must return a str here, not int")],
)
def test_a_function_of_what_is_kept_that_fails_says_so(function: Any, why: str) -> None:
    with pytest.raises(errors.TokenAuthError, match=f"The callable for Kept {why}"):
        Login(URL, also={"X": Kept(function)}).sign(Token("t-1"))


def test_a_logout_may_send_the_refresh_token() -> None:
    login = Login(URL, logout=Call("/logout", json={"token": Kept("refresh_token")}))
    request = login.logout(Token("t-1", refresh_token="r-1"))
    assert request is not None
    assert request.body == b'{"token": "r-1"}'


def test_a_token_may_renew_itself() -> None:
    login = Login(URL, refresh=Call("/renew", headers={"A": Kept("token")}), refresh_token=None)
    assert login.read(answer({"access_token": "t-1"})).refresh_token == "t-1"


def test_a_login_without_what_is_to_be_kept_says_so() -> None:
    login = Login(URL, keep={"key": "key"}, also={"X-Key": Kept("key")})
    with pytest.raises(errors.TokenResponseError, match="nothing at 'key', for keep=key") as caught:
        login.read(answer({"access_token": "t-1"}))
    assert "Did you mean token=" not in str(caught.value)


def test_an_answer_with_many_keys_does_not_keep_an_event_loop_busy() -> None:
    """The error proposes a place for the token: one look at each key, however many names a token may have."""
    begun = time.thread_time()
    with pytest.raises(errors.TokenResponseError, match=r'Did you mean token="last\.jwt"'):
        Login(URL).read(answer({**{f"key_{number}": number for number in range(3000)}, "last": {"jwt": "t-1"}}))
    assert time.thread_time() - begun < 2


@pytest.mark.parametrize("kept", ["a\nb", "sch\u00f6n"])
def test_what_is_kept_goes_into_a_header_only_if_it_can(kept: str) -> None:
    login = Login(URL, keep={"key": "key"}, also={"X-Key": Kept("key")})
    with pytest.raises(errors.TokenAuthError, match="The value of X-Key in also= can't go into a header") as caught:
        login.sign(Token("t-1", kept={"key": kept}))
    assert kept not in str(caught.value)


@pytest.mark.parametrize("url", ["https://else.example/login", "https://api.example:port/", "http://api.example/x"])
def test_an_answer_leads_to_no_other_origin(url: str) -> None:
    """A made-up one could send the credentials away."""
    login = Login(URL, json={"key": "k"}, first=Call("/start", keep={"next": "next"}))
    login = Login(URL, json={"key": "k"}, first=[Call("/start", keep={"next": "next"}), Call(Kept("next"))])
    calls = login.login()
    next(calls)
    with pytest.raises(errors.TokenAuthError, match=r"Kept\('next'\) as url is (at|not a usable URL)"):
        calls.send(answer({"next": url}))


@pytest.mark.parametrize("prefix", [None, 1, "a\n"])
def test_a_prefix_is_a_text_without_control_characters(prefix: Any) -> None:
    with pytest.raises(TypeError, match="prefix of a Kept"):
        Kept("token", prefix=prefix)


@pytest.mark.parametrize(
    ("home", "why"),
    [
        ("http://api.example", r"names no usable URL: 'url' is plain http \(http://api.example\)"),
        ("https://u-4711@api.example", "user name"),
        ("api.example", "no scheme"),
        ("https://api.example/\u200b", "characters that do not belong"),
        (7, "names no usable URL of the API: nothing at"),
    ],
)
def test_a_home_that_can_not_be_used_says_why(home: object, why: str) -> None:
    with pytest.raises(errors.TokenResponseError, match=why) as caught:
        Login("https://h.example", home="url").read(answer({"access_token": "t", "url": home}))
    assert "u-4711" not in str(caught.value)
    assert ("nothing at" in str(caught.value)) == (home == 7), "it says what is there"
    assert caught.value.__context__ is None


def test_a_token_may_be_half_of_basic() -> None:
    also = {"Authorization": Basic(Kept("token"), "session"), "X-Other": Basic("shop", Kept("key"))}
    login = Login(URL, keep={"key": "key"}, also=also)
    signature = login.sign(Token("t-1", kept={"key": "k-1"}))
    assert signature is not None
    sent = {name: base64.b64decode(value.removeprefix("Basic ")) for name, value in signature.headers.items()}
    assert sent == {"Authorization": b"t-1:session", "X-Other": b"shop:k-1"}
    assert login.identity != Login(URL, keep={"key": "key"}, also=also | {"X-Other": Basic("shop", "k-1")}).identity


def test_a_sliding_lifetime_may_stand_in_the_answer() -> None:
    clock = ManualClock()
    auth = with_clock(TokenAuth(Login(URL, sliding=True, expires_in="idle"), cache={}), clock)
    source = auth._source
    reply = Reply(200, {}, b'{"access_token": "t-1", "idle": 600}', sent=clock.monotonic_now, sent_at=clock.wall_now)
    held = dated(source.credential, source.provider.read(reply), reply)
    assert (held.token.lifetime, held.last_use is not None) == (600, True)


@pytest.mark.parametrize("reply", [answer({}, 401), answer({"other": 1}), Reply(200, {}, b"<html>")])
def test_an_error_says_which_call_before_the_login_failed(reply: Reply) -> None:
    provider = Login(URL, first=Call("/nonce", keep={"nonce": "nonce"}), json={"n": Kept("nonce")})
    calls = provider.login()
    next(calls)
    with pytest.raises(errors.TokenAuthError, match=re.escape(f"{URL}: the call GET /nonce before it ")):
        calls.send(reply)


def test_a_call_before_the_login_that_has_all_that_is_kept_is_no_refusal() -> None:
    """Both calls of a FRITZ!Box answer alike: the one that brings the challenge has the sid of a refusal."""
    refused = b"<i><SID>0</SID><Challenge>c-1</Challenge></i>"
    provider = Login(
        URL,
        first=Call(keep={"challenge": XML("Challenge")}),
        form={"answer": Kept("challenge")},
        token=XML("SID"),
        rejected=(XML("SID"), "0"),
    )
    calls = provider.login()
    next(calls)
    assert calls.send(Reply(200, {}, refused)).body == b"answer=c-1"
    with pytest.raises(errors.CredentialsRejected):
        calls.send(Reply(200, {}, refused))


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"code": 41}), (200, {"code": 41, "nonce": ""}), (422, {"code": 41, "nonce": "n"})]
)
def test_a_call_before_the_login_is_refused_by_the_same_rule(status: int, body: dict[str, Any]) -> None:
    provider = Login(
        URL, first=Call("/nonce", keep={"nonce": "nonce"}), json={"n": Kept("nonce")}, rejected=("code", 41)
    )
    calls = provider.login()
    next(calls)
    with pytest.raises(errors.CredentialsRejected, match="the call GET /nonce before it"):
        calls.send(answer(body, status))


def test_a_name_that_has_the_place_says_it_once() -> None:
    auth = LoginAuth("https://once.example/login", json={"user": "u"})
    assert repr(auth).partition(" #")[0] == "<LoginAuth for Token API at https://once.example/login"
    assert repr(auth._provider) == "<Login: Token API at https://once.example/login>"


@pytest.mark.parametrize(
    ("place", "body", "words"),
    [
        (Header("X-Token"), b"", "the header X-Token"),
        (Cookie("SID"), b"", "the cookie SID"),
        (Cookie(), b"", "the cookies"),
        (Text(), b"", "the text"),
        (XML("sessionId"), b"", "the element <sessionId>"),
        (Match("id=(.+)"), b"", "a match of the pattern"),
        (lambda content: content["id"], b"{}", "what the callable returns"),
        ((Header("X-Token"), "id"), b"{}", "the header X-Token or 'id'"),
    ],
)
def test_the_error_names_the_place_where_nothing_was(place: Any, body: bytes, words: str) -> None:
    with pytest.raises(errors.TokenResponseError, match=f"nothing at {words}"):
        Login(URL, json={"key": "k"}, token=place).read(Reply(200, body=body))


@pytest.mark.parametrize("kind", ["DOCTYPE", "doctype"])
def test_xml_with_a_document_type_is_not_read(kind: str) -> None:
    """Its entities may expand to far more than 1 MiB."""
    provider = Login(URL, json={"key": "k"}, token=XML("id"))
    xml = '<?xml version="1.0"?>%s<r xmlns="urn:x"><id>tok</id></r>'
    assert provider.read(Reply(200, body=(xml % "").encode())).value == "tok"
    declared = f'<!{kind} r [<!ENTITY a "tok">]>'
    with pytest.raises(errors.TokenResponseError, match="nothing at the element <id>"):
        provider.read(Reply(200, body=(xml % declared).encode()))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Match("id=("), "the pattern of a Match is not a regular expression"),
    ],
)
def test_a_place_that_can_not_be_is_refused_where_it_is_written(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
