"""From an OpenAPI document to the arguments of `LoginAuth`. What the document doesn't say is prompted or left open."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenauth._core.places import Answer, keys_of
from tokenauth._core.places import found as stands_at
from tokenauth.cli import _screen
from tokenauth.cli._argv import SECRET
from tokenauth.cli._ending import Stop
from tokenauth.cli._shape import shape
from tokenauth.cli._written import Ask, Typed, places, variable
from tokenauth.providers._proposals import proposed

_METHODS = ("post", "get", "put", "patch")
_LOGIN = re.compile(r"token|log-?in|auth|sign-?in|session|credential", re.IGNORECASE)
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CLIENTS = {"accept-encoding", "accept-language", "user-agent", "content-length", "host"}
_FORM = "application/x-www-form-urlencoded"
_MOST = 3  # times that one schema is described


def described(path: str, operation: str | None, url: str | None) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return arguments of `LoginAuth`, notes, and the shape of the answer. *url*: of the server, where it is known."""
    document = _Document(_loaded(path))
    method, place, chosen = document.operation(operation)
    notes = [f"From {Path(path).name}: {method.upper()} {place}"]
    written: dict[str, Any] = {"url": _url(document, chosen, place, url, notes)}
    if method != "post":
        written["method"] = method.upper()
    written |= _sent(document, chosen)
    answer = document.answer(chosen)
    found = proposed(answer)
    written |= places(found)
    if found.token is None:
        there = ", ".join(keys_of(answer.content)) or "no keys"
        written["token"] = _asked(
            "the token", f"where the token is in the answer; there are {there}", notes, "data.jwt"
        )
    if found.expires_in is None and found.expires_at is None:
        notes.append("The document does not say how long a token lives: lifetime=seconds, if you know it.")
    elif found.expires_in is None and isinstance(stands_at(answer, (found.expires_at,)), int):
        notes.append(f"The document does not say the unit of {found.expires_at}; its size tells, or unit= does.")
    notes += [f"Fill in {each}." for each in _open(written)]
    return written, notes, shape(answer)


def _loaded(path: str) -> Mapping[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8") if path != "-" else sys.stdin.read()
    except OSError as problem:
        why = f"can't be read: {problem.strerror or type(problem).__name__}"
    except UnicodeDecodeError:
        why = "is not UTF-8 text"
    else:
        for each in (text, *_FENCE.findall(text)):  # a page of Markdown may have it in a block
            content = _parsed(each)
            if isinstance(content, dict) and isinstance(content.get("paths"), dict):
                return content
        why = (
            "contains no OpenAPI document (YAML or JSON with paths). Without one: tokenauth describe URL -d NAME=VALUE"
        )
    raise Stop(f"{path} {why}")


def _parsed(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)  # JSON is YAML, too
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


class _Document:
    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self._described: Counter[int] = Counter()

    def at(self, value: Any, depth: int = 20) -> dict[str, Any]:
        """Return *value*, or what its $ref refers to, as a dict."""
        while isinstance(value, dict) and "$ref" in value and depth:
            value, depth = self._referred(str(value["$ref"])), depth - 1
        return value if isinstance(value, dict) else {}

    def _referred(self, reference: str) -> Any:
        found: Any = self.content if reference.startswith("#/") else {}
        for key in reference[2:].split("/"):
            name = key.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def server(self, operation: dict[str, Any]) -> str:
        """Return the URL of the first server, with the defaults of its variables, or ""."""
        content = self.content
        first = next(map(self.at, operation.get("servers") or content.get("servers") or []), {})
        if content.get("host"):  # of Swagger 2.0
            return (
                f"{next(iter(content.get('schemes') or []), 'https')}://{content['host']}{content.get('basePath', '')}"
            )
        defaults = {name: self.at(each).get("default") for name, each in self.at(first.get("variables")).items()}
        return re.sub(r"\{(.*?)\}", lambda found: str(defaults.get(found[1]) or found[0]), str(first.get("url", "")))

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for place, item in self.content["paths"].items():
            shared = self.at(item).get("parameters") or []
            for method in _METHODS:
                one = self.at(self.at(item).get(method))
                if one:
                    yield method, str(place), {**one, "parameters": [*shared, *(one.get("parameters") or [])]}

    def operation(self, wanted: str | None) -> tuple[str, str, dict[str, Any]]:
        """Return the operation that *wanted* names, else the one that looks like a login."""
        every = list(self.operations())
        if wanted is not None:
            for each in every:
                if wanted.lower() in {_plain(each).lower(), _named(each).lower()}:
                    return each
            raise Stop(f"the document has no operation {wanted!r}. There are: {_some(every)}")
        likely = [
            each for each in every if _LOGIN.search(f"{each[1]} {each[2].get('operationId')} {each[2].get('summary')}")
        ]
        for some in (likely, every):
            if len(some) == 1:
                return some[0]
            if some:
                raise Stop(f"which operation is the login? --operation {_some(some)!r}")
        raise Stop("the document has no operations")

    def body(self, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the kind of the request's body, and its schema."""
        given = list(map(self.at, operation.get("parameters") or []))
        fields = {each.get("name"): each for each in given if each.get("in") == "formData"}
        old = next(({"json": each} for each in given if each.get("in") == "body"), {})  # of Swagger 2.0, like formData
        content = self.at(operation.get("requestBody")).get("content") or old
        if fields:
            return _FORM, {"properties": fields}
        kind = next((each for each in content if "form-urlencoded" in each), next(iter(content), ""))
        return kind, self.at(self.at(content.get(kind)).get("schema"))

    def answer(self, operation: dict[str, Any]) -> Answer:
        """Return an answer as the document describes a success, with invented values."""
        responses = operation.get("responses") or {}
        status = next((each for each in responses if str(each).startswith("2")), None)
        response = self.at(responses.get(status)) if status is not None else {}
        content = response.get("content") or {"json": response}  # of Swagger 2.0
        schema = next((self.at(each).get("schema") for kind, each in content.items() if "json" in kind), None)
        headers = {str(name): "x" * 24 for name in response.get("headers") or {}}
        body = b"" if schema is None else json.dumps(self.sample(schema)).encode()
        return Answer(200, headers, body)

    def sample(self, schema: Any, depth: int = 8) -> Any:
        """Return a value that *schema* describes."""
        schema = self.at(schema)
        if not depth:
            return None
        some = [
            each for each in schema.get("oneOf") or schema.get("anyOf") or [] if self.at(each).get("type") != "null"
        ]
        if some:
            return self.sample(some[0], depth - 1)
        fields = dict(schema.get("properties") or {})
        for part in schema.get("allOf") or []:
            fields |= self.at(part).get("properties") or {}
        if fields:
            self._described[id(schema)] += 1
            if self._described[id(schema)] > _MOST:  # it contains itself, or others that contain it
                return None
            return {str(name): self.sample(each, depth - 1) for name, each in fields.items()}
        kind = schema.get("type")
        kind = next((each for each in kind if each != "null"), None) if isinstance(kind, list) else kind
        if kind == "array":
            return [self.sample(schema.get("items"), depth - 1)]
        return {"integer": 1, "number": 1, "boolean": True, "object": {}}.get(str(kind), "x" * 24)


def _plain(operation: tuple[str, str, dict[str, Any]]) -> str:
    return f"{operation[0].upper()} {operation[1]}"


def _named(operation: tuple[str, str, dict[str, Any]]) -> str:
    return str(operation[2].get("operationId") or _plain(operation))


def _some(operations: list[tuple[str, str, dict[str, Any]]]) -> str:
    return " | ".join(map(_named, operations[:8]))


def _url(document: _Document, operation: dict[str, Any], place: str, given: str | None, notes: list[str]) -> Any:
    stated = document.server(operation)
    root = stated.rstrip("/") if stated.startswith("/") else ""
    server = given or stated
    if not re.match(r"https?://[^/{]*[.:\w]", server) or "{" in server:
        server = _asked("the server", "the server's URL", notes, "https://api.example.com")
    if isinstance(server, Ask):
        return f"https://<{server.name}>{root}{place}"
    return f"{server.rstrip('/').removesuffix(root)}{root}/{place.lstrip('/')}"


def _sent(document: _Document, operation: dict[str, Any]) -> dict[str, Any]:
    """Return what the login sends."""
    found: dict[str, Any] = {}
    for each in map(document.at, operation.get("parameters") or []):
        name, where = str(each.get("name")), each.get("in")
        kind = {"header": "headers", "query": "params"}.get(str(where))
        value = _value(name, document.at(each.get("schema")) or each)
        if kind is None or (kind == "headers" and _is_ours(name.lower(), value)):
            continue
        found.setdefault(kind, {})[name] = value
    kind, schema = document.body(operation)
    fields = {str(name): document.at(each) for name, each in (schema.get("properties") or {}).items()}
    if fields:
        filled = {name: _value(name, each) for name, each in fields.items() if each.get("default", "") is not None}
        found["form" if kind == _FORM else "json"] = filled
    content = document.content
    schemes = document.at(content.get("components")).get("securitySchemes") or content.get("securityDefinitions") or {}
    for requirement in operation.get("security", content.get("security")) or []:
        for name in requirement:
            found |= _secured(document.at(schemes.get(name)), found)
    return found


def _is_ours(name: str, value: Any) -> bool:
    """Whether a header is sent anyway, or by the client as it sees fit."""
    return name in {"accept", "content-type", "authorization"} or (name in _CLIENTS and isinstance(value, Ask))


def _secured(scheme: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if "basic" in {str(scheme.get("type")), str(scheme.get("scheme")).lower()}:
        return {"basic": (Ask("user"), Typed("PASSWORD", ""))}
    if scheme.get("type") == "apiKey" and scheme.get("in") in {"header", "query"}:
        kind, name = ("headers" if scheme["in"] == "header" else "params"), str(scheme.get("name"))
        return {kind: {**found.get(kind, {}), name: Typed(variable(name), "")}}
    return {}


def _value(name: str, schema: dict[str, Any]) -> Any:
    choices = schema.get("enum") or []
    fixed = schema.get("const", choices[0] if len(choices) == 1 else None)
    if fixed is not None:
        return fixed
    if SECRET.search(name) and name.lower() != "grant_type":
        return Typed(variable(name), "")
    default = schema.get("default")
    return default if default is not None and "<" not in str(default) else Ask(name)


def _asked(name: str, what: str, notes: list[str], example: str) -> Any:
    """Return what a person says, on a terminal; else leave it open."""
    if sys.stdin.isatty():
        line = _screen.asked(f"The document does not say {what} (such as {example}): ")
        if line:
            return line
    notes.append(f"The document does not say {what}.")
    return Ask(name)


def _open(value: Any) -> Iterator[str]:
    if isinstance(value, Ask):
        yield f"<{value.name}>"
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ():
        yield from _open(each)
