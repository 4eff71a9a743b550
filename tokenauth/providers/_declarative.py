"""JSONProvider: a token API described by what is sent and where things stand in the JSON that comes back."""

import base64
import functools
import json as json_
from collections.abc import Callable, Collection, Mapping
from typing import Any, Unpack
from urllib.parse import quote_plus, urlencode

from tokenauth._core.effects import Reply, TokenRequest
from tokenauth._core.expiry import Unit, checked_unit, instant, lifetime_of
from tokenauth._core.header_names import checked_sent_name
from tokenauth._core.options import Options, checked_options
from tokenauth._core.origins import Origin
from tokenauth._core.provider import Provider
from tokenauth._core.provider import where as place_of
from tokenauth._core.secrets import Secret, checked_text
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth.providers import _answers, _arguments
from tokenauth.providers._answers import Fault
from tokenauth.providers._arguments import PUBLIC, Template, Value
from tokenauth.providers._fields import Where, checked_where, found, same, scheme_of, without
from tokenauth.providers._finder import Finder, identities, unnamed
from tokenauth.providers._presentation import Presentation

ERROR_TEXT = ("error_description", "detail", "title", "error.message", "message", "Message", "msg")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class JSONProvider(Provider):
    """A token API that answers in JSON. The defaults are those of OAuth 2.0 (RFC 6749 §5).

    JSONProvider("https://api.example/login", json={"user": "u", "key": key}, token="data.accessToken",
                 expires_in="data.expiresIn", success=("code", "00"), header="Access-Token", scheme="")
    """

    _noun = "token"
    _quotes_basic = False  # whether user and password are form-urlencoded first (RFC 6749 §2.3.1)

    def __init__(
        self,
        token_url: str,
        *,
        name: str | None = None,
        method: str = "POST",
        headers: Mapping[str, Value] | None = None,
        form: Mapping[str, Value] | None = None,
        json: Mapping[str, Any] | None = None,
        public: Collection[str] = (),
        basic: tuple[str, Value] | None = None,
        token: Where = "access_token",  # noqa: S107  (a place in the answer)
        token_type: Where | None = "token_type",  # noqa: S107  (the same)
        expires_in: Where | None = "expires_in",
        expires_at: Where | None = None,
        issued_at: Where | None = None,
        refresh_in: Where | None = "refresh_in",
        unit: Unit | None = None,
        success: tuple[str, object] | Callable[[Mapping[str, Any]], object] | None = None,
        error_code: Where | None = ("error", "error.code", "code"),
        error_text: Where | None = ERROR_TEXT,
        error_fields: Collection[str] = (),
        rejected: Collection[object] = (),
        retryable: Collection[object] = (),
        param: str | None = None,
        cookie: str | None = None,
        kept_headers: Mapping[str, Value] | None = None,
        advice: str = "Check the credentials.",
        **options: Unpack[Options],
    ) -> None:
        """Describe the API.

        Args:
            token_url: https (loopback exempt), without query, fragment and user info.
            name: stands in errors and logs. Default "Token API at <origin>".
            method: of the token call. Default "POST".
            headers: headers of the token call. Default none. Each text counts as a secret, unless its name is in
                `public`. A callable is read at each login, and so is an object with `get_secret_value()`.
            form: form fields of the token call, with the same secrets. Default none.
            json: JSON body of the token call, with the same secrets; not with `form`. Default none.
            public: more names whose values may show in errors (see `PUBLIC` for those that always may). A callable
                under a name that is here alone, such as a time stamp, is read at each login. Providers with different
                callables there share no token. With a store it must be a function of a module.
            basic: user and password for HTTP Basic (RFC 7617, UTF-8). Default none.
            token: place of the token in the answer. Default "access_token". A place is a top-level key, else a dotted
                path; or several of these (the first that is there counts); or a callable that is given the answer.
                Two callables are two APIs, which share no token; with a store a callable must be a function that
                stands in a module under its name.
            token_type: place of the token's type, or None. Default "token_type".
            expires_in: place of the lifetime, or None. Default "expires_in".
            expires_at: place of the instant of expiry, or None. Default None.
            issued_at: place of the instant of issue, or None. Default None.
            refresh_in: place of the seconds after which to refresh, or None. Default "refresh_in".
            unit: unit of `expires_in` and `expires_at`, "us", "ms", "s" or "min". Default seconds, and for `expires_at`
                by its size.
            success: place in the answer and the value there that says that it is a success, as in ("code", "00"); or a
                callable that is given the answer and returns a bool. Default: a token is there.
            error_code: place of the code in an error's answer. Default the usual ones.
            error_text: place of the text in an error's answer. Default the usual ones.
            error_fields: keys of an error's answer that are kept in the error's `extra`. Default none.
            rejected: codes of a 2xx that mean "wrong credentials". Default none.
            retryable: codes of a 2xx that mean "try again". Default none.
            param: query parameter that carries the token, instead of a header. URLs are logged: see "Security".
            cookie: name of the cookie that carries the token, instead of a header. It joins the client's own cookies
                in the request, and is not in its cookie jar.
            kept_headers: more headers of every request with the token, such as a subscription key. A callable is read
                at each login, and one under a name in `public` at each request: a time stamp.
            advice: what an error about refused credentials says to check. Default "Check the credentials."
            options: see `Options`; for the `TokenAuth` that will use the description.

        Raises:
            TypeError, ValueError: an argument can't be right. The text never shows its value.
        """
        self.options = checked_options(type(self).__name__, options) if options else {}
        allow_http = options.get("allow_http", False)
        self.token_url = _arguments.checked_url("token_url", token_url, allow_http=allow_http)
        if form is not None and json is not None:
            raise ValueError("form and json exclude each other")
        self.name = checked_text("name", name or f"Token API at {Origin.parse(self.token_url)}")
        self._method = _arguments.checked_method(method)
        public = {*PUBLIC, *public}
        self._headers = Template("headers", headers or {}, public, header=True)
        self._form = None if form is None else Template("form", form, public)
        self._json = None if json is None else Template("json", json, public, texts=False)
        self._kept = Template("kept_headers", kept_headers or {}, public, header=True)
        for each in kept_headers or ():
            checked_sent_name("a name in kept_headers", each)
        self._basic = _arguments.checked_basic(basic, colon=self._quotes_basic)
        where = {"token": token, "token_type": token_type, "refresh_in": refresh_in, "issued_at": issued_at}
        where |= {"expires_in": expires_in, "expires_at": expires_at}
        where |= {"error_code": error_code, "error_text": error_text}
        self._where = {name: checked_where(name, each) for name, each in where.items()}
        checked_unit("unit", unit)
        self._unit: Unit | None = unit
        self._success = _arguments.checked_success(success)
        self._error_fields = tuple(error_fields)
        self._rejected, self._retryable = tuple(rejected), tuple(retryable)
        self._presentation = Presentation.checked(options.get("header"), options.get("scheme"), param, cookie)
        self.presents = self._presentation.elsewhere or bool(kept_headers)
        if kept_headers:  # then header and scheme are ours to see to
            self.options = {name: each for name, each in self.options.items() if name not in {"header", "scheme"}}
        self.steady = self._kept.steady
        self._advice = advice
        self.secrets = self._all_secrets()
        self._finding = {**self._where, "success": self._success}
        self.process_bound = unnamed({**self._finding, **self._moving()})

    # what this credential is

    def _all_secrets(self) -> tuple[Secret, ...]:
        sealed = [secret for each in self._templates() for secret in each.secrets]
        return (*sealed, self._basic[1]) if self._basic else tuple(sealed)

    def _templates(self) -> list[Template]:
        return [each for each in (self._headers, self._form, self._json, self._kept) if each is not None]

    def _moving(self) -> dict[str, Finder]:
        """Return the callables in the token call that are no secrets; those of `kept_headers` make no other token."""
        called = (each for each in (self._headers, self._form, self._json) if each is not None)
        return {name: each for template in called for name, each in template.moving.items()}

    @property
    def identity(self) -> tuple[object, ...]:
        user = (self._basic[0], self._basic[1].dynamic) if self._basic else None
        sent = [None if each is None else each.identity() for each in (self._headers, self._form, self._json)]
        more = (self._kept.identity(moving=False), identities(self._finding), self._added())
        return (self._method, self.token_url, user, self._unit, sent, *more)

    def _added(self) -> dict[str, object]:
        """Return what a subclass has besides: it may go into the call."""
        told = {id(secret) for secret in self.secrets}
        return {name: value for name, value in vars(self).items() if name not in _known() and id(value) not in told}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.token_url, self.secrets))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name} at {place_of(self)}>"

    # what is sent

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        label, body = self._body(refresh_token)
        headers = self._headers.texts()
        if label and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = label
        if self._basic:
            headers["Authorization"] = self._basic_header(self._basic[0], self._basic[1].reveal())
        return TokenRequest(self._method, self.token_url, headers, body)

    def _body(self, refresh_token: str | None) -> tuple[str | None, bytes]:
        if self._json is not None:
            return JSON, json_.dumps(self._json.filled()).encode()
        if self._form is not None:
            return FORM, urlencode(self._fields(refresh_token)).encode()
        return None, b""

    def _fields(self, refresh_token: str | None) -> dict[str, str]:
        """Return the form's fields; for grants to override that `refreshes`."""
        return {} if self._form is None else self._form.texts()

    def _basic_header(self, user: str, password: str) -> str:
        if self._quotes_basic:
            user, password = quote_plus(user), quote_plus(password)
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

    # what comes back

    def read(self, reply: Reply) -> Token:
        is_json, content = _answers.json_value(reply)
        if not reply.ok:
            raise _answers.http_error(self, reply, content, self._fault(reply, content), self._advice)
        if not is_json:
            raise _answers.not_json(self, reply)
        if not isinstance(content, dict):
            raise _answers.unusable(self, reply, "answered with JSON that is no object")
        if not self._succeeded(content):
            raise self._failure(reply, content, "reported a failure")
        return self._token(reply, content)

    def _token(self, reply: Reply, content: dict[str, Any]) -> Token:
        value = self._find(content, "token")
        if value is None or value == "":
            raise self._failure(reply, content, f"gave no {self._noun}")
        if not isinstance(value, str):
            raise self._failure(reply, content, f"gave a {self._noun} that is no text")
        if not self._presentation.takes(value):
            raise self._failure(reply, content, f"gave a {self._noun} that can't stand in a cookie (RFC 6265)")
        lifetime, expires_at = self._expiry(content)
        refresh_token = content.get("refresh_token") if self.refreshes else None
        return Token(
            value,
            type=scheme_of(self._find(content, "token_type")),
            lifetime=lifetime,
            expires_at=expires_at,
            refresh_in=lifetime_of(self._find(content, "refresh_in"), field="refresh_in"),
            refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
            extra=without(content, value, refresh_token),
        )

    def _expiry(self, content: dict[str, Any]) -> tuple[float | None, float | None]:
        """Return lifetime and expiry as far as the answer states them: `expires_in`, else from issue to expiry."""
        lifetime = lifetime_of(self._find(content, "expires_in"), self._unit or "s")
        unit = None if self._unit == "min" else self._unit
        expires_at = instant(self._find(content, "expires_at"), unit)
        issued_at = instant(self._find(content, "issued_at"), unit, field="issued_at")
        if lifetime is None and expires_at is not None and issued_at is not None and issued_at < expires_at:
            lifetime = expires_at - issued_at
        return lifetime, expires_at

    def _failure(self, reply: Reply, content: dict[str, Any], what: str) -> Exception:
        """Return the error for a 2xx whose body tells of a failure, by its code."""
        fault = self._fault(reply, content)
        code = self._find(content, "error_code")
        if any(same(code, each) for each in self._rejected):
            return _answers.rejected(self, reply, fault, self._advice)
        retryable = any(same(code, each) for each in self._retryable)
        return _answers.unusable(self, reply, what, fault, retryable=retryable)

    def _succeeded(self, content: dict[str, Any]) -> bool:
        if isinstance(self._success, tuple):
            return same(found(content, (self._success[0],)), self._success[1])
        return True if self._success is None else bool(found(content, self._success))

    def _fault(self, reply: Reply, content: object) -> Fault:
        if not isinstance(content, dict):
            return Fault()
        code, text = (_answers.visible(self, reply, self._find(content, name)) for name in ("error_code", "error_text"))
        kept = {name: _answers.visible(self, reply, content.get(name)) for name in self._error_fields}
        return Fault(code, text, {name: value for name, value in kept.items() if value is not None})

    def _find(self, content: Mapping[str, Any], name: str) -> Any:
        scalars = name in {"error_code", "error_text"}
        return found(content, self._where[name], scalars=scalars)

    # how it is presented

    def sign(self, token: Token) -> Signature | None:
        return self._presentation.sign(token, self._kept.texts(fresh=False))


@functools.cache
def _known() -> frozenset[str]:
    """Return the attributes whose part in `identity` is decided; what a subclass adds counts as it is."""
    return frozenset(vars(JSONProvider("https://api.example"))) | {"_unique"}
