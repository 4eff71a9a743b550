"""I12: fork, spawn, event loops that come and go, Ctrl-C, interpreter exit, garbage: under `-X dev -W error`.

Each script runs in a process of its own (`scripts`), against the server of this one. It must end by itself, in time,
and say nothing on stderr: no traceback, no "never awaited", no ResourceWarning, no "Task was destroyed".
"""

import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
import requests

from tests.clients import AWAITING, BLOCKING, CLIENTS, Awaiting, Client
from tests.processes.children import spawned
from tests.processes.scripts import Scripts, scripts
from tests.servers import Received, Reply
from tests.support import TokenServer

Run = Callable[..., str]


def one_of(clients: Sequence[Any], quick: int) -> pytest.MarkDecorator:
    """Give every one of *clients* a process; in a quick run only that at *quick*, another one for each test."""
    slow = pytest.mark.slow
    return pytest.mark.parametrize(
        "client",
        [pytest.param(each, marks=() if n == quick % len(clients) else slow) for n, each in enumerate(clients)],
        ids=repr,
    )


BEGIN = """
auth, url, client = given()
api = url + "/api"
"""


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Scripts]:
    with scripts() as this:
        yield this


@pytest.fixture
def run(interpreter: Scripts) -> Run:
    """A function that runs a script with a server and a client, and returns what it printed."""

    def run(server: TokenServer, client: Client, code: str, *, seconds: float = 100) -> str:
        argv = server.url, server.user, client.name
        ended, printed, said = interpreter.run(BEGIN + code, *argv, seconds=seconds)
        if ended or said:
            pytest.fail(f"ended with {ended}: {said}")
        return printed

    return run


@pytest.fixture
def held(server: TokenServer) -> Iterator[TokenServer]:
    """A server whose first token call is answered when /release is called, or after 80 s.

    /seen answers when that call is there, /pending with 200 while it has no answer.
    """
    release, seen, first = threading.Event(), threading.Event(), threading.Lock()

    def answer(request: Received) -> Reply | None:
        if request.path == "/token" and first.acquire(blocking=False):
            seen.set()
            release.wait(80)
            release.set()
        elif request.path == "/seen":
            return Reply(200 if seen.wait(80) else 500)
        elif request.path == "/pending":
            return Reply(500 if release.is_set() else 200)
        elif request.path == "/release":
            release.set()
            return Reply(200)
        return None

    server.answer = answer
    yield server
    release.set()


# fork and spawn


@one_of(CLIENTS, 0)
def test_a_fork_during_a_fetch_serves_child_and_parent(client: Client, held: TokenServer, run: Run) -> None:
    run(
        held,
        client,
        """
fetch = background(auth.get_token)
assert requests.get(url + "/seen", timeout=30).ok
assert in_fork(lambda: client.get(auth, api) == 200) == 0
assert not fetch.done()
requests.get(url + "/release", timeout=20)
assert fetch.result(20).value == "token-2", fetch.result()
assert client.get(auth, api) == 200
""",
    )
    assert len(held.token_calls) == 2


@one_of(CLIENTS, 1)
def test_a_fork_during_a_fetch_with_a_store_waits_for_the_one_of_the_parent(
    client: Client, held: TokenServer, run: Run
) -> None:
    """The parent has the lease, and its child is another process."""
    run(
        held,
        client,
        """
import tempfile
from tests.stores import worker
from tokenauth.stores import FileStore

from types import SimpleNamespace

there = SimpleNamespace(url=url, user="u")
auth = worker(there, FileStore(tempfile.mkdtemp()), timeout=30.0)
fetch = background(auth.get_token)
assert requests.get(url + "/seen", timeout=30).ok

def child():
    answer = background(auth.get_token)
    requests.get(url + "/release", timeout=20)
    return answer.result(20).value == "token-1"

assert in_fork(child) == 0
assert fetch.result(20).value == "token-1", fetch.result()
assert client.get(auth, api) == 200
""",
    )
    assert len(held.token_calls) == 1


@pytest.mark.parametrize("module", ["tokenauth._core.renewal", "tokenauth._io.transports._requests"])
def test_a_fork_while_a_thread_imports_what_a_login_needs_serves_the_child(module: str, server: TokenServer) -> None:
    """The child would wait forever for the lock of a module that nobody imports there."""
    code = """if True:
        import os, signal, sys, threading, time
        from tokenauth.requests import LoginAuth
        auth = LoginAuth(sys.argv[1] + "/token", json={"p": "s"}, token="token",)
        begun, forks = threading.Event(), threading.Event()
        class Slow:
            def find_spec(self, name, *_):
                if name == sys.argv[2]:
                    begun.set()
                    forks.wait(20)
        sys.meta_path.insert(0, Slow())
        os.register_at_fork(before=forks.set)  # the last that is registered is the first that is called
        thread = threading.Thread(target=auth.get_token)
        thread.start()
        begun.wait(20)
        child = os.fork()
        if not child:
            signal.alarm(50)
            auth.get_token()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        thread.join(20)
    """
    command = [sys.executable, "-W", "ignore", "-c", code, server.url, module]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert server.logins == 2


@one_of(CLIENTS, 1)
def test_a_fork_with_a_warm_cache_uses_it(client: Client, server: TokenServer, run: Run) -> None:
    run(
        server,
        client,
        """
assert client.get(auth, api) == 200
assert in_fork(lambda: client.get(auth, api) == 200 and in_fork(lambda: client.get(auth, api) == 200) == 0) == 0
assert client.get(auth, api) == 200
""",
    )
    assert server.logins == 1


def test_a_fork_while_threads_hold_every_lock_again_and_again(server: TokenServer, run: Run) -> None:
    """Threads hammer cache, flights and cool-downs; each child finds all locks free."""
    run(
        server,
        CLIENTS[0],
        """
auth.get_token()
stop = threading.Event()
def hammer():
    source = auth._source
    while not stop.is_set():
        source.tokens.held()
        with Flight(source.flights, object(), 1.0) as fresh:
            source.flights.join(fresh, 0.0)
        source.credential.cooldowns.clear(object())
for _ in range(3):
    threading.Thread(target=hammer, daemon=True).start()
def child():
    auth.invalidate()
    return auth.get_token()
for _ in range(30):
    assert in_fork(child) == 0
stop.set()
""",
    )
    assert server.logins == 31


def test_a_spawned_process_works_with_a_pickled_auth_of_each_client(server: TokenServer) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for number, client in enumerate(CLIENTS):
            auth = server.auth(f"{server.user}-{number}", cache=None)
            assert client.get(auth, server.api) == 200
            assert pool.submit(spawned, auth, server.api, client.name).result(60) == 200
            assert client.get(auth, server.api) == 200
            assert server.logins == 2 * (number + 1)


# event loops


@one_of(AWAITING, 2)
def test_event_loops_come_and_go(client: Awaiting, server: TokenServer, run: Run) -> None:
    run(
        server,
        client,
        """
for turn in range(10):
    assert client.get(auth, api) == 200
for turn in range(10):
    auth.invalidate()
    assert client.get(auth, api) == 200
gc.collect()
""",
    )
    assert server.logins == 11


@one_of(AWAITING, 3)
def test_a_loop_that_ends_during_a_flight_hands_over(client: Awaiting, held: TokenServer, run: Run) -> None:
    """The main task ends with an error while another leads: the loop cancels that one, and threads wait for it."""
    run(
        held,
        client,
        """
async def leads():
    async with client.client(auth) as http:
        await http.get(api)
async def ends():
    await client.until(lambda: len(herd) == 1 and waiting(auth) == 4)
    raise ZeroDivisionError
herd = []
def follow():
    assert requests.get(url + "/seen", timeout=30).ok
    herd.append(background(lambda: [each for each in client_named("requests").herd(auth, api, 4)]))
background(follow)
async def main():
    if isinstance(client, type(client_named("httpx-trio")).__mro__[1]):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leads)
            nursery.start_soon(ends)
    else:
        leader = asyncio.create_task(leads())
        await ends()
try:
    client.run(main)
except* ZeroDivisionError:
    pass
assert waiting(auth) == 4
assert requests.get(url + "/release", timeout=30).ok
assert herd[0].result(20) == [200] * 4, herd[0].result()
gc.collect()
""",
    )
    assert len(held.token_calls) == 1


@pytest.mark.parametrize("client", [AWAITING[0], AWAITING[2]], ids=repr)
def test_a_loop_closed_under_the_leader_costs_two_timeouts_at_most(
    client: Awaiting, held: TokenServer, run: Run
) -> None:
    """No cancellation, no `finally`, and anyio keeps the task alive, so that no garbage collection ends it either."""
    run(
        held,
        client,
        """
import warnings
from tokenauth import TokenEndpointError
logging.getLogger("tokenauth").setLevel(logging.CRITICAL)  # how the call ends that was given up, told or not
logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # "Task was destroyed but it is pending" is the caller's own
warnings.simplefilter("ignore", ResourceWarning)  # so is the open transport of a loop that was closed
sys.unraisablehook = lambda problem: None  # and what closing it then says: Event loop is closed
auth._source.credential.timeout = 2.0
arrived = background(lambda: requests.get(url + "/seen", timeout=30))
loop = asyncio.new_event_loop()
async def seen():
    await client.until(arrived.done)
task = loop.create_task(auth.aget_token())
loop.run_until_complete(seen())
loop.close()
del task, loop
herd = client_named("requests").herd(auth, api, 4)
assert all(each == 200 or isinstance(each, TokenEndpointError) for each in herd), herd
herd = client_named("requests").herd(auth, api, 4)
herd = client_named("requests").herd(auth, api, 4)
assert herd == [200] * 4, herd
assert client.get(auth, api) == 200
""",
    )
    assert len(held.token_calls) == 2


# Ctrl-C and exit


@one_of(CLIENTS, 4)
def test_ctrl_c_in_the_leader_lets_another_take_over(client: Client, held: TokenServer, run: Run) -> None:
    said = run(
        held,
        client,
        """
signal.signal(signal.SIGINT, signal.default_int_handler)
def press():
    assert requests.get(url + "/seen", timeout=30).ok
    herd = background(lambda: client_named("requests").herd(auth, api, 4))
    until(lambda: waiting(auth) == 4)
    os.kill(os.getpid(), signal.SIGINT)
    return herd.result(20)
pressed = background(press)
try:
    client.get(auth, api)
except KeyboardInterrupt:
    print("interrupted", end="")
assert waiting(auth) == 4
assert requests.get(url + "/release", timeout=30).ok
assert pressed.result(20) == [200] * 4, pressed.result()
assert client.get(auth, api) == 200
gc.collect()
""",
    )
    assert said == "interrupted"
    assert len(held.token_calls) == 1


@one_of(CLIENTS, 5)
def test_the_interpreter_exits_at_once_though_daemon_threads_fetch(client: Client, held: TokenServer, run: Run) -> None:
    run(
        held,
        client,
        """
auth._source.credential.timeout = 3600.0
background(lambda: client.get(auth, api))
assert requests.get(url + "/seen", timeout=30).ok
threads = [background(lambda: client_named("requests").get(auth, api)) for _ in range(4)]
until(lambda: waiting(auth) == 4)
""",
    )
    assert requests.get(f"{held.url}/pending", timeout=20).ok, "it waited for the token call"


# garbage


@one_of(CLIENTS, 6)
def test_an_abandoned_flow_lands_in_the_garbage_and_hands_over(client: Client, server: TokenServer, run: Run) -> None:
    run(
        server,
        client,
        """
for cycle in (False, True):
    auth.invalidate()
    flow = obtain(auth._source)
    call = next(flow)
    assert isinstance(flow.send(call.function()), Exchange)
    herd = background(lambda: client.herd(auth, api, 3))
    until(lambda: waiting(auth) == 3)
    if cycle:
        knot = [flow]
        knot.append(knot)
        del knot
    del flow, call
    gc.collect()
    assert herd.result(20) == [200] * 3
assert not auth._source.flights._flights
""",
    )
    assert server.logins == 2


@one_of(BLOCKING[1:], 7)
def test_an_abandoned_auth_flow_leaves_nothing(client: Client, server: TokenServer, run: Run) -> None:
    run(
        server,
        client,
        """
request = client.library.Request("GET", api)
for _ in range(3):
    flow = auth.sync_auth_flow(request)
    next(flow)
    del flow
async def main():
    for _ in range(3):
        flow = auth.async_auth_flow(client.library.Request("GET", api))
        await anext(flow)
        await flow.aclose()
asyncio.run(main())
gc.collect()
assert client.get(auth, api) == 200
""",
    )
    assert server.logins == 1


@one_of(AWAITING, 8)
def test_a_coroutine_dropped_during_a_fetch_hands_over(client: Awaiting, held: TokenServer, run: Run) -> None:
    """A library drops what it awaits: `close()` on the coroutine, at whatever it stood."""
    run(
        held,
        client,
        """
async def main():
    async def step():
        coroutine = auth.aget_token()
        coroutine.send(None)
        coroutine.close()
    try:
        await step()
    except RuntimeError as problem:  # a client that awaits while it closes; ours must have landed all the same
        assert "ignored GeneratorExit" in str(problem)
client.run(main)
assert requests.get(url + "/release", timeout=30).ok
until(lambda: not auth._source.flights._flights)
""",
    )


# descriptors


COUNTS = [pytest.param(CLIENTS[0], 60, id="requests, 60")]
COUNTS += [
    pytest.param(client, 1000, id=f"{client.name}, 1000", marks=pytest.mark.slow)
    for client in CLIENTS
    if client.name not in {"httpx-trio", "httpx2-asyncio"}  # which log in as httpx-asyncio and httpx2-trio do
]


@pytest.mark.parametrize(("client", "count"), COUNTS)
def test_logins_leave_no_descriptor_open(client: Any, count: int, server: TokenServer, run: Run) -> None:
    said = run(
        server,
        client,
        f"""
logins(auth, client, 5)
before = descriptors()
logins(auth, client, {count})
print(before, descriptors(), threading.active_count())
""",
        seconds=115,
    )
    before, after, active = map(int, said.split())
    assert after <= before + 2
    assert active <= 3
    assert server.logins == count + 5


# the interpreter that forks for each script


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("print(*sys.argv[1:], end='')", (0, "a b", "")),
        ("sys.exit(5)", (5, "", "")),
        ("os.kill(os.getpid(), signal.SIGTERM)", (-signal.SIGTERM, "", "")),
        ("threading.Event().wait(60)", (-signal.SIGKILL, "", "")),
        ("print('said', file=sys.stderr)", (0, "", "said\n")),
    ],
    ids=["well", "with a code", "by a signal", "not", "aloud"],
)
def test_how_a_script_ended_is_told(interpreter: Scripts, script: str, outcome: tuple[int, str, str]) -> None:
    assert interpreter.run(script, "a", "b", seconds=2) == outcome


def test_what_a_script_forgets_is_told(interpreter: Scripts) -> None:
    ended, _, said = interpreter.run("open('/dev/null'); gc.collect(); 1 / 0", seconds=20)
    assert ended == 1
    assert "ResourceWarning" in said
    assert "ZeroDivisionError" in said


@pytest.mark.parametrize("client", BLOCKING, ids=repr)
def test_a_rotating_refresh_token_is_used_by_no_child(client: Client, server: TokenServer, run: Run) -> None:
    """Two uses of one look like theft to its server, which then revokes all that came of the same login."""
    used: list[bytes] = []

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        used.append(request.body)
        body = server.login().body
        assert isinstance(body, dict)
        return Reply(200, {**body, "refresh_token": f"r-{len(used)}"})

    server.answer = answer
    run(
        server,
        client,
        """
from tests.support import PlainProvider
from tokenauth._core.cache import Held
auth = TokenAuth(PlainProvider(url, sys.argv[2], refreshes=True))
assert client.get(auth, api) == 200
token = auth.get_token()
def child():
    auth._source.reject(token)
    auth._source.tokens.keep(Held(token, -1.0, -1.0, 0.0))  # as after its expiry
    return client.get(auth, api) == 200
assert [in_fork(child) for _ in range(3)] == [0, 0, 0]
""",
    )
    assert used == [b"", b"", b"", b""]


def test_a_brought_refresh_token_is_used_by_no_child_without_a_store(server: TokenServer, run: Run) -> None:
    """Neither one that the parent has exchanged, nor the very first, which the parent may yet use."""
    used: list[bytes] = []

    def answer(request: Received) -> Reply | None:
        if request.path != "/token":
            return None
        used.append(request.body)
        body = server.login().body
        assert isinstance(body, dict)
        return Reply(200, {"access_token": body["token"], "expires_in": 3600, "refresh_token": f"r-{len(used) + 1}"})

    server.answer = answer
    run(
        server,
        CLIENTS[0],
        """
from tokenauth import RefreshTokenAuth, TokenAuthError
auth = RefreshTokenAuth(url + "/token", refresh_token="r-1", client_id="c")
def child():
    auth.invalidate()
    try:
        auth.get_token()
    except TokenAuthError as problem:
        return "pass store=FileStore()" in str(problem).replace("Pass", "pass")
    return False
assert [in_fork(child) for _ in range(2)] == [0, 0]
assert client.get(auth, api) == 200
assert in_fork(lambda: client.get(auth, api) == 200) == 0, "the access token is good in the child, too"
assert [in_fork(child) for _ in range(2)] == [0, 0]
auth.invalidate()
assert client.get(auth, api) == 200
""",
    )
    assert [b"refresh_token=r-1" in used[0], b"refresh_token=r-2" in used[1], len(used)] == [True, True, 2]


def test_a_daemon_uses_the_refresh_token_of_the_process_that_started_it_and_is_gone(
    server: TokenServer, run: Run
) -> None:
    answer = {"access_token": "t-1", "expires_in": 3600, "refresh_token": "r-2"}
    server.answer = lambda request: Reply(200, answer) if request.path == "/token" else None
    printed = run(
        server,
        CLIENTS[0],
        """
from tokenauth import RefreshTokenAuth
reader, writer = os.pipe()
def starts():
    auth, starter = RefreshTokenAuth(url + "/token", refresh_token="r-1", client_id="c"), os.getpid()
    if os.fork():
        return True
    while runs(starter):
        time.sleep(0.01)
    os.write(writer, auth.get_token().value.encode())
    return True
def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
assert in_fork(starts) == 0
print(os.read(reader, 10).decode(), end="")
""",
    )
    assert printed == "t-1"
    assert len(server.token_calls) == 1


@pytest.mark.skipif(sys.version_info < (3, 13), reason="there are none")
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_a_subinterpreter_logs_in(kind: str, server: TokenServer) -> None:
    """One of the latter kind, as of `concurrent.interpreters`, may have no daemon threads."""
    inside = f"""if True:
        import sys
        sys.path[:] = {sys.path!r}
        from tests.support import PlainProvider
        from tokenauth.httpx import TokenAuth
        import httpx
        auth = TokenAuth(PlainProvider({server.url!r}, {server.user!r}))
        assert httpx.get({server.api!r}, auth=auth).status_code == 200
    """
    code = (
        f"import _interpreters as i; failed = i.run_string(i.create({kind!r}), {inside!r}); assert not failed, failed"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert server.logins == 1
