"""The two ways to run the sandbox leave nothing behind and take a crowd."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from importlib import import_module

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox, serve
from tokenauth.sandbox.server import _end, run

from .conftest import interruptible


def test_a_process_of_its_own_ends_with_the_block() -> None:
    with serve() as sandbox:
        assert requests.get(f"{sandbox.portal_url}/echo/x", timeout=60).status_code == 200
        assert sandbox.state()["manis"]["logins"] == 0
        assert f":{sandbox.port}" in repr(sandbox)
        assert sandbox.base_url == sandbox.url
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", sandbox.port), timeout=60),
    ):
        pass


def test_that_process_ends_when_its_parent_dies() -> None:
    program = (
        "import os\n"
        "from tokenauth.sandbox import serve\n"
        "with serve() as sandbox:\n"
        "    print(sandbox.port, flush=True)\n"
        "    os._exit(1)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    # run() returns when nobody holds that stderr any more, and the sandbox inherits it
    port = int(ran.stdout)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=60):
        pass


def test_ctrl_c_ends_it_without_a_word() -> None:
    command, pipe = interruptible("tokenauth.sandbox"), subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (130, "")


def test_a_port_that_is_taken_is_an_error_not_a_wait(sandbox: ThreadSandbox) -> None:
    with pytest.raises(RuntimeError, match="did not start"), serve(sandbox.port):
        pass


def test_a_thread_that_cannot_start_is_an_error_not_a_wait() -> None:
    program = (
        "import os, resource\n"
        "from tokenauth.sandbox import serve_in_thread\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))\n"
        "taken = []\n"
        "try:\n"
        "    while True:\n"
        "        taken.append(os.dup(0))\n"
        "except OSError:\n"
        "    os.close(taken.pop())  # leaves room for a socket, and none for a loop\n"
        "try:\n"
        "    with serve_in_thread():\n"
        "        pass\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
        "for one in taken:\n"
        "    os.close(one)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "the sandbox did not start; what its thread printed is above\n"
    assert "Too many open files" in ran.stderr


def test_a_process_that_does_not_end_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-m", "tokenauth.sandbox"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGSTOP)
        _end(process, patience=0.1)
    assert process.returncode == -signal.SIGKILL


def test_importing_the_module_runs_no_server() -> None:
    assert import_module("tokenauth.sandbox.__main__").run is run


@pytest.mark.slow
def test_500_connections_at_once(sandbox: ThreadSandbox) -> None:
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", sandbox.port), timeout=10)) for _ in range(500)
        ]
        for one in crowd:
            one.sendall(b"GET /echo/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert all(one.recv(12) == b"HTTP/1.1 200" for one in crowd)
