"""How providers read a response: its JSON object, its `Retry-After`, and the error that says what to do.

Law: errors are returned, not raised, so that none is raised inside an `except` block, chained to a parser's exception.
Law: a server's text goes into an error only through `shown`.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from tokenauth._core import errors
from tokenauth._core.expiry import LATEST, http_date
from tokenauth._core.frozen import Frozen, part, replace
from tokenauth._core.messages import Reply
from tokenauth._core.origins import Origin
from tokenauth._core.places import Answer, Places, described, found, keys_of
from tokenauth._core.provider import Provider, titled, where
from tokenauth._core.token import HTTP_TOKEN, Token
from tokenauth.providers._masking import shown
from tokenauth.providers._proposals import Proposal, proposed

_REJECTED = frozenset({400, 401, 403})
_RETRYABLE = frozenset({408, 425, 429})
_NOT_THE_CREDENTIALS = frozenset({"invalid_request", "invalid_scope", "invalid_target", "unsupported_grant_type"})
_SHORTEST = 4  # characters of what is kept and must not show; a count is shorter
_CROWDED = re.compile(r"too many|rate.?limit|throttl|maximum (?:number of )?(?:active|concurrent)", re.IGNORECASE)
_USUAL = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server", "vary", "via"}
)
_MOST_WARNINGS = 1000
_DEEPEST = 4  # levels of an answer that are kept in Token.extra
_BEARER = frozenset({"bearer", "bearertoken", "bearer_token", "bearer-token"})  # Apigee's answers say "BearerToken"
_warned: set[tuple[str, str]] = set()
_log = logging.getLogger("tokenauth")


class Fault(Frozen):
    """What a provider said about a failure, already fit to be shown: its code, its text, its other fields."""

    code: str | None = None
    detail: str | None = None
    extra: Mapping[str, str] = part(default_factory=dict)


def opened(reply: Reply, kept: Mapping[str, str]) -> tuple[Reply, Answer]:
    """Return *reply*, which knows what of *kept* must not show, and the answer to look things up in."""
    secrets = (*reply.secrets, *(value for value in kept.values() if len(value) >= _SHORTEST))
    return replace(reply, secrets=secrets) if kept else reply, Answer(reply.status, reply.headers, reply.body)


def keeping(token: Token, kept: Mapping[str, str]) -> Token:
    """Return *token* with what is *kept* beside it."""
    return replace(token, kept={name: value for name, value in kept.items() if name != "token"}) if kept else token


def first_text(answer: Answer, places: Places | None) -> object:
    """Return the first scalar at *places*: in a list or object there, too."""
    value = found(answer, places, scalars=True)
    if value is None:
        value = found(answer, places)
        while isinstance(value, dict | list) and value:
            value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


def visible(provider: Provider, reply: Reply, value: object) -> str | None:
    """Return a field of an error answer, fit to be shown; None where it is no text or number, or empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return shown(value if isinstance(value, str) else repr(value), _secrets_sent(provider, reply)) or None


def _secrets_sent(provider: Provider, reply: Reply) -> list[str]:
    return [*reply.secrets, *secrets_seen(provider)]


def secrets_seen(provider: Provider) -> list[str]:
    """Return the secrets of *provider* as they were last read."""
    return [secret.seen for secret in provider.secrets if secret.seen]


def retry_after(reply: Reply, content: object = None) -> float | None:
    """Return the seconds to wait: `Retry-After` (RFC 9110 §10.2.3), else `retryAfter` in the body; None if unknown."""
    header = reply.headers.get("retry-after")
    value = header if header is not None or not isinstance(content, dict) else content.get("retryAfter")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return min(float(text), LATEST)
    date = http_date(text)
    return None if date is None else max(0.0, date - reply.server_now)


def http_error(provider: Provider, reply: Reply, content: object, fault: Fault, advice: str) -> Exception:
    """Return the error for a response other than 2xx."""
    status = reply.status
    if status == 400 and _CROWDED.search(f"{fault.code} {fault.detail}"):
        text = _text(provider, "has had enough for now", reply, fault, "Wait, and log in less often or log out.")
        return errors.TokenEndpointError(text, retry_after=retry_after(reply, content), **_evidence(reply, fault))
    if status in _REJECTED:
        return _refusal(provider, reply, fault, advice)
    if 300 <= status < 400:
        return _redirect(provider, reply)
    retryable = status in _RETRYABLE or status >= 500
    if retryable:
        pause = retry_after(reply, content)
        text = _text(provider, "failed", reply, fault, "It may recover: try again later.")
        return errors.TokenEndpointError(text, retryable=True, retry_after=pause, **_evidence(reply, fault))
    if status == 422:
        advice = "Check the names and values of what is sent. If wrong credentials look so: rejected=422."
        text = _text(provider, "did not take the call", reply, fault, advice)
        return errors.TokenEndpointError(text, **_evidence(reply, fault))
    text = _text(provider, "does not work as a token endpoint", reply, fault, "Check the URL (and the method).")
    return errors.TokenEndpointError(text, **_evidence(reply, fault))


def _refusal(provider: Provider, reply: Reply, fault: Fault, advice: str) -> Exception:
    """Return the error for 400, 401 and 403. The codes of RFC 6749 §5.2 distinguish credentials from other settings."""
    what = "refused the credentials"
    if reply.status == 400 and fault.code in _NOT_THE_CREDENTIALS:
        what, advice = "refused the call", f"Check the settings that {fault.code} is about; the secret may be right."
    return errors.CredentialsRejected(_text(provider, what, reply, fault, advice), **_evidence(reply, fault))


def _redirect(provider: Provider, reply: Reply) -> Exception:
    try:
        url = urljoin(provider.token_url, reply.headers.get("location", ""))
        target, home = str(Origin.parse(url)), str(Origin.parse(provider.token_url))
        target += urlsplit(url).path if target == home else ""  # abroad the path is not for us to show
    except ValueError:
        target = "an address that can't be read"
    target = shown(target, _secrets_sent(provider, reply))
    text = _text(provider, f"redirects to {target}", reply, Fault(), "Secrets are not sent on: check the URL.")
    return errors.TokenEndpointError(text, status=reply.status)


def rejected(provider: Provider, reply: Reply, fault: Fault, advice: str) -> Exception:
    """Return the error for a 2xx that refuses the credentials in its body."""
    text = _text(provider, "refused the credentials", reply, fault, advice)
    return errors.CredentialsRejected(text, **_evidence(reply, fault))


def not_json(provider: Provider, reply: Reply, answer: Answer) -> Exception:
    """Return the error for a 2xx that is empty, truncated, or not JSON: a failure that may be temporary."""
    kind = "something other than JSON" if reply.body.strip() else "nothing"
    advice = "A proxy or a fault there? Check the URL."
    likely = hint(answer, _secrets_sent(provider, reply))
    if likely:
        advice = f"{likely} Or is it a proxy or a fault there?"
    text = _text(provider, f"answered with {kind}", reply, Fault(), advice)
    return errors.TokenResponseError(text, status=reply.status, retryable=True)


def wants_json(places: Places | None) -> bool:
    """Whether only a JSON answer can have what is looked for."""
    return all(isinstance(place, str) for place in places or ())


def missing(  # noqa: PLR0917  (what is said of one answer)
    provider: Provider, reply: Reply, answer: Answer, place: str, what: str = "", fault: Fault | None = None
) -> Exception:
    """Return the error for an answer that has nothing at *place*. *fault*: what it says, where the token is missing."""
    secrets = _secrets_sent(provider, reply)
    there = shown(", ".join(keys_of(answer.content)), secrets)
    headers = ", ".join(name for name in answer.headers if name not in _USUAL)
    seen = f"There are: {there or 'no keys'}" + (f"; headers {shown(headers, secrets)}" if headers else "")
    near = "" if fault is None else hint(answer, secrets)
    advice = " ".join(part for part in (f"{seen}.", near) if part)
    text = f"{what or 'answered without a value that is needed'}: nothing at {place}"
    return unusable(provider, reply, text, fault, advice=advice)


def hint(answer: Answer, secrets: Iterable[str]) -> str:
    """Return what to write, where something in *answer* looks like a token; without *secrets*."""
    likely = proposed(answer)
    long = [secret for secret in secrets if len(secret) >= _SHORTEST]  # or one letter would hide every name
    return "" if likely.token is None else f"Did you mean token={shown(_written(likely), long)}?"


def _written(proposal: Proposal) -> str:
    return f'"{proposal.token}"' if isinstance(proposal.token, str) else repr(proposal.token).replace("'", '"')


def warn_of_no_end(provider: Provider, answer: Answer, places: Places | None, name: str = "expires_in") -> None:
    """Log, once for each place, that the lifetime stands elsewhere. A null says that there is none."""
    if any(isinstance(each, str) and f'"{each.rpartition(".")[2]}"' in answer.text for each in places or ()):
        return
    mark = (where(provider), described(places))
    if mark in _warned or len(_warned) >= _MOST_WARNINGS:
        return
    _warned.add(mark)
    likely = proposed(answer)
    near = likely.expires_in or likely.expires_at
    unit = f" with unit={likely.unit!r}" if likely.unit else ""
    instead = f"; did you mean {shown(repr(near), secrets_seen(provider))}{unit}?" if near else ""
    _log.warning("%s: no lifetime at %s=%s%s", provider.name, name, described(places), instead)


def unusable(
    provider: Provider,
    reply: Reply,
    what: str,
    fault: Fault | None = None,
    *,
    advice: str = "",
    retryable: bool = False,
) -> Exception:
    """Return the error for a 2xx without a usable token; *what* it did instead, such as "gave no token"."""
    fault = fault or Fault()
    advice = advice or ("It may recover: try again later." if retryable else "Check the URL and the settings.")
    pause = retry_after(reply) if retryable else None
    text = _text(provider, what, reply, fault, advice)
    return errors.TokenResponseError(text, retryable=retryable, retry_after=pause, **_evidence(reply, fault))


def _evidence(reply: Reply, fault: Fault) -> dict[str, Any]:
    return {"status": reply.status, "code": fault.code, "detail": fault.detail, "extra": fault.extra}


def _text(provider: Provider, what: str, reply: Reply, fault: Fault, advice: str) -> str:
    code = f", code {fault.code}" if fault.code else ""
    detail = f": {fault.detail!r}" if fault.detail else ""
    named = f"{titled(provider)}: the call {reply.call} before it" if reply.call else titled(provider)
    return f"{named} {what} (HTTP {reply.status}{code}){detail}. {advice}"


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
    return {key: _kept(value, hidden, _DEEPEST) for key, value in content.items() if value not in hidden}


def _kept(value: object, hidden: list[str], levels: int) -> object:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {key: _kept(each, hidden, levels - 1) for key, each in value.items() if each not in hidden}
    return [_kept(each, hidden, levels - 1) for each in value if each not in hidden]
