"""TokenAuth for httpx, sync and async; imports no other client.

httpx.Client(auth=TokenAuth(Manis("https://api.example.com", merchant_id="m-1", secret=secret)))
"""

import httpx

from tokenauth._clients.httpx_family import HttpxAuth

__all__ = ["TokenAuth"]


class TokenAuth(HttpxAuth, httpx.Auth):
    """Authenticates requests of httpx.Client and httpx.AsyncClient with the token of a provider."""

    _library = _async_library = "httpx"
