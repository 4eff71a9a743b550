"""Token APIs, described. Each is pure: it builds a token request and reads the answer (see `Provider`)."""

from tokenauth.providers._base import Provider
from tokenauth.providers._declarative import JSONProvider
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
    "Role",
]
