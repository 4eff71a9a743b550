"""Secrets as users hold them: a str, a callable that is read at each login, or anything with `get_secret_value()`."""

from collections.abc import Callable, Hashable
from typing import Protocol

from tokenauth import errors


class SupportsSecretValue(Protocol):
    """What pydantic's SecretStr and its kin have."""

    def get_secret_value(self) -> str: ...


SecretLike = str | Callable[[], str] | SupportsSecretValue


def checked_text(name: str, value: object, *, empty: bool = False) -> str:
    """Return *value*, the argument *name*, where it is a str that can stand in a header; its value is never shown.

    Raises:
        TypeError: it is no str.
        ValueError: it is empty (unless *empty*), padded with blanks, or has a control character.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value and not empty:
        raise ValueError(f"{name} is empty")
    if value != value.strip():
        raise ValueError(f"{name} begins or ends with white space; was a newline read along with it?")
    if any(character < " " or character == "\x7f" for character in value):
        raise ValueError(f"{name} has a control character in it")
    return value


class Secret:
    """A secret argument: checked at construction where its value is there, read at each login, never shown."""

    __slots__ = ("_source", "name")

    def __init__(self, name: str, source: SecretLike) -> None:
        self.name = name
        self._source = source
        if not self.dynamic:
            self._plain(source)

    @property
    def dynamic(self) -> bool:
        """Whether the value comes from a callable, which may block and may change."""
        return callable(self._source)

    @property
    def identity(self) -> Hashable:
        """What tells this secret from others: the value, or the callable itself. For a keyed digest, not to be shown."""
        return self._source if callable(self._source) else self._plain(self._source)

    def reveal(self) -> str:
        """Return the value as it is now. TokenAuthError where the callable fails or returns something unusable."""
        problem: Exception
        try:
            value = self._source() if callable(self._source) else self._source
        except Exception as error:
            raise errors.TokenAuthError(f"The callable for {self.name} raised {type(error).__name__}") from error
        try:
            return self._plain(value)
        except (TypeError, ValueError) as error:
            problem = error
        raise errors.TokenAuthError(f"What the callable for {self.name} returned is unusable: {problem}")

    def _plain(self, value: object) -> str:
        if not isinstance(value, str) and hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        return checked_text(self.name, value)

    def __repr__(self) -> str:
        return f"<Secret {self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)
