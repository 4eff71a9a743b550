"""What instrumentation tells: the request and the login, and no secret. (`tracing` looks through the spans.)"""

import contextlib
from typing import Any

import httpx
import httpx2
import pytest
import requests
import sentry_sdk
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from tests.clients import TLS
from tests.world.scene import Scene
from tests.world.tracing import sentry, tracing

pytestmark = pytest.mark.slow
INSTRUMENTORS: dict[str, tuple[Any, Any]] = {
    "requests": (RequestsInstrumentor, requests.Session),
    "httpx": (HTTPXClientInstrumentor, lambda: httpx.Client(verify=TLS)),
    "httpx2": (HTTPX2ClientInstrumentor, lambda: httpx2.Client(verify=TLS)),
}
every_library = pytest.mark.parametrize("library", INSTRUMENTORS)


@every_library
def test_opentelemetry_sees_each_request_and_no_secret(library: str, scene: Scene) -> None:
    instrumentor, make = INSTRUMENTORS[library]
    with tracing() as (provider, exporter):
        instrumentor().instrument(tracer_provider=provider)
        try:
            with make() as session:
                session.auth = scene.auth("custom")
                assert session.get(scene.url()).status_code == 200
                scene.revoke()
                assert session.get(scene.url()).status_code == 200
        finally:
            instrumentor().uninstrument()
        seen = [str(dict(span.attributes)) for span in exporter.get_finished_spans()]
    assert len([each for each in seen if "/api" in each]) >= 2
    with_parent = [request for request in scene.to("home") if "traceparent" in request.headers]
    assert [request.path for request in with_parent].count("/api") >= 2


@every_library
def test_a_login_abandons_no_span_of_the_callers(library: str, scene: Scene) -> None:
    """The login is made in a thread of its own, where the caller's transaction is not in scope."""
    make = INSTRUMENTORS[library][1]
    with sentry(scene), make() as session:
        session.auth = scene.auth()
        assert session.get(scene.url()).status_code == 200
        current = sentry_sdk.get_current_span()
        assert current is not None
        assert current is sentry_sdk.get_current_scope().transaction
    with contextlib.suppress(IndexError):
        assert "sentry-trace" in scene.to("home")[-1].headers
