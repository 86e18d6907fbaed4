"""The film everybody watches: 640×480, 25 frames a second, H.264, made once from the synthetic scene and kept."""

import hashlib
import os
import tempfile
from pathlib import Path

import av
import platformdirs

from bench.task import FPS
from pipeline.synthetic import SceneSpec, write_video

SEED, SIZE, PEOPLE = 7, (640, 480), 2
WARM_S = 12


def cache() -> Path:
    """Where films are kept: `LONGTAKE_BENCH_CACHE`, else the user's cache folder."""
    given = os.environ.get("LONGTAKE_BENCH_CACHE")
    folder = Path(given) if given else Path(platformdirs.user_cache_dir("longtake", appauthor=False)) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make(seconds: int) -> Path:
    """Film `seconds` of the scene, or take the film that is there.

    Raises:
        ValueError: `seconds` is no multiple of 4: the last clip must end with the film, rivals do not pad.
    """
    if seconds < 4 or seconds % 4:
        raise ValueError(f"a film's seconds must be a multiple of 4 (its clips then end with it), got {seconds}")
    path = cache() / f"scene-{SEED}-{seconds}s.mp4"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            half = Path(folder) / path.name
            write_video(half, SceneSpec(seed=SEED, duration_s=float(seconds), people=PEOPLE), FPS, SIZE)
            half.rename(path)
    return path


def looped(film: Path, times: int) -> Path:
    """The film `times` times in a row as one file, packets copied as they are."""
    path = film.with_name(f"{film.stem}-x{times}.mp4")
    if not path.exists():
        half = path.with_suffix(".part")
        with av.open(str(half), "w", format="mp4") as out:
            _copy(film, times, out)
        half.rename(path)
    return path


def _copy(film: Path, times: int, out: av.container.OutputContainer) -> None:
    for number in range(times):
        with av.open(str(film)) as container:
            video = container.streams.video[0]
            if number == 0:
                stream = out.add_stream_from_template(video)
            for packet in container.demux(video):
                if packet.pts is None or packet.dts is None or not video.duration:
                    continue
                packet.pts += number * video.duration
                packet.dts += number * video.duration
                packet.stream = stream
                out.mux(packet)


def frame_count(film: Path) -> int:
    """Frames as the container counts them."""
    with av.open(str(film)) as container:
        return container.streams.video[0].frames


def fingerprint(film: Path) -> str:
    """First 16 hex digits of the file's SHA-256."""
    return hashlib.sha256(film.read_bytes()).hexdigest()[:16]
