"""One video through the whole reader, here or apart: what came of it, with a limit in seconds."""

import hashlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.clock import SystemClock
from pipeline.errors import SourceError
from pipeline.hooks import Hooks
from pipeline.reader import Reader, ReadSettings
from pipeline.source import SourceSettings
from pipeline.values import Checkpoint, Clip, ClipSpec

SPEC = ClipSpec(frames=4, height=32, width=32, fps=5.0, stride=4)
BEGINNING = Checkpoint(
    "film", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "none", "none", "film"
)
LIMIT_S = 60.0  # of a whole video; what lasts longer is told to stop
SILENCE_S = 50.0
MEMORY_BYTES = 2**29
MAX_PIXELS = 2**24


@dataclass(frozen=True)
class Outcome:
    """What came of a video.

    Attributes:
        ending: `decoded`, `stopped` at the limit, the name of one of our errors, or `BUG …` for anything else.
        sentence: of the error.
        digest: of all clips and gaps.
    """

    ending: str
    sentence: str
    frames: int
    items: int
    digest: str
    took_s: float


def settings(isolated: bool) -> SourceSettings:
    """Tighter than the defaults, so that limits are met."""
    return SourceSettings(isolated=isolated, silence_s=SILENCE_S, memory_bytes=MEMORY_BYTES, max_pixels=MAX_PIXELS)


def read(path: Path, isolated: bool) -> Outcome:
    """Read a video as a stream's thread does."""
    stop, begun_s = threading.Event(), time.monotonic()
    alarm = threading.Timer(LIMIT_S, stop.set)
    alarm.start()
    reader = Reader("film", str(path), SPEC, ReadSettings(settings(isolated)), Hooks(), SystemClock())
    digest, items = hashlib.blake2b(digest_size=8), 0
    ending, sentence = "decoded", ""
    try:
        for item in reader.read(BEGINNING, stop):
            items += 1
            digest.update(repr(item).encode())
            digest.update(item.frames if isinstance(item, Clip) else b"")
    except SourceError as error:
        ending, sentence = type(error).__name__, str(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        ending, sentence = f"BUG {type(error).__name__}", str(error)
    finally:
        alarm.cancel()
    ending = "stopped" if stop.is_set() and ending == "decoded" else ending
    took_s = time.monotonic() - begun_s
    return Outcome(ending, sentence, reader.stats.frames_decoded, items, digest.hexdigest(), round(took_s, 3))
