"""The body of a token response: decoded piece by piece, with a size limit.

The clients can decode it themselves, but without a limit: 64 KiB of gzip can be 64 MiB of text.
"""

import zlib

LIMIT = 1024 * 1024
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class BodyError(Exception):
    """The body can't be read; the text says why. *lasting*: whether another try would bring the same."""

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting = lasting


class Body:
    """Collects the raw pieces of a body. *coding*: the answer's Content-Encoding."""

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        if coding not in {"", "identity", *_WINDOW_BITS}:
            raise BodyError("the answer has a content coding that was not asked for", lasting=True)
        self._decoder = zlib.decompressobj(_WINDOW_BITS[coding]) if coding in _WINDOW_BITS else None
        self._pieces = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next raw *piece*. BodyError where the body grows over 1 MiB, or its coding is broken."""
        room = LIMIT + 1 - len(self._pieces)
        if self._decoder is None:
            self._pieces += piece[:room]
        else:
            try:
                self._pieces += self._decoder.decompress(piece, room)
            except zlib.error:
                raise BodyError("the answer's content coding is broken") from None
        if len(self._pieces) > LIMIT:
            raise BodyError("the answer is larger than 1 MiB", lasting=True)

    def finish(self) -> bytes:
        """Return the whole body. BodyError where its coding was cut short."""
        if self._decoder is not None and self._pieces and not self._decoder.eof:
            raise BodyError("the answer was cut short")
        return bytes(self._pieces)


def whole(content: bytes) -> bytes:
    """Return *content*, the body of an answer that was read and decoded before. BodyError where it is over 1 MiB."""
    body = Body("")
    body.feed(content)
    return body.finish()
