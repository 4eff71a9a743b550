"""Reading: turns a described API's responses into a token, or into the error that says what to do."""

from collections.abc import Mapping
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit

from tokenauth._core.by_value import by_value
from tokenauth._core.expiry import InstantUnit, Unit, checked_unit, instant, lifetime_of
from tokenauth._core.finder import identities
from tokenauth._core.frozen import replace
from tokenauth._core.identity import Identity
from tokenauth._core.messages import Reply
from tokenauth._core.origins import checked_origin
from tokenauth._core.places import NOTHING, Answer, Places, checked_place, described, found
from tokenauth._core.rules import checked_rule
from tokenauth._core.secrets import checked_text
from tokenauth._core.token import Token
from tokenauth._lazy import Later
from tokenauth.providers._arguments import checked_lifetime, names

if TYPE_CHECKING:
    from tokenauth.providers import _answers
    from tokenauth.providers._answers import Fault, Said
    from tokenauth.providers._call import Step
    from tokenauth.providers.login import Login
else:
    _answers = Later("tokenauth.providers._answers")  # needed when there is one

_OAUTH = checked_rule("rejected", ("error", "invalid_grant", "invalid_client", "unauthorized_client"))

Where = Mapping[str, Places | None]
"""Where things are in an answer, by argument."""
_PLACES = (
    *("token", "token_type", "expires_in", "expires_at", "issued_at", "refresh_in", "refresh_token", "home"),
    *("error_code", "error_text"),
)
_RULES = ("success", "rejected", "retryable")
_DETAILS = ("error_fields", "unit", "lifetime", "advice")


_OPTIONAL = {None, ("expires_in",), (".expires",)}
"""Places of OAuth servers, which may leave the lifetime out."""
_ARGUMENTS = (*_PLACES, *_RULES, *_DETAILS)
_values = itemgetter(*_ARGUMENTS)


class Reading:
    """Where things are in the answers of one API (*where*, by argument), and what they mean; see `Login`."""

    def __init__(self, arguments: Mapping[str, Any], noun: str, *, allow_http: bool) -> None:
        self.where: Where = {name: checked_place(name, arguments[name]) for name in _PLACES}
        if self.where["token"] is None:
            raise TypeError("token must be a place, such as 'access_token' or 'data.token', not None")
        self.success, self.rejected, self.retryable = (checked_rule(name, arguments[name]) for name in _RULES)
        self.error_fields = names("error_fields", arguments["error_fields"])
        checked_unit("unit", arguments["unit"])
        self.unit: Unit | None = arguments["unit"]
        self.lifetime = checked_lifetime(arguments["lifetime"])
        self.advice: str = checked_text("advice", arguments["advice"], empty=True)
        self.noun, self.allow_http = noun, allow_http

    @property
    def callables(self) -> dict[str, object]:
        """What may hold a callable, by argument."""
        return {**self.where, **{name: getattr(self, name).identity for name in _RULES}}

    @cached_property
    def identity(self) -> str:
        """What distinguishes it; worked out once for all who have it."""
        return Identity.of((self.unit, self.lifetime, identities(self.callables))).encoded.decode()

    def __getstate__(self) -> dict[str, object]:
        return {name: each for name, each in vars(self).items() if name != "identity"}  # marks mean nothing elsewhere

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Reading) and self.__getstate__() == other.__getstate__())

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, arguments: Mapping[str, Any], noun: str, *, allow_http: bool) -> "Reading":
        """Return what these *arguments* of `Login` make: one object for all logins whose answers are alike."""
        return _reading(_values(arguments), noun, allow_http)

    def token(self, login: "Login", step: "Step", reply: Reply, kept: Mapping[str, str]) -> Token:
        """Return the token in the answer to *step*. *kept*: of earlier answers."""
        said, where = _answers.Said(login, reply, kept), {**self.where, **step.places}
        self._check(said)
        if said.answer.content is NOTHING and all(isinstance(place, str) for place in where["token"] or ()):
            raise said.not_json()  # and only JSON could have it
        if self.success and not self.success.matches(said.answer):
            raise said.unusable("reported a failure", self._fault(said))
        learned, missing = step.learned(said.answer)
        token = self._token(said, where)
        if missing:
            raise said.missing(missing)
        return replace(token, kept={name: value for name, value in {**kept, **learned}.items() if name != "token"})

    def learned(self, login: "Login", step: "Step", reply: Reply, kept: Mapping[str, str]) -> dict[str, str]:
        """Return what is kept of the answer to *step*, a call before the login. With all of it a 2xx is a success."""
        said = _answers.Said(login, replace(reply, call=step.told), kept)
        learned, missing = step.learned(said.answer)
        if missing or not (learned and reply.ok):
            self._check(said)
        if missing:
            raise said.missing(missing)
        return learned

    def _check(self, said: "Said") -> None:
        """Raise what an answer that is no success means."""
        answer, status, ok = said.answer, said.reply.status, said.reply.ok
        refuses = self.rejected.matches(answer) or (ok and self._is_oauth_refusal(said))
        if not refuses and self.retryable.matches(answer):
            raise said.unusable("failed", self._fault(said), retryable=True)
        if refuses or not (ok or (self.success.names(status) and self.success.matches(answer))):
            fault = self._fault(said)
            advice = said.provider.advice(said.reply, fault)
            raise said.rejected(fault, advice) if refuses else said.http_error(fault, advice)

    def _is_oauth_refusal(self, said: "Said") -> bool:
        """Whether a 2xx without a token has an error's code: some servers say all with a 200."""
        code = found(said.answer, ("error",), scalars=True)
        if said.provider.speaks_oauth:
            refuses = isinstance(code, str) and code not in _answers.PASSING
        else:
            refuses = _OAUTH.matches(said.answer)
        return refuses and found(said.answer, self.where["token"], scalars=True) is None

    def _token(self, said: "Said", where: Where) -> Token:
        answer, login = said.answer, said.provider
        value = found(answer, where["token"])
        if value is None or value == "":
            fault = self._fault(said)
            if fault.code in _answers.PASSING:
                raise said.unusable("failed", fault, retryable=True)
            raise said.missing(described(where["token"]), f"gave no {self.noun}", fault)
        if not isinstance(value, str):
            what = f"gave a {self.noun} that is not text (but {type(value).__name__})"
            advice = said.hint() if isinstance(value, dict | list) else ""
            raise said.unusable(what, self._fault(said), advice=advice)
        raw, (scheme, _, rest) = value, value.strip().partition(" ")
        value = rest.strip() if rest and scheme.lower() == "bearer" else value  # as some send it in a header
        if not login.carries(value):
            raise said.unusable(f"gave a {self.noun} that can't go into a cookie (RFC 6265)")
        lifetime, expires_at = self._expiry(said, where)
        renewal = self._renewal(answer, value, where) if login.refreshes else None
        return Token(
            value,
            type=_answers.scheme_of(found(answer, where["token_type"])),
            lifetime=lifetime,
            expires_at=expires_at,
            refresh_in=lifetime_of(found(answer, where["refresh_in"]), field=f"{login.name}: refresh_in"),
            refresh_token=renewal,
            origin=self._home(said, where["home"]),
            extra=_answers.without(answer.content, raw, value, renewal) if isinstance(answer.content, dict) else {},
        )

    @staticmethod
    def _renewal(answer: Answer, value: str, where: Where) -> str | None:
        """Return the refresh token; where there is no place for one, the token renews itself."""
        if where["refresh_token"] is None:
            return value
        renewal = found(answer, where["refresh_token"], scalars=True)
        return renewal if isinstance(renewal, str) else None

    def _expiry(self, said: "Said", where: Where) -> tuple[float | None, float | None]:
        """Return lifetime and expiry as far as the answer states them: `expires_in`, else from issue to expiry."""
        stated = {name: found(said.answer, where[name]) for name in ("expires_in", "expires_at", "issued_at")}
        if stated["expires_in"] is None:
            for name in ("expires_in", "expires_at"):
                if stated[name] is None and where[name] not in _OPTIONAL:
                    said.warn_of_no_end(where[name], name)
        label = f"{said.provider.name}: "
        lifetime = lifetime_of(stated["expires_in"], self.unit or "s", field=f"{label}expires_in")
        unit = cast("InstantUnit", self.unit) if self.unit in get_args(InstantUnit) else None
        expires_at, issued_at = (
            instant(stated[name], unit, field=label + name) for name in ("expires_at", "issued_at")
        )
        if lifetime is None and expires_at is not None and issued_at is not None and issued_at < expires_at:
            lifetime = expires_at - issued_at
        if lifetime is None and expires_at is None:
            lifetime = self.lifetime
        return lifetime, expires_at

    def _home(self, said: "Said", places: Places | None) -> str | None:
        """Return the one origin that may have the token, where the answer says it."""
        if places is None:
            return None
        url, place = found(said.answer, places, scalars=True), described(places)
        if not isinstance(url, str):
            raise said.missing(f"{place}, for home", "names no usable URL of the API")
        try:
            home = str(checked_origin(url, place, allow_http=self.allow_http))
        except ValueError as problem:
            why = str(problem)
        else:
            if "@" not in urlsplit(url).netloc and url.isprintable():
                return home
            why = f"{place} has a user name, or characters that do not belong there"
        raise said.unusable(f"names no usable URL: {why}")

    def _fault(self, said: "Said") -> "Fault":
        code, text = said.text_at(self.where["error_code"]), said.text_at(self.where["error_text"])
        content = said.answer.content if isinstance(said.answer.content, dict) else {}
        kept = {name: said.visible(content.get(name)) for name in self.error_fields}
        return _answers.Fault(code, text, {name: value for name, value in kept.items() if value is not None})


@by_value
def _reading(values: tuple[Any, ...], noun: str, allow_http: bool) -> Reading:
    return Reading(dict(zip(_ARGUMENTS, values, strict=True)), noun, allow_http=allow_http)
