"""Where to put attention in a 3D CNN, and whether inflation pays; at equal budgets, on synthetic scenes.

Attention: a non-local block after the first, the second or the third stage of the small slow-fusion net, or nowhere.
Inflation: the small I3D from fresh weights, or inflated from a 2D ResNet that was trained on single frames of the same
scenes before; that 2D net, whose answer is the mean over frames, stands beside them.

    python -m bench.attention_and_inflation [--data …] [--clips-seen 8000] [--seed 0] [-o docs/results]
"""

import argparse
from dataclasses import replace
from pathlib import Path

from pipeline.models.card import Part
from pipeline.models.ladder import Blueprint, architectures
from pipeline.training.compare import Comparison, Contestant, compare
from pipeline.training.run import Run

DATA = "synthetic://seeds=20000-20119,10000-10015,0-39&duration=40"
SLOW, I3D = (architectures()[name][1] for name in ("slow-fusion-micro", "i3d-micro"))


def with_encoder(blueprint: Blueprint, **parameters: object) -> Blueprint:
    encoder = blueprint.encoder
    return replace(blueprint, encoder=Part(encoder.name, {**encoder.parameters, **parameters}))


def attention() -> tuple[Contestant, ...]:
    places = {"nowhere": [], "early": [1], "in the middle": [2], "late": [3]}
    return tuple(
        Contestant(f"attention {where}", "slow fusion", with_encoder(SLOW, attention_after=after))
        for where, after in places.items()
    )


FLAT = Contestant("2D ResNet", "2D CNN", with_encoder(I3D, kernel_t=1, temporal_strides=[1, 1, 1, 1, 1]))


def inflation(flat: Path) -> tuple[Contestant, ...]:
    return (
        Contestant("I3D, fresh", "inflated 2D CNN", I3D),
        Contestant("I3D, inflated", "inflated 2D CNN", I3D, str(flat)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--clips-seen", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    work = arguments.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    run = Run(arguments.seed, work, work, arguments.threads, print)
    compare(Comparison((FLAT,), arguments.data, arguments.clips_seen), work / "flat", run)
    for name, contestants in (("attention", attention()), ("inflation", inflation(work / FLAT.name))):
        compare(Comparison(contestants, arguments.data, arguments.clips_seen), arguments.out / name, run)


if __name__ == "__main__":
    main()
