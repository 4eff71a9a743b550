"""Manis: a payment-orchestration API. `POST /api/v1/auth/token` with two headers and no body.

Source: the provider's page "Get token". It doesn't publish two facts, which are inferred: that `Authorization` carries
the token with its `tokenType`, and the unit of `expiresAt`.
"""

from typing import Unpack

from tokenauth._core.by_value import by_value
from tokenauth._core.expiry import InstantUnit, checked_unit
from tokenauth._core.options import Options, checked_flag
from tokenauth._core.origins import Origin
from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import checked_path, endpoint
from tokenauth.providers.login import Login

_NO_HOSTS = frozenset({"https", "api"})


class Manis(Login):
    """Manis, a payment-orchestration API: `ManisAuth(base_url, merchant_id=…, secret=…)`."""

    def __init__(
        self,
        base_url: str,
        *,
        merchant_id: str,
        secret: SecretLike,
        path: str = "/api/v1/auth/token",
        expires_unit: InstantUnit | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Log in with a merchant id and its secret.

        Args:
            base_url: "https://host[/prefix]" of your Manis API, without `path`. Manis gives it to you together with the
                merchant id.
            merchant_id: sent as `x-merchant-id`.
            secret: sent as `x-secret`; a str, a callable (read at each login), or anything with `get_secret_value()`.
            path: path of the token endpoint below `base_url`. Default "/api/v1/auth/token".
            expires_unit: unit of `expiresAt`: "s", "ms" or "us". Default None: guessed from its magnitude.
            options: see `Options`.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.

        Source: Manis unified API v1.0, "Get token".
        """
        url = _token_url(base_url, path, checked_flag("allow_http", options.get("allow_http")))
        checked_unit("expires_unit", expires_unit, instant=True)
        merchant = checked_text("merchant_id", merchant_id, header=True)
        super().__init__(
            url,
            name=f"Manis merchant {merchant}",
            headers={"x-merchant-id": merchant, "x-secret": Secret("secret", secret, header=True)},
            public=("x-merchant-id",),
            token="token",  # noqa: S106  (a place in the answer)
            token_type="tokenType",  # noqa: S106  (the same)
            expires_in=None,
            expires_at="expiresAt",
            unit=expires_unit,
            error_code=("soaCode", "type"),
            error_text=("detail", "title", "message"),
            error_fields=("soaCode", "type", "status", "title", "timestamp"),
            advice="Check merchant_id and secret, and that they belong to this base_url.",
            **options,
        )


@by_value
def _token_url(base_url: str, path: str, allow_http: bool) -> str:
    try:
        by_mistake = Origin.parse(base_url).host in _NO_HOSTS
    except (TypeError, ValueError):  # it is said below
        by_mistake = False
    if by_mistake:  # whatever its path
        raise ValueError(
            "base_url has a host that the examples on Manis' page have by mistake (https, api). "
            "Manis gives you the real one together with your merchant id"
        )
    return endpoint(base_url, checked_path("path", path), allow_http)
