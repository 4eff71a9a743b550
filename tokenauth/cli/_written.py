"""The `LoginAuth(...)` call to paste, and the same as a profile. A secret is written as where it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenauth._config.references import FromCommand, FromEnv, FromFile, FromKeyring
from tokenauth._core.places import XML, Cookie, Header, Text
from tokenauth.providers._proposals import Proposal

_USUAL = {"token": "access_token", "token_type": "token_type", "expires_in": "expires_in", "expires_at": "", "unit": ""}


@dataclass(frozen=True)
class Ask:
    """A value that somebody must fill in: *name*."""

    name: str


@dataclass(frozen=True)
class Typed:
    """A secret that was typed; *variable* is where the program may look for it."""

    variable: str
    value: str = field(repr=False)

    def __call__(self) -> str:
        return self.value


def places(found: Proposal) -> dict[str, Any]:
    """Return the arguments that say what differs from OAuth's places."""
    stated = {name: getattr(found, name) for name in _USUAL}
    return {name: place for name, place in stated.items() if place is not None and place != _USUAL[name]}


def variable(name: str) -> str:
    """Return the name of an environment variable for a field."""
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_") or "SECRET"


def python(arguments: Mapping[str, Any], notes: list[str]) -> str:
    """Return the call. *arguments*: of `LoginAuth`, "url" first. *notes*: comments above it."""
    parts = sorted(
        {type(each).__name__ for each in arguments.values() if isinstance(each, Header | Cookie | Text | XML)}
    )
    body = [f"    {_code(arguments['url'])},"]
    body += [f"    {name}={_code(value)}," for name, value in arguments.items() if name != "url"]
    code = "\n".join(body)
    needed = {"os.environ": "import os", "keyring.": "import keyring", "subprocess.": "import subprocess"}
    lines = [line for name, line in needed.items() if name in code]
    lines += ["from pathlib import Path"] if "Path(" in code else []
    lines += ["", "from tokenauth import LoginAuth"] if lines else ["from tokenauth import LoginAuth"]
    lines += [f"from tokenauth.providers import {', '.join(parts)}"] if parts else []
    return "\n".join([*lines, "", *(f"# {note}" for note in notes), "auth = LoginAuth(", code, ")"])


def _code(value: Any) -> str:
    match value:
        case Ask(name):
            text = f'"<{name}>"'
        case dict():
            text = "{" + ", ".join(f"{_text(key)}: {_code(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            inner = ", ".join(map(_code, value))
            text = f"[{inner}]" if isinstance(value, list) else f"({inner})"
        case Header(name) | Cookie(name) | XML(name):
            text = f"{type(value).__name__}({_text(name)})"
        case FromEnv(name) | Typed(name, _):
            text = f'os.environ["{name}"]'
        case FromFile(path):
            text = f'lambda: Path({_text(path)}).read_text("utf-8").strip()'
        case FromKeyring(entry):
            service, _, user = entry.rpartition("/")
            text = f"lambda: keyring.get_password({_text(service)}, {_text(user)})"
        case FromCommand(argv):
            text = f'lambda: subprocess.check_output({list(argv)!r}, encoding="utf-8").strip()'
        case str():
            text = _text(value)
        case _:
            text = repr(value)
    return text


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def toml(arguments: Mapping[str, Any]) -> str:
    """Return the same as a profile."""
    lines = ["[my-api]", 'class = "login"']
    return "\n".join([*lines, *(f"{name} = {_toml(value)}" for name, value in arguments.items())])


def _toml(value: Any) -> str:
    match value:
        case Ask(name):
            value = f"<{name}>"
        case Header(what) | Cookie(what) | XML(what):
            value = {type(value).__name__.lower(): what}
        case Text():
            value = {"text": True}
        case FromEnv(what) | Typed(what, _):
            value = {"env": what}
        case FromFile(what):
            value = {"file": what}
        case FromKeyring(what):
            value = {"keyring": what}
        case FromCommand(what):
            value = {"command": what}
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list | tuple) else _text(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
