"""`tokenauth demo`: it ends well with our auth objects, and notices when something is wrong."""

from __future__ import annotations

import html
import io
import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from anyio import CapacityLimiter
from rich.console import Console

from tokenauth import CredentialsRejected, TokenAuth
from tokenauth.cli import main
from tokenauth.sandbox import Sandbox, ThreadSandbox, serve_in_thread
from tokenauth.sandbox.demo._by_hand import by_hand
from tokenauth.sandbox.demo._cases import (
    CASES,
    EXPECTED,
    MANIS,
    OAUTH,
    PLATFORM,
    Case,
    Counts,
    manis_login,
    oauth_login,
    platform_login,
)
from tokenauth.sandbox.demo._clients import (
    REQUESTS,
    Answer,
    Call,
    Client,
    Script,
    Send,
    installed_clients,
    installed_crowds,
)
from tokenauth.sandbox.demo._herds import Fared, HerdResult, run_herds
from tokenauth.sandbox.demo._steps import Result, _fault_of_error, run_case
from tokenauth.sandbox.demo._story import Chapter, Scene, Told, story
from tokenauth.sandbox.demo._tables import Outcome, show, show_end
from tokenauth.sandbox.demo._telling import _NEXT, _OPENING, Teller

from .conftest import interruptible

SIZE = 4
RIGHT = Result("OAuth", "requests", "first", Counts(1, 0, 1), Counts(1, 0, 1))
HERD = HerdResult("OAuth", "3 threads", 3, cold=False, counted=Counts(1, 3, 3), outcomes={"200": 3}, seconds=0.1)
FARED = Fared({"200": 3}, Counts(1, 0, 3), 0.1)
TOLD = Told("requests, 3 threads", "all start at once", FARED, FARED, ok=True)


class LosesBodies(Client):
    """Requests, but for the bodies."""

    def run(self, auth: TokenAuth, script: Script) -> None:
        super().run(auth, _without_bodies(script))


class Breaks(Client):
    """A client whose every call fails in a way that nobody expects."""

    @asynccontextmanager
    async def open(self, auth: TokenAuth, threads: CapacityLimiter) -> AsyncIterator[Send]:
        async def send(call: Call) -> tuple[int, bytes]:
            raise ZeroDivisionError(call.url)

        yield send


@dataclass(frozen=True)
class Elsewhere(Case):
    """A provider whose API is at *origin*."""

    origin: str = ""

    def url(self, sandbox: Sandbox) -> str:
        return self.origin + self.path


def _without_bodies(script: Script) -> Script:
    step = next(script)
    try:
        while True:
            step = script.send((yield replace(step, body=None)))
    except StopIteration:
        return


def run(case: Case, client: Client) -> list[Result]:
    """Return the results with a sandbox that nobody else uses."""
    with serve_in_thread() as sandbox:
        return run_case(case, [client], sandbox)


def command(*words: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    program = f"import sys; {before}; from tokenauth.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *words], capture_output=True, text=True, timeout=280, check=False
    )


def told(sandbox: Sandbox, crowds: list[Client], size: int = SIZE) -> tuple[list[Told], str]:
    """Return what a story comes to, and what it prints."""
    console = Console(file=io.StringIO(), width=80)
    teller = Teller(console)
    with ThreadPoolExecutor(len(crowds)) as threads:
        teller.tell(story(sandbox, threads, crowds, size=size))
    teller.sum_up()
    return teller.told, console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_ends_as_expected_in_less_than_20_seconds() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = command("demo", "--json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["ok"]
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 20, "of processor time, for what else the machine does is no fault of the demo's"
    assert len(outcome["story"]) == 3 * len(installed_crowds()) + 3 + 1
    assert {64} == {
        sum(one["tokenauth"]["outcomes"].values()) for one in outcome["story"] if "threads" in one["callers"]
    }
    assert "requests, 64 threads" in ran.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_full_demo_has_each_api_on_each_client() -> None:
    ran = command("demo", "--full", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["ok"]
    assert {(one["provider"], one["client"], one["step"]) for one in outcome["results"]} == {
        (case.title, client.name, step) for case in CASES for client in installed_clients() for step in EXPECTED
    }
    assert {one["size"] for one in outcome["herds"]} == {64, 500}


def test_a_person_reads_what_happens_and_what_to_try_next() -> None:
    ran = command("demo", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for text in (
        "a sandbox server starts",
        "requests, 8 threads            by hand",
        "the server forgets the token 8 × 200, 8 logins ",
        "8 × 200, 1 login ✓",
        "CredentialsRejected: Manis merchant",
        "In all,",
        "all as expected",
        "Try next",
    ):
        assert text in ran.stdout
    assert not ran.stderr


def test_the_picture_is_of_the_demo_as_it_is() -> None:
    picture = (Path(__file__).parents[2] / "docs/images/demo.svg").read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<.*?>", "", picture)).replace("\xa0", " ")
    for line in (_OPENING + _NEXT).splitlines():
        for text in filter(None, re.split(r"\[.*?\]|\s{2,}", line)):
            assert text.strip() in shown


def test_a_stream_that_knows_ascii_only_gets_ascii_only() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "ascii"), width=80)
    Teller(console).tell([Scene("all start at once"), FARED, TOLD])
    console.file.seek(0)
    assert "3 x 200, 1 login ok" in console.file.read()


def test_the_story_is_told_as_it_happens(sandbox: ThreadSandbox) -> None:
    with ThreadPoolExecutor(1) as threads:
        told = story(sandbox, threads, [REQUESTS], size=SIZE)
        assert [next(told), next(told)] == [Chapter("requests, 4 threads"), Scene("all start at once")]
        assert sandbox.state()["manis"]["token_calls"] == 0
        assert isinstance(next(told), Fared)
        assert sandbox.state()["manis"]["logins"] == SIZE


def test_every_client_is_in_the_story() -> None:
    with serve_in_thread() as sandbox:
        scenes, text = told(sandbox, installed_crowds())
    assert all(scene.ok for scene in scenes), text
    for library in ("requests", "httpx", "httpx2", "aiohttp"):
        assert f"\n{library}" in text


@pytest.mark.parametrize("crowd", installed_crowds(), ids=lambda crowd: crowd.name)
@pytest.mark.parametrize(
    ("case", "login"), [(MANIS, manis_login), (PLATFORM, platform_login), (OAUTH, oauth_login)], ids=["m", "p", "o"]
)
def test_the_auth_by_hand_works_where_nothing_happens_at_once(
    crowd: Client, case: Case, login: Callable[[Sandbox, str | None], Any], sandbox: ThreadSandbox
) -> None:
    auth, answers = by_hand(crowd.library, login(sandbox, None)), []

    def script() -> Script:
        for revoke in (False, False, True):
            sandbox.knobs(case.provider, revoke=revoke)
            answers.append((yield Call("GET", case.url(sandbox))).status)

    crowd.run(auth, script())
    assert answers == [200, 200, 200]
    assert case.counts(sandbox) == Counts(logins=2, unauthorized=1, ok=3)


@pytest.mark.parametrize("name", ["rich", "starlette", "uvicorn"])
def test_without_the_extra_one_line_says_what_to_install(name: str) -> None:
    ran = command("demo", before=f"sys.modules[{name!r}] = None")
    assert ran.returncode == 2
    assert ran.stderr == f"tokenauth: {name} missing: pip install 'tokenauth-http[cli]'\n"


@pytest.mark.parametrize("words", [["no-such-command"], ["demo", "--no-such-option"]])
def test_wrong_use_exits_2(words: list[str]) -> None:
    assert command(*words).returncode == 2


def test_the_module_is_the_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tokenauth", "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stdout.startswith("tokenauth ")


def test_importing_the_module_runs_no_command() -> None:
    assert import_module("tokenauth.__main__").main is main


def test_ctrl_c_ends_the_demo_without_a_word() -> None:
    words, pipe = interruptible("tokenauth", "demo"), subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        start = re.search(r"http://127.0.0.1:\d+", process.stdout.readline())
        assert start is not None
        while not Sandbox(start[0]).state()["manis"]["token_calls"]:
            pass  # then a crowd is under way
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert "all as expected" not in shown


@pytest.mark.parametrize("missing", ["trio", "httpx2", "aiohttp"])
def test_a_library_that_is_not_installed_is_left_out(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = [one.name for one in installed_clients()]
    monkeypatch.setitem(sys.modules, missing, None)
    assert [one.name for one in installed_clients()] == [name for name in everywhere if missing not in name]
    assert any(missing in name for name in everywhere)
    assert {crowd.library for crowd in installed_crowds()} == {"requests", "httpx", "httpx2", "aiohttp"} - {missing}


def test_a_count_that_is_not_the_expected_one_is_a_difference() -> None:
    wrong = replace(OAUTH, expected={**EXPECTED, "cached": Counts(1, 0, 1)})
    assert [one.step for one in run(wrong, REQUESTS) if not one.ok] == ["cached"]


def test_a_body_that_does_not_arrive_is_a_difference() -> None:
    [result] = [one for one in run(OAUTH, LosesBodies("requests", "Session")) if not one.ok]
    assert (result.step, result.problem) == ("revoked", "of 100000 bytes 0 arrived, or others")


def test_a_caller_that_sees_a_401_is_a_difference() -> None:
    result = run(replace(OAUTH, path="/oauth/denied/orders", pause=0), REQUESTS)[0]
    assert (result.step, result.problem) == ("first", "the caller saw HTTP 401")


def test_a_login_that_fails_is_a_difference() -> None:
    result = run(replace(OAUTH, login=lambda sandbox, _: OAUTH.login(sandbox, "another"), pause=0), REQUESTS)[0]
    assert result.step == "first"
    assert result.problem is not None
    assert result.problem.startswith("CredentialsRejected: ")


def test_what_befalls_a_crowd_is_told(sandbox: ThreadSandbox, closed_port: int) -> None:
    case = Elsewhere(**vars(OAUTH), origin=f"http://127.0.0.1:{closed_port}")
    aiohttp = installed_crowds()[-1]
    herds = run_herds(case, sandbox, [(REQUESTS, 3), (Client("httpx", "Client"), 2), (aiohttp, 3)])
    assert [herd.outcomes for herd in herds] == [
        *[{"ConnectionError": 3}] * 2,
        *[{"ConnectError": 2}] * 2,
        *[{"ClientConnectorError": 3}] * 2,
    ]
    assert not any(herd.ok for herd in herds)


def test_a_client_that_breaks_is_a_difference() -> None:
    [result] = run(OAUTH, Breaks("broken", "Client"))
    assert not result.ok
    assert result.problem is not None
    assert result.problem.startswith("ZeroDivisionError: http://127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(0, error=CredentialsRejected("no")), None),
        (Answer(0, error=CredentialsRejected("no: hush")), "the error shows the secret"),
        (Answer(401), "expected CredentialsRejected, got None and HTTP 401"),
    ],
)
def test_the_error_for_a_wrong_secret_is_looked_at(answer: Answer, problem: str | None) -> None:
    assert _fault_of_error(answer, "hush") == problem


@pytest.mark.parametrize(
    "herd",
    [
        replace(HERD, counted=Counts(2, 3, 3)),
        replace(HERD, counted=Counts(1, 0, 3)),
        replace(HERD, counted=Counts(1, 4, 3)),
        replace(HERD, counted=Counts(1, 3, 2)),
        replace(HERD, counted=Counts(1, 3, 3, refused=1)),
        replace(HERD, cold=True),
        replace(HERD, outcomes={"200": 2, "401": 1}),
    ],
)
def test_a_crowd_is_judged_by_every_count(herd: HerdResult) -> None:
    assert HERD.ok
    assert not herd.ok


def test_the_report_tells_differences_in_words() -> None:
    wrong = replace(RIGHT, counted=Counts(2, 0, 1))
    failed = replace(TOLD, ok=False, tokenauth=replace(FARED, outcomes={"401": 3}))
    outcome = Outcome([TOLD, failed], [RIGHT, replace(wrong, provider="Manis")], [replace(HERD, cold=True)], 1.0)
    console = Console(file=io.StringIO(), width=80)
    Teller(console).tell([failed])
    show(outcome, console)
    show_end(outcome, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "3 × 401, 1 login ✗ not as expected" in text
    assert "requests, 3 threads, all start at once: the callers saw {'401': 3}" in text
    assert "Manis, requests, first: counted 2·0·1, expected 1·0·1" in text
    assert "OAuth, 3 threads, cold: the callers saw {'200': 3}" in text
    assert "3 differences, 1.0 s" in text
    assert json.loads(outcome.as_json())["ok"] is False
