"""Provider: one token API, described. Pure: it builds token requests and reads the answers.

Law: no I/O, no clock, no lock, no client library, no state that changes.
"""

import os
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

from tokenauth._core.errands import Errand
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import Origin
from tokenauth._core.secrets import Secret
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token


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

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, Given)

    __hash__ = None  # type: ignore[assignment]


class Provider:
    """What `TokenAuth` must know of a token API: how to ask for a token, and how to read the answer.

    Attributes:
        name: stands in errors and logs, such as "Manis merchant m-1"; no secret.
        token_url: URL of the token endpoint. Its origin is the one that may have the token, besides `origins=`.
        secrets: what must be kept; their values take part in the cache key, as a keyed digest.
        identity: everything else that makes two tokens differ: URL, user, scope … in texts, numbers, tuples, dicts,
            dataclasses (see `Identity`; anything else is a TypeError). The default never shares.
        discards_older: whether each login ends all older tokens; then nobody refreshes before need be.
        refreshes: whether `request` makes use of a refresh token.
        presents: whether `sign` always says how a token goes on a request; `TokenAuth` then refuses the options
            header and scheme, which would have no effect.
        presents_by: what that refusal names to be used instead.
        process_bound: what of `identity` this process alone can tell, such as "key= is a lambda"; `TokenAuth` then
            refuses a store, where another process could take what is meant for something else. Default nothing.
        options: `Options` for the `TokenAuth` that will use it; its own take precedence. Default none.
        steady: whether `sign` returns the same for the same token, so that it is called once for each token and not
            for each request. Default False; a provider without a `sign` of its own is steady.
        sliding: whether each use of a token begins its lifetime anew. Default False.
        logs_out: whether `logout` returns a call. Default False.
        comparable: whether nothing in `identity` can turn out to be a TypeError, so that the first request is early
            enough to ask for it. Default False: `TokenAuth` asks when it is made.
        rests: whether nobody tries again for a while after a failure. Default True; False where a try costs nothing.
        hands_out_held: whether somebody else caches tokens, so that a login may bring an older one until near its end.
            Default False.
        idle: options of `TokenAuth` that would have no effect, each with the reason; it refuses them. Default none.
        blocks: whether building a request may take long, as a signature does. Default False; a secret that is read by a
            callable does in any case.
        logs_out_replaced: whether a token that a login has replaced is to be logged out, too. Default True.
        brought: the refresh token that the user brings, where it is all that there is to log in with; one of `secrets`.
            `request` is then always given a refresh token. Default None.
        on_refresh_token: a function, sync or async, that is told of each new refresh token. Default None.
    """

    _given: Given

    def __new__(cls, *args: Any, **arguments: Any) -> Self:
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
        """Yield each token request, receive its answer, and return the token.

        The default is one call: `request`, then `read`. Override it for a login of several steps:

            def login(self, refresh_token=None):
                nonce = yield TokenRequest("GET", self.nonce_url)
                reply = yield TokenRequest("POST", self.token_url, body=self.proof(nonce.body))
                return self.read(reply)

        A login may yield errands, too: `CallFunction`, `RunCommand`, `ReadFile`.

        Raises: as `read`.
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
            TokenEndpointError: it failed; `retryable` where the same call may succeed later.
            TokenResponseError: a 2xx without a usable token.
        """
        raise TypeError(f"{type(self).__name__} defines neither `request` and `read` nor `login`")

    def version(self) -> str | None:
        """Return a text that changes when a login would bring another token, such as a file's time; None if unknown.

        It is asked at each request, so it must be cheap. A token whose `kept["version"]` is another one is renewed.
        """
        return None

    def logout(self, token: Token) -> TokenRequest | None:
        """Return the call that ends *token*, whose answer decides nothing. For a provider that `logs_out`."""
        return None

    def static(self, origin: Origin) -> Signature | None:
        """Return what requests to *origin* carry without any token, or None where they need one."""
        return None

    def is_static(self, origin: Origin) -> bool:
        """Whether `static` has something for *origin*; worth a definition where that reads secrets."""
        return self.static(origin) is not None

    def may_serve(self, origin: Origin) -> bool:
        """Whether the token may be meant for *origin*, as far as is known before there is one."""
        return origin == Origin.parse(self.token_url)

    def sign(self, token: Token) -> Signature | None:
        """Return how *token* goes on a request, or None for the header that `TokenAuth`'s options name."""
        return None

    def faked(self, value: str) -> Token:
        """Return what a login might bring, for tests that make none. *value*: of the token, as far as that is free."""
        return Token(value)


def where(provider: Provider) -> str:
    """Return origin and path of the token URL, for errors."""
    return f"{Origin.parse(provider.token_url)}{urlsplit(provider.token_url).path}"
