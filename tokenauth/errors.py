"""The errors of tokenauth, by who can fix them.

    TokenAuthError               the root; also a requests.RequestException, httpx.HTTPError and httpx2.HTTPError
    ├── CredentialsRejected      you: the provider answered and rejected the credentials
    └── TokenEndpointError       the provider or the network: no answer, a 3xx, 429 or 5xx
        └── TokenResponseError   the provider: a 2xx without a usable token

Importing this module imports no client; the first use of a name does.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth._core.error_tree import (
        CredentialsRejected,
        TokenAuthError,
        TokenEndpointError,
        TokenResponseError,
    )

__all__ = ["CredentialsRejected", "TokenAuthError", "TokenEndpointError", "TokenResponseError"]

__getattr__, __dir__ = lazy(__name__, {}, rest="tokenauth._core.error_tree")
