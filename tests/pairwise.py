"""Which tests of a matrix run at once: every value of each axis meets every value of each other one; the rest is slow.

Most faults need one value, or two that meet. Where a test has two or more axes (`parametrize`, fixtures with params),
`pytest` runs as many combinations as it takes to have each pair, and `pytest -m slow` the others. Two axes stay whole.
Where one axis is of clients (values that have a `kind`), and under `@pytest.mark.diagonal`, each value is run once with
some value of each other axis: a whole matrix of clients takes too long. Where combinations are missing from the matrix,
it is pairs again, in which values of one `kind`, such as clients with one architecture, stand for each other.

What is slow for this reason is `even` or `odd` as well: on a slow machine `.ci/run` takes one half on even days of the
year, the other on odd ones.
"""

import heapq
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby
from math import prod
from operator import attrgetter
from types import MappingProxyType
from typing import Any
from zlib import crc32

import pytest

Row = tuple[Hashable, ...]
"""A combination: a value, or a name for it, for each axis."""


def pairwise(rows: Sequence[Row], kinds: Mapping[Hashable, Hashable] = MappingProxyType({})) -> set[Row]:
    """Return a few of *rows*, always the same, with every value, and in which every two meet that meet in any.

    *kinds*: values that stand for each other where two meet, by the name of their kind.

    Greedy: the row that adds most, of those any, but always the same. A row never adds more than it did when last
    counted, so a count that is out of date is renewed only where it comes first.
    """

    def goals(row: Row) -> set[Any]:
        return {*enumerate(row), *_pairs(tuple(kinds.get(value, value) for value in row))}

    left = {goal for row in rows for goal in goals(row)}
    queue = [(-len(goals(row)), crc32(repr(row).encode()), repr(row), row) for row in set(rows)]
    heapq.heapify(queue)
    chosen: set[Row] = set()
    while left:
        counted, tie, name, row = heapq.heappop(queue)
        adds = len(left & goals(row))
        if adds == -counted:
            chosen.add(row)
            left -= goals(row)
        elif adds:
            heapq.heappush(queue, (-adds, tie, name, row))
    return chosen


def diagonal(rows: Sequence[Row]) -> set[Row]:
    """Return as many of *rows* as the longest axis has values, each value in at least one; all, if any are missing."""
    axes = [list(dict.fromkeys(values)) for values in zip(*rows, strict=True)]
    if not whole(rows):
        return set(rows)
    return {tuple(axis[number % len(axis)] for axis in axes) for number in range(max(map(len, axes)))}


def whole(rows: Sequence[Row]) -> bool:
    """Return whether *rows* has every combination of the values in it."""
    return len(set(rows)) == prod(len(set(values)) for values in zip(*rows, strict=True))


def _pairs(row: Row) -> set[Any]:
    """Return the pairs of values in *row*; the value, where there is but one axis."""
    return set(combinations(enumerate(row), min(2, len(row))))


def mark_the_rest_slow(items: Iterable[pytest.Item]) -> None:
    """Mark as slow what a quick run does without, test by test. Slow ones stay slow, and stand for no pair."""
    quick = [each for each in items if isinstance(each, pytest.Function) and not each.get_closest_marker("slow")]
    quick = [each for each in quick if hasattr(each, "callspec")]
    for _, group in groupby(sorted(quick, key=_test), key=_test):
        rows = {item: _row(item) for item in group}
        some = next(iter(rows))
        of_clients = any(_kinds(some)) and whole(list(rows.values()))
        chosen = (
            diagonal(list(rows.values()))
            if of_clients or some.get_closest_marker("diagonal")
            else pairwise(list(rows.values()), {name: kind for item in rows for name, kind in _kinds(item)})
        )
        for item, row in rows.items():
            if row not in chosen:
                item.add_marker(pytest.mark.slow)
                item.add_marker(pytest.mark.even if crc32(item.nodeid.encode()) % 2 else pytest.mark.odd)


def _test(item: pytest.Function) -> str:
    return item.nodeid.partition("[")[0]


def _row(item: pytest.Function) -> Row:
    """Return the names that `pytest` has given to the values, as between the hyphens of its [id]; one for each axis."""
    names: list[str] = attrgetter("callspec._idlist")(item)
    return tuple(names)


def _kinds(item: pytest.Function) -> Iterator[tuple[Hashable, Hashable]]:
    """Yield the kind of each value that has one, by its name."""
    for value in item.callspec.params.values():
        if (kind := getattr(value, "kind", None)) is not None:
            yield str(value), kind
