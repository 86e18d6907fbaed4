"""Reading a recording: as fast as it goes, or no faster than it was filmed."""

import threading

import numpy as np
import pytest

from pipeline.clock import ManualClock
from pipeline.hooks import Hooks
from pipeline.reader import Reader, ReadSettings
from pipeline.values import Checkpoint, ClipSpec

SPEC = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=2)
BEGINNING = Checkpoint(
    "film", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "none", "none", "film"
)


@pytest.mark.parametrize(("realtime", "takes_s"), [(False, 0.0), (True, 4.0)])
def test_a_recording_is_read_at_once_or_at_the_pace_it_was_filmed(realtime, takes_s):
    clock = ManualClock()
    reader = Reader("film", "synthetic://seed=1&duration=4", SPEC, ReadSettings(realtime=realtime), Hooks(), clock)
    items = list(reader.read(BEGINNING, threading.Event()))
    assert items[-1].end_s == pytest.approx(4.0, abs=0.1)
    assert clock.now_s == pytest.approx(takes_s, abs=0.2)


def test_a_reader_that_waits_for_the_next_frame_can_be_told_to_stop():
    stop, clock = threading.Event(), ManualClock()
    reader = Reader("film", "synthetic://seed=1&duration=60", SPEC, ReadSettings(realtime=True), Hooks(), clock)
    items = []
    for item in reader.read(BEGINNING, stop):
        items.append(item)
        stop.set()
    assert len(items) == 1
