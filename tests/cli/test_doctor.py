"""`tokenauth doctor`: each step has its verdict, and a failure its next step."""

import json
import re
import ssl

import pytest
import trustme

from tests.cli.conftest import SECRET, Run
from tests.servers import Received, Reply, serve
from tokenauth.sandbox import ThreadSandbox


def verdicts(run: Run, *argv: str) -> tuple[int, dict[str, dict[str, str]]]:
    ran = run("doctor", *argv, "--json")
    return ran.code, {each["what"]: each for each in json.loads(ran.out)}


def test_all_is_well(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    ran = run("doctor", *manis, "--url", f"{sandbox.url}/manis/api/x")
    lines = {line[6:19].strip(): line for line in ran.out.splitlines() if line[:1] != " "}
    assert ran.code == 0
    every = [
        "configuration",
        "connection",
        "endpoint",
        "credentials",
        "token",
        "expiry",
        "clock",
        "origins",
        "API",
        "store",
    ]
    assert list(lines) == every
    assert all(line.startswith("ok ") for line in lines.values())
    assert "answered 200 in" in lines["endpoint"]
    assert "Bearer, 32 characters at 'token'" in lines["token"]
    assert "in 60 min, from 'expiresAt'" in lines["expiry"]
    assert sandbox.state()["manis"]["logins"] == 1


def test_a_wrong_secret(run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANIS_SECRET", SECRET)
    code, found = verdicts(run, *manis)
    assert code == 1
    assert (found["endpoint"]["verdict"], found["credentials"]["verdict"]) == ("ok", "fail")
    assert "refused the credentials" in found["credentials"]["text"]
    assert found["credentials"]["next"]
    _, found = verdicts(run, *manis, "--url", f"{manis[3]}/manis/api/x")
    assert found["API"]["text"] == "not asked, because there is no token"


def test_a_server_that_is_down(run: Run, manis: list[str], closed_port: int) -> None:
    manis[3] = f"http://127.0.0.1:{closed_port}"
    code, found = verdicts(run, *manis)
    assert code == 1
    assert found["connection"]["verdict"] == found["endpoint"]["verdict"] == "fail"
    assert "Is the server up?" in found["connection"]["next"]
    assert "token_client" not in found["endpoint"]["text"]
    assert "token_client" not in run("describe", manis[3], "-d", "a=b").err


def test_a_host_that_does_not_exist(run: Run, manis: list[str]) -> None:
    manis[3] = "https://nowhere.invalid"
    code, found = verdicts(run, *manis)
    assert (code, found["DNS"]["verdict"]) == (1, "fail")
    assert "typo" in found["DNS"]["next"]


def test_a_configuration_that_can_not_be_right(run: Run, manis: list[str]) -> None:
    manis[3] = "http://api.example.com"
    code, found = verdicts(run, *manis)
    assert (code, list(found)) == (1, ["configuration"])
    assert "base_url" in found["configuration"]["text"]


def test_its_own_url_is_not_the_logins(run: Run, sandbox: ThreadSandbox) -> None:
    login = f"{sandbox.url}/manis/login"
    code, found = verdicts(run, "--class", "login", "--url", login)
    text = "LoginAuth needs LOGIN_URL: set it in the environment, or write --with-url … (--url is doctor's own)"
    assert (code, found["configuration"]["text"]) == (1, text)
    assert "--with-url " in run("doctor", "--class", "login", "--help").out


def test_a_certificate_that_is_not_trusted(
    run: Run, manis: list[str], sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    def answer(_: Received) -> Reply:
        return Reply()

    with serve(answer, host="localhost", tls=context) as server:
        asked = run("request", "GET", server.url, *manis, "--origins", server.url)
        manis[3] = server.url
        code, found = verdicts(run, *manis)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
        missing = verdicts(run, *manis)[1]["TLS"]
    assert "/nowhere.pem" in missing["text"]
    assert (asked.code, "name its CA in REQUESTS_CA_BUNDLE" in asked.err) == (4, True)
    assert (code, found["TLS"]["verdict"], found["endpoint"]["verdict"]) == (1, "fail", "fail")
    assert "not trusted" in found["TLS"]["text"]
    assert "REQUESTS_CA_BUNDLE" in found["TLS"]["next"]


def test_a_certificate_that_is_trusted_and_one_that_ends_soon(
    run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from datetime import UTC, datetime, timedelta

    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    def answer(_: Received) -> Reply:
        return Reply(body={"token": "t-1", "tokenType": "Bearer", "expiresAt": 4_000_000_000})

    for days, verdict in ((90, "ok"), (3, "warn")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        end = datetime.now(UTC) + timedelta(days=days)
        authority.issue_cert("localhost", not_after=end).configure_cert(context)
        with serve(answer, host="localhost", tls=context) as server:
            manis[3] = server.url
            code, found = verdicts(run, *manis)
        assert (code, found["TLS"]["verdict"]) == (0, verdict)
        assert found["credentials"]["verdict"] == "ok"


def test_plain_http_where_tls_is_wanted(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    manis[3] = sandbox.url.replace("http:", "https:")
    _, found = verdicts(run, *manis)
    assert found["TLS"]["verdict"] == "fail"
    assert "scheme" in found["TLS"]["next"]


@pytest.mark.parametrize(
    ("status", "verdict", "text"),
    [(401, "fail", "scheme="), (403, "warn", "scope"), (503, "warn", "later"), (404, "warn", "")],
)
def test_what_the_api_says(run: Run, manis: list[str], status: int, verdict: str, text: str) -> None:
    def answer(request: Received) -> Reply:
        if request.path == "/api":
            return Reply(status)
        return Reply(body={"token": "t-1", "tokenType": "Bearer", "expiresAt": 4_000_000_000})

    with serve(answer) as server:
        manis[3] = server.url
        code, found = verdicts(run, *manis, "--url", f"{server.url}/api")
        assert [request.path for request in server.requests] == ["/api/v1/auth/token", "/api"]
    assert (code, found["API"]["verdict"]) == (int(verdict == "fail"), verdict)
    assert text in found["API"]["next"]


def test_a_foreign_api(run: Run, manis: list[str]) -> None:
    code, found = verdicts(run, *manis, "--url", "https://api.example.com/x")
    assert (code, found["origins"]["verdict"]) == (1, "fail")
    assert "origins=['https://api.example.com']" in found["origins"]["next"]
    assert run("doctor", *manis, "--url", "nonsense").code == 2


def test_a_token_for_another_host(run: Run) -> None:
    answer = {"access_token": "t-1", "api": "https://eu.example.com"}
    with serve(lambda _: Reply(body=answer)) as server:
        login = ["--class", "login", "--with-url", f"{server.url}/login", "--form", "a=b", "--home", "api"]
        code, found = verdicts(run, *login, "--url", f"{server.url}/api")
        assert [request.path for request in server.requests] == ["/login"]
    assert (code, found["API"]["verdict"]) == (1, "fail")
    assert "home=" in found["API"]["next"]


def test_an_api_that_is_down(run: Run, manis: list[str], closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    code, found = verdicts(run, *manis, "--url", f"{url}/x", "--origins", url)
    assert (code, found["API"]["verdict"]) == (1, "fail")


@pytest.mark.parametrize("skew", [-100, 100])
def test_clocks_that_differ(run: Run, manis: list[str], sandbox: ThreadSandbox, skew: int) -> None:
    sandbox.knobs("manis", skew=skew)
    _, found = verdicts(run, *manis)
    assert found["clock"]["verdict"] == "warn"
    assert ("behind" if skew > 0 else "ahead") in found["clock"]["text"]
    assert found["expiry"]["verdict"] == "ok"


def test_no_token_where_it_is_looked_for_and_no_expiry(run: Run, manis: list[str]) -> None:
    bodies: list[dict[str, object]] = [
        {"data": {"token": "t"}},
        {"token": "t-1", "tokenType": "Bearer", "ttl": 60},
        {"token": "t-1", "tokenType": "Bearer", "expiresAt": 1_000_000_000},
    ]

    def answer(_: Received) -> Reply:
        return Reply(body=bodies[0])

    with serve(answer) as server:
        manis[3] = server.url
        code, found = verdicts(run, *manis)
        assert (code, found["token"]["verdict"], found["credentials"]["verdict"]) == (1, "fail", "skip")
        assert "describe" in found["token"]["next"]
        bodies.pop(0)
        code, found = verdicts(run, *manis)
        assert (code, found["expiry"]["verdict"]) == (0, "warn")
        assert "expires_in='ttl'" in found["expiry"]["next"]
        bodies.pop(0)
        assert verdicts(run, *manis)[1]["expiry"]["verdict"] == "warn"


def test_a_server_without_a_clock_and_a_token_that_ends_in_seconds(run: Run) -> None:
    reply = Reply(body={"access_token": "t-1", "expires_in": 59}, headers={"Date": ""})
    with serve(lambda _: reply) as server:
        login = ["--class", "login", "--with-url", f"{server.url}/login", "--form", "a=b"]
        code, found = verdicts(run, *login)
        run("token", *login)
    assert (code, found["clock"]["verdict"]) == (0, "skip")
    assert found["expiry"]["text"].startswith("in 59 s, ")
    assert re.search(r"expires in 5\d s", run("cache", "list").out)


def test_a_store_that_is_down(run: Run, manis: list[str], closed_port: int) -> None:
    code, found = verdicts(run, *manis, "--store", f"redis://127.0.0.1:{closed_port}")
    assert (code, found["credentials"]["verdict"], found["store"]["verdict"]) == (1, "ok", "fail")
    assert "does not work" in found["store"]["text"]


def test_a_store_that_cannot_be_made(run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    code, found = verdicts(run, *manis)
    assert (code, found["store"]["verdict"]) == (0, "skip")
    assert "/dev/null/tokenauth for tokens can't be made" in found["store"]["next"]
    command = ["--class", "command", "--argv", "true", "--origins", manis[3]]
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert "'store'" not in verdicts(run, *command)[1]["store"]["text"]


def test_an_endpoint_that_is_none(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    manis[3] = f"{sandbox.url}/nowhere"
    code, found = verdicts(run, *manis)
    assert (code, found["endpoint"]["verdict"]) == (1, "fail")


def test_atrip_has_static_headers(run: Run, sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenauth.sandbox import credentials

    for name in ("client_id", "client_secret", "user_name", "role", "order_no"):
        monkeypatch.setenv(f"ATRIP_{name.upper()}", getattr(credentials, f"ATRIP_{name.upper()}"))
    code, found = verdicts(run, "--class", "atrip", "--base-url", sandbox.url, "--url", f"{sandbox.url}/search.do")
    assert (code, found["API"]["verdict"]) == (0, "ok")
    assert "x-atlas-client-id" in found["API"]["text"]


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        (f"http://user:{SECRET}@HOST", "http://HOST"),
        (f"user:{SECRET}@HOST", "HOST"),
        (f"//user:{SECRET}@HOST", "HOST"),
        (f"socks5h://user:{SECRET}@HOST", "socks5h://HOST"),
        (f"http://user:p@{SECRET}@HOST", "http://HOST"),
        (f"http://user:p#/{SECRET}@HOST/", "http://HOST/"),
        ("http://HOST", "http://HOST"),
    ],
)
def test_by_a_proxy_the_proxy_looks_names_up(
    run: Run, manis: list[str], monkeypatch: pytest.MonkeyPatch, closed_port: int, named: str, shown: str
) -> None:
    manis[3] = "https://api.example.com"
    monkeypatch.setenv("HTTPS_PROXY", named.replace("HOST", f"127.0.0.1:{closed_port}"))
    code, found = verdicts(run, *manis)
    assert (code, found["DNS"]["verdict"]) == (1, "skip")
    assert f"the proxy {shown.replace('HOST', f'127.0.0.1:{closed_port}')}, which" in found["DNS"]["text"]


def test_quiet_shows_what_is_wrong_only(run: Run, manis: list[str], sandbox: ThreadSandbox) -> None:
    assert run("doctor", *manis, "-q").out == ""
    manis[3] = f"{sandbox.url}/nowhere"
    assert run("doctor", *manis, "-q").out.startswith("FAIL  endpoint")


def test_a_token_that_a_command_prints(run: Run, sandbox: ThreadSandbox) -> None:
    import sys

    command = ["--class", "command", "--argv", sys.executable, "--argv=-c", "--argv", "print('t-1')"]
    url = f"{sandbox.url}/echo/x"
    code, found = verdicts(run, *command, "--origins", sandbox.url, "--url", url)
    assert code == 0
    assert found["token"]["text"].endswith("no token call was made")
    assert found["API"]["verdict"] == "ok"
    assert run("header", *command, "--origins", sandbox.url).out == "Authorization: Bearer t-1\n"
    command[-1] = "raise SystemExit(3)"
    code, found = verdicts(run, *command, "--origins", sandbox.url)
    assert (code, found["credentials"]["verdict"]) == (1, "fail")
