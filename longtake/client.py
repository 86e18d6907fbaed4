"""Timelines for Python programs: what `import longtake` offers."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from longtake.query import STORE_VARIABLE
from longtake.stores import open_store
from pipeline import values
from pipeline.errors import UsageError
from pipeline.home import home
from pipeline.timeline.follow import LONGEST_S, Follower
from pipeline.timeline.pages import matching
from pipeline.timeline.records import EventKind, StreamInfo, StreamState
from pipeline.timeline.store import TimelineStore
from pipeline.values import Gap, Segment

if TYPE_CHECKING:
    from pipeline.ask.sql import Sql  # loads DuckDB and pyarrow

Time: TypeAlias = float | datetime
"""Timeline seconds, or for a stream that goes by the wall clock a date; UTC where it has no time zone."""


def open(url: str | None = None) -> "Store":
    """Open the timelines at `url`, else at what `LONGTAKE_STORE` names, else those of the embedded store.

    `LONGTAKE_HOME`, `LONGTAKE_STORE_PASSWORD_FILE` and `LONGTAKE_ARCHIVE` mean what they mean to the commands.

    Raises:
        UsageError: `url` is not one of a store.
        StoreError: it cannot be reached, or holds what this longtake cannot read.
    """
    url = url or os.environ.get(STORE_VARIABLE) or None
    return Store(open_store(url), url)


class Timeline(values.Timeline):
    """What a stream's timeline holds in a range: `segments` and `gaps` by start; iterating gives both, by start."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Segment | Gap]:
        items: list[Segment | Gap] = [*self.segments, *self.gaps]
        return iter(sorted(items, key=lambda item: item.start))

    def __len__(self) -> int:
        return len(self.segments) + len(self.gaps)

    def to_arrow(self) -> Any:
        """Return it as a `pyarrow.Table`, a row for each segment and gap; times to 1 ms, scores to 4 decimals."""
        from pipeline.timeline.tables import items_to_arrow  # loads pyarrow

        return items_to_arrow(self)

    def to_pandas(self) -> Any:
        """Return `to_arrow` as a `pandas.DataFrame`.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ModuleNotFoundError as error:
            raise UsageError("a data frame needs pandas: pip install pandas") from error


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit changed: a segment `opened` or `closed`, a `gap`, or the stream's `state`; `value` is the new."""

    stream: str
    kind: EventKind
    value: Segment | Gap | StreamState


class Live(Iterator[Change]):
    """Changes as they are committed, without an end.

    `next` waits for one. After a `StoreError` it may be called again: nothing is lost meanwhile, as long as the
    stream's event log goes back so far.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._told: deque[Change] = deque()

    def __next__(self) -> Change:
        while not self._told:
            news = self._follower.poll(LONGEST_S)
            self._told.extend(Change(stream, event.kind, event.value) for stream, event in news)
        return self._told.popleft()


class Store:
    """The timelines of one store; a context manager, safe to share between threads.

    Every method may raise `StoreError`, after which it may be called again.
    """

    def __init__(self, store: TimelineStore, url: str | None) -> None:
        self._store = store
        self._url = url

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

    def streams(self) -> list[StreamInfo]:
        """Return all streams by name."""
        return self._store.streams()

    def timeline(
        self,
        stream: str,
        *,
        after: Time | None = None,
        before: Time | None = None,
        label: str | None = None,
        min_score: float | None = None,
    ) -> Timeline:
        """Return what overlaps [`after`, `before`), growing segments and gaps and the archived part included.

        Args:
            label, min_score: leave out other segments.

        Raises:
            UsageError: no such stream or label, or an empty range.
        """
        found = self._store.timeline(stream, _seconds(after), _seconds(before), label, min_score)
        return Timeline(found.stream, found.model, found.duration, found.segments, found.gaps)

    def sql(self, query: str, *, memory_bytes: int = 512_000_000, timeout_s: float = 10.0) -> Any:
        """Return the answer to one SELECT over all timelines as a `pyarrow.Table`; see docs/sql.md.

        Raises:
            UsageError: it is not one SELECT that can be answered.
            LongtakeError: it takes more memory or time than that.
        """
        from pipeline.ask.engine import SqlLimits

        return self._sql.ask(query, SqlLimits(memory_bytes, timeout_s))

    def live(self, streams: str | Sequence[str] | None = None) -> Live:
        """Return the changes of streams from now on, as they are committed; also of those that are added later.

        Args:
            streams: names or patterns (`dock-*`); None stands for all.

        Raises:
            UsageError: a name is not that of a stream.
        """
        asked = [streams] if isinstance(streams, str) else list(streams or ())
        matching(self._store.names(), asked)

        def names() -> list[str]:
            there = self._store.names()
            return [name for name in there if not asked or any(_means(pattern, name) for pattern in asked)]

        return Live(Follower(self._store, names))

    @cached_property
    def _sql(self) -> "Sql":
        from pipeline.ask.sql import Sql, cache_folder

        return Sql(self._store, cache_folder(home(), self._url))


def _means(pattern: str, name: str) -> bool:
    return pattern == name or fnmatchcase(name, pattern)


def _seconds(time: Time | None) -> float | None:
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return time
