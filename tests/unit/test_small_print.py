"""Branches that no story passes through: wrong types, odd tokens, an `on_event` that fails, forks seen from inside."""

import importlib
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import ManualClock
from tests.unit.test_flights import joined, leads
from tests.unit.test_flow import a_source, logged_in
from tokenauth import AtripAuth, ClientCredentialsAuth, JWTBearerAuth, Token, TokenAuth, TokenAuthError, stores
from tokenauth._core import memory as _memory
from tokenauth._core.cache import Held
from tokenauth._core.effects import check_headers
from tokenauth._core.forks import free, over_fork
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.token import problem_of
from tokenauth._lazy import installed
from tokenauth.httpx import TokenAuth as HttpxTokenAuth
from tokenauth.providers import (
    JWT,
    APIKey,
    Basic,
    Call,
    ClientAssertion,
    File,
    Kept,
    Login,
    Manis,
    PrivateKeyJWT,
    Provider,
    Signed,
)

ATRIP: dict[str, Any] = {
    "client_id": "c",
    "client_secret": "s",
    "user_name": "u",
    "role": "Admin",
    "order_no": "",
}


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (Token("good"), None),
        ("text", "returned str"),
        (Token(""), "empty"),
        (Token(7), "not text"),  # type: ignore[arg-type]
        (Token("x" * (32 * 1024 + 1)), "longer than"),
        (Token("a b"), "a blank"),
        (Token("a\r\nX: y"), "a control"),
        (Token("tökén"), "non-ASCII"),
        (Token("good", type="Bear er"), "not an authentication scheme"),
        (Token("good", type=None), "not an authentication scheme"),  # type: ignore[arg-type]
        (Token("good", refresh_token=7), "refresh_token is not a str (but int)"),  # type: ignore[arg-type]
    ],
)
def test_a_token_that_can_not_be_sent_says_why(token: object, why: str | None) -> None:
    problem = problem_of(token)
    assert problem is None if why is None else why in (problem or "")


@pytest.mark.parametrize("headers", [{"a b": "x"}, {7: "x"}, {"a": "x\n"}, {"a": 7}, {"a": "ü"}, {"a": " x"}])
def test_a_header_that_can_not_be_sent_is_refused_by_name(headers: dict[Any, Any]) -> None:
    with pytest.raises(TokenAuthError):
        check_headers(TokenRequest("POST", "https://id.example/token", headers))


def test_an_on_event_that_raises_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    source = a_source(clock)
    source.credential.on_event = lambda event: 1 / 0
    assert logged_in(source, clock).value == "t-1"
    assert "on_event raised" in caplog.text


def test_a_fork_waits_for_every_cache_and_lets_go_of_all() -> None:
    mapping: dict[Any, Any] = {}
    memory = _memory.memory_of(mapping)
    _memory._before_fork()
    assert memory in _memory._held_over_fork
    _memory._after_fork()
    assert not _memory._held_over_fork
    assert memory.tokens.get("key") is None  # its lock is free


def test_a_child_starts_without_flights_and_its_parent_keeps_them() -> None:
    flights = _memory.memory_of({"own": 1}).flights
    joined(flights)
    _memory._before_fork()
    _memory._after_fork()
    assert not leads(flights)
    _memory._before_fork()
    _memory._in_child()
    assert leads(flights)


def test_a_lock_is_held_over_a_fork_and_free_on_both_sides() -> None:
    hooks: dict[str, Any] = {}
    lock = threading.Lock()
    over_fork(lock.acquire, lock.release, register=lambda **given: hooks.update(given))
    for side in ("after_in_parent", "after_in_child"):
        hooks["before"]()
        assert lock.locked()
        hooks[side]()
        assert not lock.locked()


def test_a_child_whose_parent_was_not_asked_before_the_fork_starts_all_the_same() -> None:
    """uWSGI calls only the hooks that are meant for the child."""
    hooks: dict[str, Any] = {}
    lock, memory = threading.RLock(), _memory.memory_of({})
    over_fork(lock.acquire, lock.release, register=lambda **given: hooks.update(given))
    hooks["after_in_child"]()
    over_fork(bool, bool, _memory._in_child, register=lambda **given: hooks.update(given))
    joined(memory.flights)
    hooks["after_in_child"]()
    assert leads(memory.flights)


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock, threading._RLock])
def test_a_lock_that_a_thread_of_the_parent_held_is_free_in_the_child(make: Any) -> None:
    """Where only the child's hooks run, nobody waited for that thread before the fork, and it is not there any more."""
    lock = make()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    assert not lock.acquire(blocking=False)
    free(lock)
    assert lock.acquire(blocking=False)
    lock.release()


def test_a_lock_of_another_kind_is_released_if_it_is_held() -> None:
    released: list[bool] = []

    class Other:
        def release(self) -> None:
            released.append(True)
            raise RuntimeError("cannot release un-acquired lock")

    free(Other())
    assert released == [True]


def test_a_child_frees_what_threads_of_its_parent_held() -> None:
    memory = _memory.memory_of({"own": 2})
    for lock in (_memory._lock, memory.lock):
        thread = threading.Thread(target=lock.acquire)
        thread.start()
        thread.join()
    _memory._in_child()
    assert memory.tokens.get("key") is None  # its lock is free
    assert _memory.memory_of({}) is not memory


def test_where_there_is_no_fork_nothing_is_held_over_it() -> None:
    """As on Windows."""
    over_fork(pytest.fail, pytest.fail, register=None)


def test_a_class_for_one_client_has_the_same_getters() -> None:
    auth = HttpxTokenAuth(Manis("https://api.example", merchant_id="m", secret="s"), cache={})
    auth._source.tokens.cache.put(auth._source.tokens.key, Held(Token("t"), 1e12, 1e12, 0.0))
    assert auth.get_token().value == "t"


@pytest.mark.parametrize(
    "build",
    [
        lambda: AtripAuth(**ATRIP | {"headers": "x"}),
        lambda: AtripAuth(**ATRIP | {"extra": "x"}),
        lambda: AtripAuth(**ATRIP | {"portal_header": 7}),
        lambda: ClientCredentialsAuth("https://id.example/t", client_id="c", client_secret="s", extra="x"),  # type: ignore[arg-type]
    ],
)
def test_wrong_types_are_refused(build: Any) -> None:
    with pytest.raises(TypeError):
        build()


def test_the_errors_of_a_client_that_is_not_installed_are_no_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment without the extra httpx2."""
    for name in [name for name in sys.modules if name.partition(".")[0] in {"httpx2", "tokenauth"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    import tokenauth

    assert [base.__module__.partition(".")[0] for base in tokenauth.TokenAuth.__mro__].count("httpx2") == 0
    assert not any(base.__module__.startswith("httpx2") for base in tokenauth.TokenAuthError.__mro__)


def test_without_any_client_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tokenauth"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("requests", "httpx", "httpx2", "niquests"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="needs an HTTP client: pip install requests"):
        from tokenauth import TokenAuth  # noqa: F401


def test_a_module_of_ours_that_is_not_there_is_not_told_as_a_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'tokenauth\.gone'"), installed("jwt", "tokenauth"):
        importlib.import_module("tokenauth.gone")


def test_stores_has_no_other_names() -> None:
    with pytest.raises(AttributeError):
        stores.Stores  # noqa: B018


URL = "https://id.example/token"


class Half(Provider):
    name, token_url = "half", URL

    def request(self, *given: Any) -> TokenRequest:
        return TokenRequest("POST", URL)


def holding(content: bytes) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / "file").write_bytes(content)
        return str(folder / "file")

    return write


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: TokenAuth(Half(), origins=[URL]), "Half must define `request` and `read`, or `login`"),
        (lambda: Signed("s", "md5"), "Signed takes a secret and a function"),  # type: ignore[arg-type]
        (lambda: Basic("a:b", "p"), "must have no colon"),
        (lambda: ClientAssertion("aaa.bbb.ccc"), "looks like a JWT itself"),
        (lambda: ClientAssertion(SecretStr()), "must be a callable, or the path of a file"),
        (lambda: PrivateKeyJWT("key", certificate="-----BEGIN CERTIFICATE-----"), "certificate must be in PEM"),
        (
            lambda: PrivateKeyJWT("key", certificate="-----BEGIN CERTIFICATE-----a-----END CERTIFICATE-----"),
            "certificate must be in PEM",
        ),
        (lambda: File(PathInBytes(), origins=[URL]), "path must be a str or a Path, not bytes"),  # type: ignore[arg-type]
        (lambda: Login(URL, json={"a": 1}, form={"a": "1"}, token="t"), "exclude each other"),
    ],
)
def test_what_can_not_be_used_is_refused_when_it_is_given(made: Callable[[], object], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        made()


class SecretStr:
    def get_secret_value(self) -> str:
        return "aaa.bbb.ccc"


class PathInBytes:
    def __fspath__(self) -> bytes:
        return b"token"


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (lambda folder: str(folder / "none"), "can't be read: No such file"),
        (holding(b"{"), "is no JSON"),
        (holding(b"[]"), "holds no JSON object"),
    ],
)
def test_an_account_s_file_that_can_not_be_used_says_why(account: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        JWTBearerAuth.from_google(account(tmp_path), scope="a", origins=["https://api.example"])


def login(**options: Any) -> Login:
    return Login(URL, **{"token": "t", "method": "POST", **options})


@pytest.mark.parametrize(
    ("provider", "why"),
    [
        (login(json={"a": Kept("nonce")}), r"Kept\('nonce'\): no earlier answer had it; there is nothing"),
        (login(headers={"A": Signed("s", lambda secret, kept: 7)}), "must return a str here, not int"),
        (login(sign=Signed("s", lambda secret, built: "text")), "must return a dict of headers, or a Signature"),
    ],
)
def test_a_call_that_can_not_be_built_says_why(provider: Login, why: str) -> None:
    with pytest.raises(TokenAuthError, match=why):
        provider.request()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Kept("nonce"), "Kept('nonce')"),
        (Kept("token", prefix="Bearer "), "Kept('token', prefix='Bearer ')"),
        (Signed("s3cret", max), "<Signed>"),
        (Basic("alice", "s3cret"), "<Basic alice>"),
        (Call("/renew?key=s3cret", method="PUT"), "<Call PUT /renew>"),
        (Call(Kept("next")), "<Call  Kept('next')>"),
    ],
)
def test_a_value_prints_itself_without_its_secret(value: object, shown: str) -> None:
    assert repr(value) == shown


def test_values_are_equal_by_what_they_send() -> None:
    assert Kept("nonce") == Kept("nonce") != Kept("nonce", prefix="a")
    assert Kept("nonce") != "nonce"


def test_a_body_in_bytes_is_sent_as_it_is() -> None:
    assert login(body=b"\xff\x00a").request().body == b"\xff\x00a"
    assert login(body="pl\u00e4in").request().body == "pl\u00e4in".encode()


def test_a_lifetime_may_be_a_timedelta() -> None:
    assert login(json={}, lifetime=timedelta(minutes=2)).read(Reply(200, {}, b'{"t": "tok"}')).lifetime == 120.0


@pytest.mark.parametrize(
    ("content", "why"), [(b"\xff", "it is not UTF-8 text"), (b" ", "it is empty"), (None, "No such file")]
)
def test_a_secret_s_file_that_can_not_be_used_says_why(content: bytes | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenAuthError, match=why):
        login(json={"assertion": JWT(path)}).request()


def test_a_key_that_no_cookie_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="can't go into a cookie"):
        APIKey("a;b", origins=["https://api.example"], cookie="k")


@pytest.mark.parametrize("jwt", [JWT("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----")])
def test_a_damaged_key_is_told_without_its_text(jwt: JWT) -> None:
    assert repr(jwt) == "<JWT>"
    with pytest.raises(TokenAuthError, match="can't be read"):
        login(json={"assertion": jwt}).request()
