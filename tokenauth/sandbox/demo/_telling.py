"""The story on a terminal or in a pipe: each line begins when its scene does, and grows as its callers come back."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

from rich.console import Console
from rich.text import Text

from tokenauth.sandbox.demo._herds import Fared
from tokenauth.sandbox.demo._story import Chapter, Scene, Step, Told

BY_HAND, OURS = "by hand", "tokenauth"
_SCENE, _SIDE = 31, 32
"""Characters that the first two columns take."""
_OPENING = f"""
Each line happens twice, and the server counts the logins:
  [yellow]{BY_HAND.ljust(10)}[/] an auth class as many programs have one: it logs in, keeps the
             token, and logs in again after a 401
  [green]{OURS.ljust(10)}[/] our auth object, on the same client
"""
_NEXT = """
[bold]Try next[/]
  tokenauth demo --full   each API on each client, and crowds of 500
  tokenauth sandbox       this server, for your own code to call
  your own API, in one line; tokenauth describe writes it:

    import requests
    from tokenauth import LoginAuth
    auth = LoginAuth("https://api.example.com/login", json={...}, token="token")
    requests.get("https://api.example.com/orders", auth=auth)
"""


_STYLES = {BY_HAND: "yellow", OURS: "green"}
_ASCII = {ord("×"): "x", ord("✓"): "ok", ord("✗"): "!"}


class Teller:
    """Prints the steps of a story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.told: list[Told] = []

    def tell(self, steps: Iterable[Step]) -> None:
        """Print *steps* as they come, and keep what they told."""
        self._console.print(_OPENING, end="")
        for step in steps:
            if isinstance(step, Chapter):
                self._chapter(step)
            elif isinstance(step, Scene):
                self._say(f"  {step.title}".ljust(_SCENE))
            elif isinstance(step, Fared):
                self._say(_in_words(step).ljust(_SIDE), _STYLES[BY_HAND])
            else:
                self._end(step)

    def sum_up(self) -> None:
        """Print what all of it came to."""
        sides = {BY_HAND: [told.by_hand for told in self.told], OURS: [told.tokenauth for told in self.told]}
        requests = sum(sum(fared.outcomes.values()) for fared in sides[OURS])
        self._say(f"\nIn all, {requests:,} requests on each side\n", "bold")
        for who, fared in sides.items():
            logins, tries = sum(one.counted.logins for one in fared), sum(one.counted.refused for one in fared)
            failed = sum(_failed(one) for one in fared if not one.counted.refused)
            counts = f"{_many(logins, 'login')}, {_many(tries, 'try', 'tries')} of a wrong password"
            self._say(f"  {who}".ljust(13) + f"{counts}, {_many(failed, 'other failure')}\n", _STYLES[who])

    def next(self) -> None:
        """Print what to try next."""
        self._console.print(_NEXT, end="", soft_wrap=True)

    def _chapter(self, chapter: Chapter) -> None:
        title, space = chapter.title, _SCENE - len(chapter.title)
        self._say(f"\n{title}" + (" " * space if space > 0 else "\n" + " " * _SCENE), "bold")
        self._say(BY_HAND.ljust(_SIDE), _STYLES[BY_HAND])
        self._say(f"{OURS}\n", _STYLES[OURS])

    def _end(self, told: Told) -> None:
        text = _in_words(told.tokenauth)
        self._say(f"{text} ✓\n" if told.ok else f"{text} ✗ not as expected\n", _STYLES[OURS] if told.ok else "bold red")
        error = told.tokenauth.error
        if error and not any(one.tokenauth.error for one in self.told):  # once: it is much the same on every client
            indent = " " * 4
            self._say(fill(error, self._console.width, initial_indent=indent, subsequent_indent=indent) + "\n", "dim")
        self.told.append(told)

    def _say(self, text: str, style: str = "") -> None:
        if self._console.options.ascii_only:
            text = text.translate(_ASCII)
        self._console.print(Text(text, style), end="", soft_wrap=True)


def _in_words(fared: Fared) -> str:
    """Return such as "64 × 200, 1 login"."""
    counted = fared.counted
    statuses = [f"{count} × {name}" for name, count in sorted(fared.outcomes.items()) if name.isdigit()]
    errors = sum(count for name, count in fared.outcomes.items() if not name.isdigit())
    ends = [*statuses, _many(errors, "error")] if errors else statuses
    return ", ".join(
        [*ends, _many(counted.refused, "try", "tries") if counted.refused else _many(counted.logins, "login")]
    )


def _failed(fared: Fared) -> int:
    return sum(fared.outcomes.values()) - fared.outcomes.get("200", 0)


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
