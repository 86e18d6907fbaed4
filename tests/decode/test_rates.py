"""Recordings of one picture a second and of 240; a camera of one a second is not held back by decoder threads."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.clip import ClipCutter
from pipeline.decode import DecodeStats, decode
from pipeline.source import open_source
from pipeline.values import Clip, ClipSpec
from tests.decode.films import film, steady

SPEC = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=4)


@pytest.mark.parametrize(("rate", "suffix"), [(1, "mp4"), (1, "ts"), (1, "mkv"), (240, "mp4"), (240, "ts")])
def test_every_rate_gives_five_kept_frames_a_second_and_no_gap(rate: int, suffix: str, tmp_path: Path) -> None:
    seconds = 8 if rate == 1 else 2
    path = film(tmp_path / f"film.{suffix}", steady(seconds * rate, rate), rate=rate)
    stats, cutter = DecodeStats(), ClipCutter("film", SPEC)
    with open_source(str(path)) as source:
        items = [item for frame in decode(source, stats=stats) for item in cutter.push(frame)] + cutter.finish()
    assert stats.frames_decoded == seconds * rate
    assert all(isinstance(item, Clip) and item.epoch == 0 for item in items)
    assert cutter.frames_kept == pytest.approx(5 * seconds, abs=5 / rate)
    assert all(before.end_s == after.start_s for before, after in pairwise(items))


def test_a_live_source_has_each_picture_when_its_packet_has_come_however_many_threads(tmp_path: Path) -> None:
    path = film(tmp_path / "film.ts", steady(8, 1.0), rate=1, options={"bf": "0", "tune": "zerolatency"})
    with open_source(str(path)) as source:
        source.info = replace(source.info, live=True)
        fed = Fed(source)
        behind = [fed.packets - number for number, _ in enumerate(decode(fed, threads=4), 1)]
    assert len(behind) == 8 and max(behind) <= 1


class Fed:
    """A source that counts what has been taken from it."""

    def __init__(self, source) -> None:
        self._source = source
        self.packets = 0

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def __iter__(self) -> Iterator:
        for packet in self._source:
            self.packets += 1
            yield packet
