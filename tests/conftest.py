"""What holds for every test, and what any may ask for."""

import gc
import math
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.clients import UNFIT
from tests.pairwise import mark_the_rest_slow
from tests.servers import mute
from tests.support import ManualClock, TokenServer, token_server
from tokenauth._core.lines import BROUGHT
from tokenauth._core.memory import PROCESS
from tokenauth._core.origins import _origin
from tokenauth.providers import _answers

# In memory where that is to be had: a loaded disk may keep a store waiting for longer than a store is given.
if os.access("/dev/shm", os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")

# All servers of the tests are on loopback, which a proxy of this machine doesn't reach.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

# A slow machine is no failure, and what is drawn is the same in each run. To go looking: --hypothesis-profile=search
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("quick", settings.get_profile("same"), max_examples=10)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=5000)
QUICK = "not slow"


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("quick" if config.option.markexpr == QUICK else "same")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected, thousands of tests, out of each garbage collection: it doesn't go while they run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what is slow. Properties run both times: with a few examples, and then with many."""
    mark_the_rest_slow(items)
    for item in items:
        if (why := UNFIT.get(getattr(item, "originalname", item.name))) is not None:
            item.add_marker(pytest.mark.skip(reason=why))
    if config.option.markexpr != QUICK:
        for item in items:
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _nothing_is_left_of_other_tests() -> None:
    """Forget tokens, marks and failures: a server may have the port that another test's had, so the same credential."""
    PROCESS.forget()
    PROCESS._forgotten_at = -math.inf  # a test's own clock may be behind
    BROUGHT.forget()
    _origin.cache_clear()
    _answers._warned.clear()


@pytest.fixture
def quick_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys of stores in no time, in this process: 80 ms each are a tenth of the tests' time."""
    from tokenauth.stores import _sealed

    monkeypatch.setitem(_sealed._COST, "n", 2)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with mute() as bound:
        yield bound.getsockname()[1]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server
