"""OpenTelemetry: spans and metrics of logins (extra ``otel``).

    from tokenauth.otel import Telemetry

    auth = ManisAuth(..., on_event=Telemetry())

A login, its retries included, is a span `tokenauth.login` and a value of the histogram `tokenauth.login.duration`
(seconds). The span's parent is the span of the request that needed the login. What else happens is counted, by the
counters in `_COUNTED`.

Attributes follow the semantic conventions: `server.address`, `server.port`, `url.scheme`, `error.type`, and
`http.response.status_code` of a failed login. `tokenauth.provider` is the provider's name, which may hold a user name
but never a secret. No span or metric has a token, a fingerprint, or the text of an error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tokenauth._lazy import installed

with installed("otel", "tokenauth.otel"):
    from opentelemetry import metrics, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode

from tokenauth._version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from tokenauth._core.events import Event

_NAME: Final = "tokenauth"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The conventions' buckets for the duration of HTTP calls. The default is meant for milliseconds."""
_COUNTED: Final = {
    "retried": ("tokenauth.login.retries", "{retry}", "Logins that were tried again."),
    "hit": ("tokenauth.hits", "{request}", "Requests that got a token from memory."),
    "rejected": ("tokenauth.rejections", "{token}", "Tokens that the API refused."),
    "remembered": ("tokenauth.remembered_failures", "{request}", "Requests that got the failure of an earlier login."),
    "foreign": ("tokenauth.foreign_requests", "{origin}", "Origins that were called without the token."),
    "refreshing": ("tokenauth.refreshes", "{login}", "Logins that started early."),
    "store_down": ("tokenauth.store.changes", "{change}", "How often the store failed, or worked again."),
    "store_up": ("tokenauth.store.changes", "{change}", "How often the store failed, or worked again."),
}


class Telemetry:
    """An `on_event` that makes spans and metrics. One object serves any number of auth objects.

    Args:
        tracer_provider: an OpenTelemetry TracerProvider. Default: the global one.
        meter_provider: an OpenTelemetry MeterProvider. Default: the global one.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(_NAME, __version__, tracer_provider)
        meter = metrics.get_meter(_NAME, __version__, meter_provider)
        self._durations = meter.create_histogram(
            "tokenauth.login.duration",
            "s",
            "Duration of logins, their retries included.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        made = {name: meter.create_counter(name, unit, text) for name, unit, text in _COUNTED.values()}
        self._counters = {kind: made[name] for kind, (name, _, _) in _COUNTED.items()}

    def __call__(self, event: Event) -> None:
        attributes = _attributes(event)
        if event.kind in {"fetched", "failed"}:
            self._login(event, attributes)
        elif event.kind in self._counters:
            self._counters[event.kind].add(1, attributes)

    def _login(self, event: Event, attributes: dict[str, str | int]) -> None:
        seconds = event.seconds or 0.0
        self._durations.record(seconds, attributes)
        now = time.time_ns()
        span = self._tracer.start_span(
            "tokenauth.login", kind=SpanKind.CLIENT, attributes=attributes, start_time=now - int(seconds * 1e9)
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, type(event.error).__name__))
        span.end(now)


def _attributes(event: Event) -> dict[str, str | int]:
    url = urlsplit(event.url)
    attributes: dict[str, str | int] = {"tokenauth.provider": event.provider, "url.scheme": url.scheme}
    if url.hostname:
        attributes["server.address"] = url.hostname
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    if port:
        attributes["server.port"] = port
    if event.kind in {"store_down", "store_up"}:
        attributes["tokenauth.store.state"] = event.kind.removeprefix("store_")
    status = getattr(event.error, "status", None)
    if status is not None:
        attributes["http.response.status_code"] = status
    if event.error is not None:  # for an HTTP error its status, as the conventions want
        attributes["error.type"] = str(status) if status is not None and status >= 400 else type(event.error).__name__
    return attributes
