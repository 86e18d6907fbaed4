"""Backfill with a scripted model: what a recording shows is seen inside the gaps, and nothing else changes."""

import io
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet
import pytest

from pipeline.archive.archive import Archive
from pipeline.backfill import Backfilled, Recording, backfill
from pipeline.errors import LongtakeError, SourceNotFound, UsageError
from pipeline.flow import FlowSettings, Serving
from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.segment.row import Phase, Row, pack
from pipeline.synthetic import SceneSpec, write_video
from pipeline.timeline import document, moves, tables
from pipeline.timeline.moves import move
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from pipeline.values import ClipSpec, GapReason
from tests.timeline import make

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "schemas"
CLIP = ClipSpec(frames=2, height=16, width=16, fps=2.0, stride=2)  # one answer a second
LABELS = ("walk", "sit", "fall")
NO_SMOOTHING = {"default": {"on": 0.5, "off": 0.5, "merge_gap_s": 0.0}}


class Script:
    """Answers second n of a recording with row n; nothing holds after the last row."""

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self.asked = 0

    def encode(self, clips):
        futures = []
        for _ in clips:
            futures.append(done(np.array([self.asked], np.float32)))
            self.asked += 1
        return futures

    def remember(self, request):
        probs = [[float(label in self._held(int(second))) for label in LABELS] for second in request.features[:, 0]]
        return done(Remembered(np.array(probs, np.float32), np.zeros(1, np.float32)))

    def infer(self, frames, gap_s, state):
        [features] = self.encode([frames])
        return self.remember(RememberRequest(features.result()[None], np.array([gap_s], np.float32), state))

    def _held(self, second: int) -> list[str]:
        return self.labels[second].split("+") if second < len(self.labels) else []


def done(value):
    future: Future = Future()
    future.set_result(value)
    return future


def serving(*labels: str, kind: str = "independent", rules=NO_SMOOTHING) -> Serving:
    sets, colours = (LabelSet("action", kind, LABELS),), ((0.5,) * 3, (0.5,) * 3)
    card = ModelCard("m", Part("e", {}), Part("t", {}), CLIP, *colours, sets, rules, {}, "model-1")
    return Serving(card, Script(*labels), "numerics")


@pytest.fixture
def store(tmp_path: Path):
    with TimelineStore.open(None, tmp_path, StoreSettings(archive=str(tmp_path / "archive"))) as opened:
        yield opened


def write(store, *gaps, segments=(), until_s=100.0, pending=None, state=b"", scores=None):
    lease = make.claim(store)
    closed = tuple(one for one in segments if one.end is not None)
    still_open = tuple(one for one in segments if one.end is None)
    commit = make.commit(0, 0, closed=closed, still_open=still_open, gaps=gaps, until_s=until_s)
    commit = commit if scores is None else replace(commit, scores=tuple(scores))
    checkpoint = replace(commit.checkpoint, segmenter_state=state, pending_gap=pending)
    store.commit(lease, replace(commit, checkpoint=checkpoint))
    return lease


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> str:
    """Twelve seconds; what they show is for the scripted model to say."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    write_video(path, SceneSpec(10_001, 12.0), fps=4, size=(64, 48))
    return str(path)


@pytest.fixture
def fill(film):
    def fill(store, with_, start_s=0.0, film=film) -> Backfilled:
        return backfill(Recording(make.STREAM, film, start_s), with_, store, FlowSettings())

    return fill


def seen(store) -> list[tuple]:
    return [(one.label, one.start, one.end) for one in store.timeline(make.STREAM).segments]


def gaps(store) -> list[tuple]:
    return [(one.start, one.end, one.filled) for one in store.timeline(make.STREAM).gaps]


def dump(store, *but: str) -> dict:
    names = sorted(store.client.keys("lt:{cam1}:*"))
    return {name: store.client.dump(name) for name in names if name.decode().rpartition(":")[2] not in but}


WALK_2_TO_7 = ("", "", "walk", "walk", "walk", "walk", "walk")


def test_what_the_recording_shows_inside_a_gap_is_added_and_the_gap_is_filled(store, fill):
    write(store, make.gap(0.0, 10.0))
    assert fill(store, serving(*WALK_2_TO_7)) == Backfilled(1, 1, 10.0, 1)
    [segment] = store.timeline(make.STREAM).segments
    assert (segment.label, segment.start, segment.end, segment.score) == ("walk", 2.0, 7.0, 1.0)
    assert (segment.origin, segment.model, segment.epoch) == ("backfill", "model-1", 0)
    assert gaps(store) == [(0.0, 10.0, True)]


def test_segments_are_clipped_at_the_borders_of_every_gap(store, fill):
    write(store, make.gap(1.0, 3.5), make.gap(4.0, 5.25), make.gap(8.0, 9.0))
    assert fill(store, serving(*WALK_2_TO_7)).segments == 2
    assert seen(store) == [("walk", 2.0, 3.5), ("walk", 4.0, 5.25)]
    assert len({one.id for one in store.timeline(make.STREAM).segments}) == 2
    assert gaps(store) == [(1.0, 3.5, True), (4.0, 5.25, True), (8.0, 9.0, True)]


def test_a_gap_the_recording_reaches_only_in_part_is_split(store, fill):
    write(store, make.gap(0.0, 60.0))
    assert fill(store, serving(*WALK_2_TO_7), start_s=20.0).filled_s == 12.0
    assert gaps(store) == [(0.0, 20.0, False), (20.0, 32.0, True), (32.0, 60.0, False)]
    assert seen(store) == [("walk", 22.0, 27.0)]
    assert {one.reason for one in store.timeline(make.STREAM).gaps} == {GapReason.DROPPED}


def test_doing_it_twice_changes_nothing(store, fill):
    write(store, make.gap(1.0, 3.5), make.gap(4.0, 60.0))
    fill(store, serving(*WALK_2_TO_7))
    once = dump(store)
    assert fill(store, serving(*WALK_2_TO_7)) == Backfilled(open_gaps=1)
    assert dump(store) == once


def test_only_gaps_segments_and_aggregates_change_never_the_checkpoint_or_what_is_live(store, fill):
    live = make.segment("live", 12.0, 20.0, "walk")
    write(store, make.gap(0.0, 10.0), segments=[live, make.segment("now", 90.0, None, "sit")])
    before = dump(store, "gaps", "segments", "milliseconds", "counts", "by_start")
    before = {name: value for name, value in before.items() if b":by_start:" not in name}
    fill(store, serving(*WALK_2_TO_7))
    after = dump(store)
    assert b"lt:{cam1}:checkpoint" in before
    assert {name: after[name] for name in before} == before
    assert live in store.timeline(make.STREAM).segments
    totals = {one.label: (one.seconds, one.count) for one in store.aggregates(make.STREAM)}
    assert totals["walk"] == (8.0 + 5.0, 2)


def test_the_owner_goes_on_as_if_nothing_had_happened(store, fill):
    lease = write(store, make.gap(0.0, 10.0))
    fill(store, serving(*WALK_2_TO_7))
    assert store.commit(lease, make.commit(0, 1, until_s=101.0)) == "ok"
    assert seen(store) == [("walk", 2.0, 7.0)]


def test_a_gap_that_is_still_growing_is_left_alone(store, fill):
    write(store, make.gap(0.0, 3.0), pending=make.gap(4.0, 9.0), until_s=9.0)
    fill(store, serving(*WALK_2_TO_7))
    assert gaps(store) == [(0.0, 3.0, True), (4.0, 9.0, False)]
    assert seen(store) == [("walk", 2.0, 3.0)]


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (make.segment("x", 1.0, 9.0, "walk"), [("walk", 1.0, 9.0)]),
        (make.segment("x", 1.0, None, "walk"), [("walk", 1.0, None)]),
        (make.segment("x", 1.0, 4.0, "walk"), [("walk", 1.0, 4.0), ("walk", 4.0, 6.0)]),
        (make.segment("x", 1.0, 9.0, "sit"), [("sit", 1.0, 9.0), ("walk", 3.0, 6.0)]),
    ],
)
def test_a_live_segment_across_a_gap_is_not_doubled(store, fill, live, expected):
    write(store, make.gap(3.0, 6.0), segments=[live])
    fill(store, serving(*WALK_2_TO_7))
    assert seen(store) == expected
    assert gaps(store) == [(3.0, 6.0, True)]


def test_labels_that_exclude_each_other_do_not_overlap(store, fill):
    write(store, make.gap(3.0, 6.0), segments=[make.segment("x", 1.0, 5.0, "sit")])
    fill(store, serving(*WALK_2_TO_7, kind="exclusive"))
    assert seen(store) == [("sit", 1.0, 5.0), ("walk", 5.0, 6.0)]


def test_a_gap_that_a_segment_nobody_sees_yet_may_reach_across_waits(store, fill):
    rows = (Row(phase=Phase.PENDING, start_s=5.5), Row(), Row())
    write(store, make.gap(2.0, 3.0), make.gap(5.8, 6.0), state=pack(rows, LABELS))
    assert fill(store, serving(*WALK_2_TO_7)) == Backfilled(2, 1, 1.0, 1, unsettled=1)
    assert gaps(store) == [(2.0, 3.0, True), (5.8, 6.0, False)]


def test_a_second_recording_fills_what_the_first_left(store, fill):
    write(store, make.gap(0.0, 20.0))
    fill(store, serving(*WALK_2_TO_7, "walk", "walk", "walk", "walk", "walk"))
    fill(store, serving("walk", "walk", "walk", "sit"), start_s=10.0)
    assert seen(store) == [("walk", 2.0, 12.0), ("walk", 12.0, 13.0), ("sit", 13.0, 14.0)]
    assert gaps(store) == [(0.0, 12.0, True), (12.0, 20.0, True)]


def test_the_epoch_is_that_of_the_last_answer_before_the_gap(store, fill):
    answers = [replace(make.scores(epoch, 0), start_s=epoch * 50.0 - 1, end_s=epoch * 50.0) for epoch in (1, 2)]
    write(store, make.gap(50.0, 60.0), scores=answers)
    fill(store, serving(*WALK_2_TO_7), start_s=50.0)
    assert [one.epoch for one in store.timeline(make.STREAM).segments] == [1]


def test_where_no_scores_are_left_the_epoch_is_that_of_the_last_segment(store, fill):
    before = [replace(make.segment(f"e{epoch}", epoch * 10.0, epoch * 10.0 + 5), epoch=epoch) for epoch in range(9)]
    write(store, make.gap(50.0, 60.0), segments=before, scores=())
    fill(store, serving(*WALK_2_TO_7), start_s=50.0)
    assert [one.epoch for one in store.timeline(make.STREAM, 46.0, 70.0).segments if one.origin == "backfill"] == [5]


def test_a_gap_that_another_one_fills_meanwhile_is_read_again(store, fill):
    write(store, make.gap(0.0, 3.0), make.gap(4.0, 5.0))

    class Overtaken(Script):
        def remember(self, request):
            if self.asked and self.labels:
                labels, self.labels = self.labels, ()
                fill(store, serving(*labels))
                self.labels = labels
                self.remember = super().remember
            return super().remember(request)

    slow = replace(serving(), pool=Overtaken(*WALK_2_TO_7))
    assert fill(store, slow) == Backfilled(open_gaps=2)
    assert seen(store) == [("walk", 2.0, 3.0), ("walk", 4.0, 5.0)]


def test_an_archived_gap_stays_as_it_is(store, fill, tmp_path):
    now = make.segment("now", 3.5, None, "sit")
    write(store, make.gap(0.0, 3.0), make.gap(4.0, 5.0), make.gap(80.0, 90.0), segments=[now])
    move(store, Archive(str(tmp_path / "archive")), 0.0)
    fill(store, serving(*WALK_2_TO_7))
    assert gaps(store) == [(0.0, 3.0, False), (4.0, 5.0, True), (80.0, 90.0, False)]
    with pytest.raises(LongtakeError, match=r"what begins before 3\.5 s is archived"):
        fill(store, serving(), start_s=500.0)


def test_filled_gaps_and_their_segments_are_archived_like_others(store, fill, tmp_path):
    write(store, make.gap(0.0, 20.0))
    fill(store, serving(*WALK_2_TO_7))
    expected = store.timeline(make.STREAM)
    assert move(store, Archive(str(tmp_path / "archive")), 0.0).gaps == 2
    assert store.timeline(make.STREAM) == expected


def test_the_recording_is_not_read_further_than_the_last_gap(store, fill):
    write(store, make.gap(0.0, 3.0))
    model = serving(*WALK_2_TO_7)
    fill(store, model)
    assert model.pool.asked <= 6
    assert seen(store) == [("walk", 2.0, 3.0)]


def test_what_happens_after_a_gap_may_still_say_what_happened_at_its_end(store, fill):
    write(store, make.gap(0.0, 4.0))
    patient = serving(
        "", "walk", "walk", "", "", "walk", rules={"default": {"on": 0.5, "off": 0.5, "merge_gap_s": 3.0}}
    )
    fill(store, patient)
    assert seen(store) == [("walk", 1.0, 4.0)]


def test_a_gap_that_is_not_there_any_more_refuses_what_was_to_fill_it(store):
    gap, piece = make.gap(0.0, 4.0), make.segment("piece", 1.0, 2.0)
    write(store, gap)
    before = dump(store)
    assert not moves.fill(store, make.gap(0.0, 5.0), [replace(gap, filled=True)], [piece])
    assert dump(store) == before
    assert moves.fill(store, gap, [replace(gap, filled=True)], [piece])
    once = dump(store)
    assert not moves.fill(store, gap, [replace(gap, filled=True)], [piece])
    assert dump(store) == once


def test_the_document_says_which_gaps_are_filled_and_keeps_its_published_schemas(store, fill):
    write(store, make.gap(0.0, 20.0))
    fill(store, serving(*WALK_2_TO_7))
    found = store.timeline(make.STREAM)
    shown = document.as_document(found)
    assert [gap.get("filled") for gap in shown["gaps"]] == [True, None]
    assert document.from_json(document.to_json(found)).gaps == found.gaps
    timeline_schema, run_schema = (
        json.loads((SCHEMAS / f"{one}.schema.json").read_text()) for one in ("timeline", "run")
    )
    jsonschema.validate(shown, timeline_schema)
    run = {"frames_decoded": 0, "frames_kept": 0, "clips": 0, "errors": []}
    jsonschema.validate(shown | run, run_schema)
    rows = pyarrow.parquet.read_table(io.BytesIO(tables.to_parquet(found))).to_pylist()
    assert [row["filled"] for row in rows if row["kind"] == "gap"] == [True, False]


def test_a_stream_without_gaps_needs_no_recording(store, fill):
    write(store)
    assert fill(store, serving(), film="/nowhere.mp4") == Backfilled()


def test_mistakes_are_told_in_a_sentence(store, fill):
    with pytest.raises(UsageError, match="there is no stream 'cam1'"):
        fill(store, serving())
    write(store, make.gap(50.0, 60.0), make.gap(70.0, 71.0))
    with pytest.raises(
        LongtakeError, match=r"from 0 s to 12 s and covers no gap of 'cam1', .* 50 s and 71 s"
    ) as caught:
        fill(store, serving())
    assert caught.value.exit_code == 1
    with pytest.raises(UsageError, match="is live"):
        fill(store, serving(), film="rtsp://camera/1")
    with pytest.raises(SourceNotFound):
        fill(store, serving(), film="/nowhere.mp4")


def test_wall_clock_times_are_told_as_dates(store, fill):
    write(store, make.gap(1_700_000_000.0, 1_700_000_060.0), until_s=1_700_000_100.0)
    with pytest.raises(LongtakeError, match="between 2023-11-14 22:13:20Z and 2023-11-14 22:14:20Z"):
        fill(store, serving(), start_s=1_600_000_000.0)
