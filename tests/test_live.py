"""A live source that comes, stalls and vanishes, scripted: what it shows becomes clips and gaps that tile the time."""

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backoff import pauses
from pipeline.clock import ManualClock
from pipeline.errors import SourceError, SourceNotFound, SourceTimeout
from pipeline.hooks import Hooks
from pipeline.live import LiveReader, LiveSettings, LiveStream
from pipeline.values import Clip, ClipSpec, DecodedFrame, Gap, GapReason

SPEC = ClipSpec(frames=4, height=8, width=8, fps=5.0, stride=2)
RATE = 5.0
BEGUN_S = 1_000.0
DOWN, STALLED = GapReason.CAMERA_DOWN, GapReason.STALLED


class Black:
    """A picture."""

    def rgb(self, height, width, scaling=None):
        return np.zeros((height, width, 3), np.uint8)


@dataclass
class Connection:
    """What one connection does: shows `seconds` of video, its clock jumping where told, and ends with `fault`."""

    seconds: float = 0.0
    fault: SourceError | None = None
    silent_s: float = 0.0  # before the fault
    jump_s: float = 0.0  # of its own time, at half of `seconds`
    camera_clock_s: float | None = None  # how far the camera's clock is off ours
    tells_after_s: float = 0.0  # its clock
    set_s: float = 0.0  # how far its clock is set forward at half of `seconds`; its media time does not notice
    pace: float = 1.0  # seconds of its media time in a second of ours

    def frames(self, epoch: int, clock: ManualClock) -> Generator[DecodedFrame]:
        count = round(self.seconds * RATE)
        for number in range(count):
            turned = bool(self.jump_s) and number >= count // 2
            pts_s = (number - (count // 2 if turned else 0)) / RATE
            wall_s = self.told_s(number, clock)
            skipped_s = self.jump_s if turned and not pts_s else 0.0
            yield DecodedFrame(epoch + turned, pts_s, 1 / RATE, wall_s, False, Black(), skipped_s, STALLED)
            clock.advance(1 / RATE / self.pace)
        clock.advance(self.silent_s)
        if self.fault is not None:
            raise self.fault

    def told_s(self, number: int, clock: ManualClock) -> float | None:
        if self.camera_clock_s is None or number < self.tells_after_s * RATE:
            return None
        return clock.wall_s() + self.camera_clock_s + (self.set_s if number >= self.seconds * RATE / 2 else 0.0)


@dataclass
class Script(Hooks):
    """The connections of a camera, one after the other; the stream is stopped when they are used up."""

    connections: list[Connection]
    clock: ManualClock = field(default_factory=lambda: ManualClock(BEGUN_S))
    stop: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)

    def camera(self, epoch: int) -> Generator[DecodedFrame]:
        connection = self.connections.pop(0)
        if not self.connections:
            self.stop.set()  # looked at after the first frame, or when the connection has ended
        yield from connection.frames(epoch, self.clock)

    def connected(self, stream, clock):
        self.told.append(clock)

    def disconnected(self, stream, reason, error):
        self.told.append(reason)

    def run(self, until_s: float | None = None, epoch: int = 0, forever: bool = True) -> list[Clip | Gap]:
        settings = LiveSettings(retry_s=4.0, retry_cap_s=8.0)
        reader = LiveReader(LiveStream("cam", SPEC, self.camera, forever), settings, until_s, epoch, self, self.clock)
        return list(reader.read(GapReason.RESTART, self.stop))


def watch(*connections: Connection, **start: float) -> list[Clip | Gap]:
    return Script([*connections, Connection()]).run(**start)


def span(item: Clip | Gap) -> tuple[float, float]:
    return (item.start_s, item.end_s) if isinstance(item, Clip) else (item.start, item.end)


def gaps(items: list[Clip | Gap]) -> list[tuple[float, float, GapReason]]:
    """Gaps relative to the beginning, touching ones of one reason joined as the lane joins them."""
    joined: list[tuple[float, float, GapReason]] = []
    for gap in (item for item in items if isinstance(item, Gap)):
        start, end = gap.start - BEGUN_S, gap.end - BEGUN_S
        if joined and joined[-1][1:] == (pytest.approx(start), gap.reason):
            joined[-1] = (joined[-1][0], end, gap.reason)
        else:
            joined.append((start, end, gap.reason))
    return joined


def test_a_stream_begins_with_its_first_picture() -> None:
    items = watch(Connection(seconds=2.0))
    assert span(items[0]) == (BEGUN_S, BEGUN_S + 0.8)


def test_a_camera_that_ends_leaves_a_gap_until_it_is_back_and_a_new_epoch_begins() -> None:
    items = watch(Connection(seconds=2.0), Connection(seconds=1.0))
    (first, *_) = gaps(items)
    assert first[0] == pytest.approx(2.0) and first[2] == DOWN
    epochs = [item.epoch for item in items if isinstance(item, Clip)]
    assert sorted(set(epochs)) == [0, 1] and epochs == sorted(epochs)
    back = next(item for item in items if isinstance(item, Clip) and item.epoch == 1)
    assert back.start_s - BEGUN_S == pytest.approx(first[1])


def test_a_camera_that_falls_silent_is_stalled_from_its_last_picture_on() -> None:
    items = watch(Connection(2.0, SourceTimeout("silent"), silent_s=10.0), Connection(1.0))
    start_s, end_s, reason = gaps(items)[0]
    assert (start_s, reason) == (pytest.approx(2.0), STALLED)
    assert end_s >= 12.0


def test_a_camera_that_was_never_there_is_down_from_the_beginning() -> None:
    absent = Connection(fault=SourceNotFound("nobody"), silent_s=1.0)
    items = watch(absent, absent, Connection(1.0))
    assert gaps(items)[0][0] == 0.0 and gaps(items)[0][2] == DOWN
    assert {item.epoch for item in items if isinstance(item, Clip)} == {0}


def test_a_gap_grows_every_second_while_the_camera_is_away() -> None:
    absent = Connection(fault=SourceNotFound("nobody"))
    pieces = [item.end - item.start for item in watch(absent, absent, absent, absent) if isinstance(item, Gap)]
    assert len(pieces) > 5
    assert max(pieces) <= LiveReader.GROW_S + 1e-6


def test_time_nobody_watched_before_a_restart_has_that_reason_and_a_new_epoch() -> None:
    items = watch(Connection(1.0), until_s=BEGUN_S - 30.0, epoch=5)
    assert gaps(items)[0] == (-30.0, 0.0, GapReason.RESTART)
    assert next(item for item in items if isinstance(item, Clip)).epoch == 5


@pytest.mark.parametrize("jump_s", [-100.0, 3_600.0])
def test_a_jump_of_the_cameras_own_time_begins_an_epoch_and_moves_no_wall_clock(jump_s: float) -> None:
    items = [item for item in watch(Connection(seconds=4.0, jump_s=jump_s)) if span(item)[0] < BEGUN_S + 4.0]
    assert {item.epoch for item in items if isinstance(item, Clip)} == {0, 1}
    assert max(end for _, end in map(span, items)) == pytest.approx(BEGUN_S + 4.0, abs=1.0)
    assert sum(end - start for start, end, _ in gaps(items) if end <= 4.0) < 0.5


@pytest.mark.parametrize(("off_s", "whose", "begins_s"), [(-2.0, "camera", -2.0), (300.0, "arrival", 0.0)])
def test_the_cameras_clock_is_believed_while_it_is_near_ours(off_s: float, whose: str, begins_s: float) -> None:
    script = Script([Connection(2.0, camera_clock_s=off_s), Connection()])
    items = script.run()
    assert script.told[0] == whose
    assert span(items[0])[0] == pytest.approx(BEGUN_S + begins_s)


def test_a_camera_that_tells_its_clock_late_is_believed_from_then_on() -> None:
    script = Script([Connection(60.0, camera_clock_s=-0.5, tells_after_s=5.0), Connection()])
    items = script.run()
    assert script.told[:2] == ["arrival", "camera"]
    assert {item.epoch for item in items if isinstance(item, Clip)} == {0}
    watched_s = max(item.end_s for item in items if isinstance(item, Clip)) - BEGUN_S
    assert watched_s == pytest.approx(59.5, abs=0.05), "half a second less than it seemed"


@pytest.mark.parametrize("camera_clock_s", [None, 0.0])
@pytest.mark.parametrize("pace", [0.97, 1.03])
def test_a_clock_that_drifts_is_followed_without_a_gap_or_a_new_epoch(pace: float, camera_clock_s) -> None:
    items = watch(Connection(600.0, pace=pace, camera_clock_s=camera_clock_s))
    clips = [item for item in items if isinstance(item, Clip)]
    assert {clip.epoch for clip in clips} == {0} and gaps(items)[0][2] == DOWN
    assert clips[-1].end_s - BEGUN_S == pytest.approx(600.0 / pace, abs=2.0 if camera_clock_s is None else 0.1)


def test_a_source_slower_than_any_clock_drifts_is_brought_up_to_date_by_gaps() -> None:
    items = watch(Connection(600.0, pace=0.8))
    clips = [item for item in items if isinstance(item, Clip)]
    assert {reason for _, end_s, reason in gaps(items) if end_s < 700} == {GapReason.CLOCK}
    assert clips[-1].end_s - BEGUN_S == pytest.approx(750, abs=15), "a hundred and fifty behind without"


def test_a_camera_whose_clock_is_set_while_it_films_is_not_believed_any_more() -> None:
    items = watch(Connection(120.0, camera_clock_s=0.0, set_s=3_600.0))
    clips = [item for item in items if isinstance(item, Clip)]
    assert {clip.epoch for clip in clips} == {0}
    assert clips[-1].end_s - BEGUN_S == pytest.approx(120.0, abs=0.05)


def test_a_camera_whose_clock_is_set_forward_a_little_is_followed_at_once() -> None:
    items = watch(Connection(120.0, camera_clock_s=0.0, set_s=4.0))
    assert gaps(items)[0] == (pytest.approx(60.0), pytest.approx(64.0), GapReason.CLOCK)


def test_a_camera_whose_clock_is_set_back_a_little_is_followed_slowly() -> None:
    items = watch(Connection(400.0, camera_clock_s=0.0, set_s=-4.0))
    clips = [item for item in items if isinstance(item, Clip)]
    assert {clip.epoch for clip in clips} == {0}
    assert clips[-1].end_s - BEGUN_S == pytest.approx(396.0, abs=0.05)


def test_without_patience_the_first_fault_ends_the_stream_after_what_it_showed() -> None:
    script = Script([Connection(1.0, SourceTimeout("silent")), Connection()])
    reader = LiveReader(LiveStream("cam", SPEC, script.camera, False), LiveSettings(), None, 0, Hooks(), script.clock)
    seen = []
    with pytest.raises(SourceTimeout):
        for item in reader.read(GapReason.RESTART, script.stop):
            seen.append(span(item))
    assert seen[-1][1] == pytest.approx(BEGUN_S + 1.0)


def test_waits_double_up_to_a_cap_and_are_shortened_by_at_most_a_half() -> None:
    waits = pauses(1.0, 30.0, Random(0))
    for longest in (1, 2, 4, 8, 16, 30, 30, 30):
        assert longest / 2 <= next(waits) <= longest


FAULTS = st.sampled_from([None, SourceTimeout("silent"), SourceNotFound("nobody"), SourceError("broken")])
CONNECTIONS = st.builds(
    Connection,
    seconds=st.sampled_from([0.0, 0.2, 0.6, 1.4, 3.0, 20.0]),
    fault=FAULTS,
    silent_s=st.floats(0, 12),
    jump_s=st.sampled_from([0.0, 0.0, -50.0, 2.5, 4_000.0]),
    camera_clock_s=st.sampled_from([None, -3.0, 3.0, 500.0]),
    tells_after_s=st.sampled_from([0.0, 0.0, 0.5]),
    set_s=st.sampled_from([0.0, 0.0, 4.0, -4.0, 3_600.0]),
    pace=st.sampled_from([1.0, 1.0, 0.3, 0.99, 1.02, 30.0]),
)


@given(st.lists(CONNECTIONS, min_size=1, max_size=6), st.none() | st.floats(900, 1_000))
def test_whatever_a_camera_does_clips_and_gaps_tile_the_time(connections, until_s) -> None:
    items = watch(*connections, until_s=until_s)
    for (_, before), (after, _) in pairwise(map(span, items)):
        assert after == before
    places = [(item.epoch, item.step) for item in items if isinstance(item, Clip)]
    for (epoch, step), following in pairwise(places):
        assert following in {(epoch, step + 1)} | {(later, 0) for later in range(epoch + 1, epoch + 20)}
