"""`from_env`: an auth object from environment variables, named after the arguments of its class."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from tokenauth._config.parameters import Parameter, missing, parameters_of
from tokenauth._config.references import FromFile
from tokenauth._config.tables import blamed, made
from tokenauth._config.texts import from_text
from tokenauth._core.secrets import checked_text

FILE = "_FILE"


def words(name: str) -> str:
    """Return the name of a class in words: "client_credentials" for ClientCredentialsAuth."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.removesuffix("Auth")).lower()


def prefix_of(kind: type) -> str:
    """Return what the variables of a class begin with: "MANIS_" for ManisAuth."""
    return f"{words(kind.__name__).upper()}_"


def variables(kind: type, prefix: str | None = None) -> dict[str, Parameter]:
    """Return the variables that *kind* reads, each with its argument. Each may also have the suffix "_FILE"."""
    found = parameters_of(kind).values()
    return {f"{_begin(kind, prefix)}{each.name.upper()}": each for each in found if each.writable}


def _begin(kind: type, prefix: str | None) -> str:
    if prefix is not None:
        checked_text("prefix", prefix, empty=True)
    return prefix_of(kind) if prefix is None else f"{prefix.rstrip('_')}_" if prefix else ""


def from_env(kind: type, prefix: str | None, given: Mapping[str, Any]) -> Any:
    """Return the object of *kind* that variables describe, *given* over them.

    Raises:
        ValueError: a variable is missing, or can't be read. No value is shown.
    """
    found, needed = read(kind, prefix, given)
    if needed:
        raise ValueError(_missing(kind, list(needed)))
    unwritable = unwritable_of(kind, found)
    if unwritable:
        text = f"{kind.__name__} needs {unwritable}, which no variable can hold"
        raise ValueError(f"{text}: {kind.__name__}.from_env({unwritable}=…)")
    return made(kind, found, f"{kind.__name__}.from_env (variables {_begin(kind, prefix)}…)")


def unwritable_of(kind: type, found: Mapping[str, Any]) -> str | None:
    """Return the name of an argument that *kind* needs, that is not among *found*, and that no text can express."""
    return next((each.name for each in missing(kind, found) if not each.writable), None)


def read(kind: type, prefix: str | None, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Parameter]]:
    """Return the arguments that are there, and the required ones that are not, by their variables."""
    environ, found, needed = os.environ, dict(given), {}
    for variable, parameter in variables(kind, prefix).items():
        if parameter.name in found:
            continue
        if environ.get(variable + FILE):
            found[parameter.name] = _from_file(parameter, environ[variable + FILE], variable + FILE)
        elif environ.get(variable) or (parameter.required and variable in environ):
            text = environ[variable]
            found[parameter.name] = text if parameter.secret else from_text(parameter, text, variable)
        elif parameter.required:
            needed[variable] = parameter
    return found, needed


def _from_file(parameter: Parameter, path: str, label: str) -> Any:
    source = FromFile(path)
    if not parameter.secret:
        return from_text(parameter, blamed(label, source), label)
    blamed(label, source.check)
    return source


def _missing(kind: type, names: list[str]) -> str:
    text = f"{kind.__name__} needs {' and '.join(names)} in the environment"
    near = get_close_matches(names[0], os.environ, n=1, cutoff=0.85)
    hint = f"; is {near[0]}, which is set, a typo?" if near else f" (or {names[0]}{FILE}, the path of a file)"
    return text + hint
