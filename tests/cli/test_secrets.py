"""A secret never stands on a command line, and is never shown."""

import getpass
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import SECRET, Run, Terminal
from tests.servers import Received, Reply, serve
from tokenauth.sandbox import ThreadSandbox, credentials

MANIS = ["--class", "manis", "--base-url", "https://m.example.com", "--merchant-id", "m", "--secret", "env:PATH"]
LOGIN = ["--class", "login", "--url"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "--class", "manis", "--secret", SECRET],
        ["token", "--class", "manis", f"--secret={SECRET}"],
        ["token", "--class", "platform", "--password", SECRET],
        ["token", "--class", "client_credentials", "--client-secret", SECRET],
        ["token", *LOGIN, "https://l.example.com/x", "--form", f"password={SECRET}"],
        ["token", *LOGIN, "https://l.example.com/x", "--with-json", f'{{"a": {{"apiKey": "{SECRET}"}}}}'],
        [
            "token",
            *LOGIN,
            "https://l.example.com/x",
            "--with-json",
            f'{{"a": ["b"], "c": [{{}}, {{"apiKey": "{SECRET}"}}]}}',
        ],
        ["token", *LOGIN, "https://l.example.com/x", "--headers", f"X-Api-Key={SECRET}"],
        ["token", *LOGIN, "https://l.example.com/x", "--basic", f"me:{SECRET}"],
        ["token", *LOGIN, "https://l.example.com/x", "--body", SECRET],
        ["describe", "https://l.example.com/x", "-d", "user=me", "-d", f"password={SECRET}"],
        ["describe", "https://l.example.com/x", "--basic", f"me:{SECRET}"],
        ["describe", "https://l.example.com/x", "-H", f"Authorization: Bearer {SECRET}"],
        ["describe", "https://l.example.com/x", "--param", f"access_key={SECRET}"],
        ["doctor", "--class", "manis", "--secret", SECRET],
        ["request", "GET", "https://m.example.com", *MANIS, "-H", f"Authorization: Bearer {SECRET}"],
        ["request", "GET", "https://m.example.com", *MANIS, "-H", f"X-Api-Key: {SECRET}"],
    ],
    ids=lambda arguments: " ".join(arguments[-3:]).replace(SECRET, "…"),
)
def test_it_is_refused_with_the_reason_and_what_to_write(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)  # which looks for the secret in what is said
    said = ran.err + ran.out
    assert ran.code in {1, 2}
    assert "env" in said
    assert "visible to every user of this machine" in said or "has a secret in it (apiKey)" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "--secrt", SECRET],
        ["token", SECRET],
        ["token", "--class", "manis", "--password", SECRET],
        ["token", "-p", "x", "--", SECRET],
        ["describe", "https://l.example.com/x", SECRET],
    ],
)
def test_a_misplaced_secret_is_not_repeated(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A terminal on which a person types."""

    def types(text: str) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: text)

    return types


def test_every_way_to_give_a_secret(
    run: Run,
    manis: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: Callable[[str], None],
) -> None:
    monkeypatch.delenv("MANIS_SECRET")
    monkeypatch.setenv("ELSEWHERE", credentials.MANIS_SECRET)
    (tmp_path / "secret").write_text(credentials.MANIS_SECRET + "\n")
    command = f"{sys.executable} -c \"print('{credentials.MANIS_SECRET}')\""
    for place in ("env:ELSEWHERE", f"file:{tmp_path / 'secret'}", f"command:{command}"):
        ran = run("token", *manis, "--secret", place, "--fresh")
        assert (ran.code, ran.err) == (0, "")
    monkeypatch.setenv("MANIS_SECRET_FILE", str(tmp_path / "secret"))
    assert run("token", *manis, "--fresh").code == 0
    monkeypatch.delenv("MANIS_SECRET_FILE")
    typed(credentials.MANIS_SECRET)
    assert run("token", *manis, "--fresh").code == 0  # asked for, for it is missing
    assert run("token", *manis, "--fresh", "--secret", "prompt").code == 0


def test_without_a_terminal_it_is_not_asked_for(run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANIS_SECRET")
    ran = run("token", *manis)
    assert ran.code == 2
    assert "ManisAuth needs MANIS_SECRET: set it in the environment, or write --secret prompt" in ran.err
    assert "needs a terminal" in run("token", *manis, "--secret", "prompt").err


def test_on_a_terminal_what_is_missing_is_asked_for(
    run: Run, manis: list[str], sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{sandbox.url}\n"))
    ran = run("token", "--class", "manis", *manis[4:])
    assert (ran.code, ran.err) == (0, "--base-url: ")


def test_a_prompt_that_is_ended_without_an_answer_is_a_sentence(
    run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(prompt: str, stream: object) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", ended)  # as it does at Ctrl-D
    ran = run("token", *manis, "--secret", "prompt")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "needs a terminal and an answer" in ran.err


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("env:NOT_THERE", "--secret: the environment variable NOT_THERE is not set"),
        ("file:/nowhere/at/all", "--secret: the file /nowhere/at/all can't be read: No such file"),
        ("keyring:svc", 'keyring must be "service/user"'),
        ("env:", "--secret: write what comes after env:"),
        ("command:'", "--secret: No closing quotation"),
    ],
)
def test_a_place_without_a_secret_is_a_sentence(run: Run, manis: list[str], place: str, text: str) -> None:
    ran = run("token", *manis, "--secret", place)
    assert ran.code == 2
    assert text in ran.err


def test_a_login_of_ones_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Received] = []

    def answer(request: Received) -> Reply:
        seen.append(request)
        return Reply(body={"data": {"jwt": "t-1"}})

    monkeypatch.setenv("PW", SECRET)
    with serve(answer) as server:
        ran = run(
            *("token", *LOGIN, f"{server.url}/login", "--with-json", "user=me", "--with-json", "password=env:PW"),
            *("--token", "data.jwt", "--headers", "X-App=a", "--basic", "me:env:PW", "--rejected", "422"),
        )
    assert (ran.code, ran.out) == (0, "t-1\n")
    assert json.loads(seen[0].body) == {"user": "me", "password": SECRET}
    assert seen[0].headers["x-app"] == "a"
    assert seen[0].headers["authorization"].startswith("Basic ")


def test_a_missing_argument_is_named_with_its_variable(run: Run, sandbox: ThreadSandbox) -> None:
    assert "MANIS_BASE_URL" not in os.environ
    ran = run("token", "--class", "manis", "--merchant-id", "m")
    assert "ManisAuth needs MANIS_BASE_URL and" in ran.err
    assert "--base-url" in ran.err
    assert "ManisAuth takes no --token-url" in run("token", "--class", "manis", "--token-url", "x").err
    assert "--base-url needs a value" in run("token", "--class", "manis", "--base-url").err
    assert "no class 'mannis'; did you mean 'manis'?" in run("token", "--class", "mannis").err


PIPES = pytest.mark.skipif(os.name == "nt", reason="pipes of a shell")


def _ran(manis: list[str], secret: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `token` in a process of its own, until nobody has its stderr any more."""
    command = [sys.executable, "-m", "tokenauth", "token", *manis, "--fresh", *more, "--secret"]
    line = f"{shlex.join(command)} {secret}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20, check=False)


@PIPES
def test_a_secret_may_come_by_a_pipe(manis: list[str]) -> None:
    ran = _ran(manis, f"file:<(echo {credentials.MANIS_SECRET})")
    assert (ran.returncode, ran.stderr) == (0, "")


@PIPES
def test_a_command_that_hangs_ends_with_ours(manis: list[str]) -> None:
    ran = _ran(manis, "'command:sleep 100'", "--timeout", "0.2")
    assert ran.returncode == 2
    assert "did not return in time" in ran.stderr


@PIPES
def test_a_command_that_floods_is_ended(manis: list[str]) -> None:
    ran = _ran(manis, "command:yes")
    assert (
        ran.stderr == "tokenauth: No secret to log in with: the command yes printed more than 1 MiB, and was ended.\n"
    )


@pytest.mark.parametrize("name", ["X-Api-Secret", "Authorization", "Cookie"])
@pytest.mark.parametrize("status", [302, 307])
def test_a_secret_header_of_a_request_follows_no_redirect_to_another_host(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    monkeypatch.setenv("HEADER", f"value={SECRET}")

    def api(request: Received) -> Reply:
        if request.path == "/token":
            return Reply(body={"access_token": "t-1"})
        return Reply(status, headers={"Location": f"{far.url}/x" if request.path == "/away" else "/there"})

    with serve(lambda request: Reply()) as far, serve(api) as server:
        login = ["--class", "login", "--url", f"{server.url}/token", "--with-json", "{}", "--with-header", "X-Token"]
        heard = ["-H", f"{name}: env:HEADER", "-H", "Accept: text/csv"]
        assert run("request", "POST", f"{server.url}/away", *login, *heard, "-d", "x").code == 0
        (sent,) = server.to("/away")
        assert SECRET in sent.headers[name.lower()]
        (abroad,) = far.requests
        assert SECRET not in abroad.text
        assert abroad.headers["accept"] == "text/csv"


def test_a_secret_header_that_no_request_can_have_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADER", f"{SECRET}\N{SNOWMAN}")
    ran = run("request", "GET", "https://m.example.com", *MANIS, "-H", "X-Api-Secret: env:HEADER")
    assert (ran.code, ran.err) == (2, "tokenauth: --header X-Api-Secret has a character that no header can have\n")
