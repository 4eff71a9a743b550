"""What every TokenAuth has, whatever the client: its provider, its options, its identity."""

import copy
import os
from collections.abc import Generator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, Unpack

from tokenauth._clients import at_login, presence
from tokenauth._clients.anywhere import Anywhere
from tokenauth._clients.at_login import drive, flows, transports
from tokenauth._core.options import NAMES, Options, checked_flag, checked_options
from tokenauth._core.provider import Provider, titled
from tokenauth._core.secrets import hides_locals
from tokenauth._core.token import Token
from tokenauth._lazy import installed, once
from tokenauth.providers._duck import TokenAPI, as_provider

if TYPE_CHECKING:
    from tokenauth._core.effects import Effect
    from tokenauth._core.fleet import Shelf
    from tokenauth._core.flights import Flight
    from tokenauth._core.memory import Memory
    from tokenauth._core.source import Source

T = TypeVar("T")


_SHARED = frozenset({"_provider", "_options"})
_NOT_THE_SOURCES = frozenset({"cache", "logout_at_exit", "store", "token_client"})
_MADE = frozenset(
    {"_handed_out", "_mark", "_memory", "_renewals", "_source", "_story", "_token_client"}
)  # rebuilt in each copy


class BaseTokenAuth(Anywhere):
    """Fetches, caches and renews the token of one provider. Subclasses add it to the requests of one HTTP client."""

    _library: ClassVar[str]
    _async_library: ClassVar[str]
    _clients: ClassVar[str] = ""
    """Those whose requests it signs, in words. Default its `_library`."""

    @hides_locals
    def __init__(self, provider: Provider | TokenAPI, **options: Unpack[Options]) -> None:
        """Authenticate requests with tokens from *provider*.

        Args:
            provider: the description of the token API: one from `tokenauth.providers`, or your own.
            options: see `Options`. They override options given to the provider.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self._provider = as_provider(provider)
        given = checked_options(type(self).__name__, options) if options else {}
        self._options: dict[str, Any] = {**self._provider.options, **given}
        self._set_up()

    def __call__(self, request: Any, handler: Any = None) -> Any:
        """Say that this object is for other clients: they call it where it is not one of theirs."""
        raise self._misused(request)

    def _misused(self, request: Any) -> TypeError:
        kind, library = type(self), type(request).__module__.partition(".")[0]
        text = f"{kind.__module__}.{kind.__name__} can't sign a request of {library}, only of "
        text += self._clients or self._library
        return TypeError(f"{text}: import {kind.__name__} from tokenauth, or from tokenauth.{library}")

    @classmethod
    @hides_locals
    def from_env(cls, prefix: str | None = None, **arguments: Any) -> Self:
        """Return an auth object from environment variables: `MANIS_BASE_URL`, `MANIS_SECRET` … for `ManisAuth`.

        A variable's name is the prefix and the argument's name in capitals. `MANIS_SECRET_FILE` names a file that holds
        the value. It overrides `MANIS_SECRET`, and a secret is read from it at each login.

        Args:
            prefix: start of the variables' names. Default: the name of the class, such as "MANIS".
            arguments: arguments of the class; they override the environment.

        Raises:
            TypeError, ValueError: a variable is missing or its value is invalid. The message never shows a value.
        """
        from tokenauth._config.env import from_env  # noqa: PLC0415  (few programs need it)

        return from_env(cls, prefix, arguments)  # type: ignore[no-any-return]

    @hides_locals
    def replace(self, **changes: Any) -> Self:
        """Return a copy with other arguments and options: `auth.replace(base_url=server.url, cache={})`.

        Args:
            changes: any argument that the object, or its provider, was made with, and any of `Options`. A copy with
                the same credential and cache shares its token.

        Raises:
            TypeError, ValueError: as the constructor.
        """
        from tokenauth._core.remade import remade, takes_more  # noqa: PLC0415  (few programs need it)

        before, options = self._provider, {name: each for name, each in changes.items() if name in NAMES}
        own = {name: each for name, each in self._options.items() if before.options.get(name, self) is not each}
        if takes_more(before):  # it has the options, and says which of them are left to say
            after, own = remade(before, changes), {name: each for name, each in own.items() if name not in options}
        else:
            rest = {name: each for name, each in changes.items() if name not in NAMES}
            given = checked_options(type(self).__name__, options)
            after, own = remade(before, rest) if rest else before, {**own, **given}
        twin = type(self).__new__(type(self))
        twin.__setstate__({**self.__getstate__(), "_provider": after, "_options": {**after.options, **own}})
        return twin

    def _set_up(self) -> None:
        """Raise what is wrong with the options or the provider here, and not at the first request."""
        provider, options = self._provider, self._options
        self._token_client = options.get("token_client")
        if (
            provider.logs_out
            or provider.brought is not None
            or not provider.comparable
            or options.get("store") is not None
        ):
            self._source  # noqa: B018  (it can't wait)
        elif options:
            rest, self._memory = _checked(provider, options)
            at_login.source.check(provider, **rest)
        if self._provider.logs_out:
            presence.enter(self, self._source.tokens.key)
            if options.get("logout_at_exit"):
                presence.at_exit(self)

    @once
    def _source(self) -> "Source":
        options, memory = _checked(self._provider, self._options)
        source = at_login.source.Source(self._provider, memory=memory, client=self._token_client, **options)
        store = self._options.get("store")
        if store is not None:
            source.fleet.shelf = _shelf(store, source)
        return source

    def close(self) -> None:
        """Log out, if the API has a logout, and drop the token. Takes a few seconds at most and raises nothing.

        A login under way is logged out when it ends. Requests that wait for it get a `TokenAuthError`.

        Only the last auth object in the process with this credential logs out; with a `store=`, only the last process.
        """
        leaves, token, flight = self._leaving()
        if leaves:
            self._run(flows.farewell(self._source, token, flight))

    async def aclose(self) -> None:
        """Async version of `close()`, for asyncio and trio."""
        leaves, token, flight = self._leaving()
        if leaves:
            await self._arun(flows.farewell(self._source, token, flight))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _leaving(self) -> "tuple[bool, Token | None, Flight | None]":
        """Drop the token if no other auth object in this process uses it. Return whether to log out, the token, and the
        fetch that is under way."""
        source = self._source
        if not presence.leave(self, source.tokens.key):
            return False, None, None
        with source.credential.memory.lock:
            flight = source.flights.part(source.tokens.key) if self._provider.logs_out else None
            held = source.tokens.cache.drop(source.tokens.key)
        if not self._provider.logs_out:
            return False, None, None
        token = source.logins.refreshing.ended(held.token if held is not None else None)
        return token is not None or flight is not None or source.fleet.shelf is not None, token, flight

    def get_token(self) -> Token:
        """Return the current token; fetch one if there is none. Blocks. Raises `TokenAuthError`."""
        return self._source.tokens.fresh() or self._obtain(None)

    async def aget_token(self) -> Token:
        """Async version of `get_token()`, for asyncio and trio. Raises `TokenAuthError`."""
        return self._source.tokens.fresh() or await self._aobtain(None)

    def invalidate(self) -> None:
        """Drop the cached token and forget earlier failures, so that the next request fetches a token.

        A login in progress ends first. Its result is only for the caller that started it.
        """
        self._source.invalidate()

    def _obtain(self, rejected: Token | None, library: str | None = None) -> Token:
        return self._run(flows.obtain(self._source, rejected), library)

    async def _aobtain(self, rejected: Token | None, library: str | None = None) -> Token:
        return await self._arun(flows.obtain(self._source, rejected), library)

    def _run(self, flow: "Generator[Effect, Any, T]", library: str | None = None) -> T:
        """Run *flow*. Without a `token_client=`, *library* makes the token requests."""
        transport = transports.blocking(self._token_client, library or self._library)
        return drive.run(flow, drive.Blocking(transport, self._source.credential.clock))

    async def _arun(self, flow: "Generator[Effect, Any, T]", library: str | None = None) -> T:
        transport = transports.awaiting(self._token_client, library or self._async_library)
        return await drive.arun(flow, drive.Awaiting(transport, self._source.credential.clock))

    @once
    def _mark(self) -> str:
        """Stands for this object and never for another: some caches take an object's text for the object."""
        return os.urandom(8).hex()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {titled(self._provider, ' at ')} #{self._mark}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseTokenAuth):
            return NotImplemented
        state = BaseTokenAuth.__getstate__  # a subclass may pickle less
        return type(self) is type(other) and state(self) == state(other)

    def __hash__(self) -> int:
        return hash((type(self), self._provider))

    def __getstate__(self) -> dict[str, Any]:
        """Return the provider, the options, and the attributes that a subclass adds."""
        state: Any = super().__getstate__()
        plain, slots = state if isinstance(state, tuple) else (state, {})
        return {name: value for name, value in {**plain, **slots}.items() if name not in _MADE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._set_up()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = memo[id(self)] = copy.copy(self)  # the copy has the same credential, so it shares cache and client
        for name, value in self.__getstate__().items():
            if name not in _SHARED:
                setattr(twin, name, copy.deepcopy(value, memo))
        return twin


def _shelf(store: object, source: "Source") -> "Shelf":
    from tokenauth.stores import Store  # noqa: PLC0415  (its sealing needs an extra)

    if isinstance(store, type):
        raise TypeError(f"store must be a store, not the class {store.__name__}: call it first, as in FileStore()")
    kind = type(store).__name__
    if not isinstance(store, Store):
        text = "store must be FileStore(), RedisStore(url), or an object with the methods load, save, acquire and"
        raise TypeError(f"{text} release, not {kind}")
    with installed("redis" if kind == "RedisStore" else "file", kind):
        from tokenauth.stores._shelf import ShelfInStore  # noqa: PLC0415  (the same)

    shelf = ShelfInStore(store, source.provider, timeout=source.credential.timeout, clock=source.credential.clock)
    shelf.health.tell = source.credential.emit
    bound = source.credential.process_bound
    if bound:
        text = "store= needs a provider that every process can identify in the same way, but"
        raise ValueError(f"{text} {bound}")
    return shelf


def _checked(provider: Provider, options: Mapping[str, Any]) -> "tuple[dict[str, Any], Memory]":
    """Return those *options* that are the source's, and its memory."""
    for name, reason in provider.idle.items():
        if options.get(name) is not None and options[name] is not False:
            raise ValueError(f"{name}= would have no effect for {provider.name}: {reason}")
    idle = [name for name in ("header", "scheme") if provider.presents and name in options]
    if idle:
        text = f"{' and '.join(idle)} would have no effect, because {provider.name} decides how a token is sent"
        raise ValueError(f"{text}: use {provider.presents_by}")
    checked_flag("logout_at_exit", options.get("logout_at_exit"))
    token_client, mapping = options.get("token_client"), options.get("cache")
    if token_client is not None:
        transports.library_of(token_client)
    if mapping is not None and not isinstance(mapping, MutableMapping):
        raise TypeError(f"cache must be a mutable mapping, not {type(mapping).__name__}")
    memory = at_login.memory.PROCESS if mapping is None else at_login.memory.memory_of(mapping)
    return {name: each for name, each in options.items() if name not in _NOT_THE_SOURCES}, memory
