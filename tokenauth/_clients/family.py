"""The family: one auth class per provider, defined once and combined with each client when first used.

`tokenauth.httpx.ManisAuth` is the provider `Manis` on top of `tokenauth.httpx.TokenAuth`: it takes the provider's
arguments, and has its text. A client's module declares the family twice: with `__getattr__ = members_of(TokenAuth)` for
Python, and with a class statement under TYPE_CHECKING for type checkers and editors.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from tokenauth import providers
from tokenauth._clients.at_login import flows
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth._core.options import Options
from tokenauth._core.provider import Provider
from tokenauth._core.secrets import hides_locals
from tokenauth._core.token import Token

if TYPE_CHECKING:
    from tokenauth.providers.api_key import APIKey
    from tokenauth.providers.atrip import Atrip
    from tokenauth.providers.client_credentials import ClientCredentials
    from tokenauth.providers.command import Command
    from tokenauth.providers.file import File
    from tokenauth.providers.function import Function
    from tokenauth.providers.jwt_bearer import JWTBearer
    from tokenauth.providers.login import Login
    from tokenauth.providers.manis import Manis
    from tokenauth.providers.password import PasswordGrant
    from tokenauth.providers.refresh_token import RefreshToken
    from tokenauth.providers.token_exchange import TokenExchange

__all__ = [
    "APIKeyAuth",
    "AtripAuth",
    "ClientCredentialsAuth",
    "CommandAuth",
    "FileAuth",
    "FunctionAuth",
    "JWTBearerAuth",
    "LoginAuth",
    "ManisAuth",
    "PasswordGrantAuth",
    "PlatformAuth",
    "RefreshTokenAuth",
    "TokenExchangeAuth",
]
_PARENTS = {"PlatformAuth": "PasswordGrantAuth"}


def provider_of(name: str) -> type[Provider]:
    """Return the provider of the auth class *name*: `Manis` for "ManisAuth"."""
    provider: type[Provider] = getattr(providers, name.removesuffix("Auth"))  # loaded now, and no other
    return provider


def members_of(base: type[BaseTokenAuth]) -> Callable[[str], Any]:
    """Return a module `__getattr__` that builds each class of the family on top of *base*, the module's TokenAuth."""

    def member(name: str) -> Any:
        module = sys.modules[base.__module__]
        if name not in __all__:
            raise AttributeError(f"module {base.__module__!r} has no attribute {name!r}")
        parent = getattr(module, _PARENTS[name]) if name in _PARENTS else base
        made = _concrete(name, provider_of(name), parent)
        return vars(module).setdefault(name, made)  # if two threads race, both get the first one's class

    return member


def _concrete(name: str, provider: type[Provider], parent: type[BaseTokenAuth]) -> type:
    @arguments_of(provider.__init__)
    @hides_locals
    def init(self: BaseTokenAuth, *args: Any, **arguments: Any) -> None:
        try:
            made = provider(*args, **arguments)
        except TypeError as problem:  # name the class that the user wrote
            text, named = str(problem), f"(?:{'|'.join(kind.__name__ for kind in provider.__mro__)})"
            problem.args = (re.sub(rf"^{named}(?=\.__init__\(\) | has no argument )", type(self).__name__, text),)
            raise
        BaseTokenAuth.__init__(self, made)

    namespace = {"__module__": parent.__module__, "__doc__": provider.__doc__, "__init__": init}
    return type(name, (*_MORE.get(name, ()), parent), namespace)


class _Key(BaseTokenAuth):
    """What APIKeyAuth has besides."""

    def get_token(self) -> Token:
        """Return the key as a token. Raises `TokenAuthError` where a callable for it fails."""
        return self._run(flows.fetch(self._source))

    async def aget_token(self) -> Token:
        """Return the key as a token. Raises `TokenAuthError` where a callable for it fails."""
        return await self._arun(flows.fetch(self._source))


class _Links(BaseTokenAuth):
    """What AtripAuth has besides."""

    _provider: "providers.Atrip"

    def portal_link(self) -> "providers.PortalLink":
        """Return a fresh link to the portal, for a person to click. Blocks; raises `TokenAuthError`."""
        return self._provider.link(self._run(flows.fetch(self._source)))

    async def aportal_link(self) -> "providers.PortalLink":
        """Async version of `portal_link()`. Raises `TokenAuthError`."""
        return self._provider.link(await self._arun(flows.fetch(self._source)))


class _Google(BaseTokenAuth):
    """What JWTBearerAuth has besides."""

    @classmethod
    def from_google(
        cls,
        account: str | os.PathLike[str] | Mapping[str, Any],
        *,
        scope: str | Iterable[str],
        subject: str | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """Return an auth object for a Google service account.

        Args:
            account: path of the account's JSON key file, or its content as a dict.
            scope: scopes: a list, or one str separated by spaces.
            subject: email address of the user to impersonate (domain-wide delegation). Default: the account itself.
            options: see `Options`. Set `origins`: the API is not at the token endpoint's origin.

        Raises:
            TypeError, ValueError: the file is not a key file, or an argument is invalid. The message never shows a
                value.
        """
        from tokenauth.providers.jwt_bearer import google_account  # noqa: PLC0415  (few need it)

        make: Any = cls
        return make(**{**google_account(account, scope=scope, subject=subject), **options})  # type: ignore[no-any-return]


_MORE: dict[str, tuple[type, ...]] = {"APIKeyAuth": (_Key,), "AtripAuth": (_Links,), "JWTBearerAuth": (_Google,)}

if TYPE_CHECKING:  # what `_concrete` makes

    class APIKeyAuth(_Key):
        @arguments_of(APIKey.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class AtripAuth(_Links):
        @arguments_of(Atrip.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class ClientCredentialsAuth(BaseTokenAuth):
        @arguments_of(ClientCredentials.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class CommandAuth(BaseTokenAuth):
        @arguments_of(Command.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class FileAuth(BaseTokenAuth):
        @arguments_of(File.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class FunctionAuth(BaseTokenAuth):
        @arguments_of(Function.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class JWTBearerAuth(_Google):
        @arguments_of(JWTBearer.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class LoginAuth(BaseTokenAuth):
        @arguments_of(Login.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class ManisAuth(BaseTokenAuth):
        @arguments_of(Manis.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class PasswordGrantAuth(BaseTokenAuth):
        @arguments_of(PasswordGrant.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class PlatformAuth(PasswordGrantAuth): ...

    class RefreshTokenAuth(BaseTokenAuth):
        @arguments_of(RefreshToken.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...

    class TokenExchangeAuth(BaseTokenAuth):
        @arguments_of(TokenExchange.__init__)
        def __init__(self, *args: Any, **arguments: Any) -> None: ...
