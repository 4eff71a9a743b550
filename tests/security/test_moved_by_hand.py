"""I5 where a request of httpx that was sent before gets another URL by hand, as where a caller tries the next host.

What requests does of this kind is in tests/behaviour/test_prepared.py.
"""

import asyncio
from typing import Any

from tests.security.test_origins_untraced import FAR, HOME, SYNC, Net, every_presentation, family
from tests.security.world import Presentation, canaries


def _send_twice(net: Net, library: Any, kind: str, auth: Any, headers: dict[str, str]) -> None:
    """Send one request to home, and then abroad: path, query and headers stay as they are."""
    request = library.Request("GET", f"{HOME}/api?page=2", headers=headers)
    if kind == SYNC:
        with library.Client(transport=net.transport(library), auth=auth) as client:
            assert client.send(request).status_code == 200
            request.url = request.url.copy_with(host="far.example")
            assert client.send(request).status_code == 200
        return

    async def main() -> None:
        async with library.AsyncClient(transport=net.transport(library), auth=auth) as client:
            assert (await client.send(request)).status_code == 200
            request.url = request.url.copy_with(host="far.example")
            assert (await client.send(request)).status_code == 200

    asyncio.run(main())


@family
@every_presentation
def test_a_request_that_was_signed_takes_nothing_abroad(library: Any, kind: str, presentation: Presentation) -> None:
    net = Net({HOME: lambda request: (200, {}), FAR: lambda request: (200, {})})
    auth = net.auth(library, kind, presentation, HOME)
    _send_twice(net, library, kind, auth, {"cookie": "mine=1", "x-mine": "2"})
    (home,), (far,) = net.at(HOME), net.at(FAR)
    assert presentation.is_on(home, "canary-token") or presentation.name == "cookie"
    assert canaries(home)
    assert not canaries(far)
    assert (far.target, far.headers["cookie"], far.headers["x-mine"]) == ("/api?page=2", "mine=1", "2")
