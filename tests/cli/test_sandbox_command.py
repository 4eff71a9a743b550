"""`tokenauth sandbox`, and the page that says what there is."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.cli.conftest import Run
from tokenauth.sandbox import ThreadSandbox, front
from tokenauth.sandbox._state import _CHECKS


@contextmanager
def running(*arguments: str, background: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Run it, in the *background* as a script does with `&`: there Ctrl-C is ignored."""
    command = [sys.executable, "-m", "tokenauth", "sandbox", "--port", "0", *arguments]
    if background:
        command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)  # as a person ends it
            process.wait(60)


@pytest.mark.slow
def test_it_says_what_there_is_and_shows_each_call() -> None:
    with running() as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = re.findall(r"http://127.0.0.1:\d+", first)[0]
        lines = iter(process.stdout.readline, "")
        assert any("ManisAuth(" in line for line in lines)
        assert any("revoke" in line and "true drops" in line for line in lines)  # the last one
        requests.get(f"{url}/manis/api/x", timeout=10)
        assert re.match(r"401  GET    /manis/api/x  \d+ ms\n", next(lines))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in {0, 130}


@pytest.mark.slow
def test_it_ends_in_the_background_of_a_script_too() -> None:
    with running("--quiet", background=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.slow
def test_for_programs() -> None:
    with running("--json") as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            text += process.stdout.readline()
        content = json.loads(text)
        assert content["apis"]["manis"]["account"]["merchant_id"] == "sandbox-merchant"
        assert content["apis"]["oauth"]["login"] == f"POST {content['url']}/oauth/token"
    with running("--quiet") as process:
        assert process.stdout is not None
        assert re.fullmatch(r"http://127.0.0.1:\d+\n", process.stdout.readline())


@pytest.mark.slow
def test_it_ends_where_nobody_reads_what_it_says() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tokenauth", "sandbox", "--port", "0"]
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_port_that_is_taken_is_a_sentence(run: Run, sandbox: ThreadSandbox) -> None:
    ran = run("sandbox", "--port", str(sandbox.port))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--port 0 for any free one" in ran.err


def test_the_page_is_for_browsers_and_its_text_for_curl(sandbox: ThreadSandbox) -> None:
    page = requests.get(sandbox.url, headers={"Accept": "text/html,*/*"}, timeout=10)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "sandbox-merchant" in page.text
    assert not re.search(r"(?:src|href)=|https?://(?!127\.0\.0\.1|localhost)", page.text)  # nothing from elsewhere
    text = requests.get(sandbox.url, timeout=10).text
    assert text == front.as_text(sandbox.url) + "\n"
    assert requests.get(sandbox.portal_url, timeout=10).text == text  # who has no link to the portal


def test_every_knob_is_explained() -> None:
    assert set(front.knobs()) == set(_CHECKS)
    assert all(front.knobs().values())


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")


@needs_curl
@pytest.mark.parametrize("api", front.APIS, ids=lambda api: api.name)
def test_the_lines_to_try_work(
    run: Run, sandbox: ThreadSandbox, api: front.API, monkeypatch: pytest.MonkeyPatch
) -> None:
    curl, command, python = api.tries(sandbox.url)
    answer = subprocess.run(["curl", "-s", *shlex.split(curl)[1:]], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer).keys() & {"token", "access_token", "url"}
    secret, _, *arguments = shlex.split(command)
    monkeypatch.setenv("SECRET", secret.removeprefix("SECRET="))
    assert run(*arguments).code == 0
    import tokenauth

    auth = eval(python, vars(tokenauth) | {name: getattr(tokenauth, name) for name in tokenauth.__all__})
    assert requests.get(sandbox.url + api.path, auth=auth, timeout=10).status_code == 200


@needs_curl
def test_the_lines_that_turn_knobs_work(sandbox: ThreadSandbox) -> None:
    for _, line in front.controls(sandbox.url):
        words = shlex.split(line)
        answer = subprocess.run(["curl", "-s", *words[1:]], capture_output=True, text=True, check=True).stdout
        assert "manis" in json.loads(answer)
