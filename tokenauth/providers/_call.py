"""Call: the description of one call to a token API: the login, `first=`, `refresh=` or `logout=`."""

import copy
import json as json_
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from tokenauth._core import errors
from tokenauth._core.finder import identities
from tokenauth._core.frozen import Slotted, replace
from tokenauth._core.messages import TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._core.places import Answer, Place, Places, checked_place, described, found
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth._core.signature import Signature
from tokenauth._lazy import Later
from tokenauth.providers._arguments import NONE, Value, checked_basic, checked_method, mapping
from tokenauth.providers._template import Template
from tokenauth.providers._values import Built, Computed, Kept, Signed, present, secret_of

if TYPE_CHECKING:
    from tokenauth._core import under_way
else:
    under_way = Later("tokenauth._core.under_way")  # needed when there is a login

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_NOTHING: Mapping[str, Any] = {}  # no proxy, which could not be pickled


class Call(NamedTuple):
    """An extra call: before the login (`first=`), to renew the token (`refresh=`), or to log out (`logout=`).

    Attributes:
        url: "https://host/path", a path at the login's host, or a `Kept` with either. Default: the login's URL.
        method: default "POST" with a body, else "GET".
        params: query parameters. Values here and below: str, secrets, callables, `Kept`, `Signed`.
        json, form, body: the body as JSON, as form fields, or as a raw str or bytes.
        headers: headers of the call. Default `Accept: application/json`.
        basic: user and password for HTTP Basic.
        sign: a `Signed` whose function takes the call as built and returns headers to add.
        keep: values to keep from the response: `{"nonce": "challenge.nonce"}`, for `Kept("nonce")` later.
        places: places that differ from the login's response: `{"token": "data.new"}`. For `refresh=`.
        uses: how many times in a row to refresh before the next login. For `refresh=`. Default: no limit.
    """

    url: str | Kept = ""
    method: str | None = None
    params: Mapping[str, Value] | None = None
    json: Mapping[str, Any] | None = None
    form: Mapping[str, Value] | None = None
    headers: Mapping[str, Value] | None = None
    basic: tuple[str, SecretLike | Secret] | None = None
    body: "SecretLike | bytes | Computed | None" = None
    sign: Signed | None = None
    keep: Mapping[str, Place] | None = None
    places: Mapping[str, Place | None] = _NOTHING
    uses: int | None = None

    def __repr__(self) -> str:
        return f"<Call {self.method or ''} {self.url if isinstance(self.url, Kept) else urlsplit(self.url).path}>"


class Setting(NamedTuple):
    """What calls refer to: the login's *url*, the *origins* they may call besides its own, the *public* names."""

    url: str
    origins: frozenset[Origin]
    public: frozenset[str]


class Step(Slotted):
    """A checked `Call`. *name*: the argument that it came from; "" for the login itself."""

    __slots__ = ("_basic", "_body", "_method", "_setting", "_sign", "_templates", "_url", "keep", "places", "uses")

    def __init__(self, call: Call, name: str, setting: Setting) -> None:
        if not isinstance(call, Call):
            raise TypeError(f"{name} must be a Call(url, …), not {type(call).__name__}")
        body = _only_one(json=call.json, form=call.form, body=call.body)
        label, public = f"{name}." if name else "", setting.public
        self._setting = setting
        self._url = call.url if isinstance(call.url, Kept) else self._resolved(call.url, label)
        self._method = checked_method(call.method or ("POST" if body or not name else "GET"))
        self._templates: dict[str, Template] = {}
        for part in ("params", "headers", "form", "json"):
            content = getattr(call, part)
            if content or (content is not None and part == body):
                header, texts = part == "headers", part != "json"
                self._templates[part] = Template(label + part, content, public, header=header, texts=texts)
        self._body = None if call.body is None else _checked_body(f"{label}body", call.body)
        self._basic = checked_basic(call.basic)
        if call.sign is not None and not isinstance(call.sign, Signed):
            raise TypeError(f"{label}sign must be Signed(secret, function)")
        self._sign = call.sign
        self.keep = _checked_places(f"{label}keep", call.keep) if call.keep else _NOTHING
        self.places = _checked_places(f"{label}places", call.places) if call.places else _NOTHING
        if call.uses is not None and (not isinstance(call.uses, int) or isinstance(call.uses, bool) or call.uses < 0):
            raise TypeError(f"{label}uses must be a whole number, 0 or more, not {type(call.uses).__name__}")
        self.uses = call.uses

    def at(self, url: str) -> "Step":
        """Return the same call to another *url*."""
        twin = copy.copy(self)
        twin._url = url
        return twin

    def _resolved(self, url: str, label: str) -> str:
        """Resolve *url* against the login's. ValueError unless it is at the login's origin or a listed one."""
        if not isinstance(url, str):
            raise TypeError(f"{label}url must be a str, not {type(url).__name__}")
        if not url:
            return self._setting.url
        whole = urljoin(self._setting.url, url)
        own = Origin.parse(self._setting.url)
        try:
            origin = Origin.parse(whole)
        except ValueError as problem:
            raise ValueError(f"{label}url is not a usable URL: {problem}") from None
        if origin != own and origin not in self._setting.origins:
            raise ValueError(f"{label}url is at {origin}, which is neither the login's nor one of origins=")
        return whole

    # what this call is

    @property
    def told(self) -> str:
        """Method and path, for errors."""
        return f"{self._method} {self._url if isinstance(self._url, Kept) else urlsplit(self._url).path}"

    @property
    def secrets(self) -> list[Secret]:
        sealed = [secret for each in self._templates.values() for secret in each.secrets]
        more = map(secret_of, (self._body, self._sign, self._basic))
        return [*sealed, *(each for each in more if each is not None)]

    @property
    def moving(self) -> dict[str, object]:
        """The callables that may be unknown to other processes, by argument."""
        found: dict[str, object] = {}
        for template in self._templates.values():
            found |= template.moving
        made = {"sign": self._sign, "body": self._body, "basic": self._basic, "url": self._url}
        found |= {name: each.function for name, each in made.items() if isinstance(each, Computed) and each.function}
        return found | {f"keep[{name!r}]": places for name, places in self.keep.items()}

    @property
    def identity(self) -> tuple[object, ...]:
        """What distinguishes this call. It is flat, because it is computed for each auth object."""
        url = identities(self._url.told) if isinstance(self._url, Kept) else self._url
        user = self._basic and identities(self._basic.told)
        sent = [each for part, template in self._templates.items() for each in (part, template.identity())]
        body = self._body.told if isinstance(self._body, Computed) else self._body is not None
        more = (body, self._sign and self._sign.told, self.keep, self.places)
        return (self._method, url, user, self.uses, identities(more) if any(more) else None, *sent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and all(getattr(self, each) == getattr(other, each) for each in Step.__slots__)

    __hash__ = None  # type: ignore[assignment]

    # what is sent

    def built(self, kept: Mapping[str, str] = NONE) -> TokenRequest:
        """Return the request. *kept*: values from earlier responses."""
        label, body = self._content(kept)
        headers = self._templates["headers"].texts(kept) if "headers" in self._templates else {}
        names = {name.lower() for name in headers}
        if "accept" not in names:
            headers["Accept"] = JSON
        if label and "content-type" not in names:
            headers["Content-Type"] = label
        if self._basic:
            headers["Authorization"] = self._basic.value(kept, fresh=True)
        return self._signed(TokenRequest(self._method, self._target(kept), headers, body), kept)

    def _target(self, kept: Mapping[str, str]) -> str:
        url = self._url
        if isinstance(url, Kept):
            text = url.value(kept, fresh=True)
            try:
                url = self._resolved(text, f"{url!r} as ")
            except ValueError as problem:
                why = str(problem)
            else:
                why = ""
            if why:
                raise errors.TokenAuthError(why)
        params = self._templates["params"].pairs(kept) if "params" in self._templates else []
        query = urlencode(params, quote_via=quote, safe="")
        return f"{url}{'&' if urlsplit(str(url)).query else '?'}{query}" if params else str(url)

    def _content(self, kept: Mapping[str, str]) -> tuple[str | None, bytes]:
        if "json" in self._templates:
            return JSON, json_.dumps(self._templates["json"].filled(kept)).encode()
        if "form" in self._templates:
            return FORM, urlencode(self._templates["form"].pairs(kept)).encode()
        if self._body is None:
            return None, b""
        return None, present(self._body, kept, fresh=True).encode(errors="surrogateescape")

    def _signed(self, request: TokenRequest, kept: Mapping[str, str]) -> TokenRequest:
        if self._sign is None:
            return request
        parts = urlsplit(request.url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        given = (target, dict(request.headers), request.body, under_way.now().wall(), dict(kept))
        made = self._sign.result(Built(request.method, request.url, *given))
        signature = made if isinstance(made, Signature) else Signature(made) if isinstance(made, Mapping) else None
        if signature is None:
            text = "The callable for sign must return a dict of headers, or a Signature"
            raise errors.TokenAuthError(f"{text}, not {type(made).__name__}")
        return replace(request, url=signature.url(request.url), headers={**request.headers, **signature.headers})

    # what is kept of the answer

    def learned(self, answer: Answer) -> tuple[dict[str, str], str]:
        """Return the values to keep from *answer*, and a description of the first one that is missing ("" if none)."""
        kept: dict[str, str] = {}
        for name, places in self.keep.items():
            value = found(answer, places, scalars=True)
            if value is None or isinstance(value, bool):
                return kept, f"{described(places)}, for keep={name}"
            kept[name] = str(value)
        return kept, ""


def _only_one(**bodies: object) -> str:
    """Return the name of the body that is given, or ""."""
    given = [name for name, each in bodies.items() if each is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other")
    return given[0] if given else ""


def _checked_places(label: str, places: Mapping[str, Place | None]) -> Mapping[str, Places | None]:
    return {
        checked_text(f"a name in {label}", each): checked_place(f"{label}[{each!r}]", place)
        for each, place in mapping(label, places).items()
    }


def _checked_body(name: str, body: object) -> Secret | Computed:
    if isinstance(body, Secret | Computed):
        return body
    if isinstance(body, bytes):
        body = body.decode(errors="surrogateescape")
    return Secret(name, body, raw=True)  # type: ignore[arg-type]  # it checks what it is given
