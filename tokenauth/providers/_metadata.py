"""Metadata of an authorization server, found by its issuer (RFC 8414 §3, OpenID Connect Discovery §4).

Law: a document counts only if its `issuer` is exactly the requested one. Otherwise another server could get the
credentials.
"""

import logging
import math
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tokenauth._core import errors, under_way
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin, checked_origin
from tokenauth._core.secrets import checked_text
from tokenauth.providers import _answers
from tokenauth.providers._masking import shown

_log = logging.getLogger("tokenauth")

KEPT_FOR = 600.0
"""Seconds for which metadata is not asked for again."""
_WELL_KNOWN = "/.well-known/"
_OPENID, _OAUTH = "openid-configuration", "oauth-authorization-server"


class Server(NamedTuple):
    """What is known of an authorization server; see RFC 8414 §2."""

    token_url: str
    issuer: str | None = None
    methods: tuple[str, ...] | None = None
    revocation_url: str | None = None


def checked_issuer(issuer: object, *, allow_http: bool) -> str:
    """Return *issuer* as it stands, for it is compared with what the server says."""
    text = checked_text("issuer", issuer)
    checked_origin(text, "issuer", allow_http=allow_http)
    if _WELL_KNOWN in text:
        raise ValueError(f"issuer must be the part before {_WELL_KNOWN}, which is added to it")
    if "?" in text or "#" in text or "@" in urlsplit(text).netloc:
        raise ValueError("issuer must have no query, no fragment and no user name (RFC 8414 §2)")
    return text


def places_of(issuer: str) -> list[str]:
    """Return where the metadata of *issuer* may be, the usual place first."""
    origin, path = str(Origin.parse(issuer)), urlsplit(issuer).path.rstrip("/")
    inserted = [f"{origin}{_WELL_KNOWN}{name}{path}" for name in (_OAUTH, _OPENID)]
    return list(dict.fromkeys([f"{origin}{path}{_WELL_KNOWN}{_OPENID}", *inserted]))


def forget(issuer: str, *, allow_http: bool) -> None:
    """Ask for the metadata of *issuer* again, because what they said didn't work."""
    under_way.notes().drop((issuer, allow_http, under_way.via()))


def discovered(provider: Any, issuer: str, *, allow_http: bool) -> Generator[TokenRequest, Reply, Server]:
    """Return the metadata of *issuer*: the known ones, or what the server says. Errors name *provider*."""
    key = issuer, allow_http, under_way.via()
    server: Server | None = under_way.notes().known(key, under_way.now().monotonic())
    if server is not None:
        return server
    seen = []
    for url in places_of(issuer):
        reply = yield TokenRequest("GET", url, {"Accept": "application/json"}, fresh=False)
        if reply.status >= 500 or reply.status in _answers.RETRYABLE:
            raise _answers.Said(provider, reply).http_error(_answers.Fault(), "")
        content = _content(reply)
        if content is not None:
            server = _read(provider, issuer, content, allow_http=allow_http)
            under_way.notes().put(key, (server, under_way.now().monotonic() + KEPT_FOR))
            return server
        seen.append(f"{urlsplit(url).path} (HTTP {reply.status})")
    text = f"{provider.name}: there is no metadata of issuer {issuer} at {', '.join(seen)}. Check issuer="
    raise errors.TokenEndpointError(f"{text}, or pass the token_url instead")


def _content(reply: Reply) -> Mapping[str, Any] | None:
    """Return the document, or None where there is none: some servers answer anything with a page."""
    try:
        content = reply.json() if reply.status == 200 else None
    except ValueError:
        return None
    return content if isinstance(content, dict) and "issuer" in content else None


def _read(provider: Any, issuer: str, content: Mapping[str, Any], *, allow_http: bool) -> Server:
    said = content["issuer"]
    if said != issuer:
        other = shown(str(said), ())
        text = f"{provider.name}: what is at issuer {issuer} says that its issuer is {other}. If you trust that, write"
        raise errors.TokenResponseError(f"{text} it exactly so as issuer=; nothing was sent (RFC 8414 §3.3)")
    token_url = content.get("token_endpoint")
    if not isinstance(token_url, str):
        raise errors.TokenResponseError(f"{provider.name}: the metadata of issuer {issuer} names no token_endpoint")
    methods = content.get("token_endpoint_auth_methods_supported")
    names = tuple(each for each in methods if isinstance(each, str)) if isinstance(methods, list) else None
    revocation = content.get("revocation_endpoint")
    why = _unusable(issuer, "token_endpoint", token_url, allow_http=allow_http)
    if why:
        raise errors.TokenResponseError(f"{provider.name}: the metadata of issuer {issuer} can't be used: {why}")
    if revocation is not None:  # no login needs it
        why = _unusable(issuer, "revocation_endpoint", revocation, allow_http=allow_http)
        if why and under_way.notes().known((issuer, why), 0.0) is None:
            under_way.notes().put((issuer, why), (True, math.inf))
            _log.warning("%s: the metadata of issuer %s can't be used to log out: %s", provider.name, issuer, why)
    return Server(token_url, issuer, names, None if why else revocation)


def _unusable(issuer: str, name: str, url: Any, *, allow_http: bool) -> str:
    """Return what is wrong with *url*, an endpoint; "" where it can be used."""
    try:
        origin = checked_origin(url, name, allow_http=allow_http)
        if origin.loopback and not Origin.parse(issuer).loopback:
            raise ValueError(f"{name} is on this machine, but its issuer is not")
    except (TypeError, ValueError) as problem:
        why = str(problem)
    else:
        why = "" if "#" not in url and "@" not in urlsplit(url).netloc else f"{name} has a fragment or a user name"
    return why
