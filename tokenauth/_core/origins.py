"""Origins (RFC 6454): scheme, host and port, exact. They decide who may have a token.

Law: what can't be read with certainty is foreign.
"""

import functools
import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_DEFAULT_PORTS = {"http": 80, "https": 443, "asgi": 0, "wsgi": 0}
_UPGRADES = {"ws": "http", "wss": "https", "psse": "http", "sse": "https"}  # they begin as a request to that origin

# RFC 3986 §3.2, without what clients are known to read differently: a second "@", text around brackets
_AUTHORITY = (
    r"(?P<scheme>[A-Za-z]+)://(?:[^@/?#]*@)?"
    r"(?P<host>\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[^\[\]@:/?#]+)(?::(?P<port>[0-9]{0,5}))?(?=[/?#]|\Z)"
)
_ODD = r"[\x00-\x20\x7f\\]"
_HOST = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"


class Origin(NamedTuple):
    """An origin in normal form: lower case, A-labels, port always there, no trailing dot."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> "Origin":
        """Return the origin of the parts that an HTTP client has read. ValueError where they make none."""
        return _origin(scheme, host, port)

    @classmethod
    def parse(cls, url: str) -> "Origin":
        """Return the origin of an absolute *url*.

        ValueError, whose text shows nothing of the URL, where it has none or where clients may read it differently.
        """
        if re.search(_ODD, url):
            raise ValueError("the URL has a blank, a control character or a backslash")
        authority = re.match(_AUTHORITY, url)
        if authority is None:
            raise ValueError("the URL has no host that can be read; it must be like https://host/path")
        port = int(authority["port"]) if authority["port"] else None
        return _origin(authority["scheme"], authority["host"], port)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine: localhost, 127.0.0.0/8, ::1, or an application in this process."""
        try:
            return self.in_process or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def in_process(self) -> bool:
        """Whether it is an application that niquests calls without a network: `Session(app=...)`."""
        return self.scheme in {"asgi", "wsgi"}

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


@functools.lru_cache(maxsize=1024)  # each request asks, and mostly for the same
def _origin(scheme: str, host: str, port: int | None) -> Origin:
    scheme = scheme.lower()
    scheme = _UPGRADES.get(scheme, scheme)
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("the scheme is not http, https, ws or wss")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    if not 0 <= port <= 65535:
        raise ValueError("the port is not a number from 0 to 65535")
    return Origin(scheme, _normal_host(host), port)


def _normal_host(host: str) -> str:
    host = host.removeprefix("[").removesuffix("]")
    try:
        normal = _ipv6(host) if ":" in host else _name(host)
    except ValueError:  # its text may show what stood before an "@", so it goes no further
        normal = ""
    if not normal:
        raise ValueError("the URL has no host that can be compared")
    return normal


def _ipv6(host: str) -> str:
    return "" if "%" in host else ipaddress.IPv6Address(host).compressed


def _name(host: str) -> str:
    if not host.isascii():
        import idna  # noqa: PLC0415  (comes with requests and httpx; most hosts don't need it)

        host = idna.encode(host, uts46=True).decode()  # IDNAError is a ValueError
    host = host.lower().removesuffix(".")
    return host if re.fullmatch(_HOST, host) else ""


def is_url(url: object) -> bool:
    """Whether *url* has an origin that can be read with certainty."""
    try:
        return isinstance(url, str) and bool(Origin.parse(url))
    except ValueError:
        return False


def listed(values: Iterable[T], name: str = "origins", what: str = "URLs") -> tuple[T, ...]:
    """Return the argument *name* as a tuple; TypeError if it is one str, or no list of anything."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        one = "one " if isinstance(values, str) else ""
        raise TypeError(f"{name} must be a list of {what}, not {one}{type(values).__name__}")
    return tuple(values)


def checked_origin(url: str, name: str, *, allow_http: bool) -> Origin:
    """Return the origin of *url*, the argument *name*; ValueError unless it is https, loopback, or *allow_http*."""
    if url is None:
        text = f"{name} must be a URL like https://host, not None; is an environment variable or a setting missing?"
        raise TypeError(text)
    if not isinstance(url, str):
        raise TypeError(f"{name} must be a str, not {type(url).__name__}")
    if not url:
        raise ValueError(f"{name} is empty; is an environment variable or a setting missing?")
    if "://" not in url:
        raise ValueError(f"{name} is not a usable URL: it has no scheme; write https:// before the host")
    try:
        origin = Origin.parse(url)
    except ValueError as problem:
        raise ValueError(f"{name} is not a usable URL: {problem}") from None
    if origin.scheme != "https" and not origin.loopback and not allow_http:
        raise ValueError(
            f"{name} is plain http ({origin}): secrets would cross the network unencrypted. "
            "Use https, or allow_http=True if you trust the network"
        )
    return origin
