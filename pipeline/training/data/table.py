"""The examples that a folder, a CSV file or synthetic scenes hold."""

import csv
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from pipeline.errors import UsageError
from pipeline.source.names import EXTENSIONS, scheme_of
from pipeline.training.data.examples import SPLITS, Example, Table
from pipeline.training.data.scenes import scene_examples

_CLIPS, _SEGMENTS = ("file", "label"), ("video", "start_s", "end_s", "label")
_TAGS = ("group", "person", "scene", "source", "split")
_OPTIONS = "group merge overlap_s"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _Options:
    """What a data name says after its question mark."""

    group: str = "group"
    merge: Mapping[str, str] | None = None
    overlap_s: float = 0.0


def read_table(data: str) -> Table:
    """Read the examples that `data` names.

    Args:
        data: a folder with one folder of videos per label; or a CSV of clips (`file,label[,group]`) or of segments
            (`video,start_s,end_s,label[,group]`), whose files lie beside it. After a `?` may stand `group=COLUMN` (by
            which it is divided, say `video`), `merge=old:new,…` (labels that become one) and `overlap_s=0.2` (how far
            segments of one video may overlap). Or synthetic scenes, see `scene_examples`.

    Raises:
        UsageError: with everything that is wrong, each with its line: missing files, columns that are missing or
            unknown, segments that overlap or end before they begin, a label without videos, fewer than two labels.
    """
    examples = scene_examples(data) if scheme_of(data) == "synthetic" else _files(data)
    labels = tuple(sorted({example.label for example in examples}))
    if len(labels) < 2:
        raise UsageError(f"{data} has one label only ({', '.join(labels)}): there is nothing to tell apart")
    return Table(tuple(examples), labels)


def _files(data: str) -> list[Example]:
    name, _, query = data.partition("?")
    options, path = _options(query), Path(name)
    if path.is_dir():
        examples = _folders(path)
    elif path.suffix.lower() == ".csv" and path.is_file():
        examples = _rows(path, options)
    else:
        raise UsageError(f"no data at {name}: want a folder with a folder of videos per label, or a CSV file")
    return [replace(one, label=(options.merge or {}).get(one.label, one.label)) for one in examples]


def _options(query: str) -> _Options:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(given) - set(_OPTIONS.split())):
        raise UsageError(f"unknown option {unknown[0]!r} of the data; allowed are {', '.join(_OPTIONS.split())}")
    try:
        overlap_s = float(given.get("overlap_s", 0.0))
        merge = dict(_pair(entry) for entry in given.get("merge", "").split(",") if entry)
    except ValueError as error:
        raise UsageError(f"options of the data are written ?group=scene&merge=old:new&overlap_s=0.2; {error}") from None
    return _Options(given.get("group", "group"), merge, overlap_s)


def _pair(entry: str) -> tuple[str, str]:
    old, colon, new = entry.partition(":")
    if not (old and colon and new):
        raise ValueError(f"{entry!r} is no old:new")
    return old, new


def _folders(path: Path) -> list[Example]:
    """A folder per label; every video is a group of its own."""
    examples, problems = [], []
    for folder in sorted(one for one in path.iterdir() if one.is_dir()):
        videos = sorted(one for one in folder.iterdir() if one.suffix.lower() in EXTENSIONS)
        if not videos:
            problems.append(f"folder {folder.name!r} has no videos")
        examples += [Example(str(video), folder.name, f"{folder.name}/{video.name}") for video in videos]
    if not examples:
        problems.append("there is no folder with videos in it")
    _refuse(path, problems)
    return examples


def _rows(path: Path, options: _Options) -> list[Example]:
    """The rows of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns, rows = list(reader.fieldnames or ()), [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}") from None
    kind = _SEGMENTS if "video" in columns else _CLIPS
    problems = _columns(columns, kind, options)
    _refuse(path, problems)
    parse = _segment if kind == _SEGMENTS else _clip
    found = [_parsed(line, row, parse, path.parent, options, problems) for line, row in rows]
    examples = [(line, example) for line, example in found if example is not None]
    problems += _overlaps(examples, options.overlap_s)
    if not rows:
        problems.append("it has no rows")
    _refuse(path, problems)
    return [example for _, example in examples]


def _columns(columns: list[str], kind: tuple[str, ...], options: _Options) -> list[str]:
    problems = [f"column {name!r} is missing; {_wanted()}" for name in kind if name not in columns]
    problems += [f"unknown column {name!r}; {_wanted()}" for name in columns if name not in (*kind, *_TAGS)]
    if options.group != "group" and options.group not in columns:
        problems.append(f"there is no column {options.group!r} to divide by")
    return problems


def _wanted() -> str:
    return f"want {','.join(_CLIPS)} or {','.join(_SEGMENTS)}, and of {','.join(_TAGS)} what there is"


Parse = Callable[[Mapping[str, str], Path], Example]


def _parsed(
    line: int, row: Mapping[str, str], parse: Parse, folder: Path, options: _Options, problems: list[str]
) -> tuple[int, Example | None]:
    try:
        example = parse(row, folder)
        group = row.get(options.group) or str(Path(example.video).relative_to(folder))
        return line, replace(example, group=group, split=next((one for one in SPLITS if one == row.get("split")), None))
    except ValueError as error:
        problems.append(f"line {line}: {error}")
        return line, None


def _clip(row: Mapping[str, str], folder: Path) -> Example:
    return Example(_video(row, "file", folder), _label(row), "")


def _segment(row: Mapping[str, str], folder: Path) -> Example:
    video, start_s, end_s = _video(row, "video", folder), _seconds(row, "start_s"), _seconds(row, "end_s")
    if end_s <= start_s:
        raise ValueError(f"the segment ends at {end_s:g} s, not after its start at {start_s:g} s")
    return Example(video, _label(row), "", start_s, end_s)


def _video(row: Mapping[str, str], column: str, folder: Path) -> str:
    if not row.get(column):
        raise ValueError(f"{column} is empty")
    video = folder / row[column]
    if not video.is_file():
        raise ValueError(f"no file {row[column]}")
    return str(video)


def _label(row: Mapping[str, str]) -> str:
    if not row.get("label"):
        raise ValueError("label is empty")
    return row["label"]


def _seconds(row: Mapping[str, str], column: str) -> float:
    try:
        seconds = float(row.get(column) or "")
    except ValueError:
        raise ValueError(f"{column} is no number: {row.get(column)!r}") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{column} must be 0 or more seconds, got {seconds:g}")
    return seconds


def _overlaps(examples: Iterable[tuple[int, Example]], allowed_s: float) -> list[str]:
    """Segments of one video that overlap: which of both holds cannot be told."""
    videos: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    for line, example in examples:
        if example.start_s is not None and example.end_s is not None:
            videos[example.video].append((example.start_s, example.end_s, line))
    problems = []
    for segments in videos.values():
        segments.sort()
        for (_, end_s, before), (start_s, _, line) in itertools.pairwise(segments):
            if end_s - start_s > allowed_s + 1e-9:
                problems.append(f"line {line}: overlaps line {before} by {end_s - start_s:.2f} s; see overlap_s")
    return problems


def _refuse(path: Path, problems: list[str]) -> None:
    """Say what is wrong, if anything is.

    Raises:
        UsageError: with the first problems, and how many more there are.
    """
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UsageError(f"{path}: {'; '.join(problems[:_SHOWN])}{more}")
