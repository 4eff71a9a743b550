"""Profiles: auth objects by name, from a TOML file."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import tokenauth
from tokenauth import LoginAuth, ManisAuth, PlatformAuth, profiles
from tokenauth.providers import Call, Cookie, Header, Kept, Match, Signed, Text
from tokenauth.stores import FileStore

MANIS = """
[manis-prod]
class = "manis"
base_url = "https://m.example.com"
merchant_id = "m-1"
secret = {env = "SECRET"}
"""


class Written:
    """A profiles' file, which everybody may read unless a test says otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str, mode: int = 0o644) -> None:
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(mode)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Written:
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("SECRET", "hush-hush")
    return Written(tmp_path / "profiles.toml")


def sent(auth: Any) -> Any:
    return next(auth._provider.login())


def test_a_profile_is_the_object_that_its_arguments_make(written: Written) -> None:
    written(MANIS)
    auth = tokenauth.profile("manis-prod")
    assert isinstance(auth, ManisAuth)
    assert sent(auth).headers["x-secret"] == "hush-hush"
    assert auth == tokenauth.profile("manis-prod")  # and so it is the same credential
    assert auth._source.tokens.key == tokenauth.profile("manis-prod")._source.tokens.key
    assert tokenauth.profile("manis-prod", timeout=3)._options == {"timeout": 3}
    assert profiles.names() == ["manis-prod"]


def test_a_bom_and_the_lines_of_windows_do_no_harm(written: Written) -> None:
    written("\ufeff" + MANIS.replace("\n", "\r\n"))
    assert profiles.names() == ["manis-prod"]


@pytest.mark.parametrize("name", ["manis", "ManisAuth", "Manis", "MANIS"])
def test_a_class_may_be_spelled_as_one_likes(written: Written, name: str) -> None:
    written(MANIS.replace('"manis"', f'"{name}"'))
    assert isinstance(tokenauth.profile("manis-prod"), ManisAuth)


def test_a_whole_description(written: Written) -> None:
    written("""
[own]
class = "login"
url = "https://l.example.com/login"
json = {user = "u", password = {env = "SECRET"}, header = {header = "is a key here"}, filter = {literal = {env = "x"}}}
public = ["header", "env"]
token = ["data.jwt", {header = "X-Token"}, {cookie = "SID"}, {text = true}, {match = "t=(.*)"}]
rejected = [422, ["code", "E1", "E2"], [400, "code", 7]]
success = ["code", "0"]
refused = 419
unit = "ms"
lifetime = 60
keep = {session = "data.id"}
first = {url = "/nonce", keep = {nonce = "n"}}
refresh = {url = "/refresh", form = {refresh_token = {kept = "refresh_token"}}, places = {token = "new"}, uses = 3}
logout = {url = "/bye", headers = {X-Session = {kept = "session"}}}
sign = {signed = [{env = "SECRET"}, {python = "tests.config.test_profiles:signature"}]}
also = {X-Session = {kept = "session"}}
origins = ["https://api.example.com"]
""")
    auth = tokenauth.profile("own")
    secret = auth._provider.secrets[0]._source
    assert auth == LoginAuth(
        "https://l.example.com/login",
        json={"user": "u", "password": secret, "header": {"header": "is a key here"}, "filter": {"env": "x"}},
        public=["header", "env"],
        token=("data.jwt", Header("X-Token"), Cookie("SID"), Text(), Match("t=(.*)")),
        rejected=[422, ("code", "E1", "E2"), (400, "code", 7)],
        success=("code", "0"),
        refused=419,
        unit="ms",
        lifetime=60,
        keep={"session": "data.id"},
        first=Call("/nonce", keep={"nonce": "n"}),
        refresh=Call("/refresh", form={"refresh_token": Kept("refresh_token")}, places={"token": "new"}, uses=3),
        logout=Call("/bye", headers={"X-Session": Kept("session")}),
        sign=Signed(secret, signature),
        also={"X-Session": Kept("session")},
        origins=["https://api.example.com"],
    )


def signature(secret: str, built: object) -> dict[str, str]:
    return {"X-Signature": str(len(secret))}


def test_a_basic_login_and_a_client(written: Written) -> None:
    written("""
[own]
class = "login"
url = "https://l.example.com/login"
basic = ["me", {env = "SECRET"}]
[grant]
class = "platform"
token_url = "https://p.example.com/Token"
username = "u"
password = {env = "SECRET"}
client_auth = "basic"
client_id = "app"
client_secret = {env = "SECRET"}
""")
    assert sent(tokenauth.profile("own")).headers["Authorization"] == "Basic bWU6aHVzaC1odXNo"
    assert isinstance(tokenauth.profile("grant"), PlatformAuth)
    assert sent(tokenauth.profile("grant")).headers["Authorization"] == "Basic YXBwOmh1c2gtaHVzaA=="


def test_a_jwt_is_a_token_and_a_secret(written: Written, tmp_path: Path) -> None:
    """App Store Connect wants it as the token, Sign in with Apple as the client's secret."""
    key = tmp_path / "key.pem"
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    jwt = f'{{jwt = {{key = {{file = "{key}"}}, issuer = "i", kid = "k"}}}}'
    written(f"""
[token]
class = "function"
get_token = {jwt}
origins = ["https://api.example.com"]
[secret]
class = "client_credentials"
token_url = "https://as.example.com/token"
client_id = "c"
client_auth = "body"
client_secret = {jwt}
""")
    assert tokenauth.profile("token").get_token().value.startswith("eyJ")
    first, second = (sent(tokenauth.profile("secret")).body for _ in range(2))
    assert b"client_secret=eyJ" in first
    assert first != second, "it is signed anew at each login"


def test_a_key_and_how_a_client_names_itself(written: Written, tmp_path: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = tmp_path / "key.pem"
    key.write_bytes(pem)
    begin = '[grant]\nclass = "{}"\ntoken_url = "https://as.example.com/token"\n'
    client = begin.format("client_credentials") + 'client_id = "c"\n'
    ways = [
        client + f'client_auth = {{private_key_jwt = {{key = {{file = "{key}"}}, kid = "k1"}}}}\n',
        client + f'client_auth = {{private_key_jwt = {{file = "{key}"}}}}\n',
        client + 'client_auth = {client_assertion = {python = "tests.config.test_profiles:assertion"}}\n',
        begin.format("jwt_bearer") + f'issuer = "i"\nkey = {{file = "{key}"}}\n',
    ]
    for text in ways:
        written(text)
        assert "assertion=" in sent(tokenauth.profile("grant")).body.decode()
    inline = begin.format("jwt_bearer") + f'issuer = "i"\nkey = """{pem.decode()}"""\n'
    written(inline)
    with pytest.raises(ValueError, match=r"has a secret .*chmod 600"):
        tokenauth.profile("grant")
    written(inline, 0o600)
    assert "assertion=" in sent(tokenauth.profile("grant")).body.decode()


def assertion() -> str:
    return "an.assertion.x"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such mode")
@pytest.mark.parametrize("mode", [0o646, 0o602, 0o666, 0o777])
def test_a_file_that_everybody_may_write_is_refused(written: Written, mode: int) -> None:
    written(MANIS, mode)
    with pytest.raises(ValueError, match=r"everybody can write to .*chmod o-w"):
        tokenauth.profile("manis-prod")
    written(MANIS, mode & 0o775)
    assert tokenauth.profile("manis-prod")


def source(kind: str, place: str) -> str:
    return MANIS.replace('{env = "SECRET"}', f"{{{kind} = {place}}}")


def test_a_secret_is_read_where_it_is_at_each_login(written: Written, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    written(source("file", f'"{file}"'))
    auth = tokenauth.profile("manis-prod")
    assert sent(auth).headers["x-secret"] == "from-a-file"
    file.write_text("another\n")
    assert sent(auth).headers["x-secret"] == "another"
    written(source("command", f'["{sys.executable}", "-c", "print(\'from-a-command\')"]'))
    assert sent(tokenauth.profile("manis-prod")).headers["x-secret"] == "from-a-command"


def test_a_secret_from_the_keyring(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backend import KeyringBackend

    class Ring(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            if service == "locked":
                raise RuntimeError("hush-hush")
            return {("svc/prod", "u"): "from-the-ring"}.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None: ...

        def delete_password(self, service: str, username: str) -> None: ...

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())  # type: ignore[no-untyped-call]  # theirs
    try:
        written(source("keyring", '"svc/prod/u"'))
        assert sent(tokenauth.profile("manis-prod")).headers["x-secret"] == "from-the-ring"
        written(source("keyring", '"svc/u"'))
        with pytest.raises(tokenauth.TokenAuthError, match="the keyring has nothing for svc/u: keyring set svc u"):
            sent(tokenauth.profile("manis-prod"))
        written(source("keyring", '"locked/u"'))
        with pytest.raises(tokenauth.TokenAuthError, match=r"gives nothing \(RuntimeError\): is it locked"):
            sent(tokenauth.profile("manis-prod"))
    finally:
        keyring.set_keyring(before)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(tokenauth.TokenAuthError, match=r"pip install 'tokenauth-http\[keyring\]'"):
        sent(tokenauth.profile("manis-prod"))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ('{env = "NOT_THERE"}', "secret: the environment variable NOT_THERE is not set"),
        ('{file = "/nowhere/at/all"}', "secret: the file /nowhere/at/all can't be read: No such file"),
        ('{file = "/dev/null"}', "secret: the file /dev/null is empty"),
        (f'{{file = "{sys.executable}"}}', r"is (not UTF-8 text|larger than)"),
        ('{keyring = "svc"}', 'keyring must be "service/user"'),
        ("{command = [1]}", 'command must be a list of texts, such as \\["pass"'),
        ('{comand = ["x"]}', r"secret has a table without a meaning here; a secret may come from \{env"),
        ('{python = "nowhere:x"}', r"nowhere:x can't be imported \(ModuleNotFoundError\)"),
        ('{python = ".mine:x"}', ".mine:x can't be imported"),
        ('{python = "x"}', 'python must be "module:name"'),
    ],
)
def test_a_place_that_has_no_secret_is_named_at_once(written: Written, place: str, text: str) -> None:
    written(MANIS.replace('{env = "SECRET"}', place))
    with pytest.raises(ValueError, match=text):
        tokenauth.profile("manis-prod")


def test_a_command_that_fails_says_so_without_what_it_printed(written: Written) -> None:
    script = "print('hush-hush'); raise SystemExit(3)"
    written(source("command", f'["{sys.executable}", "-c", "{script}"]'))
    with pytest.raises(tokenauth.TokenAuthError, match="failed with exit status 3") as failure:
        sent(tokenauth.profile("manis-prod"))
    assert "hush" not in str(failure.value)
    written(source("command", '["no-such-command-at-all"]'))
    with pytest.raises(tokenauth.TokenAuthError, match="no-such-command-at-all was not found"):
        sent(tokenauth.profile("manis-prod"))


LOGIN = '[manis-prod]\nclass = "login"\nurl = "https://l.example.com/x"\n'
LITERAL = {
    "secret": MANIS.replace('{env = "SECRET"}', '"hush-hush"'),
    "password": LOGIN + 'json = {user = "u", password = "hush-hush"}\n',
    "basic": LOGIN + 'basic = ["u", "hush-hush"]\n',
    "store": MANIS + 'store = "redis://:hush-hush@localhost"\n',
}


@pytest.mark.skipif(os.name == "nt", reason="no modes")
@pytest.mark.parametrize("name", LITERAL)
def test_a_secret_in_the_file_wants_a_file_of_ones_own(written: Written, name: str) -> None:
    for mode in (0o644, 0o640, 0o604):
        written(LITERAL[name], mode)
        with pytest.raises(
            ValueError, match=f"has a secret .*which others may read: chmod 600 {written.path}"
        ) as failure:
            tokenauth.profile("manis-prod")
        assert "hush" not in str(failure.value)
    written(LITERAL[name], stat.S_IRUSR | stat.S_IWUSR)
    tokenauth.profile("manis-prod")


def test_what_an_argument_replaces_is_not_read(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    written(MANIS)
    monkeypatch.delenv("SECRET")
    assert sent(tokenauth.profile("manis-prod", secret="given")).headers["x-secret"] == "given"


def test_a_secret_of_the_callers_own_is_none_of_the_file(written: Written) -> None:
    written(MANIS)
    assert sent(tokenauth.profile("manis-prod", secret="given")).headers["x-secret"] == "given"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MANIS.replace("base_url", "base_ur"),
            "the profile manis-prod in .*profiles.toml has no setting 'base_ur'; did you mean 'base_url'",
        ),
        (MANIS.replace("manis-prod", "manis-prd"), "has no profile 'manis-prod'; did you mean 'manis-prd'"),
        (MANIS.replace('"manis"', '"mannis"'), "there is no class 'mannis'; did you mean 'manis'"),
        (MANIS.replace("class", "clas"), "manis-prod in .*profiles.toml has no class: write class in place of 'clas'"),
        (MANIS.replace("SECRET", "NOT_SET"), "manis-prod in .*profiles.toml: secret: the environment variable NOT_SET"),
        (LOGIN + 'sign = {signed = ["x"]}\n', "manis-prod in .*profiles.toml: signed needs function: write function"),
        (LOGIN + 'token = {header = ["X", "Y"]}\n', "manis-prod in .*profiles.toml: header takes name only"),
        (MANIS.replace('class = "manis"', ""), 'has no class: write class = "manis", for example. There are: api_key'),
        (MANIS.replace("https://m.", "http://m."), "the profile manis-prod in .*profiles.toml: base_url"),
        ("a = 1\n" + MANIS, "a belongs to no profile"),
        ("= 1", "is not TOML"),
        (
            MANIS.replace('merchant_id = "m-1"', ""),
            "in .*profiles.toml needs merchant_id: write merchant_id = …",
        ),
        ("", "has no profile 'manis-prod'. There are: none"),
        (
            MANIS + 'refresh = {ur = "/r"}\n',
            "has no setting 'refresh'",
        ),
        (
            LOGIN + 'refresh = {ur = "/r"}\n',
            "refresh has no setting 'ur'; did you mean 'url'",
        ),
    ],
)
def test_a_mistake_says_what_to_write(written: Written, text: str, message: str) -> None:
    written(text)
    with pytest.raises((TypeError, ValueError), match=message):
        tokenauth.profile("manis-prod")


def test_no_file_is_a_sentence(written: Written) -> None:
    with pytest.raises(ValueError, match=f"there are no profiles, because there is no file {written.path}: write one"):
        tokenauth.profile("manis-prod")


def test_a_file_that_cannot_be_read_is_a_sentence(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    written.path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        profiles.names()
    monkeypatch.setenv("TOKENAUTH_CONFIG", str(written.path.parent))
    with pytest.raises(ValueError, match="can't be read: "):
        profiles.names()


def test_the_file_is_in_the_platforms_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENAUTH_CONFIG", raising=False)
    assert profiles.path().parts[-2:] == ("tokenauth", "profiles.toml")


@pytest.mark.parametrize("name", [None, 5, ["manis-prod"]], ids=repr)
def test_a_name_that_is_no_text_is_a_sentence(written: Written, name: Any) -> None:
    written(MANIS)
    with pytest.raises(TypeError, match="the name of a profile must be a str, not"):
        tokenauth.profile(name)


@pytest.mark.parametrize("store", ["redis", "redis:/localhost", "valkey://localhost", "postgres://hush-hush@localhost"])
def test_a_store_s_url_is_no_folder(
    written: Written, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a folder of that name is made where the program runs, and no machine shares a token with another."""
    monkeypatch.chdir(tmp_path)
    written(MANIS + f'store = "{store}"\n', 0o600)
    with pytest.raises(ValueError, match=r"the store's URL .*redis://") as failure:
        tokenauth.profile("manis-prod")
    assert "hush" not in str(failure.value)
    assert os.listdir(tmp_path) == ["profiles.toml"]


@pytest.mark.parametrize("text", ["$SECRET", "${SECRET}"])
@pytest.mark.parametrize("place", ['{env = "SECRET"}', '"m-1"'])
def test_a_variable_that_nobody_expands_is_told(written: Written, text: str, place: str) -> None:
    """It would be sent as it is, and be refused as a wrong secret."""
    written(MANIS.replace(place, f'"{text}"'), 0o600)
    with pytest.raises(ValueError, match=r'variables are not expanded in here: write {env = "NAME"}'):
        tokenauth.profile("manis-prod")


NO_HOME = "~nobody-of-that-name/x"


def test_a_home_that_cannot_be_found_is_a_sentence(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may have none."""
    written(MANIS.replace('{env = "SECRET"}', f'{{file = "{NO_HOME}"}}'))
    with pytest.raises(ValueError, match="secret: the file ~nobody-of-that-name/x can't be read: No such file"):
        tokenauth.profile("manis-prod")
    with pytest.raises(ValueError, match=r"the folder ~nobody-of-that-name/x .*there is no such home"):
        FileStore(NO_HOME)
    monkeypatch.setenv("TOKENAUTH_CONFIG", NO_HOME)
    with pytest.raises(ValueError, match="there is no file ~nobody-of-that-name/x: write one"):
        tokenauth.profile("manis-prod")


def test_a_store_by_name(written: Written, tmp_path: Path) -> None:
    written(MANIS + f'store = "{tmp_path / "tokens"}"\n')
    assert repr(tokenauth.profile("manis-prod")._options["store"]) == f"FileStore('{tmp_path / 'tokens'}')"
    written(MANIS + "store = {a = 1}\n")
    with pytest.raises(TypeError, match=r"the profile manis-prod in .*: store must be .* object with the methods"):
        tokenauth.profile("manis-prod")
    written(MANIS + 'store = "redis://localhost"\n')
    assert type(tokenauth.profile("manis-prod")._options["store"]).__name__ == "RedisStore"
