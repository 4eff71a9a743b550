"""What holds for every test."""

import pytest

from tokenauth._cache import PROCESS_CACHE
from tokenauth._cooldown import COOLDOWNS


@pytest.fixture(autouse=True)
def _nothing_is_left_of_other_tests() -> None:
    """Forget tokens and failures: a server may have the port that another test's had, and so the same credential."""
    with PROCESS_CACHE._lock:
        PROCESS_CACHE._mapping.clear()
    with COOLDOWNS._lock:
        COOLDOWNS._cooling.clear()
        COOLDOWNS._contests.clear()
