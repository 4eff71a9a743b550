"""Sources of a text that is read at each login: a file, another auth object, a callable, or the text itself."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tokenauth._core.finder import Finder, unnamed
from tokenauth._core.secrets import Secret, SecretLike, SourceError
from tokenauth._core.token import Token

LONGEST = 1 << 20
"""Bytes of a file that are read: no key and no token is longer."""


@runtime_checkable
class TokenSource(Protocol):
    """What every auth object has."""

    def get_token(self) -> Token: ...


TextSource = SecretLike | os.PathLike[str] | TokenSource


@dataclass(frozen=True)
class FileText:
    """Returns what is in the file at *path* now."""

    path: str

    def __call__(self) -> str:
        text = ""
        try:
            with Path(self.path).open("rb") as file:
                text = file.read(LONGEST).decode().strip()
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
        except UnicodeDecodeError:
            why = "it is not UTF-8 text"
        else:
            why = "" if text else "it is empty"
        if why:
            raise SourceError(f"the file {self.path} can't be used: {why}")
        return text


@dataclass(frozen=True)
class TokenOf:
    """Returns the token of *auth*, another auth object: fetched, kept and renewed there. Blocks."""

    auth: Any

    def __call__(self) -> str:
        return str(self.auth.get_token().value)

    def tell(self, value: str | None, place: str, *, refused: bool) -> None:
        """Tell *auth* what became of its token *value* at *place*, as of one on a request: see `Futility`."""
        source = self.auth._source
        held = source.tokens.held()
        if not refused:
            source.ended(place, refused=False)
        elif held is not None and held.token.value == value:
            source.learn_refusal(held.token, place)


def sealed(name: str, source: object, *, raw: bool = False) -> Secret:
    """Return the argument *name* as a secret that is read at each login.

    Raises:
        TypeError, ValueError: it is neither a text, a path, a callable, an auth object nor a box with
            `get_secret_value()`.
    """
    if isinstance(source, os.PathLike):
        source = FileText(os.path.abspath(os.fsdecode(source)))
    elif isinstance(source, TokenSource) and not isinstance(source, type):
        source = TokenOf(source)
    return Secret(name, source, raw=raw)  # type: ignore[arg-type]  # it checks what it is given


def tell_sources(secrets: Iterable[Secret], place: str, *, refused: bool) -> None:
    """Tell the auth objects whose tokens were read as *secrets* last whether *place* *refused* them.

    A refused token is dropped there, so that the next login brings another one.
    """
    for secret in secrets:
        source = _source_of(secret)
        if isinstance(source, TokenOf) and hasattr(source.auth, "_source"):
            source.tell(secret.seen, place, refused=refused)


def told(secret: Secret) -> object:
    """Return what distinguishes *secret* besides a text's value: where it comes from."""
    match _source_of(secret):
        case None:
            return "text"
        case FileText(path=path):
            return ("file", path)
        case TokenOf(auth=auth):
            provider = _provider_of(auth)
            return ("token", type(provider), provider.identity, tuple(provider.secrets))
        case function:
            return ("callable", Finder(function).identity)


def process_bound(name: str, secret: Secret) -> str:
    """Return what of `told` this process alone can tell from others; see `Provider.process_bound`."""
    source = _source_of(secret)
    if isinstance(source, TokenOf):
        return str(_provider_of(source.auth).process_bound)
    return unnamed({name: Finder(source)}) if callable(source) and not isinstance(source, FileText) else ""


def lasting(secrets: Iterable[Secret]) -> tuple[Secret, ...]:
    """Return what stays the same of *secrets*: of another auth object's token, what that one logs in with."""
    found: list[Secret] = []
    for secret in secrets:
        source = _source_of(secret)
        found += lasting(_provider_of(source.auth).secrets) if isinstance(source, TokenOf) else (secret,)
    return tuple(found)


def comparable(secret: Secret) -> bool:
    """Whether nothing in `told` can turn out to be a TypeError; see `Provider.comparable`."""
    source = _source_of(secret)
    return bool(_provider_of(source.auth).comparable) if isinstance(source, TokenOf) else True


def _source_of(secret: Secret) -> Any:
    """Return what *secret* is read from at each login; None for a text."""
    return secret.identity if secret.dynamic else None


def _provider_of(auth: Any) -> Any:
    return getattr(auth, "_provider", auth)
