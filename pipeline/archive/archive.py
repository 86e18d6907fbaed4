"""Timelines of the past in Parquet files, below one folder of any file system that pyarrow knows."""

import math
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs

from pipeline.archive import layout
from pipeline.archive.errors import ArchiveError, FileMissing
from pipeline.archive.schema import decode, encode
from pipeline.errors import UsageError, redact
from pipeline.values import Gap, Segment, Timeline


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One file of the archive.

    Attributes:
        path: relative to the archive.
        end_s: it holds nothing that reaches into a range which begins here or later.
    """

    path: str
    end_s: float


class Archive:
    """The archive at a folder or a URL (`file:///…`, `s3://…`, `gs://…`, …); keeps nothing open.

    Files are never changed: each is named after its bytes, so writing the same content twice gives one file, and bytes
    that do not fit their name are damaged. Which files count is not known here: the store lists them.

    Args:
        url: a folder, or a URL of a file system of pyarrow.
        told: called with the name of each step of a write before it is done; for tests.

    Raises:
        UsageError: `url` is neither.
    """

    def __init__(self, url: str, told: Callable[[str], None] = lambda _: None) -> None:
        files, base = _file_system(url)
        self.url = redact(url) if "://" in url else f"file://{base}"
        self._local = Path(base) if files.type_name == "local" else None
        self._files: Any = pyarrow.fs.SubTreeFileSystem(base, files)
        self._told = told

    def write(
        self, stream: str, segments: Iterable[Segment], gaps: Iterable[Gap], until_s: float
    ) -> tuple[ArchivedFile, ...]:
        """Write closed segments and final gaps, one file for each date they start on.

        A file appears whole or not at all, and is on the disk when this returns.

        Args:
            stream: whose they are.
            segments, gaps: what to write.
            until_s: the mark of the move; see `schema.encode`.

        Raises:
            ArchiveError: the archive cannot be written; what was written of it is seen by nobody.
        """
        items: list[Segment | Gap] = sorted([*segments, *gaps], key=lambda one: one.start)
        written = []
        for day, group in groupby(items, lambda one: layout.day_of(one.start)):
            part = list(group)
            data = encode(
                stream,
                [one for one in part if isinstance(one, Segment)],
                [one for one in part if isinstance(one, Gap)],
                until_s,
            )
            path = layout.path_of(stream, day, data)
            self._put(path, data)
            written.append(ArchivedFile(path, max(_reach(one) for one in part)))
        return tuple(written)

    def timeline(
        self,
        stream: str,
        since: float | None = None,
        until: float | None = None,
        label: str | None = None,
        min_score: float | None = None,
        files: Sequence[str] | None = None,
    ) -> Timeline:
        """Return what overlaps [`since`, `until`) in some files of a stream, each segment and gap once.

        Files of dates after `until` are not opened.

        Args:
            stream: its name; one that was never archived has an empty timeline.
            since, until: timeline seconds; endless where None.
            label, min_score: leave out other segments.
            files: the paths that count, as the store lists them. None takes every file there is: for an archive whose
                store is lost. It may then hold files of moves that were never finished.

        Raises:
            FileMissing: one of `files` is not there.
            ArchiveError: a file is damaged, or of another version.
        """
        paths = self._paths(stream) if files is None else files
        segments: dict[str, Segment] = {}
        gaps: dict[Gap, None] = {}
        for path in paths:
            if until is None or layout.begins_s(path) < until:
                found, lost = self._read(stream, path)
                segments |= {one.id: one for one in found if _overlaps(one, since, until)}
                gaps |= {one: None for one in lost if _overlaps(one, since, until)}
        wanted = [
            one
            for one in segments.values()
            if label in (None, one.label) and (min_score is None or one.score >= min_score)
        ]
        ordered = sorted(wanted, key=lambda one: (one.start, one.label, one.id))
        shown: list[Segment | Gap] = [*ordered, *gaps]
        return Timeline(
            stream=stream,
            model=ordered[-1].model if ordered else "",
            duration=max(map(_end, shown)) - min(one.start for one in shown) if shown else 0.0,
            segments=tuple(ordered),
            gaps=tuple(sorted(gaps, key=lambda gap: gap.start)),
        )

    def gaps(self, stream: str, files: Sequence[str]) -> list[Gap]:
        """Return the gaps in some files of a stream; their segments are not read.

        Raises:
            FileMissing: one of `files` is not there.
            ArchiveError: a file is damaged, or of another version.
        """
        return [gap for path in files for gap in self._read(stream, path, with_segments=False)[1]]

    def fragment(self, path: str, holds: Any) -> Any:
        """Return a file as a fragment of a pyarrow data set, opened when it is read and not compared with its name.

        Args:
            path: relative to the archive.
            holds: an expression, true of each of its rows, by which the file is passed over where it is not asked.
        """
        return pyarrow.dataset.ParquetFileFormat().make_fragment(path, self._files, holds)

    def streams(self) -> tuple[str, ...]:
        """Return the streams that have a folder, by name."""
        with self._errors("listed"):
            selector = pyarrow.fs.FileSelector("", allow_not_found=True)
            names = (layout.stream_of(info.path) for info in self._files.get_file_info(selector))
        return tuple(sorted(name for name in names if name is not None))

    def holds(self, path: str) -> bool:
        """Tell whether there is a file at `path`, relative to the archive."""
        with self._errors("asked for a file"):
            return bool(self._files.get_file_info(path).is_file)

    def require(self, path: str) -> None:
        """Raise `FileMissing` if there is no file at `path`, relative to the archive."""
        if not self.holds(path):
            raise self._missing(path)

    def remove(self, stream: str) -> None:
        """Delete everything of a stream; nothing happens where there is nothing."""
        with self._errors("cleared of a stream"):
            folder = layout.folder_of(stream)
            if self._files.get_file_info(folder).type == pyarrow.fs.FileType.Directory:
                self._files.delete_dir(folder)

    def _put(self, path: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        part = f"{folder}/.{name}.{secrets.token_hex(4)}"  # readers of data sets pass over names with a dot
        with self._errors("written"):
            self._told("put")
            self._files.create_dir(folder, recursive=True)
            with self._files.open_output_stream(part) as sink:
                sink.write(data)
            self._sync(part)
            self._told("publish")
            self._files.move(part, path)
            self._sync(folder)

    def _sync(self, path: str) -> None:
        """The store forgets what the archive has: on a disk it must have reached the disk before."""
        if self._local is not None:
            descriptor = os.open(self._local / path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _paths(self, stream: str) -> list[str]:
        with self._errors("listed"):
            selector = pyarrow.fs.FileSelector(layout.folder_of(stream), recursive=True, allow_not_found=True)
            infos = [info for info in self._files.get_file_info(selector) if info.is_file]
        return sorted(
            info.path for info in infos if info.base_name.endswith(layout.SUFFIX) and info.base_name[0] != "."
        )

    def _read(self, stream: str, path: str, with_segments: bool = True) -> tuple[list[Segment], list[Gap]]:
        where = f"{path} in {self.url}"
        with self._errors("read"):
            try:
                with self._files.open_input_stream(path) as source:
                    data: bytes = source.read()
            except FileNotFoundError:
                raise self._missing(path) from None
        if not layout.is_named_after(path, data):
            raise ArchiveError(f"the archived file {where} is damaged: its bytes are not those it was written with")
        return decode(data, stream, where, with_segments)

    def _missing(self, path: str) -> FileMissing:
        place = "restore it, or set LONGTAKE_ARCHIVE to where the archive is now"
        return FileMissing(f"the archived file {path} is not in {self.url}; {place}", path)

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise ArchiveError(f"the archive at {self.url} cannot be {done}: {redact(str(error))}") from error


def _file_system(url: str) -> tuple[Any, str]:
    if "://" not in url:
        if not url:
            raise UsageError("an archive is named by a folder or a URL, got nothing")
        return pyarrow.fs.LocalFileSystem(), str(Path(url).expanduser().absolute())
    try:
        files, base = pyarrow.fs.FileSystem.from_uri(url)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{url!r} names no archive; give a folder or file://, s3://, gs://…: {error}") from error
    return files, str(base)


def _end(one: Segment | Gap) -> float:
    assert one.end is not None, "only closed segments are archived"
    return one.end


def _reach(one: Segment | Gap) -> float:
    """The first second at which nothing of it is left; what has no length still shows where it starts."""
    return max(_end(one), math.nextafter(one.start, math.inf))


def _overlaps(one: Segment | Gap, since: float | None, until: float | None) -> bool:
    """The same question as `reads.Span.overlaps`: what has no length belongs to the range it lies in."""
    begins_before = until is None or one.start < until
    return begins_before and (since is None or _end(one) > since or one.start >= since)
