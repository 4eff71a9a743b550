"""The OpenTelemetry adapter, with in-memory exporters."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.clients import CLIENTS, Client, Get
from tests.servers import Reply
from tests.support import ManualClock, TokenServer, with_clock, without_pauses
from tokenauth import Event, TokenAuthError
from tokenauth.otel import Telemetry


class Telescope:
    """A `Telemetry`, and what it has exported."""

    def __init__(self) -> None:
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = tracers.get_tracer("test")
        self.telemetry = Telemetry(tracer_provider=tracers, meter_provider=MeterProvider([self.reader]))

    def logins(self) -> list[ReadableSpan]:
        return [span for span in self.spans.get_finished_spans() if span.name == "tokenauth.login"]

    def metrics(self) -> dict[str, Any]:
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_logins_are_spans_and_requests_are_counted(client: Client, server: TokenServer) -> None:
    telescope = Telescope()
    auth = server.auth(on_event=telescope.telemetry)
    client.play(auth, *[Get(server.api)] * 3)
    (span,) = telescope.logins()
    assert span.attributes is not None
    assert dict(span.attributes) == {
        "tokenauth.provider": auth._provider.name,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": int(server.url.rpartition(":")[2]),
    }
    metrics = telescope.metrics()
    assert [point.count for point in metrics["tokenauth.login.duration"]] == [1]
    assert [point.value for point in metrics["tokenauth.hits"]] == [2]


def test_durations_are_told_apart_below_a_second() -> None:
    telescope = Telescope()
    for seconds in (0.02, 0.2, 2.0):
        telescope.telemetry(Event("fetched", "own", "https://l.example.com/x", seconds=seconds))
    (point,) = telescope.metrics()["tokenauth.login.duration"]
    assert [count for count in point.bucket_counts if count] == [1, 1, 1]


def test_a_failed_login_is_a_failed_span_without_its_text(server: TokenServer, clock: ManualClock) -> None:
    telescope = Telescope()
    server.answer = lambda request: Reply(503, {"error": "down", "text": "of the server"})
    auth = with_clock(without_pauses(server.auth(on_event=telescope.telemetry)), clock)
    for _ in range(2):
        with pytest.raises(TokenAuthError):
            auth.get_token()
    (span,) = telescope.logins()
    assert not span.status.is_ok
    assert span.attributes is not None
    assert span.attributes["error.type"] == "503"
    assert span.attributes["http.response.status_code"] == 503
    metrics = telescope.metrics()
    assert [point.value for point in metrics["tokenauth.login.retries"]] == [2]
    assert [point.value for point in metrics["tokenauth.remembered_failures"]] == [1]
    assert "of the server" not in span.to_json()


def test_a_login_belongs_to_the_request_that_needed_it(server: TokenServer) -> None:
    telescope = Telescope()
    with telescope.tracer.start_as_current_span("request") as request:
        server.auth(on_event=telescope.telemetry).get_token()
    (span,) = telescope.logins()
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id


def test_a_store_that_is_down_is_counted_without_an_address_where_there_is_none() -> None:
    telescope = Telescope()
    for kind in ("store_down", "store_up"):
        telescope.telemetry(Event(kind, "own", ""))
    points = telescope.metrics()["tokenauth.store.changes"]
    kept = [dict(point.attributes) for point in points]
    assert [each["tokenauth.store.state"] for each in kept] == ["down", "up"]
    assert not any("server.address" in each or "server.port" in each for each in kept)


def test_nothing_exported_has_a_token_or_a_fingerprint(server: TokenServer) -> None:
    telescope = Telescope()
    token = server.auth(on_event=telescope.telemetry).get_token()
    exported = "".join(span.to_json() for span in telescope.logins()) + repr(telescope.metrics())
    assert token.value not in exported
    assert token.fingerprint not in exported
