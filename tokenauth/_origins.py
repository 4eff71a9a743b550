"""Origins (RFC 6454): scheme, host and port, exact. They decide who may have a token.

Law: what can't be read with certainty is foreign.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """An origin in normal form: lower case, A-labels, port always there, no trailing dot."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> "Origin":
        """Return the origin of the parts that an HTTP client has read. ValueError where they make none."""
        scheme = scheme.lower()
        if scheme not in _DEFAULT_PORTS:
            raise ValueError("the scheme is neither http nor https")
        return cls(scheme, _normal_host(host), _DEFAULT_PORTS[scheme] if port is None else port)

    @classmethod
    def parse(cls, url: str) -> "Origin":
        """Return the origin of an absolute *url*. ValueError where it has none, or where clients may read it differently."""
        if "\\" in url or any(character <= " " or character == "\x7f" for character in url):
            raise ValueError("the URL has a blank, a control character or a backslash")
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("the URL has no host; it must be like https://host/path")
        return cls.of(parts.scheme, parts.hostname, parts.port)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine: localhost, 127.0.0.0/8 or ::1."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def _normal_host(host: str) -> str:
    host = host.removeprefix("[").removesuffix("]")
    if ":" in host:
        return ipaddress.IPv6Address(host).compressed
    if not host.isascii():
        import idna  # noqa: PLC0415  (comes with requests and httpx; most hosts don't need it)

        host = idna.encode(host, uts46=True).decode()  # IDNAError is a ValueError
    host = host.lower().removesuffix(".")
    if not host or "%" in host:
        raise ValueError("the URL has no host that can be compared")
    return host


def checked_origin(url: str, name: str, *, allow_http: bool) -> Origin:
    """Return the origin of *url*, the argument *name*; ValueError unless it is https, loopback, or *allow_http*."""
    if not isinstance(url, str):
        raise TypeError(f"{name} must be a str, not {type(url).__name__}")
    try:
        origin = Origin.parse(url)
    except ValueError as problem:
        raise ValueError(f"{name} is no usable URL: {problem}") from None
    if origin.scheme != "https" and not origin.loopback and not allow_http:
        raise ValueError(
            f"{name} is plain http ({origin}): secrets would cross the network in clear. "
            "Use https, or allow_http=True where you know the network"
        )
    return origin
