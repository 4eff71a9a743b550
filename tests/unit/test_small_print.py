"""Branches that no story passes through: wrong types, odd tokens, an `on_event` that fails, forks seen from inside."""

import importlib
import sys
import threading
from typing import Any

import pytest

from tests.support import ManualClock
from tests.unit.test_flights import joined, leads
from tests.unit.test_flow import a_source, logged_in
from tokenauth import AtripAuth, ClientCredentialsAuth, Token, TokenAuthError, stores
from tokenauth._core import memory as _memory
from tokenauth._core.cache import Held
from tokenauth._core.effects import check_headers
from tokenauth._core.forks import free, over_fork
from tokenauth._core.messages import TokenRequest
from tokenauth._core.token import problem_of
from tokenauth._lazy import installed
from tokenauth.httpx import TokenAuth as HttpxTokenAuth
from tokenauth.providers import Manis

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
    assert memory.tokens.add("key")  # its lock is free


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
    assert memory.tokens.add("key")
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
