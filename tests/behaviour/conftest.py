"""What the behaviour tests share: one text for every client, real servers, an injected clock."""

from collections.abc import Iterator

import pytest

from tests.support import ManualClock, TokenServer, token_server


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
