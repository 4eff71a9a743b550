"""Login: a token API described by what is sent, and by where things stand in what comes back.

Call     what is sent: the login, and what comes before it, renews it, ends it      `_call`
Place    where a value stands in an answer                                          `_core.places`
Rule     what an answer means                                                       `_core.rules`
Carry    what goes on each request                                                  `_carry`
"""

import functools
from collections.abc import Collection, Generator, Iterable, Mapping
from datetime import timedelta
from typing import Any, Unpack

from tokenauth._core.effects import Reply, TokenRequest
from tokenauth._core.expiry import Unit, checked_unit
from tokenauth._core.finder import identities, unnamed
from tokenauth._core.options import Options, checked_options
from tokenauth._core.origins import Origin
from tokenauth._core.places import Place, checked_place
from tokenauth._core.provider import Provider
from tokenauth._core.provider import where as place_of
from tokenauth._core.rules import Rule, checked_rule
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth.providers import _answers, _arguments
from tokenauth.providers._arguments import NONE, Value
from tokenauth.providers._call import FORM, JSON, Call, Setting, Step
from tokenauth.providers._carry import Carry
from tokenauth.providers._reading import Reading
from tokenauth.providers._values import Computed, Signed

__all__ = ["FORM", "JSON", "Login"]

ERROR_TEXT = ("error_description", "detail", "title", "error.message", "message", "Message", "msg")
_USES = "uses"  # among what is kept: how often the token has been refreshed


class Login(Provider):
    """A token API, described. The defaults are those of OAuth 2.0 (RFC 6749 §5).

    Login("https://api.example/login", json={"user": "u", "key": key}, token="data.accessToken",
          expires_in="data.expiresIn", success=("code", "00"), header="Access-Token", scheme="")
    """

    _noun = "token"
    _url_name = "url"
    _quotes_basic = False  # whether user and password are form-urlencoded first (RFC 6749 §2.3.1)

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        method: str = "POST",
        params: Mapping[str, Value] | None = None,
        headers: Mapping[str, Value] | None = None,
        form: Mapping[str, Value] | None = None,
        json: Mapping[str, Any] | None = None,
        body: SecretLike | bytes | Computed | None = None,
        public: Collection[str] = (),
        basic: tuple[str, SecretLike | Secret] | None = None,
        sign: Signed | None = None,
        token: Place = "access_token",  # noqa: S107  (a place in the answer)
        token_type: Place | None = "token_type",  # noqa: S107  (the same)
        expires_in: Place | None = "expires_in",
        expires_at: Place | None = None,
        issued_at: Place | None = None,
        refresh_in: Place | None = "refresh_in",
        refresh_token: Place | None = "refresh_token",  # noqa: S107  (the same)
        unit: Unit | None = None,
        lifetime: float | timedelta | None = None,
        sliding: bool = False,
        home: Place | None = None,
        keep: Mapping[str, Place] | None = None,
        success: Rule | None = None,
        rejected: Rule | None = None,
        retryable: Rule | None = None,
        error_code: Place | None = ("error", "error.code", "code"),
        error_text: Place | None = ERROR_TEXT,
        error_fields: Collection[str] = (),
        param: str | None = None,
        cookie: str | None = None,
        also: Mapping[str, Value] | None = None,
        first: Call | Iterable[Call] = (),
        refresh: Call | None = None,
        logout: Call | None = None,
        discards_older: bool = False,
        advice: str = "Check the credentials.",
        **options: Unpack[Options],
    ) -> None:
        """Describe the API.

        A *place* says where a value stands in the answer: a key, a dotted path ("data.0.jwt"), "" for the JSON value
        itself, `Header(…)`, `Cookie(…)`, `Text()`, `XML(…)`, `Match(…)`, a callable that is given the answer, or a
        tuple of these (the first that is there). A *rule* says what an answer means: a status, `("code", "E1", "E2")`
        (a place and values), `(400, "code", "E1")` (of that status only), a callable, or a list of these.

        Args:
            url: https (loopback exempt), without query, fragment and user info.
            name: stands in errors and logs. Default "Token API at <url>".
            method: of the login. Default "POST".
            params: query parameters of the login. Default none.
            headers: headers of the login. Default `Accept: application/json`. Each text counts as a secret, unless
                its name is in `public`. A callable is read at each login, and so is an object with
                `get_secret_value()`. `Kept("name")` is what an earlier answer had, `Signed(secret, function)` what the
                function makes of the secret.
            form: form fields of the login, with the same values. Default none.
            json: JSON body of the login, with the same values. Default none.
            body: any other body, such as XML: a text, bytes, a callable, or `Signed`. Default none.
            public: more names whose values may show in errors (see `PUBLIC` for those that always may). A callable
                under a name that is here alone, such as a time stamp, is read at each login. Providers with different
                callables there share no token. With a store it must be a function of a module.
            basic: user and password for HTTP Basic (RFC 7617, UTF-8). Default none.
            sign: `Signed(secret, function)`; the function is given the secret and the call as it will be sent (see
                `Built`), and returns headers to add. Default none.
            token: place of the token. Default "access_token". Two callables are two APIs, which share no token; with
                a store a callable must be a function that stands in a module under its name.
            token_type: place of the token's type, or None. Default "token_type".
            expires_in: place of the lifetime, or None: a number, "PT15M", or "00:15:00". Default "expires_in".
            expires_at: place of the instant of expiry, or None. Default None.
            issued_at: place of the instant of issue, or None. Default None.
            refresh_in: place of the seconds after which to refresh, or None. Default "refresh_in".
            refresh_token: place of the refresh token, or None; used where there is a `refresh`. Default
                "refresh_token".
            unit: unit of `expires_in` and `expires_at`, "us", "ms", "s" or "min". Default seconds, and for `expires_at`
                by its size.
            lifetime: seconds (or a `timedelta`) that a token lives where the answer doesn't say. Default unknown.
            sliding: whether each use of the token begins its lifetime anew; it is then used until it is refused.
                Default False.
            home: place of the API's URL, where the answer says which host may have the token. Default none.
            keep: what to keep of the answer, by name, for `Kept("name")` in `also`, `refresh` and `logout`.
            success: rule for a success. Default: a 2xx in which there is a token.
            rejected: rule for "wrong credentials", whatever the status. Default 400, 401, 403, and the codes of OAuth.
            retryable: rule for "try again". Default 408, 425, 429 and 5xx.
            error_code: place of the code in an error's answer. Default the usual ones.
            error_text: place of the text in an error's answer. Default the usual ones.
            error_fields: keys of an error's answer that are kept in the error's `extra`. Default none.
            param: query parameter that carries the token, instead of a header. URLs are logged: see "Security".
            cookie: name of the cookie that carries the token, instead of a header. It joins the client's own cookies
                in the request, and is not in its cookie jar.
            also: more headers of every request with the token: constants, `Kept("name")`, `Basic(user, password)`. A
                callable is read at each login, and one under a name in `public` at each request: a time stamp.
            first: a `Call` before the login, or several, whose answers the login uses: `Call("/nonce",
                keep={"nonce": "nonce"})`. Default none.
            refresh: the `Call` that renews a token; where it fails, the login follows. Default none.
            logout: the `Call` that ends a session: see `close()`. Default none.
            discards_older: whether each login ends all older tokens. Default False.
            advice: what an error about refused credentials says to check. Default "Check the credentials."
            options: see `Options`; for the `TokenAuth` that will use the description.

        Raises:
            TypeError, ValueError: an argument can't be right. The text never shows its value.
        """
        self.options = checked_options(type(self).__name__, options) if options else {}
        self._allow_http = bool(options.get("allow_http", False))
        self.token_url = _arguments.checked_url(self._url_name, url, allow_http=self._allow_http)
        self.name = checked_text("name", name or f"Token API at {place_of(self)}")
        origins = _arguments.checked_origins(options.get("origins", ()), allow_http=self._allow_http)
        setting = Setting(self.token_url, origins, tuple(public), self._quotes_basic)
        login = Call(self.token_url, method, params, json, form, headers, basic, body, sign, keep)
        self._login = Step(login, "", setting)
        before = (first,) if isinstance(first, Call) else tuple(first)
        self._first = [Step(call, "first", setting) for call in before]
        self._refresh = None if refresh is None else Step(refresh, "refresh", setting)
        self._logout = None if logout is None else Step(logout, "logout", setting)
        self._carry = Carry(
            header=options.get("header"),
            scheme=options.get("scheme"),
            param=param,
            cookie=cookie,
            also=also,
            public=public,
        )
        if self._carry.with_headers:  # then header and scheme are ours to see to
            self.options = {name: each for name, each in self.options.items() if name not in {"header", "scheme"}}
        places = {"token": token, "token_type": token_type, "refresh_in": refresh_in, "refresh_token": refresh_token}
        places |= {"expires_in": expires_in, "expires_at": expires_at, "issued_at": issued_at, "home": home}
        places |= {"error_code": error_code, "error_text": error_text}
        checked_unit("unit", unit)
        self._reading = Reading(
            {each: checked_place(each, place) for each, place in places.items()},
            success=checked_rule("success", success),
            rejected=checked_rule("rejected", rejected),
            retryable=checked_rule("retryable", retryable),
            error_fields=tuple(error_fields),
            unit=unit,
            lifetime=_arguments.checked_lifetime(lifetime),
            noun=self._noun,
            advice=advice,
            allow_http=self._allow_http,
        )
        self.sliding = bool(sliding)
        if self.sliding and lifetime is None:
            raise ValueError("sliding needs a lifetime=: how long the token lives after its last use")
        self.presents = self._carry.presents
        self.steady = self._carry.steady
        self.refreshes = refresh is not None
        self.logs_out = logout is not None
        self.discards_older = discards_older or self.logs_out
        sealed = [secret for step in self._steps() for secret in step.secrets]
        self.secrets = (*sealed, *self._carry.template.secrets)
        self.process_bound = unnamed(self._callables())

    # what this credential is

    def _steps(self) -> list[Step]:
        return [*self._first, self._login, *(each for each in (self._refresh, self._logout) if each is not None)]

    def _callables(self) -> dict[str, object]:
        """Return what distinguishes this API and may be a callable; those of `also` make no other token."""
        calls = {name: each for step in self._steps() for name, each in step.moving.items()}
        return {**self._reading.callables, **calls}

    @property
    def identity(self) -> tuple[object, ...]:
        sent = tuple(step.identity for step in self._steps())
        more = (self._carry.identity, identities(self._callables()), self._added())
        return (self.token_url, self._reading.unit, self._reading.lifetime, sent, *more)

    def _added(self) -> dict[str, object]:
        """Return what a subclass has besides: it may go into the call."""
        told = {id(secret) for secret in self.secrets}
        return {name: value for name, value in vars(self).items() if name not in _known() and id(value) not in told}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.token_url, self.secrets))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {_answers.titled(self)}>"

    # what is sent

    def login(self, refresh_token: str | None = None) -> Generator[TokenRequest, Reply, Token]:
        before: Token | None = getattr(refresh_token, "before", None)
        uses = int(before.kept.get(_USES, 0)) if before is not None else 0
        if refresh_token is not None and self._may_refresh(uses):
            kept = {**(before.kept if before else {}), "token": before.value if before else ""}
            reply = yield self.request(refresh_token, kept)
            return self.read(reply, {**kept, _USES: str(uses + 1)}, renews=True)
        kept = {}
        for step in self._first:
            reply = yield step.built(kept)
            kept |= self._reading.learned(self, step, reply, kept)
        reply = yield self.request(None, kept)
        return self.read(reply, kept)

    def _may_refresh(self, uses: int) -> bool:
        return self._refresh is not None and (self._refresh.uses is None or uses < self._refresh.uses)

    def logout(self, token: Token) -> TokenRequest | None:
        kept = {**token.kept, "token": token.value}
        if token.refresh_token is not None:
            kept["refresh_token"] = token.refresh_token
        return None if self._logout is None else self._logout.built(kept)

    def request(self, refresh_token: str | None = None, kept: Mapping[str, str] = NONE) -> TokenRequest:
        """Return the login's call, or with *refresh_token* the one that renews. *kept*: of earlier answers."""
        if refresh_token is None or self._refresh is None:
            return self._login.built(kept)
        return self._refresh.built({**kept, "refresh_token": refresh_token})

    # what comes back

    def read(self, reply: Reply, kept: Mapping[str, str] = NONE, *, renews: bool = False) -> Token:
        step = self._refresh if renews and self._refresh is not None else self._login
        return self._reading.token(self, step, reply, kept)

    def may_serve(self, origin: Origin) -> bool:
        return self._reading.where["home"] is not None or super().may_serve(origin)

    # how it is presented

    def carries(self, value: str) -> bool:
        """Whether a token of this *value* can go on a request as described."""
        return self._carry.takes(value)

    def sign(self, token: Token) -> Signature | None:
        return self._carry.sign(token)


@functools.cache
def _known() -> frozenset[str]:
    """Return the attributes of every Login, which its identity has, or which make no other token."""
    return frozenset({*vars(Login("https://h.example"))})
