"""How pages are read: every stream from where the last page ended, no further than its share of a page needs.

A *walk* goes through one stream by start. Each look at it brings the next values from Redis and, where they lie further
back, from the archive; both are seen at one moment, and a move changes both at once. Walks of several streams share
their round trips, one pipeline for all: nothing touches two streams at once, so it works on a Redis Cluster.
"""

import math
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from pipeline.archive.errors import FileMissing
from pipeline.archive.layout import DAY_S, begins_s
from pipeline.timeline.clients import evaluate
from pipeline.timeline.codec import unpack_gap, unpack_segment
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.pages import Item, Page, Position, Question, place_of
from pipeline.timeline.reads import archive_at

_PAGE_LUA = (Path(__file__).parent / "page.lua").read_text()
_AT_ONCE = 2000  # values in one round trip: some milliseconds, during which Redis serves nobody else
_LEAST = 4


def page(
    client: Any, question: Question, limit: int, after: Position | None, newest_first: bool, archive: str | None
) -> Page:
    """Return up to `limit` items that follow `after`; see `TimelineStore.page`."""
    assert limit >= 1, limit
    walks = [Walk(stream, question, after, newest_first) for stream in dict.fromkeys(question.streams)]
    found: list[Item] = []
    # Of many streams some have more than their share.
    count, behind = min(2, len(walks)) * limit // max(1, len(walks)) + _LEAST, walks
    while behind:
        count = min(count, max(_LEAST, _AT_ONCE // len(behind)))
        _look(client, behind, count, archive)
        found = sorted(chain.from_iterable(walk.found for walk in walks), key=place_of, reverse=newest_first)
        found = found[: limit + 1]
        edge = walks[0].place(found[limit].start) if len(found) > limit else math.inf
        behind = [walk for walk in walks if walk.reached < math.inf and walk.reached <= edge]
        count *= 2
    return Page(tuple(found[:limit]), Position.of(found[limit - 1]) if len(found) > limit else None)


def _look(client: Any, walks: Sequence["Walk"], count: int, archive: str | None) -> None:
    """Let each of the walks go on by about `count` values; one whose stream is not there any more ends."""
    with client.pipeline(transaction=False) as pipe:
        for walk in walks:
            pipe.smembers(walk.keys.labels)
        labels = [frozenset(label.decode() for label in known) for known in pipe.execute()]
    asked = []
    with client.pipeline(transaction=False) as pipe:
        for walk, known in zip(walks, labels, strict=True):
            if known:
                walk.ask(pipe, known, count)
                asked.append(walk)
            else:
                walk.reached = math.inf
        answers = pipe.execute()
    for walk, answer in zip(asked, answers, strict=True):
        if answer is not None:  # else it has learned labels since they were read: the next look knows them
            walk.hear(client, answer, archive)


class Walk:
    """One stream, on its way through what a question wants of it.

    Places on the way are starts, negated where the newest come first, so that they grow as it goes on.

    Attributes:
        found: what was found so far.
        reached: the place before which there is nothing else to be found.
    """

    def __init__(self, stream: str, question: Question, after: Position | None, newest_first: bool) -> None:
        self.keys = StreamKeys(stream)
        self.found: list[Item] = []
        self._stream = stream
        self._question = question
        self._after = None if after is None else after.place
        self._newest_first = newest_first
        self.reached = -math.inf if after is None else self.place(after.start)
        self._count = 0
        self._missed = ""

    def place(self, start: float) -> float:
        """Return the place of what begins at `start`."""
        return -start if self._newest_first else start

    def ask(self, pipe: Any, known: frozenset[str], count: int) -> None:
        """Put the next look into a pipeline: `count` values, by labels that are `known`."""
        question, keys = self._question, self.keys
        self._count = count
        labels = known if question.labels is None else known & set(question.labels)
        final = question.in_progress is not True
        indexes = [keys.by_start(label) for label in sorted(labels)] if final and question.segments else []
        since, newest_first = question.span.since, self._newest_first
        over = repr(since) if newest_first or self.reached < since else ""
        reach = since if newest_first else max(since, self.reached)
        arguments = [
            *(len(known), *self._range(), int(newest_first), self._count, repr(reach), over),
            *("" if question.min_score is None else repr(question.min_score), int(final and question.gaps)),
        ]
        names = [keys.meta, keys.labels, keys.open, keys.segments, keys.archive, keys.gaps, *indexes]
        evaluate(pipe, _PAGE_LUA, names, arguments)

    def hear(self, client: Any, answer: Any, archive: str | None) -> None:
        """Take in what a look saw."""
        files, pending, opened, closed, gaps, edge = answer
        stream = self._stream
        items: list[Item] = [unpack_segment(data, stream) for data in closed]
        items += [unpack_gap(data, stream) for data in gaps]
        if self._question.in_progress is not False:
            items += [unpack_segment(data, stream) for data in opened]
            items += [unpack_gap(pending, stream)] if pending else []
        reached = self.place(float(edge)) if edge else math.inf
        try:
            items, reached = self._with_archived(client, list(filter(self._is_next, items)), files, archive, reached)
        except FileMissing as error:
            if error.path == self._missed:
                raise
            self._missed = error.path  # the stream may have been removed since: then the next look does not list it
        else:
            self.found += [one for one in items if self.place(one.start) < reached]
            self.reached = reached

    def _range(self) -> tuple[str, str]:
        """The starts that are left, as Redis takes them: the nearest first, what has been reached included."""
        span = self._question.span
        if not self._newest_first:
            return repr(max(span.since, self.reached)), f"({span.until!r}"
        return repr(-self.reached) if -self.reached < span.until else f"({span.until!r}", repr(span.since)

    def _with_archived(
        self, client: Any, items: list[Item], files: Sequence[bytes], archive: str | None, reached: float
    ) -> tuple[list[Item], float]:
        """Add what is next in archived files, day by day until it is enough; return how far that is all there is."""
        ahead = [] if self._question.in_progress else filter(self._is_ahead, (path.decode() for path in files))
        for first, day in groupby(sorted(ahead, key=self._first_place), self._first_place):
            if first >= reached:
                break
            if sum(self.place(one.start) < first for one in items) >= self._count:
                return items, first
            older = archive_at(archive, client, self._stream).timeline(self._stream, files=list(day))
            items += filter(self._is_next, (*older.segments, *older.gaps))
        return items, reached

    def _is_ahead(self, path: str) -> bool:
        """Tell whether an archived file may hold what is next."""
        begin_s = begins_s(path)
        last = self.place(begin_s if self._newest_first else begin_s + DAY_S)
        return begin_s < self._question.span.until and last >= self.reached

    def _first_place(self, path: str) -> float:
        """Return the place before which there is nothing of a file's date."""
        begin_s = begins_s(path)
        return math.nextafter(-(begin_s + DAY_S), math.inf) if self._newest_first else begin_s

    def _is_next(self, item: Item) -> bool:
        if self.place(item.start) < self.reached or not self._question.wants(item):
            return False
        if self._after is None:
            return True
        return place_of(item) < self._after if self._newest_first else place_of(item) > self._after
