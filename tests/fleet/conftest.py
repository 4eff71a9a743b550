"""A sandbox and a Redis in processes of their own, and the two stores to try."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stores import redis_server
from tokenauth.sandbox import Sandbox, serve


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> dict[str, Any]:
    """Settings of a process (`process`): where the store is."""
    if request.param == "file":
        return {"store": f"file:{tmp_path / 'tokens'}"}
    return {"store": redis_url, "prefix": f"test-{secrets.token_hex(4)}:"}
