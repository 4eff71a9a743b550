"""What the grants of OAuth 2.0 share: fields, identity, and errors that teach."""

import json
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc.jwk import RSAKey

from tokenauth import ClientCredentialsAuth, JWTBearerAuth, TokenExchangeAuth, errors
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.secrets import Secret
from tokenauth.providers import (
    Client,
    ClientAssertion,
    ClientAuth,
    ClientCredentials,
    ClientSecretJWT,
    JWTBearer,
    Login,
    PasswordGrant,
    PrivateKeyJWT,
    TokenExchange,
    _metadata,
)
from tokenauth.providers.client_auth import with_fields, with_headers
from tokenauth.stores import FileStore

URL = "https://as.example/oauth/token"
KEY = RSAKey.generate_key(2048).as_pem(private=True).decode()


def client(**options: Any) -> ClientCredentials:
    return ClientCredentials(URL, **{"client_id": "c-1", "client_secret": "s-4711", **options})


def exchange(subject: Any = "subject-4711", **options: Any) -> TokenExchange:
    return TokenExchange(URL, subject_token=subject, client_id="c-1", **options)


def fields(provider: Any, refresh_token: str | None = None) -> dict[str, list[str]]:
    return parse_qs(provider.request(refresh_token).body.decode(), strict_parsing=True)


def key(provider: Any) -> object:
    return provider.identity, provider.secrets


@pytest.mark.parametrize(
    ("options", "name", "sent"),
    [
        ({"scope": "a b"}, "scope", ["a b"]),
        ({"scope": ["a", "b"]}, "scope", ["a b"]),
        ({"scope": {"b", "a"}}, "scope", ["a b"]),
        ({"scope": ("a", "b")}, "scope", ["a b"]),
        ({"resource": "https://api.example"}, "resource", ["https://api.example"]),
        ({"resource": ["https://api.example", "urn:x:y"]}, "resource", ["https://api.example", "urn:x:y"]),
        ({"audience": ["one", "two"]}, "audience", ["one", "two"]),
        ({"extra": {"each": ["1", "2"]}}, "each", ["1", "2"]),
    ],
)
@pytest.mark.parametrize("make", [client, exchange])
def test_one_or_several(make: Any, options: Any, name: str, sent: list[str]) -> None:
    assert fields(make(**options))[name] == sent


def test_a_list_in_any_login_sends_a_name_several_times() -> None:
    request = Login(URL, method="GET", params={"a": ["1", "2"]}, form={"b": ["x", "y"]}).request()
    assert request.url.endswith("?a=1&a=2")
    assert request.body == b"b=x&b=y"


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"scope": []}, ValueError, "scope is an empty list"),
        ({"scope": 7}, TypeError, "scope must be a str or a list"),
        ({"scope": {"a": 1}}, TypeError, "scope must be a str or a list"),
        ({"scope": ["a", None]}, TypeError, "each scope must be a str, not None"),
        ({"scope": ["a\n"]}, ValueError, "white space"),
        ({"resource": "api"}, ValueError, "absolute URI"),
        ({"resource": "https://api.example/#x"}, ValueError, "fragment"),
        ({"extra": {"client_assertion": "x"}}, ValueError, "client_assertion"),
        ({"extra": {"audience": "x"}, "audience": "y"}, ValueError, "audience"),
        ({"scop": "a"}, TypeError, "no argument 'scop'"),
    ],
)
@pytest.mark.parametrize("make", [client, exchange])
def test_arguments_that_can_not_be_right(make: Any, options: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make(**options)


def test_token_exchange() -> None:
    sent = fields(exchange(actor_token="actor", subject_token_type="id_token", requested_token_type="urn:a:b"))
    assert {name: values[0] for name, values in sent.items()} == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "subject-4711",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "actor_token": "actor",
        "actor_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "requested_token_type": "urn:a:b",
        "client_id": "c-1",
    }
    with pytest.raises(ValueError, match="access_token, id_token, jwt"):
        exchange(subject_token_type="bearer")
    for wrong in (None, 7, "", ["x"]):
        with pytest.raises((TypeError, ValueError), match="subject_token"):
            exchange(wrong)


def test_what_is_exchanged_for_no_access_token_is_sent_as_bearer() -> None:
    body = {"access_token": "t", "token_type": "N_A", "issued_token_type": "urn:ietf:params:oauth:token-type:id_token"}
    assert exchange().read(Reply(200, {}, json.dumps(body).encode())).type == "Bearer"


def one() -> str:
    return "subject"


def two() -> str:
    return "subject"


SUBJECTS: list[Any] = [
    "a",
    "b",
    one,
    two,
    Path("/a"),
    Path("/b"),
    lambda: "a",
    lambda: "a",
    ClientCredentialsAuth(URL, client_id="one", client_secret="s"),
    ClientCredentialsAuth(URL, client_id="two", client_secret="s"),
    ClientCredentialsAuth(URL, client_id="two", client_secret="t"),
]


@pytest.mark.parametrize("other", range(len(SUBJECTS)))
@pytest.mark.parametrize("this", range(len(SUBJECTS)))
def test_the_subject_is_part_of_the_key(this: int, other: int) -> None:
    def keys(subject: Any) -> object:
        return TokenExchangeAuth(URL, subject_token=subject)._source.tokens.key

    def marks(subject: Any) -> object:  # what a store knows of it
        return TokenExchangeAuth(URL, subject_token=subject)._source.credential.mark

    assert (keys(SUBJECTS[this]) == keys(SUBJECTS[other])) == (this == other)
    assert (marks(SUBJECTS[this]) == marks(SUBJECTS[other])) == (this == other)


def test_a_store_wants_a_subject_that_every_process_can_tell(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for subject in ("a", one, Path("/a"), SUBJECTS[-1]):
        TokenExchangeAuth(URL, subject_token=subject, store=store)
    with pytest.raises(ValueError, match="subject_token= is a lambda"):
        TokenExchangeAuth(URL, subject_token=lambda: "a", store=store)
    with pytest.raises(ValueError, match="differs at each login: leave store= out"):
        ClientCredentialsAuth(URL, client_id="c", client_auth=ClientAssertion(lambda: "a"), store=store)


class Signed(ClientAuth):
    """A way of the user's own."""

    def __init__(self, secret: Any, tenant: Any) -> None:
        self.secret, self.tenant = Secret("secret", secret), tenant

    def applied(self, request: TokenRequest, client: Client) -> TokenRequest:
        request = with_headers(request, {"X-Tenant": self.tenant, "X-Length": str(len(request.body))})
        return with_fields(request, {"proof": self.secret.reveal()})


def test_a_way_of_the_user_s_own() -> None:
    provider = client(client_secret=None, client_auth=Signed("p-4711", "t"))
    request = provider.request()
    assert request.headers["X-Length"] == str(len("grant_type=client_credentials"))
    assert parse_qs(request.body.decode())["proof"] == ["p-4711"]
    assert "p-4711" not in repr(provider.identity)
    assert key(provider) == key(client(client_secret=None, client_auth=Signed("p-4711", "t")))
    assert key(provider) != key(client(client_secret=None, client_auth=Signed("p-4711", "u")))
    assert key(provider) != key(client(client_secret=None, client_auth=Signed("p-4712", "t")))
    with pytest.raises(TypeError, match="can't be compared exactly"):
        ClientCredentialsAuth(URL, client_id="c", client_auth=Signed("p", object()))


# errors that teach


def test_a_way_of_the_user_s_own_that_is_refused_is_named() -> None:
    assert "Check client_id and client_auth=" in told(
        client(client_secret=None, client_auth=Signed("p-4711", "t")), "invalid_client", 401
    )


def told(provider: Any, code: str | None, status: int = 400, **headers: Any) -> str:
    received = headers.pop("received_at", 0.0)
    body = json.dumps({"error": code} if code else {}).encode()
    with pytest.raises(errors.CredentialsRejected) as caught:
        provider.read(Reply(status, headers, body, received_at=received))
    return str(caught.value)


@pytest.mark.parametrize(
    ("provider", "code", "parts"),
    [
        (client(), "invalid_client", ['client_auth="basic"', 'some servers want client_auth="body"']),
        (client(client_auth="body"), "invalid_client", ['client_auth="body"', 'some servers want client_auth="basic"']),
        (client(), "unauthorized_client", ["does not let this client use the grant client_credentials"]),
        (client(client_secret=None, client_auth="none"), "invalid_client", ["without a secret", "client_secret="]),
        (
            client(client_secret=None, client_auth=PrivateKeyJWT(KEY)),
            "invalid_client",
            ["public key", URL, "audience="],
        ),
        (client(client_auth=ClientSecretJWT(audience="x")), "invalid_client", ["audience x", "audience="]),
        (
            client(client_secret=None, client_auth=ClientAssertion("f")),
            "invalid_client",
            ["issuer, subject and audience"],
        ),
        (PasswordGrant(URL, username="u", password="p-4711"), "invalid_grant", ["Check username and password."]),
        (
            PasswordGrant(URL, username="u", password="p-4711"),
            "invalid_client",
            ["wants to know the client: client_id="],
        ),
        (JWTBearer(URL, key=KEY, issuer="i"), "invalid_grant", ["key, issuer and subject", f"audience was {URL}"]),
        (exchange(), "invalid_grant", ["subject_token: is it live"]),
        (exchange(), "invalid_target", ["settings that invalid_target is about"]),
    ],
)
def test_an_error_says_what_to_do(provider: Any, code: str, parts: list[str]) -> None:
    text = told(provider, code)
    assert [part for part in parts if part not in text] == []
    assert "-4711" not in text


@pytest.mark.parametrize(("off", "word"), [(0, ""), (15, ""), (90, "90 s ahead of"), (-90, "90 s behind")])
@pytest.mark.parametrize(
    ("provider", "dated"),
    [
        (JWTBearer(URL, key=KEY, issuer="i"), True),
        (client(client_secret=None, client_auth=PrivateKeyJWT(KEY)), True),
        (client(client_auth=ClientSecretJWT()), True),
        (client(), False),
    ],
)
def test_a_wrong_clock_is_told_of_where_it_matters(provider: Any, dated: bool, off: int, word: str) -> None:
    now = 1_800_000_000
    text = told(provider, "invalid_grant", date=formatdate(now, usegmt=True), received_at=now + off)
    assert ("clock" in text) == (dated and bool(word))
    assert word in text or not dated


# Google's file


ACCOUNT = {"type": "service_account", "client_email": "a@b.example", "private_key": KEY, "private_key_id": "k-1"}


@pytest.mark.parametrize("form", ["dict", "path", "str"])
def test_from_google(tmp_path: Path, form: str) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(ACCOUNT))
    account: Any = {"dict": ACCOUNT, "path": file, "str": str(file)}[form]
    auth = JWTBearerAuth.from_google(account, scope=["x", "y"], subject="u@b.example", origins=["https://api.example"])
    provider: Any = auth._provider
    assert provider.token_url == "https://oauth2.googleapis.com/token"
    same = JWTBearerAuth.from_google(ACCOUNT, scope="x y", subject="u@b.example", origins=["https://api.example"])
    assert auth == same
    assert auth._source.tokens.key == same._source.tokens.key
    assert KEY.splitlines()[1] not in repr(auth)


@pytest.mark.parametrize(
    ("account", "kind", "text"),
    [
        ({"type": "authorized_user", "refresh_token": "4711"}, ValueError, 'its type is "authorized_user"'),
        ({}, ValueError, "no client_email and no private_key"),
        ("/nowhere/4711.json", ValueError, "can't be read: No such file"),
        pytest.param(json.dumps(ACCOUNT), ValueError, "json.loads", id="its text, with a random key"),
        (None, TypeError, "path of a JSON file, or a dict, not NoneType"),
        (ACCOUNT | {"private_key": "4711"}, ValueError, "key is neither PEM"),
    ],
)
def test_what_is_no_service_account(account: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        JWTBearerAuth.from_google(account, scope="x")


@pytest.mark.parametrize(
    ("code", "refused"), [("invalid_client_secret", True), ("bad_code", True), ("slow_down", False)]
)
def test_a_200_with_an_error_is_a_refusal(code: str, refused: bool) -> None:
    kind = errors.CredentialsRejected if refused else errors.TokenResponseError
    with pytest.raises(kind) as caught:
        client().read(Reply(200, {}, json.dumps({"error": code}).encode()))
    assert (caught.value.code, caught.value.retryable) == (code, not refused)
    with pytest.raises(errors.TokenResponseError):
        Login(URL).read(Reply(200, {}, b'{"error": "bad_code"}'))
    assert client().read(Reply(200, {}, json.dumps({"error": code, "access_token": "t"}).encode())).value == "t"


@pytest.mark.parametrize("secret", ["s", "scope"])
def test_a_registered_code_is_not_masked_by_a_secret_that_has_letters_of_it(secret: str) -> None:
    provider = ClientCredentials(URL, client_id="c", client_secret=secret)
    provider.request()
    with pytest.raises(errors.CredentialsRejected, match="Check the settings") as caught:
        provider.read(Reply(400, {}, b'{"error": "invalid_scope", "error_description": "no scope"}'))
    assert caught.value.code == "invalid_scope"
    assert "***" in str(caught.value.detail)


@pytest.mark.parametrize("code", ["server_error", "temporarily_unavailable", "slow_down"])
@pytest.mark.parametrize("status", [400, 401])
def test_a_server_that_has_trouble_refuses_no_credentials(code: str, status: int) -> None:
    with pytest.raises(errors.TokenAuthError) as caught:
        client().read(Reply(status, {"retry-after": "7"}, json.dumps({"error": code}).encode()))
    expected = (errors.TokenEndpointError, True, 7.0) if status == 400 else (errors.CredentialsRejected, False, None)
    assert (type(caught.value), caught.value.retryable, caught.value.retry_after) == expected


@pytest.mark.parametrize(
    "made",
    [
        client,
        exchange,
        lambda **options: PasswordGrant(URL, username="u", password="p", **options),
        lambda **options: JWTBearer(URL, key=KEY, issuer="i", **options),
    ],
)
def test_query_parameters_go_with_each_token_request(made: Any) -> None:
    first, second = (
        made(params={"api-version": version, "code": "k-4711"}, public=["api-version"]) for version in "12"
    )
    assert first.request().url == f"{URL}?api-version=1&code=k-4711"
    assert not first.refreshes or first.request("r").url == f"{URL}?api-version=1&code=k-4711"
    assert "k-4711" in {secret.reveal() for secret in first.secrets}
    assert key(first) != key(second)


def test_query_parameters_go_to_the_token_endpoint_that_the_issuer_names() -> None:
    found = ClientCredentials(issuer="https://as.example", client_id="c", client_secret="s", params={"p": "policy"})
    server = _metadata.Server("https://login.example/token?tenant=1", "https://as.example")
    assert found._at(server).request().url == "https://login.example/token?tenant=1&p=policy"


def test_a_query_in_the_url_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"token_url must have no query.*params="):
        ClientCredentials(f"{URL}?p=policy", client_id="c", client_secret="s")
    with pytest.raises(ValueError, match=r"revocation_url must have no query and no fragment$"):
        client(revocation_url=f"{URL}?p=policy")


@pytest.mark.parametrize(
    ("made", "name", "refused"),
    [
        (client, "refresh_token", False),
        (exchange, "refresh_token", True),
        (lambda **options: PasswordGrant(URL, username="u", password="p", **options), "refresh_token", True),
        (
            lambda **options: PasswordGrant(URL, username="u", password="p", use_refresh_token=False, **options),
            "refresh_token",
            False,
        ),
        (client, "scope", True),
        (client, "resource", False),
        (client, "client_assertion", True),
    ],
)
def test_extra_has_only_what_neither_the_grant_nor_another_argument_sets(made: Any, name: str, refused: bool) -> None:
    if refused:
        with pytest.raises(ValueError, match=f"extra must not have {name}, which is set by"):
            made(extra={name: "x"})
    else:
        assert fields(made(extra={name: "x"}))[name] == ["x"]


def test_the_issuer_s_revocation_endpoint_needs_an_issuer() -> None:
    with pytest.raises(ValueError, match=r'revocation_url="issuer" needs'):
        client(revocation_url="issuer")
