"""What every provider makes of an answer: its JSON object, its pace, and the error that says what to do.

Law: errors are returned, not raised, so that nobody raises one inside an `except` block and chains what a parser saw.
Law: a server's text goes into an error through `shown` only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from tokenauth._core import errors
from tokenauth._core.effects import Reply
from tokenauth._core.expiry import http_date
from tokenauth._core.origins import Origin
from tokenauth._core.provider import Provider, where
from tokenauth.providers._masking import shown

_REJECTED = frozenset({400, 401, 403})
_RETRYABLE = frozenset({408, 425, 429})
_NOT_THE_CREDENTIALS = frozenset({"invalid_request", "invalid_scope", "invalid_target", "unsupported_grant_type"})
_LONGEST_NUMBER = 9


@dataclass(frozen=True)
class Fault:
    """What a provider said about a failure, already fit to be shown: its code, its text, its other fields."""

    code: str | None = None
    detail: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def json_value(reply: Reply) -> tuple[bool, Any]:
    """Return whether the body is JSON, and its value."""
    try:
        return True, reply.json()
    except (ValueError, RecursionError):
        return False, None


def visible(provider: Provider, reply: Reply, value: object) -> str | None:
    """Return a field of an error answer, fit to be shown; None where it is no text or number, or empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return shown(value if isinstance(value, str) else repr(value), _secrets_sent(provider, reply)) or None


def _secrets_sent(provider: Provider, reply: Reply) -> list[str]:
    return [*reply.secrets, *(secret.seen for secret in provider.secrets if secret.seen)]


def retry_after(reply: Reply, content: object = None) -> float | None:
    """Return the seconds to wait: `Retry-After` (RFC 9110 §10.2.3), else `retryAfter` in the body; None unknown."""
    header = reply.headers.get("retry-after")
    value = header if header is not None or not isinstance(content, dict) else content.get("retryAfter")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if len(text) <= _LONGEST_NUMBER and text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    date = http_date(text)
    return None if date is None else max(0.0, date - reply.server_now)


def http_error(provider: Provider, reply: Reply, content: object, fault: Fault, advice: str) -> Exception:
    """Return the error for an answer other than 2xx."""
    status = reply.status
    if status in _REJECTED:
        return _refusal(provider, reply, fault, advice)
    if 300 <= status < 400:
        return _redirect(provider, reply)
    retryable = status in _RETRYABLE or status >= 500
    if retryable:
        pause = retry_after(reply, content)
        text = _text(provider, "failed", reply, fault, "It may recover: try again later.")
        return errors.TokenEndpointError(text, retryable=True, retry_after=pause, **_evidence(reply, fault))
    text = _text(provider, "is no working token endpoint", reply, fault, "Check the URL (and the method).")
    return errors.TokenEndpointError(text, **_evidence(reply, fault))


def _refusal(provider: Provider, reply: Reply, fault: Fault, advice: str) -> Exception:
    """Return the error for 400, 401 and 403; the codes of RFC 6749 §5.2 tell credentials from other settings."""
    what = "refused the credentials"
    if reply.status == 400 and fault.code in _NOT_THE_CREDENTIALS:
        what, advice = "refused the call", f"Check the settings that {fault.code} is about; the secret may be right."
    return errors.CredentialsRejected(_text(provider, what, reply, fault, advice), **_evidence(reply, fault))


def _redirect(provider: Provider, reply: Reply) -> Exception:
    try:
        target = str(Origin.parse(urljoin(provider.token_url, reply.headers.get("location", ""))))
    except ValueError:
        target = "an address that can't be read"
    target = shown(target, _secrets_sent(provider, reply))
    text = _text(provider, f"redirects to {target}", reply, Fault(), "Secrets are not sent on: check the URL.")
    return errors.TokenEndpointError(text, status=reply.status)


def rejected(provider: Provider, reply: Reply, fault: Fault, advice: str) -> Exception:
    """Return the error for a 2xx that refuses the credentials in its body."""
    text = _text(provider, "refused the credentials", reply, fault, advice)
    return errors.CredentialsRejected(text, **_evidence(reply, fault))


def not_json(provider: Provider, reply: Reply) -> Exception:
    """Return the error for a 2xx that is empty, cut, or something else than JSON: a fault that may pass."""
    kind = "something other than JSON" if reply.body.strip() else "nothing"
    text = _text(provider, f"answered with {kind}", reply, Fault(), "A proxy or a fault there? Check the URL.")
    return errors.TokenResponseError(text, status=reply.status, retryable=True)


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
    return f"{provider.name}: {where(provider)} {what} (HTTP {reply.status}{code}){detail}. {advice}"
