"""Carry: what a described API wants on each request, where the options of `TokenAuth` can't say it."""

import re
from collections.abc import Collection, Mapping

from tokenauth._core import errors
from tokenauth._core.header_names import checked_header_name, checked_sent_name
from tokenauth._core.secrets import checked_text
from tokenauth._core.signature import Signature, in_header
from tokenauth._core.token import Token
from tokenauth.providers._arguments import PUBLIC, Template, Value
from tokenauth.providers._values import Computed

_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")  # cookie-octets, RFC 6265 §4.1.1


class Carry:
    """The token as query parameter or cookie, else in a header; and *also* more headers beside it."""

    def __init__(
        self,
        *,
        header: str | None,
        scheme: str | None,
        param: str | None,
        cookie: str | None,
        also: Mapping[str, Value] | None,
        public: Collection[str],
    ) -> None:
        if (header is not None or scheme is not None) + (param is not None) + (cookie is not None) > 1:
            raise ValueError("header (or scheme), param and cookie exclude each other")
        self._header = None if header is None else checked_sent_name("header", header)
        self._scheme = None if scheme is None else checked_text("scheme", scheme, empty=True, header=True)
        self._param = None if param is None else checked_text("param", param)
        self._cookie = None if cookie is None else checked_header_name("cookie", cookie)  # a token, too: RFC 6265
        self._also = Template("also", also or {}, {*PUBLIC, *public}, header=True)
        for name, value in (also or {}).items():
            if name.lower() != "cookie" or not isinstance(value, Computed):
                checked_sent_name("a name in also", name)
        self.presents = bool(also) or param is not None or cookie is not None
        self.with_headers = bool(also)
        self.steady = self._also.steady

    @property
    def template(self) -> Template:
        return self._also

    @property
    def identity(self) -> object:
        return self._also.identity(moving=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Carry) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def takes(self, value: str) -> bool:
        """Whether a token of this *value* can be carried so."""
        return self._cookie is None or bool(_COOKIE_VALUE.fullmatch(value))

    def sign(self, token: Token) -> Signature | None:
        """Return how *token* goes on a request; None where the options say it."""
        if not self.presents:
            return None
        kept = {**token.kept, "token": token.value}
        headers = self._also.texts(kept, fresh=False)
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable():
                raise errors.TokenAuthError(f"The value of {name} in also= can't stand in a header")
        cookies: dict[str, str] = {}
        for name in [each for each in headers if each.lower() == "cookie"]:
            pairs = (pair.strip().partition("=") for pair in headers.pop(name).split(";"))
            cookies |= {key: value for key, _, value in pairs if key}
        if self._cookie is not None:
            cookies[self._cookie] = token.value
        elif self._param is not None:
            return Signature(headers, {self._param: token.value}, cookies)
        elif "authorization" not in {name.lower() for name in headers} or self._header is not None:
            headers |= in_header(token, self._header or "Authorization", self._scheme)
        return Signature(headers, cookies=cookies)
