"""One scene for all tests of a worker; each begins it anew."""

from collections.abc import Iterator

import pytest

from tests.world import scene as scenes

THEIRS = [  # what the others warn of when they are imported or used, which is nothing of ours
    r"ignore:\s*Eventlet is deprecated",
]


def pytest_configure(config: pytest.Config) -> None:
    for each in THEIRS:
        config.addinivalue_line("filterwarnings", each)


@pytest.fixture(scope="session")
def _servers() -> Iterator[scenes.Scene]:
    with scenes.scene() as this:
        yield this


@pytest.fixture
def scene(_servers: scenes.Scene) -> scenes.Scene:
    _servers.begin()
    return _servers
