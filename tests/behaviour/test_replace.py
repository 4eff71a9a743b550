"""`auth.replace(...)`: a copy with other arguments and options."""

import pickle
from typing import Any

import pytest
import requests

from tests.support import PlainProvider, TokenServer
from tokenauth import (
    AtripAuth,
    ClientCredentialsAuth,
    FunctionAuth,
    LoginAuth,
    ManisAuth,
    PlatformAuth,
    TokenAuth,
)
from tokenauth._core.origins import Origin
from tokenauth.providers import Login

HOME = "https://home.example"
MORE = "https://more.example"


class TenantAuth(ManisAuth):
    """As somebody's own: other arguments than its parent, and attributes of its own."""

    def __init__(self, tenant: str) -> None:
        super().__init__(HOME, merchant_id=tenant, secret="s3cret", header="X-Auth", timeout=3)
        self.tenant = [tenant]


MADE: dict[str, Any] = {
    "manis": lambda **more: ManisAuth(**{"base_url": HOME, "merchant_id": "m", "secret": "s3cret"} | more),
    "login": lambda **more: LoginAuth(f"{HOME}/login", **{"json": {"key": "s3cret"}} | more),
    "platform": lambda **more: PlatformAuth(f"{HOME}/Token", **{"username": "u", "password": "s3cret"} | more),
    "described": lambda **more: TokenAuth(Login(**{"url": f"{HOME}/login", "form": {"key": "s3cret"}} | more)),
}
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("manis", {"merchant_id": "other"}),
    ("manis", {"base_url": "http://127.0.0.1:8000", "secret": "t"}),
    ("manis", {"base_url": "http://intern.example", "allow_http": True}),
    ("manis", {"header": "X-Token", "origins": ["https://more.example"]}),
    ("login", {"json": {"key": "t"}, "token": "data.token"}),
    ("login", {"param": "access_token"}),
    ("platform", {"password": "t", "scope": "read", "leeway": 3}),
    ("described", {"form": {"key": "t"}, "name": "Another"}),
    ("described", {"cookie": "session", "timeout": 2}),
]


@pytest.mark.parametrize(("name", "changes"), CHANGES, ids=str)
def test_the_copy_is_as_if_it_had_been_made_so(name: str, changes: dict[str, Any]) -> None:
    before, made = MADE[name](), MADE[name](**changes)
    copied = before.replace(**changes)
    assert copied == made
    assert copied != before
    assert type(copied) is type(before)
    assert copied._source.tokens.key == made._source.tokens.key
    assert before == MADE[name]()


def test_a_copy_with_the_same_credential_shares_its_token(server: TokenServer) -> None:
    cache: dict[Any, Any] = {}
    auth = server.auth(cache=cache)
    assert auth.replace(timeout=3).get_token() is auth.get_token()
    assert auth.replace(cache={}).get_token() != auth.get_token()
    assert auth.replace(user="other").get_token() != auth.get_token()
    assert server.logins == 3


def test_a_subclass_keeps_its_options_and_attributes() -> None:
    auth = TenantAuth("t-1")
    copied = auth.replace(base_url="https://other.example", merchant_id="t-2")
    assert type(copied) is TenantAuth
    assert copied.tenant is auth.tenant
    assert (copied._options["header"], copied._options["timeout"]) == ("X-Auth", 3)
    assert "<TenantAuth for Manis merchant t-2 at https://other.example/api/v1/auth/token " in repr(copied)


def test_an_option_given_beside_a_description_stays() -> None:
    auth = TokenAuth(Login(f"{HOME}/login", form={"key": "s3cret"}, timeout=3), header="X-Auth")
    copied = auth.replace(form={"key": "t"})
    assert (copied._options["header"], copied._options["timeout"]) == ("X-Auth", 3)
    assert auth.replace(timeout=4)._options["timeout"] == 4
    assert auth.replace(header="X-Other")._source.admission.header == "X-Other"


@pytest.mark.parametrize("copied", [lambda auth: auth.replace(), lambda auth: auth.replace().replace(timeout=10)])
def test_copies_of_copies_work(copied: Any, server: TokenServer) -> None:
    assert requests.get(server.api, auth=copied(server.auth()), timeout=20).status_code == 200


@pytest.mark.parametrize(
    ("make", "changes", "error", "text"),
    [
        (MADE["manis"], {"merchantid": "x"}, TypeError, "no argument 'merchantid'; did you mean 'merchant_id'"),
        (MADE["manis"], {"timeout": -1}, ValueError, "timeout"),
        (MADE["manis"], {"base_url": "http://intern.example"}, ValueError, "https"),
        (
            lambda: TokenAuth(PlainProvider(HOME)),
            {"usr": "x"},
            TypeError,
            "PlainProvider has no argument 'usr'; did you mean 'user'",
        ),
        (lambda: TokenAuth(PlainProvider(HOME)), {"user": "x", "scheme": 3}, TypeError, "scheme"),
        (lambda: pickle.loads(pickle.dumps(MADE["manis"]())), {"secret": "x"}, TypeError, "comes out of a pickle"),
    ],
)
def test_what_can_t_be_is_refused(make: Any, changes: dict[str, Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make().replace(**changes)


def test_options_of_what_comes_out_of_a_pickle_can_be_changed() -> None:
    auth = pickle.loads(pickle.dumps(MADE["manis"]()))
    assert auth.replace(timeout=3)._source.credential.timeout == 3


def test_what_was_given_shows_no_secret() -> None:
    auth = ClientCredentialsAuth(f"{HOME}/token", client_id="c", client_secret="s3cret")
    assert "s3cret" not in f"{auth!r} {vars(auth)!r} {vars(auth._provider)!r}"


def test_a_refusal_to_copy_leaves_the_object_as_it_was() -> None:
    auth = AtripAuth(client_id="c", client_secret="s3cret", user_name="u", role="admin", order_no="1")
    with pytest.raises(TypeError):
        auth.replace(user_name=None)
    assert auth == AtripAuth(client_id="c", client_secret="s3cret", user_name="u", role="admin", order_no="1")


def test_options_that_were_given_as_iterators_are_not_lost() -> None:
    auth = MADE["manis"](origins=iter([MORE])).replace(merchant_id="other")
    assert auth._source.admission.admits(Origin.parse(MORE))


def test_an_argument_that_was_an_iterator_has_to_be_given_again() -> None:
    auth = FunctionAuth(lambda: "t", origins=iter([HOME, MORE]))
    with pytest.raises(TypeError, match="can't give origins again"):
        auth.replace(name="Another")
    assert auth.replace(name="Another", origins=iter([MORE]))._source.admission.admits(Origin.parse(MORE))


def test_changes_may_be_iterators(server: TokenServer) -> None:
    for auth in (MADE["manis"](origins=iter([HOME])), server.auth()):
        copied = auth.replace(origins=iter([MORE]))
        assert pickle.loads(pickle.dumps(copied))._source.admission.admits(Origin.parse(MORE))
