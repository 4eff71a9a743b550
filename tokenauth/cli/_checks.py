"""What `doctor` looks at, one function for each line."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tokenauth._core.expiry import http_date, jwt_end
from tokenauth._core.origins import Origin
from tokenauth._core.places import Answer, described, found
from tokenauth.cli._ending import PRIVATE_CA
from tokenauth.cli._observed import Observed
from tokenauth.cli._screen import duration
from tokenauth.providers._proposals import proposed

OK, WARN, FAIL, SKIP = "ok", "warn", "fail", "skip"
SECONDS = 5.0
_SKEW = 5.0
_SOON = 14 * 86400


@dataclass(frozen=True)
class Verdict:
    """One line. *next*: what to do, where there is something to do."""

    what: str
    verdict: str
    text: str
    next: str = ""


def configuration(auth: Any, label: str) -> Verdict:
    provider = auth._provider
    secrets = ", ".join(f"{each.name} {_source(each)}" for each in provider.secrets) or "no secret"
    return Verdict("configuration", OK, f"{label}: {provider.name}, {secrets}")


def _source(secret: Any) -> str:
    source = secret._source
    kinds = {"FromEnv": "from {name}", "FromFile": "from {path}", "FromKeyring": "from the keyring"}
    kinds["FromCommand"] = "from the command {argv[0]}"
    text = kinds.get(type(source).__name__, "from a callable" if secret.dynamic else "given")
    return text.format(**vars(source)) if text.count("{") else text


def network(auth: Any) -> Iterator[Verdict]:
    """Yield DNS and TLS of the token endpoint."""
    url = urlsplit(auth._provider.token_url)
    proxy = _proxy(auth._provider.token_url)
    if proxy:
        yield Verdict("DNS", SKIP, f"requests go through the proxy {proxy}, which resolves names")
        return
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
        addresses = sorted({str(each[4][0]) for each in found})
    except OSError as problem:
        text = f"{url.hostname} can't be resolved ({problem.strerror or type(problem).__name__})"
        yield Verdict("DNS", FAIL, text, "Check the URL for a typo, and whether this machine is online.")
        return
    if addresses != [url.hostname]:
        yield Verdict("DNS", OK, f"{url.hostname} is {', '.join(addresses[:3])}")
    yield _connection(url.hostname, port, tls=url.scheme == "https")


def _proxy(url: str) -> str:
    """Return the proxy that requests to *url* go through, without a user and a password."""
    import requests.utils

    named: str = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""
    scheme = re.match(r"\w+://", named)
    return (scheme[0] if scheme else "") + named.rpartition("@")[2].rpartition("//")[2]


def _connection(host: str, port: int, *, tls: bool) -> Verdict:
    what = "TLS" if tls else "connection"
    try:
        with socket.create_connection((host, port), SECONDS) as line:
            if not tls:
                return Verdict(what, OK, f"{host}:{port} accepts connections; no TLS")
            with _context().wrap_socket(line, server_hostname=host) as wrapped:
                return _certificate(what, wrapped)
    except ssl.SSLCertVerificationError as problem:
        return Verdict(what, FAIL, f"the certificate is not trusted: {problem.verify_message}", PRIVATE_CA)
    except ssl.SSLError as problem:
        text = f"{host}:{port} does not speak TLS ({problem.reason})"
        return Verdict(what, FAIL, text, "Check the scheme and the port of the URL.")
    except FileNotFoundError as problem:
        text = f"there is no {problem.filename}, which REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names"
        return Verdict(what, FAIL, text, "Correct that variable.")
    except OSError as problem:
        text = f"{host}:{port} can't be reached ({problem.strerror or 'no answer in time'})"
        return Verdict(what, FAIL, text, "Is the server up? Is a firewall or a VPN in the way?")


def _context() -> ssl.SSLContext:
    import certifi

    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    os.stat(named)
    is_file = os.path.isfile(named)
    return ssl.create_default_context(cafile=named if is_file else None, capath=None if is_file else named)


def _certificate(what: str, wrapped: ssl.SSLSocket) -> Verdict:
    end = str((wrapped.getpeercert() or {}).get("notAfter", ""))
    left = ssl.cert_time_to_seconds(end) - time.time() if end else _SOON
    text = f"{wrapped.version()}, certificate trusted, expires in {left / 86400:.0f} days"
    if left < _SOON:
        return Verdict(what, WARN, text, "The server's certificate must be renewed soon.")
    return Verdict(what, OK, text)


def login(auth: Any, seen: Observed) -> Iterator[Verdict]:
    """Yield endpoint and credentials."""
    from tokenauth._core.provider import where
    from tokenauth.errors import CredentialsRejected

    if not seen.reached:
        yield Verdict("endpoint", FAIL, seen.why, "See the lines above.")
        return
    if not seen.replies:
        if seen.failure:
            yield Verdict("credentials", FAIL, seen.why, "Correct that, and run this again.")
        return
    reply = seen.replies[-1]
    text = f"{where(auth._provider)} answered {reply.status} in {seen.took * 1000:.0f} ms"
    if isinstance(seen.failure, CredentialsRejected):
        yield Verdict("endpoint", OK, text)
        yield Verdict("credentials", FAIL, seen.why, "Correct them, and run this again.")
    elif seen.failure is not None and not reply.ok:
        yield Verdict("endpoint", FAIL, seen.why, "Check the URL against the API's documentation.")
    else:
        yield Verdict("endpoint", OK, text)
        verdict = (OK, "accepted") if seen.token else (SKIP, "unknown, because the answer has no token")
        yield Verdict("credentials", *verdict)


def token(auth: Any, seen: Observed) -> Iterator[Verdict]:
    """Yield where token and expiry were found."""
    if seen.token is not None and not seen.replies:
        end = "" if seen.token.lifetime is None else f", expires in {duration(seen.token.lifetime)}"
        text = f"{seen.token.type}, {len(seen.token.value)} characters{end}; no token call was made"
        yield Verdict("token", OK, text)
        return
    if not seen.replies or not seen.replies[-1].ok:
        return
    reply = seen.replies[-1]
    answer = Answer(reply.status, reply.headers, reply.body)
    places = getattr(getattr(auth._provider, "_reading", None), "where", {})
    if seen.token is None:
        step = "`tokenauth describe` shows the shape of the answer, and proposes the places."
        yield Verdict("token", FAIL, seen.why, step)
        return
    there = f" at {described(places['token'])}" if places.get("token") else ""
    yield Verdict("token", OK, f"{seen.token.type}, {len(seen.token.value)} characters{there}")
    yield _expiry(seen.token, answer, places)


def _expiry(token: Any, answer: Answer, places: Any) -> Verdict:
    names = [name for name in ("expires_in", "expires_at") if found(answer, places.get(name)) is not None]
    if token.lifetime is None:
        if names:
            step = "Is it in another unit (unit=), or is a clock wrong?"
            return Verdict("expiry", WARN, f"{described(places[names[0]])} has no plausible value", step)
        likely = proposed(answer)
        near = likely.expires_in or likely.expires_at
        step = "If the API's documentation says how long it lives: lifetime=seconds."
        if near:
            unit = f", unit={likely.unit!r}" if likely.unit else ""
            step = f"Write expires_{'in' if likely.expires_in else 'at'}={near!r}{unit}."
        return Verdict("expiry", WARN, "unknown: the token is used until it is refused", step)
    from_jwt = not names and jwt_end(token.value) is not None
    where = described(places[names[0]]) if names else "the JWT's exp" if from_jwt else "what is configured"
    return Verdict("expiry", OK, f"in {duration(token.lifetime)}, from {where}")


def clock(seen: Observed) -> Iterator[Verdict]:
    """Yield how this machine's clock and the server's differ."""
    for reply in seen.replies[-1:]:
        if http_date(reply.headers.get("date", "")) is None:
            yield Verdict("clock", SKIP, "the answer has no Date header")
            return
        skew = reply.server_now - reply.received_at
        way = "behind" if skew > 0 else "ahead"
        text = f"this machine's is {abs(skew):.0f} s {way}" if abs(skew) >= 1 else "in sync"
        step = "tokenauth allows for it; other programs may not. Check NTP on both sides." if abs(skew) > _SKEW else ""
        yield Verdict("clock", WARN if step else OK, text, step)


def api(auth: Any, seen: Observed, url: str | None) -> Iterator[Verdict]:
    """Yield origins, and whether the API takes the token."""
    own = sorted(map(str, _origins(auth)))
    if url is None:
        yield Verdict("origins", OK, f"{', '.join(own)} may have the token")
        yield Verdict("API", SKIP, "not asked", "Add --url with an address of the API.")
        return
    origin = Origin.parse(url)
    if not may_have(auth, origin):
        text = f"{origin} is not one of {', '.join(own)}: requests to it carry no token"
        yield Verdict("origins", FAIL, text, f"If it is one of your API's hosts: origins=[{str(origin)!r}].")
        return
    yield Verdict("origins", OK, f"{origin} may have the token")
    if seen.token is None and not auth._provider.is_static(origin):
        yield Verdict("API", SKIP, "not asked, because there is no token")
        return
    yield _asked(auth, seen, url, origin)


def may_have(auth: Any, origin: Origin) -> bool:
    """Whether requests to *origin* carry the token, as far as is known before there is one."""
    provider = auth._provider
    return provider.is_static(origin) or provider.may_serve(origin) or origin in _origins(auth)


def _origins(auth: Any) -> set[Origin]:
    own = Origin.parse(auth._provider.token_url) if auth._provider.token_url else None
    return {*auth._source.admission.more_origins, *([own] if own is not None else ())}


def _asked(auth: Any, seen: Observed, url: str, origin: Origin) -> Verdict:
    import requests

    from tokenauth._io.transports import reason

    if auth._provider.is_static(origin):
        headers, target = auth.headers(url), url
    else:
        signature = auth._source.admission.signature(seen.token, origin)
        if signature is None:
            return Verdict("API", FAIL, f"this token is not for {origin}", "The answer names another host (home=).")
        headers, target = dict(signature.headers_beside(None)), signature.url(url)
    try:
        answer = requests.get(target, headers=headers, timeout=10.0, allow_redirects=False, stream=True)
    except requests.RequestException as problem:
        return Verdict("API", FAIL, f"no answer ({reason(problem)})", "Is the address right, and the server up?")
    with contextlib.closing(answer):
        return _judged(answer.status_code, sorted(headers))


def _judged(status: int, names: list[str]) -> Verdict:
    carried = f"answered {status} to a GET with {', '.join(names) or 'the token in the query'}"
    if status == 401:
        step = "Does the API want the token in another header, or under another scheme? See header= and scheme=."
        return Verdict("API", FAIL, f"{carried}: it refuses the token", step)
    if status == 403:
        return Verdict("API", WARN, carried, "The token is known, but may not do this. Check its scope or role.")
    if status >= 500:
        return Verdict("API", WARN, carried, "The API itself fails: try again later.")
    step = "Not a success, but no refusal of the token either." if status >= 300 else ""
    return Verdict("API", WARN if step else OK, carried, step)


def store(auth: Any) -> Verdict:
    shelf = auth._source.fleet.shelf
    if shelf is None:
        return Verdict("store", SKIP, "none: each process logs in for itself", _no_store())
    kept = auth._options["store"]
    try:
        entry = kept.load(shelf.key())
    except Exception as problem:  # each store has its own
        text = f"{kept!r} does not work ({type(problem).__name__})"
        return Verdict("store", FAIL, text, "Requests still work; each process logs in for itself.")
    return Verdict("store", OK, f"{type(kept).__name__} works and holds {'a' if entry else 'no'} token")


def _no_store() -> str:
    """Return why there is none, though a command uses one where it can."""
    from tokenauth.stores import FileStore

    try:
        FileStore()
    except (ImportError, ValueError) as problem:
        return str(problem)
    return "This class, or this description, shares no tokens."
