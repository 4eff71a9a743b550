"""`tests.servers.serve` over HTTP/2 and TLS, by hypercorn: only where that is installed.

with serve(lambda request: Reply(200, b"hello"), ca) as server: the same as there; *ca* vouches for it
"""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hypercorn.asyncio import serve as run
from hypercorn.config import Config

from tests.servers import Answered, Received, Reply, Server, application, body_of, mute, pairs_of
from tests.support import until


@contextlib.contextmanager
def hypercorn(app: Any, config: Config | None = None) -> Iterator[str]:
    """Run the ASGI *app* in a thread, and yield its URL."""
    ready, loops = threading.Event(), []
    config = config or Config()

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        ready.set()
        await run(app, config, shutdown_trigger=stop.wait)

    with mute() as bound:
        config.bind = [f"fd://{bound.fileno()}"]
        config.errorlog = None
        config.graceful_timeout = 0.1
        bound.listen(128)
        thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        thread.start()
        until(ready.is_set)
        try:
            yield f"{'https' if config.certfile else 'http'}://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            loop, stop = loops[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            bound.detach()  # hypercorn has closed it


def asgi(answer: Callable[[Received, str], Reply]) -> Any:
    """Return an application that answers each request, of an HTTP version, with *answer*."""

    async def answered(scope: dict[str, Any], headers: dict[str, str], body: bytes) -> Answered:
        path = scope.get("raw_path", scope["path"].encode())
        target = (path + b"?" + scope["query_string"]).decode().removesuffix("?")
        request = Received(scope["method"], target, headers, body, headers.get("host", ""))
        return _parts(await asyncio.to_thread(answer, request, scope["http_version"]))

    return application(answered)


@contextlib.contextmanager
def serve(answer: Callable[[Received], Reply], ca: Any) -> Iterator[Server]:
    """Serve *answer* on a free port of 127.0.0.1, which is "localhost" as well."""

    def seen(request: Received, version: str) -> Reply:
        server.requests.append(request)
        server.versions.add(version)
        return answer(request)

    with tempfile.NamedTemporaryFile(suffix=".pem") as certificate:
        issued = ca.issue_cert("127.0.0.1", "localhost")
        certificate.write(issued.private_key_and_cert_chain_pem.bytes())
        certificate.flush()
        config = Config()
        config.certfile = config.keyfile = certificate.name
        with hypercorn(asgi(seen), config) as url:
            server = Server(int(url.rpartition(":")[2]), "https", "127.0.0.1")
            yield server


def _parts(reply: Reply) -> Answered:
    if reply.raw is None:
        return reply.status, pairs_of(reply), body_of(reply)
    head, _, content = reply.raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    return int(first.split()[1]), [each for each in pairs if each[0] not in {b"connection", b"content-length"}], content
