"""Texts: an argument as an environment variable or a command line has it."""

import json
from typing import Any

from tokenauth._config.parameters import Parameter
from tokenauth._config.tables import argument

_YES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def from_text(parameter: Parameter, text: str, label: str) -> Any:
    """Return the argument that *text* says. ValueError names *label*, and shows nothing of the text."""
    if parameter.flag:
        if text.lower() not in _YES:
            raise ValueError(f"{label} must be true or false")
        return _YES[text.lower()]
    if parameter.number:
        return json_in(text, label, "a number, such as 2.5")
    if text[:1] in {"{", "["} and not parameter.kinds.keys() <= {str, type(None)}:
        return argument(parameter, json_in(text, label))
    if parameter.several and not parameter.text:
        return argument(parameter, [part.strip() for part in text.split(",") if part.strip()])
    if parameter.rule or (not parameter.text and parameter.name != "store"):
        return argument(parameter, json_in(text, label))
    return argument(parameter, text)


def json_in(text: str, label: str, wanted: str = 'JSON, such as 403, ["code", "E17"] or {"name": "value"}') -> Any:
    """Return the JSON value of *text*. ValueError names *label* and what is *wanted*, and shows nothing of the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    raise ValueError(f"{label} must be {wanted}")
