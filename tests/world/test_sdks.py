"""SDKs that take a session or client of the user's: what they send is signed, renewed and whole."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import httpx
import httpx2
import mcp
import openai
import pytest
import requests
import supabase
import zeep
from google import genai
from google.genai.types import HttpOptions
from mcp.client.streamable_http import streamable_http_client
from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from tests.clients import TLS
from tests.servers import Received, Reply
from tests.world.places import ANSWERS, COMPLETION, MESSAGE, ROWS
from tests.world.scene import Scene
from tokenauth import TokenAuthError

pytestmark = pytest.mark.slow

ASKED: list[Any] = [{"role": "user", "content": "hello"}]


def _speak(request: Received) -> Reply | None:
    """Answer as the two model APIs do; an SDK that sends half a body gets no answer."""
    asked = json.loads(request.body)
    assert asked["messages"] == ASKED
    return Reply(200, COMPLETION if "completions" in request.path else MESSAGE, {"Content-Type": "application/json"})


def test_openai_is_signed_and_renewed(scene: Scene) -> None:
    scene.api = _speak
    with httpx2.Client(auth=scene.auth(), verify=TLS) as client:
        sdk = openai.OpenAI(base_url=f"{scene.home}/v1", api_key="none", http_client=client, max_retries=0)
        for _ in range(2):
            answer = sdk.chat.completions.create(model="m", messages=ASKED)
            assert answer.choices[0].message.content == "hello"
            scene.revoke()
    assert scene.logins == 2


def test_openai_async_is_signed_and_renewed(scene: Scene) -> None:
    async def main() -> None:
        async with httpx2.AsyncClient(auth=scene.auth(), verify=TLS) as client:
            sdk = openai.AsyncOpenAI(base_url=f"{scene.home}/v1", api_key="none", http_client=client, max_retries=0)
            for _ in range(2):
                answer = await sdk.chat.completions.create(model="m", messages=ASKED)
                assert answer.choices[0].message.content == "hello"
                scene.revoke()

    scene.api = _speak
    asyncio.run(main())
    assert scene.logins == 2


def test_openai_that_retries_by_itself_makes_no_login_more(scene: Scene) -> None:
    """Its own retry comes after ours, and a 503 of the API is nothing of the token's."""
    answers = iter([Reply(503), Reply(503)])
    scene.api = lambda request: next(answers, None) or _speak(request)
    with httpx2.Client(auth=scene.auth(), verify=TLS) as client:
        sdk = openai.OpenAI(base_url=f"{scene.home}/v1", api_key="none", http_client=client, max_retries=2)
        assert sdk.chat.completions.create(model="m", messages=ASKED).choices[0].message.content == "hello"
    assert scene.logins == 1


def test_openai_shows_a_refused_login_as_our_error_or_with_it_as_the_cause(scene: Scene) -> None:
    """Releases of the SDK differ in whether they wrap what the client raises."""
    scene.login_status = 401
    with httpx2.Client(auth=scene.auth(), verify=TLS) as client:
        sdk = openai.OpenAI(base_url=f"{scene.home}/v1", api_key="none", http_client=client, max_retries=0)
        with pytest.raises((openai.APIConnectionError, TokenAuthError)) as caught:
            sdk.chat.completions.create(model="m", messages=ASKED)
    assert isinstance(caught.value, TokenAuthError) or isinstance(caught.value.__cause__, TokenAuthError)
    assert scene.logins == 1


@pytest.mark.parametrize("kind", ["authorization", "custom"])
def test_anthropic_is_signed_and_renewed(kind: str, scene: Scene) -> None:
    """With the custom header, ours takes the place of the SDK's own key."""
    scene.api = _speak
    with httpx2.Client(auth=scene.auth(kind), verify=TLS) as client:
        sdk = anthropic.Anthropic(base_url=scene.home, api_key="none", http_client=client, max_retries=0)
        for _ in range(2):
            answer: Any = sdk.messages.create(model="m", max_tokens=9, messages=ASKED)
            assert answer.content[0].text == "hello"
            scene.revoke()
    assert scene.logins == 2


def test_anthropic_async_is_signed_and_renewed(scene: Scene) -> None:
    async def main() -> None:
        async with httpx2.AsyncClient(auth=scene.auth(), verify=TLS) as client:
            sdk = anthropic.AsyncAnthropic(base_url=scene.home, api_key="none", http_client=client, max_retries=0)
            for _ in range(2):
                answer: Any = await sdk.messages.create(model="m", max_tokens=9, messages=ASKED)
                assert answer.content[0].text == "hello"
                scene.revoke()

    scene.api = _speak
    asyncio.run(main())
    assert scene.logins == 2


async def _ask_gemini(auth: Any, url: str) -> tuple[Any, Callable[[], Awaitable[Any]]]:
    client = httpx2.AsyncClient(auth=auth, verify=TLS)
    sdk = genai.Client(api_key="none", http_options=HttpOptions(base_url=url, httpx_async_client=client))

    async def ask() -> Any:
        return (await sdk.aio.models.generate_content(model="m-1", contents="hello")).text == "hello"

    return client, ask


async def _read_table(auth: Any, url: str) -> tuple[Any, Callable[[], Awaitable[Any]]]:
    client = httpx.AsyncClient(auth=auth, verify=TLS)
    sdk = await supabase.create_async_client(url, "none", supabase.AsyncClientOptions(httpx_client=client))
    sdk.postgrest.basic_auth = auth

    async def read() -> Any:
        return (await sdk.table("orders").select("*").execute()).data == ROWS

    return client, read


@pytest.mark.parametrize("open_sdk", [_ask_gemini, _read_table], ids=["google-genai", "supabase"])
def test_a_crowd_on_an_async_sdk_makes_one_login(open_sdk: Any, scene: Scene) -> None:
    async def main() -> None:
        client, call = await open_sdk(scene.auth(), scene.home)
        async with client:
            for number in (1, 2):
                assert await asyncio.gather(*(call() for _ in range(20))) == [True] * 20
                assert scene.logins == number
                scene.revoke()

    answers = {each: json.dumps(ANSWERS[each]).encode() for each in ANSWERS}
    scene.api = lambda request: Reply(200, answers[request.path], {"Content-Type": "application/json"})
    asyncio.run(main())


def _mcp_server(request: Received) -> Reply:
    if request.method != "POST":
        return Reply(405 if request.method == "GET" else 200)
    message = json.loads(request.body)
    if "id" not in message:
        return Reply(202)
    results: dict[str, Any] = {
        "initialize": {
            "protocolVersion": message.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "fake", "version": "1"},
        },
        "tools/list": {"tools": []},
    }
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": results.get(message["method"], {})}
    return Reply(200, answer, {"Content-Type": "application/json"})


def test_mcp_is_signed_and_renewed(scene: Scene) -> None:
    async def main() -> None:
        async with httpx2.AsyncClient(auth=scene.auth(), verify=TLS) as client:
            transport = streamable_http_client(f"{scene.home}/mcp", http_client=client)
            async with mcp.Client(transport, mode="legacy") as session:
                for _ in range(2):
                    assert (await session.list_tools(cache_mode="bypass")).tools == []
                    scene.revoke()

    scene.api = _mcp_server
    asyncio.run(main())
    assert scene.logins >= 2
    asked = [
        json.loads(request.body)["method"] for request in scene.to("home") if request.path == "/mcp" and request.body
    ]
    assert asked.count("initialize") == 1


WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:test" xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test">
  <types><xsd:schema targetNamespace="urn:test" elementFormDefault="qualified">
    <xsd:element name="Ask" type="xsd:string"/><xsd:element name="Answer" type="xsd:string"/>
  </xsd:schema></types>
  <message name="AskIn"><part name="body" element="t:Ask"/></message>
  <message name="AskOut"><part name="body" element="t:Answer"/></message>
  <portType name="Port">
    <operation name="Ask"><input message="t:AskIn"/><output message="t:AskOut"/></operation>
  </portType>
  <binding name="Binding" type="t:Port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Ask"><soap:operation soapAction="ask"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
  </binding>
  <service name="Service"><port name="Port" binding="t:Binding"><soap:address location="%s/soap"/></port></service>
</definitions>"""
SOAP = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<Answer xmlns="urn:test">hello</Answer></s:Body></s:Envelope>"""


def test_zeep_is_signed_and_renewed_from_the_wsdl_on(scene: Scene) -> None:
    def serve(request: Received) -> Reply:
        text = WSDL % scene.home if request.path == "/wsdl" else SOAP
        assert request.path == "/wsdl" or b"question" in request.body
        return Reply(200, text.encode(), {"Content-Type": "text/xml"})

    scene.api = serve
    with requests.Session() as session:
        session.auth = scene.auth()
        client = zeep.Client(f"{scene.home}/wsdl", transport=zeep.Transport(session=session))
        for _ in range(2):
            assert client.service.Ask("question") == "hello"
            scene.revoke()
    assert scene.logins == 2


# requests-toolbelt's bodies, which are read as they are sent


def _encoder() -> MultipartEncoder:
    return MultipartEncoder({"name": "value", "file": ("f.bin", b"content" * 20_000, "application/octet-stream")})


@pytest.mark.parametrize(
    "make", [_encoder, lambda: MultipartEncoderMonitor(_encoder())], ids=["MultipartEncoder", "Monitor"]
)
def test_an_upload_of_toolbelts_is_sent_whole_or_not_again(make: Any, scene: Scene) -> None:
    """It can't be rewound: the caller gets the 401, and the next request has a new token."""
    with requests.Session() as session:
        session.auth = scene.auth()
        assert session.get(scene.url()).status_code == 200
        scene.revoke()
        body = make()
        refused = session.post(scene.url(), data=body, headers={"Content-Type": body.content_type})
        body = make()
        accepted = session.post(scene.url(), data=body, headers={"Content-Type": body.content_type})
    sent = [request for request in scene.to("home") if request.method == "POST" and request.path == "/api"]
    assert [request for request in sent if b"content" * 20_000 not in request.body] == []
    assert refused.status_code in {200, 401}
    assert accepted.status_code == 200
    assert scene.logins == 2
