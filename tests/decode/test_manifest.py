"""Every real file, clean or awkward, gives its frames or one clear error."""

import csv
import os
from pathlib import Path

import pytest

from pipeline.decode import DecodeStats, decode
from pipeline.errors import SourceUnreadable
from pipeline.source import open_source

DATA = Path(os.environ.get("LONGTAKE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")


def rows() -> list[dict[str, str]]:
    manifest = DATA / "manifest.csv"
    if not manifest.is_file():
        return [{"file": "manifest.csv", "decoded_frames": "0"}]
    with manifest.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_a_real_file_gives_its_frames_or_one_clear_error(shared_data: Path, row: dict[str, str]) -> None:
    path = shared_data / row["file"]
    stats = DecodeStats()
    if not row["decoded_frames"]:
        with pytest.raises(SourceUnreadable, match=r"is empty|holds no video, only audio"):
            open_source(str(path))
        return
    with open_source(str(path)) as source:
        times = []
        for frame in decode(source, stats=stats):  # not a list: a thousand frames are a gigabyte
            times.append((frame.epoch, frame.pts_s))
    assert stats.frames_decoded == pytest.approx(int(row["decoded_frames"]), abs=1)
    assert times == sorted(times) and times[-1][0] == 0
    assert frame.picture.rgb(112, 112).shape == (112, 112, 3)
