import gzip
import zlib

import pytest

from tokenauth._io.answer_body import LIMIT, Body, BodyError


def whole(coding: str, *pieces: bytes) -> bytes:
    body = Body(coding)
    for piece in pieces:
        body.feed(piece)
    return body.finish()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        (" GZip ", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_each_coding_in_pieces_of_any_size(coding: str, encode: object, size: int) -> None:
    text = bytes(range(256)) * 40
    sent: bytes = encode(text)  # type: ignore[operator]
    assert whole(coding, *(sent[at : at + size] for at in range(0, len(sent), size))) == text


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_an_empty_body_is_empty(coding: str) -> None:
    assert whole(coding) == b""


@pytest.mark.parametrize("encode", [bytes, gzip.compress])
def test_one_mebibyte_is_the_limit(encode: object) -> None:
    coding = "" if encode is bytes else "gzip"
    assert len(whole(coding, encode(b"x" * LIMIT))) == LIMIT  # type: ignore[operator]
    with pytest.raises(BodyError, match="1 MiB"):
        whole(coding, encode(b"x" * (LIMIT + 1)))  # type: ignore[operator]


def test_a_bomb_is_stopped_before_it_goes_off() -> None:
    body = Body("gzip")
    with pytest.raises(BodyError, match="1 MiB"):
        body.feed(gzip.compress(b"\0" * 64 * 1024 * 1024))
    assert len(body._pieces) <= LIMIT + 1


def test_a_coding_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(BodyError, match="not asked for"):
        Body("br")


def test_a_broken_coding_and_a_cut_one() -> None:
    with pytest.raises(BodyError, match="broken"):
        whole("gzip", b"no gzip at all")
    with pytest.raises(BodyError, match="cut short"):
        whole("gzip", gzip.compress(b"text" * 99)[:-9])
