"""Descriptions of token APIs. Each is pure: it builds token requests and reads the responses (see `Provider`).

Build your own provider from `Reply`, `Secret`, `Signature` and `TokenRequest`.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth._core.errands import CallFunction, ReadFile, RunCommand
    from tokenauth._core.messages import Reply, TokenRequest
    from tokenauth._core.places import XML, Cookie, Header, Match, Text
    from tokenauth._core.provider import Provider
    from tokenauth._core.secrets import Secret
    from tokenauth._core.signature import Signature
    from tokenauth.providers._call import Call
    from tokenauth.providers._description import LoginOptions
    from tokenauth.providers._duck import TokenAPI
    from tokenauth.providers._jwt import JWT
    from tokenauth.providers._values import Basic, Built, Kept, Signed
    from tokenauth.providers.api_key import APIKey
    from tokenauth.providers.assertions import ClientAssertion, ClientSecretJWT, PrivateKeyJWT
    from tokenauth.providers.atrip import Atrip, LegacyRole, PortalLink, Role
    from tokenauth.providers.client_auth import Client, ClientAuth
    from tokenauth.providers.client_credentials import ClientCredentials
    from tokenauth.providers.command import Command
    from tokenauth.providers.file import File
    from tokenauth.providers.function import Function
    from tokenauth.providers.jwt_bearer import JWTBearer
    from tokenauth.providers.login import Login
    from tokenauth.providers.manis import Manis
    from tokenauth.providers.password import PasswordGrant, Platform
    from tokenauth.providers.refresh_token import RefreshToken
    from tokenauth.providers.token_exchange import TokenExchange

__all__ = [
    "APIKey",
    "Atrip",
    "Basic",
    "Built",
    "Call",
    "CallFunction",
    "Client",
    "ClientAssertion",
    "ClientAuth",
    "ClientCredentials",
    "ClientSecretJWT",
    "Command",
    "Cookie",
    "File",
    "Function",
    "Header",
    "JWT",
    "JWTBearer",
    "Kept",
    "LegacyRole",
    "Login",
    "LoginOptions",
    "Manis",
    "Match",
    "PasswordGrant",
    "Platform",
    "PortalLink",
    "PrivateKeyJWT",
    "Provider",
    "ReadFile",
    "RefreshToken",
    "Reply",
    "Role",
    "RunCommand",
    "Secret",
    "Signature",
    "Signed",
    "Text",
    "TokenAPI",
    "TokenExchange",
    "TokenRequest",
    "XML",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        ".._core.errands": ("CallFunction", "ReadFile", "RunCommand"),
        ".._core.messages": ("Reply", "TokenRequest"),
        ".._core.places": ("Cookie", "Header", "Match", "Text", "XML"),
        ".._core.provider": ("Provider",),
        ".._core.secrets": ("Secret",),
        ".._core.signature": ("Signature",),
        "._call": ("Call",),
        "._description": ("LoginOptions",),
        "._duck": ("TokenAPI",),
        "._jwt": ("JWT",),
        "._values": ("Basic", "Built", "Kept", "Signed"),
        ".api_key": ("APIKey",),
        ".assertions": ("ClientAssertion", "ClientSecretJWT", "PrivateKeyJWT"),
        ".atrip": ("Atrip", "LegacyRole", "PortalLink", "Role"),
        ".client_auth": ("Client", "ClientAuth"),
        ".client_credentials": ("ClientCredentials",),
        ".command": ("Command",),
        ".file": ("File",),
        ".function": ("Function",),
        ".jwt_bearer": ("JWTBearer",),
        ".login": ("Login",),
        ".manis": ("Manis",),
        ".password": ("PasswordGrant", "Platform"),
        ".refresh_token": ("RefreshToken",),
        ".token_exchange": ("TokenExchange",),
    },
)
