"""How providers read a response: its JSON object, its `Retry-After`, and the error that says what to do.

Law: errors are returned, not raised, so that none is raised inside an `except` block, chained to a parser's exception.
Law: a server's text goes into an error only through `shown`.
"""

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tokenauth._core import errors
from tokenauth._core.expiry import LATEST, http_date
from tokenauth._core.frozen import Frozen, part
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._core.places import Answer, Places, described, found, keys_of
from tokenauth._core.provider import Provider, settable, titled, where
from tokenauth._core.token import HTTP_TOKEN
from tokenauth.providers._masking import shown
from tokenauth.providers._proposals import proposed

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError

_REJECTED = frozenset({400, 401, 403})
RETRYABLE = frozenset({408, 425, 429})
_NOT_THE_CREDENTIALS = frozenset({"invalid_request", "invalid_scope", "invalid_target", "unsupported_grant_type"})
PASSING = frozenset({"server_error", "temporarily_unavailable", "slow_down"})
"""Codes of RFC 6749 §4.1.2.1 and RFC 8628 §3.5 that blame no credentials; some token endpoints send them with a 400."""
_REGISTERED = _NOT_THE_CREDENTIALS | PASSING | {"invalid_client", "invalid_grant", "unauthorized_client"}
"""Codes that are no secrets, whatever a secret has in common with them."""
_SHORTEST = 4  # characters of what is kept and must not show; a count is shorter
_CROWDED = re.compile(r"too many|rate.?limit|throttl|maximum (?:number of )?(?:active|concurrent)", re.IGNORECASE)
_USUAL = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server", "vary", "via"}
)
_MOST_WARNINGS = 1000
_LATER = "It may recover: try again later."
_DEEPEST = 5  # levels of an answer that are kept in Token.extra
_BEARER = frozenset({"bearer", "bearertoken", "bearer_token", "bearer-token"})  # Apigee's answers say "BearerToken"
_warned: set[tuple[str, str]] = set()
_log = logging.getLogger("tokenauth")


class Fault(Frozen):
    """What a provider said about a failure, already fit to be shown: its code, its text, its other fields."""

    code: str | None = None
    detail: str | None = None
    extra: Mapping[str, str] = part(default_factory=dict)


class Said:
    """An answer to a call of *provider*, the errors that it makes, and what must not show in them."""

    def __init__(self, provider: Provider, reply: Reply, kept: Mapping[str, str] | None = None) -> None:
        """*kept*: values of earlier answers, which must not show either."""
        self.provider: Any = provider
        self.reply = reply
        self.answer = Answer(reply.status, reply.headers, reply.body)
        self._kept = [value for value in (kept or {}).values() if len(value) >= _SHORTEST]

    @property
    def secrets(self) -> list[str]:
        """The secrets that were sent, and those of the provider as they were last read."""
        return [*self.reply.secrets, *self._kept, *(secret.seen for secret in self.provider.secrets if secret.seen)]

    # what it says

    def text_at(self, places: Places | None) -> str | None:
        """Return the first scalar at *places*, fit to be shown: in a list or object there, too."""
        value = found(self.answer, places, scalars=True)
        if value is None:
            value = found(self.answer, places)
            while isinstance(value, dict | list) and value:
                value = _complaint(value) if isinstance(value, dict) else value[0]
        return self.visible(value)

    def visible(self, value: object) -> str | None:
        """Return a field of an error answer, fit to be shown; None where it is no text or number, or empty."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = value if isinstance(value, str) else repr(value)
        return text if text in _REGISTERED else shown(text, self.secrets) or None

    def retry_after(self, content: object = None) -> float | None:
        """Return the seconds to wait, or None: `Retry-After` (RFC 9110 §10.2.3), else `retryAfter` in *content*."""
        header = self.reply.headers.get("retry-after")
        value = header if header is not None or not isinstance(content, dict) else content.get("retryAfter")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = str(value).strip()
        if text.replace(".", "", 1).isdecimal() and text.isascii():
            return min(float(text), LATEST)
        date = http_date(text)
        return None if date is None else max(0.0, date - self.reply.server_now)

    def hint(self) -> str:
        """Return what to write, where something in it looks like a token."""
        token = proposed(self.answer).token
        if token is None:
            return ""
        is_key, kind = isinstance(token, str), type(token).__name__
        written = f'"{token}"' if is_key else repr(token).replace("'", '"').replace("(name=", "(")
        written = f"token={self._name(written)}" + ("" if is_key else f", with {kind} from tokenauth.providers")
        ours = settable(self.provider, "token")
        return f"Did you mean {written}?" if ours else f"LoginAuth(…, {written}) could read it."

    def _name(self, written: str) -> str:
        """Return the name of a place, fit to be shown. A short secret hides none: one letter would hide them all."""
        return shown(written, [secret for secret in self.secrets if len(secret) >= _SHORTEST])

    def warn_of_no_end(self, places: Places | None, name: str) -> None:
        """Log, once for each place, that the lifetime stands elsewhere. A null says that there is none."""
        if any(isinstance(each, str) and f'"{each.rpartition(".")[2]}"' in self.answer.text for each in places or ()):
            return
        mark = (where(self.provider), described(places))
        if mark in _warned or len(_warned) >= _MOST_WARNINGS:
            return
        _warned.add(mark)
        likely = proposed(self.answer)
        near = likely.expires_in or likely.expires_at
        unit = f" with unit={likely.unit!r}" if likely.unit else ""
        mine = "".join(settable(self.provider, name))
        instead = f"; did you mean {self._name(repr(near))}{unit}?" if near and mine else ""
        _log.warning("%s: no lifetime at %s%s%s", self.provider.name, mine, described(places), instead)

    # the errors

    def http_error(self, fault: Fault, advice: str) -> Exception:
        """Return the error for a response other than 2xx. The codes of RFC 6749 §5.2 tell credentials from settings."""
        status, more = self.reply.status, {}
        is_passing = status == 400 and fault.code in PASSING
        is_crowded = status == 400 and not is_passing and _CROWDED.search(f"{fault.code} {fault.detail}")
        if status in _REJECTED and not is_crowded and not is_passing:
            if status != 400 or fault.code not in _NOT_THE_CREDENTIALS:
                return self.rejected(fault, advice)
            advice = f"Check the settings that {fault.code} is about; the secret may be right."
            return self._error(errors.CredentialsRejected, "refused the call", fault, advice)
        if is_crowded:
            what, advice = "has had enough for now", "Wait, and log in less often or log out."
            more = {"retry_after": self.retry_after(self.answer.content)}
        elif 300 <= status < 400:
            what, advice, fault = f"redirects to {self._target()}", "Secrets are not sent on: check the URL.", Fault()
        elif is_passing or status in RETRYABLE or status >= 500:
            what, advice = "failed", _LATER
            more = {"retryable": True, "retry_after": self.retry_after(self.answer.content)}
        elif status in {415, 422}:
            what, advice = "did not take the call", "Check the names and values of what is sent"
            advice += ", and whether it wants form= or json=." if settable(self.provider, "form") else "."
            is_known = status == 415 or not settable(self.provider, "rejected")
            advice += "" if is_known else f" If wrong credentials look so: rejected={status}."
        else:
            also = " and method=" if status == 405 and settable(self.provider, "method") else ""
            what, advice = "does not work as a token endpoint", f"Check the URL{also}."
        return self._error(errors.TokenEndpointError, what, fault, advice, **more)

    def rejected(self, fault: Fault, advice: str) -> Exception:
        """Return the error for an answer that refuses the credentials, whatever its status."""
        return self._error(errors.CredentialsRejected, "refused the credentials", fault, advice)

    def not_json(self) -> Exception:
        """Return the error for a 2xx that is empty, truncated, or not JSON: a failure that may be temporary."""
        what = f"answered with {'something other than JSON' if self.reply.body.strip() else 'nothing'}"
        likely = self.hint()
        advice = (
            f"{likely} Or is it a proxy or a fault there?" if likely else "A proxy or a fault there? Check the URL."
        )
        return self._error(errors.TokenResponseError, what, Fault(), advice, retryable=True)

    def missing(self, place: str, what: str = "", fault: Fault | None = None) -> Exception:
        """Return the error for an answer that has nothing at *place*. *fault*: what it says, if that is the token."""
        there = shown(", ".join(keys_of(self.answer.content)), self.secrets)
        headers = ", ".join(name for name in self.answer.headers if name not in _USUAL)
        seen = f"There are: {there or 'no keys'}" + (f"; headers {shown(headers, self.secrets)}" if headers else "")
        advice = f"{seen}. {'' if fault is None else self.hint()}".strip()
        return self.unusable(
            f"{what or 'answered without a value that is needed'}: nothing at {place}", fault, advice=advice
        )

    def unusable(
        self, what: str, fault: Fault | None = None, *, advice: str = "", retryable: bool = False
    ) -> Exception:
        """Return the error for a 2xx without a usable token; *what* it did instead, such as "gave no token"."""
        advice = advice or (_LATER if retryable else "Check the URL and the settings.")
        more = {"retryable": retryable, "retry_after": self.retry_after() if retryable else None}
        return self._error(errors.TokenResponseError, what, fault or Fault(), advice, **more)

    def _target(self) -> str:
        """Return where a redirect leads."""
        try:
            url = urljoin(self.provider.token_url, self.reply.headers.get("location", ""))
            target, home = str(Origin.parse(url)), str(Origin.parse(self.provider.token_url))
            target += urlsplit(url).path if target == home else ""  # abroad the path is not for us to show
        except ValueError:
            target = "an address that can't be read"
        return shown(target, self.secrets)

    def _error(
        self, kind: "type[TokenAuthError]", what: str, fault: Fault, advice: str, **more: Any
    ) -> "TokenAuthError":
        code = f", code {fault.code}" if fault.code else ""
        detail = f": {fault.detail!r}" if fault.detail else ""
        named, status = titled(self.provider), self.reply.status
        named += f": the call {self.reply.call} before it" if self.reply.call else ""
        text = f"{named} {what} (HTTP {status}{code}){detail}. {advice}"
        return kind(text, status=status, code=fault.code, detail=fault.detail, extra=fault.extra, **more)


def _complaint(value: Mapping[str, Any]) -> object:
    """Return what an object says is wrong: its first value, or the text and place in one of FastAPI's 422."""
    if isinstance(value.get("msg"), str) and isinstance(value.get("loc"), list):
        return f"{value['msg']}: {'.'.join(map(str, value['loc']))}"
    return next(iter(value.values()))


def scheme_of(token_type: object) -> str:
    """Return the authentication scheme for a `token_type`: "Bearer" in this spelling, and where it is missing.

    What can't be a scheme (RFC 9110 §11.1) counts as missing, with a warning.
    """
    if token_type in {None, "", "N_A"}:  # the last: exchanged for something else than an access token, RFC 8693 §2.2.1
        return "Bearer"
    if not isinstance(token_type, str) or not HTTP_TOKEN.fullmatch(token_type.strip()):
        _log.warning("the token's type can't be an authentication scheme; it is taken for Bearer")
        return "Bearer"
    return "Bearer" if token_type.strip().lower() in _BEARER else token_type.strip()


def without(content: Mapping[str, Any], *secrets: object) -> dict[str, object]:
    """Return *content* without the values in *secrets*, down to a few levels; deeper ones are left out."""
    hidden = [secret for secret in secrets if isinstance(secret, str) and secret]
    kept: dict[str, object] = _kept(content, hidden, _DEEPEST)
    return kept


def _kept(value: Any, hidden: list[str], levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {key: _kept(each, hidden, levels - 1) for key, each in value.items() if each not in hidden}
    return [_kept(each, hidden, levels - 1) for each in value if each not in hidden]
