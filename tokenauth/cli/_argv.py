"""Arguments of the auth classes on a command line: `--base-url URL`, `--form user=me`, `--secret env:MANISSECRET`.

Law: a secret is never a command-line argument: other users of the machine can see it, and the shell's history keeps it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

from tokenauth.cli._ending import Stop, plainly

WITH = "with-"
"""Stands before the name of an argument that the command itself has an option for: `--with-json`."""
SECRET = re.compile(
    r"pass|pwd|secret|token|(?<!idempotency[-_])key|pin$|otp|credential|assertion|signature|auth|cookie|session",
    re.IGNORECASE,
)
_TO_CLASS = "To give {0} to the auth class: --with-{0}"
_HOW = "prompt, env:NAME, file:PATH, keyring:service/user or command:'COMMAND'"


class Given(dict[str, list[str]]):
    """Arguments of auth classes, by name. *takes_value*: the command's own options, and whether each has a value."""

    def __init__(self, command: str, takes_value: Mapping[str, bool]) -> None:
        super().__init__()
        self.command = command
        self.takes_value = takes_value

    def option(self, name: str) -> str:
        """Return how the argument *name* is written here."""
        found = option(name)
        return f"--{WITH}{found[2:]}" if found in self.takes_value else found


class Command(TyperCommand):
    """A command that also takes the arguments of every auth class; they are the context's `obj`."""

    _class = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for word, following in zip(args, [*args[1:], ""], strict=False):
            if word.partition("=")[0] == "--class":
                self._class = word.partition("=")[2] or following
        takes_value = {
            name: not (getattr(each, "is_flag", False) or getattr(each, "count", False))
            for each in self.params
            for name in (*each.opts, *each.secondary_opts)
        }
        ctx.obj = self._given = Given(str(self.name), takes_value)
        try:
            own = taken_out(args, ctx.obj)
        except Stop:
            if not ctx.resilient_parsing:  # a shell completes a line that isn't finished
                raise
            own = []
        return super().parse_args(ctx, own)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, and those of the class that is named."""
        super().format_options(ctx, formatter)
        if self._class:
            with formatter.section(f"Arguments of {self._class}"):
                formatter.write_dl(_explained(self._class, self._given))


def taken_out(args: Sequence[str], found: Given) -> list[str]:
    """Return what of *args* is the command's own. *found* gets the arguments of auth classes."""
    own: list[str] = []
    rest = list(args)
    known: dict[str, bool] | None = None
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            return [*own, word, *rest]
        if not word.startswith("--") or name in found.takes_value or name == "--help":
            own.append(word)
            if rest and not equals and found.takes_value.get(name, False):
                own.append(rest.pop(0))
            elif name == "--json" and rest and re.match(r"[\w.-]+=|\{", rest[0]):
                raise Stop(f"--json is this command's own option and takes no value. {_TO_CLASS.format('json')}")
            continue
        known = _known() if known is None else known
        argument = name[2:].removeprefix(WITH).replace("-", "_")
        if argument not in known:
            _stop_at_typo(name, argument, found, known)
            own.append(word)
            continue
        if not equals:
            flag = known[argument]
            if not flag and not rest:
                raise Stop(f"{name} needs a value")
            value = "true" if flag else rest.pop(0)
        found.setdefault(argument, []).append(value)
    return own


def _stop_at_typo(written: str, argument: str, found: Given, known: Iterable[str]) -> None:
    """Stop if *argument* is spelled like one of the command's options or of the classes' arguments."""
    from tokenauth._core.nearest import nearest

    is_classes = written.startswith(f"--{WITH}")
    own = {each[2:].replace("-", "_") for each in found.takes_value if each.startswith("--") and not is_classes}
    near = nearest(argument, own.union(known))
    if near:
        raise Stop(f"no option {written}; did you mean {option(near) if near in own else found.option(near)}?")


def _explained(name: str, given: Given) -> list[tuple[str, str]]:
    """Return the options of a class, and the variable of each."""
    from tokenauth import profiles
    from tokenauth._config.env import words

    name = plainly(profiles.full_name, name)
    begin, every = words(name), profiles.signatures()[name].values()
    named = [(each, f"{begin}_{each.name}".upper()) for each in every if each.writable]
    return [(given.option(each.name), f"{variable}{'  (needed)' * each.required}") for each, variable in named]


def _known() -> dict[str, bool]:
    """Return the arguments of all classes, and whether each is a flag."""
    from tokenauth.profiles import signatures

    found = [each for kind in signatures().values() for each in kind.values()]
    return {each.name: each.flag for each in found if each.writable or each.secret}


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def values(kind: Any, given: Given, variable: str, prompt: Callable[[str], str]) -> dict[str, Any]:
    """Return the arguments of *kind* that *given* has. *variable*: what its variables begin with, for errors."""
    from tokenauth._config.parameters import nearest, parameters_of

    known = parameters_of(kind)
    for name in given:
        if name not in known:
            text = nearest(option(name), map(given.option, known)).partition(". There are")[0]
            raise Stop(f"{kind.__name__} takes no {option(name)}{text}")
    return {
        name: plainly(_value, given.option(name), known[name], texts, variable, prompt) for name, texts in given.items()
    }


def _value(label: str, parameter: Any, texts: list[str], variable: str, prompt: Callable[[str], str]) -> Any:
    from tokenauth._config.tables import argument
    from tokenauth._config.texts import from_text, json_in

    if parameter.secret:
        return secret(label, texts[-1], f", or set {variable}{parameter.name.upper()}", prompt)
    if parameter.mapping and not texts[-1].startswith("{"):
        return argument(parameter, dict(pair(label, each, prompt) for each in texts))
    if texts[-1][:1] in {"{", "["} and not parameter.text:
        _refuse_secrets(label, json_in(texts[-1], label))
    if parameter.pair and not texts[-1].startswith("["):
        return user(label, texts[-1], prompt)
    if parameter.several and len(texts) > 1:
        return argument(parameter, list(texts))
    return from_text(parameter, texts[-1], label)


def secret(label: str, text: str, more: str, prompt: Callable[[str], str]) -> Any:
    """Return the secret that *text* refers to. Stop if it looks like the secret itself."""
    found = referred(label, text, prompt)
    if found is None:
        why = "a secret on a command line is visible to every user of this machine, and stays in the shell's history"
        raise Stop(f"{label} takes no secret as text: {why}. Write {_HOW} instead{more}")
    return found


def referred(label: str, text: str, prompt: Callable[[str], str]) -> Any:
    """Return what "env:NAME", "prompt" and similar refer to; None if *text* is no reference."""
    from tokenauth._config.references import KINDS, FromFile, reference

    if text == "prompt":
        return prompt(label)
    name, colon, place = text.partition(":")
    if not colon or name not in KINDS:
        return None
    try:
        found = reference({name: shlex.split(place) if name == "command" else place})
        if found is None:
            raise Stop(f"{label}: write what comes after {name}:")
        if isinstance(found, FromFile) and found.is_pipe:  # it can be read once only, and a login may need it twice
            return found()
        found.check()
        return found
    except ValueError as problem:
        why = str(problem)
    raise Stop(f"{label}: {why}")


def pair(label: str, text: str, prompt: Callable[[str], str]) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Stop(f"{label} must be NAME=VALUE")
    found = referred(f"{label} {name}", value, prompt)
    if found is None and SECRET.search(name):
        return name, secret(f"{label} {name}", value, "", prompt)
    return name, value if found is None else found


def user(label: str, text: str, prompt: Callable[[str], str]) -> tuple[str, Any]:
    """Return the user, and the password that stands after a colon or is asked for."""
    name, _, place = text.partition(":")
    return name, secret(f"{label} {name}:", place or "prompt", "", prompt)


def _refuse_secrets(label: str, content: Any, name: str = "") -> None:
    from tokenauth._config.references import reference

    if isinstance(content, dict) and reference(content) is None:
        for key, each in content.items():
            _refuse_secrets(label, each, str(key))
    elif isinstance(content, list):
        for each in content:
            _refuse_secrets(label, each, name)
    elif isinstance(content, str) and SECRET.search(name):
        raise Stop(
            f'{label} has a secret in it ({name}): write {{"{name}": {{"env": "NAME"}}}}, file, keyring or command'
        )


def header(line: str, prompt: Callable[[str], str]) -> tuple[str, str, bool]:
    """Return name and value of a *line* that can be sent as it is, and whether the value is a secret it refers to."""
    from tokenauth._core.header_names import checked_header_name

    name, text = header_parts(line, f". {_TO_CLASS.format('header')}")
    try:
        _, value = pair("--header", f"{checked_header_name('the name of a --header', name)}={text}", prompt)
        value = value if isinstance(value, str) else value()
    except ValueError as problem:
        why = str(problem)
    else:
        is_secret = value != text
        if value.isprintable() and (value.isascii() or not is_secret):
            return name, value.strip(), is_secret
        why = f"--header {name} has a character that no header can have"
    raise Stop(why)


def header_parts(line: str, hint: str = "") -> tuple[str, str]:
    """Return name and value of a *line* such as "Accept: text/csv"."""
    name, colon, value = line.partition(":")
    if not colon:
        raise Stop(f"--header must be 'Name: value'{hint}")
    return name.strip(), value.strip()
