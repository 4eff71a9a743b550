"""Values of a call other than str and secrets: values from earlier responses, and computed values."""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tokenauth._core import errors
from tokenauth._core.finder import Finder
from tokenauth._core.frozen import Frozen
from tokenauth._core.secrets import Secret, SecretLike, check_takes, checked_text, hides_locals


class Built(Frozen):
    """A call as it will be sent, for a signature over it.

    Attributes:
        method: such as "POST".
        url: the whole URL.
        target: path and query, exactly as they are sent.
        headers: by name.
        body: as it is sent.
        time: Unix seconds.
        kept: what was kept of earlier answers, by name.
    """

    method: str
    url: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    time: float
    kept: Mapping[str, str]


class Computed:
    """A value that is made when it is sent. No ABC, which makes each `isinstance` slow."""

    steady: ClassVar[bool] = True
    """Whether it is the same each time, as long as its secret is."""

    secret: Any = None
    """The Secret that it is made with, or None; a subclass may say which."""

    function: Any = None
    """The Finder of the user's callable that makes it, or None; a subclass may say which."""

    if TYPE_CHECKING:

        @property
        def told(self) -> object:
            """What distinguishes it, without its secret; callables as Finders."""

        def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
            """Return the value; without *fresh*, with the secret as it was last read."""
            ...

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Computed) or type(self) is not type(other):
            return False
        return (self.told, self.secret) == (other.told, other.secret)

    __hash__ = None  # type: ignore[assignment]


class Kept(Computed):
    """A value that `keep={name: place}` took from an earlier response; also "token" and "refresh_token".

    *prefix* is put in front of it: `Kept("token", prefix="Bearer ")`. Default none. In place of a name, a function
    makes the value of all that is kept: `Kept(lambda kept: unquote(kept["csrf"]))`.
    """

    def __init__(self, name: str | Callable[[Mapping[str, str]], str], *, prefix: str = "") -> None:
        if callable(name):
            check_takes("the function of Kept", name, 1)
            self.name, self.function = "", Finder(name)
        else:
            self.name = checked_text("the name of a Kept", name)
        if not isinstance(prefix, str) or not prefix.isprintable():
            raise TypeError("the prefix of a Kept must be a text without control characters, such as 'Bearer '")
        self.prefix = prefix

    @property
    def told(self) -> object:
        return ("kept", self.function or self.name, self.prefix)

    def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
        if self.function is not None:
            return self.prefix + _text("Kept", self.function.result("Kept", dict(kept)))
        if self.name not in kept:
            known = ", ".join(sorted(kept)) or "nothing"
            raise errors.TokenAuthError(f"Kept({self.name!r}): no earlier answer had it; there is {known}")
        return self.prefix + kept[self.name]

    def __repr__(self) -> str:
        name = repr(self.name) if self.function is None else "<function>"
        return f"Kept({name}, prefix={self.prefix!r})" if self.prefix else f"Kept({name})"


def present(part: object, kept: Mapping[str, str], *, fresh: bool) -> Any:
    """Return the value of *part* of a call; without *fresh*, with secrets as they were last read."""
    if isinstance(part, Computed):
        return part.value(kept, fresh=fresh)
    if isinstance(part, Secret):
        return part.reveal() if fresh else part.last()
    return part


def secret_of(part: object) -> Secret | None:
    """Return the secret that *part* of a call is, or is made with."""
    found = part.secret if isinstance(part, Computed) else part
    return found if isinstance(found, Secret) else None


def told(part: object) -> object:
    """Return what distinguishes *part* of a call, without its secret."""
    if isinstance(part, Computed):
        return part.told
    return part.dynamic if isinstance(part, Secret) else part


def _text(kind: str, value: object) -> str:
    if not isinstance(value, str):
        raise errors.TokenAuthError(f"The callable for {kind} must return a str here, not {type(value).__name__}")
    return value


class Signed(Computed):
    """What *function* makes of a secret: `function(secret, built)` as `sign=`, `function(secret, kept)` as a value.

    As `sign=` it returns headers to add (or a `Signature` with headers and params). As a value it returns a str. It is
    called for each request. The credential is the secret, so the results take no part in the cache key.
    """

    steady = False

    @hides_locals
    def __init__(self, secret: SecretLike | Secret, function: Callable[[str, Any], Any]) -> None:
        if not callable(function):
            raise TypeError("Signed takes a secret and a function: Signed(secret, function)")
        check_takes("the function of Signed", function, 2)
        self.secret: Secret = secret if isinstance(secret, Secret) else Secret("the secret of Signed", secret)
        self.function = Finder(function)

    @property
    def told(self) -> object:
        return ("signed", self.function, self.secret.dynamic)

    def result(self, given: object, *, fresh: bool = True) -> Any:
        return self.function.result("Signed", present(self.secret, {}, fresh=fresh), given)

    def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
        return _text("Signed", self.result(dict(kept), fresh=fresh))

    def __repr__(self) -> str:
        return "<Signed>"


class Basic(Computed):
    """User and password as the value of an `Authorization` header (RFC 7617, UTF-8).

    Either may be a `Kept`: `Basic(Kept("token"), "session")`.
    """

    @hides_locals
    def __init__(self, user: str | Kept, password: SecretLike | Secret | Kept) -> None:
        self.user = user if isinstance(user, Kept) else basic_user(user)
        name = "the password for HTTP Basic"
        self._password = password if isinstance(password, Secret | Kept) else Secret(name, password)
        self.secret = secret_of(self._password)
        self.function = getattr(self.user, "function", None) or getattr(self._password, "function", None)

    @property
    def told(self) -> object:
        return ("basic", told(self.user), told(self._password))

    def value(self, kept: Mapping[str, str], *, fresh: bool) -> str:
        user, password = (present(each, kept, fresh=fresh) for each in (self.user, self._password))
        return basic_header(user, password)

    def __repr__(self) -> str:
        return f"<Basic {self.user}>"


def basic_user(user: str) -> str:
    """Return *user* if HTTP Basic can send it as it is."""
    user = checked_text("the user for HTTP Basic", user)
    if ":" in user:
        raise ValueError("the user for HTTP Basic must have no colon (RFC 7617 §2)")
    return user


def basic_header(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
