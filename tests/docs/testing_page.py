"""The blocks of docs/how-to/testing.md as test modules: each is run by a pytest of its own, as a reader would."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.docs.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "testing.md"
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONFTEST = """
import contextlib
import pytest
from tests.servers import Reply, serve

@pytest.fixture
def api():
    def answer(request):
        return Reply(200, {"access_token": "t-1"} if request.path == "/token" else b'["o-1"]')

    with serve(answer) as server:
        yield server.url
"""


def missing(block: str) -> list[str]:
    """Return what *block* imports that is not installed here, and the fixtures of such libraries that it uses."""
    names: Iterator[str] = (
        name.partition(".")[0]
        for node in ast.walk(ast.parse(block))
        for name in _imported(node)
        if name.partition(".")[0] != "shop"
    )
    fixtures = [name for name in ("requests_mock", "respx", "pytest_httpx") if _uses(block, name)]
    return [name for name in {*names, *fixtures} if find_spec(name) is None]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _uses(block: str, library: str) -> bool:
    fixture = {"respx": "respx_mock", "pytest_httpx": "httpx_mock"}.get(library, library)
    return f"({fixture}" in block


def run(folder: Path) -> tuple[int, str, int]:
    """Run what can be run here; return pytest's exit code, what it said, and how many blocks had to be left out."""
    left_out = 0
    for number, (block, _, _) in enumerate(blocks(PAGE)):
        name = re.match(r"\s*# (\w+\.py)\n", block)
        if name is None and missing(block):
            left_out += 1
            continue
        (folder / (name[1] if name else f"test_block_{number}.py")).write_text(block, encoding="utf-8")
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "pyproject.toml").write_text("".join(TOML.findall(PAGE.read_text(encoding="utf-8"))), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr, left_out
