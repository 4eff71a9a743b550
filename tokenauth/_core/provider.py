"""Provider: the description of a token API. It is pure: it builds token requests and reads the responses.

Law: no I/O, no clock, no lock, no client library, no state that changes.
"""

import functools
import os
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, Self, Unpack, get_args, get_origin
from urllib.parse import urlsplit

from tokenauth._core.errands import Errand
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._core.secrets import Secret, hides_locals
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token

_ARGS, _KEYWORDS = 0x04, 0x08  # flags of code with *args and with **keywords


class Given(tuple[Any, ...]):
    """The arguments of a call: a tuple and a dict. They hold secrets: repr hides them, and a pickle leaves them out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<arguments>"

    def __reduce__(self) -> tuple[object, ...]:
        return Given, ()

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        """Whether two objects are equal is said by what became of their arguments."""
        return isinstance(other, Given)

    __hash__ = None  # type: ignore[assignment]


@functools.lru_cache(maxsize=128)
def _declared(init: Any) -> frozenset[str] | None:
    """Return the names of the arguments that *init* declares; None where it takes any name."""
    init = getattr(init, "declared", init)
    code = getattr(init, "__code__", None)
    if code is None:  # it is no function
        return frozenset() if init is object.__init__ else None
    own = code.co_argcount + code.co_kwonlyargcount
    names, beyond = code.co_varnames[1:own], code.co_varnames[own:]
    if not code.co_flags & _KEYWORDS:
        return frozenset(names)
    rest = init.__annotations__.get(beyond[1 if code.co_flags & _ARGS else 0])
    options = get_args(rest)[0].__annotations__ if get_origin(rest) is Unpack else None
    return None if options is None else frozenset(names).union(options)


class Provider:
    """Tells `TokenAuth` how to request a token and how to read the response.

    Attributes:
        name: name in errors and logs, such as "Manis merchant m-1". It must contain no secret.
        token_url: URL of the token endpoint. Tokens may go to its origin, and to those in `origins=`.
        secrets: the secrets. Their values are part of the cache key, as a keyed hash.
        identity: everything else that distinguishes tokens: URL, user, scope … as str, numbers, tuples, dicts or
            dataclasses (see `Identity`; anything else is a TypeError). By default no tokens are shared.
        discards_older: whether each login invalidates all older tokens. If so, tokens are not refreshed early.
        refreshes: whether `request` uses a refresh token.
        presents: whether `sign` always decides how a request carries the token. If so, `TokenAuth` rejects the options
            header and scheme, which would have no effect.
        presents_by: what the error about those options recommends instead.
        process_bound: the part of `identity` that only this process can identify, such as "key= is a lambda". If set,
            `TokenAuth` rejects a store, because another process could mistake it for something else. Default "".
        options: `Options` for the `TokenAuth` that uses this provider; its own options override them. Default none.
        steady: whether `sign` always returns the same for the same token, and `static` the same for the same origin. If
            so, they are called once instead of once per request. Default False; a token whose provider has no `sign` of
            its own is always sent in the same way.
        sliding: whether each use of a token restarts its lifetime. Default False.
        logs_out: whether `logout` returns a request. Default False.
        comparable: whether `identity` is sure to raise no TypeError, so that `TokenAuth` may read it as late as at the
            first request. Default False: `TokenAuth` reads it when it is constructed.
        rests: whether there is a pause after a failure before anyone tries again. Default True. Set False if a try
            costs nothing.
        hands_out_held: whether the source caches tokens itself, so that a login may return an older one until shortly
            before it expires. Default False.
        idle: options of `TokenAuth` that would have no effect, each with the reason. It rejects them. Default none.
        blocks: whether building a request may take long, for example to sign. Default False. A callable secret always
            counts as blocking.
        logs_out_replaced: whether to log out a token that a login has replaced as well. Default True.
        brought: the user's own refresh token, if it is the only way to log in; one of `secrets`. `request` then always
            receives a refresh token. Default None.
        on_refresh_token: a function, sync or async, that receives each new refresh token. Default None.
    """

    _given: Given

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        init: Any = vars(cls).get("__init__")
        if init is not None and cls.__module__.partition(".")[0] == "tokenauth":
            hidden: Any = hides_locals(init)
            cls.__init__, hidden.declared = hidden, init  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **arguments: Any) -> Self:
        init: Any = cls.__init__
        known = _declared(init)
        if known is not None and not known.issuperset(arguments):  # its parents may take others by that name
            from tokenauth._core.nearest import unknown  # noqa: PLC0415  (needed for an error only)

            name = next(name for name in arguments if name not in known)
            del args, arguments  # or a report with locals would show them
            raise unknown(cls.__name__, name, known)
        if args and init is object.__init__:
            raise TypeError(f"{cls.__name__} takes no arguments")
        made = super().__new__(cls)
        made.__dict__["_given"] = Given((args, arguments))
        return made

    name: str
    token_url: str
    secrets: tuple[Secret, ...] = ()
    discards_older: bool = False
    refreshes: bool = False
    presents: bool = False
    presents_by: str = "the provider's own arguments"
    process_bound: str = ""
    options: Mapping[str, Any] = MappingProxyType({})
    steady: bool = False
    sliding: bool = False
    logs_out: bool = False
    comparable: bool = False
    rests: bool = True
    hands_out_held: bool = False
    idle: Mapping[str, str] = MappingProxyType({})
    blocks: bool = False
    logs_out_replaced: bool = True
    brought: Secret | None = None
    on_refresh_token: Callable[[str], object] | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        return (vars(self).setdefault("_unique", os.urandom(16).hex()),)

    def login(self, refresh_token: str | None = None) -> Generator[TokenRequest | Errand, Reply, Token]:
        """Yield each token request, receive its response, and return the token.

        By default this is one call: `request`, then `read`. Override it for a login with several steps:

            def login(self, refresh_token=None):
                nonce = yield TokenRequest("GET", self.nonce_url)
                reply = yield TokenRequest("POST", self.token_url, body=self.proof(nonce.body))
                return self.read(reply)

        A login may also yield errands: `CallFunction`, `RunCommand`, `ReadFile`.

        Raises: as for `read`.
        """
        reply = yield self.request(refresh_token)
        return self.read(reply)

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        """Return the token request; with *refresh_token* (RFC 6749 §6) if the provider `refreshes`."""
        raise TypeError(f"{type(self).__name__} defines neither `request` and `read` nor `login`")

    def read(self, reply: Reply) -> Token:
        """Return the token in *reply*, whatever its status.

        Raises:
            CredentialsRejected: the provider refused the credentials.
            TokenEndpointError: the provider failed. `retryable` says whether the same request may succeed later.
            TokenResponseError: a 2xx without a usable token.
        """
        raise TypeError(f"{type(self).__name__} defines neither `request` and `read` nor `login`")

    def version(self) -> str | None:
        """Return a str that changes when a login would return another token, such as a file's time; None if unknown.

        It is called at each request, so it must be cheap. A token with a different `kept["version"]` is renewed.
        """

    def logout(self, token: Token) -> TokenRequest | None:
        """Return the request that logs *token* out; its response is ignored. For a provider that `logs_out`."""
        return None

    def static(self, origin: Origin) -> Signature | None:
        """Return what requests to *origin* carry if they need no token, else None."""
        return None

    def is_static(self, origin: Origin) -> bool:
        """Whether `static` returns something for *origin*. Define it if `static` reads secrets."""
        return self.static(origin) is not None

    def may_serve(self, origin: Origin) -> bool:
        """Whether a token could be for *origin*, judged before the first token."""
        return origin == Origin.parse(self.token_url)

    def sign(self, token: Token) -> Signature | None:
        """Return how a request carries *token*, or None for the header that the options of `TokenAuth` name."""
        return None

    def faked(self, value: str) -> Token:
        """Return what a login might return, for tests without one. *value*: of the token, if that is left open."""
        return Token(value)


def settable(provider: Provider, *names: str) -> list[str]:
    """Return those of the arguments *names* that *provider* takes, for an error's advice: "token=".

    A class of the user's may pass on what ours takes.
    """
    kinds = type(provider).__mro__
    ours = next(index for index, kind in enumerate(kinds) if kind.__module__.startswith("tokenauth."))
    known = {name for kind in kinds[: ours + 1] for name in _declared(vars(kind).get("__init__")) or ()}
    return [f"{name}=" for name in names if name in known and name not in provider.idle]


def presented(provider: Provider) -> str:
    """Return the arguments that say how a request carries the token."""
    return provider.presents_by if provider.presents else "header=, scheme="


def where(provider: Provider) -> str:
    """Return origin and path of the token URL, for errors."""
    return f"{Origin.parse(provider.token_url)}{urlsplit(provider.token_url).path}"


def titled(provider: Provider, link: str = ": ") -> str:
    """Return name and place of *provider*, each once: the name may have the place in it."""
    place = where(provider)
    return provider.name if place in provider.name else f"{provider.name}{link}{place}"
