"""What the hooks count of the flow, and that it stays bounded."""

import math
import time

import numpy as np
import pytest
from prometheus_client import REGISTRY

from actors.metrics import MOST_ACTIONS, MOST_STREAMS, PrometheusHooks, show_model
from actors.metrics_folder import OTHERS
from pipeline.models.numerics import Numerics
from pipeline.values import Clip, Gap, GapReason
from tests.models.micro import micro_card
from tests.timeline import make


def clip(stream: str, ordinal: int, pts_s: float) -> Clip:
    frames = np.zeros((16, 8, 8, 3), np.uint8)
    return Clip(stream, 0, 0, 0.0, pts_s, frames, 16, False, ordinal, pts_s, bytes(16))


def counted(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def series(name: str, beginning: str) -> list[dict[str, str]]:
    """Labels of a metric's series whose stream begins so."""
    samples = [sample for family in REGISTRY.collect() for sample in family.samples if sample.name == name]
    return [sample.labels for sample in samples if sample.labels["stream"].startswith(beginning)]


def test_every_metric_of_a_stream_is_there_as_zero_before_its_first_frame() -> None:
    PrometheusHooks().opened("unwatched", None)
    assert counted("longtake_frames_decoded_total", stream="unwatched") == 0
    assert counted("longtake_frames_corrupt_total", stream="unwatched") == 0
    assert counted("longtake_frames_dropped_total", stream="unwatched", reason="dropped") == 0
    assert counted("longtake_commits_total", stream="unwatched", result="ok") == 0
    assert counted("longtake_state_restores_total", stream="unwatched") == 0
    assert counted("longtake_reconnects_total", stream="unwatched", reason="camera_down") == 0


def test_a_recording_has_no_camera_that_could_be_lost() -> None:
    PrometheusHooks().opened("recorded", 60.0)
    assert counted("longtake_clips_total", stream="recorded") == 0
    assert counted("longtake_reconnects_total", stream="recorded", reason="camera_down") is None


def test_frames_are_counted_by_stream() -> None:
    hooks = PrometheusHooks()
    for stream, corrupt in (("left", False), ("left", True), ("right", False), ("left", False)):
        hooks.decoded(stream, corrupt)
    hooks.kept("left", 0.12)
    hooks.restored("right")
    assert counted("longtake_frames_decoded_total", stream="left") == 3
    assert counted("longtake_frames_corrupt_total", stream="left") == 1
    assert counted("longtake_frames_decoded_total", stream="right") == 1
    assert counted("longtake_frames_corrupt_total", stream="right") is None
    assert counted("longtake_stream_until_seconds", stream="left") == 0.12
    assert counted("longtake_state_restores_total", stream="right") == 1


@pytest.mark.parametrize(("fps", "seconds", "frames"), [(5.0, 0.8, 4), (5.0, 3.2, 16), (25.0, 0.16, 4)])
def test_a_dropped_clip_counts_the_frames_it_answers_for(fps: float, seconds: float, frames: int) -> None:
    hooks, stream = PrometheusHooks(), f"full-{fps}-{seconds}"
    hooks.clip(clip(stream, 15, 15 / fps))
    hooks.dropped(stream, Gap(stream, 10.0, 10.0 + seconds, GapReason.DROPPED))
    assert counted("longtake_frames_dropped_total", stream=stream, reason="dropped") == frames


def test_a_commit_counts_its_gaps_and_the_segments_it_closes() -> None:
    closed = (make.segment("a", 0.0, 1.0), make.segment("b", 2.0, 3.0), make.segment("c", 0.0, 1.0, "sit"))
    gaps = (make.gap(1.0, 1.5), make.gap(2.0, 2.25))
    hooks = PrometheusHooks()
    asked = counted("longtake_store_seconds_count", operation="commit") or 0.0
    hooks.committed(make.commit(closed=closed, gaps=gaps), "ok", 0.001)
    hooks.committed(make.commit(), "repeated", 0.001)
    assert counted("longtake_commits_total", stream="cam1", result="ok") == 1
    assert counted("longtake_commits_total", stream="cam1", result="repeated") == 1
    assert counted("longtake_store_seconds_count", operation="commit") == asked + 2
    assert counted("longtake_segments_total", stream="cam1", label="walk") == 2
    assert counted("longtake_segments_total", stream="cam1", label="sit") == 1
    assert counted("longtake_gap_seconds_total", stream="cam1", reason="dropped") == 0.75


def test_a_live_source_that_comes_and_goes_is_counted_and_its_lag_is_known() -> None:
    hooks, stream = PrometheusHooks(), make.STREAM
    hooks.disconnected(stream, GapReason.CAMERA_DOWN, "nobody there")
    assert counted("longtake_stream_up", stream=stream) == 0
    hooks.connected(stream, "arrival")
    hooks.disconnected(stream, GapReason.STALLED, "silent")
    hooks.connected(stream, "camera")
    assert counted("longtake_stream_up", stream=stream) == 1
    assert counted("longtake_reconnects_total", stream=stream, reason="camera_down") == 1
    assert counted("longtake_reconnects_total", stream=stream, reason="stalled") == 1
    hooks.queued(stream, 5)
    assert counted("longtake_queue_depth", stream=stream) == 5
    hooks.committed(make.commit(until_s=time.time() - 3.0), "ok", 0.001)
    assert counted("longtake_lag_seconds", stream=stream) == pytest.approx(3.0, abs=1.0)


def test_an_action_is_shown_from_the_commit_that_opens_it_to_the_one_that_closes_it() -> None:
    hooks = PrometheusHooks()

    def shown() -> list[float | None]:
        return [counted("longtake_action", stream="cam1", label=label) for label in ("walk", "sit")]

    hooks.committed(make.commit(still_open=(make.segment("a", 0.0, None),)), "ok", 0.001)
    assert shown() == [1, None]
    hooks.committed(make.commit(still_open=(make.segment("b", 1.0, None, "sit"),)), "ok", 0.001)
    assert shown() == [0, 1]
    hooks.committed(make.commit(), "ok", 0.001)
    assert shown() == [0, 0]


def test_what_was_measured_of_a_stream_is_forgotten_when_its_run_is_over_and_its_counts_stay() -> None:
    hooks = PrometheusHooks()
    hooks.connected("cam1", "arrival")
    hooks.decoded("cam1", False)
    hooks.kept("cam1", 7.0)
    hooks.committed(make.commit(still_open=(make.segment("a", 0.0, None),)), "ok", 0.001)
    frames = counted("longtake_frames_decoded_total", stream="cam1")
    hooks.over("cam1")
    gauges = [
        counted(f"longtake_{name}", stream="cam1") for name in ("stream_up", "stream_until_seconds", "queue_depth")
    ]
    assert all(value is not None and math.isnan(value) for value in gauges), "the exporter leaves out what is no number"
    assert math.isnan(counted("longtake_action", stream="cam1", label="walk") or 0.0)
    assert counted("longtake_frames_decoded_total", stream="cam1") == frames
    hooks.connected("cam1", "arrival")
    assert counted("longtake_stream_up", stream="cam1") == 1


def test_series_stay_bounded_however_many_streams_come_and_go() -> None:
    hooks = PrometheusHooks()
    for number in range(5 * MOST_STREAMS):
        hooks.decoded(f"passing-{number}", False)
        hooks.over(f"passing-{number}")
    assert len(series("longtake_frames_decoded_total", "passing-")) == MOST_STREAMS
    assert counted("longtake_frames_decoded_total", stream=OTHERS) == 4 * MOST_STREAMS
    assert not series("longtake_stream_up", OTHERS)


def test_series_stay_bounded_however_many_labels_a_model_has() -> None:
    hooks = PrometheusHooks()
    for number in range(MOST_ACTIONS + 500):
        closed = (make.segment(f"s{number}", 0.0, 1.0, f"label-{number}"),)
        opened = (make.segment(f"t{number}", 1.0, None, f"label-{number}"),)
        hooks.committed(make.commit(closed=closed, still_open=opened), "ok", 0.001)
    labels = {one["label"] for one in series("longtake_segments_total", "cam1") if one["label"].startswith("label-")}
    shown = {one["label"] for one in series("longtake_action", "cam1") if one["label"].startswith("label-")}
    assert len(labels) == len(shown) == MOST_ACTIONS
    assert counted("longtake_segments_total", stream="cam1", label=OTHERS) == 500
    assert counted("longtake_action", stream="cam1", label=OTHERS) is None


def test_a_model_worker_says_whose_answers_it_gives() -> None:
    card = micro_card()
    numerics = Numerics("cpu Some Processor", "AVX2", "bfloat16", 1, (("torch", "2.15.0"),), 1, 4)
    show_model(card, numerics)
    labels = {"model": "micro", "fingerprint": card.fingerprint, "device": "cpu", "dtype": "bfloat16"}
    assert counted("longtake_model_info", **labels) == 1
