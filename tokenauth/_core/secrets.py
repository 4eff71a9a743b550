"""Secrets: a str, a callable that is called at each login, or anything with `get_secret_value()`."""

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from tokenauth._core import errors, stand_in
from tokenauth._core.token import exact


class SupportsSecretValue(Protocol):
    """An object like pydantic's SecretStr."""

    def get_secret_value(self) -> str: ...


SecretLike = str | Callable[[], str] | SupportsSecretValue

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"

Readings = dict[int, tuple[object, object]]
"""Callables and what they returned, by the id of each: nothing else has the id of what is kept."""

_read: ContextVar[Readings | None] = ContextVar("_read", default=None)


@contextlib.contextmanager
def each_read_once(readings: Readings) -> Iterator[None]:
    """Within blocks with the same *readings* each callable is called once, however often its value is used."""
    mark = _read.set(readings)
    try:
        yield
    finally:
        _read.reset(mark)


Function = TypeVar("Function", bound=Callable[..., Any])


def hides_locals(function: Function) -> Function:
    """Empty the local variables of the calls that an exception of *function* came through.

    They hold the arguments, and reports with local variables (Sentry's, pytest's `-l`) would show the secrets in them.
    """

    @functools.wraps(function)
    def hiding(*args: Any, **arguments: Any) -> Any:
        try:
            return function(*args, **arguments)
        except Exception as problem:
            del args, arguments
            empty_frames(problem)
            raise

    hidden: Any = hiding
    return hidden  # type: ignore[no-any-return]


def empty_frames(problem: BaseException) -> None:
    """Empty the local variables of the calls that *problem* came through, and what it came from."""
    import traceback  # noqa: PLC0415  (needed for an error only)

    chain = [problem]
    for each in chain:
        traceback.clear_frames(each.__traceback__)
        chain += [one for one in (each.__cause__, each.__context__) if one is not None and one not in chain]


class SourceError(ValueError):
    """A source of a secret can't be read. Raised by sources of ours: its text says why, and never shows a secret."""


def checked_text(name: str, value: object, *, empty: bool = False, header: bool = False) -> str:
    """Return *value*, the argument *name*, as a plain str that can be sent. Errors never show it.

    Args:
        empty: whether "" is allowed.
        header: whether it goes into a header unencoded, so that it must be ASCII (RFC 9110 §5.5).

    Raises:
        TypeError: it is not a str.
        ValueError: it is empty, has white space at either end, a control character, or something that can't be encoded.
    """
    if type(value) is str and value.isascii() and value.isprintable() and value == value.strip() and (value or empty):
        return value
    if value is None:
        raise TypeError(f"{name} must be a str, not None; is an environment variable or a setting missing?")
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value and not empty:
        raise ValueError(f"{name} is empty; is an environment variable or a setting missing?")
    if value != value.strip():
        raise ValueError(f"{name} begins or ends with white space; was a newline read along with it?")
    if value != value.strip(_INVISIBLE):
        raise ValueError(
            f"{name} begins or ends with an invisible character; was a byte order mark read along with it?"
        )
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in value):
        raise ValueError(f"{name} has a control character in it")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name} has half a surrogate pair in it; was it decoded wrongly?")
    if header and not value.isascii():
        raise ValueError(f"{name} goes into a header, but has characters other than ASCII")
    return exact(value)  # type: ignore[no-any-return]


def check_plain(name: str, function: object, instead: str = "", *, takes: int = 1) -> None:
    """TypeError if *function*, the argument *name*, is async, a class, or can't be called with as many arguments as it
    *takes*. *instead*: what to write for an async one."""
    if isinstance(function, type):
        raise TypeError(f"{name} must be a function, not the class {function.__name__}: call it first")
    import inspect  # noqa: PLC0415  (most programs pass no callables)

    if any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        raise TypeError(f"{name} must be a plain function: an async one would never run{instead}")
    check_takes(name, function, takes)


def check_takes(name: str, function: Any, count: int) -> None:
    """TypeError if *function*, the argument *name*, can't be called with *count* arguments, as far as it tells."""
    import inspect  # noqa: PLC0415  (the same)

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one written in C need not tell
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as problem:
        raise TypeError(f"{name} is called with {_COUNTS[count]}, but: {problem}") from None


_COUNTS = ("no argument", "one argument", "two arguments", "three arguments", "four arguments")


def bare(value: Any) -> Any:
    """Return what is in *value*: without a box, or a subclass of str or bytes, that hides it."""
    return exact(_unboxed(value))


class Secret:
    """A secret argument. It is checked at construction if its value is known, read at each login, and never shown.

    With *header* the value must be ASCII, because it goes into a header unencoded. *raw*: any str is allowed.
    """

    __slots__ = ("_hashable", "_header", "_raw", "_seen", "_source", "name")

    def __init__(self, name: str, source: SecretLike, *, header: bool = False, raw: bool = False) -> None:
        self.name = name
        self._source = source
        self._header = header
        self._raw = raw
        self._hashable = _has_hash(source)
        if self.dynamic:
            check_plain(name, source, ". It may block: async code calls it in a thread", takes=0)
        self._seen = None if self.dynamic else self._plain(source)

    @property
    def dynamic(self) -> bool:
        """Whether the value comes from a callable, which may block and may change."""
        return callable(self._source)

    @property
    def identity(self) -> Hashable:
        """What distinguishes this secret: the value, or the callable itself. Use it only in a keyed digest."""
        source = self._source
        return source if type(source) is str or callable(source) else self._plain(source)

    def last(self) -> str:
        """Return the value that was last read, at a login as a rule; `reveal()` where there was none."""
        return self.reveal() if self._seen is None or stand_in.current is not None else self._seen

    @property
    def seen(self) -> str | None:
        """The value that was last read, or None before the first time: what must be masked in a server's echo."""
        return self._seen

    def reveal(self) -> str:
        """Return the current value. TokenAuthError if the callable fails or returns something unusable.

        The callable's own exception is not chained, because it may contain the secret.
        """
        if stand_in.current is not None:
            return stand_in.current.token
        value = self._called(self._source) if callable(self._source) else self._source
        try:
            value = _unboxed(value)
        except Exception as error:  # its text is not ours, and may be the secret
            problem = type(error).__name__
        else:
            try:
                self._seen = self._checked(value)
                return self._seen
            except (TypeError, ValueError) as error:
                problem = str(error)
        del value  # or a report with locals would show it
        raise errors.TokenAuthError(f"What the callable for {self.name} returned is unusable: {problem}")

    def _called(self, source: Callable[[], object]) -> object:
        read = _read.get()
        if read is not None and id(source) in read:
            return read[id(source)][1]
        try:
            value = source()
        except Exception as error:
            failure = self._failed(errors.alone(error))
        else:
            if read is not None:
                read[id(source)] = source, value
            return value
        del read, source  # or a report with locals would show them
        raise failure

    def _failed(self, problem: BaseException) -> Exception:
        if isinstance(problem, errors.TokenAuthError):  # another auth object's, fit to be shown
            problem.__traceback__ = None
            return problem
        if isinstance(problem, SourceError):
            return errors.TokenAuthError(f"No {self.name} to log in with: {problem}")
        text = f"The callable for {self.name} raised {type(problem).__name__}; call it by itself to see why"
        return errors.TokenAuthError(text)

    def _plain(self, value: Any) -> str:
        try:
            value = _unboxed(value)
        except Exception as error:  # as in `reveal`
            problem = type(error).__name__
        else:
            return self._checked(value)
        del value
        raise ValueError(f"{self.name}: its get_secret_value() raised {problem}; call it by itself to see why")

    def _checked(self, value: Any) -> str:
        if self._raw and isinstance(value, str):
            return str(exact(value))
        return checked_text(self.name, value, header=self._header)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.name, self._source, self._header, self._raw)  # what a callable returned stays here

    def __repr__(self) -> str:
        return f"<Secret {self.name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        one, another = self.identity, other.identity
        if one is another or not (callable(one) and callable(another)):
            return one == another
        from tokenauth._core.identity import same  # noqa: PLC0415  (it is told by means of secrets)

        return same(one, another)

    def __hash__(self) -> int:
        return hash(self.identity) if self._hashable else id(self._source)  # then it is told by being itself


def _has_hash(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _unboxed(value: Any) -> Any:
    """Return the content of a SecretStr or similar, and anything else unchanged."""
    if isinstance(value, str | type) or not hasattr(value, "get_secret_value"):
        return value
    return value.get_secret_value()


def _rebuilt(name: str, source: SecretLike, header: bool, raw: bool) -> Secret:
    return Secret(name, source, header=header, raw=raw)


class Unshown(str):
    """A secret on its way through the flow: a str whose repr, and so a report with locals, does not show it.

    Attributes:
        before: the token that it came with, where it is a refresh token.
    """

    __slots__ = ("before",)
    before: Any

    def __repr__(self) -> str:
        return "'***'"
