"""Tables: converts arguments from TOML or JSON to what the class takes.

    token = {header = "X-Token"}                 a part of `tokenauth.providers`, by its name: Header("X-Token")
    password = {env = "PASSWORD"}                where a secret comes from: see `references`
    refresh = {url = "/refresh", form = {…}}     a Call
    rejected = ["code", "E17"]                   a rule: a list stands for a tuple
    sign = {signed = [{env = "KEY"}, {python = "mine.signing:sign"}]}     a function in a module
    json = {filter = {literal = {env = "x"}}}    a table as it is

The annotation of the argument says what may stand where, so that a JSON body may have a key "header".
"""

import importlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from tokenauth import providers
from tokenauth._config.parameters import Parameter, missing, nearest, parameters_of
from tokenauth._config.references import KINDS, Reference, reference
from tokenauth.providers import Call
from tokenauth.providers._values import Computed

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def arguments(taker: Any, table: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the arguments for *taker* that *table* has. *label* names the table in errors.

    Raises:
        TypeError, ValueError: a key that *taker* doesn't take, or a value that can't be read. No value is shown.
    """
    known = parameters_of(taker)
    unknown = [name for name in table if name not in known]
    if unknown:
        raise ValueError(f"{label} has no setting {unknown[0]!r}{nearest(unknown[0], known)}")
    return {name: blamed(label, argument, known[name], value) for name, value in table.items()}


def made(taker: Any, given: Mapping[str, Any], label: str) -> Any:
    """Return what *taker* makes of *given*. An error says that *label* is at fault, and what it needs."""
    needed = [each.name for each in missing(taker, given)]
    if needed:
        raise ValueError(f"{label} needs {' and '.join(needed)}: write {needed[0]} = …")
    return blamed(label, taker, **given)


def blamed(label: str, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Return what *function* returns. An error says that *label* is at fault."""
    try:
        return function(*arguments, **named)
    except (TypeError, ValueError) as problem:
        text, fault = str(problem), TypeError if isinstance(problem, TypeError) else ValueError
    raise fault(f"{label}: {text}")


def argument(parameter: Parameter, value: Any) -> Any:
    """Return the *value* of one argument as the class takes it."""
    if parameter.name == "store":
        return _store(value)
    if isinstance(value, Mapping):
        return _of_table(parameter, value)
    if isinstance(value, list):
        return _of_list(parameter, value)
    if isinstance(value, str) and (named := _VARIABLE.fullmatch(value)) and (named[1] or named[2] in os.environ):
        raise ValueError(f'{parameter.name}: variables are not expanded in here: write {{env = "NAME"}}')
    return value


def _of_table(parameter: Parameter, table: Mapping[str, Any]) -> Any:
    found = reference(table)
    is_content = Mapping in parameter.kinds and not (found and parameter.secret)
    if is_content:  # its keys are names that the API reads
        _, inner = parameter.kinds[Mapping]
        inner = Any | Computed if inner is Any else inner  # what can be sent, if it is of anything, as a JSON body is
        return {name: argument(Parameter(name, inner, required=True), each) for name, each in table.items()}
    if found is not None:
        return _read(parameter, found)
    part = _part(parameter, table)
    if part is not None:
        return part
    if Call in parameter.kinds or any(Call in inner for inner in parameter.kinds.values()):
        return made(Call, arguments(Call, table, parameter.name), parameter.name)
    if Any in parameter.kinds:
        if set(table) == {"literal"}:
            return table["literal"]
        return {name: argument(parameter, each) for name, each in table.items()}
    places = ", ".join(f"{{{kind} = …}}" for kind in KINDS)
    raise ValueError(f"{parameter.name} has a table without a meaning here; a secret may come from {places}")


def _of_list(parameter: Parameter, values: list[Any]) -> Any:
    if parameter.rule:
        return _rule(values)
    if parameter.place:
        return tuple(argument(parameter, each) for each in values)
    if tuple in parameter.kinds:
        kinds = parameter.kinds[tuple]
        kinds = kinds if len(kinds) == len(values) and ... not in kinds else (Any,) * len(values)
        pairs = zip(kinds, values, strict=True)
        return tuple(argument(Parameter(parameter.name, kind, required=True), each) for kind, each in pairs)
    return [argument(parameter, each) for each in values]


def _rule(values: list[Any]) -> Any:
    """Return a rule: [403, ["code", "E1"]] is a list of cases, ["code", "E1"] and [400, "code", "E1"] are one case."""
    is_case = any(isinstance(each, str) for each in values[:2])
    return tuple(values) if is_case else [_rule(each) if isinstance(each, list) else each for each in values]


def _read(parameter: Parameter, found: Reference) -> Any:
    """Return the reference where the class reads it at each login, and else what it gives now."""
    blamed(parameter.name, found.check)
    return found if parameter.secret or Any in parameter.kinds else blamed(parameter.name, found)


def _part(parameter: Parameter, table: Mapping[str, Any]) -> Any:
    """Return the part of `tokenauth.providers` that the only key of *table* names, where it may stand here."""
    if len(table) != 1:
        return None
    ((name, given),) = table.items()
    if name == "python":
        return _imported(parameter.name, given)
    kinds = {plain(each): each for each in providers.__all__}
    kind = getattr(providers, kinds[plain(name)]) if plain(name) in kinds else None
    if not isinstance(kind, type):
        return None
    fits = {*kind.__mro__[:-1], *([Callable] if "__call__" in vars(kind) else [])}  # a JWT can be called
    if parameter.kinds.keys().isdisjoint(fits):
        return None
    if given is True:  # {text = true}
        given = {}
    elif not isinstance(given, Mapping) or (len(given) == 1 and {"python", *KINDS} & set(given)):
        values, takes = given if isinstance(given, list) else [given], list(parameters_of(kind))
        if len(values) > len(takes):
            raise ValueError(f"{name} takes {' and '.join(takes) or 'nothing'} only")
        given = dict(zip(takes, values, strict=False))
    return made(kind, arguments(kind, given, name), name)


def plain(name: str) -> str:
    """Return *name* in the one spelling of client_credentials, client-credentials and ClientCredentials."""
    return name.replace("-", "").replace("_", "").lower()


def _imported(name: str, place: object) -> Any:
    module, _, member = place.partition(":") if isinstance(place, str) else ("", "", "")
    if not module or not member:
        raise ValueError(f'{name}: python must be "module:name"')
    try:
        return getattr(importlib.import_module(module), member)
    except (ImportError, AttributeError, TypeError, ValueError) as problem:  # the last two: of a relative name
        kind = type(problem).__name__
    raise ValueError(f"{name}: {place} can't be imported ({kind})")


def _store(value: Any) -> Any:
    """Return a store: "file", a folder for one, or the URL of a Redis, which may come from elsewhere, too."""
    value = _read(Parameter("store", str, required=False), found) if (found := reference(value)) else value
    if not isinstance(value, str):
        return value
    from tokenauth import stores  # noqa: PLC0415  (each needs an extra)

    if "://" in value or value.partition(":")[0] in {"redis", "rediss", "unix", "valkey"}:  # which says what a URL is
        return stores.RedisStore(value)
    return stores.FileStore() if value == "file" else stores.FileStore(value)
