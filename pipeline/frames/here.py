"""Source, watchdog and decoder in a row, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.clock import Clock
from pipeline.decode import DecodeStats, decode
from pipeline.frames.order import Opened, Order
from pipeline.source import Source, open_source
from pipeline.source.watchdog import Watchdog
from pipeline.values import DecodedFrame

MOST_UNDATED = 8  # frames held back for one with a date


@contextmanager
def opened_here(order: Order, stats: DecodeStats, clock: Clock) -> Iterator[Opened]:
    """Open the source while the block runs; see `opened`."""
    with open_source(order.uri, order.settings, order.start_at_s) as source:
        if order.watchdog_s is None:
            frames = decode(source, threads=order.threads, epoch=order.epoch, stats=stats, vectors=order.vectors)
        else:
            frames = _watched(source, Watchdog(source, order.watchdog_s, clock), order, stats)
        yield Opened(source.info.live, source.info.duration_s, frames)


def _watched(source: Source, watchdog: Watchdog, order: Order, stats: DecodeStats) -> Iterator[DecodedFrame]:
    """The frames of one connection; a source that sends no pictures is let go."""
    frames = decode(watchdog, threads=order.threads, epoch=order.epoch, stats=stats, vectors=order.vectors)
    for frame in _dated(frames) if source.info.zero_wall_s is not None else frames:
        watchdog.seen()
        yield frame


def _dated(frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
    """Date the first frames, which RTSP often gives no time stamp, by the first one that has a date."""
    held: list[DecodedFrame] = []
    for frame in frames:
        held.append(frame)
        if frame.wall_s is not None:
            zero_s = frame.wall_s - frame.pts_s
            held = [replace(one, wall_s=zero_s + one.pts_s) for one in held]
        if frame.wall_s is not None or len(held) == MOST_UNDATED:
            break
    yield from held
    held.clear()  # else their pictures would stay as long as the connection
    yield from frames
