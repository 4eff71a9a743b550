"""httpx2 is a client like any other: all works where httpx can't be imported."""

import subprocess
import sys
import textwrap

import pytest

from tests.support import TokenServer

BLOCKED = """
    import sys

    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {blocked!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Blocker())
    URL = {url!r}
    import tokenauth
    from tokenauth.providers import Login
"""
ALL = """
    import asyncio, httpx2
    from tokenauth import LoginAuth, TokenAuthError, httpx2 as ours
    login = {"json": {"user": "u"}, "public": ["user"], "token": "token", "expires_in": "lifetime", "cache": {}}
    for kind in (LoginAuth, ours.LoginAuth):
        auth = kind(f"{URL}/token", **login)
        assert isinstance(auth, httpx2.Auth)
        with httpx2.Client(auth=auth) as client:
            assert client.get(f"{URL}/api").status_code == 200

        async def main():
            async with httpx2.AsyncClient(auth=auth) as client:
                assert (await client.get(f"{URL}/api")).status_code == 200
                auth.invalidate()
                assert (await auth.aget_token()).value
                assert (await client.get(f"{URL}/api")).status_code == 200

        asyncio.run(main())
        auth.invalidate()
        assert auth.get_token().value and auth.headers(f"{URL}/api")
    bad = LoginAuth(f"{URL}/nowhere", json={}, token="nothing", cache={})
    for call in (bad.get_token, lambda: asyncio.run(bad.aget_token())):
        try:
            call()
        except httpx2.HTTPError as problem:
            assert isinstance(problem, TokenAuthError)
        else:
            raise AssertionError("no error")
    assert "httpx" not in sys.modules
"""


def run(text: str, url: str, *blocked: str) -> None:
    program = textwrap.dedent(BLOCKED).format(blocked=set(blocked), url=url) + textwrap.dedent(text)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("blocked", [("httpx",), ("httpx", "requests")], ids="-".join)
def test_everything_works_without_httpx(blocked: tuple[str, ...], server: TokenServer) -> None:
    run(ALL, server.url, *blocked)


LIBRARY = """
    auth = tokenauth.LoginAuth(f"{{URL}}/token", json={{}}, token="token", cache={{}})
    assert (auth._library, auth._async_library) == {expected!r}, (auth._library, auth._async_library)
    assert auth.get_token()
"""


@pytest.mark.parametrize(
    ("imported", "expected"),
    [
        ("requests", ("requests", "httpx")),
        ("httpx", ("httpx", "httpx")),
        ("httpx2", ("httpx2", "httpx2")),
        ("httpx2, requests", ("requests", "httpx2")),
        ("json", ("requests", "httpx")),
    ],
)
def test_tokens_are_fetched_by_the_library_that_the_program_has(
    imported: str, expected: tuple[str, str], server: TokenServer
) -> None:
    run(f"import {imported}\n" + textwrap.dedent(LIBRARY).format(expected=expected), server.url)
