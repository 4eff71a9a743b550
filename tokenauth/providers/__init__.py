"""Token APIs, described. Each is pure: it builds a token request and reads the answer (see `Provider`).

`Reply`, `Secret`, `Signature` and `TokenRequest` are what a provider of your own is made of.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth._core.effects import Reply, TokenRequest
    from tokenauth._core.provider import Provider
    from tokenauth._core.secrets import Secret
    from tokenauth._core.signature import Signature
    from tokenauth.providers._declarative import JSONProvider
    from tokenauth.providers._duck import TokenAPI
    from tokenauth.providers.atrip import Atrip, LegacyRole, PortalLink, Role
    from tokenauth.providers.client_credentials import ClientCredentials
    from tokenauth.providers.manis import Manis
    from tokenauth.providers.password import PasswordGrant, Platform

__all__ = [
    "Atrip",
    "ClientCredentials",
    "JSONProvider",
    "LegacyRole",
    "Manis",
    "PasswordGrant",
    "Platform",
    "PortalLink",
    "Provider",
    "Reply",
    "Role",
    "Secret",
    "Signature",
    "TokenAPI",
    "TokenRequest",
]

_HOMES = {
    "Atrip": ".atrip",
    "ClientCredentials": ".client_credentials",
    "JSONProvider": "._declarative",
    "LegacyRole": ".atrip",
    "Manis": ".manis",
    "PasswordGrant": ".password",
    "Platform": ".password",
    "PortalLink": ".atrip",
    "Provider": ".._core.provider",
    "Reply": ".._core.effects",
    "Role": ".atrip",
    "Secret": ".._core.secrets",
    "Signature": ".._core.signature",
    "TokenAPI": "._duck",
    "TokenRequest": ".._core.effects",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
