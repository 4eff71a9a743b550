"""Line: what it holds is cut when time is over, also what comes too late; what is over holds nothing."""

import socket
from collections.abc import Iterator

import pytest

from tests.support import until
from tokenauth._io.transports.line import GRACE, Line


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(20)
        yield ours, theirs


def test_a_connection_that_is_made_when_time_is_over_is_cut_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    with Line(-GRACE) as line:
        until(lambda: line._is_cut)
        line.hold(pair[0])
        assert pair[1].recv(1) == b""


def test_a_connection_that_is_open_when_time_is_over_is_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    with Line(0.0) as line:
        line.hold(pair[0])
        assert pair[1].recv(1) == b""


def test_a_connection_outlives_a_call_that_was_in_time(pair: tuple[socket.socket, socket.socket]) -> None:
    with Line(60.0) as line:
        line.hold(pair[0])
    line.hold(pair[0])  # it is over
    line._cut()
    pair[0].sendall(b"x")
    assert pair[1].recv(1) == b"x"


def test_what_is_no_socket_is_left_alone() -> None:
    with Line(60.0) as line:
        line.hold(None)
        line.hold(object())
        assert line._handles == []


class _Stream:
    """What httpcore tells a trace of a connection that was made."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def get_extra_info(self, _: str) -> socket.socket:
        return self._connection


@pytest.mark.parametrize("shared", [True, False])
def test_a_connection_that_others_may_use_is_not_cut(pair: tuple[socket.socket, socket.socket], shared: bool) -> None:
    with Line(60.0, shared=shared) as line:
        line.trace("connection.connect_tcp.complete", {"return_value": _Stream(pair[0])})
        line.trace("http2.send_request_headers.started", {})
        line.check()
        line._cut()
        with pytest.raises(TimeoutError):
            line.check()
        pair[1].setblocking(False)
        if shared:
            pair[0].sendall(b"x")
        assert pair[1].recv(1) == (b"x" if shared else b"")
