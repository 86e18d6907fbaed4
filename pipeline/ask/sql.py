"""SQL over all timelines: what the store holds and what was archived, together."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.archive.errors import ArchiveError
from pipeline.ask.closed import Copies
from pipeline.ask.columns import Table
from pipeline.ask.engine import Engine, SqlLimits
from pipeline.ask.views import VIEWS, Found, read
from pipeline.errors import UsageError, redact
from pipeline.timeline.store import TimelineStore


class Sql:
    """Asks one store; safe to share between threads, which wait for each other.

    Args:
        cache: folder for copies of closed segments; belongs to this store alone.
    """

    def __init__(self, store: TimelineStore, cache: Path) -> None:
        self._store = store
        self._copies = Copies(store, cache)
        self._asking = threading.Lock()

    def ask(self, query: str, limits: SqlLimits | None = None) -> Table:
        """Return the answer to one SELECT over `segments`, `gaps`, `streams` and `hours` as an Arrow table.

        Each stream is seen as of one moment; `streams` and `hours` are of moments of their own. Values are as they are
        stored, not rounded. What of the archive a query does not ask for is not read, as far as its conditions on
        `stream` and `day` tell.

        Raises:
            UsageError: it is not one SELECT, names what is not there, reads files or the network, or a part of a stream
                is in an archive that is neither given nor known.
            LongtakeError: it takes more time or memory than `limits` allow.
            StoreError: the store failed.
            ArchiveError: the archived part cannot be read.
        """
        engine = Engine(limits or SqlLimits())
        named = engine.names(query)
        # Where none is named it may be `show tables`, or one by a wrong name: then DuckDB names those that are near.
        views = (set(VIEWS) & named if named else None) or set(VIEWS)
        with self._asking:
            found = read(self._store, self._copies, views)
        try:
            return _plain(engine.answer(query, found.tables, {name: VIEWS[name] for name in views if VIEWS[name]}))
        except UsageError as error:
            raise _of_archive(found, error) or error from None


def cache_folder(home: Path, url: str | None) -> Path:
    """Return the folder for copies of the store at `url`, or of the embedded one, below a data folder."""
    name = hashlib.blake2b((redact(url) if url else "embedded").encode(), digest_size=8).hexdigest()
    return home / "cache" / "sql" / name


def _plain(answer: Table) -> Table:
    """Whole numbers as such (DuckDB adds them up to decimals), and each column with a name of its own."""
    names: list[str] = []
    for name in answer.column_names:
        same = (f"{name}_{number}" if number else name for number in range(len(names) + 1))
        names.append(next(one for one in same if one not in names))
    return pa.table([_whole(column) for column in answer.columns], names)


def _whole(column: Any) -> Any:
    if not pa.types.is_decimal(column.type) or column.type.scale:
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:  # too large
        return column


def _of_archive(found: Found, error: UsageError) -> ArchiveError | None:
    """What is wrong with the archive, where that is why the query failed."""
    if "registered as 'archived'" not in str(error):
        return None
    for archive, path in found.files:
        archive.require(path)
    return ArchiveError(f"the archive cannot be read: {error}")
