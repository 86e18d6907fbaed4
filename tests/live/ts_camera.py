"""A camera over HTTP: an endless MPEG transport stream of the pace, rate and time stamps that a test wants."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tests.live.http_camera import answering

TICKS = 90_000


@dataclass(frozen=True)
class Manner:
    """How a camera behaves.

    Attributes:
        rate: pictures a second, by its own clock.
        pace: seconds of its clock in a second of ours.
        first_pts: of each connection's first picture, in ticks; wraps on the wire at 2^33.
        most: pictures it sends before it hangs up.
    """

    rate: Fraction | int = 25
    pace: float = 1.0
    first_pts: int = 0
    most: int = 1_000_000


@contextmanager
def camera(film: Path, manner: Manner, port: int = 0) -> Iterator[str]:
    """Serve `film`, over and over, while the block runs; yields its URI. The film begins with a key frame."""
    with answering("video/mp2t", lambda wire, over: _send(film, manner, wire, over), port) as uri:
        yield f"{uri}/cam.ts"


def _send(film: Path, manner: Manner, wire: object, over: threading.Event) -> None:
    """Mux the film's packets with new times, each when it is due."""
    options = {"flush_packets": "1", "mpegts_copyts": "1"}
    with av.open(str(film)) as source, av.open(wire, "w", format="mpegts", options=options, buffer_size=1316) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        begun_s = time.monotonic()
        for number, packet in enumerate(_packets(film, manner.most)):
            media_s = number / manner.rate
            if over.wait(max(0.0, begun_s + float(media_s) / manner.pace - time.monotonic())):
                return
            packet.stream = stream
            packet.time_base = Fraction(1, TICKS)
            packet.pts = packet.dts = manner.first_pts + round(media_s * TICKS)
            out.mux(packet)


def _packets(film: Path, most: int) -> Iterator["av.Packet"]:
    """The film's packets again and again; it has no B-frames, so they come in the order of time."""
    count = 0
    while count < most:
        with av.open(str(film)) as source:
            for packet in source.demux(video=0):
                if packet.size and count < most:
                    count += 1
                    yield packet
