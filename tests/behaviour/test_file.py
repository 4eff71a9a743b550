"""FileAuth: tokens that somebody else writes to a file."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.servers import Received, Reply, Server, serve
from tests.support import ManualClock, with_clock
from tokenauth import FileAuth, TokenEndpointError, TokenResponseError

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
WALL = 1_800_000_000.0


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(lambda request: Reply(200 if sent(request) in VALID else 401)) as running:
        VALID.clear()
        VALID.update({"t-1", "t-2"})
        yield running


VALID: set[str] = set()


def sent(request: Received) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def file(path: Path, server: Server | None = None, **options: Any) -> Any:
    options.setdefault("cache", {})
    return FileAuth(path, origins=[server.url if server else "https://h.example"], **options)


@every
def test_a_file_that_changes_is_read_at_the_next_request(client: Client, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t-1\n")
    auth = file(path, server)
    assert client.get(auth, server.url) == 200
    path.write_text("t-2\n")
    os.utime(path, ns=(1, 1))
    assert client.get(auth, server.url) == 200
    assert [sent(each) for each in server.requests] == ["t-1", "t-2"]


def test_kubernetes_way_of_rotating_is_seen(tmp_path: Path) -> None:
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"t-{name[-1]}")
        os.utime(tmp_path / name / "token", ns=(1, 1))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    auth = file(tmp_path / "token")
    assert auth.get_token().value == "t-1"
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").rename(tmp_path / "..data")  # as the kubelet does; times and sizes are the same
    assert auth.headers("https://h.example") == {"Authorization": "Bearer t-2"}


def test_one_that_does_not_change_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t-1")
    events: list[str] = []
    auth = file(path, on_event=lambda event: events.append(event.kind))
    for _ in range(5):
        auth.get_token()
    assert events == ["started", "fetched", "hit", "hit", "hit", "hit"]


@every
def test_it_is_read_again_when_its_token_is_refused(client: Client, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t-9")
    auth = file(path, server)
    assert client.get(auth, server.url) == 401
    path.write_text("t-1")
    assert client.get(auth, server.url) == 200


@every
def test_a_refused_token_that_stays_leads_to_no_loop(
    client: Client, server: Server, tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "token"
    path.write_text("t-9")
    answers = client.play(with_clock(file(path, server), clock), *[Get(server.url)] * 8)
    assert [each.status for each in answers] == [401] * 8
    assert len(server.requests) <= 10


def test_while_it_is_being_written_the_old_token_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text("t-1")
    auth = file(path)
    auth.get_token()
    path.write_text("")
    assert [auth.get_token().value for _ in range(5)] == ["t-1"] * 5
    assert caplog.text.count("the old token stays in use") == 1
    path.write_text("t-2")
    assert auth.get_token().value == "t-2"
    path.unlink()
    assert auth.get_token().value == "t-2"


def test_a_file_that_comes_later_is_read_at_once(tmp_path: Path) -> None:
    auth = file(tmp_path / "token")
    for _ in range(3):
        with pytest.raises(TokenEndpointError, match="is not there"):
            auth.get_token()
    (tmp_path / "token").write_text("t-1")
    assert auth.get_token().value == "t-1"


def test_two_objects_share_what_one_has_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t-1")
    one, other = file(path, cache=None), file(path, cache=None)
    assert one.get_token() is other.get_token()
    path.write_text("t-22")
    assert one.get_token().value == other.get_token().value == "t-22"


def test_json_has_places_for_token_and_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text('{"data": {"token": "t-1", "until": 1800000600}}')
    auth = with_clock(file(path, token="data.token", expires="data.until"), ManualClock())
    token = auth.get_token()
    assert (token.value, token.lifetime) == ("t-1", 600)


@pytest.mark.parametrize("content", ["", "\n", "s3cret with blanks", '{"token": "s3cret"}'])
def test_what_is_no_token_is_an_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(TokenResponseError, match=f"The file {path} has") as met:
        file(path).get_token()
    assert "s3cret" not in str(met.value)


def test_too_large_a_directory_and_a_pipe_are_errors_in_bounded_time(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(TokenEndpointError, match="larger than 1 MiB"):
        file(tmp_path / "large").get_token()
    with pytest.raises(TokenEndpointError, match=r"Is a directory|no regular file"):
        file(tmp_path).get_token()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TokenEndpointError, match="no regular file"):
        file(tmp_path / "pipe").get_token()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_one_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t-1")
    path.chmod(stat.S_IWUSR)
    with pytest.raises(TokenEndpointError, match="Permission denied"):
        file(path).get_token()


def test_a_path_is_what_it_was_when_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("t-1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for each in ("token", "./token", "~/token"):
        auth = file(each)  # type: ignore[arg-type]
        monkeypatch.chdir("/")
        assert auth.get_token().value == "t-1"
        monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("path", "arguments", "text"),
    [
        (None, {}, "path must be a str or a Path, not NoneType"),
        (17, {}, "path must be a str or a Path, not int"),
        (b"/token", {}, "not bytes"),
        ("", {}, "path is empty"),
        ("s3cret\n", {}, "Is it the token itself"),
        ("/token", {"store": object()}, "the processes share the file"),
        ("/token", {"expires_in": "x"}, "has no argument 'expires_in'"),
    ],
)
def test_bad_input_is_refused(path: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text) as met:
        file(path, **arguments)
    assert "s3cret" not in str(met.value)
