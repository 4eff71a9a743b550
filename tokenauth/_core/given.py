"""Given: what requests were signed with lately, to recognise it on a request that carries it abroad.

A request can be sent again with another URL, and headers can be copied to another request: a newer token may be in use
by then. Law: only keyed digests are kept. `forget()` doesn't reach them, for an older token is to stay at home, too.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from tokenauth._core.cache import MAX_TOKENS, Marks, Recent
from tokenauth._core.signature import Signature

if TYPE_CHECKING:
    import threading

Part = tuple[str, str, str]
"""Where in a request it is ("headers", "params" or "cookies"), its name, and its value."""


class Given:
    """The most recent parts of signatures, each with the mark of its credential."""

    def __init__(self, lock: "threading.RLock | None" = None) -> None:
        self._marks = Marks(lock, MAX_TOKENS)
        self._names: Recent[bool] = Recent(lock)

    def note(self, mark: str, signature: Signature) -> None:
        """Requests of the credential *mark* are signed with *signature*."""
        for kind in ("headers", "params", "cookies"):
            for name, value in getattr(signature, kind).items():
                self._names.put((mark, kind, name.lower()), True)
                self._marks.add(mark, kind, name.lower(), value)

    def on(self, mark: str, headers: Iterable[tuple[str, str]], url: str) -> Signature:
        """Return what a request with *headers* to *url* carries of the credential *mark*, as a signature."""
        found: dict[str, dict[str, str]] = {"headers": {}, "params": {}, "cookies": {}}
        for kind, name, value in _parts(headers, url):
            place = mark, kind, name.lower()
            if self._names.has(place) and self._marks.marked(*place, value):
                found[kind][name] = value
        return Signature(**found)

    def forget(self) -> None:
        """They stay."""


def _parts(headers: Iterable[tuple[str, str]], url: str) -> Iterator[Part]:
    for name, value in headers:
        if not isinstance(value, str):  # requests sends bytes, too: those were not copied from a request of ours
            continue
        if name.lower() == "cookie":
            pairs = [pair.strip().partition("=") for pair in value.split(";")]
            yield from (("cookies", name, value) for name, _, value in pairs)
        else:
            yield "headers", name, value
    yield from (("params", *pair) for pair in parse_qsl(urlsplit(url).query, keep_blank_values=True))
