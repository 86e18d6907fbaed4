"""A backup: one ZIP file with a copy of each stream, and a list of them that says what they must be.

`manifest.json` is written last; `streams/NAME.msgpack` is a `StreamCopy`. One stream is in memory at a time.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError, StoreVersion
from pipeline.timeline import codec
from pipeline.timeline.copies import StreamCopy, pack, unpack
from pipeline.timeline.keys import SCHEMA_VERSION

_READABLE = {"format": (1,), "schema": (SCHEMA_VERSION,), "values": tuple(range(codec.OLDEST, codec.VERSION + 1))}
"""Versions of what a backup holds; the last of each is written."""
_MANIFEST = "manifest.json"
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, NotImplementedError, OSError)


class BackupError(StoreError):
    """A backup cannot be written, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stream in a backup: its name, and length and SHA-256 of its packed copy."""

    stream: str
    size_bytes: int
    sha256: str


def write(path: Path, copies: Iterable[StreamCopy], written_by: str) -> tuple[Kept, ...]:
    """Write a backup, whole or not at all; only the user may read it, for URIs of cameras may hold passwords.

    Raises:
        BackupError: there is no room, or no such folder. What was there before stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                kept = tuple(_written(archive, copied) for copied in copies)
                archive.writestr(_MANIFEST, json.dumps(_manifest(kept, written_by), indent=2))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return kept


class Backup:
    """A backup that is there; a context manager.

    Attributes:
        kept: its streams.

    Raises:
        BackupError: it is missing, no backup, or broken off.
        StoreVersion: another longtake wrote it, in a way that this one does not read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._whole("its end or its list of streams is missing"):
            self._archive = zipfile.ZipFile(path)
            manifest = json.loads(self._archive.read(_MANIFEST))
            self._check(manifest)
            self.kept = tuple(Kept(**one) for one in manifest["streams"])

    def __enter__(self) -> "Backup":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def check(self) -> None:
        """Read all of it once.

        Raises:
            BackupError: naming the first stream that is damaged.
        """
        for _ in self.copies():
            pass

    def copies(self) -> Iterator[StreamCopy]:
        """Yield the copies, one at a time; raises as `check`."""
        for kept in self.kept:
            with self._whole(f"stream {kept.stream!r} in it is missing or damaged"):
                data = self._read(kept)
                copied = unpack(data)
                if copied.stream != kept.stream:
                    raise ValueError("it is a copy of another stream")
            yield copied

    def _read(self, kept: Kept) -> bytes:
        """Read no more than the list of streams says: what is packed may be endless."""
        with self._archive.open(_entry(kept.stream)) as entry:
            data = entry.read(kept.size_bytes + 1)
        if len(data) != kept.size_bytes or hashlib.sha256(data).hexdigest() != kept.sha256:
            raise ValueError("it is not what was written")
        return data

    def _check(self, manifest: Any) -> None:
        for name, versions in _READABLE.items():
            if manifest[name] not in versions:
                raise StoreVersion(
                    f"{self._path} was written by longtake {manifest['longtake']} with {name} {manifest[name]}, "
                    f"this one reads {name} {' or '.join(map(str, versions))}; restore it with that longtake"
                )

    @contextmanager
    def _whole(self, complaint: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise BackupError(f"there is no backup {self._path}") from error
        except _DAMAGE as error:
            raise BackupError(f"{self._path} cannot be restored: {complaint} ({error}); take another backup") from error


def _manifest(kept: tuple[Kept, ...], written_by: str) -> dict[str, Any]:
    versions = {name: versions[-1] for name, versions in _READABLE.items()}
    return {"longtake": written_by, **versions, "streams": [asdict(one) for one in kept]}


def _written(archive: zipfile.ZipFile, copied: StreamCopy) -> Kept:
    data = pack(copied)
    archive.writestr(_entry(copied.stream), data)
    return Kept(copied.stream, len(data), hashlib.sha256(data).hexdigest())


def _entry(stream: str) -> str:
    return f"streams/{stream}.msgpack"
