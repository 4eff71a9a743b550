"""A private CA, trusted by the tests' clients and by nobody else."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests import clients
from tests.security.world import World, world


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def trusted(ca: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every client, and every token call, know the CA."""
    ca.configure_trust(clients.TLS)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))


@pytest.fixture(scope="module")
def plain_world() -> Iterator[World]:
    with world() as this:
        yield this


@pytest.fixture(scope="module")
def upgrade_world(server_tls: ssl.SSLContext) -> Iterator[World]:
    """Home speaks http, the foreign server https."""
    with world(far_tls=server_tls) as this:
        yield this


@pytest.fixture(scope="module")
def downgrade_world(server_tls: ssl.SSLContext) -> Iterator[World]:
    """Home speaks https, the foreign server http."""
    with world(home_tls=server_tls) as this:
        yield this
