"""A program that PyInstaller has made of a short script: what is imported late is in it as well."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SCRIPTS = {
    "requests": """
import sys

import requests

from tokenauth.requests import TokenAuth
from tokenauth.providers import ClientCredentials

url = sys.argv[1]
with requests.Session() as session:
    session.auth = TokenAuth(ClientCredentials(f"{url}/token", client_id="canary-id", client_secret="canary-secret"))
    print(session.get(f"{url}/api", timeout=20).status_code)
""",
    "universal": """
import sys

import httpx
import httpx2
import requests

from tokenauth import ClientCredentialsAuth

url = sys.argv[1]
for get in (requests.get, httpx.get, httpx2.get):
    auth = ClientCredentialsAuth(f"{url}/token", client_id="canary-id", client_secret="canary-secret", cache={})
    print(get(f"{url}/api", auth=auth, timeout=20).status_code)
""",
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the program made of a script."""
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            script = folder / "program.py"
            script.write_text(SCRIPTS[name])
            # our own package is on the path as it would be once it is installed; nothing of the tests' is
            options = ["--onedir", "--noconfirm", "--log-level", "ERROR", "--paths", str(Path(__file__).parents[2])]
            for each in ("tests", "pytest", "django", "numpy", "tkinter", "sentry_sdk", "opentelemetry"):
                options += ["--exclude-module", each]
            command = [sys.executable, "-m", "PyInstaller", *options, str(script)]
            environment = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(folder / "config")}
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            made[name] = folder / "dist" / "program" / "program"
        return made[name]

    return build


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_frozen_program_logs_in_and_makes_its_requests(name: str, built: Any, scene: Scene) -> None:
    command = [str(built(name)), scene.home]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    statuses = ["200"] * (1 if name == "requests" else 3)
    assert (done.returncode, done.stdout.split()) == (0, statuses), done.stderr[-3000:]
    assert scene.logins == len(statuses)
