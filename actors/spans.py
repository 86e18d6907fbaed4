"""OpenTelemetry spans of every clip's way from its source to its commit. Loaded only where tracing is on."""

import os
import socket
import threading
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from pipeline.clock import Clock, SystemClock
from pipeline.hooks import Hooks
from pipeline.values import Clip
from pipeline.way import Trace, Way

_W3C = TraceContextTextMapPropagator()
_HEADER = "traceparent"
_FLUSH_S = 2.0
_DELAY = "OTEL_BSP_SCHEDULE_DELAY"
_DELAY_MS = 1000.0  # where the user says nothing: what a process that is killed has not sent yet is lost


def exported(role: str) -> TracerProvider:
    """Return a provider that sends in the background, in bounded batches, to where the environment says.

    What cannot be sent is dropped, and sampling is as `OTEL_TRACES_SAMPLER` says.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    ours = {
        "service.name": "longtake",
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "longtake.role": role,
    }
    resource = Resource.create(ours | dict(OTELResourceDetector().detect().attributes))
    provider = TracerProvider(shutdown_on_exit=False, resource=resource)
    delay_ms = None if os.environ.get(_DELAY) else _DELAY_MS
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=delay_ms))
    return provider


class SpanHooks(Hooks):
    """Makes the spans of what it is told; safe to use from many threads.

    A clip is one trace: `clip`, from the reader's going for it to its commit, and below it `decode`, `queue`, `model`,
    `segment` and `commit`. A model worker, here or elsewhere, adds to `model` what it computed: `encode`, `remember`.

    Args:
        model: fingerprint of the model a worker answers for.
    """

    def __init__(self, provider: TracerProvider, model: str = "", clock: Clock | None = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("longtake")
        self._model = model
        self._clock = clock or SystemClock()

    def trace(self, clip: Clip, model: str, way: Way) -> Trace | None:
        attributes: Attributes = {
            "longtake.stream": clip.stream,
            "longtake.epoch": clip.epoch,
            "longtake.step": clip.step,
            "longtake.model": model,
        }
        zero_s = self._clock.wall_s() - self._clock.monotonic_s()
        whole = self._tracer.start_span("clip", Context(), attributes=attributes, start_time=_ns(zero_s + way.read_s))
        return _ClipTrace(self, whole, zero_s, way) if whole.is_recording() else None

    def worked(self, traces: Sequence[str], kind: str, size: int, waited_s: float, seconds: float) -> None:
        end_s = self._clock.wall_s()
        told: Attributes = {
            "longtake.batch_size": size,
            "longtake.waited_s": waited_s,
            "longtake.model": self._model,
        }
        for trace in traces:
            below = _W3C.extract({_HEADER: trace}, Context())
            span = self._tracer.start_span(kind, below, attributes=told, start_time=_ns(end_s - seconds))
            span.end(_ns(end_s))

    def begun(self, name: str, within: Span, at_s: float) -> Span:
        """Return a span below another one, begun at unix seconds."""
        return self._tracer.start_span(name, set_span_in_context(within, Context()), start_time=_ns(at_s))

    def close(self) -> None:
        """Send what waits, for a moment: the SDK itself would wait for a collector that is away, and for each batch."""
        flushing = threading.Thread(target=self._provider.force_flush, name="last-spans", daemon=True)
        flushing.start()
        flushing.join(_FLUSH_S)


class _ClipTrace:
    """The trace of one clip; see `Trace`."""

    def __init__(self, hooks: SpanHooks, whole: Span, zero_s: float, way: Way) -> None:
        self._hooks = hooks
        self._whole = whole
        self._zero_s = zero_s  # unix seconds where the steady clock has zero; one for all spans, whatever NTP does
        self._model = hooks.begun("model", whole, zero_s + way.asked_s)
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, set_span_in_context(self._model, Context()))
        self.context = carrier[_HEADER]

    def end(self, way: Way) -> None:
        self._model.end(_ns(self._zero_s + way.answered_s))
        for name, begun_s, ended_s in (
            ("decode", way.read_s, way.cut_s),
            ("queue", way.cut_s, way.asked_s),
            ("segment", way.answered_s, way.segmented_s),
            ("commit", way.commit_s, way.committed_s),
        ):
            self._hooks.begun(name, self._whole, self._zero_s + begun_s).end(_ns(self._zero_s + ended_s))
        self._whole.end(_ns(self._zero_s + way.committed_s))


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
