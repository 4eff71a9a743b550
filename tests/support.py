"""A token API of the tests' own: small, and each test says how it behaves.

with token_server() as server:           issues token-1, token-2 …, accepts the last one, counts
    auth = server.auth(lifetime=60)
"""

import contextlib
import hashlib
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.servers import Received, Reply, Server, serve
from tokenauth import Token, TokenAuth, errors
from tokenauth._core.clock import Clock
from tokenauth._core.messages import Reply as TokenReply
from tokenauth._core.messages import TokenRequest
from tokenauth.providers import Provider

T = TypeVar("T")


class ManualClock:
    """A clock that stands until it is moved. Both readings move together unless one is named."""

    def __init__(self) -> None:
        self.monotonic_now = 1000.0
        self.wall_now = 1_800_000_000.0
        self.clock = Clock(lambda: self.monotonic_now, lambda: self.wall_now)

    def move(self, seconds: float) -> None:
        self.monotonic_now += seconds
        self.wall_now += seconds

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let it go on by itself for the time of a block; then it stands where it stood."""
        began, stood = time.monotonic(), self.clock.monotonic
        self.clock.monotonic = lambda: stood() + time.monotonic() - began
        try:
            yield
        finally:
            self.clock.monotonic = stood


class Masked(str):
    """Text that hides itself, so that it can't get into a log: many code bases have one."""

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"


class PlainProvider(Provider):
    """POST to /token; the answer is {"token": …, "lifetime": …, "expires_at": …, "refresh_token": …}."""

    def __init__(self, url: str, user: str = "u-1", *, discards_older: bool = False, refreshes: bool = False) -> None:
        self.name = f"Test user {user}"
        self.token_url = f"{url}/token"
        self.user = user
        self.discards_older = discards_older
        self.refreshes = refreshes

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.token_url, self.user)

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        headers = {"x-user": self.user, "Accept": "application/json"}
        return TokenRequest("POST", self.token_url, headers, (refresh_token or "").encode())

    def read(self, reply: TokenReply) -> Token:
        if reply.status in {400, 401, 403}:
            raise errors.CredentialsRejected(f"{self.name} was refused ({reply.status})", status=reply.status)
        if not reply.ok:
            retry_after = float(reply.headers["retry-after"]) if "retry-after" in reply.headers else None
            text = f"{self.name}: the endpoint failed ({reply.status})"
            raise errors.TokenEndpointError(text, status=reply.status, retry_after=retry_after, retryable=True)
        answer = reply.json()
        return Token(
            answer["token"],
            lifetime=answer.get("lifetime"),
            expires_at=answer.get("expires_at"),
            refresh_in=answer.get("refresh_in"),
            refresh_token=answer.get("refresh_token"),
        )


@dataclass
class TokenServer:
    """State and counters of a token server and the API behind it."""

    server: Server
    answer: Callable[[Received], Reply | None] = lambda request: None
    """Called first with each request; what it returns is the answer, None leaves it to the server."""
    lifetime: float | None = 3600.0
    logins: int = 0
    valid: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def api(self) -> str:
        return f"{self.server.url}/api"

    @property
    def token_calls(self) -> list[Received]:
        return self.server.to("/token")

    @property
    def statuses(self) -> list[int]:
        return self._statuses

    def __post_init__(self) -> None:
        self._statuses: list[int] = []

    user: str = field(default_factory=lambda: f"u-{uuid.uuid4().hex[:8]}")

    def auth(self, user: str | None = None, *, provider: Provider | None = None, **options: Any) -> TokenAuth:
        options.setdefault("cache", {})
        return TokenAuth(provider or PlainProvider(self.url, user or self.user), **options)

    def revoke(self) -> None:
        with self.lock:
            self.valid.clear()

    def login(self) -> Reply:
        with self.lock:
            self.logins += 1
            token = f"token-{next(self.numbers)}"
            self.valid.add(token)
        return Reply(200, {"token": token} | ({} if self.lifetime is None else {"lifetime": self.lifetime}))

    def use(self, request: Received) -> Reply:
        """The API: 401 without a valid token, else an echo of the body's SHA-256."""
        with self.lock:
            good = request.headers.get("authorization", "").removeprefix("Bearer ") in self.valid
            self._statuses.append(200 if good else 401)
        if not good:
            return Reply(401, {"error": "token"})
        return Reply(200, {"sha256": hashlib.sha256(request.body).hexdigest(), "length": len(request.body)})


@contextlib.contextmanager
def token_server(**settings: Any) -> Iterator[TokenServer]:
    """Serve a token endpoint at /token and an API everywhere else."""

    def answer(request: Received) -> Reply:
        special = this.answer(request)
        if special is not None:
            return special
        return this.login() if request.path == "/token" else this.use(request)

    with serve(answer) as server:
        this = TokenServer(server, **settings)
        yield this


def waiting(auth: TokenAuth) -> int:
    """Return how many threads and tasks wait for the flight that is under way for *auth*'s credential."""
    flight = auth._source.flights._flights.get(auth._source.tokens.key)
    return len(flight.future._waiters) + len(flight.future._done_callbacks) if flight else 0  # type: ignore[attr-defined]


def until(condition: Callable[[], object]) -> None:
    """Return as soon as *condition* holds."""
    for _ in range(12000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def background(function: Callable[[], T]) -> "Future[T]":
    """Call *function* in a thread."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as problem:
            future.set_exception(problem)

    threading.Thread(target=work, daemon=True).start()
    return future


def token_threads(strangers: Collection[threading.Thread]) -> list[str]:
    """Return the names of the threads of token calls that run, but for *strangers*: those that were there before."""
    ours = ("tokenauth-login", "tokenauth-line")
    return [each.name for each in threading.enumerate() if each.name.startswith(ours) and each not in strangers]


def without_pauses(auth: TokenAuth) -> TokenAuth:
    """Let *auth* try again at once where it would pause; what else is drawn comes out as its latest."""
    auth._source.credential.uniform = lambda low, high: 0.0 if high == 0.1 else high
    return auth


def with_clock(auth: TokenAuth, clock: ManualClock) -> TokenAuth:
    """Let *auth* live by *clock*, with its shelf: two clocks agree only where the machine has been up for long."""
    source: Any = auth._source
    source.credential.clock = clock.clock
    if source.fleet.shelf is not None:
        source.fleet.shelf._clock = source.fleet.shelf.health._clock = clock.clock
    return auth
