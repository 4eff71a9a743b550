"""The universal auth objects: one object for requests, httpx and, where it is installed, httpx2."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Unpack

from tokenauth import httpx as _httpx
from tokenauth import requests as _requests
from tokenauth._base_auth import Options
from tokenauth._flow import fetch
from tokenauth._secrets import SecretLike
from tokenauth.providers.atrip import SANDBOX, Atrip, PortalLink
from tokenauth.providers.client_credentials import ClientCredentials
from tokenauth.providers.manis import Manis
from tokenauth.providers.password import PasswordGrant, Platform

if TYPE_CHECKING:
    from tokenauth import httpx2 as _httpx2
else:
    try:
        from tokenauth import httpx2 as _httpx2
    except ImportError:  # an extra
        _httpx2 = _httpx

if TYPE_CHECKING or _httpx2 is not _httpx:

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth, _httpx2.TokenAuth):
        """requests, httpx and httpx2."""

        _library = "requests"
        _async_library = "httpx"
else:

    class _EveryClient(_requests.TokenAuth, _httpx.TokenAuth):
        """requests and httpx."""

        _library = "requests"
        _async_library = "httpx"


class TokenAuth(_EveryClient):
    """One auth object for requests, httpx and httpx2: `TokenAuth(provider, **options)`.

    Share it between sessions, clients, threads, tasks and event loops: all of them log in once. It subclasses
    `requests.auth.AuthBase`, `httpx.Auth` and, where that is installed, `httpx2.Auth`. Options: see `Options`.
    """
