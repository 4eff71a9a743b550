"""Options: the keyword arguments that every auth object takes, and the check of their names."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypedDict

from tokenauth._core.rules import Rule
from tokenauth._lazy import Later

if TYPE_CHECKING:
    from tokenauth._core import events
else:
    events = Later("tokenauth._core.events")  # to evaluate the annotations with


class OtherOptions(TypedDict, total=False):
    """All options except `origins`."""

    header: str
    """Header that carries the token. Default "Authorization". Any other header carries the token without a scheme."""
    scheme: str | None
    """Authentication scheme in front of the token; "" for none. Default: the token type in the response, or "Bearer".
    Headers other than "Authorization" have none by default."""
    extra_headers: Mapping[str, str]
    """Extra headers for each request that carries the token, such as a subscription key. Default none."""
    refused: Rule
    """Which responses mean that the token is no longer valid. Pass a status (403), several ([401, 419]), a place in
    the body with its values (("errcode", 40001, 42001)), the same for one status ((400, "code", 99991663)), a function
    of the response, or a list of these. Default 401, unless the challenge says `insufficient_scope`."""
    leeway: float
    """Treat a token as expired this many seconds early (at most 5 % of its lifetime). Default 30 s."""
    timeout: float
    """Maximum time to wait for a token, in seconds, including retries. Default 10 s."""
    cache: MutableMapping[Any, Any] | None
    """Mutable mapping that holds the tokens. Default: one `cachetools.TTLCache` shared by the whole process."""
    store: Any
    """Store that shares tokens between processes: `FileStore()`, `RedisStore(...)` or your own `Store`. Default none:
    each process logs in by itself."""
    token_client: Any
    """Session or client that makes the token requests. Default: a new one from the HTTP library in use."""
    logout_at_exit: bool
    """Log out when the program ends, if the API has a logout. `close()` always does. Default False."""
    allow_http: bool
    """Allow plain http to hosts other than loopback. Default False."""
    on_event: "Callable[[events.Event], object] | None"
    """Called with an `Event` for each login, failure, retry, refused token and more. Default None."""


class Options(OtherOptions, total=False):
    """The options of every auth object, all keyword-only. A provider that you describe yourself takes them too."""

    origins: Iterable[str]
    """Additional origins ("https://host[:port]") that may receive the token. Default: only the provider's own."""


NAMES = frozenset(Options.__annotations__)


def checked_options(name: str, options: Mapping[str, Any], known: type = Options) -> dict[str, Any]:
    """Return the *options* of *name*, with copies of the lists and mappings. An unknown name is a TypeError.

    *known*: the TypedDict whose names an error suggests.
    """
    for option in options:
        if option not in NAMES:
            from tokenauth._core.nearest import unknown  # noqa: PLC0415  (needed for an error only)

            raise unknown(name, option, known.__annotations__)
    own = dict(options)
    if isinstance(own.get("origins"), Iterable) and not isinstance(own["origins"], str | bytes):
        own["origins"] = tuple(own["origins"])
    if isinstance(own.get("extra_headers"), Mapping):
        own["extra_headers"] = dict(own["extra_headers"])
    return own


def checked_flag(name: str, value: object) -> bool:
    """Return *value*, the argument *name*. The text "false" of a configuration would be true, so it is a TypeError."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return bool(value)
