"""A matrix is thinned out for the quick run, and no meeting of two values gets lost."""

from itertools import combinations, product
from typing import Any

import pytest

from tests.pairwise import Row, diagonal, pairwise

pytest_plugins = "pytester"


def full(*sizes: int) -> list[Row]:
    return list(product(*map(range, sizes)))


def meetings(rows: list[Row]) -> set[Any]:
    return {pair for row in rows for pair in combinations(enumerate(row), min(2, len(row)))}


@pytest.mark.parametrize("sizes", [(3,), (7, 6), (7, 6, 5), (2, 2, 2), (9, 6, 5, 2), (1, 1, 1), (4, 1, 3)], ids=str)
def test_every_two_values_meet(sizes: tuple[int, ...]) -> None:
    rows = full(*sizes)
    assert meetings(list(pairwise(rows))) == meetings(rows)


@pytest.mark.parametrize(("sizes", "most"), [((7, 6, 5), 55), ((2, 2, 2), 5), ((9, 6, 5, 2), 70), ((36, 7, 10), 440)])
def test_few_are_chosen(sizes: tuple[int, ...], most: int) -> None:
    assert len(pairwise(full(*sizes))) <= most


@pytest.mark.parametrize("sizes", [(5,), (7, 6)], ids=str)
def test_one_axis_and_two_stay_whole(sizes: tuple[int, ...]) -> None:
    assert pairwise(full(*sizes)) == set(full(*sizes))


def test_the_choice_does_not_depend_on_the_order() -> None:
    rows = full(5, 4, 3)
    assert pairwise(rows) == pairwise(rows[::-1])


def test_pairs_that_are_in_no_row_are_not_asked_for() -> None:
    rows = [row for row in full(3, 3, 3) if row[0] != row[1]]
    assert meetings(list(pairwise(rows))) == meetings(rows)


def test_a_quick_run_takes_the_pairs_and_a_slow_one_the_rest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import pytest
        from tests.pairwise import mark_the_rest_slow
        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_modifyitems(items):
            mark_the_rest_slow(items)
    """)
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makepyfile("""
        import pytest
        @pytest.fixture(params=[1, 2, 3])
        def a(request): return request.param
        @pytest.mark.parametrize("b", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
        @pytest.mark.parametrize(("c", "d"), [(1, []), (2, {})])
        def test_matrix(a, b, c, d): pass
        @pytest.mark.parametrize("b", [1, 2, 3])
        def test_whole(a, b): pass
        def test_alone(): pass
    """)
    quick, slow = (
        pytester.runpytest_inprocess("-q", "-p", "no:randomly", "-m", expression).parseoutcomes()
        for expression in ("not slow", "slow")
    )
    assert quick == {"passed": 6 + 9 + 1, "deselected": 12}, "3 x 2 pairs, and 3 x 3"
    assert slow == {"passed": 12, "deselected": 16}


@pytest.mark.parametrize("sizes", [(3,), (9, 5), (5, 9), (9, 3, 4)])
def test_a_diagonal_has_every_value_and_no_more_rows_than_the_longest_axis(sizes: tuple[int, ...]) -> None:
    rows = full(*sizes)
    few = diagonal(rows)
    assert few <= set(rows)
    assert len(few) == max(sizes)
    assert [len({row[axis] for row in few}) for axis in range(len(sizes))] == list(sizes)


def test_a_matrix_with_gaps_stays_whole_rather_than_lose_a_value() -> None:
    rows = [row for row in full(3, 3) if row != (0, 0)]
    assert diagonal(rows) == set(rows)


def test_under_the_mark_a_quick_run_takes_the_diagonal(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.pairwise import mark_the_rest_slow as pytest_collection_modifyitems")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.diagonal
        @pytest.mark.parametrize("a", range(4))
        @pytest.mark.parametrize("b", range(3))
        def test(a, b): ...
        """
    )
    pytester.makeini("[pytest]\nmarkers =\n    slow\n    diagonal\n")
    quick = pytester.runpytest_inprocess("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow")
    quick.assert_outcomes(passed=4, deselected=8)
