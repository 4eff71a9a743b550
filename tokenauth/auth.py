"""The universal auth objects: one object for requests, httpx and, where it is installed, httpx2."""

import importlib
from typing import TYPE_CHECKING

from tokenauth._clients.family import members_of

if TYPE_CHECKING:
    from tokenauth import httpx as _httpx
    from tokenauth import httpx2 as _httpx2
    from tokenauth import requests as _requests
    from tokenauth._clients.family import atrip, client_credentials, manis, password

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth, _httpx2.TokenAuth):  # type: ignore[misc]  # two Auths
        """requests, httpx and httpx2."""

    _clients: dict[str, type] = {}
else:

    def _installed():
        """Yield each client that is there, and its TokenAuth."""
        for client in ("requests", "httpx", "httpx2"):
            try:
                importlib.import_module(client)
            except ImportError:
                continue
            yield client, importlib.import_module(f"tokenauth.{client}").TokenAuth

    _clients = dict(_installed())
    if not _clients:
        raise ImportError("tokenauth needs an HTTP client: pip install requests, httpx or httpx2")
    _EveryClient = type("_EveryClient", tuple(_clients.values()), {"__module__": __name__})

__all__ = [
    "AtripAuth",
    "ClientCredentialsAuth",
    "ManisAuth",
    "PasswordGrantAuth",
    "PlatformAuth",
    "TokenAuth",
]


class TokenAuth(_EveryClient):
    """One auth object for requests, httpx and httpx2, as far as they are installed: `TokenAuth(provider, **options)`.

    Share it between sessions, clients, threads, tasks and event loops: all of them log in once. It subclasses
    `requests.auth.AuthBase`, `httpx.Auth` and `httpx2.Auth`. Options: see `Options`.
    """

    _library = next(iter(_clients))
    _async_library = next((client for client in _clients if client != "requests"), _library)


if TYPE_CHECKING:

    class AtripAuth(atrip.AtripAuth, TokenAuth): ...  # type: ignore[misc]  # two Auths

    class ClientCredentialsAuth(client_credentials.ClientCredentialsAuth, TokenAuth): ...  # type: ignore[misc]  # two Auths

    class ManisAuth(manis.ManisAuth, TokenAuth): ...  # type: ignore[misc]  # two Auths

    class PasswordGrantAuth(password.PasswordGrantAuth, TokenAuth): ...  # type: ignore[misc]  # two Auths

    class PlatformAuth(password.PlatformAuth, PasswordGrantAuth): ...  # type: ignore[misc]  # two Auths

else:
    __getattr__ = members_of(TokenAuth)
