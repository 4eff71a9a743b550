"""The universal auth objects: one object for requests, niquests, httpx, httpx2 and aiohttp, if they are installed."""

import importlib
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tokenauth._clients import family
from tokenauth._clients.middleware import Handler, MiddlewareAuth
from tokenauth._clients.requests_family import RequestsAuth

if TYPE_CHECKING:
    from tokenauth import httpx as _httpx
    from tokenauth import httpx2 as _httpx2
    from tokenauth import requests as _requests

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth, _httpx2.TokenAuth, RequestsAuth, MiddlewareAuth):
        """requests (and niquests), httpx and httpx2, and the middleware of aiohttp."""

    _clients: dict[str, type] = {}
    _in_use: list[str] = []
else:

    def _installed():
        """Yield each installed client and its TokenAuth."""
        for client in ("requests", "httpx", "httpx2"):
            try:
                importlib.import_module(client)
            except ImportError:
                continue
            yield client, importlib.import_module(f"tokenauth.{client}").TokenAuth

    # now, for the next line imports them all
    _in_use = [client for client in ("requests", "httpx", "httpx2", "niquests") if client in sys.modules]
    _clients = dict(_installed())
    if not _clients and not find_spec("niquests"):
        raise ImportError("tokenauth needs an HTTP client: pip install requests, niquests, httpx or httpx2")
    _bases = (*_clients.values(), RequestsAuth, MiddlewareAuth)  # niquests asks for no class of its own
    _EveryClient = type("_EveryClient", _bases, {"__module__": __name__})

__all__ = ["TokenAuth"]
__all__ += family.__all__


class TokenAuth(_EveryClient):
    """One auth object for every installed HTTP client: `TokenAuth(provider, **options)`.

    Share it between sessions, clients, threads, tasks and event loops: together they log in once. It subclasses
    `requests.auth.AuthBase`, `httpx.Auth` and `httpx2.Auth`, and is a middleware for aiohttp. niquests takes it
    as `auth=` of both kinds of sessions. Options: see `Options`.
    """

    # get_token() has no client to go by: prefer a library that the program has imported, then the first installed
    _library = next(client for client in [*_in_use, *_clients, "niquests"] if client in {*_clients, "niquests"})
    _async_library = next(
        (client for client in [*_in_use, *_clients] if client in {*_clients, "niquests"} - {"requests"}), _library
    )

    def __call__(self, request: Any, handler: Handler | None = None) -> Any:
        """Sign *request*. requests passes the request alone; aiohttp passes a *handler* too (`middlewares=[auth]`)."""
        return super().__call__(request) if handler is None else self._handle(request, handler)


if TYPE_CHECKING:
    # fmt: off
    class APIKeyAuth(family.APIKeyAuth, TokenAuth): ...
    class AtripAuth(family.AtripAuth, TokenAuth): ...
    class ClientCredentialsAuth(family.ClientCredentialsAuth, TokenAuth): ...
    class CommandAuth(family.CommandAuth, TokenAuth): ...
    class FileAuth(family.FileAuth, TokenAuth): ...
    class FunctionAuth(family.FunctionAuth, TokenAuth): ...
    class JWTBearerAuth(family.JWTBearerAuth, TokenAuth): ...
    class LoginAuth(family.LoginAuth, TokenAuth): ...
    class ManisAuth(family.ManisAuth, TokenAuth): ...
    class PasswordGrantAuth(family.PasswordGrantAuth, TokenAuth): ...
    class PlatformAuth(family.PlatformAuth, PasswordGrantAuth): ...
    class TokenExchangeAuth(family.TokenExchangeAuth, TokenAuth): ...
    class RefreshTokenAuth(family.RefreshTokenAuth, TokenAuth): ...
    # fmt: on
else:
    __getattr__ = family.members_of(TokenAuth)
