"""How long an image takes after a change of the code."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.chaos.parts import ROOT
from tests.e2e.world import World


def seconds(world: World) -> float:
    """Build `decode` from a copy of the tree in which one line has changed."""
    copy = _copied(world.folder / "changed")
    with (copy / "longtake" / "__init__.py").open("a") as file:
        file.write("# changed\n")
    began_s = time.monotonic()
    engine = world.project.engine
    command = [engine.name, "build", *engine.build.split(), "-q", "-f", "deploy/Dockerfile", "--target", "decode", "."]
    subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return round(time.monotonic() - began_s, 1)


def _copied(folder: Path) -> Path:
    """What reaches the builder, and no more."""
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source, target = ROOT / line[1:], folder / line[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)
    for name in (".dockerignore", "deploy/Dockerfile"):
        shutil.copy2(ROOT / name, folder / name)
    return folder
