"""DuckDB shut in: it reads what it is given and nothing else, within limits of time and memory."""

import resource
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb
import psutil
import pyarrow as pa

from pipeline.ask.columns import Table
from pipeline.errors import LongtakeError, UsageError

Answer = TypeVar("Answer")
_SHUT: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # else SQL could name the Python variables around it
    "temp_directory": "",
}
_ROWS = 10_000  # of an answer, between two looks at its size
_GRACE_S = 1.0  # until an interrupted query ends; a few functions do not listen
_SPARE_BYTES = 256 << 20  # for stacks and what allocators reserve


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What one query may take.

    Attributes:
        memory_bytes: memory of DuckDB while it works, and size of the answer.
        timeout_s: how long DuckDB may work.
        whole_process: keep the process from taking more memory than that, with a margin, while DuckDB works, for DuckDB
            does not count all it takes; where a process does nothing else (Linux).
    """

    memory_bytes: int = 512_000_000
    timeout_s: float = 10.0
    whole_process: bool = False

    def __post_init__(self) -> None:
        if self.memory_bytes < 16_000_000 or not 0 < self.timeout_s < float("inf"):
            given = f"{self.memory_bytes / 1e6:g} MB and {self.timeout_s:g} s"
            raise UsageError(f"a query needs at least 16 MB and some time, got {given}")


class Engine:
    """One query's DuckDB: gone, with all it knows, when nobody holds it."""

    def __init__(self, limits: SqlLimits) -> None:
        self._limits = limits
        self._duck = duckdb.connect(config=_SHUT | {"memory_limit": f"{limits.memory_bytes}B"})
        self._duck.execute("set TimeZone = 'UTC'")

    def names(self, query: str) -> set[str] | None:
        """Return the tables that `query` names, in lower case; None where only who knows their columns could tell.

        Raises:
            UsageError: it is not one SELECT.
            LongtakeError: it takes more than it may.
        """
        return self._bounded(lambda: self._names(query))

    def answer(self, query: str, tables: Mapping[str, Any], views: Mapping[str, str]) -> Table:
        """Return the answer to a query.

        Args:
            tables: Arrow tables and data sets by name.
            views: the statements that make views of them.

        Raises:
            UsageError: it is not one SELECT that can be answered.
            LongtakeError: it takes more than it may.
        """
        for name, table in tables.items():
            self._duck.register(name, table)
        for statement in views.values():
            self._duck.execute(statement)
        self._duck.execute("set lock_configuration = true")
        return self._bounded(lambda: self._answer(query))

    def _select(self, query: str) -> str:
        statements = self._duck.extract_statements(query)
        kinds = [statement.type.name for statement in statements]
        if kinds != ["SELECT"]:
            raise UsageError(f"SQL here is one SELECT and changes nothing; got {', '.join(kinds) or 'no statement'}")
        return statements[0].query

    def _names(self, query: str) -> set[str] | None:
        select = self._select(query)
        try:
            return {name.lower() for name in self._duck.get_table_names(select)}
        except duckdb.BinderException:  # as of `using (stream)` and `natural join`
            return None

    def _answer(self, query: str) -> Table:
        with self._duck.sql(self._select(query)).to_arrow_reader(_ROWS) as reader:
            batches, size = [], 0
            for batch in reader:
                size += batch.nbytes
                if size > self._limits.memory_bytes:
                    raise LongtakeError(
                        f"the answer is larger than {self._allowed()}; add it up, or end it with a LIMIT"
                    )
                batches.append(batch)
            return pa.Table.from_batches(batches, reader.schema)

    def _allowed(self) -> str:
        return f"{self._limits.memory_bytes / 1e6:g} MB"

    def _bounded(self, work: Callable[[], Answer]) -> Answer:
        """What `work` returns, done by another thread: what does not end in time is left behind."""
        done: Future[Answer] = Future()
        with self._within_memory():
            threading.Thread(target=_settle, args=(done, work), name="sql", daemon=True).start()
            try:
                return done.result(self._limits.timeout_s)
            except TimeoutError:
                raise self._too_long() from None
            except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
                raise self._told(error) from error
            finally:
                if not done.done():
                    self._duck.interrupt()
                    wait([done], _GRACE_S)

    @contextmanager
    def _within_memory(self) -> Iterator[None]:
        taken = getattr(psutil.Process().memory_info(), "data", None)
        if not self._limits.whole_process or taken is None:
            yield
            return
        before = resource.getrlimit(resource.RLIMIT_DATA)
        most = taken + self._limits.memory_bytes + _SPARE_BYTES
        if before[1] != resource.RLIM_INFINITY:
            most = min(most, before[1])
        resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)

    def _too_long(self) -> LongtakeError:
        return LongtakeError(f"the query took longer than {self._limits.timeout_s:g} s; ask for less, or allow it more")

    def _told(self, error: Exception) -> LongtakeError:
        """DuckDB's errors name their kind first; what comes through Arrow is told apart by that alone."""
        kind, _, rest = str(error).partition(": ")
        if "INTERRUPT" in kind:
            return self._too_long()
        if "Out of Memory" in kind or isinstance(error, MemoryError) or "bad_alloc" in str(error):
            return LongtakeError(f"the query needs more memory than {self._allowed()}; ask for less, or allow it more")
        if isinstance(error, duckdb.InternalError):
            return LongtakeError(f"DuckDB failed ({error})")
        return UsageError(" ".join(rest.partition("\n\nLINE ")[0].split()) or str(error))


def _settle(done: Future[Answer], work: Callable[[], Answer]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 — whoever waits is told
        done.set_exception(error)
