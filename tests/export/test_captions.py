"""WebVTT as its specification has it, and as FFmpeg reads it."""

import re

import av
import pytest

from pipeline.export.webvtt import to_webvtt
from pipeline.timeline.reads import Span
from pipeline.values import Gap, GapReason
from tests.ask.streams import seen, segment, watched

TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")
NASTY = "<script>alert('&')</script>\n\n00:00 --> 00:01\r\n🤸"


def cues(text: str) -> list[tuple[float, float, str]]:
    """Start, end and text of every cue, read as the specification says."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    found = []
    for block in blocks:
        lines = block.split("\n")
        if lines[0].startswith("NOTE"):
            assert "-->" not in block
            continue
        times = next(line for line in lines[:2] if "-->" in line)
        numbers = [int(part) for part in TIMES.fullmatch(times).groups()]
        start, end = (
            hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
            for hours, minutes, seconds, milliseconds in (numbers[:4], numbers[4:])
        )
        [payload] = lines[lines.index(times) + 1 :]
        assert not set(re.sub("&(amp|lt|gt);", "", payload)) & set("<>&") and start < end
        found.append((start, end, payload))
    assert found == sorted(found, key=lambda cue: cue[0])
    return found


def packets(path) -> list[tuple[float, float, str]]:
    """What FFmpeg makes of a file."""
    with av.open(str(path)) as container:
        [stream] = container.streams.subtitles
        found = [
            (packet.pts * packet.time_base, packet.duration * packet.time_base, bytes(packet).decode())
            for packet in container.demux(stream)
            if packet.size
        ]
    return [(float(start), float(start + seconds), text) for start, seconds, text in found]


def test_captions_of_a_recording_count_from_its_first_frame(store):
    film = [
        segment("film", "walk", 1_700_000_010.5, 1_700_000_012.0625),
        segment("film", "fall", 1_700_000_011.0, None),
    ]
    watched(store, "film", film, from_s=1_700_000_000.0, until_s=1_700_000_020.0)
    text = to_webvtt(seen(store, "film", Span(1_700_000_011.5)))
    assert cues(text) == [(10.5, 12.062, "walk 0.50"), (11.0, 20.0, "fall 0.50")]
    assert "NOTE times" not in text


def test_captions_of_a_camera_count_from_where_they_begin_and_say_when_that_was(store):
    watched(store, "cam1", [segment("cam1", "walk", 1.7e9 + 5, 1.7e9 + 9)], from_s=1.7e9, until_s=1.7e9 + 60, live=True)
    text = to_webvtt(seen(store, "cam1"))
    assert cues(text) == [(5.0, 9.0, "walk 0.50")]
    assert "\n\nNOTE times count from 2023-11-14T22:13:20.000+00:00\n\n" in text
    assert cues(to_webvtt(seen(store, "cam1", Span(1.7e9 + 6)))) == [(0.0, 3.0, "walk 0.50")]


def test_gaps_that_nobody_filled_are_told(store):
    gaps = [Gap("film", 3.0, 4.0, GapReason.CORRUPT), Gap("film", 6.0, 7.0, GapReason.RESTART, filled=True)]
    watched(store, "film", [segment("film", "walk", 0.0, 3.0)], gaps)
    assert cues(to_webvtt(seen(store, "film"))) == [(0.0, 3.0, "walk 0.50"), (3.0, 4.0, "(not watched: corrupt)")]


def test_whatever_a_label_holds_is_text_to_ffmpeg_too(store, tmp_path):
    labels = frozenset({NASTY, "walk"})
    watched(store, "film", [segment("film", NASTY, 1.0, 2.0), segment("film", "walk", 2.0, 2.0)], labels=labels)
    text = to_webvtt(seen(store, "film"))
    shown = "&lt;script&gt;alert('&amp;')&lt;/script&gt; 00:00 --&gt; 00:01 🤸 0.50"
    assert cues(text) == [(1.0, 2.0, shown), (2.0, 2.001, "walk 0.50")]
    (tmp_path / "film.vtt").write_text(text)
    assert packets(tmp_path / "film.vtt") == [
        (1.0, 2.0, shown),
        (pytest.approx(2.0), pytest.approx(2.001), "walk 0.50"),
    ]


def test_ffmpeg_reads_every_cue_also_after_a_hundred_hours(store, tmp_path):
    film = [segment("film", "walk", hours * 3600.0, hours * 3600.0 + 1.5) for hours in (0, 1, 99, 100, 123)]
    watched(store, "film", film, until_s=500_000)
    text = to_webvtt(seen(store, "film"))
    assert "123:00:00.000 --> 123:00:01.500" in text
    (tmp_path / "film.vtt").write_text(text)
    assert packets(tmp_path / "film.vtt") == cues(text)


def test_a_stream_without_anything_is_a_file_without_cues(store, tmp_path):
    watched(store, "film")
    (tmp_path / "film.vtt").write_text(to_webvtt(seen(store, "film")))
    assert packets(tmp_path / "film.vtt") == []
