"""The simulation in small: one login per renewal, however many workers need the token at once."""

import pytest

from tests.benchmarks.fleet import simulate
from tests.stores import redis_server


@pytest.mark.parametrize("workers", [10, pytest.param(80, marks=pytest.mark.slow)])
def test_a_renewal_costs_one_login(workers: int) -> None:
    with redis_server() as url:
        costs = simulate(workers, 3, url)
    assert [cost.logins for cost in costs] == [1, 1, 1]
    for cost in costs:
        assert cost.scripts <= 60 * workers, "each worker looks some times"
