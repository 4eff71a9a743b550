"""Where the hosts of the pages lead in tests/world: the sandbox, and servers on loopback that want its tokens."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import trustme
import uvicorn
from mcp.server.mcpserver import MCPServer
from websockets.sync.server import serve as serve_websockets

from tests.docs.test_docs import places_in
from tests.servers import Received, Reply, mute, serve
from tests.support import background
from tokenauth.sandbox import ThreadSandbox, serve_in_thread
from tokenauth.sandbox.server import loopback_sockets

COMPLETION = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
}
MESSAGE = {
    "id": "m-1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
MODEL = {"_id": "1", "id": "acme/m-1", "modelId": "acme/m-1", "siblings": [], "tags": [], "sha": "0" * 40}
GENERATED = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}
ROWS = [{"id": 1}]
ANSWERS: dict[str, Any] = {
    "/v1/models/m-1:generateContent": GENERATED,
    "/rest/v1/orders": ROWS,
    "/v1/chat/completions": COMPLETION,
    "/v1/messages": MESSAGE,
    "/api/models/acme/m-1": MODEL,
}


@dataclass
class Places:
    """The servers behind the pages, what they were asked, and what they let in."""

    sandbox: ThreadSandbox
    hosts: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], bool]] = field(default_factory=list)
    """Place, headers with names in lower case, and whether they had a good token: one for each request."""

    def admits(self, place: str, headers: Mapping[str, Any]) -> bool:
        lower = {str(name).lower(): str(value) for name, value in headers.items()}
        token = lower.get("authorization", "").removeprefix("Bearer ") or lower.get("x-token")
        good = any(provider.accepts(token) for provider in self.sandbox.live.providers.values())
        self.seen.append((place, lower, good))
        return good

    def revoke(self) -> None:
        self.sandbox.knobs(revoke=True)

    @property
    def logins(self) -> int:
        return sum(provider["logins"] for provider in self.sandbox.state().values())

    def begin(self) -> None:
        self.sandbox.reset()
        self.seen.clear()

    def at(self, place: str) -> list[dict[str, str]]:
        return [headers for where, headers, _ in self.seen if where == place]

    def refused(self, place: str) -> int:
        return [good for where, _, good in self.seen if where == place].count(False)


@contextlib.contextmanager
def places(folder: Path) -> Iterator[Places]:
    with serve_in_thread() as sandbox, contextlib.ExitStack() as stack:
        this = Places(sandbox)
        http = stack.enter_context(serve(lambda request: _http(this, request)))
        feed = stack.enter_context(_feed(this, f"{http.url.replace('http', 'ws', 1)}/abroad"))
        orders = stack.enter_context(_orders(this, folder))
        tools = stack.enter_context(_tools(this))
        this.hosts = {
            "wss://feed.example.com": f"ws://{feed}",
            "https://feed.example.com": f"http://{feed}",
            "orders.example.com:443": orders,
            "https://orders.example.com": f"https://{orders}",
            "https://llm.example.com": http.url,
            "https://hub.example.com": http.url,
            "https://db.example.com": http.url,
            "https://tools.example.com": tools,
            "https://abroad.example": http.at("localhost"),
            **places_in(sandbox),
        }
        yield this


def _http(this: Places, request: Received) -> Reply:
    """Two model APIs and a hub; /abroad/ is for redirects from elsewhere, and never asks."""
    if request.path.startswith("/abroad"):
        this.admits("abroad", request.headers)
        return Reply(200, {})
    if request.path == "/moved":
        return Reply(302, headers={"Location": f"{this.hosts['https://abroad.example']}/abroad"})
    if not this.admits("llm", request.headers):
        return Reply(401, {"error": {"message": "token"}})
    if request.method == "POST":
        assert json.loads(request.body).keys() & {"messages", "contents"}, "half a body"
    answer = ANSWERS.get(request.path)
    body = json.dumps(answer).encode()
    return Reply(404) if answer is None else Reply(200, body, {"Content-Type": "application/json"})


@contextlib.contextmanager
def _feed(this: Places, abroad: str) -> Iterator[str]:
    """A WebSocket server that sends back what it gets."""

    def check(connection: Any, request: Any) -> Any:
        if request.path == "/moved":
            answer = connection.respond(302, "")
            answer.headers["Location"] = abroad
            return answer
        good = this.admits("feed", dict(request.headers.raw_items()))
        return None if good else connection.respond(401, "token\n")

    def echo(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    with mute() as bound:
        bound.listen()
        with serve_websockets(echo, sock=bound, process_request=check) as server:
            done = background(server.serve_forever)
            yield f"127.0.0.1:{bound.getsockname()[1]}"
            server.shutdown()
            done.result(10)


@contextlib.contextmanager
def _orders(this: Places, folder: Path) -> Iterator[str]:
    """A gRPC server whose every method answers with what it got."""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types here
        def service(self, details: Any) -> Any:
            good = this.admits("orders", dict(details.invocation_metadata))

            def answer(request: bytes, context: Any) -> bytes:
                if not good:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "token")
                return request

            return grpc.unary_unary_rpc_method_handler(answer)

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(folder / "ca.pem")  # read once, at the first secure channel
    cert = authority.issue_cert("localhost")
    chain = b"".join(each.bytes() for each in cert.cert_chain_pems)
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([Handler()])
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(cert.private_key_pem.bytes(), chain)]))
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(0).wait()


@contextlib.contextmanager
def _tools(this: Places) -> Iterator[str]:
    """A real MCP server, behind a check of the token."""
    tools = MCPServer("tools")

    @tools.tool()  # type: ignore[untyped-decorator]  # mcp is not installed where types are checked
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    app = tools.streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope.get("headers", ())}
        if scope["type"] == "http" and not this.admits("tools", headers):
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send)

    with _uvicorn(guarded) as url:
        yield url


@contextlib.contextmanager
def _uvicorn(app: Callable[..., Any]) -> Iterator[str]:
    sockets = loopback_sockets(0)
    server = uvicorn.Server(uvicorn.Config(app, ws="none", log_config=None, lifespan="on", timeout_graceful_shutdown=1))
    done = background(lambda: asyncio.run(server.serve(sockets)))
    deadline = time.monotonic() + 30
    while not server.started and not done.done() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        done.result(20)
        for each in sockets:
            each.close()
