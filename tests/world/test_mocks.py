"""Mocks as they are used in everyday tests, each in its own idiom: the login goes to the mock as well.

`test_behaviours.py` has the whole text of behaviours for most of them.
"""

import asyncio
import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import betamax
import httpx
import httpx2
import pook
import pytest
import requests
import responses
import vcr

from tests.clients import TLS
from tests.servers import Received, Reply, serve
from tests.world.scene import Scene
from tokenauth import ClientCredentialsAuth, LoginAuth

pytestmark = pytest.mark.slow
URL = "https://api.example.com"
TOKEN = {"access_token": "canary-token", "token_type": "Bearer", "expires_in": 3600}


def auth(url: str = URL, **options: Any) -> ClientCredentialsAuth:
    options.setdefault("cache", {})
    return ClientCredentialsAuth(f"{url}/token", client_id="canary-id", client_secret="canary-secret", **options)


@responses.activate  # type: ignore[untyped-decorator, unused-ignore]
def test_responses_answers_the_login() -> None:
    responses.post(f"{URL}/token", json=TOKEN)
    responses.get(
        f"{URL}/orders", json=[], match=[responses.matchers.header_matcher({"Authorization": "Bearer canary-token"})]
    )
    assert requests.get(f"{URL}/orders", auth=auth(), timeout=60).json() == []
    assert [call.request.url for call in responses.calls] == [f"{URL}/token", f"{URL}/orders"]


def test_requests_mock_answers_the_login(requests_mock: Any) -> None:
    requests_mock.post(f"{URL}/token", json=TOKEN)
    requests_mock.get(f"{URL}/orders", json=[], request_headers={"Authorization": "Bearer canary-token"})
    assert requests.get(f"{URL}/orders", auth=auth(), timeout=60).json() == []
    assert [call.url for call in requests_mock.request_history] == [f"{URL}/token", f"{URL}/orders"]


def test_respx_answers_the_login(respx_mock: Any) -> None:
    login = respx_mock.post(f"{URL}/token").respond(json=TOKEN)
    respx_mock.get(f"{URL}/orders", headers={"Authorization": "Bearer canary-token"}).respond(json=[])
    assert httpx.get(f"{URL}/orders", auth=auth()).json() == []
    assert login.call_count == 1


def test_pytest_httpx_answers_the_login(httpx_mock: Any) -> None:
    httpx_mock.add_response(method="POST", url=f"{URL}/token", json=TOKEN)
    httpx_mock.add_response(url=f"{URL}/orders", json=[], match_headers={"Authorization": "Bearer canary-token"})
    assert httpx.get(f"{URL}/orders", auth=auth()).json() == []
    assert [str(each.url) for each in httpx_mock.get_requests()] == [f"{URL}/token", f"{URL}/orders"]


def test_pytest_httpx_answers_the_login_of_an_async_client(httpx_mock: Any) -> None:
    httpx_mock.add_response(method="POST", url=f"{URL}/token", json=TOKEN)
    httpx_mock.add_response(url=f"{URL}/orders", json=[], match_headers={"Authorization": "Bearer canary-token"})

    async def main() -> Any:
        async with httpx.AsyncClient(auth=auth(), verify=TLS) as client:
            return (await client.get(f"{URL}/orders")).json()

    assert asyncio.run(main()) == []


@pytest.fixture
def mocked_by_pook() -> Iterator[Any]:
    pook.on()
    try:
        yield pook
    finally:
        pook.off()
        pook.reset()


@pytest.mark.parametrize("library", [requests, httpx], ids=["requests", "httpx"])  # pook knows no httpx2
def test_pook_answers_the_login(library: Any, mocked_by_pook: Any) -> None:
    login = pook.post(f"{URL}/token").reply(200).json(TOKEN).mock
    api = pook.get(f"{URL}/orders").header("Authorization", "Bearer canary-token").reply(200).json([]).mock
    assert library.get(f"{URL}/orders", auth=auth(), timeout=60).json() == []
    assert (login.calls, api.calls) == (1, 1)


# recorded once, played without a network


def _blocking(library: Any) -> Any:
    return lambda url, made: library.get(url, auth=made, timeout=60).json()


def _awaiting(library: Any) -> Any:
    def get(url: str, made: Any) -> Any:
        async def main() -> Any:
            async with library.AsyncClient(auth=made, verify=TLS) as client:
                return (await client.get(url)).json()

        return asyncio.run(main())

    return get


GETS = {
    "requests": _blocking(requests),
    "httpx": _blocking(httpx),
    "httpx-async": _awaiting(httpx),
    "httpx2": _blocking(httpx2),
    "httpx2-async": _awaiting(httpx2),
}


@pytest.mark.parametrize("name", GETS)
def test_vcrpy_records_the_login_and_plays_it_without_a_network(name: str, scene: Scene) -> None:
    get = GETS[name]
    url = scene.url()
    with tempfile.TemporaryDirectory() as folder:
        with vcr.use_cassette(f"{folder}/cassette.yaml"):
            recorded = get(url, auth(scene.home))
        assert scene.logins == 1
        scene.mocked = True
        with vcr.use_cassette(f"{folder}/cassette.yaml", record_mode="none") as cassette:
            assert get(url, auth(scene.home)) == recorded
        assert cassette.play_count == 2
    assert scene.leaked == []


def _recorder() -> Any:
    """Return the recorder on the page about testing."""
    page = (Path(__file__).parents[2] / "docs/how-to/testing.md").read_text()
    _, _, code = page.partition("import json\n\nimport vcr\n\nfrom shop import auth\n")
    names: dict[str, Any] = {"json": json, "vcr": vcr}
    exec(code.partition("\n\ndef test_with_a_cassette")[0], names)
    return names["recorder"]


def _zipped(request: Received) -> Reply:
    if request.path != "/token":
        return Reply(200, {})
    body = gzip.compress(b'{"access_token": "canary-token", "expires_in": 3600}')
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    return Reply(raw=head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize("name", GETS)
@pytest.mark.parametrize("zipped", [False, True], ids=["each request has the client secret", "zipped answer"])
def test_a_cassette_as_the_page_has_it_is_without_secrets(
    name: str, zipped: bool, scene: Scene, tmp_path: Path
) -> None:
    cassette = tmp_path / "cassette.yaml"
    with serve(_zipped) as server:
        login: Any = LoginAuth(f"{server.url}/token", json={"password": "canary-password"}, cache={})
        url, signed = (f"{server.url}/api", login) if zipped else (scene.url(), scene.auth("static"))
        with _recorder().use_cassette(str(cassette)):
            GETS[name](url, signed)
            assert not zipped or login.get_token().value == "canary-token"
    recorded = cassette.read_text()
    assert "canary" not in recorded
    assert "!!binary" not in recorded


def test_betamax_plays_what_it_recorded_for_its_session(scene: Scene) -> None:
    url = scene.url()
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("once", "none"):
            with requests.Session() as session:
                session.auth = auth(scene.home, token_client=session)
                with betamax.Betamax(session, cassette_library_dir=folder).use_cassette("tape", record=mode):
                    assert session.get(url).status_code == 200
            scene.mocked = True
    assert scene.leaked == []


def test_betamax_knows_nothing_of_a_login_outside_its_session(scene: Scene) -> None:
    """It puts its adapter on the one session it is given, and the login is made by another."""
    url = scene.url()
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        session.auth = auth(scene.home)
        with betamax.Betamax(session, cassette_library_dir=folder).use_cassette("tape", record="once") as recorder:
            assert session.get(url).status_code == 200
            taped = [each.data["request"]["uri"] for each in recorder.current_cassette.interactions]
    assert taped == [url]
    assert scene.logins == 1


# one client's own transport


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_mock_transport_answers_the_login_of_the_client_it_is_lent_to(library: Any, scene: Scene) -> None:
    scene.mocked = True
    asked = []

    def answer(request: Any) -> Any:
        asked.append(request.url.path)
        return library.Response(200, json=TOKEN if request.url.path == "/token" else [])

    with library.Client(transport=library.MockTransport(answer)) as client:
        assert client.get(f"{scene.home}/orders", auth=auth(scene.home, token_client=client)).json() == []
    assert asked == ["/token", "/orders"]
    assert scene.leaked == []
