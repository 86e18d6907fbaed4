"""A YAML file with the lines its keys stand on, so that whoever wrote a mistake can find it."""

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeAlias

import yaml

from pipeline.errors import UsageError

Path: TypeAlias = tuple[str | int, ...]


class Document:
    """What the file says, and where.

    Attributes:
        content: as `yaml.safe_load` gives it; {} for an empty file.

    Raises:
        UsageError: the file cannot be read or is not YAML.
    """

    def __init__(self, file: FilePath) -> None:
        try:
            text = file.read_text(encoding="utf-8")
            self.content: Any = yaml.safe_load(text) or {}
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        except OSError as error:
            raise UsageError(f"the config file {file} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise UsageError(f"the config file {file} cannot be read: it is not UTF-8 text") from None
        except yaml.MarkedYAMLError as error:
            line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
            raise UsageError(f"the config file {file} is not YAML:\n  {line}{error.problem}") from None
        except yaml.YAMLError as error:
            raise UsageError(f"the config file {file} is not YAML: {error}") from None

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line, from 1, of the key at `path`, or of the last key on the way that is there."""
        node, line = self._root, 1
        for part in path:
            found = next(((key, value) for key, value in _entries(node) if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line

    def repeated(self) -> list[tuple[int, str]]:
        """Return (line, sentence) of every key that stands twice in one mapping: YAML would take the last silently."""
        return list(_repeated(self._root, ()))


def _entries(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield yaml.ScalarNode("", str(number), value.start_mark), value


def _repeated(node: Any, path: Path) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for key, value in _entries(node):
        here, line = (*path, str(key.value)), key.start_mark.line + 1
        if key.value in seen:
            yield line, f"{'.'.join(map(str, here))!r} is there twice, first on line {seen[key.value]}"
        seen.setdefault(key.value, line)
        yield from _repeated(value, here)
