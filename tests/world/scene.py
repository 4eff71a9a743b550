"""Three servers on loopback: home and second, which are ours, and far, which is not.

Whatever is secret has "canary" in it, so that one search tells. A path says what is wanted: "/far/302/401" is a
redirect from home to the foreign server, which answers 401.

In a world that is a mock, the three URLs are the same and nobody may call there: what comes in is a leak.
"""

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.security.world import canaries
from tests.servers import Received, Reply, Server, serve
from tests.support import PlainProvider
from tokenauth import AtripAuth, TokenAuth

KINDS = ("authorization", "custom", "static")


@dataclass(repr=False)
class Scene:
    servers: dict[str, Server] = field(default_factory=dict)
    seen: list[tuple[str, Received]] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    mocked: bool = False
    login_status: int = 200
    kind: str = "authorization"
    lifetime: float = 3600
    valid: set[str] = field(default_factory=set)
    discards_older: bool = True
    """Whether a login ends the token of the one before."""
    logins: int = 0
    api: Callable[[Received], Reply | None] = lambda request: None
    """Called with each signed request to home; None leaves the answer to the scene."""
    before_login: Callable[[], object] = bool
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, *, mocked: bool = False) -> None:
        self.seen.clear()
        self.leaked.clear()
        self.mocked, self.login_status, self.kind, self.lifetime = mocked, 200, "authorization", 3600
        self.logins, self.discards_older = 0, True
        self.revoke()
        self.api, self.before_login = lambda request: None, bool

    @property
    def home(self) -> str:
        return self.servers["home"].url

    @property
    def second(self) -> str:
        return self.servers["second"].url

    @property
    def far(self) -> str:
        return self.servers["far"].url

    def url(self, path: str = "/api") -> str:
        """Return a URL at home that nobody has asked for before, so that no cache knows it."""
        return f"{self.home}{path}?n={next(self.numbers)}"

    def auth(self, kind: str = "authorization", **options: Any) -> Any:
        self.kind = kind
        options.setdefault("cache", {})
        if kind == "static":
            return AtripAuth(
                client_id="canary-id",
                client_secret="canary-secret",
                user_name="canary-user",
                role="Admin",
                order_no="",
                base_url=self.home,
                **options,
            )
        if kind == "custom":
            options |= {"header": "X-Api-Key", "scheme": ""}
        return TokenAuth(PlainProvider(self.home, "canary-user"), **options)

    def revoke(self) -> None:
        """End the token that is in use."""
        with self.lock:
            self.valid.clear()

    def to(self, place: str) -> list[Received]:
        return [request for where, request in list(self.seen) if where == place]

    def token_calls(self) -> list[Received]:
        return [request for request in self.to("home") if request.path == "/token"]

    def signed(self, request: Received) -> bool:
        if self.kind == "static":
            names = {"x-atlas-client-id": "canary-id", "x-atlas-client-secret": "canary-secret"}
            return all(request.headers.get(name) == value for name, value in names.items())
        if self.kind == "custom":
            token = request.headers.get("x-api-key", "")
        else:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self.lock:
            return token in self.valid

    def abroad(self) -> list[str]:
        """Return what of ours the foreign server has received."""
        return [request.text for request in self.to("far") if canaries(request)]

    # answers

    def answer(self, method: str, url: str, headers: Any, body: bytes) -> Reply:
        """Answer a request that never was on the wire."""
        parts = urlsplit(url)
        place = next((name for name, each in self.servers.items() if each.url.endswith(parts.netloc)), "nowhere")
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lower = {str(name).lower(): str(value) for name, value in dict(headers).items()}
        return self.at(place, Received(method, target, lower, body, parts.netloc))

    def at(self, place: str, request: Received) -> Reply:
        self.seen.append((place, request))
        if place == "far":
            return self._outcome(request, "far")
        if request.path == "/token":
            return self._login()
        if place == "second":
            return self._guarded(request)
        if not self.signed(request):
            return Reply(401, {"error": "token"})
        return self.api(request) or self._use(request)

    def _use(self, request: Received) -> Reply:
        kind = request.path.split("/")[1]
        if kind in {"far", "second"}:
            _, _, status, outcome = request.path.split("/")
            return Reply(int(status), headers={"Location": f"{self.servers[kind].url}/at-{kind}/{outcome}"})
        if kind == "never":
            return Reply(401)
        if kind == "tagged":
            tag = {"ETag": '"v1"', "Cache-Control": "public, no-cache"}
            same = request.headers.get("if-none-match") == '"v1"'
            return Reply(304, headers=tag) if same else Reply(200, {"tagged": True}, tag)
        return Reply(200, {"sha256": hashlib.sha256(request.body).hexdigest(), "length": len(request.body)})

    def _login(self) -> Reply:
        self.before_login()
        with self.lock:
            self.logins += 1
            if self.login_status != 200:
                return Reply(self.login_status, {"error": "no"})
            token = f"canary-token-{self.logins}"
            if self.discards_older:
                self.valid.clear()
            self.valid.add(token)
            oauth = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
            return Reply(200, {"token": token, "lifetime": self.lifetime, **oauth})

    def _guarded(self, request: Received) -> Reply:
        """A target that says something else than 401 to those who are not signed."""
        if self.signed(request):
            return Reply(200, {"signed": True})
        return self._outcome(request, "anonymous")

    def _outcome(self, request: Received, text: str) -> Reply:
        return Reply(int(request.path.rpartition("/")[2]), {"signed": False, "who": text})


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    this = Scene()

    def answering(place: str) -> Any:
        def answer(request: Received) -> Reply:
            if this.mocked:
                this.leaked.append(f"{place}: {request.text}")
                return Reply(500)
            return this.at(place, request)

        return answer

    with serve(answering("home")) as home, serve(answering("second")) as second, serve(answering("far")) as far:
        this.servers.update(home=home, second=second, far=far)
        yield this
