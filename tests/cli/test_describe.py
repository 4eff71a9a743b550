"""`tokenauth describe`: what it prints can be pasted, and works."""

import json
import os
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tokenauth
from tests.cli.conftest import SECRET, Run, Terminal
from tests.servers import Received, Reply, serve
from tokenauth._config.references import FromKeyring
from tokenauth.cli import _written
from tokenauth.sandbox import ThreadSandbox, credentials

DOCUMENTS = Path(__file__).parents[1] / "contract"

ANSWERS: dict[str, tuple[Reply, str]] = {
    "oauth": (Reply(body={"access_token": "t-1", "token_type": "Bearer", "expires_in": 60}), "t-1"),
    "nested": (Reply(body={"code": 0, "data": {"jwt": "t-1", "ttl": 60}}), "t-1"),
    "header": (Reply(204, headers={"X-Auth-Token": "t-1"}), "t-1"),
    "cookie": (Reply(headers={"Set-Cookie": "SID=t-1; Path=/"}), "t-1"),
    "text": (Reply(body=b"abcdefghijklmnop0123"), "abcdefghijklmnop0123"),
    "a JSON text": (Reply(body=b'"t-1"'), "t-1"),
    "in minutes": (Reply(body={"session": {"key": "t-1", "ttlMinutes": 15}}), "t-1"),
    "an element": (Reply(body=b"<r xmlns='urn:x'><ok>1</ok><sessionId>t-1</sessionId></r>"), "t-1"),
    "a list": (Reply(body=b'[{"token": "t-1", "expires": 60}]'), "t-1"),
    "an object": (Reply(body={"token": {"value": "t-1", "validTo": "2030-03-17T17:46:40Z"}}), "t-1"),
    "Bearer in a header": (Reply(headers={"Authorization": "Bearer t-1"}), "t-1"),
    "Bearer in the body": (Reply(body={"Data": {"Token": "Bearer t-1"}}), "t-1"),
    "no name that says it": (
        Reply(body={"ok": True, "payload": "Zm9vYmFyYmF6cXV4MTIz", "n": "x"}),
        "Zm9vYmFyYmF6cXV4MTIz",
    ),
    "the lifetime of two": (Reply(body={"refreshTokenExpiresIn": 9, "token": "t-1", "tokenExpiresIn": 60}), "t-1"),
    "in milliseconds": (Reply(body={"token": "t-1", "expiresIn": 7_776_000_000}), "t-1"),
}


def pasted(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(code, names)
    return names["auth"]


@pytest.mark.parametrize("name", ANSWERS)
def test_what_it_prints_gets_the_token(run: Run, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reply, token = ANSWERS[name]
    seen: list[bytes] = []

    def answer(request: Received) -> Reply:
        seen.append(request.body)
        return reply

    monkeypatch.setenv("PW", SECRET)
    with serve(answer) as server:
        ran = run("describe", f"{server.url}/login", "-d", "user=me", "-d", "password=env:PW")
        assert ran.code == 0
        assert token not in (ran.out + ran.err).replace(str(tmp_path), "")  # which may be in a folder "pytest-1"
        assert pasted(ran.out).get_token().value == token
        profile = ran.err.partition("profiles.toml:\n")[2]
        (tmp_path / "profiles.toml").write_text(profile)
        assert tokenauth.profile("my-api", cache={}).get_token().value == token
    assert len(set(seen)) == 1  # the program sends what the command sent


@pytest.mark.parametrize("name", ["a list", "the lifetime of two"])
def test_what_is_a_number_of_seconds_is_a_lifetime_whatever_its_name(run: Run, name: str) -> None:
    with serve(lambda _: ANSWERS[name][0]) as server:
        assert pasted(run("describe", f"{server.url}/login", "-d", "user=me").out).get_token().lifetime == 60


def test_an_id_of_the_request_is_no_token(run: Run) -> None:
    with serve(lambda _: Reply(body={"code": "E1", "requestId": "0123456789abcdef01234567"})) as server:
        assert run("describe", f"{server.url}/login", "-d", "user=me").code == 5


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("ttlMinutes", 900.0),
        ("valid_days", 15 * 86_400.0),
        ("tokenValidityHours", 15 * 3_600.0),
        ("expires_in_secs", 15.0),
        ("days_valid", 15 * 86_400.0),
        ("validityInMinutes", 900.0),
        ("refreshTimeoutSeconds", 15.0),
        ("lease_duration", 15.0),
    ],
)
def test_a_unit_in_the_name_of_the_lifetime_is_seen(run: Run, name: str, seconds: float) -> None:
    with serve(lambda _: Reply(body={"session": {"key": "t-1", name: 15}})) as server:
        code = run("describe", f"{server.url}/login", "-d", "user=me").out
        assert pasted(code).get_token().lifetime == seconds


KEY = "hvs.CAESIJ8aBcDeFgHi"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ({"auth": {"client_token": KEY, "accessor": "a-1"}}, ['token="auth.client_token"']),
        ({"BhRestToken": KEY, "restUrl": "https://rest.example/x"}, ['token="BhRestToken"']),
        ({"refreshToken": KEY + "r", "csrfToken": KEY + "c", "ApiUserToken": KEY}, ['token="ApiUserToken"']),
        ({"token": KEY, "estimatedTimeToExpiration": "239:59:59"}, ['expires_in="estimatedTimeToExpiration"']),
        ({"token": KEY, "status": {"expirationTimestamp": "2035-01-01T00:00:00Z"}},
         ['expires_at="status.expirationTimestamp"']),
        ({"token": KEY, "sessionLease": "PT15M"}, ['expires_in="sessionLease"']),
        ({"token": KEY, "refreshTokenExpiry": 90}, ["does not say when the token expires"]),
        ({"token": KEY, "refresh_expires_in": 90}, ["does not say when the token expires"]),
        ({"token": KEY, "leaseActive": True, "lease": "renewable"}, ["does not say when the token expires"]),
    ],
)  # fmt: skip
def test_what_no_list_has_is_known_by_what_is_in_its_name(run: Run, body: dict[str, Any], lines: list[str]) -> None:
    """Names of Vault, Bullhorn, Tableau, Kubernetes, Keycloak; and some that are something else."""
    with serve(lambda _: Reply(body=body)) as server:
        out = run("describe", f"{server.url}/login", "-d", "user=me").out
    assert [line for line in lines if line not in out] == [], out


def test_an_operation_without_a_document_sends_nothing(run: Run) -> None:
    with serve(lambda _: ANSWERS["nested"][0]) as server:
        ran = run("describe", f"{server.url}/login", "--operation", "login")
    assert (ran.code, ran.out, server.requests) == (2, "", [])
    assert ran.err == "tokenauth: --operation names an operation of a document: add --openapi FILE\n"


def test_the_shape_has_every_value_masked(run: Run) -> None:
    hidden = "hidden-value"
    body = {"a": {"token": hidden, "list": [{"n": 987654}, 5]}, "ok": True, "none": None, "jwt": "eyJ.eyJ.x"}
    body |= {"empty": "", "object": {}, "array": []}

    def answer(_: Received) -> Reply:
        return Reply(body=body, headers={"X-Request": hidden, "Set-Cookie": f"SID={hidden}"})

    with serve(answer) as server:
        ran = run("describe", server.url + "/login")
    assert hidden not in ran.out + ran.err
    assert "987654" not in ran.err
    for line in (
        "token: *** (text, 12 characters)",
        "n: a number of 6 digits",
        "ok: true or false",
        "none: null",
        "object: {}",
        "array: []",
    ):
        assert line in ran.err
    assert "x-request: *** (text, 12 characters)" in ran.err
    assert "jwt: *** (a JWT, 9 characters)" in ran.err
    assert "list: [ 2 of" in ran.err


def test_notes_say_what_to_look_at(run: Run) -> None:
    def answer(request: Received) -> Reply:
        jwt = Reply(headers={"X-Token": "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQwMDAwMDAwMDB9.c2ln"})
        return {"/ms": ANSWERS["in milliseconds"][0], "/jwt": jwt}.get(request.path, ANSWERS["nested"][0])

    with serve(answer) as server:
        assert 'would be 90000 days. If it is in milliseconds: unit="ms"' in run("describe", server.url + "/ms").out
        assert "The JWT itself says" in run("describe", server.url + "/jwt").out
        assert 'success=("code", 0)' in run("describe", server.url + "/nested").out


def test_a_form_basic_headers_and_another_method(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", SECRET)
    with serve(lambda _: ANSWERS["oauth"][0]) as server:
        arguments = [
            "--form",
            "-d",
            "a=1",
            "-H",
            "X-Key: env:PW",
            "--basic",
            "me:env:PW",
            "-X",
            "PUT",
            "--param",
            "p=1",
        ]
        ran = run("describe", f"{server.url}/login", *arguments)
        auth = pasted(ran.out)
        auth.get_token()
        first, second = server.requests
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert first.headers["x-key"] == second.headers["x-key"] == SECRET
    assert first.headers["authorization"] == second.headers["authorization"]


def test_a_secret_that_was_typed_is_read_from_the_environment_by_the_program(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import getpass
    import sys

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: SECRET)
    with serve(lambda _: ANSWERS["oauth"][0]) as server:
        ran = run("describe", f"{server.url}/login", "-d", "passWord=prompt")
        assert json.loads(server.requests[0].body) == {"passWord": SECRET}
    assert '"passWord": os.environ["PASS_WORD"]' in ran.out


@pytest.mark.parametrize(
    ("reply", "code", "text"),
    [
        (Reply(401, {"error": "no"}), 3, "HTTP 401: the login was refused"),
        (Reply(422, {"error": "no"}), 3, "HTTP 422: the login was refused"),
        (Reply(422, {"detail": [{"loc": ["body", "x"], "msg": "Needed"}]}), 3, "refused: 'Needed: body.x'. Check"),
        (Reply(415), 3, "or send a form: --form"),
        (Reply(404), 4, "HTTP 404: that does not look like a login"),
        (Reply(body={"code": "E1"}), 5, "nothing in the answer looks like a token"),
        (Reply(body=b"<a><t>x</t></a>", headers={"Content-Type": "text/xml"}), 5, "<t>*** (text, 1 characters)"),
        (Reply(body=b""), 5, "nothing in the answer looks like a token"),
    ],
)
def test_an_answer_that_is_no_success_shows_its_shape(run: Run, reply: Reply, code: int, text: str) -> None:
    with serve(lambda _: reply) as server:
        ran = run("describe", f"{server.url}/login")
    assert ran.code == code
    assert text in ran.err
    assert f"HTTP {reply.status}\n" in ran.err
    assert ran.out == ""


def test_what_can_not_be_sent_is_a_sentence(run: Run, closed_port: int) -> None:
    assert run("describe").err == "tokenauth: describe needs the URL of a login, or --openapi FILE\n"
    assert "Use https, or --allow-http if" in run("describe", "http://api.example.com/x").err
    down = run("describe", f"http://127.0.0.1:{closed_port}/x")
    assert (down.code, down.err.count("\n")) == (4, 1)
    unread = run("describe", f"http://127.0.0.1:{closed_port}/x", "--data", "password=command:false")
    assert (unread.code, unread.err.count("\n")) == (2, 1)
    assert "the command false failed with exit status 1" in unread.err
    assert "--param must be NAME=VALUE" in run("describe", "https://l.example.com", "--param", "x").err
    assert "--header must be 'Name: value'" in run("describe", "https://l.example.com", "-H", "x").err


def test_the_three_documents(run: Run, sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each proposal is true: with its blanks filled in, it logs in."""
    manis = run("describe", sandbox.url, "--openapi", str(DOCUMENTS / "manis.yaml")).out
    monkeypatch.setenv("X_SECRET", credentials.MANIS_SECRET)
    token = pasted(manis.replace("<x-merchant-id>", credentials.MANIS_MERCHANT_ID)).get_token()
    assert 3500 < (token.lifetime or 0) <= 3600
    assert "does not say the unit of expiresAt" in manis

    both = run("describe", "--openapi", str(DOCUMENTS / "platform.yaml"))
    assert (both.code, "GET /Token | POST /Token" in both.err or "POST /Token | GET /Token" in both.err) == (2, True)
    arguments = ["--openapi", str(DOCUMENTS / "platform.yaml"), "--operation", "post /token"]
    platform = run("describe", sandbox.url, *arguments).out
    monkeypatch.setenv("PASSWORD", credentials.PLATFORM_PASSWORD)
    assert pasted(platform.replace("<username>", credentials.PLATFORM_USERNAME)).get_token().type == "Bearer"

    atrip = run("describe", sandbox.url, "--openapi", str(DOCUMENTS / "atrip.yaml"), "--json").out
    code = json.loads(atrip)["python"]
    assert "where the token is in the answer; there are url, status, msg" in code
    monkeypatch.setenv("X_ATLAS_CLIENT_SECRET", credentials.ATRIP_CLIENT_SECRET)
    for blank, value in {"x-atlas-client-id": credentials.ATRIP_CLIENT_ID, "the token": "url"}.items():
        code = code.replace(f"<{blank}>", value)
    assert pasted(code).get_token().value.startswith(sandbox.portal_url)


def document(tmp_path: Path, content: str, name: str = "api.yaml") -> str:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return str(tmp_path / name)


OPENAPI = """
openapi: 3.0.0
servers: [{url: "https://api.example.com/v1"}]
paths:
  /orders: {get: {operationId: orders, responses: {}}}
  /session:
    parameters: [{$ref: "#/components/parameters/App"}]
    post:
      operationId: signIn
      security: [{key: []}]
      requestBody: {$ref: "#/components/requestBodies/SignIn"}
      responses:
        "200":
          content: {application/json: {schema: {allOf: [{$ref: "#/components/schemas/Session"}]}}}
components:
  parameters: {App: {name: X-App, in: header, schema: {type: string, enum: [web]}}}
  requestBodies:
    SignIn:
      content:
        application/json: {schema: {properties: {user: {type: string}, pin: {type: string}, days: {default: 3}}}}
  schemas: {Session: {properties: {session: {properties: {token: {type: string}, expiresIn: {type: integer}}}}}}
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
"""


def test_an_openapi_document_says_most_of_it(run: Run, tmp_path: Path) -> None:
    ran = run("describe", "--openapi", document(tmp_path, OPENAPI))
    assert ran.code == 0
    for text in (
        '"https://api.example.com/v1/session"',
        'headers={"X-App": "web", "X-Key": os.environ["X_KEY"]}',
        'json={"user": "<user>", "pin": os.environ["PIN"], "days": 3}',
        'token="session.token"',
        'expires_in="session.expiresIn"',
        "# Fill in <user>.",
    ):
        assert text in ran.out
    tomllib.loads(ran.err.partition("profiles.toml:\n")[2])
    page = f"# A page\n\n```yaml\n{OPENAPI}```\n"
    assert run("describe", "--openapi", document(tmp_path, page, "page.md")).out.count("session.token") == 1


KEY = "{type: apiKey, in: header, name: X-Key}"
TOKEN = "token: {type: string}"


@pytest.mark.parametrize(
    ("there", "here", "text"),
    [
        ("    post:", "    put:", 'method="PUT"'),
        (KEY, "{type: http, scheme: basic}", 'basic=("<user>", os.environ["PASSWORD"])'),
        (KEY, "{type: oauth2}", 'headers={"X-App": "web"}'),
        (
            TOKEN,
            TOKEN + ', more: {type: array, items: {$ref: "#/components/schemas/Session"}}',
            'token="session.token"',
        ),
    ],
    ids=["another method", "basic", "what a login can't use", "a schema that holds itself"],
)
def test_what_else_a_document_may_say(run: Run, tmp_path: Path, there: str, here: str, text: str) -> None:
    arguments = ["--operation", "signIn"]
    assert text in run("describe", "--openapi", document(tmp_path, OPENAPI.replace(there, here)), *arguments).out


@pytest.mark.parametrize(
    ("content", "arguments", "text"),
    [
        (OPENAPI, ["--operation", "signin2"], "has no operation 'signin2'. There are: orders | signIn"),
        ("a: b", [], "contains no OpenAPI document"),
        (
            "{",
            [],
            "api.yaml contains no OpenAPI document (YAML or JSON with paths). Without one: tokenauth describe URL",
        ),
        ("paths: {}", [], "has no operations"),
        ("paths: {/a: {get: {}}, /b: {post: {x: 1}, put: {x: 1}}}", [], "which operation is the login?"),
        ('paths: {/login: {post: {requestBody: {$ref: "#/nowhere"}}}}', [], ""),
        ('paths: {/login: {post: {requestBody: {$ref: "#/paths/~1login/post/requestBody"}}}}', [], ""),
    ],
)
def test_a_document_that_says_little(run: Run, tmp_path: Path, content: str, arguments: list[str], text: str) -> None:
    ran = run("describe", "--openapi", document(tmp_path, content), *arguments)
    assert ran.code == (2 if text else 0)
    assert text in ran.err
    assert "unexpected" not in ran.err


RELATED = """
openapi: 3.0.0
servers: [{url: "https://api.example.com"}]
paths:
  /login:
    post:
      responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/Session"}}}}}
components:
  schemas:
    Session: {properties: {user: {$ref: "#/components/schemas/User"}, token: {type: string}}}
    User: {properties: {RELATIONS}}
"""


def test_a_document_whose_schemas_contain_each_other_is_described_at_once(run: Run, tmp_path: Path) -> None:
    """Each is described a few times, and not once for each way that leads to it."""
    begun = time.thread_time()
    relations = ", ".join(f'relation_{number}: {{$ref: "#/components/schemas/User"}}' for number in range(8))
    ran = run("describe", "--openapi", document(tmp_path, RELATED.replace("RELATIONS", relations)))
    assert 'token="token"' in ran.out
    assert time.thread_time() - begun < 2


PARCELS = """
openapi: 3.1.0
servers:
  - url: "http://{host}:{port}/v{major}"
    variables: {host: {default: 127.0.0.1}, port: {default: PORT}, major: {default: "2"}}
security: [{key: []}]
paths:
  /sessions:
    parameters: [{$ref: "#/components/parameters/Version"}]
    post:
      security: []
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Login"}}}}
      responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/Session"}}}}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  parameters: {Version: {name: X-Version, in: header, schema: {const: "2026-01-01"}}}
  schemas:
    Login:
      properties: {email: {type: string}, password: {type: [string]}, device: {default: null}, kind: {enum: [pw]}}
    Session:
      allOf:
        - properties: {id: {type: string}}
        - properties:
            session:
              oneOf: [{type: "null"}, {properties: {accessToken: {type: [string, "null"]}, expiresAt: {type: string}}}]
"""
METERS = """
swagger: "2.0"
host: 127.0.0.1:PORT
basePath: /v2
schemes: [http]
securityDefinitions: {app: {type: basic}, key: {type: apiKey, in: header, name: X-Key}}
security: [{key: []}]
parameters: {Version: {name: X-Version, in: header, type: string, enum: ["2026-01-01"]}}
definitions:
  Login: {properties: {email: {type: string}, password: {type: string}, kind: {default: pw}}}
  Session: {properties: {session: {properties: {accessToken: {type: string}, ttl: {type: integer}}}}}
paths:
  /sessions:
    post:
      security: []
      parameters: [{$ref: "#/parameters/Version"}, {in: body, name: body, schema: {$ref: "#/definitions/Login"}}]
      responses: {"200": {schema: {$ref: "#/definitions/Session"}}}
  /oauth/token:
    post:
      security: [{app: []}]
      parameters:
        - {in: formData, name: grant_type, type: string, enum: [password]}
        - {in: formData, name: password, type: string}
      responses: {"200": {schema: {properties: {access_token: {type: string}}}}}
"""


@pytest.mark.parametrize("text", [PARCELS, METERS], ids=["OpenAPI 3.1", "Swagger 2.0"])
def test_documents_of_other_versions_give_a_call_that_works(
    run: Run, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Received) -> Reply:
        assert (request.target, request.headers["x-version"]) == ("/v2/sessions", "2026-01-01")
        assert "x-key" not in request.headers
        assert json.loads(request.body) == {"email": "me", "password": SECRET, "kind": "pw"}
        return Reply(
            201, {"id": "1", "session": {"accessToken": "t-1", "ttl": 60, "expiresAt": "2030-03-17T17:46:40Z"}}
        )

    monkeypatch.setenv("PASSWORD", SECRET)
    with serve(answer) as server:
        path = document(tmp_path, text.replace("PORT", str(server.port)))
        code = run("describe", "--openapi", path, "--operation", "POST /sessions").out
        assert pasted(code.replace("<email>", "me")).get_token().value == "t-1"


def test_a_form_of_swagger_2(run: Run, tmp_path: Path) -> None:
    out = run("describe", "--openapi", document(tmp_path, METERS), "--operation", "post /oauth/token").out
    assert 'form={"grant_type": "password", "password": os.environ["PASSWORD"]}' in out
    assert 'basic=("<user>", os.environ["PASSWORD"])' in out


@pytest.mark.parametrize("given", [[], ["https://h.example.com"], ["https://h.example.com/v1/"]])
def test_a_server_may_be_a_path(run: Run, tmp_path: Path, given: list[str]) -> None:
    path = document(tmp_path, OPENAPI.replace("https://api.example.com/v1", "/v1"))
    host = "h.example.com" if given else "<the server>"
    assert f'"https://{host}/v1/session"' in run("describe", *given, "--openapi", path).out


def test_a_document_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert "can't be read: No such file" in run("describe", "--openapi", str(tmp_path / "no.yaml")).err
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in run("describe", "--openapi", str(tmp_path / "b.yaml")).err


def test_on_a_terminal_it_asks_for_what_the_document_does_not_say(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = document(tmp_path, OPENAPI.replace("https://api.example.com", ""))
    monkeypatch.setattr("sys.stdin", Terminal("https://real.example.com\n"))
    ran = run("describe", "--openapi", path)
    assert '"https://real.example.com/v1/session"' in ran.out
    assert "Fill in <the server>" not in ran.out
    monkeypatch.setattr("sys.stdin", Terminal("\n"))
    assert "The document does not say the server" in run("describe", "--openapi", path).out


@pytest.mark.parametrize("place", ["file:{}", "command:cat {}"])
def test_a_program_reads_a_secret_where_the_command_did(run: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "pw").write_text(SECRET, encoding="utf-8")
    with serve(lambda _: ANSWERS["oauth"][0]) as server:
        ran = run("describe", f"{server.url}/login", "-d", f"password={place.format(tmp_path / 'pw')}")
        assert '"utf-8"' in ran.out, "what it reads hangs on the machine's locale"
        auth = pasted(ran.out)
        auth.get_token()
        assert [json.loads(each.body)["password"] for each in server.requests] == [SECRET, SECRET]
    assert os.environ.get("PASSWORD") is None


def test_a_program_and_a_profile_read_the_keyring() -> None:
    login = {"url": "https://l.example.com/x", "json": {"password": FromKeyring("svc/prod/u")}}
    program = _written.python(login, [])
    assert program.startswith("import keyring\n")
    assert '"password": lambda: keyring.get_password("svc/prod", "u")' in program
    assert 'password = {keyring = "svc/prod/u"}' in _written.toml(login)
