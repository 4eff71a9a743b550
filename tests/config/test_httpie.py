"""HTTPie, the real command, with a profile of ours."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox, credentials, serve_in_thread


def http(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("http")
    own = {"HTTPIE_CONFIG_DIR": str(folder), "TOKENAUTH_CONFIG": str(folder / "p.toml"), "XDG_CACHE_HOME": str(folder)}
    return subprocess.run(
        [command, "--ignore-stdin", "--print=b", "-A", "tokenauth", *arguments],
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.toml").write_text(
        f'[manis]\nclass = "manis"\nbase_url = "http://127.0.0.1:1"\nmerchant_id = "{credentials.MANIS_MERCHANT_ID}"\n'
        'secret = {env = "SECRET"}\n'
    )
    return tmp_path


def at(folder: Path, sandbox: ThreadSandbox) -> None:
    path = folder / "p.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1:1", sandbox.url))


@pytest.mark.slow
def test_it_sends_the_token_of_a_profile_and_keeps_it_for_the_next_command(folder: Path) -> None:
    with serve_in_thread() as sandbox:
        at(folder, sandbox)
        url = f"{sandbox.url}/manis/api/orders"
        first = http(folder, "-a", "manis", url, SECRET=credentials.MANIS_SECRET)
        assert (first.returncode, first.stderr) == (0, "")
        assert '"path": "/manis/api/orders"' in first.stdout
        sandbox.knobs("manis", revoke=True)
        assert http(folder, "-a", "manis", url, "a=b", SECRET=credentials.MANIS_SECRET).returncode == 0  # renewed
        assert http(folder, "-a", "manis", url, SECRET=credentials.MANIS_SECRET).returncode == 0
        assert sandbox.state()["manis"]["logins"] == 2


@pytest.fixture
def plugin() -> Any:
    """The plugin as HTTPie finds it."""
    (found,) = entry_points(group="httpie.plugins.auth.v1", name="tokenauth")
    return found.load()()


def test_the_plugin_gives_the_profiles_object(folder: Path, plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(folder / "p.toml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("SECRET", credentials.MANIS_SECRET)
    plugin.raw_auth = "manis"
    with serve_in_thread() as sandbox:
        at(folder, sandbox)
        for _ in range(2):
            answer = requests.get(f"{sandbox.url}/manis/api/orders", auth=plugin.get_auth(), timeout=10)
            assert answer.status_code == 200
        assert sandbox.state()["manis"]["logins"] == 1


def test_a_typo_ends_the_command(
    folder: Path, plugin: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(folder / "p.toml"))
    plugin.raw_auth = "mannis"
    with pytest.raises(SystemExit, match="1"):
        plugin.get_auth()
    assert "http: error: tokenauth:" in capsys.readouterr().err


@pytest.mark.slow
def test_a_mistake_is_one_sentence(folder: Path) -> None:
    typo = http(folder, "-a", "mannis", "http://127.0.0.1:1/", SECRET="x")
    assert (typo.returncode, typo.stdout) == (1, "")
    assert "http: error: tokenauth:" in typo.stderr
    assert "did you mean 'manis'?" in typo.stderr
    assert "Traceback" not in typo.stderr
    down = http(folder, "-a", "manis", "http://127.0.0.1:1/", SECRET="hush-hush")
    assert down.returncode == 1
    assert "Traceback" not in down.stderr
    assert "hush" not in down.stderr
    with serve_in_thread() as sandbox:
        at(folder, sandbox)
        wrong = http(folder, "-a", "manis", f"{sandbox.url}/manis/api/x", SECRET="hush-hush")
        assert wrong.returncode == 1
        assert wrong.stderr.count("refused the credentials") == 1
        assert "hush" not in wrong.stderr
