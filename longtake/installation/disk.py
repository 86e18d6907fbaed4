"""Is there room for data, and for the clips that processes share?"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from longtake.installation.finding import Finding, broken, doubtful, fine
from longtake.wording import size

SHARED_MEMORY = Path("/dev/shm")
_TRIED = 2**20
_LITTLE, _FEW = 2 * 2**30, 256 * 2**20


@dataclass(frozen=True, slots=True)
class Room:
    """A folder's file system.

    Attributes:
        refused: why nothing could be written there; empty where it could.
    """

    path: str
    free_bytes: int
    total_bytes: int
    refused: str = ""


def look(home: Path) -> list[Finding]:
    """Judge the data folder."""
    return [data(room(home))]


def look_shared(wanted_bytes: int) -> list[Finding]:
    """Judge the shared memory; raises nothing."""
    return [shared(room(SHARED_MEMORY), wanted_bytes)]


def room(folder: Path) -> Room:
    """Measure a folder, or the nearest one above it that exists, and try to write a megabyte there."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    usage = shutil.disk_usage(there)
    refused = ""
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(os.urandom(_TRIED))  # no file system saves space on this
            file.flush()
    except OSError as error:
        refused = error.strerror or str(error)
    return Room(str(folder), usage.free, usage.total, refused)


def data(room: Room) -> Finding:
    """Timelines and logs can be written."""
    found = f"{size(room.free_bytes)} of {size(room.total_bytes)} free at {room.path}"
    elsewhere = "free some, or name a folder on another disk: LONGTAKE_HOME"
    if room.refused:
        allowed = "let this user write there, or name another folder: LONGTAKE_HOME"
        return broken("disk", f"{found}; nothing can be written: {room.refused}", elsewhere if _full(room) else allowed)
    if room.free_bytes < _FEW:
        return broken("disk", found, elsewhere)
    return doubtful("disk", found, elsewhere) if room.free_bytes < _LITTLE else fine("disk", found)


def shared(room: Room, wanted_bytes: int) -> Finding:
    """Ray's store of clips has its place in memory.

    Args:
        wanted_bytes: `ray.object_store_bytes`.
    """
    found = f"{size(room.free_bytes)} of {size(room.total_bytes)} free at {room.path}, clips want {size(wanted_bytes)}"
    if room.refused or room.free_bytes < wanted_bytes:
        advice = "clips would go over the disk: give the container more (--shm-size 1g, shm_size: 1g), or lower "
        return doubtful("shared memory", found, f"{advice}ray.object_store_bytes")
    return fine("shared memory", found)


def _full(room: Room) -> bool:
    return room.free_bytes < _TRIED
