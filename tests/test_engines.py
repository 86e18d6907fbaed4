"""One suite over both engines: the same lane, the same timeline, byte for byte."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.engine import RayEngine
from actors.settings import RaySettings
from pipeline.flow import FlowSettings, Job
from pipeline.inline import InlineEngine
from pipeline.models.card import Part
from pipeline.timeline.document import to_json
from pipeline.timeline.store import TimelineStore
from pipeline.values import ClipSpec, MotionSpec
from tests.models.micro import make_model_dir, micro_card

SCENES = {"one": "synthetic://seed=3&duration=12", "two": "synthetic://seed=4&duration=9&people=2"}
JOBS = [Job(name, uri) for name, uri in SCENES.items()]


def unwatched(_: Any) -> None:
    """Nobody looks at the progress."""


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return make_model_dir(tmp_path_factory.mktemp("micro"))


@pytest.fixture(scope="session")
def ray_engine(model, tmp_path_factory) -> Iterator[tuple[RayEngine, Path]]:
    """The one Ray of the test session."""
    home = tmp_path_factory.mktemp("ray")
    settings = RaySettings(threads_per_worker=2, object_store_bytes=100 * 2**20)
    with RayEngine(model, None, home, FlowSettings(), settings) as engine:
        yield engine, home


def timelines(home: Path, jobs=JOBS) -> dict[str, str]:
    with TimelineStore.open(None, home) as store:
        return {job.stream: to_json(store.timeline(job.stream)) for job in jobs}


def run_inline(model: Path, home: Path, jobs=JOBS, **settings):
    with TimelineStore.open(None, home) as store, InlineEngine(model, store, FlowSettings(**settings)) as engine:
        return engine.run(jobs, unwatched)


@pytest.fixture(scope="session")
def undisturbed(model, tmp_path_factory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("inline")
    reports = run_inline(model, home)
    assert [(report.state, report.error) for report in reports] == [("ended", "")] * 2
    return timelines(home)


def test_a_timeline_has_segments_to_compare(undisturbed):
    assert all('"label"' in timeline for timeline in undisturbed.values())


@pytest.mark.parametrize("in_flight", [1, 3, 8])
def test_how_much_is_in_flight_changes_nothing(in_flight, model, tmp_path, undisturbed):
    run_inline(model, tmp_path, lane={"in_flight": in_flight, "queue_clips": in_flight})
    assert timelines(tmp_path) == undisturbed


def test_motion_is_watched_alike_however_much_is_in_flight(tmp_path):
    clip = ClipSpec(frames=8, height=16, width=16, fps=5.0, stride=2, motion=MotionSpec(3, 16, 16))
    parts = {"encoder": Part("two_stream", {"backbone": "micro"}), "temporal": Part("stream_fusion", {})}
    model = make_model_dir(tmp_path / "model", card=replace(micro_card(clip), **parts))
    found = []
    for in_flight in (1, 8):
        run_inline(model, tmp_path / str(in_flight), lane={"in_flight": in_flight, "queue_clips": in_flight})
        found.append(timelines(tmp_path / str(in_flight)))
    assert found[0] == found[1] and '"label"' in found[0]["one"]


def test_ray_gives_the_timelines_of_inline(ray_engine, undisturbed):
    engine, home = ray_engine
    reports = engine.run(JOBS, unwatched)
    assert [(report.state, report.error) for report in reports] == [("ended", "")] * 2
    assert timelines(home) == undisturbed


def test_both_engines_count_the_same(ray_engine, model, tmp_path):
    engine, _ = ray_engine
    job = Job("counted", "synthetic://seed=5&duration=5")
    (inline,) = run_inline(model, tmp_path, [job])
    assert engine.run([job], unwatched) == [inline]
    assert (inline.frames_decoded, inline.frames_kept, inline.clips) == (125, 25, 10)


def test_a_finished_recording_is_not_run_again(model, tmp_path, undisturbed):
    run_inline(model, tmp_path)
    (report, _) = run_inline(model, tmp_path)
    assert (report.state, report.clips) == ("ended", 0)
    assert timelines(tmp_path) == undisturbed


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Job("one", "synthetic://seed=99&duration=12"), "holds the timeline of synthetic://seed=3&duration=12"),
        (Job("three", "/no/such/file.mp4"), "there is no file '/no/such/file.mp4'"),
    ],
)
def test_a_job_that_cannot_be_run_is_reported_and_harms_nobody(job, message, model, tmp_path, undisturbed):
    run_inline(model, tmp_path)
    (report,) = run_inline(model, tmp_path, [job])
    assert report.state == "failed" and message in report.error
    assert timelines(tmp_path) == undisturbed


def test_another_model_under_the_same_name_is_refused(model, tmp_path, undisturbed):
    run_inline(model, tmp_path)
    other = make_model_dir(tmp_path / "other", seed=1)
    (report, _) = run_inline(other, tmp_path)
    assert "was watched by model" in report.error
    assert timelines(tmp_path) == undisturbed


def test_a_stopped_recording_goes_on_where_it_stopped(model, tmp_path, undisturbed):
    class Stop:
        """Stops the run like Ctrl-C as soon as something has been answered, again and again."""

        interrupted = 0

        def __call__(self, progress):
            if any(stream.answered_s > 4 * (1 + self.interrupted) for stream in progress):
                self.interrupted += 1
                raise KeyboardInterrupt

    watch, states = Stop(), set()
    for _ in range(6):
        with TimelineStore.open(None, tmp_path) as store, InlineEngine(model, store, FlowSettings()) as engine:
            engine.POLL_S = 0.01
            states |= {report.state for report in engine.run(JOBS, watch)}
    assert states == {"paused", "ended"}
    assert timelines(tmp_path) == undisturbed


@pytest.mark.parametrize("role", ["model worker", "stream actor"])
def test_a_process_that_is_killed_costs_nothing(role, ray_engine, undisturbed):
    engine, home = ray_engine
    killed: list[int] = []

    def kill_once(progress) -> None:
        if not killed and any(stream.answered_s > 0 for stream in progress):
            killed.append(engine.pids()[role][0])
            os.kill(killed[0], signal.SIGKILL)

    jobs = [Job(f"{role.split()[0]}-{job.stream}", job.uri) for job in JOBS]
    reports = engine.run(jobs, kill_once)
    assert killed and [report.state for report in reports] == ["ended", "ended"]
    assert spans_of(timelines(home, jobs)) == spans_of(undisturbed)


def spans_of(documents: dict[str, str]) -> list[str]:
    """The timelines without the stream's name and the ids made from it."""
    return [
        "\n".join(line for line in text.splitlines() if '"id"' not in line and '"stream"' not in line)
        for text in documents.values()
    ]
