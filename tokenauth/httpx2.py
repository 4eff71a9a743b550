"""TokenAuth for httpx2, sync and async; imports no other client.

httpx2.Client(auth=TokenAuth(Manis("https://api.example.com", merchant_id="m-1", secret=secret)))
"""

import httpx2

from tokenauth._clients.httpx_family import HttpxAuth

__all__ = ["TokenAuth"]


class TokenAuth(HttpxAuth, httpx2.Auth):
    """Authenticates requests of httpx2.Client and httpx2.AsyncClient with the token of a provider."""

    _library = _async_library = "httpx2"
