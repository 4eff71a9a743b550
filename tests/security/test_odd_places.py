"""I7: secrets in odd places: the path of a token call, a function's own exception, a part of an argument."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.clients import CLIENTS, Client
from tests.servers import Received, serve
from tests.servers import Reply as Response
from tests.support import ManualClock, with_clock, without_pauses
from tokenauth import CommandAuth, Event, FunctionAuth, LoginAuth, Provider, Token, TokenAuth, TokenAuthError
from tokenauth.providers import Call, Kept, Reply, TokenRequest

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)
SECRET = "canary/S3cret"


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What an error and its event say; it and our log must not have SECRET in them."""
    texts: list[str] = []
    with caplog.at_level(logging.DEBUG, "tokenauth"):
        yield texts
    texts += [each.getMessage() for each in caplog.records if each.name.startswith("tokenauth")]
    assert texts
    assert [text for text in texts if "canary" in text] == []


class InPath(Provider):
    """A key of its own in the path of the login, the token in that of the logout."""

    logs_out = True

    def __init__(self, url: str) -> None:
        self.name, self.token_url = "Paths", f"{url}/login"

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        return TokenRequest("POST", f"{self.token_url}/{quote(SECRET)}")

    def read(self, reply: Reply) -> Token:
        return Token("canary-token")

    def logout(self, token: Token) -> TokenRequest:
        return TokenRequest("DELETE", f"{self.token_url}/{token.value}")


def odd(request: Received) -> Response:
    return Response(200, b"?", headers={"Content-Encoding": "what"})


@every
@pytest.mark.parametrize("fault", ["away", "silent", "odd"])
def test_the_path_of_a_call_is_in_no_error(client: Client, fault: str, closed_port: int, shown: list[str]) -> None:
    endless = iter(lambda: b" ", None)
    with serve(odd if fault == "odd" else lambda request: Response(200, pieces=endless)) as server:
        url = f"http://127.0.0.1:{closed_port}" if fault == "away" else server.url
        events: list[Event] = []
        auth = without_pauses(TokenAuth(InPath(url), cache={}, timeout=0.3, on_event=events.append))
        with pytest.raises(TokenAuthError) as met:
            client.get_token(auth)
    shown += [str(met.value), *(f"{each} {each.error}" for each in events)]
    assert f"The token endpoint {url} " in str(met.value)


def test_the_path_of_a_logout_is_in_no_log(shown: list[str]) -> None:
    def answer(request: Received) -> Response:
        return odd(request) if request.method == "DELETE" else Response(200)

    with serve(answer) as server, TokenAuth(InPath(server.url), cache={}) as auth:
        auth.get_token()
    assert [each.method for each in server.requests] == ["POST", "DELETE"]
    shown.append("logged out")


def test_the_path_that_an_earlier_answer_named_is_in_no_error(shown: list[str]) -> None:
    def answer(request: Received) -> Response:
        return Response(200, {"link": "/login/canary-once"}) if request.path == "/first" else odd(request)

    with serve(answer) as server:
        first = Call(f"{server.url}/first", keep={"link": "link"})
        auth = LoginAuth(f"{server.url}/login", first=[first, Call(Kept("link"))], cache={})
        with pytest.raises(TokenAuthError) as met:
            auth.get_token()
    shown.append(str(met.value))


def test_the_path_of_the_token_url_is_shown(closed_port: int) -> None:
    auth = LoginAuth(f"http://127.0.0.1:{closed_port}/login", params={"password": SECRET}, cache={})
    with pytest.raises(TokenAuthError, match="/login can't be reached") as met:
        without_pauses(auth).get_token()
    assert "canary" not in str(met.value)


# what a function raises


def _process() -> None:
    raise subprocess.CalledProcessError(1, ["vault", "login", SECRET], output=SECRET.encode())


def _status() -> None:
    request = httpx.Request("GET", "https://vault.example/login", params={"password": "canary"})
    httpx.Response(401, request=request).raise_for_status()


def _text() -> None:
    raise ValueError(f"wrong password {SECRET}")


@every
@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("fails", [_process, _status, _text])
def test_the_text_of_a_functions_exception_is_only_in_the_exception(
    client: Client, kind: str, fails: Callable[[], None], shown: list[str], clock: ManualClock
) -> None:
    def get_token() -> str:
        fails()
        return ""

    async def aget_token() -> str:
        return get_token()

    function = aget_token if kind == "async" else get_token
    events: list[Event] = []
    auth = FunctionAuth(function, origins=["https://api.example"], cache={}, on_event=events.append)
    with_clock(auth, clock)
    with pytest.raises(TokenAuthError) as met:
        client.get_token(auth)
    with pytest.raises(TokenAuthError, match="Remembered") as again:
        client.get_token(auth)
    shown += [str(met.value), str(again.value)]
    shown += [f"{each} {each.error}" for each in events]
    assert "canary" in str(met.value.__cause__)
    assert f"{function.__name__} raised {type(met.value.__cause__).__name__}" in str(met.value)


# what a command complains of


@pytest.mark.parametrize(
    "argument",
    [
        "me:canary/S3cret",
        "-pcanary/S3cret",
        "password=canary/S3cret",
        "--data=password=canary/S3cret",
        "https://me:canary/S3cret@api.example/token",
        "PW='canary/S3cret'; login --password $PW",
        "login me canary/S3cret | cut -c 4-",
    ],
)
@pytest.mark.parametrize("kind", ["argument", "env"])
def test_a_secret_that_is_a_part_of_an_argument_is_masked(argument: str, kind: str, shown: list[str]) -> None:
    complain = "import sys; sys.exit('login failed with ' + 'canary' + '/S3cret')"
    env = {"LOGIN": argument} if kind == "env" else None
    argv = [sys.executable, "-c", complain, *([argument] if kind == "argument" else [])]
    with pytest.raises(TokenAuthError, match=r"failed with \*\*\*") as met:
        CommandAuth(argv, origins=["https://api.example"], cache={}, env=env).get_token()
    shown.append(str(met.value))
