"""`from_env`: an auth object from environment variables."""

import inspect
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tokenauth
from tests.servers import Received, Reply, serve
from tokenauth import LoginAuth, ManisAuth, PasswordGrantAuth, TokenAuth, TokenAuthError, httpx, requests
from tokenauth._clients.family import __all__ as members
from tokenauth._config.env import prefix_of, variables
from tokenauth._config.parameters import parameters_of
from tokenauth._core.messages import TokenRequest

if TYPE_CHECKING:
    from decimal import Decimal

MANIS = {"MANIS_BASE_URL": "https://m.example.com", "MANIS_MERCHANT_ID": "m-1", "MANIS_SECRET": "hush-hush"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in MANIS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("kind", [ManisAuth, requests.ManisAuth, httpx.ManisAuth])
def test_it_is_the_object_that_the_arguments_make(environment: pytest.MonkeyPatch, kind: Any) -> None:
    assert kind.from_env() == kind("https://m.example.com", merchant_id="m-1", secret="hush-hush")


def test_options_are_read_as_their_types_say(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("MANIS_ORIGINS", "https://a.example.com, https://b.example.com")
    (tmp_path / "timeout").write_text("2.5\n")
    environment.setenv("MANIS_TIMEOUT_FILE", str(tmp_path / "timeout"))
    environment.setenv("MANIS_ALLOW_HTTP", "yes")
    environment.setenv("MANIS_REFUSED", '["errcode", 40001]')
    environment.setenv("MANIS_EXTRA_HEADERS", '{"X-Key": "k"}')
    environment.setenv("MANIS_PATH", "")  # empty is what a composed file has for "not set"
    assert ManisAuth.from_env() == ManisAuth(
        "https://m.example.com",
        merchant_id="m-1",
        secret="hush-hush",
        origins=("https://a.example.com", "https://b.example.com"),
        timeout=2.5,
        allow_http=True,
        refused=("errcode", 40001),
        extra_headers={"X-Key": "k"},
    )


def test_arguments_take_precedence_and_another_prefix_may_be_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BILLING_BASE_URL", "https://b.example.com")
    for prefix in ("BILLING", "BILLING_"):
        auth = ManisAuth.from_env(prefix, merchant_id="m-2", secret="other")
        assert auth == ManisAuth("https://b.example.com", merchant_id="m-2", secret="other")


def test_a_file_wins_and_is_read_at_each_login(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n")
    environment.setenv("MANIS_SECRET_FILE", str(file))
    seen: list[str] = []

    def answer(request: Received) -> Reply:
        seen.append(request.headers["x-secret"])
        return Reply(body={"token": f"t-{len(seen)}", "tokenType": "Bearer", "expiresAt": 4_000_000_000})

    with serve(answer) as server:
        environment.setenv("MANIS_BASE_URL", server.url)
        auth = ManisAuth.from_env()
        auth.get_token()
        file.write_text("second\n")
        auth.invalidate()
        auth.get_token()
        file.unlink()
        auth.invalidate()
        with pytest.raises(TokenAuthError, match=f"No secret to log in with: the file {file} can't be read: No such"):
            auth.get_token()
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"MANIS_SECRET": None}, r"ManisAuth needs MANIS_SECRET in the environment \(or MANIS_SECRET_FILE"),
        ({"MANIS_BASE_URL": None, "MANIS_SECRET": None}, "needs MANIS_BASE_URL and MANIS_SECRET in"),
        ({"MANIS_SECRET": None, "MANIS_SECRT": "x"}, "is MANIS_SECRT, which is set, a typo"),
        ({"MANIS_SECRET": ""}, r"ManisAuth.from_env \(variables MANIS_…\): secret is empty"),
        ({"MANIS_ALLOW_HTTP": "perhaps"}, "MANIS_ALLOW_HTTP must be true or false"),
        ({"MANIS_REFUSED": "{"}, "MANIS_REFUSED must be JSON"),
        ({"MANIS_REFUSED": "[" * 100_000}, "MANIS_REFUSED must be JSON"),
        ({"MANIS_TIMEOUT": "soon"}, "MANIS_TIMEOUT must be a number"),
        ({"MANIS_TIMEOUT": "5 s"}, "MANIS_TIMEOUT must be a number"),
        (
            {"MANIS_SECRET_FILE": "/nowhere/at/all"},
            "MANIS_SECRET_FILE: the file /nowhere/at/all can't be read: No such",
        ),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, changes: dict[str, str | None], text: str
) -> None:
    for name, value in changes.items():
        if value is None:
            environment.delenv(name)
        else:
            environment.setenv(name, value)
    with pytest.raises(ValueError, match=text) as failure:
        ManisAuth.from_env()
    assert "hush" not in str(failure.value)


def test_a_prefix_is_a_text() -> None:
    with pytest.raises(TypeError, match="prefix must be a str, not int"):
        ManisAuth.from_env(5)  # type: ignore[arg-type]


def test_a_login_of_ones_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KEY", "k-1")
    environment.setenv("LOGIN_URL", "https://l.example.com/login")
    environment.setenv("LOGIN_JSON", '{"user": "u", "password": {"env": "KEY"}}')
    environment.setenv("LOGIN_TOKEN", '["data.jwt", {"header": "X-Token"}]')
    environment.setenv("LOGIN_UNIT", "ms")
    auth = LoginAuth.from_env()
    request = next(auth._provider.login())
    assert isinstance(request, TokenRequest)
    assert request.body == b'{"user": "u", "password": "k-1"}'


def test_what_no_variable_can_hold_is_an_argument() -> None:
    with pytest.raises(ValueError, match=r"TokenAuth needs provider, which no variable can hold: TokenAuth.from_env\("):
        TokenAuth.from_env()


def test_a_class_of_ones_own_has_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    class HTTPShopAuth(PasswordGrantAuth):
        def __init__(self, shop: str, *ignored: "Decimal", pin: int) -> None:
            super().__init__(f"https://{shop}.example.com/t", username="u", password=str(pin))

    assert prefix_of(HTTPShopAuth) == "HTTP_SHOP_"
    monkeypatch.setenv("HTTP_SHOP_SHOP", "s1")
    monkeypatch.setenv("HTTP_SHOP_PIN", "42")
    assert HTTPShopAuth.from_env() == HTTPShopAuth("s1", pin=42)


@pytest.mark.parametrize("name", members)
def test_every_class_of_the_family_has_variables(name: str) -> None:
    """Whatever class is added: its arguments are found, and each is written or has a type that no text can have."""
    kind = getattr(tokenauth, name)
    arguments = {each.name: each for each in parameters_of(kind).values()}
    assert set(inspect.signature(kind).parameters) - {"options"} <= set(arguments)
    assert {"origins", "timeout", "store"} <= {each.name for each in variables(kind).values()}
    assert not {"token_client", "cache", "on_event"} & {each.name for each in variables(kind).values()}


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_a_secret_in_a_pipe_is_left_for_the_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("MANIS_SECRET_FILE", str(tmp_path / "pipe"))
    auth = ManisAuth.from_env(base_url="https://m.example.com", merchant_id="m")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("hush-hush",))
    writer.start()
    request = next(auth._provider.login())
    assert isinstance(request, TokenRequest)
    assert request.headers["x-secret"] == "hush-hush"
    writer.join()
