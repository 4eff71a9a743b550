"""Places: where a value is in a response. Every argument that locates a value uses this vocabulary.

    "data.0.jwt"     a key of the JSON body, else a dotted path with list indexes; "" is the whole JSON value
    Header("X-Token"), Cookie("SID"), Cookie()     a header; a cookie that is set; all of them, as "a=1; b=2"
    Text(), XML("sessionId"), Match("id=(.*)")     the whole text; an XML element's text; a regular expression's group
    a callable       takes the JSON value, or the text if the body is not JSON
    a tuple of these: the first place that exists

Law: a response may hold anything, and nothing here raises because of it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from tokenauth._core.finder import Finder
from tokenauth._core.frozen import Frozen
from tokenauth._core.header_names import checked_header_name
from tokenauth._core.secrets import check_plain, checked_text

NOTHING: Any = object()
"""Stands for the JSON value if a response is not JSON."""

_COOKIES = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")  # clients join several Set-Cookie headers by commas


class Header(Frozen):
    """A response header, such as `Header("X-Auth-Token")`."""

    name: str

    def __post_init__(self) -> None:
        checked_header_name("the name of a Header", self.name)

    def _in(self, answer: "Answer") -> str | None:
        return answer.headers.get(self.name.lower())

    def _told(self) -> str:
        return f"the header {self.name}"


class Cookie(Frozen):
    """A cookie that the response sets. Without a name: all of them, in the form of a `Cookie` header."""

    name: str = ""

    def __post_init__(self) -> None:
        checked_text("the name of a Cookie", self.name, empty=True)

    def _in(self, answer: "Answer") -> str | None:
        if self.name:
            return answer.cookies.get(self.name)
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())

    def _told(self) -> str:
        return f"the cookie {self.name}" if self.name else "the cookies"


class Text(Frozen):
    """The whole text of the response body."""

    def _in(self, answer: "Answer") -> str:
        return answer.text.strip()

    def _told(self) -> str:
        return "the text"


class XML(Frozen):
    """The text of the first XML element of this name, without its prefix."""

    tag: str

    def __post_init__(self) -> None:
        checked_text("the tag of an XML", self.tag)

    def _in(self, answer: "Answer") -> str | None:
        return answer.elements.get(self.tag)

    def _told(self) -> str:
        return f"the element <{self.tag}>"


class Match(Frozen):
    """The first group of a regular expression in the body's text, or the whole match if it has no groups."""

    pattern: str

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise TypeError(f"the pattern of a Match must be a str, not {type(self.pattern).__name__}")
        try:
            re.compile(self.pattern)
        except (re.error, TypeError):
            raise ValueError("the pattern of a Match is not a regular expression") from None

    def _in(self, answer: "Answer") -> str | None:
        match = re.search(self.pattern, answer.text)
        return None if match is None else match[1] if match.re.groups else match[0]

    def _told(self) -> str:
        return "a match of the pattern"


Place = str | Header | Cookie | Text | XML | Match | Callable[[Any], object] | tuple[Any, ...]
"""Where a value is in a response. Of several places the first one that exists counts."""

Places = tuple[Any, ...]
"""A Place as it is held: one or several, each callable a Finder."""

_KIND = Header | Cookie | Text | XML | Match


def checked_place(name: str, place: Place | None) -> Places | None:
    """Return *place*, the argument *name*, as a tuple."""
    if place is None:
        return None
    places = place if isinstance(place, tuple) else (place,)
    if not places:
        raise TypeError(f"{name} must name a place in the answer, such as 'data.token'")
    return tuple(_checked(name, each) for each in places)


def _checked(name: str, place: object) -> object:
    if isinstance(place, str | _KIND):
        return place
    if isinstance(place, type) and issubclass(place, _KIND):
        raise TypeError(f"{name} must not be the class {place.__name__}: write {place.__name__}(…)")
    if callable(place):
        check_plain(name, place)
        return Finder(place)
    kinds = "Header(…), Cookie(…), Text(), XML(…), Match(…)"
    raise TypeError(f"{name} must be a key, a dotted path, {kinds}, a callable, or a tuple of these")


def by_name(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with their names in lower case. Lines of one name are joined by commas (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for spelled, value in headers.items():
        name = spelled.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class Answer:
    """An answer to look things up in; what is not asked for is not parsed. *headers*: any case."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = by_name(headers)
        self.body = body

    @cached_property
    def content(self) -> Any:
        """The JSON value, or NOTHING."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return NOTHING

    @cached_property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @cached_property
    def cookies(self) -> dict[str, str]:
        pairs = (each.partition(";")[0].partition("=") for each in _COOKIES.split(self.headers.get("set-cookie", "")))
        return {name.strip(): value.strip().strip('"') for name, equals, value in pairs if equals}

    @cached_property
    def elements(self) -> dict[str, str]:
        """The text of the first XML element of each name. A document type is refused: its entities may expand."""
        if b"<!" in self.body and re.search(rb"<!(?:DOCTYPE|ENTITY)", self.body, re.IGNORECASE):
            return {}
        from xml.etree import ElementTree  # noqa: PLC0415  (few answers are XML)

        found: dict[str, str] = {}
        try:
            for each in ElementTree.fromstring(self.body).iter():  # noqa: S314  (no document type, and 1 MiB at most)
                found.setdefault(str(each.tag).rpartition("}")[2], (each.text or "").strip())
        except (ElementTree.ParseError, ValueError, LookupError):
            return {}
        return found


def found(answer: Answer, places: Places | None, *, scalars: bool = False) -> Any:
    """Return what is at the first of *places* that holds something, or None.

    With *scalars*, places with an object, a list or "" count as empty. A callable that raises has found nothing.
    """
    values = (_at(answer, place) for place in places or ())
    return next((value for value in values if not _is_empty(value, scalars=scalars)), None)


def _at(answer: Answer, place: Any) -> Any:
    if isinstance(place, str):
        return in_json(answer.content, place)
    if isinstance(place, _KIND):
        return place._in(answer)
    try:
        return place(answer.text if answer.content is NOTHING else answer.content)
    except Exception:  # the answer has not the shape that the user's callable expects
        return None


def in_json(content: Any, place: str) -> Any:
    """Return what the JSON value *content* has at a key, a dotted path or "" (itself); None where nothing is."""
    if content is NOTHING or not place:
        return None if content is NOTHING else content
    if isinstance(content, dict) and place in content:  # an exact key first: keys such as ".issued" have a dot
        return content[place]
    value = content
    for key in place.split("."):
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and key.isascii() and int(key[:9]) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_empty(value: object, *, scalars: bool) -> bool:
    return value is None or (scalars and (value == "" or isinstance(value, dict | list)))


def same(value: object, expected: object) -> bool:
    """Whether two values of an answer mean the same: numbers and texts of them do, a bool only itself."""
    if value is None or isinstance(value, bool | dict | list) or isinstance(expected, bool):
        return value is expected
    return str(value).strip() == str(expected)


def described(places: Places | None) -> str:
    """Return *places* in words, for errors."""
    return " or ".join(map(_in_words, places or ()))


def _in_words(place: object) -> str:
    if isinstance(place, str):
        return repr(place) if place else "the JSON value itself ('')"
    return place._told() if isinstance(place, _KIND) else "what the callable returns"


def keys_of(content: object) -> list[str]:
    """Return the dotted paths of what is in a JSON value, for errors: names, never values. 30 and 3 levels at most."""
    return [path for path, _ in islice(leaves(content, levels=3), 30)]


def leaves(content: object, prefix: str = "", *, levels: int = 6) -> Iterator[tuple[str, object]]:
    """Yield the path and the value of all that is in a JSON value and is neither object nor list."""
    if isinstance(content, dict | list) and levels:
        pairs = content.items() if isinstance(content, dict) else ((str(i), each) for i, each in enumerate(content[:5]))
        for key, value in pairs:
            yield from leaves(value, f"{prefix}.{key}" if prefix else key, levels=levels - 1)
    elif content is not NOTHING:
        yield prefix, content
