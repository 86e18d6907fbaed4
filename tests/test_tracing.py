"""Traces: the way of every clip from its source to its commit, told by the real SDK."""

import os
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler, TraceIdRatioBased

from actors import spans, tracing
from actors.spans import SpanHooks
from bench import tracing as cost
from pipeline.clock import ManualClock
from pipeline.flow import FlowSettings, Job
from pipeline.hooks import Hooks
from pipeline.inline import InlineEngine
from pipeline.lane import Lane
from pipeline.lane_queue import LaneContext, LaneLimits, LaneQueue
from pipeline.models.card import load_card
from pipeline.segment.segmenter import Segmenter
from pipeline.timeline.document import to_json
from pipeline.timeline.store import TimelineStore
from tests.models.micro import make_model_dir
from tests.test_lane import BEGINNING, RULES, ListStore, SumModel, clip

STAGES = {"clip", "decode", "queue", "model", "encode", "remember", "segment", "commit"}
PARENTS = {"encode": "model", "remember": "model"}
SCENE = "synthetic://seed=3&duration=6"
CLIPS = 12
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model_dir(tmp_path_factory.mktemp("micro"))


@dataclass
class Seen:
    """A span, wherever it comes from."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes
    start: int
    end: int
    attributes: dict
    process: str = ""


@dataclass
class Collector:
    """What an OTLP collector received."""

    spans: list[Seen] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = next(
                one.value.string_value for one in resource.resource.attributes if one.key == "service.instance.id"
            )
            for scope in resource.scope_spans:
                self.spans += [
                    Seen(
                        span.name,
                        span.trace_id,
                        span.span_id,
                        span.parent_span_id,
                        span.start_time_unix_nano,
                        span.end_time_unix_nano,
                        {one.key: one.value for one in span.attributes},
                        process,
                    )
                    for span in scope.spans
                ]


@contextmanager
def collector() -> Iterator[Collector]:
    """An OTLP receiver of the test's own."""
    received = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        received.url = f"http://127.0.0.1:{server.server_port}"
        yield received
        server.shutdown()


def in_memory(sampler: Sampler | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def finished(exporter: InMemorySpanExporter) -> list[Seen]:
    return [
        Seen(
            span.name,
            span.context.trace_id.to_bytes(16),
            span.context.span_id.to_bytes(8),
            span.parent.span_id.to_bytes(8) if span.parent else b"",
            span.start_time,
            span.end_time,
            dict(span.attributes),
        )
        for span in exporter.get_finished_spans()
    ]


def watch(model: Path, home: Path, hooks: Hooks) -> str:
    with TimelineStore.open(None, home) as store:
        with InlineEngine(model, store, FlowSettings(), hooks) as engine:
            (report,) = engine.run([Job("cam", SCENE)], lambda _: None)
        assert (report.state, report.error, report.clips) == ("ended", "", CLIPS)
        return to_json(store.timeline("cam"))


def traces(told: list[Seen]) -> list[dict[str, Seen]]:
    """By name, of each clip; nothing may be there twice."""
    found: defaultdict[bytes, list[Seen]] = defaultdict(list)
    for span in told:
        found[span.trace].append(span)
    assert all(max(Counter(span.name for span in trace).values()) == 1 for trace in found.values())
    return [{span.name: span for span in trace} for trace in found.values()]


def assert_whole(trace: dict[str, Seen]) -> None:
    """Every stage is there, below its parent, within the clip's time, one after the other."""
    assert set(trace) == STAGES
    whole = trace["clip"]
    assert not whole.parent
    for name in STAGES - {"clip"}:
        assert trace[name].parent == trace[PARENTS.get(name, "clip")].id, name
        assert whole.start <= trace[name].start <= trace[name].end <= whole.end + 1000, name
    ways = [trace[name] for name in ("decode", "queue", "model", "segment", "commit")]
    assert all(before.end <= after.start for before, after in pairwise(ways))
    assert trace["encode"].end <= trace["remember"].start + 1000


def test_every_clip_is_one_trace_from_its_source_to_its_commit(model, tmp_path):
    provider, exporter = in_memory()
    fingerprint = load_card(model).fingerprint
    watch(model, tmp_path, SpanHooks(provider, fingerprint))
    found = traces(finished(exporter))
    for trace in found:
        assert_whole(trace)
        assert trace["encode"].attributes["longtake.model"] == fingerprint
        assert trace["encode"].attributes["longtake.batch_size"] >= 1
        assert trace["remember"].attributes["longtake.waited_s"] >= 0
    told = [trace["clip"].attributes for trace in found]
    assert sorted(one["longtake.step"] for one in told) == list(range(CLIPS))
    assert {(one["longtake.stream"], one["longtake.epoch"], one["longtake.model"]) for one in told} == {
        ("cam", 0, fingerprint)
    }


def test_the_times_of_a_clip_are_those_of_its_lane():
    clock = ManualClock(now_s=100.0)

    class Takes2Seconds(SumModel):
        def infer(self, frames, gap_s, state, traces=()):
            clock.advance(2)
            assert len(traces) == 1
            return super().infer(frames, gap_s, state)

    class Takes1Second(ListStore):
        def commit(self, commit):
            clock.advance(1)
            return super().commit(commit)

    provider, exporter = in_memory()
    limits = LaneLimits(commit_every_s=0.0)
    queue = LaneQueue(LaneContext(limits, SpanHooks(provider, clock=clock), clock))
    lane = Lane(queue, Takes2Seconds(), Segmenter("cam", "model", RULES), Takes1Second(), BEGINNING)
    clock.advance(5)
    queue.put(clip(0), "wait")
    clock.advance(3)
    lane.step()
    times = {span.name: (span.start / 1e9, span.end / 1e9) for span in finished(exporter)}
    assert times == {
        "clip": (100, 111),
        "decode": (100, 105),
        "queue": (105, 108),
        "model": (108, 110),
        "segment": (110, 110),
        "commit": (110, 111),
    }


def test_tracing_changes_no_byte_of_the_timeline(model, tmp_path):
    provider, _ = in_memory()
    assert watch(model, tmp_path / "on", SpanHooks(provider)) == watch(model, tmp_path / "off", Hooks())


def test_a_clip_that_is_not_sampled_has_no_span_anywhere(model, tmp_path):
    provider, exporter = in_memory(TraceIdRatioBased(0.0))
    watch(model, tmp_path / "none", SpanHooks(provider))
    assert not exporter.get_finished_spans()
    provider, exporter = in_memory(TraceIdRatioBased(0.5))
    watch(model, tmp_path / "some", SpanHooks(provider))
    for trace in traces(finished(exporter)):
        assert_whole(trace)


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_tracing_is_on_where_an_endpoint_is_named_and_nobody_has_switched_it_off(environ, on):
    assert tracing.wanted(environ) is on


def test_what_hinders_tracing_is_said_and_nothing_else_happens(monkeypatch, capfd):
    monkeypatch.setenv(ENDPOINT, "http://user:hunter2@collector:4318")
    monkeypatch.setattr(tracing, "_PACKAGES", ("opentelemetry_of_nobody.sdk",))
    assert type(tracing.tracing("lane")) is Hooks
    monkeypatch.setattr(tracing, "_PACKAGES", ())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert type(tracing.tracing("lane")) is Hooks
    said = capfd.readouterr().err
    assert "pip install 'longtake[tracing]'" in said and "not as grpc" in said and "hunter2" not in said


OFF = """
import sys
sys.modules["opentelemetry"] = None  # whoever imports it gets an ImportError; the Redis client does, and catches it
from actors import host, model_worker, stream
from actors.tracing import tracing
from pipeline import inline
from pipeline.hooks import Hooks
sys.exit("actors.spans" in sys.modules or type(tracing("lane")) is not Hooks)
"""


def test_nothing_of_opentelemetry_is_imported_while_tracing_is_off():
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, "")


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | more


def run(model: Path, home: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "longtake", "run", SCENE, "--name", "cam", "--model", str(model), *words]
    more = {"LONGTAKE_HOME": str(home), **environ}
    return subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, env=environment(**more), check=False
    )


def test_what_tracing_costs_can_be_measured(monkeypatch):
    monkeypatch.setattr(cost, "CLIPS", 40)
    monkeypatch.setattr(cost, "PARTS", 2)
    assert all(cost.measured(arm) > 0 for arm in ("without", "off"))


@pytest.mark.slow
def test_a_collector_that_is_not_there_costs_no_answer(model, tmp_path):
    done = run(model, tmp_path / "on", **{ENDPOINT: "http://user:hunter2@127.0.0.1:9"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == run(model, tmp_path / "off").stdout
    assert "hunter2" not in done.stderr


def test_a_collector_that_hangs_keeps_nobody_from_ending(monkeypatch):
    released = threading.Event()

    class Hangs(InMemorySpanExporter):
        def export(self, spans):
            released.wait(60)
            return super().export(spans)

    exporter, provider = Hangs(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_FLUSH_S", 0.05)
    hooks = SpanHooks(provider)
    hooks.worked(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], "encode", 1, 0.0, 0.01)
    hooks.close()
    assert not released.is_set() and not exporter.get_finished_spans()
    released.set()
    provider.shutdown()
    assert [span.name for span in exporter.get_finished_spans()] == ["encode"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_the_spans_of_all_processes_are_joined_at_the_collector(engine, model, tmp_path):
    with collector() as received:
        done = run(model, tmp_path, "--engine", engine, **{ENDPOINT: received.url, "OTEL_BSP_SCHEDULE_DELAY": "100"})
    assert done.returncode == 0, done.stderr
    found = traces(received.spans)
    assert len(found) == CLIPS
    for trace in found[: CLIPS // 2]:  # what a model worker has not sent when it is killed at the end is lost
        assert_whole(trace)
    lane = {trace["clip"].process for trace in found}
    worker = {trace["encode"].process for trace in found if "encode" in trace}
    assert len(lane) == len(worker) == 1 and (lane == worker) is (engine == "inline")
    assert not any(secret in body for body in received.bodies for secret in (b"synthetic", str(model).encode()))
