import pytest

from tests.support import Masked
from tokenauth._core.signature import Signature

HEADERS = Signature({"Authorization": "Bearer t"})
PARAMS = Signature({}, {"token": "a b&c"})


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://h/p", "https://h/p?token=a%20b%26c"),
        ("https://h/p?x=1", "https://h/p?x=1&token=a%20b%26c"),
        ("https://h/p?x=%2F&y=a+b", "https://h/p?x=%2F&y=a+b&token=a%20b%26c"),
        ("https://h/p?token=old&x", "https://h/p?x&token=a%20b%26c"),
        ("https://h/p?t%6Fken=old", "https://h/p?token=a%20b%26c"),
        ("https://h/p?tokens=mine#f", "https://h/p?tokens=mine&token=a%20b%26c#f"),
    ],
)
def test_parameters_take_the_place_of_their_names_and_leave_the_rest(url: str, signed: str) -> None:
    assert PARAMS.url(url) == signed
    assert PARAMS.url(signed) == signed
    assert "token=" not in PARAMS.without(signed)


def test_headers_alone_leave_the_url_as_it_is() -> None:
    odd = "https://h/p?&a=%zz&&"
    assert HEADERS.url(odd) == odd


def test_a_request_carries_it_only_as_it_is() -> None:
    assert HEADERS.is_on({"Authorization": "Bearer t"}, "https://h")
    assert not HEADERS.is_on({"Authorization": "Bearer u"}, "https://h")
    assert not HEADERS.is_on({}, "https://h")
    assert PARAMS.is_on({}, PARAMS.url("https://h/p?x=1"))
    assert not PARAMS.is_on({}, "https://h/p?x=1")
    assert PARAMS.is_on({}, PARAMS.url("https://h/p") + "&x=1"), "whatever comes after it"
    assert not PARAMS.is_on({}, PARAMS.url("https://h/p") + "0"), "another value"
    assert not PARAMS.is_on({}, PARAMS.url("https://h/p") + "&" + PARAMS.url("").removeprefix("?")), "nor twice"


def test_its_repr_shows_nothing() -> None:
    assert repr(Signature({"A": "s3cr3t"}, {"b": "s3cr3t"})) == "Signature()"


def test_a_text_that_hides_itself_is_sent_as_it_is() -> None:
    """Some clients ask a header value for its text, and would send `[secret]`."""
    hidden: dict[str, str] = {Masked("X-Key"): Masked("k-1")}
    made = Signature(hidden, hidden, hidden)
    for part in (made.headers, made.params, made.cookies):
        (pair,) = part.items()
        assert [(type(each), str(each)) for each in pair] == [(str, "X-Key"), (str, "k-1")]
