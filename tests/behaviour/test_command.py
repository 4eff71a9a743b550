"""CommandAuth: tokens that a command prints. The commands are small programs of Python."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.security.test_secrets import SECRET, leaks, shown_by
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, until, with_clock
from tokenauth import CommandAuth, TokenAuthError, TokenEndpointError, TokenResponseError
from tokenauth._core.clock import SYSTEM
from tokenauth._core.effects import Exchange
from tokenauth._core.errands import RunCommand
from tokenauth._core.flights import Flights
from tokenauth._io import commands
from tokenauth._io.drive import Blocking, run
from tokenauth.providers import Cookie, Header, Match, Text

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
posix = pytest.mark.skipif(os.name == "nt", reason="process groups and signals of POSIX")
WALL = 1_800_000_000.0
PYTHON = [sys.executable, "-S", "-E", "-c"]


def program(text: str) -> list[str]:
    return [*PYTHON, textwrap.dedent(text)]


def command(argv: Any, **options: Any) -> Any:
    options.setdefault("cache", {})
    return CommandAuth(argv, origins=["https://h.example"], **options)


def prints(text: str, **options: Any) -> Any:
    return command([*PYTHON, "import sys; sys.stdout.buffer.write(sys.argv[1].encode())", text], **options)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Server]:
    """Accepts what stands in the file "token"."""
    valid = tmp_path / "token"
    valid.write_text("t-1")

    def answer(request: Received) -> Reply:
        return Reply(200 if request.headers.get("authorization") == f"Bearer {valid.read_text()}" else 401)

    with serve(answer) as server:
        yield server


@every
def test_it_is_run_once_and_again_after_a_refusal(client: Client, api: Server, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    text = f"open({str(runs)!r}, 'a').write('.'); print(open({str(tmp_path / 'token')!r}).read())"
    auth = CommandAuth(program(text), origins=[api.url], cache={})
    assert [each.status for each in client.play(auth, *[Get(api.url)] * 3)] == [200] * 3
    assert runs.read_text() == "."
    (tmp_path / "token").write_text("t-2")
    assert client.get(auth, api.url) == 200
    assert runs.read_text() == ".."


@pytest.mark.parametrize(
    ("printed", "arguments", "lifetime"),
    [
        ("t-1", {}, None),
        (" t-1\r\n", {}, None),
        ("\ufefft-1", {}, None),
        ('{"accessToken": "t-1", "expires_on": 1800000600}', {"token": "accessToken", "expires": "expires_on"}, 600),
        ('{"a": [{"t": "t-1", "s": 600}]}', {"token": "a.0.t", "expires": "a.0.s"}, 600),
        (
            '{"status": {"token": "t-1", "at": "2027-01-15T08:10:00Z"}}',
            {"token": "status.token", "expires": "status.at"},
            600,
        ),
        ('{"token": "t-1", "ttl": "PT10M"}', {"token": "token", "expires": "ttl"}, 600),
        ("Token: t-1\nHave fun", {"token": Match("Token: (.*)")}, None),
        ('"t-1"', {"token": ""}, None),
        ("t-1 600", {"token": Match("^[^ ]+"), "expires": Match("[0-9]+$")}, 600),
    ],
)
def test_what_it_may_print(printed: str, arguments: dict[str, Any], lifetime: float | None) -> None:
    token = with_clock(prints(printed, **arguments), ManualClock()).get_token()
    assert (token.value, token.lifetime) == ("t-1", lifetime)


@pytest.mark.parametrize(
    ("printed", "arguments", "text"),
    [
        ("", {}, "it is empty"),
        ("  \n", {}, "it is empty"),
        ('{"accessToken": "s3cret-4711"}', {}, r'It is JSON: name .* token="accessToken"'),
        ('{"access": "s3cret-4711"}', {"token": "accessToken"}, "nothing at 'accessToken'. There are: access"),
        ("WARNING: s3cret-4711\ntoken", {}, "Match"),
        ("s3cret-4711", {"token": "token"}, "nothing at 'token'"),
    ],
)
def test_what_is_no_token_is_an_error_that_shows_nothing_of_it(
    printed: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(TokenResponseError, match=text) as met:
        prints(printed, **arguments).get_token()
    assert "s3cret" not in str(met.value)


def test_an_exit_status_comes_with_what_stands_on_stderr() -> None:
    text = "import sys; print('t-s3cret'); print('You are not logged in: t-s3cret', file=sys.stderr); sys.exit(7)"
    with pytest.raises(TokenEndpointError, match=r"exit status 7: You are not logged in: \*\*\*") as met:
        command(program(text)).get_token()
    assert "s3cret" not in str(met.value)
    assert "python" in str(met.value)


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["auth", "print-access-token"], "auth print-access-token"),
        (["login", "--password=hunter-2"], "login --password=***"),
        (["--password", "hunter-2"], "--password ***"),
        (["-phunter-2"], "***"),
        (["login", "bob:hunter-2"], "login ***"),
    ],
)
def test_arguments_that_may_be_secrets_are_masked(argv: list[str], shown: str) -> None:
    script = "import sys; sys.exit(' '.join(sys.argv[1:]))"
    with pytest.raises(TokenEndpointError) as met:
        command(["/bin/sh", "-c", f'exec "{sys.executable}" -S -c "{script}" "$@"', "sh", *argv]).get_token()
    assert "hunter" not in str(met.value)
    from tokenauth._io.commands import _said
    from tokenauth.providers import RunCommand

    said = _said(bytearray(" ".join(argv).encode()), bytearray(), RunCommand(("program", *argv)))
    assert said == f": {shown}"


def test_its_environment_is_masked_and_may_come_from_a_callable() -> None:
    text = "import os, sys; sys.exit('no user ' + os.environ['WHO']) if len(sys.argv) > 1 else print(os.environ['WHO'])"
    assert command(program(text), env={"WHO": lambda: "a-b-c"}).get_token().value == "a-b-c"
    with pytest.raises(TokenEndpointError, match=r"no user \*\*\*"):
        command([*program(text), "x"], env={"WHO": "a-b-c"}).get_token()


def test_of_a_traceback_the_last_line_is_shown_and_a_flood_is_cut() -> None:
    with pytest.raises(TokenEndpointError, match="exit status 1: ValueError: why"):
        command(program("raise ValueError('why')")).get_token()
    with pytest.raises(TokenEndpointError) as met:
        command(program("import sys; sys.exit('word ' * 200000)")).get_token()
    assert len(str(met.value)) < 500


def test_a_missing_command_says_so() -> None:
    with pytest.raises(TokenEndpointError, match="The command no-such-program was not found") as met:
        command(["/nowhere/no-such-program"]).get_token()
    assert "/nowhere" not in str(met.value)


def test_no_frame_of_its_error_shows_the_environment() -> None:
    """Who waits for the same token gets it as the cause of their own, maybe before it has left its flow."""
    raised: list[TokenAuthError] = []

    def flow() -> Generator[Any, Any, None]:
        flight = Flights().flight("key", math.inf)
        errand = RunCommand(("/nowhere/no-such-program",), env={"KEY": SECRET})
        try:
            yield Exchange(errand, flight, SYSTEM.monotonic() + 10)
        except TokenAuthError as problem:
            raised.append(problem)

    run(flow(), Blocking(None, SYSTEM))
    assert not [text for text in shown_by(raised[0]) if leaks(text)]


@posix
def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    with pytest.raises(TokenEndpointError, match="signal 35"):
        command(["/bin/sh", "-c", "kill -35 $$"]).get_token()


def test_an_environment_that_no_program_can_have_says_so() -> None:
    with pytest.raises(TokenEndpointError, match="can't be started: ValueError"):
        command(program("print('t-1')"), env={"KEY": lambda: "a\0b"}).get_token()


def test_what_is_no_program_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(TokenEndpointError, match="can't be started: Permission denied"):
        command([tmp_path / "x"]).get_token()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "X"


HANGS = """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)"])
    open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
    time.sleep(100)
"""


@posix
@every
def test_one_that_hangs_is_ended_with_its_children(client: Client, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    for seconds in (0.5, 5.0, 50.0):  # a busy machine may take longer to begin it
        auth = command(["/bin/sh", "-c", 'sleep 100 & echo $$ $! > "$0"; sleep 100', pids], timeout=seconds)
        with pytest.raises(TokenEndpointError, match="timeout="):
            client.get(auth, "https://h.example")
        if pids.exists() and pids.read_text():
            break
    first, child = map(int, pids.read_text().split())
    until(lambda: not _alive(first))  # not even a zombie
    until(
        lambda: (
            not _alive(child)
            or "(sleep" not in Path(f"/proc/{child}/stat").read_text(encoding="utf-8")
            or _is_zombie(child)
        )
    )


def _is_zombie(pid: int) -> bool:
    """Whether nobody has collected what has ended: its parent was ended too, and the container has no init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@posix
def test_one_that_closes_its_output_and_goes_on_is_ended() -> None:
    """Its caller may stop waiting at the same moment, and then has another text."""
    with pytest.raises(TokenEndpointError, match=r"did not end in 2 s, and was ended"):
        commands.output(RunCommand(("/bin/sh", "-c", "exec sleep 100 >&- 2>&-")), 2.0)


@posix
def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    child = int(command(["/bin/sh", "-c", "sleep 100 & echo $!"], timeout=3600).get_token().value)
    assert not _is_zombie(child), "it was waited for"
    os.kill(child, signal.SIGKILL)


@posix
def test_what_was_printed_is_read_whole_however_late() -> None:
    """As after Ctrl-Z and `fg`: the command went on meanwhile, and ended."""
    pipe = subprocess.PIPE
    with subprocess.Popen(program("print('t-1')"), stdout=pipe, stderr=pipe) as process:
        process.wait()
        assert bytes(commands._read(process, end=0.0)[0]) == b"t-1\n"


def test_a_flood_is_ended() -> None:
    with pytest.raises(TokenResponseError, match="more than 1 MiB"):
        command(program("while True: print('x' * 10000)")).get_token()


def test_much_on_stderr_does_not_stop_it() -> None:
    assert command(program("import sys; sys.stderr.write('x' * 3000000); print('t-1')")).get_token().value == "t-1"


def test_it_gets_no_input() -> None:
    assert command(program("import sys; print('t-' + str(len(sys.stdin.read())))")).get_token().value == "t-0"


CTRL_C = """
    import os, signal, sys, threading
    from tokenauth import CommandAuth
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
    auth = CommandAuth([sys.executable, "-S", "-c", {hangs!r}], origins=["https://h.example"], timeout=60)
    def interrupt():
        while not os.path.exists({pids!r}) or not open({pids!r}).read():
            pass
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        {way}
    except KeyboardInterrupt:
        print("interrupted")
"""


@posix
@pytest.mark.parametrize(
    "way", ["auth.get_token()", pytest.param("import asyncio; asyncio.run(auth.aget_token())", marks=pytest.mark.slow)]
)
def test_ctrl_c_ends_the_program_and_the_command(way: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = CTRL_C.format(hangs=textwrap.dedent(HANGS.format(pids=str(pids))), pids=str(pids), way=way)
    text = textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=55, check=False)
    assert done.stdout == "interrupted\n", done.stderr
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not _alive(pid) or _is_zombie(pid))  # type: ignore[misc]


def test_an_event_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    """The command ends when the loop has had some turns."""
    begun, turned = tmp_path / "begun", tmp_path / "turned"
    text = f"import os; open({str(begun)!r}, 'w')\nwhile not os.path.exists({str(turned)!r}): pass\nprint('t-1')"

    async def main() -> None:
        task = asyncio.create_task(command(program(text)).aget_token())
        await asyncio.to_thread(until, lambda: begun.exists() or task.done())
        turned.touch()
        assert (await task).value == "t-1"

    asyncio.run(main())


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    argument = f"$(touch {tmp_path}/pwned); `touch {tmp_path}/pwned`"
    text = "import sys; print(len(sys.argv[1]))"
    assert command([*program(text), argument]).get_token().value == str(len(argument))
    assert not list(tmp_path.iterdir())


def test_what_differs_is_another_credential() -> None:
    def key(**changes: Any) -> Any:
        given = {"argv": ["a", "b"]} | changes
        return CommandAuth(given.pop("argv"), origins=["https://h.example"], **given)._source.tokens.key

    assert key() == key(argv=("a", "b"))
    different = [key(), key(argv=["a b"]), key(token="t"), key(env={"A": "1"}), key(env={"A": "2"})]
    assert len({*different}) == len(different)
    assert all("a" not in str(each) or isinstance(each, str) for each in different)


@pytest.mark.parametrize(
    ("argv", "arguments", "text"),
    [
        ("gcloud auth s3cret", {}, r'argv must be a list of texts, such as \["gcloud"'),
        (Path("gcloud"), {}, "argv must be a list of texts"),
        (b"gcloud", {}, "argv must be a list of texts"),
        (None, {}, "not NoneType"),
        ([], {}, "argv is empty"),
        ([""], {}, "the program, is empty"),
        (["a", None], {}, r"argv\[1\] must be a str, not NoneType; is an environment variable"),
        (["a", 17], {}, r"argv\[1\] must be a str, not int"),
        (["a\0s3cret"], {}, r"argv\[0\] has a character"),
        (["a"], {"token": None}, "token must be a place"),
        (["a"], {"token": Text}, r"write Text\(…\)"),
        (["a"], {"token": Header("X")}, "header or a cookie"),
        (["a"], {"expires": Cookie("x")}, "header or a cookie"),
        (["a"], {"token": 17}, "token must be a key"),
        (["a"], {"env": ["A=s3cret"]}, "env must be a mapping"),
        (["a"], {"env": {"A=": "s3cret"}}, "not a name for an environment variable"),
        (["a"], {"env": {"A": None}}, "env"),
        (["a"], {"cwd": "/"}, "has no argument 'cwd'"),
        (["a"], {"token_client": object()}, "no token call is made"),
    ],
)
def test_bad_input_is_refused_with_what_to_write(argv: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text) as met:
        command(argv, **arguments)
    assert "s3cret" not in str(met.value)


def test_an_end_that_is_not_there_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    prints(json.dumps({"token": "t-1", "expiresOn": "1800000600"}), token="token", expires="nowhere").get_token()
    assert "no lifetime at expires='nowhere'" in caplog.text
