"""Signature: what is put on a request so that it counts as authenticated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Signature:
    """Headers and query parameters for one request. They hold secrets, so repr hides them."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)

    def url(self, url: str) -> str:
        """Return *url* with our query parameters in the place of any of their names; the rest stays as it is."""
        if not self.params:
            return url
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair and _name(pair) not in self.params]
        ours = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.params.items()]
        return urlunsplit(parts._replace(query="&".join(kept + ours)))

    def is_on(self, headers: Mapping[str, Any], url: str) -> bool:
        """Whether a request with *headers* to *url* carries this very signature."""
        return all(headers.get(name) == value for name, value in self.headers.items()) and self.url(url) == url

    def without(self, url: str) -> str:
        """Return *url* without our query parameters."""
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if _name(pair) not in self.params]
        return urlunsplit(parts._replace(query="&".join(kept)))


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
