"""What holds for every test, and what any may ask for."""

from collections.abc import Iterator

import pytest

from tests.servers import mute
from tokenauth._cache import PROCESS_CACHE, REFUSED, SPENT
from tokenauth._cooldown import COOLDOWNS
from tokenauth._origins import _origin


@pytest.fixture(autouse=True)
def _nothing_is_left_of_other_tests() -> None:
    """Forget tokens, marks and failures: a server may have the port that another test's had, so the same credential."""
    for cache in (PROCESS_CACHE, REFUSED._marks, SPENT._marks):
        with cache._lock:
            cache._mapping.clear()
    with COOLDOWNS._lock:
        COOLDOWNS._cooling.clear()
        COOLDOWNS._contests.clear()
    _origin.cache_clear()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with mute() as bound:
        yield bound.getsockname()[1]
