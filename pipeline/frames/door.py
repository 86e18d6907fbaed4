"""Where a reader asks for frames; the settings say in which process they are decoded."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from pipeline.clock import Clock
from pipeline.decode import DecodeStats
from pipeline.frames.apart import Apart
from pipeline.frames.here import opened_here
from pipeline.frames.order import Opened, Order


@contextmanager
def opened(order: Order, stats: DecodeStats, clock: Clock) -> Iterator[Opened]:
    """Open a source while the block runs, and decode it.

    With `source.isolated` the same frames come from a process of their own. What such a process does to itself (it
    dies, takes too much memory, computes for too long) is an error of the source, and reaches nobody else.

    Args:
        stats: filled while frames are taken; without `stamps` where they come from another process.

    Raises:
        SourceError: (by the frames too) the source cannot be opened or read.
    """
    if not order.settings.isolated:
        with opened_here(order, stats, clock) as here:
            yield here
        return
    with closing(Apart(order, stats)) as apart:
        yield apart.open()
