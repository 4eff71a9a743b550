"""What we send, and what the sandbox answers, against OpenAPI descriptions of the three token endpoints.

The descriptions (`*.yaml` beside this file) hold the facts of the providers' pages; openapi-core does the judging.
"""

import functools
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.clients import CLIENTS, Client
from tests.servers import Received, Reply, serve
from tokenauth import TokenAuth, TokenAuthError
from tokenauth._core.messages import TokenRequest
from tokenauth.providers import Atrip, Manis, PasswordGrant, Platform, Provider
from tokenauth.sandbox import ThreadSandbox, credentials, serve_in_thread

FOLDER = Path(__file__).parent
URL = "https://api.example"


def fields(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


@functools.cache
def description(name: str) -> OpenAPI:
    """Read a description when it is first wanted: that takes a while, and every worker imports this file."""
    return OpenAPI.from_file_path(str(FOLDER / f"{name.partition(' ')[0]}.yaml"), config=CONFIGS.get(name))


CONFIGS = {
    # its requests have urlencoded bytes under the label application/json
    "platform request": Config(extra_media_type_deserializers={"application/json": fields}),
}


@dataclass
class Sent:
    """A token request as openapi-core reads it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    parameters: RequestParameters = field(init=False)

    def __post_init__(self) -> None:
        query = ImmutableMultiDict(parse_qsl(urlsplit(self.url).query))
        header = Headers(dict(self.headers))
        self.parameters = RequestParameters(query=query, header=header, cookie=ImmutableMultiDict())

    @property
    def host_url(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def content_type(self) -> str:
        return Headers(dict(self.headers)).get("Content-Type", "")

    def without_header(self, name: str) -> "Sent":
        return self.with_headers({each: value for each, value in self.headers.items() if each != name})

    def with_headers(self, headers: Mapping[str, str]) -> "Sent":
        return replace(self, headers=headers)


@dataclass(frozen=True)
class Answered:
    """An answer as openapi-core reads it."""

    status_code: int
    content: bytes
    label: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        return self.content

    @property
    def content_type(self) -> str:
        return self.label

    @property
    def headers(self) -> Headers:
        return Headers(dict(self.fields))


def sent(request: TokenRequest) -> Sent:
    return Sent(request.method.lower(), request.url, dict(request.headers), request.body)


def judge_request(name: str, request: Sent) -> None:
    description("platform request" if name == "platform" else name).validate_request(request)


def judge_answer(name: str, request: Sent, answer: Answered) -> None:
    description(name).validate_response(request, answer)


# what we send


def manis(url: str = URL, **options: Any) -> Provider:
    settings = {"merchant_id": credentials.MANIS_MERCHANT_ID, "secret": credentials.MANIS_SECRET}
    return Manis(url, **(settings | options))


def atrip(url: str = URL, **options: Any) -> Provider:
    settings = {
        "client_id": credentials.ATRIP_CLIENT_ID,
        "client_secret": credentials.ATRIP_CLIENT_SECRET,
        "user_name": "operator",
        "role": "Finance",
        "order_no": "",
    }
    return Atrip(base_url=url, **(settings | options))


def platform(url: str = URL, **options: Any) -> Provider:
    settings = {"username": credentials.PLATFORM_USERNAME, "password": credentials.PLATFORM_PASSWORD}
    return Platform(f"{url}/Token", **(settings | options))


def by_the_book(url: str = URL, **options: Any) -> Provider:
    settings = {"username": credentials.PLATFORM_USERNAME, "password": credentials.PLATFORM_PASSWORD}
    return PasswordGrant(f"{url}/Token", **(settings | options))


Make = Callable[..., Provider]
MAKERS: list[tuple[str, Make]] = [
    ("manis", manis),
    ("atrip", atrip),
    ("platform", platform),
    ("platform", by_the_book),
]
every = pytest.mark.parametrize(("name", "make"), MAKERS, ids=lambda each: getattr(each, "__name__", ""))


@every
def test_what_we_send_is_what_the_description_asks_for(name: str, make: Make) -> None:
    judge_request(name, sent(make().request()))


@every
@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_so_it_is_on_the_wire_from_each_client(client: Client, name: str, make: Make) -> None:
    received: list[Received] = []

    def answer(request: Received) -> Reply:
        received.append(request)
        return Reply(400, {"error": "invalid_grant"})

    with serve(answer) as server:
        auth = TokenAuth(make(server.url), cache={})
        auth.invalidate()
        with pytest.raises(TokenAuthError):
            client.get_token(auth)
        (request,) = received
        judge_request(name, Sent(request.method.lower(), server.url + request.target, request.headers, request.body))


DOCUMENTED = {
    "manis": ["x-merchant-id", "x-secret"],
    "atrip": ["Accept", "Content-Type", "Accept-Encoding", "x-atlas-client-id", "x-atlas-client-secret"],
}


@pytest.mark.parametrize(
    ("name", "make", "header"),
    [(name, make, header) for name, make in MAKERS for header in DOCUMENTED.get(name, [])],
)
def test_a_header_that_is_missing_or_has_another_name_is_noticed(name: str, make: Make, header: str) -> None:
    request = sent(make().request())
    assert header in request.headers
    without = request.without_header(header)
    for wrong in (without, without.with_headers({**without.headers, f"{header}-x": request.headers[header]})):
        with pytest.raises(OpenAPIError):
            judge_request(name, wrong)


@pytest.mark.parametrize("header", ["Accept-Encoding", "Accept"])
def test_another_value_is_noticed_too(header: str) -> None:
    request = sent(atrip().request())
    with pytest.raises(OpenAPIError):
        judge_request("atrip", request.with_headers({**request.headers, header: "br"}))


def test_basic_is_asked_for_where_the_page_names_it() -> None:
    with pytest.raises(OpenAPIError):
        judge_request("platform", sent(platform(client_auth=None).request()))


@pytest.mark.parametrize("key", ["orderNo", "userName", "role"])
def test_a_field_that_is_missing_from_the_json_is_noticed(key: str) -> None:
    request = sent(atrip().request())
    body = {name: value for name, value in json.loads(request.body).items() if name != key}
    for wrong in (body, {**body, key: 7}):
        with pytest.raises(OpenAPIError):
            judge_request("atrip", replace(request, body=json.dumps(wrong).encode()))


@pytest.mark.parametrize("make", [platform, by_the_book])
@pytest.mark.parametrize("key", ["grant_type", "username", "password"])
def test_a_field_that_is_missing_from_the_form_is_noticed(make: Make, key: str) -> None:
    request = sent(make().request())
    form = fields(request.body)
    value = form.pop(key)
    for wrong in (form, {**form, f"{key}x": value}):
        with pytest.raises(OpenAPIError):
            judge_request("platform", replace(request, body=urlencode(wrong).encode()))


@every
def test_another_method_or_path_is_noticed(name: str, make: Make) -> None:
    request = sent(make().request())
    for wrong in (replace(request, method="put"), replace(request, url=request.url + "s")):
        with pytest.raises(OpenAPIError):
            judge_request(name, wrong)


# what the sandbox answers


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadSandbox]:
    with serve_in_thread() as running:
        yield running


def exchanged(sandbox: ThreadSandbox, request: TokenRequest) -> tuple[Sent, Answered]:
    """Send *request* as it is; return it, and the answer with its coding undone."""
    with httpx.Client(trust_env=False) as client:
        client.headers.clear()
        response = client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
    label = response.headers.get("content-type", "")
    return sent(request), Answered(response.status_code, response.content, label, dict(response.headers))


Case = tuple[str, Make, dict[str, Any], dict[str, Any], int]
ANSWERS: list[Case] = [
    *(("manis", manis, {}, {"expires": unit}, 200) for unit in ("s", "ms", "us")),
    *(("manis", manis, {"secret": "wrong"}, {"errors": shape}, 401) for shape in ("auto", "fields", "message")),
    ("manis", manis, {"merchant_id": "nobody"}, {}, 401),
    ("atrip", atrip, {}, {"link": "query"}, 200),
    ("atrip", atrip, {}, {"link": "fragment"}, 200),
    ("atrip", atrip, {"client_secret": "wrong"}, {}, 200),
    ("atrip", atrip, {"client_id": "nobody"}, {}, 200),
    ("atrip", atrip, {"headers": {"Accept-Encoding": "identity"}}, {}, 200),
    ("platform", platform, {}, {}, 200),
    ("platform", by_the_book, {}, {}, 200),
    ("platform", platform, {"username": "nobody"}, {}, 401),
    ("platform", platform, {"password": "wrong"}, {}, 401),
    ("platform", by_the_book, {"password": "wrong"}, {}, 400),
    ("platform", by_the_book, {}, {"require_basic": True}, 401),
]


@pytest.mark.parametrize(("name", "make", "options", "knobs", "status"), ANSWERS)
def test_what_the_sandbox_answers_is_what_the_description_says(
    sandbox: ThreadSandbox, name: str, make: Make, options: Any, knobs: Any, status: int
) -> None:
    sandbox.reset()
    sandbox.knobs(name, **knobs)
    request, answer = exchanged(sandbox, make(sandbox.url, **options).request())
    assert answer.status_code == status
    judge_answer(name, request, answer)


@pytest.mark.parametrize("headers", [{"x-secret": "x"}, {"x-merchant-id": "x"}, {}])
@pytest.mark.parametrize("shape", ["auto", "message"])
def test_manis_says_in_either_shape_that_a_header_is_missing(sandbox: ThreadSandbox, headers: Any, shape: str) -> None:
    sandbox.reset()
    sandbox.knobs("manis", errors=shape)
    request, answer = exchanged(sandbox, replace(manis(sandbox.url).request(), headers=headers))
    assert answer.status_code == 400
    judge_answer("manis", request, answer)


@pytest.mark.parametrize(
    "body", [b"", b"grant_type=x", b"grant_type=password&username=a", b"grant_type=password&grant_type=password", b"%"]
)
def test_the_platform_refuses_a_bad_form_as_the_rfc_says(sandbox: ThreadSandbox, body: bytes) -> None:
    sandbox.reset()
    request, answer = exchanged(sandbox, replace(by_the_book(sandbox.url).request(), body=body))
    assert answer.status_code == 400
    judge_answer("platform", request, answer)


def test_atrip_says_system_error_for_a_bad_body(sandbox: ThreadSandbox) -> None:
    sandbox.reset()
    request, answer = exchanged(sandbox, replace(atrip(sandbox.url).request(), body=b"{}"))
    assert json.loads(answer.content)["status"] == 2
    judge_answer("atrip", request, answer)


def test_atrip_answers_are_gzipped_on_the_wire(sandbox: ThreadSandbox) -> None:
    request = atrip(sandbox.url).request()
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", request.url, headers=dict(request.headers), content=request.body) as response,
    ):
        raw = b"".join(response.iter_raw())
    judge_answer("atrip", sent(request), Answered(200, gzip.decompress(raw), "application/json"))


@every
def test_an_answer_with_a_field_missing_or_of_another_kind_is_noticed(
    sandbox: ThreadSandbox, name: str, make: Make
) -> None:
    sandbox.reset()
    request, answer = exchanged(sandbox, make(sandbox.url).request())
    content = json.loads(answer.content)
    for key in content.keys() - {"msg"}:
        without = {each: value for each, value in content.items() if each != key}
        for wrong in (without, {**content, key: [7]}, {**without, f"{key}X": content[key]}):
            with pytest.raises(OpenAPIError):
                judge_answer(name, request, replace(answer, content=json.dumps(wrong).encode()))


@every
def test_another_status_or_label_is_noticed(sandbox: ThreadSandbox, name: str, make: Make) -> None:
    sandbox.reset()
    request, answer = exchanged(sandbox, make(sandbox.url).request())
    for wrong in (replace(answer, status_code=418), replace(answer, label="text/html")):
        with pytest.raises(OpenAPIError):
            judge_answer(name, request, wrong)
