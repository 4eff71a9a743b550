"""The family from each client's module: one definition, made concrete for the client that is asked for."""

import ast
import copy
import getpass
import importlib
import inspect
import pickle
import threading
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests

from tests.behaviour.test_imports import modules_after
from tests.clients import CLIENTS, Client
from tokenauth import providers
from tokenauth._clients import family

ROOTS: dict[str, tuple[type, ...]] = {
    "tokenauth.requests": (requests.auth.AuthBase,),
    "tokenauth.httpx": (httpx.Auth,),
    "tokenauth.httpx2": (httpx2.Auth,),
    "tokenauth.aiohttp": (),
    "tokenauth.auth": (requests.auth.AuthBase, httpx.Auth, httpx2.Auth),
}
KEY = {"kty": "RSA", "n": "AA", "e": "AQAB", "d": "AA"}
HOME = {"origins": ["https://h.example"]}
MADE: dict[str, tuple[type, tuple[Any, ...], dict[str, Any]]] = {
    "APIKeyAuth": (providers.APIKey, ("k-4711",), HOME),
    "CommandAuth": (providers.Command, (["token-of", "me"],), HOME),
    "FileAuth": (providers.File, ("/run/token",), HOME),
    "FunctionAuth": (providers.Function, (getpass.getuser,), HOME),
    "LoginAuth": (providers.Login, ("https://h.example/t",), {"json": {"user": "u", "password": "p"}}),
    "ManisAuth": (providers.Manis, ("https://h.example",), {"merchant_id": "m", "secret": "s"}),
    "PasswordGrantAuth": (providers.PasswordGrant, ("https://h.example/t",), {"username": "u", "password": "p"}),
    "PlatformAuth": (providers.Platform, ("https://h.example/t",), {"username": "u", "password": "p"}),
    "ClientCredentialsAuth": (
        providers.ClientCredentials,
        ("https://h.example/t",),
        {"client_id": "c", "client_secret": "s"},
    ),
    "JWTBearerAuth": (providers.JWTBearer, ("https://h.example/t",), {"key": KEY, "issuer": "i"}),
    "TokenExchangeAuth": (providers.TokenExchange, ("https://h.example/t",), {"subject_token": "s"}),
    "RefreshTokenAuth": (
        providers.RefreshToken,
        ("https://h.example/t",),
        {"refresh_token": "r", "client_id": "c", "on_refresh_token": print},
    ),
    "AtripAuth": (
        providers.Atrip,
        (),
        {"client_id": "c", "client_secret": "s", "user_name": "u", "role": "Admin", "order_no": ""},
    ),
}
members = pytest.mark.parametrize("name", MADE)
homes = pytest.mark.parametrize("home", ROOTS)


def made(home: str, name: str, **options: Any) -> Any:
    _, args, arguments = MADE[name]
    return getattr(importlib.import_module(home), name)(*args, **arguments, **options)


@homes
@members
def test_a_member_is_an_auth_object_of_its_client_alone(home: str, name: str) -> None:
    auth, module = made(home, name, timeout=3.0), importlib.import_module(home)
    assert {root for root in (requests.auth.AuthBase, httpx.Auth, httpx2.Auth) if isinstance(auth, root)} == {
        *ROOTS[home]
    }
    assert isinstance(auth, module.TokenAuth)
    assert isinstance(auth, MADE[name][0]) is False
    assert auth._source.credential.timeout == 3.0
    assert type(auth) is getattr(module, name)
    assert (type(auth).__module__, type(auth).__qualname__) == (home, name)
    assert repr(auth).startswith(f"<{name} for ")


@homes
@members
def test_pickles_and_copies_are_equal(home: str, name: str) -> None:
    auth = made(home, name)
    pickled = [pickle.loads(pickle.dumps(auth, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in (*pickled, copy.copy(auth), copy.deepcopy(auth)):
        assert type(other) is type(auth)
        assert other == auth
        assert hash(other) == hash(auth)
        assert other._source.tokens.key == auth._source.tokens.key


@members
def test_all_clients_share_one_token(name: str) -> None:
    assert len({made(home, name)._source.tokens.key for home in ROOTS}) == 1


@members
def test_signature_and_text_are_the_provider_s(name: str) -> None:
    provider: Any = MADE[name][0]
    for home in ROOTS:
        kind: Any = getattr(importlib.import_module(home), name)
        assert inspect.signature(kind) == inspect.signature(provider)
        assert kind.__init__.__doc__ == provider.__init__.__doc__
        assert kind.__doc__


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
@pytest.mark.parametrize("home", ["requests", "httpx", "httpx2", "aiohttp"])
def test_an_object_for_one_client_says_so_where_another_one_calls_it(home: str, client: Client) -> None:
    library = client.library.__name__
    auth: Any = importlib.import_module(f"tokenauth.{home}").APIKeyAuth("k-4711", origins=["https://h.example"])
    if library in {home, "niquests" if home == "requests" else home}:
        return
    text = rf"tokenauth.{home}.APIKeyAuth can't sign a request of {library}, only of {home}\b.*: import APIKeyAuth from"
    with pytest.raises(TypeError, match=text):
        client.get(auth, "https://h.example/")


@homes
def test_platform_is_a_password_grant(home: str) -> None:
    module = importlib.import_module(home)
    assert issubclass(module.PlatformAuth, module.PasswordGrantAuth)
    assert not issubclass(module.ManisAuth, module.PasswordGrantAuth)


@homes
def test_type_checkers_are_told_of_the_same_members(home: str) -> None:
    module = importlib.import_module(home)
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    told = {
        each.name: ast.unparse(each.bases[-1])
        for node in tree.body
        if isinstance(node, ast.If)
        for each in node.body
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_")
    }
    assert told.keys() == {*family.__all__} == MADE.keys()
    assert {*module.__all__} == {*told, "TokenAuth"}
    for name, parent in told.items():
        assert getattr(module, name).__bases__[-1] is getattr(module, parent)


@homes
def test_a_name_that_is_not_there_is_an_attribute_error(home: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{home}' has no attribute 'NoSuchAuth'"):
        importlib.import_module(home).NoSuchAuth  # noqa: B018


def test_threads_that_ask_at_once_get_one_class() -> None:
    module = importlib.import_module("tokenauth.httpx")
    for _ in range(50):
        vars(module).pop("ManisAuth", None)
        barrier = threading.Barrier(4)
        got: list[type] = []

        def ask(barrier: threading.Barrier = barrier, got: list[type] = got) -> None:
            barrier.wait()
            got.append(module.ManisAuth)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(got)) == 1


@pytest.mark.parametrize("client", ["requests", "httpx", "httpx2"])
def test_one_client_and_one_provider_bring_nothing_else(client: str) -> None:
    modules = modules_after(f"from tokenauth.{client} import ManisAuth")
    assert modules & {"requests", "httpx", "httpx2"} == {client}
    described = {"manis", "atrip", "password", "client_credentials"}
    assert {each for each in described if f"tokenauth.providers.{each}" in modules} == {"manis"}
