"""I6: a token call against everything that a server can do to it. Each fault is one error of ours, soon and in little
memory; what follows works."""

import functools
import gc
import gzip
import itertools
import os
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests
import trustme

from tests.clients import AWAITING, BLOCKING, CLIENTS, FAMILY, TLS, Awaiting, Client, Get
from tests.security.faulty import Behaviour, Faulty, answer, faulty, send, send_all, silent, token
from tests.servers import Received, Reply, serve
from tests.support import ManualClock, token_threads, until, with_clock, without_pauses
from tokenauth import ClientCredentialsAuth, TokenEndpointError, TokenResponseError, errors

every_client = pytest.mark.parametrize("client", CLIENTS, ids=str)
TIMEOUT = 0.3


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with faulty() as this:
        yield this


def auth_for(server: Faulty, timeout: float = 30.0, **options: Any) -> ClientCredentialsAuth:
    auth = ClientCredentialsAuth(
        f"{server.url}/token",
        client_id="canary-id",
        client_secret="oh-canary-secret",  # none of its codings begins with four digits, as the end of a port may be
        timeout=timeout,
        **{"cache": {}, **options},
    )
    server.behaviour = send(GOOD)
    auth.invalidate()  # another test's cool-down for the same credential
    without_pauses(auth)
    return auth


def suffer(server: Faulty, client: Client, behaviour: Behaviour, auth: ClientCredentialsAuth) -> errors.TokenAuthError:
    """Meet *behaviour*, then see that everything is as before it. Return the error."""
    server.behaviour, server.token_calls = behaviour, 0
    server.api_calls.clear()
    with_clock(auth, ManualClock())
    auth.invalidate()
    with pytest.raises(errors.TokenAuthError) as caught:
        client.get(auth, f"{server.url}/api")
    assert "in time" not in str(caught.value), "it was not the fault that ended it"
    assert isinstance(caught.value, client.error_root)
    assert 1 <= server.token_calls <= 3
    assert server.api_calls == []
    assert "canary" not in str(caught.value).replace("OAuth client canary-id", "")
    with pytest.raises(errors.TokenAuthError):
        client.get(auth, f"{server.url}/api")  # cools down
    assert server.token_calls <= 3
    server.behaviour = send(token('"canary-good"'))
    auth.invalidate()
    assert client.get(auth, f"{server.url}/api") == 200
    assert len(server.api_calls) == 1
    assert "canary-good" in server.api_calls[0]
    return caught.value


def gzipped(data: bytes, coding: str = "gzip") -> bytes:
    return answer(gzip.compress(data), f"Content-Encoding: {coding}")


GOOD = token('"canary-good"')
HTML = b"<html><body>canary: please log in</body></html>"

ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "cut in the status line": b"HTTP/1.1 2",
    "cut in the headers": b"HTTP/1.1 200 OK\r\nContent-Type: applic",
    "cut after the headers": answer(b"", "Content-Length: 50", length=False),
    "cut in the body": GOOD[:-10],
    "cut in a chunk": answer(b'20\r\n{"access_token": "x', "Transfer-Encoding: chunked", length=False),
    "cut between chunks": answer(b'5\r\n{"acc\r\n', "Transfer-Encoding: chunked", length=False),
    "broken chunk": answer(b'zz\r\n{"acc\r\n', "Transfer-Encoding: chunked", length=False),
    "length too short": GOOD.replace(b"Content-Length: ", b"Content-Length: 1\r\nX: "),
    "length too long": GOOD.replace(b"Content-Length: ", b"Content-Length: 1"),
    "length is no number": answer(b"{}", "Content-Length: -5", length=False),
    "no length, cut": answer(b'{"access_token": "cana', length=False),
    "two bodies": answer(b"", "Transfer-Encoding: chunked", "Content-Length: 3", length=False) + b"{}",
    "html": answer(HTML, "Content-Type: text/html"),
    "html as json": answer(HTML, "Content-Type: application/json"),
    "empty": answer(b""),
    "blank": answer(b" \n "),
    "no content": answer(b"", status="204 No Content"),
    "null": answer(b"null"),
    "number": answer(b"1e999"),
    "huge number": answer(b"9" * 100_000),
    "text": answer(b'"canary-token"'),
    "list": answer(b'["access_token", "canary"]'),
    "empty object": answer(b"{}"),
    "deep list": answer(b"[" * 200_000),
    "deep object": answer(b'{"access_token":' * 20_000 + b"1" + b"}" * 20_000),
    "deep and whole": answer(b'{"access_token": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "not utf-8": answer(b'{"access_token": "\xff\xfe"}'),
    "utf-16 without end": answer('{"access_token": "x"'.encode("utf-16")),
    "broken gzip": answer(b"{}", "Content-Encoding: gzip"),
    "cut gzip": answer(gzip.compress(GOOD)[:-12], "Content-Encoding: gzip"),
    "gzip bomb": gzipped(b" " * 5_000_000),
    "gzip in gzip": gzipped(gzip.compress(b'{"access_token": "x"}'), "gzip, gzip"),
    "brotli": answer(b"\x0b\x02\x80{}\x03", "Content-Encoding: br"),
    "over the limit": answer(b'{"access_token": "x", "more": "' + b"y" * 1_100_000 + b'"}'),
    "a token in an error": answer(b'{"error": "server_error", "access_token": "canary"}', status="500 Oops"),
    "not modified": answer(b"", status="304 Not Modified", length=False),
    "switching protocols": answer(b"", "Upgrade: x", "Connection: upgrade", status="101 Switching", length=False),
    "status out of range": answer(b"{}", status="999 Evil"),
    "teapot": answer(b"canary", status="418 Teapot"),
    "a long header": answer(b"{}", f"X-Long: {'y' * 200_000}"),
    "many headers": answer(b"{}", *(f"X-{n}: y" for n in range(20_000))),
    "folded header": answer(b"{", "X-A: 1", " X-B: 2"),
    "nul in a header": answer(b"{", "X-A: \x00"),
    "header without colon": answer(b"{", "canary"),
}

TOKENS: dict[str, str] = {
    "line break": r'"a\r\nX-Evil: 1"',
    "line feed": r'"a\nb"',
    "carriage return": r'"a\rb"',
    "nul": r'"a\u0000b"',
    "blank inside": '"a b"',
    "blank before": '" a"',
    "blank after": '"a "',
    "tab": r'"a\tb"',
    "delete": r'"a\u007f"',
    "c1": r'"a\u0085b"',
    "no ascii": r'"t\u00f6ken"',
    "fullwidth": r'"\uff21"',
    "line separator": r'"a\u2028b"',
    "half a surrogate": r'"a\ud800"',
    "1 MB": f'"{"y" * 1_000_000}"',
    "33 KiB": f'"{"y" * 33 * 1024}"',
    "number": "123456",
    "true": "true",
    "null": "null",
    "empty": '""',
    "list": '["canary"]',
    "object": '{"value": "canary"}',
}


PARTS = 8


@pytest.mark.diagonal
@every_client
@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_answer_is_an_error_of_ours(server: Faulty, client: Client, part: int) -> None:
    auth = auth_for(server)
    for name, data in list(ANSWERS.items())[part::PARTS]:
        problem = suffer(server, client, send(data), auth)
        assert isinstance(problem, TokenEndpointError), name


@pytest.mark.diagonal
@every_client
@pytest.mark.parametrize("part", range(PARTS))
def test_a_token_that_may_not_stand_in_a_header_never_gets_there(server: Faulty, client: Client, part: int) -> None:
    auth = auth_for(server)
    for name, value in list(TOKENS.items())[part::PARTS]:
        problem = suffer(server, client, send(token(value)), auth)
        assert isinstance(problem, TokenResponseError), name
        assert problem.status == 200, name


@every_client
def test_a_token_type_that_may_not_stand_in_a_header_never_gets_there(server: Faulty, client: Client) -> None:
    server.behaviour, server.token_calls = send(answer(b'{"access_token": "x", "token_type": "B\\r\\nX-Evil: 1"}')), 0
    server.api_calls.clear()
    try:
        client.get(auth_for(server), f"{server.url}/api")
    except errors.TokenResponseError:
        assert server.api_calls == []
    else:
        assert "Evil" not in server.api_calls[0]


def forever(piece: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.repeat(piece)


def after(head: bytes, pieces: Callable[[], Iterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.chain([head], pieces())


@functools.cache
def bomb() -> bytes:
    """Return 200 MB, packed when they are first wanted, which takes a second, and bit by bit: memory is measured."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()


FLOOD = b"y" * 65536
CHUNK = b"10000\r\n" + FLOOD + b"\r\n"
FLOODS: dict[str, Behaviour] = {
    "100 MB": send_all(
        lambda: itertools.chain([answer(b"", "Content-Length: 104857600", length=False)], [FLOOD] * 1600)
    ),
    "no end, no length": send_all(after(answer(b"", length=False), forever(FLOOD))),
    "no end of chunks": send_all(after(answer(b"", "Transfer-Encoding: chunked", length=False), forever(CHUNK))),
    "no end of headers": send_all(after(b"HTTP/1.1 200 OK\r\n", forever(b"X: y\r\n" * 1000))),
    "no end of a header": send_all(after(b"HTTP/1.1 200 OK\r\nX: ", forever(FLOOD))),
    "no end of the status line": send_all(after(b"HTTP/1.1 200 ", forever(FLOOD))),
    "no end of a chunk's size": send_all(
        after(answer(b"", "Transfer-Encoding: chunked", length=False), forever(b"0" * 65536))
    ),
    "gzip bomb": send_all(after(answer(b"", "Content-Encoding: gzip", length=False), lambda: iter([bomb()]))),
}


@every_client
@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.diagonal
def test_a_flood_costs_neither_time_nor_memory(server: Faulty, client: Client, flood: str) -> None:
    if (client.name, flood) == ("aiohttp", "no end of a chunk's size"):
        pytest.skip("aiohttp's parser goes through an endless line again with each piece, and holds the interpreter")
    auth = auth_for(server)
    behaviour = FLOODS[flood]
    client.get(auth, f"{server.url}/api")  # what is loaded once is loaded
    auth.invalidate()
    tracemalloc.start()
    try:
        suffer(server, client, behaviour, auth)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * 1024 * 1024


def drip(head: bytes, rest: bytes) -> Behaviour:
    """Send *head* at once, *rest* a byte at a time: longer than any timeout, each well within."""
    return send_all(lambda: itertools.chain([head], (bytes([each]) for each in rest)), pause=TIMEOUT / 5)


DRIPS: dict[str, Behaviour] = {
    "status line": drip(b"", b"HTTP/1.1 200 OK" + b" " * 10_000),
    "headers": drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n" * 10_000),
    "body": drip(answer(b"", "Content-Length: 100000", length=False), b" " * 10_000),
    "chunks": send_all(
        after(answer(b"", "Transfer-Encoding: chunked", length=False), forever(b"1\r\n \r\n")), pause=TIMEOUT / 5
    ),
    "early responses": send_all(forever(b"HTTP/1.1 100 Continue\r\n\r\n"), pause=TIMEOUT / 5),
    "early responses without pause": send_all(forever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")),
    "silence": silent,
}


strangers: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def know_strangers() -> None:
    """Threads that other tests have left (a callable or a store of theirs that hangs) are none of this file's."""
    strangers.clear()
    strangers.update(threading.enumerate())


def logins() -> list[str]:
    """Return the names of the threads that this test's token calls have left."""
    return token_threads(strangers)


def to_far(port: int) -> int:
    """Return how many connections to *port* this process has."""
    hexed = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]
    return sum(line.split()[2].endswith(hexed.strip()) and line.split()[3] == "01" for line in lines)


@pytest.mark.diagonal
@every_client
@pytest.mark.parametrize("kind", DRIPS)
def test_a_drip_ends_at_the_deadline_and_leaves_nothing_behind(server: Faulty, client: Client, kind: str) -> None:
    auth = auth_for(server, timeout=TIMEOUT)
    server.behaviour = DRIPS[kind]
    server.token_calls = 0
    with pytest.raises(TokenEndpointError):
        client.get(auth, f"{server.url}/api")
    assert server.token_calls <= 3
    until(lambda: not logins())
    gc.collect()
    until(lambda: not to_far(int(server.url.rpartition(":")[2])))
    server.behaviour = send(GOOD)
    auth.invalidate()
    auth._source.credential.timeout = 30.0
    assert client.get(auth, f"{server.url}/api") == 200


def clients_of(name: str) -> Any:
    library: Any = next(each.library for each in CLIENTS if each.name == name)
    return library.Session() if hasattr(library, "Session") else library.Client()


@pytest.mark.parametrize("client", BLOCKING, ids=str)
@pytest.mark.parametrize("kind", ["headers", "body"])
def test_a_drip_on_the_users_own_client_is_cut_as_well(server: Faulty, client: Client, kind: str) -> None:
    with clients_of(client.name) as own:
        auth = auth_for(server, timeout=TIMEOUT, token_client=own)
        server.behaviour = DRIPS[kind]
        with pytest.raises(TokenEndpointError):
            client.get(auth, f"{server.url}/api")
        until(lambda: not logins())
        server.behaviour = send(GOOD)
        auth.invalidate()
        auth._source.credential.timeout = 30.0
        assert client.get(auth, f"{server.url}/api") == 200


ON_A_LOOP: dict[str, Behaviour] = {
    "cut": send(ANSWERS["cut in the body"]),
    "broken gzip": send(ANSWERS["broken gzip"]),
    "flood": FLOODS["100 MB"],
    "drip": DRIPS["body"],
    "silence": silent,
}


@pytest.mark.parametrize("client", AWAITING, ids=str)
@pytest.mark.parametrize("kind", ON_A_LOOP)
def test_an_async_client_of_the_users_own_is_guarded_as_well(server: Faulty, client: Awaiting, kind: str) -> None:
    """Its token calls are made on the event loop itself, and not in a thread."""

    async def main() -> None:
        async with client.library.AsyncClient(verify=TLS) if client in FAMILY else client.own_client() as own:
            auth = auth_for(server, timeout=TIMEOUT if kind in {"drip", "silence"} else 30.0, token_client=own)
            server.behaviour = ON_A_LOOP[kind]
            with pytest.raises(TokenEndpointError) as caught:
                await auth.aget_token()
            assert ("in time" in str(caught.value)) == (kind in {"drip", "silence"})
            server.behaviour = send(GOOD)
            auth.invalidate()
            auth._source.credential.timeout = 30.0
            assert (await auth.aget_token()).value == "canary-good"

    client.run(main)
    assert not logins()


@pytest.mark.parametrize("client", BLOCKING, ids=str)
def test_a_drip_in_the_tls_handshake_is_cut(client: Client) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve_handshake() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                for byte in b"\x16\x03\x03\x40\x00" + b"\x02" + b"\x00" * 10_000:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    if over.wait(TIMEOUT / 5):
                        return

        thread = threading.Thread(target=serve_handshake, daemon=True)
        thread.start()
        auth = ClientCredentialsAuth(
            f"https://127.0.0.1:{port}/token", client_id="i", client_secret="s", timeout=TIMEOUT, cache={}
        )
        with pytest.raises(TokenEndpointError):
            client.get(auth, f"https://127.0.0.1:{port}/api")
        until(lambda: not logins())
        over.set()
        thread.join(5)
        auth.invalidate()


@pytest.mark.parametrize("client", BLOCKING, ids=str)
@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_many_faults_leave_no_descriptor_and_no_thread(server: Faulty, client: Client, rounds: int) -> None:
    auth = auth_for(server)
    faults = [send(ANSWERS[name]) for name in ("nothing", "cut in the body", "html", "over the limit", "broken gzip")]

    def one(behaviour: Behaviour) -> None:
        server.behaviour = behaviour
        auth.invalidate()
        with pytest.raises(TokenEndpointError):
            auth._obtain(None, client.name)

    for behaviour in faults:
        one(behaviour)
    gc.collect()
    until(lambda: not logins())
    before = len(os.listdir("/proc/self/fd"))
    for behaviour in faults * rounds:
        one(behaviour)
    gc.collect()
    until(lambda: not logins())
    until(lambda: len(os.listdir("/proc/self/fd")) <= before + 3)  # the server's own, which it is closing
    auth.invalidate()


# redirects


@every_client
@pytest.mark.parametrize(
    "form", ["http://127.0.0.1:{port}/x?a=b", "//127.0.0.1:{port}/x", "http://u:canary@127.0.0.1:{port}"]
)
def test_a_redirect_of_the_token_endpoint_is_an_error(server: Faulty, client: Client, form: str) -> None:
    with serve(lambda request: Reply(200, {"access_token": "canary"})) as far:
        auth = auth_for(server)
        location = form.format(port=far.port)
        for status in (300, 301, 302, 303, 307, 308):
            data = answer(b"", f"Location: {location}", status=f"{status} Moved")
            problem = suffer(server, client, send(data), auth)
            assert isinstance(problem, TokenEndpointError)
            assert problem.status == status
            assert f"http://127.0.0.1:{far.port} " in str(problem).replace(".", " .").replace(" .0 .0 .1", ".0.0.1")
        assert far.requests == []


# TLS


def good_site(request: Received) -> Reply:
    if request.path == "/token":
        return Reply(200, {"access_token": "canary-good", "token_type": "bearer"})
    return Reply(200 if request.headers.get("authorization") == "Bearer canary-good" else 401)


def tls_auth(url: str, **options: Any) -> ClientCredentialsAuth:
    auth = ClientCredentialsAuth(f"{url}/token", client_id="i", client_secret="canary", **{"cache": {}, **options})
    auth.invalidate()
    return without_pauses(auth)  # type: ignore[return-value]


@every_client
def test_an_unknown_ca_is_refused_before_anything_is_sent(client: Client, server_tls: ssl.SSLContext) -> None:
    with serve(good_site, tls=server_tls) as secure:
        with pytest.raises(TokenEndpointError, match=r"(?i)certificate.*token_client="):
            client.get(tls_auth(secure.url), f"{secure.url}/api")
        assert secure.requests == []


@every_client
@pytest.mark.usefixtures("trusted")
def test_a_known_ca_with_another_name_is_refused(client: Client, ca: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("other.example").configure_cert(context)
    with serve(good_site, tls=context) as secure:
        with pytest.raises(TokenEndpointError):
            client.get(tls_auth(secure.url), f"{secure.url}/api")
        assert secure.requests == []


@every_client
@pytest.mark.usefixtures("trusted")
def test_the_environments_ca_bundle_is_honoured(client: Client, server_tls: ssl.SSLContext) -> None:
    with serve(good_site, tls=server_tls) as secure:
        assert client.get(tls_auth(secure.url), f"{secure.url}/api") == 200


@every_client
@pytest.mark.parametrize("kind", ["session", "client", "async client"])
def test_a_known_ca_through_token_client_works(
    client: Client,
    kind: str,
    server_tls: ssl.SSLContext,
    ca: trustme.CA,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sync one serves everybody; an async one serves its own kind."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)  # requests prefers these to a session's own
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    ca.configure_trust(TLS)
    library = client.library if client.library in {httpx, httpx2} else httpx
    own: Any = requests.Session() if kind == "session" else None
    if own is not None:
        own.verify = str(ca_file)
    elif kind == "client":
        own = library.Client(verify=TLS)
    elif client.is_async:
        own = library.AsyncClient(verify=TLS, limits=library.Limits(max_keepalive_connections=0))
    else:
        return
    with serve(good_site, tls=server_tls) as secure:
        auth = tls_auth(secure.url, token_client=own)
        verify = str(ca_file)

        def setup(session: Any) -> None:
            if client.of_requests:
                session.verify = verify

        assert client.send(auth, Get(f"{secure.url}/api"), setup=setup).status == 200
        if kind != "async client":
            own.close()
