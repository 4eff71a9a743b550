"""What `tokenauth demo --full` found, as tables for people; and all of a demo as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tokenauth.sandbox.demo._cases import CASES, STEPS
from tokenauth.sandbox.demo._herds import HerdResult
from tokenauth.sandbox.demo._steps import Result
from tokenauth.sandbox.demo._story import Told

_STEPS_CAPTION = """\
logins · 401s · 200s, as the server counted them (expected)
revoked: by a POST whose body must arrive whole · expired: two requests"""
_PASSED = "[green]✓[/]"
_FAILED = "[red]✗[/]"


@dataclass(frozen=True)
class Outcome:
    """All that the demo found, and how many seconds it took; results and herds only with ``--full``."""

    told: list[Told]
    results: list[Result]
    herds: list[HerdResult]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.wrong

    @property
    def wrong(self) -> list[Told | Result | HerdResult]:
        """What was not as expected."""
        every: list[Told | Result | HerdResult] = [*self.told, *self.results, *self.herds]
        return [one for one in every if not one.ok]

    def as_json(self) -> str:
        """Return ``{"ok": bool, "seconds": float, "story": […], "results": […], "herds": […]}``."""
        content = {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "story": [asdict(one) for one in self.told],
            "results": [asdict(one) | {"ok": one.ok} for one in self.results],
            "herds": [asdict(one) | {"ok": one.ok} for one in self.herds],
        }
        return json.dumps(content, indent=2)


def show(outcome: Outcome, console: Console) -> None:
    """Print the two tables of *outcome*."""
    console.print(_steps_table(outcome.results))
    console.print(_herds_table(outcome.herds))


def show_end(outcome: Outcome, console: Console) -> None:
    """Print what was wrong, and one line that says how it ended."""
    for one in outcome.wrong:
        console.print(escape(_problem(one)), style="red")
    end = "all as expected" if outcome.ok else f"{len(outcome.wrong)} differences"
    style = "bold green" if outcome.ok else "bold red"
    console.print(f"{end}, {outcome.seconds:.1f} s", style=style, highlight=False)


def _steps_table(results: list[Result]) -> Table:
    table = _table("One client at a time", _STEPS_CAPTION)
    for heading in ("", *STEPS):
        table.add_column(heading)
    for case in CASES:
        mine = [one for one in results if one.provider == case.title]
        table.add_row(f"[bold]{case.title}", *(f"({case.expected[step]})" for step in STEPS))
        for client in dict.fromkeys(one.client for one in mine):
            own = [one for one in mine if one.client == client]
            cells = {one.step: f"{one.counted} {_PASSED if one.ok else _FAILED}" for one in own}
            table.add_row(f"  {client}", *(cells.get(step, _FAILED) for step in STEPS))
        table.add_section()
    return table


def _herds_table(herds: list[HerdResult]) -> Table:
    table = _table("Crowds", "counted by the server (expected); a token call takes 0.2 s")
    for heading in ("", "start", "logins", "401s", "200s", "s"):
        table.add_column(heading, no_wrap=True)
    for provider in dict.fromkeys(herd.provider for herd in herds):
        table.add_row(f"[bold]{provider}")
        for herd in (one for one in herds if one.provider == provider):
            table.add_row(*_herd_row(herd))
        table.add_section()
    return table


def _herd_row(herd: HerdResult) -> list[str]:
    least, most = herd.expected_unauthorized
    expected = str(most) if least == most else f"{least}..{most}"
    return [
        f"  {herd.crowd}",
        "cold" if herd.cold else "revoked",
        f"{herd.counted.logins} (1)",
        f"{herd.counted.unauthorized} ({expected})",
        f"{herd.counted.ok} ({herd.size})",
        f"{herd.seconds:.2f} {_PASSED if herd.ok else _FAILED}",
    ]


def _table(title: str, caption: str) -> Table:
    return Table(title=title, caption=caption, box=SIMPLE_HEAD, pad_edge=False)


def _problem(one: Told | Result | HerdResult) -> str:
    if isinstance(one, Told):
        saw, counted = one.tokenauth.outcomes, one.tokenauth.counted
        return f"{one.callers}, {one.scene}: the callers saw {saw}, the server {counted}"
    if isinstance(one, Result):
        problem = one.problem or f"counted {one.counted}, expected {one.expected}"
        return f"{one.provider}, {one.client}, {one.step}: {problem}"
    start = "cold" if one.cold else "after revocation"
    return f"{one.provider}, {one.crowd}, {start}: the callers saw {one.outcomes}"
