"""Films what the cameras show, four scenes of a minute: film.py FOLDER. Runs while the image is built."""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pipeline.synthetic import SceneSpec, write_video

SCENES = {
    "1": SceneSpec(21, 60.0, people=1),
    "2": SceneSpec(22, 60.0, people=2),
    "3": SceneSpec(23, 60.0, people=1),
    "4": SceneSpec(24, 60.0, people=2),
}


def main(folder: str) -> None:
    """Write FOLDER/NAME.mp4, and beside it what happens in it."""
    paths = [Path(folder) / f"{name}.mp4" for name in SCENES]
    with ProcessPoolExecutor() as processes:
        list(processes.map(write_video, paths, SCENES.values()))


if __name__ == "__main__":
    main(sys.argv[1])
