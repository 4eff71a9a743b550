"""Token APIs, described. Each is pure: it builds a token request and reads the answer (see `Provider`).

`Reply`, `Secret`, `Signature` and `TokenRequest` are what a provider of your own is made of.
"""

from tokenauth._effects import Reply, TokenRequest
from tokenauth._secrets import Secret
from tokenauth._signature import Signature
from tokenauth.providers._base import Provider
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
