"""A home with a token endpoint, a foreign server, and an https one: all that came in is recorded.

Whatever is secret has "canary" in it, so that one search tells. A path says what is wanted: "/start/302/401" redirects
with 302 to the place under test, which answers 401.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.servers import Received, Reply, Server, serve
from tests.support import PlainProvider
from tokenauth import Provider, Token, TokenAuth
from tokenauth._core.signature import Signature
from tokenauth.providers import Atrip

CANARY = "canary"
STATUSES = (301, 302, 303, 307, 308)
OUTCOMES = (200, 401)
CASES = [f"{status}/{outcome}" for status in STATUSES for outcome in OUTCOMES]


class QueryProvider(PlainProvider):
    """Its token stands in the query."""

    def sign(self, token: Token) -> Signature | None:
        return Signature(params={"access_token": token.value})


class CookieProvider(PlainProvider):
    """Its token stands in a cookie."""

    def sign(self, token: Token) -> Signature | None:
        return Signature(cookies={"sid": token.value})


def _atrip(url: str, origins: Iterable[str] = ()) -> Provider:
    return Atrip(
        client_id="canary-id",
        client_secret="canary-secret",
        user_name="u",
        role="Admin",
        order_no="",
        base_url=url,
        origins=origins,
        portal_origin="https://portal.example",
    )


@dataclass(frozen=True)
class Presentation:
    """One way to be authenticated. *headers*: what a signed request to home carries, given the token."""

    name: str
    provider: Callable[[str], Provider]
    options: dict[str, Any]
    headers: Callable[[str], dict[str, str]]
    in_query: bool = False
    logs_in: bool = True

    def auth(self, url: str, **options: Any) -> TokenAuth:
        provider = self.provider(url) if self.logs_in else _atrip(url, options.pop("origins", ()))
        return TokenAuth(provider, **{"cache": {}, **self.options, **options})

    def is_on(self, request: Received, token: str) -> bool:
        if self.in_query:
            return request.query.get("access_token") == token
        return all(request.headers.get(name) == value for name, value in self.headers(token).items())

    def __repr__(self) -> str:
        return self.name


PRESENTATIONS = [
    Presentation("authorization", PlainProvider, {}, lambda token: {"authorization": f"Bearer {token}"}),
    Presentation("custom", PlainProvider, {"header": "X-Token", "scheme": ""}, lambda token: {"x-token": token}),
    Presentation("cookie", CookieProvider, {}, lambda token: {"cookie": f"sid={token}"}),
    Presentation("query", QueryProvider, {}, lambda token: {}, in_query=True),
    Presentation(
        "static",
        _atrip,
        {},
        lambda token: {"x-atlas-client-id": "canary-id", "x-atlas-client-secret": "canary-secret"},
        logs_in=False,
    ),
    Presentation(
        "extra",
        PlainProvider,
        {"extra_headers": {"X-Api-Key": "canary-key"}},
        lambda token: {"authorization": f"Bearer {token}", "x-api-key": "canary-key"},
    ),
]


def canaries(request: Received) -> list[str]:
    """Return which forms of a secret *request* holds."""
    text = request.text.lower()
    encoded = [base64.b64encode(prefix + CANARY.encode()).decode()[4:-4].lower() for prefix in (b"000", b"00", b"0")]
    return [form for form in (CANARY, quote(CANARY), *encoded) if form and form in text]


@dataclass
class World:
    home: Server = field(init=False)
    far: Server = field(init=False)
    presentation: Presentation = PRESENTATIONS[0]
    place: str = "/target"
    """Where "/start" redirects to; the case is put after it."""
    far_wants_it: bool = False
    names: tuple[str, ...] = ("127.0.0.1",)
    """Hosts that count as home."""
    logins: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def token(self) -> str:
        return f"canary-token-{self.logins}"

    def begin(self, presentation: Presentation, place: str, *, far_wants_it: bool = False) -> None:
        self.presentation, self.place, self.far_wants_it = presentation, place, far_wants_it
        self.names = ("127.0.0.1",)
        self.logins = 0
        self.home.requests.clear()
        self.far.requests.clear()

    def signed(self, request: Received) -> bool:
        return self.presentation.is_on(request, self.token)

    def at_home(self, request: Received) -> Reply:
        if not self.is_home(request):
            return self.abroad(request)  # another name for the same address is another origin
        kind, _, case = request.path.removeprefix("/").partition("/")
        if kind == "token":
            with self.lock:
                self.logins += 1
                return Reply(200, {"token": self.token, "lifetime": 3600})
        status, _, outcome = case.partition("/")
        if kind == "start":
            return self._to(status, f"{self.place}/{case}") if self.signed(request) else Reply(401)
        if kind == "back":
            return Reply(int(outcome))
        return Reply(200 if outcome == "200" and self.signed(request) else 401)

    def abroad(self, request: Received) -> Reply:
        kind, _, case = request.path.removeprefix("/").partition("/")
        status, _, outcome = case.partition("/")
        if kind == "hop":
            return self._to(status, f"{self.home.url}/back/{case}")
        if self.far_wants_it and not self.signed(request):
            return Reply(401)
        return Reply(int(outcome or 200))

    def _to(self, status: str, location: str) -> Reply:
        text = location.encode() if isinstance(location, str) else location
        head = b"HTTP/1.1 %s Moved\r\nContent-Length: 0\r\nConnection: close\r\nLocation: %s\r\n\r\n"
        return Reply(raw=head % (status.encode(), text))

    @property
    def foreign(self) -> list[Received]:
        """What came in at any origin but home."""
        return [*self.far.requests, *(each for each in self.home.requests if not self.is_home(each))]

    def is_home(self, request: Received) -> bool:
        return request.host in {f"{name}:{self.home.port}" for name in self.names}

    def show(self) -> str:
        return json.dumps([f"{each.host} {each.text}" for each in (*self.home.requests, *self.far.requests)], indent=1)


@contextlib.contextmanager
def world(*, home_tls: Any = None, far_tls: Any = None) -> Iterator[World]:
    this = World()
    with serve(this.at_home, tls=home_tls) as this.home, serve(this.abroad, tls=far_tls) as this.far:
        yield this
