"""What the fault tests share: a real token server behind a proxy that spoils connections, and an injected clock."""

from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy, fault_proxy
from tests.support import TokenServer


@pytest.fixture
def proxy(server: TokenServer) -> Iterator[Proxy]:
    with fault_proxy(server.server.port) as proxy:
        yield proxy
