"""Admission: which requests may carry a provider's token, and how.

Law: the token goes to its provider's origin and to those that the user names, and nowhere else.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from tokenauth._core.by_value import by_value
from tokenauth._core.frozen import replace
from tokenauth._core.header_names import checked_sent_name
from tokenauth._core.options import checked_flag
from tokenauth._core.origins import Origin, checked_origin, listed
from tokenauth._core.places import Answer
from tokenauth._core.provider import Provider
from tokenauth._core.rules import Matcher, Rule, checked_rule
from tokenauth._core.secrets import checked_text
from tokenauth._core.signature import Signature, in_header
from tokenauth._core.token import HTTP_TOKEN, Token

log = logging.getLogger("tokenauth")

_MOST_WARNINGS = 1000
_NONE: Mapping[str, str] = {}

# auth-param, RFC 9110 §11.2; a match takes a quoted value as a whole, so that nothing in it is taken for another
_AUTH_PARAM = re.compile(
    rf'(?<![^\s,])({HTTP_TOKEN.pattern})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({HTTP_TOKEN.pattern})(?![^\s,]))'
)


class _Terms(NamedTuple):
    """The options, checked."""

    more_origins: frozenset[Origin]
    header: str
    scheme: str | None
    rule: Matcher


@by_value
def _terms(origins: tuple[str, ...], header: str, scheme: str | None, refused: Rule, allow_http: bool) -> _Terms:
    return _Terms(
        frozenset(checked_origin(url, "origins", allow_http=allow_http) for url in origins),
        checked_sent_name("header", header),
        None if scheme is None else checked_text("scheme", scheme, empty=True, header=True),
        checked_rule("refused", refused),
    )


@by_value
def _check_home(url: str, allow_http: bool) -> None:
    checked_origin(url, "token_url", allow_http=allow_http)


class Admission:
    """A provider, with the options that decide where its token goes: see `Options`.

    Attributes:
        steady: whether a token's signature is the same each time.
        refusals: the statuses of which `is_refusal` may be true.
        peeks: whether there is any of which `looks` may be true.
        tell: `Credential.emit`.
        note: is told what requests are signed with.
    """

    tell: Callable[..., object] = staticmethod(lambda *_, **__: None)
    note: Callable[[Signature], object] = bool

    def __init__(
        self,
        provider: Provider,
        *,
        origins: Iterable[str] = (),
        header: str = "Authorization",
        scheme: str | None = None,
        extra_headers: Mapping[str, str] = _NONE,
        allow_http: bool = False,
        refused: Rule | None = None,
    ) -> None:
        self.provider, self.refused, self.allow_http = provider, refused, checked_flag("allow_http", allow_http)
        terms = _terms(listed(origins), header, scheme, 401 if refused is None else refused, allow_http)
        self.more_origins, self.header, self.scheme, self._rule = terms
        self.refusals, self.peeks = self._rule.statuses, bool(self._rule.clauses)
        _check_home(provider.token_url, allow_http)
        self.extra_headers = extra_headers if extra_headers is _NONE else _checked_headers(extra_headers)
        self.steady = provider.steady or type(provider).sign is Provider.sign

    def is_refusal(self, status: int, headers: Mapping[str, Any]) -> bool:
        """Whether a response's *status* means that the token is no longer valid.

        Without `refused=`, that is a 401, unless it is about scope (RFC 6750 §3.1), which a new token would lack as
        well.
        """
        if status not in self.refusals:
            return False
        return self.refused is not None or _errors_of(headers.get("WWW-Authenticate", "")) != {"insufficient_scope"}

    def looks(self, status: int) -> bool:
        """Whether the body of a response with this *status* must be checked as well."""
        return self.peeks and self._rule.looks(status)

    def tells(self, answer: Answer, response: object) -> bool:
        """Whether the content of *answer* means that the token is no longer valid. Callables get *response* instead."""
        return self._rule.matches(answer, response)

    def admits(self, origin: Origin | None) -> bool:
        """Whether *origin* may receive a token. If not, warn once."""
        if origin is not None and (origin in self.more_origins or self.provider.may_serve(origin)):
            return True
        return self._foreign(origin)

    def serves(self, origin: Origin, token: Token | None) -> bool:
        """Whether *token* may go to *origin*. None stands for a signature that needs no token."""
        if token is None:
            return self.provider.is_static(origin)
        return self.admits(origin) and self.signature(token, origin) is not None

    def signature(self, token: Token, origin: Origin) -> Signature | None:
        """Return what a request to *origin* carries with *token*, or None if the token is not for that origin."""
        if token.origin is not None and origin not in self.more_origins and Origin.parse(token.origin) != origin:
            self._foreign(origin)
            return None
        own = self.provider.sign(token)
        if own is None:
            own = Signature(in_header(token, self.header, self.scheme))
        return self._whole(own)

    def static(self, origin: Origin) -> Signature:
        """Return what a request to *origin* carries, which needs no token."""
        own = self.provider.static(origin)
        return Signature() if own is None else self._whole(own)

    def _whole(self, own: Signature) -> Signature:
        if not isinstance(own, Signature):
            raise TypeError(f"{self.provider.name}: sign must return a Signature, not {type(own).__name__}")
        whole = replace(own, headers={**self.extra_headers, **own.headers}) if self.extra_headers else own
        self.note(whole)
        return whole

    def warn_of(self, scheme: str) -> None:
        """Warn once that a URL has no origin. Only the URL's *scheme* is shown."""
        if self._is_new(scheme):
            text = "%s: a request to a %s: URL goes without the token, because the URL's origin can't be determined"
            log.warning(text, self.provider.name, scheme)

    @cached_property
    def _warned(self) -> set[Origin | str]:
        return set()

    def _is_new(self, subject: Origin | str) -> bool:
        if subject in self._warned or len(self._warned) >= _MOST_WARNINGS:
            return False
        self._warned.add(subject)
        return True

    def _foreign(self, origin: Origin | None) -> bool:
        if origin is not None and self._is_new(origin):
            text = "%s: requests to %s go without the token; it belongs to %s. Add it to origins= if it may have it"
            log.warning(text, self.provider.name, origin, Origin.parse(self.provider.token_url))
            self.tell("foreign", origin=str(origin))
        return False


def _checked_headers(headers: object) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise TypeError(f"extra_headers must be a mapping, not {type(headers).__name__}")
    return {
        checked_sent_name("a name in extra_headers", name): checked_text(f"extra_headers[{name!r}]", value, header=True)
        for name, value in headers.items()
    }


def _errors_of(challenges: str) -> set[str]:
    """Return the `error` of each challenge in a response (RFC 6750 §3)."""
    params = _AUTH_PARAM.findall(challenges)
    return {token or re.sub(r"\\(.)", r"\1", quoted) for name, quoted, token in params if name.lower() == "error"}
