"""Elsewhere: base of providers whose tokens come from outside. There is no token URL, so the user names the origins."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from tokenauth._core import errors
from tokenauth._core.expiry import end_of
from tokenauth._core.finder import identities
from tokenauth._core.frozen import replace
from tokenauth._core.identity import state_of
from tokenauth._core.messages import Reply
from tokenauth._core.options import checked_flag, checked_options
from tokenauth._core.origins import checked_origin
from tokenauth._core.places import Cookie, Header, Place, Places, checked_place, described, found, keys_of
from tokenauth._core.provider import Provider
from tokenauth._core.secrets import checked_text
from tokenauth._core.token import Token, problem_of
from tokenauth.providers._answers import Said
from tokenauth.providers._masking import shown

_CALLS = "no token call is made"
_SHARED = "there is no credential of yours that the entries of a store could be encrypted with"
_BOM = b"\xef\xbb\xbf"


class Elsewhere(Provider):
    """A provider identified by its source of tokens and its *origins*. The first origin counts as its own."""

    hands_out_held = True
    _untold: ClassVar[frozenset[str]] = frozenset({"_given", "_homes", "name", "options", "secrets", "token_url"})
    """Attributes that make no other token. All others distinguish it, those of a subclass too."""
    idle: Mapping[str, str] = MappingProxyType({"token_client": _CALLS, "logout_at_exit": _CALLS, "store": _SHARED})

    def __init__(self, name: str, origins: Iterable[str], options: Mapping[str, Any]) -> None:
        self.name = checked_text("name", name)
        given = checked_options(type(self).__name__, {**options, "origins": origins})
        allow_http = checked_flag("allow_http", options.get("allow_http"))
        self._homes = _checked_homes(given["origins"], allow_http=allow_http)
        self.token_url = self._homes[0]
        self.options = {**given, "origins": self._homes[1:]}

    @property
    def identity(self) -> tuple[object, ...]:
        return ({name: identities(each) for name, each in state_of(self).items() if name not in self._untold},)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and state_of(self) == state_of(other)

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.token_url))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"

    def unusable(self, what: str) -> Exception:
        return errors.TokenResponseError(f"{self.name} {what}")


def _checked_homes(origins: object, *, allow_http: bool) -> tuple[str, ...]:
    if isinstance(origins, str | bytes) or not isinstance(origins, Iterable):
        raise TypeError(
            'origins must be a list of the URLs that may receive the token: origins=["https://api.example.com"]'
        )
    homes = dict.fromkeys(str(checked_origin(url, "origins", allow_http=allow_http)) for url in origins)
    if not homes:
        raise ValueError('origins must name the APIs that may receive the token: origins=["https://api.example.com"]')
    return tuple(homes)


class Printed(Elsewhere):
    """A provider that reads its token from a text: all of it, or a place in it."""

    _does = "gave"

    def __init__(
        self, name: str, origins: Iterable[str], options: Mapping[str, Any], token: Place, expires: Place | None
    ) -> None:
        super().__init__(name, origins, options)
        self._token = _checked("token", token)
        self._expires = _checked("expires", expires)

    def read(self, reply: Reply) -> Token:
        said = Said(self, replace(reply, body=reply.body.removeprefix(_BOM)))
        value = found(said.answer, self._token, scalars=True)
        token = Token(value) if isinstance(value, str) else None
        if token is None:
            raise self.unusable(f"{self._does} no token: {self._missing(said)}")
        if problem_of(token):
            raise self.unusable(f"{self._does} an unusable token: {problem_of(token)}. {self._advice(said)}")
        stated = found(said.answer, self._expires, scalars=True)
        if stated is None and self._expires is not None:
            said.warn_of_no_end(self._expires, "expires")
        lifetime, expires_at = (None, None) if stated is None else end_of(stated)
        kept = {"version": reply.result} if isinstance(reply.result, str) else {}
        return Token(token.value, lifetime=lifetime, expires_at=expires_at, kept=kept)

    def _missing(self, said: Said) -> str:
        if not said.answer.body.strip():
            return "it is empty"
        there = shown(", ".join(keys_of(said.answer.content)), said.secrets)
        seen = f"There are: {there}. " if there else ""
        return f"nothing at {described(self._token)}. {seen}{said.hint()}".strip()

    @staticmethod
    def _advice(said: Said) -> str:
        if isinstance(said.answer.content, dict | list):
            return f"It is JSON: name the token's place with token=. {said.hint()}".strip()
        return "It must be the token alone; for a token within other text write token=Match(…)"


def _checked(name: str, place: Place | None) -> Places | None:
    places = checked_place(name, place)
    if any(isinstance(each, Header | Cookie) for each in places or ()):
        raise TypeError(
            f"{name} can't be a header or a cookie, because there is none: write a key, Text(), Match(…) or such"
        )
    if places is None and name == "token":
        raise TypeError("token must be a place, such as Text() for the whole text, or a key of JSON")
    return places
