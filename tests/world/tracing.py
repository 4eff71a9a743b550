"""OpenTelemetry and Sentry, which tell nobody."""

import contextlib
from collections.abc import Iterator
from typing import Any

import sentry_sdk
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.integrations.httpx import HttpxIntegration
from sentry_sdk.integrations.httpx2 import Httpx2Integration
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.transport import Transport

from tests.world.scene import Scene


@contextlib.contextmanager
def tracing() -> Iterator[tuple[Any, Any]]:
    """Yield a tracer provider, and where its spans go; nothing may be in them that is secret."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    spans = [f"{span.name} {dict(span.attributes)}" for span in exporter.get_finished_spans()]
    assert [span for span in spans if "canary" in span] == []


@contextlib.contextmanager
def sentry(scene: Scene) -> Iterator[Any]:
    """Trace everything with Sentry. What it patches stays patched, and passes everything on once it has no client."""
    told: list[Any] = []
    silent = type("Silent", (Transport,), {"capture_envelope": lambda self, envelope: told.append(envelope)})
    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=silent,
        traces_sample_rate=1.0,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        integrations=[StdlibIntegration(), HttpxIntegration(), Httpx2Integration()],
    )
    try:
        with sentry_sdk.start_transaction(name="a request"):
            yield told
        assert [each for each in told if b"canary" in each.serialize()] == []
    finally:
        sentry_sdk.get_global_scope().set_client(None)
