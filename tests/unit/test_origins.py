"""Origins: exact, and foreign where in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth._core.origins import Origin, checked_origin
from tokenauth.providers._arguments import checked_url


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example",
        "https://h.example/",
        "https://h.example:443/a?b#c",
        "https://h.example:/a",
        "HTTPS://H.EXAMPLE./a",
        "https://user@h.example?x",
        "https://user:password@h.example#x",
    ],
)
def test_one_origin_has_many_urls(url: str) -> None:
    assert Origin.parse(url) == Origin("https", "h.example", 443)


@pytest.mark.parametrize(
    "url",
    [
        "http://h.example",
        "https://h.example:8443",
        "https://sub.h.example",
        "https://h.example.evil",
        "https://h.example@evil",
    ],
)
def test_scheme_host_and_port_are_exact(url: str) -> None:
    assert Origin.parse(url) != Origin("https", "h.example", 443)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://h.example:443", "https://h.example"),
        ("http://h.example:80/x", "http://h.example"),
        ("http://h.example:443", "http://h.example:443"),
        ("https://[2001:DB8::0:1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
        ("https://my_host", "https://my_host"),
        ("wss://h.example/feed", "https://h.example"),
        ("ws://h.example/feed", "http://h.example"),
        ("sse://h.example/feed", "https://h.example"),
        ("psse://h.example/feed", "http://h.example"),
        ("ASGI://default/orders", "asgi://default"),
        ("wsgi://default", "wsgi://default"),
    ],
)
def test_the_text_is_the_normal_form(url: str, text: str) -> None:
    assert str(Origin.parse(url)) == text
    assert Origin.parse(text) == Origin.parse(url)


DOUBTFUL = [
    "",
    "h.example",
    "//h.example",
    "https:h.example",
    "https:/h.example",
    "https:///h.example",
    "https://",
    "https://:443",
    "https://.",
    "https://..",
    "https://h..example",
    "https://h.example..",
    "https://.h.example",
    "ftp://h.example",
    "javascript://h.example",
    "psse+unix://h.example",
    "https://h.example\\@evil.example",
    "https://h.example\\.evil.example",
    "https://h.example\t",
    "https://h.ex\nample",
    " https://h.example",
    "https://h.example/a b",
    "https://h.example\x00.evil.example",
    "https://a@b@h.example",
    "https://h.example:99999",
    "https://h.example:-1",
    "https://h.example:+443",
    "https://h.example:4 43",
    "https://h.example:443:443",
    "https://h.example:٤٤٣",
    "https://h%2eexample",
    "https://h.example%00",
    "https://[::1",
    "https://::1",
    "https://[::1]evil.example",
    "https://evil.example[::1]",
    "https://[fe80::1%25eth0]",
    "https://[fe80::1%eth0]",
    "https://[v1.x]",
    "https://[1.2.3.4]",
    "https://h.example;evil",
    "https://h,example",
    "https://h.example\uff0fevil",
    "https://\u2100.example",
    "https://h.example\u2028",
]


@pytest.mark.parametrize("url", DOUBTFUL)
def test_what_clients_may_read_differently_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"^the (URL|scheme|port) "):
        Origin.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:hush@h@x",
        "https://u:hu/sh@h",
        "https://h:hush",
        "https://[hush]",
        "https://hush\uff0f",
        "https://hush..x",
    ],
)
def test_errors_show_nothing_of_the_url(url: str) -> None:
    with pytest.raises(ValueError, match="argument") as caught:
        checked_origin(url, "argument", allow_http=True)
    chain = [caught.value, caught.value.__context__, getattr(caught.value.__context__, "__context__", None)]
    assert not [each for each in chain if "hu" in str(each)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost", "LOCALHOST."])
def test_loopback_may_be_plain_http(host: str) -> None:
    assert checked_origin(f"http://{host}:8000", "url", allow_http=False).loopback


@pytest.mark.parametrize(
    "host", ["localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1", "0.0.0.0", "127.1", "[::]", "10.0.0.1"]
)
def test_nothing_else_may(host: str) -> None:
    with pytest.raises(ValueError, match="plain http"):
        checked_origin(f"http://{host}", "url", allow_http=False)
    assert checked_origin(f"http://{host}", "url", allow_http=True).scheme == "http"


def test_an_application_in_this_process_needs_no_https_but_can_have_no_login() -> None:
    assert checked_origin("asgi://default", "origins", allow_http=False).loopback
    with pytest.raises(ValueError, match=r'can take a token \(origins=\["asgi://default"\]\), but not a login$'):
        checked_url("url", "asgi://default/login", True)


@pytest.mark.parametrize("value", [7, b"https://h.example", ["https://h.example"]])
def test_a_url_is_text(value: object) -> None:
    with pytest.raises(TypeError, match=f"^url must be a str, not {type(value).__name__}$"):
        checked_origin(value, "url", allow_http=False)  # type: ignore[arg-type]


def test_parts_as_clients_read_them_are_the_same_origin() -> None:
    assert Origin.of("https", "bücher.example", None) == Origin.parse("https://xn--bcher-kva.example")
    assert Origin.of("http", "::1", 8000) == Origin.parse("http://[::1]:8000")
    with pytest.raises(ValueError, match="port"):
        Origin.of("https", "h", 70000)


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    for url in (text, f"https://{text}", f"https://h.example{text}", f"https://{text}@h.example"):
        try:
            origin = Origin.parse(url)
        except ValueError:
            continue
        assert Origin.parse(str(origin)) == origin
