"""Rules: what a response means, by its status and its content. One matcher for all arguments of this kind.

403                              a status
("errcode", 40001, 42001)        a place and its possible values; without values, any value matches
(400, "code", 99991663)          the same, with that status only
a callable                       takes the response
a list of these                  any of them
"""

from collections.abc import Collection
from typing import Any

from tokenauth._core.finder import Finder
from tokenauth._core.frozen import Frozen
from tokenauth._core.places import NOTHING, Answer, Places, checked_place, found, same
from tokenauth._core.secrets import check_plain

Rule = int | tuple[Any, ...] | Any
"""A status, a place with values, a callable, or a list of these."""


class Clause(Frozen):
    """One of a rule's cases that looks into the answer."""

    status: int | None
    places: Places | None
    values: tuple[object, ...] = ()
    function: Finder | None = None


class Matcher(Frozen):
    """A rule, checked: *statuses* decide by themselves, *clauses* look into the answer."""

    statuses: frozenset[int] = frozenset()
    clauses: tuple[Clause, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.statuses or self.clauses)

    def looks(self, status: int) -> bool:
        """Whether an answer of this *status* must be looked into."""
        return any(each.status in {None, status} for each in self.clauses)

    def names(self, status: int) -> bool:
        """Whether the rule is about answers of this very *status*."""
        return status in self.statuses or any(each.status == status for each in self.clauses)

    def matches(self, answer: Answer, raw: object = None) -> bool:
        """Whether the rule holds for *answer*. Callables are given *raw*, else the JSON value or the text."""
        if answer.status in self.statuses:
            return True
        return any(_holds(each, answer, raw) for each in self.clauses if each.status in {None, answer.status})

    @property
    def identity(self) -> tuple[object, ...]:
        """What distinguishes it, callables as Finders."""
        each = ((clause.status, clause.places, clause.values, clause.function) for clause in self.clauses)
        return (tuple(sorted(self.statuses)), *each)


def _holds(clause: Clause, answer: Answer, raw: object) -> bool:
    if clause.function is not None:
        given = (answer.text if answer.content is NOTHING else answer.content) if raw is None else raw
        try:
            return bool(clause.function(given))
        except Exception:  # the answer has not the shape that the user's callable expects
            return False
    value = found(answer, clause.places)
    if not clause.values:
        return value not in (None, "", False)
    return any(same(value, each) for each in clause.values)


def checked_rule(name: str, rule: Rule | None) -> Matcher:
    """Return *rule*, the argument *name*, as a Matcher; one that matches nothing for None."""
    cases = () if rule is None else rule if isinstance(rule, list | set | frozenset) else (rule,)
    statuses: set[int] = set()
    clauses: list[Clause] = []
    for case in cases:
        if isinstance(case, int) and not isinstance(case, bool):
            statuses.add(_checked_status(name, case))
        else:
            clauses.append(_clause(name, case))
    return Matcher(frozenset(statuses), tuple(clauses))


def _clause(name: str, case: object) -> Clause:
    if callable(case):
        check_plain(name, case)
        return Clause(None, None, function=Finder(case))
    if not isinstance(case, tuple) or not case:
        example = '403, ("error.code", "E17"), (400, "error.code", "E17"), a callable, or a list of these'
        raise TypeError(f"{name} must be such as {example}")
    status, rest = None, case
    if isinstance(case[0], int) and not isinstance(case[0], bool):
        status, rest = _checked_status(name, case[0]), case[1:]
        if not rest or isinstance(rest[0], int):
            raise TypeError(f"{name} must have a place after the status in a tuple; several statuses are a list")
    places = checked_place(f"the place in {name}", rest[0])
    if any(isinstance(each, Collection) and not isinstance(each, str) for each in rest[1:]):
        raise TypeError(f"{name} must have its values one after the other: (place, value, value)")
    return Clause(status, places, tuple(rest[1:]))


def _checked_status(name: str, status: int) -> int:
    if not 100 <= status <= 599:
        raise ValueError(f'{name} has {status}, which is not an HTTP status; a code needs its place: ("code", …)')
    return status
