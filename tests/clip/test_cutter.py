"""Clips and gaps from frames: known answers, tiling, and resuming anywhere."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clip import ClipCutter, StartPoint, digest
from pipeline.errors import SourceChanged
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap, GapReason, Scaling, UInt8Array

SPEC = ClipSpec(frames=4, height=8, width=8, fps=5.0, stride=2)


class Numbered:
    """A picture that shows its number and counts how often it was converted."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.conversions = 0

    def rgb(self, height: int, width: int, scaling: Scaling | None = None) -> UInt8Array:
        self.conversions += 1
        return np.full((height, width, 3), self.number % 251, np.uint8)


def frames(
    count: int, rate: float = 10.0, epoch: int = 0, skipped_s: float = 0.0, first: int = 0
) -> list[DecodedFrame]:
    def one(number: int) -> DecodedFrame:
        missing = skipped_s if number == 0 else 0.0
        picture = Numbered(first + number)
        return DecodedFrame(epoch, number / rate, 1 / rate, None, False, picture, missing, GapReason.STALLED)

    return [one(number) for number in range(count)]


def run(cutter: ClipCutter, film: Iterable[DecodedFrame]) -> list[Clip | Gap]:
    return [item for frame in film for item in cutter.push(frame)] + cutter.finish()


def shown(item: Clip | Gap) -> tuple[object, ...]:
    """Everything a clip or gap says, in a form that compares."""
    if isinstance(item, Gap):
        return (item.start, item.end, item.reason)
    fields = (item.epoch, item.step, item.start_s, item.end_s, item.valid_frames, item.discontinuity)
    return (*fields, item.ordinal, item.pts_s, item.digest, item.frames.tobytes())


def numbers(clip: Clip | Gap) -> list[int]:
    assert isinstance(clip, Clip)
    return [int(image[0, 0, 0]) for image in clip.frames]


def end_of(item: Clip | Gap) -> float:
    return item.end_s if isinstance(item, Clip) else item.end


def after(clip: Clip | Gap, origin_s: float = 0.0) -> StartPoint:
    assert isinstance(clip, Clip)
    return StartPoint(clip.epoch, clip.step + 1, origin_s, clip.end_s, clip.ordinal, clip.digest)


def test_clips_overlap_and_answer_for_their_newest_frames() -> None:
    clips = run(ClipCutter("cam", SPEC), frames(16))  # 1.6 s: grid points 0…7 show the frames 0, 2 … 14
    assert [numbers(clip) for clip in clips] == [[0, 2, 4, 6], [4, 6, 8, 10], [8, 10, 12, 14]]
    spans = [(clip.step, clip.start_s, clip.end_s, clip.ordinal) for clip in clips if isinstance(clip, Clip)]
    assert spans == [(0, 0.0, 0.8, 3), (1, 0.8, 1.2, 5), (2, 1.2, 1.6, 7)]


def test_a_clip_shows_its_own_frames_however_many_came_after_it() -> None:
    clips = run(ClipCutter("cam", SPEC), frames(400))  # 200 grid points: the window's memory is changed ten times
    assert [numbers(clip) for clip in clips] == [[(4 * k + 2 * i) % 251 for i in range(4)] for k in range(99)]


def test_the_rest_of_an_epoch_repeats_its_last_frame_and_ends_where_the_media_ends() -> None:
    clips = run(ClipCutter("cam", SPEC), frames(9))  # 0.9 s: grid points 0…4
    assert numbers(clips[-1]) == [4, 6, 8, 8]
    last = clips[-1]
    assert isinstance(last, Clip)
    assert (last.step, last.valid_frames, last.start_s, last.end_s) == (1, 3, 0.8, pytest.approx(0.9))


def test_a_film_shorter_than_a_clip_is_one_clip() -> None:
    clips = run(ClipCutter("cam", SPEC), frames(3))
    assert [numbers(clip) for clip in clips] == [[0, 2, 2, 2]]
    assert [(clip.valid_frames, clip.start_s, clip.end_s) for clip in clips] == [(2, 0.0, pytest.approx(0.3))]


def test_nothing_left_over_gives_no_extra_clip() -> None:
    assert [clip.valid_frames for clip in run(ClipCutter("cam", SPEC), frames(12))] == [4, 4]


def test_no_frames_give_nothing() -> None:
    assert run(ClipCutter("cam", SPEC), []) == []


def test_a_hole_becomes_a_gap_between_two_epochs() -> None:
    film = frames(8) + frames(8, epoch=1, skipped_s=5.0, first=100)
    items = run(ClipCutter("cam", SPEC), film)
    assert [type(item) for item in items] == [Clip, Gap, Clip]
    first, gap, second = items
    assert shown(gap) == (0.8, pytest.approx(5.8), GapReason.STALLED)
    assert isinstance(second, Clip) and isinstance(gap, Gap)
    assert (second.epoch, second.step, second.start_s, second.discontinuity) == (1, 0, gap.end, True)
    assert numbers(second) == [100, 102, 104, 106] and numbers(first) == [0, 2, 4, 6]


def test_time_that_ran_back_leaves_no_gap() -> None:
    items = run(ClipCutter("cam", SPEC), frames(5) + frames(5, epoch=1))
    assert [(item.start_s, item.end_s) for item in items if isinstance(item, Clip)] == [
        (0.0, pytest.approx(0.5)),
        (pytest.approx(0.5), pytest.approx(1.0)),
    ]


def test_damage_at_the_very_end_is_a_gap() -> None:
    film = frames(20)
    film[10:] = [DecodedFrame(0, one.pts_s, 0.1, None, True, one.picture) for one in film[10:]]
    gap = run(ClipCutter("cam", SPEC), film)[-1]
    assert shown(gap) == (pytest.approx(1.0), pytest.approx(2.0), GapReason.CORRUPT)


def test_a_frame_that_stands_for_many_is_converted_once_and_one_that_is_not_kept_never() -> None:
    slow, fast = frames(3, rate=1.0), frames(30, rate=30.0)
    run(ClipCutter("cam", SPEC), slow)
    assert [one.picture.conversions for one in slow] == [1, 1, 1]
    run(ClipCutter("cam", SPEC), fast)
    assert sum(one.picture.conversions for one in fast) == 5


def test_an_epoch_of_a_live_stream_begins_where_it_is_told() -> None:
    clips = run(ClipCutter("cam", SPEC, StartPoint.at(1000.0, epoch=3)), frames(8, epoch=3))
    assert [(clip.epoch, clip.start_s, clip.discontinuity) for clip in clips] == [(3, 1000.0, True)]


rates = st.sampled_from([1.0, 3.0, 10.0, 25.0, 30000 / 1001, 60.0])
specs = st.builds(
    lambda frames, stride, fps: ClipSpec(frames=frames, height=8, width=8, fps=fps, stride=min(stride, frames)),
    st.integers(1, 8),
    st.integers(1, 8),
    st.sampled_from([2.0, 5.0, 12.5]),
)
parts = st.lists(st.tuples(rates, st.integers(1, 60), st.floats(0.01, 100) | st.just(0.0)), min_size=1, max_size=4)


def film_of(plan: list[tuple[float, int, float]]) -> list[DecodedFrame]:
    film: list[DecodedFrame] = []
    for epoch, (rate, count, skipped_s) in enumerate(plan):
        film += frames(count, rate, epoch, skipped_s if epoch else 0.0, first=1000 * epoch)
    return film


@settings(deadline=None)
@given(specs, parts, st.floats(0, 2e9))
def test_clips_and_gaps_tile_the_time_watched(
    spec: ClipSpec, plan: list[tuple[float, int, float]], origin_s: float
) -> None:
    cutter = ClipCutter("cam", spec, StartPoint.at(origin_s))
    items = run(cutter, film_of(plan))
    edges = [(item.start, item.end) if isinstance(item, Gap) else (item.start_s, item.end_s) for item in items]
    assert edges[0][0] == origin_s and edges[-1][1] == cutter.until_s
    assert all(end == start for (_, end), (start, _) in pairwise(edges))
    assert all(start < end for start, end in edges)
    watched_s = sum(count / rate for rate, count, _ in plan) + sum(skipped_s for *_, skipped_s in plan[1:])
    assert edges[-1][1] - origin_s == pytest.approx(watched_s, abs=len(plan) / spec.fps + 1e-3)


@settings(deadline=None)
@given(specs, parts)
def test_clips_see_the_kept_frames_their_step_names(spec: ClipSpec, plan: list[tuple[float, int, float]]) -> None:
    for item in run(ClipCutter("cam", spec), film_of(plan)):
        if isinstance(item, Clip):
            assert item.ordinal == item.step * spec.stride + item.valid_frames - 1
            assert item.pts_s == item.ordinal / spec.fps
            assert item.digest == digest(item.frames[-1])
            rate = plan[item.epoch][0]
            newest = 1000 * item.epoch + int((item.pts_s + 1e-4) * rate + 1e-9)
            assert numbers(item)[-1] == newest % 251


@settings(deadline=None)
@given(specs, parts, st.data())
def test_resuming_after_any_clip_or_gap_gives_the_rest_of_the_undisturbed_run(
    spec: ClipSpec, plan: list[tuple[float, int, float]], data: st.DataObject
) -> None:
    film = film_of(plan)
    whole = run(ClipCutter("cam", spec), film)
    clips_until = list(accumulate(isinstance(item, Clip) for item in whole))
    at = data.draw(st.sampled_from([n for n, clips in enumerate(clips_until) if clips]))
    clip = next(item for item in reversed(whole[: at + 1]) if isinstance(item, Clip))
    origin_s = next(item.start_s for item in whole if isinstance(item, Clip) and item.epoch == clip.epoch)
    start = replace(after(clip, origin_s), until_s=end_of(whole[at]))
    media_s = start.media_s(spec)
    assert media_s is None or (clip.epoch == 0 and media_s <= clip.pts_s)
    seek_s = data.draw(st.floats(0, media_s)) if media_s is not None else 0.0
    shown_then = [n for n, one in enumerate(film) if one.epoch == 0 and one.pts_s <= seek_s]
    rest = run(ClipCutter("cam", spec, start), film[shown_then[-1] :])
    assert [shown(item) for item in rest] == [shown(item) for item in whole[at + 1 :]]


def test_a_resumed_cutter_converts_nothing_before_the_overlap() -> None:
    film = frames(100)
    whole = run(ClipCutter("cam", SPEC), film)
    for one in film:
        one.picture.conversions = 0
    run(ClipCutter("cam", SPEC, after(whole[10])), film)
    assert [one.picture.number for one in film if one.picture.conversions] == list(range(44, 100, 2))


@pytest.mark.parametrize("stride", [2, 4])
def test_another_film_is_noticed(stride: int) -> None:
    spec = ClipSpec(frames=4, height=8, width=8, stride=stride)
    start = after(run(ClipCutter("cam", spec), frames(60))[4])
    with pytest.raises(SourceChanged, match="looks different"):
        run(ClipCutter("cam", spec, start), frames(60, first=7))
    with pytest.raises(SourceChanged, match="is missing"):
        run(ClipCutter("cam", spec, start), frames(60)[40:])
    with pytest.raises(SourceChanged, match="it ends before"):
        run(ClipCutter("cam", spec, start), frames(10))
    with pytest.raises(SourceChanged, match="an epoch ends before"):
        run(ClipCutter("cam", spec, start), frames(10) + frames(60, epoch=1))
