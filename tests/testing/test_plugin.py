"""The pytest plugin, in a pytest of its own, as whoever installs tokenauth has it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.behaviour.test_imports import modules_after

MOST_MODULES = 7
"""Of ours, that every test run of whoever has tokenauth installed loads."""

SERVER = """
    import itertools, json, threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    import pytest

    COUNT = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.dumps({"access_token": f"t-{next(COUNT)}", "expires_in": 3600}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    SERVER = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    URL = f"http://127.0.0.1:{SERVER.server_address[1]}"

    from tokenauth import ClientCredentialsAuth
    AUTH = ClientCredentialsAuth(f"{URL}/token", client_id="c", client_secret="s")
"""


def run(folder: Path, tests: str, *options: str, ini: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(textwrap.dedent(tests))
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{ini}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_CORE"))}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=100, env=environment
    )


def passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    assert f"{count} passed" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


def test_it_imports_nothing_but_a_few_modules_of_ours() -> None:
    added = modules_after("import pytest, tokenauth.testing.plugin") - modules_after("import pytest")
    assert {name.partition(".")[0] for name in added} == {"tokenauth"}
    assert len(added) <= MOST_MODULES


@pytest.mark.slow
def test_a_run_that_uses_none_of_it_does_not_load_it(tmp_path: Path) -> None:
    tests = f"""
    import sys

    def test_modules():
        ours = [name for name in sys.modules if name.split(".")[0] == "tokenauth"]
        assert "tokenauth.testing.plugin" in ours
        assert len(ours) <= {MOST_MODULES + 1}, ours

    def test_isolation_of_who_does_not_use_it(tokenauth_isolated):
        test_modules()
    """
    assert passed(run(tmp_path, tests), 2)


def test_the_fixtures_do_what_they_say(tmp_path: Path) -> None:
    tests = textwrap.dedent(SERVER) + textwrap.dedent("""
    def test_fake(tokenauth_fake):
        assert AUTH.headers(URL) == {"Authorization": "Bearer fake-token"}
        assert [each.url for each in tokenauth_fake.signed] == [URL]

    def test_clock(tokenauth_clock):
        first = AUTH.get_token()
        tokenauth_clock.advance(4000)
        assert AUTH.get_token() != first

    def test_isolated(tokenauth_isolated):
        assert AUTH._source.tokens.held() is None
        AUTH.get_token()

    def test_all_at_once(tokenauth_isolated, tokenauth_clock, tokenauth_fake):
        tokenauth_fake.lifetime = 60
        AUTH.get_token()
        tokenauth_clock.advance(61)
        AUTH.get_token()
        assert tokenauth_fake.logins == 2

    def test_nothing_is_left():
        assert AUTH._source.tokens.held() is None
    """)
    assert passed(run(tmp_path, tests), 5)


LEAKS = textwrap.dedent(SERVER) + textwrap.dedent("""
    import unittest

    @pytest.mark.parametrize("number", range(4))
    def test_each_has_a_login_of_its_own(number):
        before = AUTH._source.tokens.held()
        AUTH.get_token()
        assert before is None

    class Test(unittest.TestCase):
        def test_a(self):
            test_each_has_a_login_of_its_own(0)

        def test_b(self):
            test_each_has_a_login_of_its_own(0)
""")


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["one process", "xdist"]
)
def test_one_setting_isolates_every_test(tmp_path: Path, workers: tuple[str, ...]) -> None:
    assert passed(run(tmp_path, LEAKS, *workers, ini="tokenauth_isolated = true"), 6)


@pytest.mark.slow
def test_without_the_setting_tests_share_what_is_remembered(tmp_path: Path) -> None:
    assert "5 failed, 1 passed" in run(tmp_path, LEAKS).stdout
