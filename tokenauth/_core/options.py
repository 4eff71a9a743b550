"""Options: what every auth object takes besides the description of its API, and the check of their names."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypedDict

from tokenauth._core.rules import Rule

if TYPE_CHECKING:
    from tokenauth._core.events import Event


class OtherOptions(TypedDict, total=False):
    """The options besides `origins`."""

    header: str
    """Header that carries the token. Default "Authorization"; any other header carries the token without a scheme."""
    scheme: str | None
    """What stands before the token; "" for nothing. Default: the answer's token type, else "Bearer"; nothing in a
    header other than "Authorization"."""
    extra_headers: Mapping[str, str]
    """More headers for each request that carries the token, such as a subscription key. Default none."""
    refused: Rule
    """What says that the token is no good, in place of a 401: a status (403), several ([401, 419]), a place and values
    in the answer (("errcode", 40001, 42001)), the same of one status ((400, "code", 99991663)), a function of the
    response, or a list of these. Default 401, but for those about scope."""
    leeway: float
    """Treat a token as expired this many seconds early (at most 5 % of its lifetime). Default 30 s."""
    timeout: float
    """Maximum time to wait for a token, in seconds, including retries. Default 10 s."""
    cache: MutableMapping[Any, Any] | None
    """Any mutable mapping that holds tokens. Default: one `cachetools.TTLCache` that the whole process shares."""
    store: Any
    """A `FileStore()`, `RedisStore(...)` or your own `Store`, which processes share. Default: each logs in itself."""
    token_client: Any
    """The session or client that makes the token calls. Default: a bare one of the library in use."""
    logout_at_exit: bool
    """Whether to log out when the program ends, where the API has a logout; `close()` does anyway. Default False."""
    allow_http: bool
    """Whether to allow plain http to other hosts than loopback. Default False."""
    on_event: Callable[["Event"], object] | None
    """Called with an `Event` for each login, failure, retry, refused token and more. Default None."""


class Options(OtherOptions, total=False):
    """The options of every auth object, all keyword-only. A provider that you describe yourself takes them, too."""

    origins: Iterable[str]
    """More origins, such as "https://host[:port]", that may have the token. Default: the provider's own only."""


NAMES = frozenset(Options.__annotations__)


def checked_options(name: str, options: Mapping[str, Any], known: type = Options) -> dict[str, Any]:
    """Return the *options* of *name*, with iterators used up once; TypeError for a name that is no option.

    *known*: the TypedDict that errors take for what there is.
    """
    for option in options:
        if option not in NAMES:
            import difflib  # noqa: PLC0415  (few make a mistake)

            near = difflib.get_close_matches(option, known.__annotations__, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{name} has no option {option!r}{hint}")
    origins = options.get("origins")
    if isinstance(origins, Iterable) and not isinstance(origins, str | bytes | tuple):
        return {**options, "origins": tuple(origins)}
    return dict(options)
