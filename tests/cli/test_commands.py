"""What the commands do when all is well, and how they end when it isn't."""

import json
import logging
import os
import re
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.cli.conftest import SECRET, Ran, Run
from tests.servers import Received, Reply, serve
from tokenauth._version import __version__
from tokenauth.cli._ending import ended
from tokenauth.sandbox import ThreadSandbox, credentials

COMMANDS = ["token", "header", "json", "request", "portal", "doctor", "describe", "sandbox", "demo", "cache"]
HEAVY = (
    "requests",
    "httpx",
    "httpx2",
    "aiohttp",
    "rich",
    "starlette",
    "uvicorn",
    "yaml",
    "cryptography",
    "keyring",
    "pydantic",
)


def test_the_command_alone_shows_help_with_examples(run: Run) -> None:
    ran = run()
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert all(f"  {name} " in ran.out for name in COMMANDS)
    assert "\b" not in ran.out
    assert all(len(line) <= 80 for line in run("token", "--help").out.splitlines())
    assert run("--version").out == f"tokenauth {__version__}\n"


def test_cache_alone_shows_help_too(run: Run) -> None:
    ran = run("cache")
    assert (ran.code, ran.out, ran.err) == (0, run("cache", "--help").out, "")


@pytest.mark.parametrize("path", [[each] for each in COMMANDS] + [["cache", "list"], ["cache", "clear"]], ids="-".join)
def test_every_command_has_an_example(run: Run, path: list[str]) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0
    example = ran.out.rpartition("Example")[2]
    assert f"tokenauth {path[0]}" in example


def test_help_names_the_arguments_and_variables_of_a_class(run: Run) -> None:
    ran = run("token", "--class", "manis", "--help")
    assert "--merchant-id" in ran.out
    assert "MANIS_MERCHANT_ID  (needed)" in ran.out


@pytest.mark.parametrize("more", [[], ["--class", "manis"]], ids=["", "class"])
def test_help_loads_no_client_and_nothing_else_that_takes_time(more: list[str]) -> None:
    program = (
        f"import sys; from tokenauth.cli import main; main(['token', *{more}, '--help']); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr, end='')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_the_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['typer'] = None; from tokenauth.cli import main; sys.exit(main(['token']))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "tokenauth: The command tokenauth needs typer: pip install 'tokenauth-http[cli]'\n"


def test_a_token_is_kept_for_the_next_command(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    first = run("token", *manis)
    assert (first.code, first.err) == (0, "")
    assert run("header", *manis).out == f"Authorization: Bearer {first.out}"
    assert json.loads(run("header", *manis, "--json").out) == {"Authorization": f"Bearer {first.out.strip()}"}
    content = json.loads(run("json", *manis).out)
    assert (content["token"], content["type"]) == (first.out.strip(), "Bearer")
    assert content == {**json.loads(run("token", *manis, "--json").out), "lifetime": content["lifetime"]}
    assert sandbox.state()["manis"]["logins"] == 1
    assert run("token", *manis, "--fresh").out != first.out
    assert run("token", *manis).out == first.out


def test_the_cache_can_be_looked_at_and_cleared(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    run("token", *manis)
    run("token", *manis, "--origins", "https://other.example.com")  # another credential? no: the same token
    (entry,) = json.loads(run("cache", "list", "--json").out)
    assert 3500 < entry["ends_in"] <= 3600
    assert entry["entry"] in run("cache", "list").out
    assert run("cache", "clear", *manis[:-1], "another-merchant").err == "0 tokens deleted\n"
    assert run("cache", "clear", *manis).err == "1 token deleted\n"
    assert json.loads(run("cache", "list", "--json").out) == []
    run("token", *manis)
    assert sandbox.state()["manis"]["logins"] == 2
    assert run("cache", "clear").err == "1 token deleted\n"
    alone = run("cache", "clear", "--class", "command", "--argv", "true", "--origins", sandbox.url)
    assert (alone.code, alone.err) == (0, "tokenauth: CommandAuth stores no tokens\n")


def test_a_request_is_renewed_after_a_401(run: Run, manis: list[str], sandbox: ThreadSandbox, tmp_path: Path) -> None:
    run("token", *manis)
    sandbox.knobs("manis", revoke=True)
    url = f"{sandbox.url}/manis/api/orders"
    assert json.loads(run("request", "get", url, *manis).out)["method"] == "GET"
    (tmp_path / "body").write_bytes(b'{"id": 7}')
    ran = run("request", *manis, "POST", url, "-d", f"@{tmp_path / 'body'}", "-H", "X-Trace: 1", "--include")
    head, _, body = ran.out.partition("\n\n")
    assert head.startswith("HTTP 200 OK\n")
    content = json.loads(body)
    assert (content["length"], content["content_type"]) == (9, "application/json")
    assert "x-trace" in content["headers"]
    assert sandbox.state()["manis"]["logins"] == 2


def test_an_answer_that_is_an_error_is_another_exit_code(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    ran = run("request", "GET", f"{sandbox.url}/manis/denied/x", *manis)
    assert ran.code == 6
    assert json.loads(ran.out) == {"error": "invalid_token"}
    assert f"{sandbox.url}/manis/denied/x answered 401" in ran.err


@pytest.mark.parametrize("command", [["header"], ["request", "GET"]])
def test_a_foreign_address_is_refused_with_what_to_write(run: Run, manis: list[str], command: list[str]) -> None:
    ran = run(*command, "https://elsewhere.example.com/x", *manis)
    assert ran.code == 2
    assert "https://elsewhere.example.com may not have this token" in ran.err
    assert "--origins https://elsewhere.example.com" in ran.err
    assert (
        run("header", "https://elsewhere.example.com/x", *manis, "--origins", "https://elsewhere.example.com").code == 0
    )


def test_a_token_that_goes_into_the_query_is_no_header(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY_KEY", SECRET)
    ran = run("header", "--class", "api-key", "--origins", "https://api.example.com", "--param", "key")
    assert (ran.code, ran.out) == (2, "")
    assert "takes the token in the query (key)" in ran.err
    assert ran.err.endswith("use `tokenauth request`, or put what `tokenauth token` prints into the URL yourself\n")


def test_a_link_to_the_portal(run: Run, sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATRIP_CLIENT_SECRET", credentials.ATRIP_CLIENT_SECRET)
    for name in ("client_id", "user_name", "role", "order_no"):
        monkeypatch.setenv(f"ATRIP_{name.upper()}", getattr(credentials, f"ATRIP_{name.upper()}"))
    atrip = ["--class", "atrip", "--base-url", sandbox.url]
    link = run("portal", *atrip).out.strip()
    assert link.startswith(sandbox.portal_url)
    assert json.loads(run("portal", *atrip, "--json").out)["origin"] == sandbox.portal_url
    opened: list[str] = []

    class Browser(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return True

    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.setattr(webbrowser, "_tryorder", [])
    assert "no browser found. Without --open" in run("portal", *atrip, "--open").err
    webbrowser.register("ours", None, Browser("ours"))
    ran = run("portal", *atrip, "--open")
    assert (ran.code, ran.out, ran.err) == (0, "", f"opened {sandbox.portal_url}\n")
    assert len(opened) == 1
    assert run("header", f"{sandbox.url}/search.do", *atrip).out.startswith("x-atlas-client-id: ")


def test_only_atrip_has_a_portal(run: Run, manis: list[str]) -> None:
    ran = run("portal", *manis)
    assert (ran.code, ran.err) == (2, "tokenauth: ManisAuth has no portal; AtripAuth has: --class atrip\n")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("--merchand-id=hunter2", "--merchant-id"),
        ("--qiet", "--quiet"),
        ("--jsn", "--json"),
        ("--data", "--form"),
        ("--with-jsn", "--with-json"),
    ],
)
def test_a_misspelled_option_is_told_with_the_nearest_one(run: Run, manis: list[str], written: str, meant: str) -> None:
    """An auth class's argument, too, which the command's own options don't have."""
    ran = run("token", *manis, written)
    text = f"tokenauth: no option {written.partition('=')[0]}; did you mean {meant}?\n"
    assert (ran.code, ran.out, ran.err) == (2, "", text)


def test_an_option_that_is_like_no_other_is_told(run: Run, manis: list[str]) -> None:
    ran = run("token", *manis, "--zzzzzz")
    assert (ran.code, ran.err) == (2, "tokenauth: no such option: --zzzzzz. See: tokenauth token --help\n")


def test_a_profile_and_arguments_over_it(run: Run, manis: list[str], sandbox: ThreadSandbox, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(
        f'[prod]\nclass = "manis"\nbase_url = "{sandbox.url}"\nmerchant_id = "x"\nsecret = {{env = "MANIS_SECRET"}}\n'
    )
    assert run("token", "-p", "prod", "--merchant-id", credentials.MANIS_MERCHANT_ID).code == 0
    assert run("token", "-p", "prod").code == 3
    (tmp_path / "secret").write_text(os.environ.pop("MANIS_SECRET"))
    own = ["--secret", f"file:{tmp_path / 'secret'}", "--merchant-id", credentials.MANIS_MERCHANT_ID]
    assert run("token", "-p", "prod", *own).code == 0
    os.environ["MANIS_SECRET"] = credentials.MANIS_SECRET
    typo = run("token", "-p", "prid")
    assert (typo.code, typo.err.count("\n")) == (2, 1)
    assert "did you mean 'prod'?" in typo.err
    assert "use either -p or --class" in run("token", "-p", "prod", "--class", "manis").err
    assert "-p NAME (prod)" in run("token").err


def test_a_wrong_secret_is_a_sentence(
    run: Run, manis: list[str], sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANIS_SECRET", SECRET)
    ran = run("token", *manis)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "refused the credentials (HTTP 401)" in ran.err
    assert run("token", *manis).code == 3  # not sent again within a minute
    assert sandbox.state()["manis"]["refused"] == 1
    assert run("token", *manis, "--fresh").code == 3
    assert sandbox.state()["manis"]["refused"] == 2


def test_a_server_that_is_down_is_a_sentence(run: Run, manis: list[str], closed_port: int) -> None:
    manis[3] = f"http://127.0.0.1:{closed_port}"
    for command in (["token"], ["header"], ["request", "GET", f"{manis[3]}/x"]):
        ran = run(*command, *manis)
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1)
        assert "can't be reached" in ran.err
        assert "`tokenauth doctor` looks at each step." in ran.err


def test_an_api_that_is_down_is_a_sentence(run: Run, manis: list[str], closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    ran = run("request", "GET", f"{url}/x?key=1", *manis, "--origins", url)
    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert f"no answer from {url}/x: " in ran.err


def test_no_network_is_a_sentence(run: Run, manis: list[str]) -> None:
    manis[3] = "https://nowhere.invalid"
    ran = run("token", *manis)
    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert "nowhere.invalid" in ran.err


def test_an_answer_without_a_token_is_a_sentence(run: Run, manis: list[str]) -> None:
    def answer(_: Received) -> Reply:
        return Reply(body={"data": {"token": "t"}})

    with serve(answer) as server:
        manis[3] = server.url
        ran = run("token", *manis)
    assert ran.code == 5
    assert 'LoginAuth(…, token="data.token") could read it' in ran.err
    assert "`tokenauth describe` shows the answer." in ran.err


def test_what_a_file_or_a_command_gives_is_no_answer_to_describe(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    ran = run("token", "--class", "file", "--path", str(tmp_path / "empty"), "--origins", "https://api.example.com")
    assert ran.code == 5, ran
    assert "describe" not in ran.err


def test_warnings_of_a_command_that_succeeds_go_to_stderr_unless_it_is_quiet(run: Run, manis: list[str]) -> None:
    answer = Reply(body={"token": "t-1", "tokenType": "Bearer", "expiresAt": 1_000_000_000})
    with serve(lambda _: answer) as server:
        manis[3] = server.url
        ran = run("token", *manis, "--fresh")
        assert (ran.code, ran.out) == (0, "t-1\n")
        assert re.fullmatch("tokenauth: warning: .* expired already.*\n", ran.err)
        assert json.loads(run("json", *manis, "--fresh").out)["token"] == "t-1"
        assert run("token", *manis, "--fresh", "-q").err == ""
        assert run("token", *manis, "--fresh").err == ran.err  # and the next command is not quiet


def test_quiet_says_nothing_but_errors(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    denied = ("request", "GET", f"{sandbox.url}/manis/denied/x", *manis)
    assert run(*denied, "-iq").err == ""
    assert "warning: " in run(*denied).err
    assert run("token", *manis, "-q", "--origins", "nonsense").code == 2
    run("token", *manis)
    assert run("cache", "clear", "-q").err == ""


def test_an_empty_pipe_is_no_error() -> None:
    program = f"{sys.executable} -m tokenauth --help | true"
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def test_a_refusal_that_is_remembered_says_so_and_how_to_ask_again(run: Run, manis: list[str]) -> None:
    refused = [*manis[:-1], "nobody"]
    first, second = run("token", *refused), run("token", *refused)
    assert "Remembered" not in first.err
    assert re.search(r"\(Remembered: no call was made\. The next is in \d\d s, or with --fresh\.\)\n", second.err)
    assert "Remembered" not in run("token", *refused, "--fresh").err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["tokn"], "no such command 'tokn'. Did you mean 'token'? See: tokenauth --help\n"),
        (["token", "--class", "function"], "FunctionAuth needs get_token, which can't be written on a command line"),
        (["request", "G T", "URL"], "the first argument is the method"),
        (["request", "GET", "URL", "-H", "X: a\nb: c"], "--header X has a character that no header can have"),
        (["request", "GET", "URL", "-H", "X Y: a"], "must be an HTTP field name"),
        (
            ["request", "GET", "https://me@elsewhere.example.com/x"],
            "remove the user name and the password from the URL",
        ),
        (["request", "GET", "nonsense"], "that is not the URL of an API: "),
        (["request", "GET", "URL", "-d", "@/nowhere"], "/nowhere can't be read: No such file"),
        (["request", "GET", "URL", "--timeout", "soon"], "--timeout must be a number"),
        (
            ["token", "--class", "login", "--url", "https://l.example.com/x", "--with-json", "{"],
            "tokenauth: --with-json must be JSON, such as ",
        ),
        (
            ["token", "--class", "login", "--url", "https://l.example.com/x", "--json", "user=me"],
            "--json is this command's own option and takes no value. To give json to the auth class: --with-json",
        ),
        (
            ["token", "more"],
            "there are more arguments than this command takes. Usage: tokenauth token [OPTIONS]. A profile",
        ),
        (
            ["request", "https://l.example.com/x"],
            "Usage: tokenauth request [OPTIONS] ",
        ),
        (
            ["request", "GET", "URL", "-H", "X-Token"],
            "--header must be 'Name: value'. To give header to the auth class: --with-header",
        ),
        (["token", "--class", "nope", "--help"], "there is no class 'nope'"),
        (["token"], "which API? Name a profile, -p NAME, or a class: --class "),
        (["cache", "list", "--folder", os.devnull], f"there is no folder {os.devnull}"),
        (["cache", "clear", "--folder", "/nowhere"], "there is no folder /nowhere"),
        (["cache", "list", "--folder", ""], "folder is empty"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_what_cannot_be_right_is_a_sentence(run: Run, manis: list[str], arguments: list[str], text: str) -> None:
    given = [manis[3] if each == "URL" else each for each in arguments]
    ran = run(*given, *(manis if arguments[0] == "request" else []))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert text in ran.err


@pytest.mark.parametrize(
    ("problem", "code", "text"),
    [
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError(SECRET), 1, "unexpected: ZeroDivisionError. TOKENAUTH_TRACEBACK=1 shows where"),
        (FileNotFoundError(2, "No such file", "f.txt"), 1, "tokenauth: f.txt can't be written: No such file\n"),
        (ImportError("needs x: pip install x"), 2, "tokenauth: needs x: pip install x\n"),
    ],
    ids=repr,
)
def test_whatever_ends_a_command_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int, text: str
) -> None:
    def command() -> None:
        for _ in range(2):
            logging.getLogger("tokenauth").warning("the store is down")
        raise problem

    assert ended(command) == code
    said = capsys.readouterr().err
    assert text in said
    assert SECRET not in said
    monkeypatch.setenv("TOKENAUTH_TRACEBACK", "1")
    if text:
        assert said.startswith("tokenauth: warning: the store is down\n")
        assert said.count("warning") == 1
        with pytest.raises(type(problem)):
            ended(command)


def test_a_shell_completes_profiles_and_classes(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def completed(words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit):
            run(*words.split()[1:])
        return capsys.readouterr().out.split()

    monkeypatch.setenv("_TOKENAUTH_COMPLETE", "complete_bash")
    assert completed("tokenauth token -p pr") == []
    (tmp_path / "profiles.toml").write_text("[prod]\n[test]\n")
    assert completed("tokenauth token -p pr") == ["prod"]
    assert completed("tokenauth token --class man") == ["manis"]
    for unfinished in ("--merchant-id ", "--json a=b --fr", "--class nope --fr"):
        assert set(completed(f"tokenauth token --class manis {unfinished}")) <= {"--fresh"}


def test_a_terminal_shows_that_it_waits_and_the_output_is_the_token_alone(
    run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ran = run("token", *manis)
    assert "logging in" in ran.err
    assert ran.out == run("token", *manis, "-q").out
    assert run("request", "GET", f"{manis[3]}/manis/api/[/x]", *manis).code == 0  # no markup of rich's


def test_the_arguments_of_a_class_stand_in_help_however_it_is_named(run: Run) -> None:
    assert run("token", "--class=manis", "--help").out == run("token", "--class", "manis", "--help").out


def test_an_endpoint_that_is_down_advises_what_a_command_can_do(run: Run, manis: list[str]) -> None:
    with serve(lambda request: Reply(200)) as server:
        pass
    err = run("token", "--class", "manis", "--base-url", server.url, "--merchant-id", "m", "--fresh").err
    assert "token_client" not in err
    assert "set HTTPS_PROXY or REQUESTS_CA_BUNDLE. `tokenauth doctor`" in err


def _evil(request: Received) -> Reply:
    content = {"\x1b]0;pwned\x07\u202e": "x" * 20, "access_token": "t", "expires_in": 5}
    return Reply(200, json.dumps(content, ensure_ascii=False).encode(), {"X-Evil": "\x1b[31mred"})


def test_a_server_commands_no_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    with serve(_evil) as server:
        url = server.url
        said = [run("describe", url, "-d", "a=b"), run("describe", url, "-d", "a=b", "--json")]
        login = ["--class", "login", "--url", url, "--form", "a=b", "--fresh"]
        said += [run("request", "GET", f"{url}/x", "--include", *login), run("doctor", "--url", url, *login[:-1])]
    for each in said:
        assert not set("\x1b\x07\u202e") & set(each.out + each.err)
    assert "\\u001b]0;pwned\\u0007\\u202e" in said[2].out


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Arguments for a server where each refresh token may be used once, as BCP 240 (RFC 9700) §4.14.2 wants it."""
    used: list[int] = []

    def answer(request: Received) -> Reply:
        if parse_qs(request.body.decode())["refresh_token"] != [f"refresh-{len(used)}"]:
            return Reply(400, b'{"error": "invalid_grant"}')
        used.append(1)
        token = {"access_token": f"access-{len(used)}", "expires_in": 3600, "refresh_token": f"refresh-{len(used)}"}
        return Reply(200, json.dumps(token).encode())

    monkeypatch.setenv("REFRESH", "refresh-0")
    with serve(answer) as server:
        where = ["--token-url", f"{server.url}/token", "--client-id", "c", "--client-auth", "none"]
        yield ["--class", "refresh-token", *where, "--refresh-token", "env:REFRESH"]


def test_a_rotating_refresh_token_is_kept_whatever_the_command(run: Run, rotating: list[str]) -> None:
    assert run("token", *rotating).out == "access-1\n"
    assert run("token", *rotating).out == "access-1\n"
    assert run("token", *rotating, "--fresh").out == "access-2\n"
    ran = run("doctor", *rotating)
    assert ran.code == 0, ran.out
    assert "ok    credentials    accepted" in ran.out
    assert run("token", *rotating).out == "access-3\n"
    assert run("header", *rotating, "--fresh").out == "Authorization: Bearer access-4\n"


def test_without_a_place_for_the_next_refresh_token_none_is_used(
    run: Run, rotating: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    for more in ([], ["--fresh"]):
        ran = run("token", *rotating, *more)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert (
            "the next refresh token would be lost: the folder /dev/null/tokenauth for tokens can't be made" in ran.err
        )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_stream_that_is_closed_or_full_is_no_fault_of_ours(closed: str) -> None:
    program = f"{sys.executable} -m tokenauth token --class nope"
    ran = subprocess.run(["sh", "-c", f"{program} {closed}"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ("there is no class" in ran.stderr) is (closed != "2>&-")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_a_terminal_that_knows_ascii_only(json: list[str]) -> None:
    program = [sys.executable, "-m", "tokenauth", "doctor", "-p", "x", *json]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "TOKENAUTH_CONFIG": "/nowhere/\u00fc.toml"}
    ran = subprocess.run(program, capture_output=True, env=environment, check=False)
    assert (ran.returncode, ran.stderr) == (1, b"")
    assert (b"\\u00fc" if json else b"\\xfc") in ran.stdout
    assert json or b"-> " in ran.stdout


class Interrupts(MetaPathFinder):
    """Ctrl-C while modules are being imported."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "tokenauth.cli._app":
            raise KeyboardInterrupt


def test_ctrl_c_while_it_starts_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tokenauth.cli._app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupts(), *sys.meta_path])
    assert run("token") == Ran(130, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(("output", "code"), [("> /dev/full", 1), ("| true", 0)])
def test_output_that_cannot_be_written(output: str, code: int) -> None:
    program = f"({sys.executable} -m tokenauth --help; echo $? >&2) {output}"
    ran = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)
    said, _, ended = ran.stderr.rstrip().rpartition("\n")
    assert int(ended) == code
    assert said == ("tokenauth: the output can't be written: No space left on device" if code else "")
