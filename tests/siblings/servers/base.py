"""What the servers of `tests.siblings.servers` share: tokens, counters, routes, and checks that are strict.

A server answers as its API's public documentation says. What the documentation does not tell is marked [?]. What is
not documented comes back as an error and stands in `problems`: an unknown field too, which most real APIs ignore.
"""

import base64
import binascii
import functools
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http.cookies import SimpleCookie
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.servers import Received, Reply, Server

USER, SECRET = "shop", 's3cret & <pass> "ü"'
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

Route = Callable[[Any, Received], Reply]
R = TypeVar("R", bound=Route)


class Refused(Exception):
    """Credentials or a token that are not good, and the answer to them."""

    def __init__(self, status: int, content: object = b"", **headers: str) -> None:
        super().__init__(f"{status} {content!r}")
        self.reply = answer(status, content, **headers)


class Wrong(Refused):
    """A call that the API's documentation does not have, and the answer to it."""


def answer(status: int, content: object = b"", **headers: str) -> Reply:
    """Return *content* as it is where it is bytes, else as JSON; `Set_Cookie=` stands for `Set-Cookie`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(content, bytes):
        return Reply(status, content, sent)
    return Reply(status, json.dumps(content).encode(), {"Content-Type": JSON} | sent)


def route(method: str, path: str) -> Callable[[R], R]:
    """Have a method answer *method* at *path*; `{}` in it stands for one segment of a path."""

    def mark(function: R) -> R:
        function.route = (method, path)  # type: ignore[attr-defined]  # read by __init_subclass__
        return function

    return mark


class Sibling:
    """A token API and what it protects.

    Args:
        now: the time, in Unix seconds. `Date` in the answers follows it.
    """

    lifetime: float = 3600
    """Of a token, in seconds; with `sliding`, since its last use."""
    sliding: ClassVar[bool] = False
    seats: int | None = None
    """How many tokens may live at a time."""
    hosts: ClassVar[int] = 1
    """How many servers answer; the first one has the login."""
    routes: ClassVar[dict[tuple[str, str], Route]] = {}

    def __init_subclass__(cls) -> None:
        cls.routes = cls.routes | {each.route: each for each in vars(cls).values() if hasattr(each, "route")}

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.servers: list[Server] = []
        self.tokens: dict[str, float] = {}
        self.lock = threading.RLock()
        self.before: Callable[[Received], object] = lambda request: None
        """Called first with each request, outside the lock: for barriers."""
        self.logins = self.refreshes = self.logouts = self.uses = 0
        self.problems: list[str] = []
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        return self.servers[0].url

    # tokens

    def issue(self, *, renews: bool = False) -> str:
        """Count a login, or a renewal, and return a new token."""
        if not renews and self.seats is not None and len(self.live) >= self.seats:
            raise self.full()
        if renews:
            self.refreshes += 1
        else:
            self.logins += 1
        token = f"tok.{next(self._numbers)}-{secrets.token_hex(8)}"
        self.tokens[token] = self.now() + self.lifetime
        return token

    @property
    def live(self) -> list[str]:
        return [token for token, end in self.tokens.items() if end > self.now()]

    def good(self, token: str | None) -> bool:
        """Return whether *token* lives; a use of it is counted."""
        if token is None or self.tokens.get(token, 0) <= self.now():
            return False
        if self.sliding:
            self.tokens[token] = self.now() + self.lifetime
        self.uses += 1
        return True

    def end(self, token: str) -> None:
        """Log out."""
        del self.tokens[token]
        self.logouts += 1

    def revoke(self) -> None:
        """Forget all tokens, as a restart of the API does."""
        with self.lock:
            self.tokens.clear()

    def expire(self) -> None:
        """Let all tokens be too old."""
        with self.lock:
            self.tokens = dict.fromkeys(self.tokens, self.now())

    def full(self) -> Refused:
        return Refused(503, {"error": "too many sessions"})

    # answering

    def __call__(self, request: Received) -> Reply:
        self.before(request)
        with self.lock:
            try:
                reply = self._route(request)(self, request)
            except Refused as refusal:
                if isinstance(refusal, Wrong):
                    self.problems.append(f"{request.method} {request.path}: {refusal}")
                reply = refusal.reply
            except Exception as problem:  # a fault of these servers, which must not look like an answer
                self.problems.append(f"fault at {request.method} {request.path}: {problem!r}")
                reply = Reply(500)
        reply.headers.setdefault("Date", formatdate(self.now(), usegmt=True))
        return reply

    def _route(self, request: Received) -> Route:
        methods = {method: each for (method, path), each in self.routes.items() if same_path(path, request.path)}
        if request.method in methods:
            return methods[request.method]
        raise self.wrong(405 if methods else 404, "no such method" if methods else "no such path")

    def wrong(self, status: int, what: str) -> Wrong:
        """Return the answer to a call that is not documented; some APIs have their own."""
        return Wrong(status, {"error": what})

    def expect(self, condition: object, what: str, status: int = 400) -> None:
        if not condition:
            raise self.wrong(status, what)

    # what a call must look like

    def at(self, request: Received, host: int) -> bool:
        """Return whether *request* came to this one of the API's hosts."""
        return request.host == urlsplit(self.servers[host].url).netloc

    def label(self, request: Received, content_type: str, status: int = 415) -> None:
        found = request.headers.get("content-type", "").partition(";")[0]
        self.expect(found == content_type, "content type", status)

    def query(self, request: Received, *names: str) -> dict[str, str]:
        return self.exactly(urlsplit(request.target).query, names)

    def form(self, request: Received, *names: str) -> dict[str, str]:
        self.label(request, FORM)
        self.query(request)
        return self.exactly(request.body.decode(), names)

    def exactly(self, text: str, names: tuple[str, ...]) -> dict[str, str]:
        pairs = parse_qsl(text, keep_blank_values=True)
        self.expect(sorted(name for name, _ in pairs) == sorted(names), "parameters")
        return dict(pairs)

    def json(self, request: Received, *names: str) -> dict[str, Any]:
        self.label(request, JSON)
        self.query(request)
        try:
            content = json.loads(request.body)
        except ValueError:
            raise self.wrong(400, "JSON") from None
        self.expect(isinstance(content, dict) and sorted(content) == sorted(names), "fields")
        return dict(content)

    def empty(self, request: Received) -> None:
        self.query(request)
        self.expect(not request.body, "a body")

    def accepts(self, request: Received, *types: str, status: int = 406) -> None:
        given = {each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")}
        self.expect(given & set(types), "Accept", status)


def same_path(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(want in {"{}", have} for want, have in zip(wanted, given, strict=True))


def basic(request: Received) -> tuple[str, str] | None:
    """Return user and password of HTTP Basic (RFC 7617, UTF-8)."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def bearer(request: Received, *schemes: str) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme in (schemes or ("Bearer",)) else None


def cookies(request: Received) -> dict[str, str]:
    """Return the cookies; of two of one name the first one, as most servers have it."""
    found: dict[str, str] = {}
    for pair in request.headers.get("cookie", "").split(";"):
        for name, morsel in SimpleCookie(pair.strip()).items():
            found.setdefault(name, morsel.value)
    return found


def iso(seconds: float, fraction: str = "") -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}{fraction}Z"


@functools.cache
def key(name: str = "the") -> RSAKey:
    """Return a key of 2048 bits; the one of this name that the servers know is "the"."""
    return RSAKey.generate_key(2048, {"kid": f"kid-of-{name}"})


def claims_of(
    text: str,
    wanted: dict[str, str],
    *,
    alg: str,
    now: float,
    longest: float,
    header: dict[str, str] | None = None,
    needs: tuple[str, ...] = (),
    skew: float = 30,
) -> dict[str, Any]:
    """Return a JWT's claims, or raise ValueError with what is wrong with it.

    Args:
        wanted: claims, and their values.
        alg: the one algorithm that may be.
        longest: how far off `exp` may be, in seconds.
        header: what its header must have besides.
        needs: claims that must be there.
        skew: how far `iat` and `nbf` may be in the future.
    """
    try:
        token = jwt.decode(text, RSAKey.import_key(key().as_dict(private=False)), algorithms=[alg])
    except (JoseError, ValueError) as problem:
        raise ValueError(f"signature: {type(problem).__name__}") from None
    claims = dict(token.claims)
    agree(dict(token.header), header or {})
    agree(claims, wanted)
    agree({name: bool(claims.get(name)) for name in needs}, dict.fromkeys(needs, True))
    if not isinstance(claims.get("exp"), int) or not now < claims["exp"] <= now + longest + skew:
        raise ValueError("exp")
    for name in {"iat", "nbf"} & set(claims):
        if not isinstance(claims[name], int) or claims[name] > now + skew:
            raise ValueError(name)
    return claims


def agree(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ValueError(name)
