"""I7: what the constructors raise shows no secret either, in a report that has the local variables of each call."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokenauth
from tests.security.test_secrets import KEY, SECRET, leaks, shown_by
from tokenauth import ManisAuth, Token, TokenAuth, providers
from tokenauth.providers import Manis, TokenRequest
from tokenauth.stores import FileStore, RedisStore

MODULES = ["tokenauth", "tokenauth.requests", "tokenauth.httpx", "tokenauth.httpx2", "tokenauth.aiohttp"]
MANIS = {"merchant_id": "m", "secret": SECRET}
PROFILES = f"""
[a]
class = "manis"
base_url = "http://api.example"
merchant_id = "m"
secret = {SECRET!r}
[b]
class = "login"
url = "https://api.example/login"
json = {{password = {SECRET!r}}}
tokn = "jwt"
"""


def shown_where_it_fails(function: Callable[[], object]) -> list[str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        function()
    return [text for text in shown_by(caught.value) if leaks(text)]


WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "the URL": ("ManisAuth", ("http://api.example",), MANIS),
    "the secret": ("ManisAuth", ("https://api.example",), {**MANIS, "secret": f"{SECRET}\n"}),
    "an option": ("ManisAuth", ("https://api.example",), {**MANIS, "timeout": -1}),
    "an unknown argument": ("LoginAuth", ("https://api.example/l",), {"json": {"password": SECRET}, "tokn": "jwt"}),
    "a grant": (
        "ClientCredentialsAuth",
        ("https://api.example/t",),
        {"client_id": "c", "client_secret": SECRET, "client_auth": "basics"},
    ),
    "a key": ("APIKeyAuth", (KEY,), {"origins": ["http://api.example"]}),
}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_argument_shows_no_other(module: str, fault: str) -> None:
    name, args, arguments = WRONG[fault]
    kind = getattr(importlib.import_module(module), name)
    assert shown_where_it_fails(lambda: kind(*args, **arguments)) == []


@pytest.mark.parametrize("fault", [each for each in WRONG if each != "an option"])
def test_a_provider_that_is_made_by_itself_shows_no_argument(fault: str) -> None:
    name, args, arguments = WRONG[fault]
    kind = getattr(providers, name.removesuffix("Auth"))
    assert shown_where_it_fails(lambda: kind(*args, **arguments)) == []


PARTS: dict[str, tuple[Any, ...]] = {
    "Basic": ("u", f"{SECRET}\n"),
    "ClientAssertion": (f"{KEY}.b.c",),
    "JWT": (f"{SECRET}\n",),
    "PrivateKeyJWT": (f"{SECRET}\n",),
    "Signed": (SECRET, 5),
}


@pytest.mark.parametrize("name", PARTS)
def test_nor_does_a_part_of_an_argument(name: str) -> None:
    assert shown_where_it_fails(lambda: getattr(providers, name)(*PARTS[name])) == []


MADE: dict[str, Callable[[], object]] = {
    "an unknown argument": lambda: Token(SECRET, expires_in=3600),  # type: ignore[call-arg]
    "one too many": lambda: Token(*[SECRET] * 10),  # type: ignore[arg-type]
    "one twice": lambda: Token(SECRET, value=SECRET),  # type: ignore[misc]
    "one that is missing": lambda: TokenRequest(url=SECRET),  # type: ignore[call-arg]
    "one of a wrong kind": lambda: Token(SECRET, extra=5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("fault", MADE)
def test_nor_does_what_a_provider_makes(fault: str) -> None:
    assert shown_where_it_fails(MADE[fault]) == []


@pytest.mark.parametrize("module", MODULES)
def test_a_wrong_option_shows_no_header(module: str) -> None:
    kind: type[TokenAuth] = importlib.import_module(module).TokenAuth
    provider = Manis("https://api.example", merchant_id="m", secret="s")
    assert shown_where_it_fails(lambda: kind(provider, extra_headers={"X-Key": KEY}, timeout=-1)) == []


@pytest.mark.parametrize("variable", ["BASE_URL", "TIMEOUT"])
def test_a_wrong_variable_shows_no_other(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    values = {"BASE_URL": "https://api.example", "MERCHANT_ID": "m", "SECRET": SECRET, variable: "-1"}
    for name, value in values.items():
        monkeypatch.setenv(f"MANIS_{name}", value)
    assert shown_where_it_fails(ManisAuth.from_env) == []


@pytest.mark.parametrize("name", ["a", "b", "unknown"])
def test_a_profile_that_is_wrong_shows_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(PROFILES)
    path.chmod(0o600)
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(path))
    assert shown_where_it_fails(lambda: tokenauth.profile(name)) == []


@pytest.mark.parametrize("changes", [{"base_url": "http://api.example"}, {"nothing": 1}, {"timeout": -1}])
def test_a_copy_that_can_not_be_shows_no_secret(changes: dict[str, Any]) -> None:
    auth = ManisAuth("https://api.example", merchant_id="m", secret=SECRET)
    assert shown_where_it_fails(lambda: auth.replace(**changes)) == []


@pytest.mark.parametrize("store", [FileStore, RedisStore])
@pytest.mark.parametrize(
    "url", ["redis://u:{}@127.0.0.1:port/0", "rediss://:{}@127.0.0.1/0?ssl_cert_reqs=no", "x://{}@h"]
)
def test_a_store_that_can_not_be_made_shows_no_password(store: Any, url: str) -> None:
    assert shown_where_it_fails(lambda: store(url.format(SECRET))) == []
