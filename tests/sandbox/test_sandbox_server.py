"""The two ways to run the sandbox leave nothing behind and take a crowd."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest
import requests

from tokenauth.sandbox import ThreadSandbox, serve


def test_a_process_of_its_own_ends_with_the_block() -> None:
    with serve() as sandbox:
        assert requests.get(f"{sandbox.portal_url}/echo/x", timeout=5).status_code == 200
        assert sandbox.state()["manis"]["logins"] == 0
        assert f":{sandbox.port}" in repr(sandbox)
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", sandbox.port), timeout=5),
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
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_ctrl_c_ends_it_without_a_word() -> None:
    command = [sys.executable, "-m", "tokenauth.sandbox"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert said == ""
    assert process.returncode in {0, 130}  # 0 where SIGINT was ignored from the start, as for a shell's background


def test_a_port_that_is_taken_is_an_error_not_a_wait(sandbox: ThreadSandbox) -> None:
    with pytest.raises(RuntimeError, match="did not start"), serve(sandbox.port):
        pass


def test_500_connections_at_once(sandbox: ThreadSandbox) -> None:
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", sandbox.port), timeout=10)) for _ in range(500)
        ]
        for one in crowd:
            one.sendall(b"GET /echo/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert all(one.recv(12) == b"HTTP/1.1 200" for one in crowd)
