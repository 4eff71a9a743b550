"""Login: describes a token API by the requests to send and the places of values in the responses.

Call     a request to send: the login, calls before it, its renewal, the logout     `_call`
Place    where a value is in a response                                             `_core.places`
Rule     what a response means                                                      `_core.rules`
Carry    how each API request carries the token                                     `_carry`
"""

import functools
from collections.abc import Generator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from tokenauth._core.finder import identities, unnamed
from tokenauth._core.identity import declared, state_of
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.options import checked_flag, checked_options
from tokenauth._core.origins import Origin, listed
from tokenauth._core.provider import Provider, titled
from tokenauth._core.provider import where as place_of
from tokenauth._core.secrets import Secret, checked_text
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth._lazy import Later
from tokenauth.providers._arguments import NONE, checked_origins, checked_url, names, public_names
from tokenauth.providers._call import FORM, JSON, Call, Setting, Step
from tokenauth.providers._carry import Carry
from tokenauth.providers._description import DEFAULTS, LoginOptions
from tokenauth.providers._reading import Reading

if TYPE_CHECKING:
    from tokenauth._core import nearest
    from tokenauth.providers import _answers
else:
    nearest = Later("tokenauth._core.nearest")  # for an error
    _answers = Later("tokenauth.providers._answers")  # needed when there is one

__all__ = ["FORM", "JSON", "Login"]

_of_login = itemgetter("method", "params", "json", "form", "headers", "basic", "body", "sign", "keep")
_USES = "uses"  # the name among the kept values for the number of refreshes


class Login(Provider):
    """Any login API in one line: `LoginAuth(url, json={"user": …, "password": …}, token="data.jwt")`.

        Login("https://api.example/login", json={"user": "u", "key": key}, token="data.accessToken",
              expires_in="data.expiresIn", success=("code", "00"), header="Access-Token", scheme="")

    The defaults are those of OAuth 2.0 (RFC 6749 §5).
    """

    _noun = "token"
    _url_name = "url"
    presents_by = "header=, param= or cookie= of the login itself"
    speaks_oauth: ClassVar[bool] = False
    """Whether any `error` in an answer without a token is a refusal (RFC 6749 §5.2)."""
    _checked: ClassVar[frozenset[str]] = frozenset()  # attributes of a subclass that can be compared for sure

    def __init__(self, url: str, **options: Unpack[LoginOptions]) -> None:
        """Log in with the described requests.

        Args:
            url: URL of the login: https (loopback exempt), without query, fragment and user info.
            options: see `LoginOptions`: the request (method, params, headers, form, json, body, basic, sign), the
                places in the response (token, token_type, expires_in, …), its meaning (success, rejected, retryable),
                how API requests carry the token (header, scheme, param, cookie, also), other calls (first, refresh,
                logout), and the options of every auth object.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        arguments: dict[str, Any] = {**DEFAULTS, **options}
        shared = {name: arguments[name] for name in options.keys() - DEFAULTS.keys()}  # of every auth object
        self.options = checked_options(type(self).__name__, shared, LoginOptions) if shared else shared
        self._allow_http = checked_flag("allow_http", shared.get("allow_http"))
        self.token_url = checked_url(self._url_name, url, self._allow_http)
        self.name = checked_text("name", arguments["name"] or f"Token API at {place_of(self)}")
        public = public_names(names("public", arguments["public"]))
        self._calls = self._described_calls(arguments, public)
        self._carry = self._described_carry(arguments, public)
        self._reading = Reading.of(arguments, self._noun, allow_http=self._allow_http)
        stray = [
            (name, place) for name, step in self._calls.items() for place in step.places.keys() - self._reading.where
        ]
        if stray:
            raise nearest.unknown(f"{stray[0][0]}.places", stray[0][1], self._reading.where)
        self.sliding = checked_flag("sliding", arguments["sliding"])
        if self.sliding and options.keys().isdisjoint({"lifetime", "expires_in", "expires_at"}):
            text = "how long the token lives after its last use, or expires_in=, where the answer says it"
            raise ValueError(f"sliding needs lifetime=: {text}")
        self.presents, self.steady = self._carry.presents, self._carry.steady
        self.refreshes, self.logs_out = "refresh" in self._calls, "logout" in self._calls
        self.discards_older = checked_flag("discards_older", arguments["discards_older"]) or self.logs_out

    def _described_calls(self, arguments: Mapping[str, Any], public: frozenset[str]) -> "dict[str, Step]":
        """Return each call by name: "" is the login, "first.0" the first call before it."""
        homes = checked_origins(self.options.get("origins", ()), allow_http=self._allow_http)
        setting = Setting(self.token_url, homes, public)
        first, calls = arguments["first"], {}
        for number, call in enumerate((first,) if isinstance(first, Call) else listed(first, "first", "Call(url, …)")):
            calls[f"first.{number}"] = Step(call, "first", setting)
        calls[""] = Step(Call("", *_of_login(arguments)), "", setting)
        for name in ("refresh", "logout"):
            if arguments[name] is not None:
                calls[name] = Step(arguments[name], name, setting)
        return calls

    def _described_carry(self, arguments: Mapping[str, Any], public: frozenset[str]) -> Carry:
        carry = Carry(arguments, self.options, public)
        if carry.also is not None:  # then `sign` also sets header and scheme
            self.options = {name: each for name, each in self.options.items() if name not in {"header", "scheme"}}
        return carry

    # what this credential is

    @property
    def secrets(self) -> tuple[Secret, ...]:  # type: ignore[override]  # gathered when they are asked for
        sealed = [secret for step in self._calls.values() for secret in step.secrets]
        return (*sealed, *(() if self._carry.also is None else self._carry.also.secrets))

    @property
    def _moving(self) -> dict[str, object]:
        """The callables that distinguish the calls. Those of `also` don't change the token."""
        return {name: each for step in self._calls.values() for name, each in step.moving.items()}

    @property
    def process_bound(self) -> str:  # type: ignore[override]  # the same
        return unnamed({**self._reading.callables, **self._moving})

    @property
    def identity(self) -> tuple[object, ...]:
        sent = [each for name, step in self._calls.items() for each in (name, step.identity)]
        more = (self._carry.identity, identities(self._moving), self._added())
        return (self.token_url, self._reading.identity, more if any(more) else None, *sent)

    @property
    def comparable(self) -> bool:  # type: ignore[override]  # a subclass may add to it
        kind: Any = type(self)
        return declared(kind).union(vars(self)) <= _known() | self._checked

    def _added(self) -> dict[str, object]:
        """Return the attributes that a subclass adds: they may go into the call."""
        added = {name: value for name, value in state_of(self).items() if name not in _known()}
        told = {id(secret) for secret in self.secrets} if added else set()
        return {name: value for name, value in added.items() if id(value) not in told}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and state_of(self) == state_of(other)

    def __hash__(self) -> int:
        return hash((type(self), self.token_url, self.secrets))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {titled(self)}>"

    # what is sent

    def login(self, refresh_token: str | None = None) -> Generator[TokenRequest, Reply, Token]:
        before: Token | None = getattr(refresh_token, "before", None)
        uses = int(before.kept.get(_USES, 0)) if before is not None else 0
        if refresh_token is not None and self._may_refresh(uses):
            kept = {**(before.kept if before else {}), "token": before.value if before else ""}
            reply = yield self.request(refresh_token, kept)
            return self.read(reply, {**kept, _USES: str(uses + 1)}, renews=True)
        kept = {}
        for step in [step for name, step in self._calls.items() if name.startswith("first")]:
            reply = yield step.built(kept)
            kept |= self._reading.learned(self, step, reply, kept)
        reply = yield self.request(None, kept)
        return self.read(reply, kept)

    def _may_refresh(self, uses: int) -> bool:
        refresh = self._calls.get("refresh")
        return refresh is not None and (refresh.uses is None or uses < refresh.uses)

    def logout(self, token: Token) -> TokenRequest | None:
        kept = {**token.kept, "token": token.value}
        if token.refresh_token is not None:
            kept["refresh_token"] = token.refresh_token
        return self._calls["logout"].built(kept) if self.logs_out else None

    def request(self, refresh_token: str | None = None, kept: Mapping[str, str] = NONE) -> TokenRequest:
        """Return the login, or the call that renews *refresh_token*. *kept*: values from earlier responses."""
        if refresh_token is None or not self.refreshes:
            return self._calls[""].built(kept)
        return self._calls["refresh"].built({**kept, "refresh_token": refresh_token})

    # what comes back

    def read(self, reply: Reply, kept: Mapping[str, str] = NONE, *, renews: bool = False) -> Token:
        step = self._calls["refresh" if renews and self.refreshes else ""]
        return self._reading.token(self, step, reply, kept)

    def advice(self, reply: Reply, fault: "_answers.Fault") -> str:
        """Return the advice for an error about rejected credentials."""
        return self._reading.advice

    def may_serve(self, origin: Origin) -> bool:
        return self._reading.where["home"] is not None or super().may_serve(origin)

    # how it is presented

    def carries(self, value: str) -> bool:
        """Whether a request can carry a token with this *value* as described."""
        return self._carry.takes(value)

    def sign(self, token: Token) -> Signature | None:
        return self._carry.sign(token)

    def faked(self, value: str) -> Token:
        return Token(value, kept={name: f"fake-{name}" for step in self._calls.values() for name in step.keep})


@functools.cache
def _known() -> frozenset[str]:
    """Return the attributes of every Login. Its identity covers them, or they don't change the token."""
    return frozenset({*vars(Login("https://h.example"))})
