"""I7: secrets never show. Every secret has "canary" in it; the search is for that word in any usual coding.

Only the wire, a pickle, and what is hidden in cache values may hold them. Two things are the clients' own and named in
the docs: a query token stands in URLs, and httpcore logs the headers of answers, token endpoint's included, at DEBUG.
"""

import base64
import contextlib
import functools
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tokenauth
from tests.clients import CLIENTS, Answer, Client, Get, Post
from tests.servers import Received, Reply, Server, serve
from tests.support import without_pauses
from tokenauth import (
    AtripAuth,
    ClientCredentialsAuth,
    ManisAuth,
    PasswordGrantAuth,
    PlatformAuth,
    Provider,
    Token,
    TokenAuth,
    TokenAuthError,
    TokenEndpointError,
)
from tokenauth._core.messages import Reply as TokenReply
from tokenauth._core.messages import TokenRequest
from tokenauth.providers import Login

SECRET = "canary-S3cr+t/=&%"
TOKEN = "canary-T0ken+/="
REFRESH = "canary-R3fresh+/="
KEY = "canary-K3y"
OURS = str(Path(tokenauth.__file__).parent)


def codings(word: bytes) -> list[str]:
    """Return what any text has that holds *word*: as it is, in hex, in base64 at any of its three offsets."""
    found = [word.decode(), word.hex()]
    for start in range(3):
        first, last = (8 * start + 5) // 6, 8 * (start + len(word)) // 6
        found.append(base64.b64encode(b"\0" * start + word).decode()[first:last])
    return found


CODINGS = codings(b"canary")


def leaks(text: object) -> bool:
    return any(coding in str(text) for coding in CODINGS)


def test_the_search_finds_every_coding() -> None:
    for prefix in ("", "x", "xy"):
        assert leaks(base64.b64encode(f"{prefix}{SECRET}".encode()))
        assert leaks(base64.urlsafe_b64encode(f"{prefix}:{SECRET}".encode()))
    assert leaks(SECRET.encode().hex())
    assert not leaks("a bird")


# what is looked at


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("httpcore") and "receive_response_headers" in record.getMessage():
            return  # the client's: the answer's headers, as the docs say
        parts = {name: value for name, value in vars(record).items() if name != "exc_info"}
        text = f"{record.name}: {record.getMessage()} {parts!r}"
        if record.exc_info and record.exc_info[1]:
            text += "".join(shown_by(record.exc_info[1]))
        self.texts.append(text)


def chain(problem: BaseException, seen: dict[int, BaseException] | None = None) -> dict[int, BaseException]:
    """Return *problem*, its causes and contexts, and what exceptions they hold."""
    seen = {} if seen is None else seen
    if id(problem) in seen:
        return seen
    seen[id(problem)] = problem
    for each in (problem.__cause__, problem.__context__, *problem.args, *vars(problem).values()):
        if isinstance(each, BaseException):
            chain(each, seen)
    return seen


def shown_by(problem: BaseException) -> Iterator[str]:
    """Yield all that a report on *problem* may show: texts, attributes, and the locals of our frames."""
    for each in chain(problem).values():
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))
        for frame, line in traceback.walk_tb(each.__traceback__):  # as `TracebackException(capture_locals=True)` does
            if frame.f_code.co_filename.startswith(OURS):
                yield f"{frame.f_code.co_filename}:{line} {frame.f_locals!r}"


@dataclass(repr=False)
class Canary:
    """Collects what was shown, and says what leaked."""

    records: Records = field(default_factory=Records)
    shown: list[str] = field(default_factory=list)

    def call(self, function: Callable[[], Any]) -> Any:
        """Return what *function* returns, None where it raises; look at what that shows."""
        try:
            return function()
        except Exception as problem:
            self.shown += shown_by(problem)

    def look(self, *objects: object) -> None:
        self.shown += [f"{each!r} {each!s}" for each in objects]

    def leaked(self) -> list[str]:
        """Return what leaked since this was last asked."""
        found = [text[:3000] for text in (*self.records.texts, *self.shown) if leaks(text)]
        self.records.texts.clear()
        self.shown.clear()
        return found


@pytest.fixture
def canary() -> Iterator[Canary]:
    this = Canary()
    root = logging.getLogger()
    level = root.level
    root.addHandler(this.records)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield this
            this.look(*(each.message for each in caught))
    finally:
        root.removeHandler(this.records)
        root.setLevel(level)
    assert this.leaked() == []


# the providers


def custom(url: str, **options: Any) -> TokenAuth:
    provider = Login(f"{url}/token", json={"user": "u", "password": SECRET, "deep": {"key": KEY}})
    return TokenAuth(provider, **options)


def password(url: str, **options: Any) -> TokenAuth:
    client: dict[str, Any] = {"client_id": "client", "client_secret": KEY}
    return PasswordGrantAuth(f"{url}/token", username="u", password=SECRET, **client, **options)


def atrip(url: str, **options: Any) -> AtripAuth:
    return AtripAuth(
        client_id="c", client_secret=SECRET, base_url=url, user_name="u", role="Admin", order_no="1", **options
    )


PROVIDERS: dict[str, Callable[..., TokenAuth]] = {
    "manis": lambda url, **options: ManisAuth(url, merchant_id="m", secret=SECRET, path="/token", **options),
    "platform": lambda url, **options: PlatformAuth(f"{url}/token", username="u", password=SECRET, **options),
    "password": password,
    "basic": lambda url, **options: ClientCredentialsAuth(
        f"{url}/token", client_id="c", client_secret=SECRET, **options
    ),
    "body": lambda url, **options: ClientCredentialsAuth(
        f"{url}/token", client_id="c", client_secret=SECRET, client_auth="body", **options
    ),
    "json": custom,
}

every_client = pytest.mark.parametrize("client", CLIENTS, ids=str)
QUIET = [client for client in CLIENTS if client.name != "aiohttp"]  # whose own responses show the headers sent
every_provider = pytest.mark.parametrize("provider", PROVIDERS)


@dataclass
class Site:
    """A token endpoint that answers as told, and an API that takes TOKEN."""

    server: Server = field(init=False)
    token_answer: Callable[[Received], Reply] = field(init=False)
    api_answer: Callable[[Received], Reply | None] = lambda request: None

    def __post_init__(self) -> None:
        self.token_answer = lambda request: Reply(200, self.good())

    def good(self, **more: Any) -> dict[str, Any]:
        names = ("token", "access_token")
        return dict.fromkeys(names, TOKEN) | {"refresh_token": REFRESH, "expires_in": 3600, "id_token": KEY} | more

    def answer(self, request: Received) -> Reply:
        if request.path in {"/token", "/getAtripToken.do"}:
            return self.token_answer(request)
        special = self.api_answer(request)
        if special is not None:
            return special
        return Reply(200 if TOKEN in request.text else 401)


@pytest.fixture
def site() -> Iterator[Site]:
    this = Site()
    with serve(this.answer) as this.server:
        yield this


def make(site: Site, provider: str, canary: Canary, url: str = "", **options: Any) -> TokenAuth:
    cache: dict[Any, Any] = {}
    settings: dict[str, Any] = {
        "cache": cache,
        "on_event": canary.look,
        "extra_headers": {"X-Key": KEY},
        "timeout": 5.0,
    }
    auth = PROVIDERS[provider](url or site.server.url, **{**settings, **options})
    auth.invalidate()
    return without_pauses(auth)


def look_at(canary: Canary, auth: TokenAuth, answers: list[Answer] | None = None) -> None:
    source = auth._source
    canary.look(
        auth,
        auth._provider,
        source,
        *auth._provider.secrets,
        source.tokens.cache,
        source.tokens.key,
        source.credential.cooldowns,
    )
    cache = auth._options.get("cache") or {}
    canary.look(*cache.keys(), *cache.values())
    for held in cache.values():
        canary.look(held.token)
        canary.look(*(source.admission.signature(held.token, origin) for origin in [_origin(auth)]))
    for answer in answers or []:
        canary.look(answer.response, answer.response.request)
        urls = [str(each.url) for each in answer.response.history]
        assert not [url for url in urls if url.endswith(("/token", ".do"))]


def _origin(auth: TokenAuth) -> Any:
    from tokenauth._core.origins import Origin

    return Origin.parse(auth._provider.token_url)


# scenarios


@pytest.mark.parametrize("client", QUIET, ids=str)
@every_provider
def test_success_and_renewal(site: Site, canary: Canary, client: Client, provider: str, closed_port: int) -> None:
    auth = make(site, provider, canary)
    url = site.server.url
    look_at(canary, auth, canary.call(lambda: client.play(auth, Get(f"{url}/a"), Post(f"{url}/b", data=b"x"))))
    canary.call(lambda: canary.look(client.get_token(auth)))
    rejected = iter([401, 401, 401, 401, 401])
    site.api_answer = lambda request: Reply(next(rejected, 200), request.text.encode())
    look_at(canary, auth, canary.call(lambda: client.play(auth, *[Get(f"{url}/c")] * 4)))
    site.api_answer = lambda request: Reply(302, headers={"Location": "/d"}) if request.path == "/r" else None
    look_at(canary, auth, canary.call(lambda: client.play(auth, Get(f"{url}/r"))))
    canary.call(lambda: client.get(auth, f"http://127.0.0.1:{closed_port}/away"))
    canary.call(lambda: client.send(auth, Post(f"{url}/e", **client.generator([b"x"]))))
    site.api_answer = lambda request: Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    canary.call(lambda: client.get(auth, f"{url}/cut"))
    site.api_answer = lambda request: Reply(401)
    canary.call(lambda: client.get(auth, f"{url}/f"))
    site.token_answer = lambda request: Reply(500, request.text.encode())
    canary.call(lambda: client.get(auth, f"{url}/g"))


def echoes(request: Received) -> dict[str, str]:
    """Return what a careless server may say: all that it was sent, in any coding."""
    text = request.text
    seen = [value for value in (*request.headers.values(), request.body.decode("latin-1")) if leaks(value)]
    plain = f"you sent {SECRET} and {SECRET}"
    return {
        "plain": plain,
        "as sent": " ".join(seen) or plain,
        "base64": base64.b64encode(f"u:{SECRET}".encode()).decode(),
        "html": f"<p>{SECRET.replace('&', '&amp;')}</p>",
        "body": request.body.decode("latin-1"),
        "whole": text,
    }


def error(status: int, form: str, *, content: str = "json") -> Callable[[Received], Reply]:
    def answer(request: Received) -> Reply:
        text = echoes(request)[form]
        if content == "html":
            return Reply(status, text.encode("latin-1", "replace"))
        names = ("error", "code", "soaCode", "type", "error_description", "detail", "title", "message", "msg")
        return Reply(status, dict.fromkeys(names, text) | {"access": text})

    return answer


FAULTS: dict[str, Callable[[Received], Reply]] = {
    **{
        f"{status} {form}": error(status, form)
        for status in (200, 400, 401, 403, 418, 429, 500)
        for form in ("plain", "as sent", "body", "base64", "html", "whole")
    },
    "html": error(200, "whole", content="html"),
    "html 500": error(500, "plain", content="html"),
    "not json": lambda request: Reply(200, b'{"access_token": "' + TOKEN.encode()),
    "a list": lambda request: Reply(200, b'["' + TOKEN.encode() + b'"]'),
    "deep": lambda request: Reply(200, b'{"token": "%s", "x": %s' % (TOKEN.encode(), b"[" * 100_000)),
    "no token": lambda request: Reply(200, {"refresh_token": REFRESH, "tokens": TOKEN}),
    "a token in a list": lambda request: Reply(200, {"token": [TOKEN], "access_token": [TOKEN], "r": REFRESH}),
    "an object": lambda request: Reply(200, {"token": {"value": TOKEN}, "access_token": {"value": TOKEN}}),
    "a line break": lambda request: Reply(200, dict.fromkeys(("token", "access_token"), f"{TOKEN}\r\nX: 1")),
    "a blank": lambda request: Reply(200, dict.fromkeys(("token", "access_token"), f"{TOKEN} ")),
    "too long": lambda request: Reply(200, dict.fromkeys(("token", "access_token"), TOKEN * 9000)),
    "an odd expiry": lambda request: Reply(
        200, dict.fromkeys(("token", "access_token", "expires_in", "expiresAt"), TOKEN)
    ),
    "an odd type": lambda request: Reply(
        200, dict.fromkeys(("token", "access_token"), "x") | dict.fromkeys(("token_type", "tokenType"), f"{TOKEN}\r\n")
    ),
    "expired": lambda request: Reply(200, dict.fromkeys(("token", "access_token"), TOKEN) | {"expires_in": 0}),
    "redirect": lambda request: Reply(302, headers={"Location": f"http://u:{KEY}@127.0.0.1:9/{KEY}?k={KEY}#{KEY}"}),
    "redirect to a secret host": lambda request: Reply(302, headers={"Location": f"https://{SECRET}.example/"}),
    "odd retry-after": lambda request: Reply(503, headers={"Retry-After": f"x{KEY}"}),
    "odd date": lambda request: Reply(200, {"token": TOKEN, "access_token": TOKEN}, headers={"Date": KEY}),
    "cut": lambda request: Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + TOKEN.encode()),
    "coding": lambda request: Reply(200, TOKEN.encode(), headers={"Content-Encoding": "gzip"}),
    "unknown coding": lambda request: Reply(200, TOKEN.encode(), headers={"Content-Encoding": KEY}),
    "broken header": lambda request: Reply(raw=b"HTTP/1.1 200 OK\r\n" + KEY.encode() + b"\r\n\r\n"),
    "broken status": lambda request: Reply(raw=KEY.encode() + b"\r\n\r\n"),
    "broken chunk": lambda request: Reply(
        raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + KEY.encode() + b"\r\n"
    ),
    "nothing": lambda request: Reply(raw=b""),
}
ECHO_IN_THE_CLIENTS_LOGS = {"broken header", "broken status", "broken chunk"}
"""httpcore and urllib3 log what the parser says, which quotes what it could not read."""


PARTS = 8
"""One in so many faults is met by one test: an axis of few values, which the quick run thins out."""


@pytest.mark.diagonal
@every_client
@every_provider
@pytest.mark.parametrize("part", range(PARTS))
def test_faults_of_the_token_endpoint(site: Site, canary: Canary, client: Client, provider: str, part: int) -> None:
    auth = make(site, provider, canary)
    for name, fault in list(FAULTS.items())[part::PARTS]:
        site.token_answer = fault
        auth.invalidate()
        canary.call(lambda: client.get(auth, f"{site.server.url}/a"))
        canary.call(lambda: client.get(auth, f"{site.server.url}/a"))  # cooling down: a copy
        look_at(canary, auth)
        if name in ECHO_IN_THE_CLIENTS_LOGS:
            theirs = ("httpcore", "urllib3")
            canary.records.texts = [text for text in canary.records.texts if not text.startswith(theirs)]
        assert canary.leaked() == [], name


@every_client
@every_provider
@pytest.mark.diagonal
def test_an_endpoint_that_is_silent_or_away(
    site: Site, canary: Canary, client: Client, provider: str, closed_port: int
) -> None:
    away = make(site, provider, canary, f"http://127.0.0.1:{closed_port}")
    canary.call(lambda: client.get(away, f"{away._provider.token_url}/a"))
    auth = make(site, provider, canary, timeout=0.2)
    pieces = iter(lambda: b" " * 2_000_000, None)
    site.token_answer = lambda request: Reply(200, pieces=pieces)
    canary.call(lambda: client.get(auth, f"{site.server.url}/a"))
    look_at(canary, auth)
    look_at(canary, away)


@every_client
def test_waiters_get_copies_that_show_nothing(site: Site, canary: Canary, client: Client) -> None:
    auth = make(site, "body", canary)
    site.token_answer = error(400, "whole")
    for result in client.herd(auth, f"{site.server.url}/a", 5):
        assert isinstance(result, TokenAuthError)
        canary.shown += shown_by(result)


# refresh tokens


@pytest.mark.diagonal
@every_client
@pytest.mark.parametrize("fault", ["400 plain", "400 body", "500 body", "500 whole", "no token", "a line break", "cut"])
def test_a_refresh_token_in_all_its_ways(site: Site, canary: Canary, client: Client, fault: str) -> None:
    failing = False

    def secret() -> str:
        if failing:
            raise ValueError(SECRET)
        return SECRET

    url = site.server.url
    auth = PasswordGrantAuth(
        f"{url}/token",
        username="u",
        password=SECRET,
        client_id="c",
        client_secret=secret,
        cache={},
        on_event=canary.look,
    )
    auth.invalidate()
    without_pauses(auth)
    site.token_answer = lambda request: Reply(200, site.good(refresh_token=f"{REFRESH}{time()}"))
    site.api_answer = lambda request: None
    canary.call(functools.partial(client.get, auth, f"{url}/a"))
    site.api_answer = lambda request: Reply(401)
    site.token_answer = FAULTS[fault]
    failing = fault == "cut"
    canary.call(functools.partial(client.get, auth, f"{url}/a"))
    look_at(canary, auth)


time = functools.partial(next, iter(range(1_000_000)))


# secrets that are read


@dataclass
class Vault:
    secret: str

    def read(self) -> str:
        return self.secret

    def broken(self) -> str:
        raise KeyError(self.secret)

    def unusable(self) -> Any:
        return f"{self.secret}\r\n"

    def bytes(self) -> Any:
        return self.secret.encode()

    def surrogate(self) -> str:
        return f"{self.secret}\ud800"


class SecretStr:
    def __init__(self, value: str, problem: Exception | None = None) -> None:
        self.value, self.problem = value, problem

    def get_secret_value(self) -> str:
        if self.problem:
            raise self.problem
        return self.value


def secrets() -> list[Any]:
    vault = Vault(SECRET)
    ways = [vault.read, vault.broken, vault.unusable, vault.bytes, vault.surrogate]
    partials = [functools.partial(Vault.read, vault), functools.partial(str, SECRET)]
    boxes = [SecretStr(SECRET), lambda: SecretStr(SECRET), lambda: SecretStr(SECRET, ValueError(SECRET))]
    return [*ways, *partials, *boxes]


@every_client
@pytest.mark.parametrize("way", range(len(secrets())))
@pytest.mark.diagonal
def test_secrets_from_callables_and_boxes(site: Site, canary: Canary, client: Client, way: int) -> None:
    auths: list[TokenAuth] = []
    with contextlib.suppress(TypeError, ValueError):
        secret = secrets()[way]
        auths = [
            ClientCredentialsAuth(f"{site.server.url}/token", client_id="c", client_secret=secret, cache={}),
            PasswordGrantAuth(
                f"{site.server.url}/token", username="u", password=SECRET, client_id="c", client_secret=secret, cache={}
            ),
            ManisAuth(site.server.url, merchant_id="m", secret=secret, path="/token", cache={}),
        ]
    for auth in auths:
        auth.invalidate()
        canary.call(functools.partial(client.get, auth, f"{site.server.url}/a"))
        look_at(canary, auth)


# a provider of the user's own, careless in every way


class Careless(Provider):
    """Its own text holds secrets: that must not become ours."""

    def __init__(self, url: str, how: str) -> None:
        self.name, self.token_url, self.how = "Careless", f"{url}/token", how

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        headers = {"x-secret": SECRET}
        if self.how == "request":
            raise KeyError(SECRET, headers)
        if self.how == "encoding":
            headers["x-odd"] = f"{SECRET}\u20ac"
        if self.how == "line break":
            headers["x-odd"] = f"{SECRET}\r\nX-Evil: {SECRET}"
        if self.how == "blank":
            headers["x-odd"] = f" {SECRET}"
        url = f"{self.token_url}?key={KEY}" if self.how == "closed" else self.token_url
        return TokenRequest("POST", url, headers, SECRET.encode())

    def read(self, reply: TokenReply) -> Token:
        content = reply.json()
        if self.how == "read":
            raise LookupError(content)
        if self.how == "own error":
            raise TokenEndpointError("The endpoint failed")
        if self.how == "type":
            return str(content)  # type: ignore[return-value]
        return Token(f"{content['token']}\r\n{KEY}")


@every_client
@pytest.mark.parametrize(
    "how", ["request", "encoding", "line break", "blank", "read", "own error", "type", "token", "closed"]
)
def test_a_careless_provider_shows_nothing_through_us(
    site: Site, canary: Canary, client: Client, how: str, closed_port: int
) -> None:
    url = f"http://127.0.0.1:{closed_port}" if how == "closed" else site.server.url
    auth = without_pauses(TokenAuth(Careless(url, how), cache={}, on_event=canary.look))
    with pytest.raises(TokenAuthError) as caught:
        client.get(auth, f"{url}/a")
    canary.shown += shown_by(caught.value)
    look_at(canary, auth)
    if how == "closed":  # urllib3 logs the URL: a secret in a query is the client's to show, and the docs say so
        canary.records.texts = [text for text in canary.records.texts if text.startswith("tokenauth")]
    assert not any("Evil" in name for request in site.server.requests for name in request.headers)


# ATRIP


@every_client
def test_atrip_shows_neither_its_headers_nor_its_link(site: Site, canary: Canary, client: Client) -> None:
    auth = atrip(site.server.url, cache={}, on_event=canary.look)
    auth.invalidate()
    url = site.server.url
    site.api_answer = lambda request: Reply(200 if leaks(request.text) else 401)
    assert client.get(auth, f"{url}/a") == 200
    link = f"{url}/portal?token={KEY}#/x"
    answers: list[dict[str, Any]] = [
        {"status": 0, "url": link},
        {"status": 3, "msg": SECRET},
        {"status": 0, "url": KEY},
        {"status": 0},
    ]
    for each in answers:
        site.token_answer = functools.partial(lambda each, request: Reply(200, each), each)
        auth.invalidate()
        if client.is_async:
            canary.call(lambda: canary.look(client.run(auth.aportal_link)))  # type: ignore[attr-defined]
        else:
            canary.call(lambda: canary.look(auth.portal_link()))
    look_at(canary, auth)


@every_client
@pytest.mark.parametrize("way", range(len(secrets())))
def test_atrips_static_secret_from_callables_and_boxes(site: Site, canary: Canary, client: Client, way: int) -> None:
    try:
        auth = AtripAuth(
            client_id="c", client_secret=secrets()[way], base_url=site.server.url, user_name="u", role="r", order_no="1"
        )
    except (TypeError, ValueError):
        return
    canary.call(lambda: client.get(auth, f"{site.server.url}/a"))
    look_at(canary, auth)
