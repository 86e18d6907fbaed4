"""Is every row of the ladder served as it computes? `longtake run --engine ray` against the network itself.

A micro model with random weights is run over a short film by the command. The same clips go straight through the
network, in the dtype of the numerics profile, one at a time, without worker, batch or Ray. Scores are stored as
uint8; told is how many of them are equal, and how far the others are apart.

    python -m bench.served_rows [--models c3d-micro,…] [-o docs/results]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.cutting import cutter_of
from pipeline.models.build import build, load_model, probabilities, save_model
from pipeline.models.ladder import MICRO, architectures
from pipeline.models.profile import detect_numerics
from pipeline.synthetic import frames, parse_uri
from pipeline.timeline.store import TimelineStore
from pipeline.training.record import commit
from pipeline.values import Clip, ClipSpec

FILM = "synthetic://seed=3&duration=6&fps=10&size=160x120"


def served(model: Path, home: Path) -> NDArray[np.float32]:
    """N×C scores of the film, as the command stored them."""
    command = [
        sys.executable,
        "-m",
        "longtake",
        "run",
        FILM,
        "--name",
        "film",
        "--engine",
        "ray",
        "--model",
        str(model),
    ]
    subprocess.run(command, env=os.environ | {"LONGTAKE_HOME": str(home)}, check=True, capture_output=True)
    with TimelineStore.open(None, home) as store:
        return np.stack([scores.probs for scores in store.scores("film")])


@torch.inference_mode()
def direct(directory: Path) -> NDArray[np.float32]:
    """N×C probabilities of the film's clips, straight from the network."""
    model, dtype = load_model(directory), getattr(torch, detect_numerics().dtype)
    model.encoder.fold()
    encoder, state, answered_s, found = model.encoder.to(dtype), model.temporal.initial_state(1), 0.0, []
    mean, std = (torch.tensor(one) for one in (model.card.mean, model.card.std))
    for clip in clips(model.card.clip):
        pixels = ((torch.from_numpy(clip.frames) / 255 - mean) / std).permute(0, 3, 1, 2)[None]
        gap_s = torch.tensor([clip.start_s - answered_s])
        motion = [] if clip.motion is None else [torch.from_numpy(clip.motion)[None].to(dtype)]
        features = encoder(pixels.to(dtype), *motion).float()
        logits, state = model.temporal.step(features, gap_s, state)
        found.append(probabilities(logits, model.card.label_sets)[0].numpy())
        answered_s = clip.end_s
    return np.stack(found)


def clips(spec: ClipSpec) -> Iterator[Clip]:
    scene, fps, _ = parse_uri(FILM)
    cutter = cutter_of("film", spec)
    items = [item for frame in frames(scene, fps) for item in cutter.push(frame)] + cutter.finish()
    return (item for item in items if isinstance(item, Clip))


def compared(name: str) -> dict[str, float]:
    """How the scores of a row's micro model agree."""
    with tempfile.TemporaryDirectory() as folder:
        directory, home = Path(folder) / "model", Path(folder) / "home"
        torch.manual_seed(0)
        save_model(directory, build(architectures()[name][1].card(name)))
        stored, wanted = served(directory, home), np.round(direct(directory) * 255)
    apart = np.abs(np.round(stored * 255) - wanted)
    return {"scores": apart.size, "equal": float((apart == 0).mean()), "farthest": float(apart.max() / 255)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(name for name in architectures() if name.endswith(MICRO)))
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    found = {}
    for name in arguments.models.split(","):
        found[name] = compared(name)
        print(name, found[name], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    document = {"film": FILM, "numerics": json.loads(detect_numerics().to_json()), "commit": commit(), "rows": found}
    (arguments.out / "served_rows.json").write_text(json.dumps(document, indent=2) + "\n")
    return max(one["farthest"] for one in found.values()) > 1 / 255


if __name__ == "__main__":
    raise SystemExit(main())
