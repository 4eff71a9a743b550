"""The pytest plugin: three fixtures and a setting. Until one of them is used it imports nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tokenauth import testing

if TYPE_CHECKING:
    from tokenauth.testing import Clock, Fake

SETTING = "tokenauth_isolated"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(SETTING, "whether tokenauth forgets everything before each test", "bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    if config.getini(SETTING):
        config.pluginmanager.register(_Always(), "tokenauth-isolated")


class _Always:
    """Registered where the setting says so."""

    @pytest.fixture(autouse=True)
    def _tokenauth_always(self, tokenauth_isolated: None) -> None:
        """Isolate each test."""


@pytest.fixture
def tokenauth_isolated() -> Iterator[None]:
    """Nothing that tokenauth remembers is there before or after: tokens, failures, futile renewals."""
    with testing.isolated():
        yield


@pytest.fixture
def tokenauth_fake() -> "Iterator[Fake]":
    """Every auth object has a fake token and makes no login; `tokenauth_fake.signed` tells what was signed."""
    with testing.fake() as this:
        yield this


@pytest.fixture
def tokenauth_clock() -> "Iterator[Clock]":
    """The clock of tokenauth: `tokenauth_clock.advance(seconds)` lets tokens expire and failures cool down."""
    with testing.clock() as this:
        yield this
