"""ManisAuth, on any client."""

from typing import Any

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.manis import Manis


class ManisAuth(BaseTokenAuth):
    """Manis, a payment-orchestration API: `ManisAuth(base_url, merchant_id=…, secret=…)`."""

    @arguments_of(Manis.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(Manis(*args, **arguments))
