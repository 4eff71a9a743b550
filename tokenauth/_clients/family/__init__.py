"""The family: one auth class per provider, defined once and combined with each client when first used.

`family.ManisAuth` has no client yet. `tokenauth.httpx.ManisAuth` is that class on top of `tokenauth.httpx.TokenAuth`.
A client's module declares the family twice: with `__getattr__ = members_of(TokenAuth)` for Python, and with a class
statement under TYPE_CHECKING for type checkers and editors.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from tokenauth._clients.base import BaseTokenAuth

HOMES = {
    "APIKeyAuth": "elsewhere",
    "AtripAuth": "atrip",
    "ClientCredentialsAuth": "client_credentials",
    "CommandAuth": "elsewhere",
    "FileAuth": "elsewhere",
    "FunctionAuth": "elsewhere",
    "JWTBearerAuth": "jwt_bearer",
    "LoginAuth": "login",
    "ManisAuth": "manis",
    "PasswordGrantAuth": "password",
    "PlatformAuth": "password",
    "TokenExchangeAuth": "token_exchange",
    "RefreshTokenAuth": "refresh_token",
}
"""The module of each class, so that unused providers aren't loaded."""


def members_of(base: type[BaseTokenAuth]) -> Callable[[str], Any]:
    """Return a module `__getattr__` that builds each class of the family on top of *base*, the module's TokenAuth."""

    def member(name: str) -> Any:
        module = sys.modules[base.__module__]
        if name not in HOMES:
            raise AttributeError(f"module {base.__module__!r} has no attribute {name!r}")
        made = _concrete(name, base, module)
        return vars(module).setdefault(name, made)  # if two threads race, both get the first one's class

    return member


def _concrete(name: str, base: type[BaseTokenAuth], module: Any) -> type:
    home = importlib.import_module(f"{__name__}.{HOMES[name]}")
    shared = getattr(home, name)
    parents = [getattr(module, each.__name__) for each in shared.__bases__ if each is not BaseTokenAuth]
    namespace = {"__module__": base.__module__, "__doc__": shared.__doc__}
    return type(name, (shared, *(parents or [base])), namespace)
