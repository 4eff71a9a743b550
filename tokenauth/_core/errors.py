"""The errors of tokenauth, by who can fix them.

    TokenAuthError               the root; also a requests.RequestException, httpx.HTTPError and httpx2.HTTPError
    ├── CredentialsRejected      you: the provider answered and rejected the credentials
    └── TokenEndpointError       the provider or the network: no answer, a 3xx, 429 or 5xx
        └── TokenResponseError   the provider: a 2xx without a usable token

The classes are in `error_tree`, which imports every installed client in order to inherit from its exceptions. This
module loads it when a name is first used, so a program with one client imports no other until something goes wrong.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenauth._core.error_tree import (
        CredentialsRejected,
        TokenAuthError,
        TokenEndpointError,
        TokenResponseError,
    )

__all__ = ["CredentialsRejected", "TokenAuthError", "TokenEndpointError", "TokenResponseError"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tokenauth._core import error_tree  # noqa: PLC0415  (the laziness is the point)

    globals().update({each: getattr(error_tree, each) for each in __all__})
    return globals()[name]


def __dir__() -> list[str]:
    return __all__
