"""The decoder border believes nothing: decoders that send nonsense, fall silent, or are none."""

import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.decode import DecodeStats
from pipeline.errors import SourceCrashed, SourceError, SourceNotFound, SourceTimeout
from pipeline.frames.apart import Apart
from pipeline.frames.wire import Garbled, Kind, Wire, pack_frame, unpack_frame
from pipeline.source import SourceSettings
from pipeline.values import DecodedFrame, GapReason
from tests.decode.test_border import PATIENCE_S, gone, order


def pretending(script: str, tmp_path: Path, stats: DecodeStats | None = None, **settings: float) -> Apart:
    """A decoder that opens the source as it should, and then does what `script` says with `wire`."""
    path = tmp_path / "decoder.py"
    path.write_text(f"{PRETENDER}\n{script}\n")
    wanted = order("cam", SourceSettings(isolated=True, **{"silence_s": PATIENCE_S, **settings}))
    return Apart(wanted, stats or DecodeStats(), (sys.executable, str(path)))


PRETENDER = """
import math, socket, struct, sys, time
from pipeline.errors import *
from pipeline.frames.wire import *
from pipeline.values import *
wire = Wire(socket.socket(fileno=int(sys.argv[1])))
wire.receive({Kind.ORDER: 10**6})
wire.send(Kind.OPENED, OPENED.pack(False, math.nan))
def frame(epoch=0, pts_s=0.0, duration_s=0.04, corrupt=False, skipped_s=0.0):
    return DecodedFrame(epoch, pts_s, duration_s, None, corrupt, None, skipped_s)
def tell(*frames):
    for one in frames:
        wire.receive({Kind.NEXT: 0})
        wire.send(Kind.FRAME, pack_frame(one, 0))
def raw(content):
    wire._connection.sendall(content)
def wait():
    wire.receive({Kind.NEXT: 0, Kind.PICTURE: 100, Kind.VECTORS: 100, Kind.SHAPE: 100})
"""

NONSENSE = {
    "an unknown kind": "wait(); raw(bytes([77, 0, 0, 0, 0]))",
    "a kind out of turn": "wait(); wire.send(Kind.PIXELS, bytes(768))",
    "gigabytes": "wait(); raw(struct.pack('<BI', Kind.FRAME, 2**32 - 1))",
    "half a frame": "wait(); wire.send(Kind.FRAME, bytes(20))",
    "a frame that is no number": "tell(frame(pts_s=math.nan))",
    "a frame at no time": "tell(frame(pts_s=math.inf))",
    "a frame before the beginning": "tell(frame(pts_s=-1.0))",
    "a frame that stands for nothing": "tell(frame(duration_s=0.0))",
    "an endless hole": "tell(frame(), frame(1, skipped_s=math.inf))",
    "a frame from far away": "tell(frame(pts_s=1e300))",
    "time that runs backwards": "tell(frame(pts_s=2.0), frame(pts_s=1.0))",
    "a jump within an epoch": "tell(frame(), frame(pts_s=9999.0))",
    "an epoch left out": "tell(frame(), frame(2))",
    "an epoch nobody asked for": "tell(frame(5))",
    "a reason there is not": "wait(); wire.send(Kind.FRAME, FRAME.pack(0, 0, 0, 1, 0, 0, 0, 99))",
    "an error there is not": "wait(); wire.send(Kind.FAULT, bytes([99]))",
    "sentences without end": "wait()\nwhile True: wire.send(Kind.NOTE, b'damage')",
    "no error at all": "wait(); wire.send(Kind.FAULT)",
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
def test_a_decoder_that_sends_nonsense_is_ended(script: str, tmp_path: Path) -> None:
    apart = pretending(f"{script}\ntime.sleep(600)", tmp_path)
    with pytest.raises(SourceCrashed, match="cam sent nonsense"):
        list(apart.open().frames)
    assert gone(apart.pid)
    apart.close()


def test_a_picture_of_another_size_is_nonsense(tmp_path: Path) -> None:
    apart = pretending("tell(frame()); wait(); wire.send(Kind.PIXELS, bytes(767)); time.sleep(600)", tmp_path)
    frame = next(apart.open().frames)
    with pytest.raises(SourceCrashed, match="sent nonsense"):
        frame.picture.rgb(16, 16)
    assert gone(apart.pid)


@pytest.mark.parametrize(
    "field", ["bytes(1023)", "struct.pack('<512e', *[math.nan] * 512)", "struct.pack('<512e', *[17.0] * 512)"]
)
def test_a_field_of_another_size_or_of_what_is_no_displacement_is_nonsense(field: str, tmp_path: Path) -> None:
    apart = pretending(f"tell(frame()); wait(); wire.send(Kind.FIELD, {field}); time.sleep(600)", tmp_path)
    frame = next(apart.open().frames)
    with pytest.raises(SourceCrashed, match="sent nonsense"):
        frame.picture.vectors(16, 16)
    assert gone(apart.pid)


def test_a_picture_without_sides_is_nonsense(tmp_path: Path) -> None:
    apart = pretending("tell(frame()); wait(); wire.send(Kind.SIDES, bytes(8)); time.sleep(600)", tmp_path)
    frame = next(apart.open().frames)
    with pytest.raises(SourceCrashed, match="sent nonsense"):
        _ = frame.picture.shape
    assert gone(apart.pid)


SILENT = {
    "that stops answering": "tell(frame()); time.sleep(600)",
    "that stops in the middle of an answer": "tell(frame()); wait(); raw(bytes([Kind.FRAME, 8, 0])); time.sleep(600)",
    "that answers a byte at a time": (
        "tell(frame()); wait(); raw(struct.pack('<BI', Kind.FRAME, FRAME.size))\n"
        "while raw(bytes(1)) is None: time.sleep(0.2)"
    ),
}


@pytest.mark.parametrize("script", SILENT.values(), ids=SILENT)
def test_a_decoder_that_is_silent_is_ended_in_time(script: str, tmp_path: Path) -> None:
    apart = pretending(script, tmp_path, silence_s=0.5, read_timeout_s=0.5)
    frames = apart.open().frames
    next(frames)
    begun_s = time.monotonic()
    with pytest.raises(SourceTimeout, match="gave no answer for 1 s"):
        next(frames)
    assert 0.9 < time.monotonic() - begun_s < 20
    assert gone(apart.pid)


def test_a_decoder_that_cannot_be_started_is_an_error_of_the_source() -> None:
    with pytest.raises(SourceError, match="could be started"):
        Apart(order("cam"), DecodeStats(), ("/no/such/program",))


def test_what_a_decoder_says_cannot_steer_a_terminal(tmp_path: Path) -> None:
    script = r"wait(); wire.send(Kind.FAULT, pack_fault(SourceNotFound('\x1b[2Jrtsp://me:hunter2@cam/1')))"
    apart = pretending(script, tmp_path)
    with pytest.raises(SourceNotFound) as raised:
        list(apart.open().frames)
    assert str(raised.value) == "?[2Jrtsp://***@cam/1"
    apart.close()


@pytest.fixture
def pair() -> Iterator[tuple[Wire, Wire]]:
    ends = [Wire(one) for one in socket.socketpair()]
    yield ends[0], ends[1]
    for end in ends:
        end.close()


def test_messages_arrive_as_they_were_sent(pair: tuple[Wire, Wire]) -> None:
    frames = [
        DecodedFrame(0, 0.25, 0.04, 1e9, False, None, 0.0),
        DecodedFrame(1, 0.0, 0.04, None, True, None, 3.5, GapReason.CORRUPT),
    ]
    for frame in frames:
        pair[0].send(Kind.FRAME, pack_frame(frame, 7))
    arrived = [unpack_frame(pair[1].receive({Kind.FRAME: 1000}, 1.0)[1]) for _ in frames]
    assert [(one.epoch, one.pts_s, one.wall_s, one.corrupt, failed) for one, failed in arrived] == [
        (0, 0.25, 1e9, False, 7),
        (1, 0.0, None, True, 7),
    ]
    assert arrived[1][0].skip_reason == GapReason.CORRUPT


def test_nobody_waits_for_a_message_longer_than_told_and_an_end_is_an_end(pair: tuple[Wire, Wire]) -> None:
    with pytest.raises(TimeoutError):
        pair[0].receive({Kind.NEXT: 0}, 0.05)
    pair[1].close()
    with pytest.raises(EOFError):
        pair[0].receive({Kind.NEXT: 0}, 1.0)


def test_a_message_longer_than_allowed_is_not_waited_for(pair: tuple[Wire, Wire]) -> None:
    pair[1]._connection.sendall(struct.pack("<BI", Kind.NOTE, 11))
    with pytest.raises(Garbled, match="NOTE of 11 bytes, at most 10"):
        pair[0].receive({Kind.NOTE: 10}, 1.0)


def test_a_second_connection_adds_to_what_was_counted_and_may_complain_too(tmp_path: Path) -> None:
    stats = DecodeStats(failed=5, errors=["damage"] * 8)
    script = "wait(); wire.send(Kind.NOTE, b'damage'); wire.send(Kind.FRAME, pack_frame(frame(), 2)); wait()"
    apart = pretending(script, tmp_path, stats)
    next(apart.open().frames)
    assert (stats.failed, stats.frames_decoded, len(stats.errors)) == (7, 1, 8)
    apart.close()
