"""`tokenauth demo`: it ends well with our auth objects, and notices when something is wrong."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import import_module

import pytest
from rich.console import Console

from tokenauth import CredentialsRejected, TokenAuth
from tokenauth.cli import main
from tokenauth.sandbox import Sandbox, ThreadSandbox, serve
from tokenauth.sandbox.demo._cases import CASES, EXPECTED, Case, Counts
from tokenauth.sandbox.demo._clients import Answer, Call, Client, Requests, Script, installed_clients, play
from tokenauth.sandbox.demo._herds import THREADS, HerdResult, run_herds
from tokenauth.sandbox.demo._report import Outcome, as_json, show
from tokenauth.sandbox.demo._steps import Result, _fault_of_error, run_case

from .conftest import interruptible

OAUTH = CASES[-1]
RIGHT = Result("OAuth", "requests", "first", Counts(1, 0, 1), Counts(1, 0, 1))
HERD = HerdResult("OAuth", "3 threads", 3, cold=False, counted=Counts(1, 3, 3), outcomes={"200": 3}, seconds=0.1)


class LosesBodies:
    """Requests, but for the bodies."""

    name = "loses bodies"

    def run(self, auth: TokenAuth, script: Script) -> None:
        Requests().run(auth, _without_bodies(script))


class Breaks:
    """A client whose every call fails in a way that nobody expects."""

    name = "broken"

    def run(self, auth: TokenAuth, script: Script) -> None:
        play(script, self._send)

    def _send(self, call: Call) -> Answer:
        raise ZeroDivisionError(call.url)


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
            answer = yield (replace(step, body=None) if isinstance(step, Call) else step)
            step = script.send(answer)
    except StopIteration:
        return


def run(case: Case, client: Client) -> list[Result]:
    """Return the results with a sandbox that nobody else uses."""
    with serve() as sandbox:
        return run_case(case, [client], sandbox)


def command(*words: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    program = f"import sys; {before}; from tokenauth.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *words], capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.slow
def test_the_demo_ends_as_expected() -> None:
    ran = command("demo", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["ok"]
    assert {one["step"] for one in outcome["results"]} == EXPECTED.keys()
    assert {one["size"] for one in outcome["herds"]} == {64, 500}


def test_the_table_shows_what_the_server_counted() -> None:
    ran = command("demo", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for text in ("ATRIP portal", "wrong secret", "1 refused ✓", "64 threads, requests", "all as expected"):
        assert text in ran.stdout


@pytest.mark.parametrize("name", ["rich", "starlette", "uvicorn"])
def test_without_the_extra_one_line_says_what_to_install(name: str) -> None:
    ran = command("demo", before=f"sys.modules[{name!r}] = None")
    assert ran.returncode == 2
    assert ran.stderr == f"{name} missing: pip install 'tokenauth-http[cli]'\n"


@pytest.mark.parametrize("words", [[], ["no-such-command"], ["demo", "--no-such-option"]])
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
    words, pipe = interruptible("tokenauth", "demo", "--quick"), subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        start = re.fullmatch(r"The sandbox runs at (http://127.0.0.1:\d+), .*\n", process.stdout.readline())
        assert start is not None
        while not all(counts["logins"] for counts in Sandbox(start[1]).state().values()):
            pass  # then every provider is being tried
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=60)
    assert (process.returncode, shown, said) == (130, "", "")


@pytest.mark.parametrize("missing", ["trio", "httpx2"])
def test_a_library_that_is_not_installed_is_left_out(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = [one.name for one in installed_clients()]
    monkeypatch.setitem(sys.modules, missing, None)
    assert [one.name for one in installed_clients()] == [name for name in everywhere if missing not in name]
    assert any(missing in name for name in everywhere)


def test_a_count_that_is_not_the_expected_one_is_a_difference() -> None:
    wrong = replace(OAUTH, expected={**EXPECTED, "cached": Counts(1, 0, 1)})
    assert [one.step for one in run(wrong, Requests()) if not one.ok] == ["cached"]


def test_a_body_that_does_not_arrive_is_a_difference() -> None:
    [result] = [one for one in run(OAUTH, LosesBodies()) if not one.ok]
    assert (result.step, result.problem) == ("revoked", "of 100000 bytes 0 arrived, or others")


def test_a_caller_that_sees_a_401_is_a_difference() -> None:
    result = run(replace(OAUTH, path="/oauth/denied/orders", pause=0), Requests())[0]
    assert (result.step, result.problem) == ("first", "the caller saw HTTP 401")


def test_a_login_that_fails_is_a_difference() -> None:
    result = run(replace(OAUTH, login=lambda sandbox, _: OAUTH.login(sandbox, "another"), pause=0), Requests())[0]
    assert result.step == "first"
    assert result.problem is not None
    assert result.problem.startswith("CredentialsRejected: ")


def test_what_befalls_a_crowd_is_told(sandbox: ThreadSandbox, closed_port: int) -> None:
    case = Elsewhere(**vars(OAUTH), origin=f"http://127.0.0.1:{closed_port}")
    herds = run_herds(case, sandbox, "httpx", tasks=3)
    assert [herd.outcomes for herd in herds] == [{"ConnectionError": THREADS}] * 2 + [{"ConnectError": 3}] * 2
    assert not any(herd.ok for herd in herds)


def test_a_client_that_breaks_is_a_difference() -> None:
    [result] = run(OAUTH, Breaks())
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
    outcome = Outcome([RIGHT, replace(wrong, provider="Manis")], [replace(HERD, cold=True)], 1.0)
    console = Console(file=io.StringIO(), width=80)
    show(outcome, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "Manis, requests, first: counted 2·0·1, expected 1·0·1" in text
    assert "OAuth, 3 threads, cold: the callers saw {'200': 3}" in text
    assert "2 differences, 1.0 s" in text
    assert json.loads(as_json(outcome))["ok"] is False
