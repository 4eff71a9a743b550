"""The password grant, and the Platform as its page describes it."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tokenauth import errors
from tokenauth._core.messages import Reply
from tokenauth._core.token import Token
from tokenauth.providers import PasswordGrant, Platform

URL = "https://sandbox.sample/Token"
PASSWORD = "s3cret pä&=%"
ANSWER = {
    "access_token": "tok",
    "token_type": "bearer",
    "expires_in": 1209599,
    "userName": "user@example.com",
    "userId": "614a1d03-873d-489e-9ab5-fb53b0a0c64f",
    "role": "Administrator",
    ".issued": "Sun, 13 Sep 2020 09:35:33 GMT",
    ".expires": "Sun, 27 Sep 2020 09:35:33 GMT",
}


def platform(**options: Any) -> Platform:
    return Platform(URL, **{"username": "alice", "password": PASSWORD, **options})


def grant(**options: Any) -> PasswordGrant:
    return PasswordGrant(URL, **{"username": "alice", "password": PASSWORD, **options})


def fields(provider: PasswordGrant, refresh_token: str | None = None) -> dict[str, list[str]]:
    return parse_qs(provider.request(refresh_token).body.decode(), keep_blank_values=True)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def read(provider: PasswordGrant, drop: tuple[str, ...] = (), **changes: object) -> Token:
    content = {key: value for key, value in {**ANSWER, **changes}.items() if key not in drop}
    return provider.read(Reply(200, {}, json.dumps(content).encode()))


def test_the_platform_gets_what_its_page_says() -> None:
    request = platform().request()
    assert (request.method, request.url) == ("GET", URL)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == basic("alice", PASSWORD)
    assert fields(platform()) == {"grant_type": ["password"], "username": ["alice"], "password": [PASSWORD]}


def test_the_generic_grant_has_the_right_labels_and_no_basic() -> None:
    request = grant().request()
    assert request.method == "POST"
    assert request.headers == {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    assert fields(grant())["password"] == [PASSWORD]


def test_each_oddity_has_its_option() -> None:
    request = platform(method="POST", content_type="application/x-www-form-urlencoded", client_auth=None).request()
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers


def test_a_client_names_itself_as_rfc_6749_says() -> None:
    provider = grant(client_id="a:b", client_secret="p&w", scope="x y", extra={"audience": "z"})
    assert provider.request().headers["Authorization"] == basic("a%3Ab", "p%26w")
    assert "client_id" not in fields(provider)
    assert fields(provider)["scope"] == ["x y"]
    assert fields(provider)["audience"] == ["z"]


@pytest.mark.parametrize("make", [platform, grant])
def test_a_pair_is_a_client_by_basic(make: Any) -> None:
    provider = make(client_auth=("a:b", "p&w"))
    assert provider.request().headers["Authorization"] == basic("a%3Ab", "p%26w")
    assert provider.identity == make(client_auth="basic", client_id="a:b", client_secret="p&w").identity
    assert "p&w" not in repr(vars(provider))
    for more in ({"client_id": "c"}, {"client_secret": "s"}, {"client_auth": ("a",)}, {"client_auth": ("a", None)}):
        with pytest.raises(TypeError, match=r"client_auth as a tuple|client_auth \"basic\" needs"):
            make(**{"client_auth": ("a:b", "p&w"), **more})


def test_a_user_with_a_colon_can_not_use_basic() -> None:
    with pytest.raises(ValueError, match="colon"):
        platform(username="a:b")
    assert fields(platform(username="a:b", client_auth=None))["username"] == ["a:b"]


def test_the_pages_own_answer_is_read() -> None:
    token = read(platform())
    assert (token.value, token.type, token.lifetime) == ("tok", "Bearer", 1209599.0)
    assert token.expires_at == 1601199333.0
    assert (token.extra["userName"], token.extra["role"]) == ("user@example.com", "Administrator")
    assert "access_token" not in token.extra


@pytest.mark.parametrize(
    ("drop", "changes", "lifetime", "expires_at"),
    [
        ((), {}, 1209599.0, 1601199333.0),
        (("expires_in",), {}, 1209600.0, 1601199333.0),
        ((), {"expires_in": "nonsense"}, 1209600.0, 1601199333.0),
        (("expires_in", ".issued"), {}, None, 1601199333.0),
        (("expires_in",), {".issued": "Mon. 28 Sep 2020 09:35:33 GMT"}, None, 1601199333.0),
        (("expires_in",), {".expires": "Thurs. 17 Sep 2020 09:35:33 GMT"}, 345600.0, 1600335333.0),
        (("expires_in", ".issued", ".expires"), {}, None, None),
    ],
)
def test_the_answer_is_believed_relative_before_absolute(
    drop: tuple[str, ...], changes: dict[str, object], lifetime: float | None, expires_at: float | None
) -> None:
    token = read(platform(), drop, **changes)
    assert (token.lifetime, token.expires_at) == (lifetime, expires_at)


def test_keys_with_a_dot_are_no_paths() -> None:
    token = read(platform(), ("expires_in", ".expires"), **{"": {"expires": "Sun, 27 Sep 2020 09:35:33 GMT"}})
    assert token.expires_at == 1601199333.0  # only where the exact key is missing
    both = {"": {"expires": "Sun, 27 Sep 2030 09:35:33 GMT"}}
    assert read(platform(), ("expires_in",), **both).expires_at == 1601199333.0


def test_a_refresh_token_is_used_with_all_that_the_login_said() -> None:
    provider = grant(client_id="c", scope="s", extra={"audience": "z"})
    assert read(provider, refresh_token="r-1").refresh_token == "r-1"
    assert "refresh_token" not in read(provider, refresh_token="r-1").extra
    assert fields(provider, "r-1") == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r-1"],
        "client_id": ["c"],
        "scope": ["s"],
        "audience": ["z"],
    }


@pytest.mark.parametrize("sent", [None, "", 7, ["r"]])
def test_what_is_no_refresh_token_is_none(sent: object) -> None:
    assert read(grant(), refresh_token=sent).refresh_token is None


def test_refreshing_can_be_switched_off() -> None:
    provider = grant(use_refresh_token=False)
    assert not provider.refreshes
    assert read(provider, refresh_token="r-1").refresh_token is None
    assert fields(provider, "r-1")["grant_type"] == ["password"]


def test_only_the_platform_discards_older_tokens_unasked() -> None:
    assert platform().discards_older
    assert not grant().discards_older
    assert grant(discards_older=True).discards_older
    assert not platform(discards_older=False).discards_older


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (b'{"error":"invalid_grant","error_description":"wrong","error_uri":"u"}', "invalid_grant", "wrong"),
        (b'{"message":"no"}', None, "no"),
        (b'{"Message":"No"}', None, "No"),
        (b"<html>no</html>", None, None),
        (b"", None, None),
    ],
)
def test_every_shape_of_error_is_read(body: bytes, code: str | None, detail: str | None) -> None:
    with pytest.raises(errors.CredentialsRejected, match="Platform user alice") as caught:
        platform().read(Reply(400, {}, body))
    assert (caught.value.code, caught.value.detail) == (code, detail)


def test_the_password_never_stands_in_the_url() -> None:
    assert platform().request().url == URL


def test_passwords_may_be_any_text_without_control_characters() -> None:
    assert fields(grant(password="πá𝄞 x"))["password"] == ["πá𝄞 x"]
    for wrong in ("", " x", "x\n", "x\ty", "x\ud800"):
        with pytest.raises(ValueError, match="password"):
            grant(password=wrong)


def test_a_callable_password_is_read_at_each_login() -> None:
    passwords = iter(["one", "two"])
    provider = grant(password=lambda: next(passwords))
    assert fields(provider)["password"] == ["one"]
    assert fields(provider)["password"] == ["two"]


@pytest.mark.parametrize("extra", [{"password": "x"}, {"grant_type": "x"}, {"refresh_token": "x"}, {"scope": "x"}])
def test_extra_fields_do_not_replace_arguments(extra: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="extra"):
        grant(extra=extra)


def test_every_module_of_the_providers_is_small() -> None:
    folder = Path(__file__).parents[2] / "tokenauth" / "providers"
    assert not [path.name for path in folder.glob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 300]
