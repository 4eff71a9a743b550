"""Signature: the headers, parameters and cookies that authenticate a request."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from tokenauth._core.frozen import Frozen, part
from tokenauth._core.token import Token, exact


class Signature(Frozen):
    """Headers, query parameters and cookies for one request. They hold secrets, so repr hides them.

    The cookies go into the request's `Cookie` header next to the client's own, and never into its cookie jar.
    """

    headers: Mapping[str, str] = part(default_factory=dict, repr=False)
    params: Mapping[str, str] = part(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = part(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Take each value as plain text: a client may ask a subclass of str for its text, and get another one."""
        for name in ("headers", "params", "cookies"):
            plain = {exact(name): exact(value) for name, value in getattr(self, name).items()}
            object.__setattr__(self, name, plain)

    def url(self, url: str) -> str:
        """Return *url* with our query parameters. They replace parameters with the same names."""
        if not self.params:
            return url
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair and _name(pair) not in self.params]
        ours = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.params.items()]
        return urlunsplit(parts._replace(query="&".join(kept + ours)))

    def headers_beside(self, cookie: str | bytes | None) -> dict[str, str]:
        """Return our headers for a request with the `Cookie` header *cookie*. Our cookies replace the same names."""
        if not self.cookies:
            return dict(self.headers)
        kept = self.foreign_cookies(cookie)
        return {**self.headers, "Cookie": "; ".join([*([kept] if kept else []), *self._pairs()])}

    def foreign_cookies(self, cookie: str | bytes | None) -> str:
        """Return the `Cookie` header *cookie* without our cookies."""
        text = _text(cookie)
        pairs = text.split(";")
        kept = [pair for pair in pairs if pair.partition("=")[0].strip() not in self.cookies]
        return text if len(kept) == len(pairs) else ";".join(kept).strip()

    def _pairs(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.cookies.items()]

    def is_on(self, headers: Mapping[str, Any], url: str) -> bool:
        """Whether a request with *headers* to *url* carries exactly this signature."""
        cookies = {pair.strip() for pair in _text(headers.get("Cookie")).split(";")} if self.cookies else set()
        carried = all(headers.get(name) == value for name, value in self.headers.items())
        return carried and cookies.issuperset(self._pairs()) and (not self.params or self._is_in(url))

    def _is_in(self, url: str) -> bool:
        """Whether the query of *url* has exactly our parameters, wherever among others and however coded."""
        pairs = [pair for pair in urlsplit(url).query.split("&") if _name(pair) in self.params]
        return sorted((_name(pair), unquote_plus(pair.partition("=")[2])) for pair in pairs) == sorted(
            self.params.items()
        )

    def shares_a_name(self, other: "Signature") -> bool:
        """Whether a request can't carry all of this signature and all of *other*."""
        names = ({*map(str.lower, each.headers)} for each in (self, other))
        return bool(
            set.intersection(*names) or self.params.keys() & other.params.keys() or self.cookies.keys() & other.cookies
        )

    def parts(self) -> Iterator["Signature"]:
        """Yield what can be on a request without the rest: each header, all parameters, all cookies."""
        yield from (Signature({name: value}) for name, value in self.headers.items())
        if self.params:
            yield Signature(params=self.params)
        if self.cookies:
            yield Signature(cookies=self.cookies)

    def parts_on(self, headers: Mapping[str, Any], url: str) -> Iterator["Signature"]:
        """Yield the parts that a request with *headers* to *url* carries."""
        return (each for each in self.parts() if each.is_on(headers, url))

    def take_off(self, headers: MutableMapping[str, Any], url: str) -> str:
        """Take off *headers* what they carry of this signature. Return *url*, without our parameters if it has them."""
        for carried in self.parts_on(headers, url):
            for name in carried.headers:
                del headers[name]
            if carried.cookies:
                kept = carried.foreign_cookies(headers.pop("Cookie"))
                headers.update({"Cookie": kept} if kept else {})
            if carried.params:
                url = carried.without(url)
        return url

    def without(self, url: str) -> str:
        """Return *url* without our query parameters."""
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if _name(pair) not in self.params]
        return urlunsplit(parts._replace(query="&".join(kept)))


def in_header(token: Token, header: str, scheme: str | None) -> dict[str, str]:
    """Return the header that carries *token*. If *scheme* is None, "Authorization" uses the token's type, and any other
    header carries the bare token."""
    if scheme is None:
        scheme = token.type if header.lower() == "authorization" else ""
    return {header: f"{scheme} {token.value}" if scheme else token.value}


def _text(header: str | bytes | None) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header or ""


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
