"""The motion a clip carries: of which native frames, from where on, and the same after any resume."""

from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clip import ClipCutter, StartPoint
from pipeline.clip.sampler import TOLERANCE_S
from pipeline.values import Clip, ClipSpec, DecodedFrame, Float16Array, Gap, MotionSpec, Picture
from tests.clip.test_cutter import Numbered, after, end_of, film_of, frames, parts, run, shown, specs

MOTION = MotionSpec(pairs=3, height=16, width=64)
SPEC = ClipSpec(frames=4, height=8, width=8, fps=5.0, stride=2, motion=MOTION)


class Pairing:
    """Finds from which frame to which it is: the numbers of their pictures, modulo 64; counts what it looks at."""

    def __init__(self) -> None:
        self.looked_at: list[int] = []
        self.compared: list[tuple[int, int]] = []

    def seen(self, picture: Picture) -> np.ndarray:
        assert isinstance(picture, Numbered)
        self.looked_at.append(picture.number)
        return np.array(picture.number)

    def between(self, before: np.ndarray, after: np.ndarray) -> Float16Array:
        self.compared.append((int(before), int(after)))
        return np.stack([np.full((16, 64), one % 64, np.float16) for one in (before, after)])


def cutter(spec: ClipSpec = SPEC, start: StartPoint | None = None) -> ClipCutter:
    return ClipCutter("cam", spec, start, Pairing())


def pairs(item: Clip | Gap) -> list[tuple[int, int]]:
    """Which frames each of the clip's fields leads from and to; (0, 0) for zeros."""
    assert isinstance(item, Clip) and item.motion is not None
    assert item.motion.dtype == np.float16 and item.motion.shape[1:] == (2, 16, 64)
    return [(int(x), int(y)) for x, y in item.motion[:, :, 0, 0]]


def test_motion_is_of_the_newest_native_frames_and_ends_with_the_newest_kept_one() -> None:
    clips = run(cutter(), frames(16))  # grid points 0…7 show the frames 0, 2 … 14
    assert [pairs(clip) for clip in clips] == [
        [(3, 4), (4, 5), (5, 6)],
        [(7, 8), (8, 9), (9, 10)],
        [(11, 12), (12, 13), (13, 14)],
    ]


def test_a_short_rest_has_motion_too() -> None:
    rest = run(cutter(), frames(9))[-1]  # grid points 2…4 show the frames 4, 6, 8
    assert pairs(rest) == [(5, 6), (6, 7), (7, 8)]
    assert pairs(run(cutter(), frames(2))[0]) == [(0, 0), (0, 0), (0, 0)]  # frame 0 is all it shows


def test_a_source_slower_than_the_grid_has_few_pairs_and_zeros_before_them() -> None:
    clips = run(cutter(), frames(4, rate=2.0))  # the frames 0…3 are shown at 0, 0.5, 1 and 1.5 s
    assert [pairs(clip) for clip in clips] == [
        [(0, 0), (0, 0), (0, 1)],  # 0 … 0.6 s
        [(0, 0), (0, 1), (1, 2)],  # 0.4 … 1 s
        [(0, 0), (0, 0), (1, 2)],  # 0.8 … 1.4 s
        [(0, 0), (0, 0), (2, 3)],  # 1.2 … 1.8 s
    ]


def test_motion_never_leads_from_one_epoch_into_the_next() -> None:
    film = frames(8) + frames(8, epoch=1, skipped_s=5.0, first=32)
    first, _, second = run(cutter(replace(SPEC, motion=replace(MOTION, pairs=8))), film)
    assert pairs(first)[1:] == [(0, 0), *pairwise(range(7))]
    assert pairs(second)[1:] == [(0, 0), *pairwise(range(32, 39))]


def test_damaged_frames_are_passed_over() -> None:
    film = frames(8)
    film[4] = replace(film[4], corrupt=True)
    assert pairs(run(cutter(), film)[0]) == [(2, 3), (3, 5), (5, 6)]


def test_each_pair_is_compared_once_and_only_if_a_clip_wants_it() -> None:
    method = Pairing()
    run(ClipCutter("cam", replace(SPEC, motion=replace(MOTION, pairs=5)), None, method), frames(16))
    assert sorted(method.compared) == list(pairwise(range(1, 15)))
    method = Pairing()
    run(ClipCutter("cam", SPEC, None, method), frames(16))
    assert [before for before, _ in sorted(method.compared)] == [3, 4, 5, 7, 8, 9, 11, 12, 13]


def test_a_clip_without_a_wish_for_motion_has_none() -> None:
    assert all(clip.motion is None for clip in run(cutter(replace(SPEC, motion=None)), frames(16)))


def test_a_resumed_cutter_looks_at_nothing_before_the_overlap() -> None:
    film, method = frames(100), Pairing()
    whole = run(cutter(), film)
    run(ClipCutter("cam", SPEC, after(whole[10]), method), film)
    assert method.looked_at == list(range(44, 99))


def newest_shown(film: list[DecodedFrame], at_s: float) -> int:
    """Index of the good frame that is shown at a grid point: the newest by then, else the first."""
    return max((n for n, one in enumerate(film) if one.pts_s <= at_s + TOLERANCE_S), default=0)


motions = st.builds(MotionSpec, st.integers(1, 6), st.just(16), st.just(64))


@settings(deadline=None)
@given(specs, motions, parts)
def test_every_clip_has_the_pairs_that_lie_in_its_own_time(
    spec: ClipSpec, motion: MotionSpec, plan: list[tuple[float, int, float]]
) -> None:
    film = film_of(plan)
    for item in run(cutter(replace(spec, motion=motion)), film):
        if isinstance(item, Clip):
            own = [one for one in film if one.epoch == item.epoch]
            first = newest_shown(own, (item.ordinal - item.valid_frames + 1) / spec.fps)
            last = newest_shown(own, item.pts_s)
            numbers = [own[n].picture.number % 64 for n in range(max(first, last - motion.pairs), last + 1)]
            expected = list(pairwise(numbers))
            assert pairs(item) == [(0, 0)] * (motion.pairs - len(expected)) + expected


def moved(item: Clip | Gap) -> tuple[object, ...]:
    return (*shown(item), item.motion.tobytes()) if isinstance(item, Clip) else shown(item)


@settings(deadline=None)
@given(specs, motions, parts, st.data())
def test_resuming_anywhere_gives_the_same_motion(
    spec: ClipSpec, motion: MotionSpec, plan: list[tuple[float, int, float]], data: st.DataObject
) -> None:
    spec, film = replace(spec, motion=motion), film_of(plan)
    whole = run(cutter(spec), film)
    clips_until = list(accumulate(isinstance(item, Clip) for item in whole))
    at = data.draw(st.sampled_from([n for n, clips in enumerate(clips_until) if clips]))
    clip = next(item for item in reversed(whole[: at + 1]) if isinstance(item, Clip))
    origin_s = next(item.start_s for item in whole if isinstance(item, Clip) and item.epoch == clip.epoch)
    start = replace(after(clip, origin_s), until_s=end_of(whole[at]))
    media_s = start.media_s(spec)
    seek_s = data.draw(st.floats(0, media_s)) if media_s is not None else 0.0
    begin = [n for n, one in enumerate(film) if one.epoch == 0 and one.pts_s <= seek_s][-1]
    rest = run(cutter(spec, start), film[begin:])
    assert [moved(item) for item in rest] == [moved(item) for item in whole[at + 1 :]]
