"""HTTPie: `http -A tokenauth -a manis-prod https://…` sends a profile's token. HTTPie finds this by its entry point."""

import sys
from typing import Any

from httpie.plugins import AuthPlugin


class TokenAuthPlugin(AuthPlugin):  # type: ignore[misc]  # HTTPie has no types
    """`-a` is the name of a profile and never a secret, because HTTPie's sessions store it in plain text."""

    name = "tokenauth"
    description = "The token of a profile of tokenauth: -A tokenauth -a PROFILE"
    auth_type = "tokenauth"
    auth_parse = False
    netrc_parse = False
    prompt_password = False

    def get_auth(self, username: str | None = None, password: str | None = None) -> Any:
        """Return the auth object of the profile that `-a` names."""
        from tokenauth import profiles  # noqa: PLC0415  (HTTPie loads this module at each start)

        try:
            return profiles.made_for_a_command(*profiles.described(str(self.raw_auth), {}))
        except (ImportError, TypeError, ValueError) as problem:
            sys.stderr.write(f"http: error: tokenauth: {problem}\n")
        raise SystemExit(1)
