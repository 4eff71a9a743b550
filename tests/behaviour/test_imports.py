"""What an import brings along, and what the package offers."""

import functools
import importlib
import subprocess
import sys

import pytest

import tokenauth

CLIENTS = {"requests", "httpx", "httpx2", "niquests", "aiohttp"}
MOST_MODULES = 46
"""Of our own, for one client and one provider."""
HEAVY = {"trio", "asyncio", "starlette", "uvicorn", "rich", "redis", "cryptography"}


@functools.cache
def modules_after(code: str) -> frozenset[str]:
    """Return what is imported in a fresh interpreter after *code*."""
    command = [sys.executable, "-W", "error", "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return frozenset(done.stdout.split())


NO_CLIENT = """
import tokenauth, tokenauth.errors
dir(tokenauth)
tokenauth.__version__
from tokenauth import Token
from tokenauth.providers import Manis
Manis("https://h.example", merchant_id="m", secret="s")
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (NO_CLIENT, set()),
        ("from tokenauth import TokenAuthError; TokenAuthError('no')", set()),
        ("import tokenauth.requests, tokenauth; tokenauth.TokenResponseError('no')", {"requests"}),
        ("import tokenauth.httpx", {"httpx"}),
        ("import tokenauth.httpx2", {"httpx2"}),
        ("from tokenauth import ManisAuth", {"requests", "httpx", "httpx2"}),
    ],
)
def test_an_import_brings_along_no_other_client(code: str, expected: set[str]) -> None:
    assert modules_after(code) & CLIENTS == expected


def test_import_tokenauth_alone_is_light() -> None:
    assert not modules_after("import tokenauth") & HEAVY


@pytest.mark.parametrize("client", ["httpx", "httpx2", "requests"])
def test_one_client_and_one_provider_load_no_more_than_they_need(client: str) -> None:
    """What only a login needs comes at the first one; a program that blocks never loads an event loop for us."""
    alone = modules_after(f"import {client}")
    added = modules_after(f"from tokenauth.{client} import ManisAuth") - alone
    assert not added & {"asyncio", "concurrent.futures", "cachetools", "uuid", "decimal", "fractions", "html"}
    late = ("tokenauth._io", "tokenauth._core.flow", "tokenauth._core.source", "tokenauth.providers._answers")
    assert not {each for each in added if each.startswith(late)}
    assert len({each for each in added if each.startswith("tokenauth")}) <= MOST_MODULES


@pytest.mark.parametrize("client", ["httpx", "httpx2"])
def test_no_method_of_a_dataclass_is_compiled_at_import(client: str) -> None:
    """Each takes up to a millisecond of every program."""
    code = f"""
import {client}, dataclasses
def dataclass(*args, **settings): raise AssertionError("a dataclass")
dataclasses.dataclass = dataclass
from tokenauth.{client} import ManisAuth
ManisAuth("https://h.example", merchant_id="m", secret="s")
"""
    assert modules_after(code)


def test_an_auth_for_one_client_is_made_without_the_others() -> None:
    code = """
import tokenauth.requests, tokenauth.providers
auth = tokenauth.requests.TokenAuth(tokenauth.providers.Manis("https://h.example", merchant_id="m", secret="s"))
"""
    assert modules_after(code) & {"requests", "httpx"} == {"requests"}


ROOTS = {"requests": "RequestException", "httpx": "HTTPError", "httpx2": "HTTPError", "aiohttp": "ClientError"}
NO_ANSWERS = {"requests": "ConnectionError", "httpx": "RequestError", "httpx2": "RequestError"}


@pytest.mark.parametrize("made", ["new", "again", "unpickled"])
@pytest.mark.parametrize("client", ROOTS)
def test_an_error_is_one_of_each_client_that_is_imported_before_it_is_raised(client: str, made: str) -> None:
    """As of a program that imports its clients late, one after the other: what it catches is there by then."""
    other = "httpx" if client == "requests" else "requests"
    code = f"""
import pickle
from tokenauth import CredentialsRejected, TokenAuthError, TokenEndpointError, TokenResponseError
class Mine(TokenEndpointError): ...
first = [kind("no", status=500) for kind in (TokenAuthError, CredentialsRejected, TokenResponseError, Mine)]
assert all(isinstance(each, OSError) and each.response is each.request is None for each in first)
raw = pickle.dumps(first)
import {other}, {client}
made = {{
    "new": lambda: [type(each)("no", status=500) for each in first],
    "again": lambda: [each.again() for each in first],
    "unpickled": lambda: pickle.loads(raw),
}}["{made}"]()
for old, error in zip(first, made):
    assert isinstance(error, {client}.{ROOTS[client]}) and isinstance(error, {other}.{ROOTS[other]}), error
    assert isinstance(error, OSError) and (type(error), error.status, str(error)) == (type(old), 500, "no")
    no_answer = isinstance(error, TokenEndpointError)
    expected = no_answer or {client not in NO_ANSWERS}
    assert isinstance(error, {client}.{NO_ANSWERS.get(client, ROOTS[client])}) is expected
    try:
        raise error
    except {client}.{ROOTS[client]} as caught:
        assert caught is error
"""
    assert modules_after(code)


def test_an_error_class_of_the_users_own_may_name_a_client_first() -> None:
    """Its order of bases is kept; errors are raised as before."""
    code = """
from tokenauth import TokenAuthError
import httpx
class Mine(httpx.HTTPError, TokenAuthError): ...
import requests
try:
    raise TokenAuthError("no")
except TokenAuthError:
    pass
"""
    assert modules_after(code)


def test_without_httpx2_the_universal_auth_serves_the_other_two() -> None:
    code = """
import sys
sys.modules["httpx2"] = None
import httpx, requests
from tokenauth import ManisAuth, TokenAuthError
auth = ManisAuth("https://h.example", merchant_id="m", secret="s")
assert isinstance(auth, httpx.Auth) and isinstance(auth, requests.auth.AuthBase)
assert issubclass(TokenAuthError, httpx.HTTPError) and issubclass(TokenAuthError, requests.RequestException)
"""
    assert modules_after(code)


def test_an_aliased_httpx_is_no_duplicate_base() -> None:
    """`httpx2.alias_httpx()` makes one module of the two."""
    code = """
import httpx2
httpx2.alias_httpx()
import httpx
assert httpx.Auth is httpx2.Auth
from tokenauth import ManisAuth, TokenAuthError
auth = ManisAuth("https://h.example", merchant_id="m", secret="s")
assert isinstance(auth, httpx2.Auth) and issubclass(TokenAuthError, httpx2.HTTPError)
"""
    assert modules_after(code)


def test_all_is_sorted_and_whole() -> None:
    assert tokenauth.__all__ == sorted(tokenauth.__all__, key=lambda name: name.strip("_").lower())
    assert len(set(tokenauth.__all__)) == len(tokenauth.__all__)
    for name in tokenauth.__all__:
        assert getattr(tokenauth, name) is not None
    assert set(tokenauth.__all__) <= set(dir(tokenauth))


@pytest.mark.parametrize("name", ["tokenauth.requests", "tokenauth.httpx", "tokenauth.httpx2", "tokenauth.errors"])
def test_every_module_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, each) for each in module.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'NoSuchAuth'"):
        tokenauth.NoSuchAuth  # noqa: B018
    with pytest.raises(ImportError):
        exec("from tokenauth import NoSuchAuth")


def test_public_names_live_where_they_are_imported_from() -> None:
    assert tokenauth.TokenAuthError.__module__ == "tokenauth.errors"
    assert tokenauth.CredentialsRejected.__module__ == "tokenauth.errors"


@pytest.mark.parametrize("client", ["aiohttp", "httpx2"])
def test_a_client_that_is_not_installed_is_said_with_the_command_that_installs_it(client: str) -> None:
    code = f"import sys; sys.modules[{client!r}] = None; import tokenauth.{client}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = f"ImportError: tokenauth.{client} needs {client}: pip install 'tokenauth-http[{client}]'"
    assert ran.stderr.splitlines()[-1] == last
    assert ran.stderr.count("Traceback") == 1
