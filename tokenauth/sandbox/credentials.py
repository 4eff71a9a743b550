"""The accounts that the sandbox knows. All invented: they open nothing but the sandbox.

Secrets hold the characters that an encoding mistake would lose: space, ``+``, ``&``, ``=``, ``%``, ``:`` and,
where the transport allows it, a letter outside ASCII.
"""

from __future__ import annotations

from typing import Final

MANIS_MERCHANT_ID: Final = "sandbox-merchant"
MANIS_SECRET: Final = "not-a-secret-manis"  # noqa: S105 - invented

ATRIP_CLIENT_ID: Final = "sandbox-atlas-client"
ATRIP_CLIENT_SECRET: Final = "not-a-secret-atrip"  # noqa: S105 - invented
ATRIP_USER_NAME: Final = "operator"
ATRIP_ROLE: Final = "Customer service"
ATRIP_ORDER_NO: Final = "TEST0000000001"

PLATFORM_USERNAME: Final = "user@example.com"
PLATFORM_PASSWORD: Final = "not a password +&=%:"  # noqa: S105 - invented
PLATFORM_OTHER_USERNAME: Final = "other@example.com"
PLATFORM_OTHER_PASSWORD: Final = "not another password"  # noqa: S105 - invented

OAUTH_CLIENT_ID: Final = "sandbox client:1"
OAUTH_CLIENT_SECRET: Final = "not a secret: 100%+&=/ü"  # noqa: S105 - invented
OAUTH_SCOPES: Final = ("read", "write")
OAUTH_AUDIENCE: Final = "https://api.sandbox.example"
