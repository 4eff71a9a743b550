"""The errors of tokenauth, by who can fix them.

    TokenAuthError               the root; also an OSError and, for each client that the program has imported, its root:
                                 RequestException of requests and niquests, HTTPError of httpx and httpx2, aiohttp's
                                 ClientError
    ├── CredentialsRejected      you: the provider answered and rejected the credentials
    └── TokenEndpointError       the provider or the network: no answer, a 3xx, 429 or 5xx
        └── TokenResponseError   the provider: a 2xx without a usable token

Neither this module nor its names import a client.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth._core.error_tree import CredentialsRejected, TokenAuthError, TokenEndpointError, TokenResponseError

__all__ = ["CredentialsRejected", "TokenAuthError", "TokenEndpointError", "TokenResponseError"]

__getattr__, __dir__ = lazy(__name__, {}, rest="tokenauth._core.error_tree")
