"""What a warm request may cost: counted in calls into our code, for time depends on the machine."""

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import httpx2
import pytest
import requests

import tokenauth
from tests.servers import Reply
from tests.support import TokenServer

OURS = str(Path(tokenauth.__file__).parent)
MOST = {"requests": 12, "httpx": 9}
READ = {f"sealed_headers.py {name}" for name in ("keys", "raw", "__getitem__", "<listcomp>", "<dictcomp>")}
"""The client reads the headers of each request, ours or its own."""
COLD = {"origins.py", "flow.py", "flights.py", "signature.py", "provider.py", "drive.py"}


@contextmanager
def counted(calls: "Counter[str]") -> Iterator[list[str]]:
    """Count in *calls* what is called of our code in the block; yield who asks for a frame object there."""
    frames: list[str] = []

    def count(frame: FrameType, event: str, called: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            calls[f"{Path(frame.f_code.co_filename).name} {frame.f_code.co_name}"] += 1
        if event == "c_call" and called is sys._getframe and frame.f_code.co_filename.startswith(OURS):
            frames.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        yield frames
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("options", [{}, {"header": "X-Token"}, {"origins": ["https://more.example"]}], ids=str)
def test_a_warm_request_of_requests_is_looked_up_once_and_sent(options: Any, server: TokenServer) -> None:
    calls: Counter[str] = Counter()

    with requests.Session() as session:
        session.trust_env = False
        session.auth = server.auth(**options)
        server.answer = lambda request: None if request.path == "/token" else Reply(200)
        for _ in range(2):
            session.get(server.api)
        with counted(calls) as frames:
            response = session.get(server.api)
    assert len(response.request.hooks["response"]) == 1
    assert {call.split()[0] for call in calls} & COLD == set()
    assert calls["cache.py held"] == 1, "a mapping of the user's is asked once"
    assert sys.version_info < (3, 12) or len(frames) <= 1, "only the adapter is looked at"
    assert sum(calls.values()) <= MOST["requests"], calls


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: str(library.__name__))
@pytest.mark.parametrize("options", [{}, {"header": "X-Token"}, {"origins": ["https://more.example"]}], ids=str)
def test_a_warm_request_of_httpx_is_looked_up_once_and_sent(library: Any, options: Any, server: TokenServer) -> None:
    calls: Counter[str] = Counter()
    transport = library.MockTransport(lambda request: library.Response(200))
    with library.Client(transport=transport, auth=server.auth(cache=None, **options), trust_env=False) as client:
        for _ in range(2):
            client.get(server.api)
        with counted(calls):
            client.get(server.api)
    assert {call.split()[0] for call in calls} & COLD == set()
    steps = {call: count for call, count in calls.items() if call not in READ}
    assert sum(steps.values()) <= MOST["httpx"] - (not options), steps


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("library", [requests, httpx, httpx2], ids=lambda library: str(library.__name__))
@pytest.mark.parametrize("options", [{}, {"header": "X-Token"}, {"origins": ["https://more.example"]}], ids=str)
def test_all_that_a_request_leaves_is_freed_without_the_garbage_collector(
    library: Any, options: Any, server: TokenServer
) -> None:
    auth: Any = server.auth(**options)

    def send() -> list["weakref.ref[Any]"]:
        request = library.Request("GET", server.api)
        if library is requests:
            request = auth(request.prepare())
            return [weakref.ref(request), weakref.ref(request._sent)]
        flow = auth.auth_flow(request)
        next(flow)
        with suppress(StopIteration):
            flow.send(library.Response(200))
        return [weakref.ref(request), weakref.ref(request.extensions.get("trace", request.headers))]

    assert [each() for each in send()] == [None, None]


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_what_an_api_key_or_a_static_header_says_is_worked_out_once(scheme: str) -> None:
    calls: Counter[str] = Counter()
    auth = tokenauth.APIKeyAuth("k" * 20, origins=[f"{scheme}://127.0.0.1:9"], header="X-API-Key", allow_http=True)
    for _ in range(2):
        signed = auth(requests.Request("GET", f"{scheme}://127.0.0.1:9/x").prepare())
        assert signed.headers["X-API-Key"] == "k" * 20
    with counted(calls):
        auth(requests.Request("GET", f"{scheme}://127.0.0.1:9/y").prepare())
    assert not [call for call in calls if call.startswith(("api_key.py", "secrets.py", "frozen.py"))], calls


class OwnURL:
    """A URL of a client to come, that keeps its parts elsewhere than today's do."""

    def __init__(self, url: Any) -> None:
        self._url = url

    def __getattr__(self, name: str) -> Any:
        if name == "_uri_reference":
            raise AttributeError(name)
        return getattr(self._url, name)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_a_url_without_the_parts_that_are_read_at_once_is_signed(library: Any, server: TokenServer) -> None:
    auth: Any = server.auth()
    for _ in range(2):
        request = library.Request("GET", server.api)
        request.url = OwnURL(request.url)
        assert next(auth.auth_flow(request)).headers["Authorization"] == "Bearer token-1"
