"""Other ways to get the same token, side by side: the table of docs/comparison.md.

    uv run --no-project --with . --with httpx-auth --with requests-auth --with authlib --with requests-oauthlib \\
        --with singleflight-auth python tests/benchmarks/rivals.py

Each is used as its own documentation shows, against one server on loopback that counts. A login takes 0.2 s there.
"""

import contextlib
import json
import os
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import httpx_auth
import requests
import requests_auth
from authlib.integrations.requests_client import OAuth2Session
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOAuth2Session
from singleflight_auth import RequestsSingleFlightAuth, SingleFlightAuth

import tokenauth

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
ID, SECRET, CROWD = "shop", "s3cret-of-the-shop", 20
Send = Callable[..., Any]
"""`send(method, url, json=…)` returns a response."""
Make = Callable[[str, str], Send]
"""Takes the server's URL and the secret."""


class Server:
    """A token endpoint and an API on one port, and a foreign host on another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.logins, self.refused, self.moved = 0, 0, False
        self.bodies: list[bytes] = []
        self.leaks: list[str] = []
        self.tokens: set[str] = set()
        self.url, self.foreign = self._serve(self._answer), self._serve(self._foreign)

    def _serve(self, answer: Callable[[BaseHTTPRequestHandler, bytes], tuple[int, dict[str, Any], str]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, content, location = answer(self, body)
                payload = json.dumps(content).encode()
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_POST = do_GET  # noqa: N815  (http.server's name)

            def log_message(self, *_: object) -> None: ...

        class Quiet(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, *_: object) -> None: ...

        server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any], str]:
        if request.path.startswith("/token"):
            return self._login(request, body)
        given = request.headers.get("Authorization", request.headers.get("X-Api-Key", "")).removeprefix("Bearer ")
        if given not in self.tokens:
            return 401, {}, ""
        if request.path == "/abroad":
            return 302, {}, f"{self.foreign}/x"
        self.bodies.append(body)
        return 200, {"ok": True}, ""

    def _login(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any], str]:
        time.sleep(0.2)
        if self.moved:
            return 307, {}, f"{self.foreign}/token"
        form = parse_qs(body.decode())
        basic = "Basic " + b64encode(f"{ID}:{SECRET}".encode()).decode()
        with self.lock:
            if request.headers.get("Authorization") != basic and form.get("client_secret") != [SECRET]:
                self.refused += 1
                return 401, {"error": "invalid_client"}, ""
            self.logins += 1
            token = f"token-{self.logins}"
            self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}, ""

    def _foreign(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any], str]:
        headers = str(request.headers)
        basic = b64encode(f"{ID}:{SECRET}".encode()).decode()
        if SECRET in headers or basic in headers or SECRET.encode() in body:
            self.leaks.append("secret")
        if "token-" in headers:
            self.leaks.append("token")
        return 200, {}, ""


def by_requests(auth: Any) -> Send:
    return requests.Session().request if auth is None else _with(requests.Session(), auth)


def _with(session: requests.Session, auth: Any) -> Send:
    session.auth = auth
    return session.request


def by_httpx(auth: Any) -> Send:
    return httpx.Client(auth=auth, follow_redirects=True, timeout=30).request


def own_login(url: str, secret: str) -> tuple[Callable[[], str], Callable[[], str]]:
    """What singleflight-auth asks of its user: two functions."""
    kept = {"token": ""}

    def refresh() -> str:
        form = {"grant_type": "client_credentials"}
        answer = requests.post(f"{url}/token", data=form, auth=(ID, secret), timeout=10)
        answer.raise_for_status()
        kept["token"] = answer.json()["access_token"]
        return kept["token"]

    return lambda: kept["token"], refresh


class ByHand(requests.auth.AuthBase):
    """What one writes in ten lines."""

    def __init__(self, url: str, secret: str) -> None:
        self.token, (_, self.login) = "", own_login(url, secret)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.token = self.token or self.login()
        request.headers["Authorization"] = f"Bearer {self.token}"
        request.register_hook("response", self.again)
        return request

    def again(self, response: requests.Response, **options: Any) -> requests.Response:
        if response.status_code != 401 or response.request.headers.get("X-Again"):
            return response
        self.token = self.login()
        request = response.request.copy()
        request.headers.update({"Authorization": f"Bearer {self.token}", "X-Again": "1"})
        return response.connection.send(request, **options)


def authlib(url: str, secret: str) -> Send:
    session = OAuth2Session(ID, secret, token_endpoint=f"{url}/token", grant_type="client_credentials")
    session.fetch_token()
    send: Send = session.request
    return send


def oauthlib(url: str, secret: str) -> Send:
    session = RequestsOAuth2Session(client=BackendApplicationClient(ID))
    session.fetch_token(f"{url}/token", client_id=ID, client_secret=secret)
    send: Send = session.request
    return send


CUSTOM: dict[str, Make] = {
    "tokenauth, requests": lambda url, secret: by_requests(
        tokenauth.ClientCredentialsAuth(
            f"{url}/token", client_id=ID, client_secret=secret, cache={}, header="X-Api-Key"
        )
    ),
    "tokenauth, httpx": lambda url, secret: by_httpx(
        tokenauth.ClientCredentialsAuth(
            f"{url}/token", client_id=ID, client_secret=secret, cache={}, header="X-Api-Key"
        )
    ),
    "httpx-auth": lambda url, secret: by_httpx(
        httpx_auth.OAuth2ClientCredentials(f"{url}/token", ID, secret, header_name="X-Api-Key", header_value="{token}")
    ),
    "requests-auth": lambda url, secret: by_requests(
        requests_auth.OAuth2ClientCredentials(
            f"{url}/token", ID, secret, header_name="X-Api-Key", header_value="{token}"
        )
    ),
    "singleflight-auth, requests": lambda url, secret: by_requests(
        RequestsSingleFlightAuth(*own_login(url, secret), header_name="X-Api-Key", scheme=None)
    ),
    "singleflight-auth, httpx": lambda url, secret: by_httpx(
        SingleFlightAuth(*own_login(url, secret), header_name="X-Api-Key", scheme=None)
    ),
}
WAYS: dict[str, Make] = {
    "tokenauth, requests": lambda url, secret: by_requests(
        tokenauth.ClientCredentialsAuth(f"{url}/token", client_id=ID, client_secret=secret, cache={})
    ),
    "tokenauth, httpx": lambda url, secret: by_httpx(
        tokenauth.ClientCredentialsAuth(f"{url}/token", client_id=ID, client_secret=secret, cache={})
    ),
    "by hand, requests": lambda url, secret: by_requests(ByHand(url, secret)),
    "httpx-auth": lambda url, secret: by_httpx(httpx_auth.OAuth2ClientCredentials(f"{url}/token", ID, secret)),
    "requests-auth": lambda url, secret: by_requests(requests_auth.OAuth2ClientCredentials(f"{url}/token", ID, secret)),
    "singleflight-auth, requests": lambda url, secret: by_requests(RequestsSingleFlightAuth(*own_login(url, secret))),
    "singleflight-auth, httpx": lambda url, secret: by_httpx(SingleFlightAuth(*own_login(url, secret))),
    "Authlib, requests": authlib,
    "requests-oauthlib": oauthlib,
}


def statuses(send: Send, url: str) -> str:
    """Send a crowd of requests at once; return what came back, such as "20 × 200"."""

    def one(_: int) -> str:
        try:
            return str(send("GET", url).status_code)
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(CROWD) as pool:
        found = list(pool.map(one, range(CROWD)))
    return ", ".join(f"{found.count(each)} x {each}" for each in sorted(set(found)))


def trials(make: Make, make_custom: Make | None) -> Iterator[tuple[str, str]]:
    """Yield what was tried, and what came of it; each with a server and an auth object of its own."""
    server = Server()
    send = make(server.url, SECRET)
    came = statuses(send, f"{server.url}/orders")
    yield "a crowd of 20 without a token", f"{server.logins} logins, {came}"
    server.tokens.clear()
    before = server.logins
    came = statuses(send, f"{server.url}/orders")
    yield "the token is revoked under a crowd", f"{server.logins - before} logins, {came}"

    server = Server()
    send = make(server.url, SECRET)
    send("GET", f"{server.url}/orders")
    server.tokens.clear()
    server.bodies.clear()
    with contextlib.suppress(Exception):
        send("POST", f"{server.url}/orders", json={"amount": 1})
    came = "sent whole" if any(b"amount" in body for body in server.bodies) else "lost" if server.bodies else "not sent"
    yield "a JSON body meets a 401", came

    yield "a redirect to another host, Authorization", leaked_by_a_redirect(make)
    yield "the same, X-Api-Key", "can't be said" if make_custom is None else leaked_by_a_redirect(make_custom)

    server = Server()
    server.moved = True
    with contextlib.suppress(Exception):
        make(server.url, SECRET)("GET", f"{server.url}/orders")
    yield "the token endpoint redirects to another host", ", ".join(sorted({*server.leaks})) or "nothing leaks"

    server = Server()
    for _ in range(CROWD):
        with contextlib.suppress(Exception):
            make_once(make, server.url)("GET", f"{server.url}/orders")
    yield "a wrong secret, 20 requests", f"{server.refused} wrong logins"


def leaked_by_a_redirect(make: Make) -> str:
    server = Server()
    send = make(server.url, SECRET)
    with contextlib.suppress(Exception):
        send("GET", f"{server.url}/orders")
        send("GET", f"{server.url}/abroad")
    return ", ".join(sorted({*server.leaks})) or "nothing leaks"


kept: dict[str, Send] = {}


def make_once(make: Make, url: str) -> Send:
    """A program makes its session once; where making it logs in (and fails), it does so each time."""
    if url not in kept:
        kept[url] = make(url, "a-wrong-secret")
    return kept[url]


if __name__ == "__main__":
    for name, make in WAYS.items():
        print(name)
        for tried, came in trials(make, CUSTOM.get(name)):
            print(f"    {tried}: {came}")
