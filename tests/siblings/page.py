"""The recipes of docs/apis/recipes.md: one text for the page and for the tests.

A recipe is a heading `### …` and the block of Python after it. `made` runs a block as a reader would, with the hosts,
names and files in it replaced by a test's own.
"""

import ast
import functools
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "apis" / "recipes.md"
HOST = "https://login.example.com"
"""Of the recipes that are no one API's; each has its server in `test_siblings`."""
SECRET = "s3cret"

_RECIPE = re.compile(r"^### ([^\n]+)$(.*?)^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PARTS = {title: (text.strip(), block) for title, text, block in _RECIPE.findall(PAGE.read_text(encoding="utf-8"))}
BLOCKS = {title: block for title, (_, block) in _PARTS.items()}
_ORIGIN = re.compile(r'(?<!scope=")https://[\w.-]+')


def recipe(name: str) -> str:
    """Return the block whose heading is *name*, or whose text begins with the API's *name*."""
    found = [block for title, (text, block) in _PARTS.items() if title == name or text.startswith(name)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} recipes for {name} in {PAGE.name}")
    return str(found[0])


def length(block: str) -> int:
    """Return the lines that a reader has to think about: none of imports, blank lines and closing brackets."""
    lines = (line.strip() for line in block.splitlines())
    return len([line for line in lines if line.strip(")") and not re.match(r"(from|import) |auth = \w+\($", line)])


def hosted(block: str, urls: list[str]) -> str:
    """Return *block* with its hosts replaced by *urls*, in the order of their appearance; the last serves the rest."""
    hosts = list(dict.fromkeys(_ORIGIN.findall(block)))
    places = {host: urls[min(number, len(urls) - 1)] for number, host in enumerate(hosts)}
    return _ORIGIN.sub(lambda found: places[found[0]], block)


def made(block: str, urls: list[str], values: dict[str, str]) -> Any:
    """Run *block* and return its `auth`. *values*: what stands for an expression of the page, as Python."""
    namespace = dict(_defined(block))
    block = hosted(block, urls)
    for there, here in values.items():
        block = block.replace(there, here)
    rest = [each for each in ast.parse(block).body if not isinstance(each, ast.FunctionDef)]
    exec(compile(ast.Module(rest, []), PAGE.name, "exec"), namespace)
    return namespace["auth"]


@functools.cache
def _defined(block: str) -> dict[str, Any]:
    """Return the block's functions, made once, as a program's are: another function would make another credential."""
    namespace: dict[str, Any] = {}
    wanted = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    kept = [each for each in ast.parse(block).body if isinstance(each, wanted) or _is_constant(each)]
    exec(compile(ast.Module(kept, []), PAGE.name, "exec"), namespace)
    return namespace


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
