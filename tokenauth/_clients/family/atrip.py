"""AtripAuth, on any client."""

from typing import Any

from tokenauth._clients.at_login import flows
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._clients.described import arguments_of
from tokenauth.providers.atrip import Atrip, PortalLink


class AtripAuth(BaseTokenAuth):
    """ATRIP (Atlas): static headers for its API, and sign-on links to its customer service portal."""

    _provider: Atrip

    @arguments_of(Atrip.__init__)
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(Atrip(*args, **arguments))

    def portal_link(self) -> PortalLink:
        """Return a fresh link to the portal, for a person to click. Blocks; raises `TokenAuthError`."""
        return self._provider.link(self._run(flows.fetch(self._source)))

    async def aportal_link(self) -> PortalLink:
        """Async version of `portal_link()`. Raises `TokenAuthError`."""
        return self._provider.link(await self._arun(flows.fetch(self._source)))
