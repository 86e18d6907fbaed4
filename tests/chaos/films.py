"""The fleet's films: long enough, each its own, quick to make."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import av

from pipeline.synthetic import SceneSpec, write_video

SCENE_S, SCENES, SIZE, FPS = 60, 6, (320, 240), 15


def scenes(folder: Path, size: tuple[int, int] = SIZE, count: int = SCENES) -> list[Path]:
    """Film some scenes, or take those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"scene-{number}-{size[0]}x{size[1]}.mp4" for number in range(count)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.exists()]
    with ProcessPoolExecutor(2) as processes:
        list(processes.map(_film, *zip(*[(n, p, size) for n, p in missing], strict=True)) if missing else ())
    return paths


def _film(number: int, path: Path, size: tuple[int, int]) -> None:
    half = path.with_suffix(".part.mp4")
    spec = SceneSpec(300 + number, float(SCENE_S), people=1 + number % 2)
    write_video(half, spec, FPS, size)
    half.rename(path)


def spliced(parts: list[Path], seconds: float, path: Path) -> Path:
    """Join whole films until `seconds` are filled; packets are copied as they are."""
    if path.exists():
        return path
    half = path.with_suffix(".part.mp4")
    with av.open(str(half), "w", format="mp4") as out:
        stream, at, number = None, 0, 0
        while stream is None or at * float(stream.time_base) < seconds:
            with av.open(str(parts[number % len(parts)])) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in container.demux(video):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + at, packet.dts + at, stream
                    out.mux(packet)
                at += video.duration or 0
            number += 1
    half.rename(path)
    return path
