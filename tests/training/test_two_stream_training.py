"""Two streams learn from examples: each what it can see, both together more than either."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.evaluation.clips import clip_figures, evaluate_examples, predict
from pipeline.models.build import StreamModel, build, load_model, save_model
from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.models.ladder import Blueprint
from pipeline.models.temporal.stream_fusion import FUSIONS, NEVER, StreamFusion, svm_features
from pipeline.models.worker import ModelWorker
from pipeline.training.classifier import Classifier, RecordedClips, Taught, _loss, window
from pipeline.training.data.pictures import Pictures, pictures
from pipeline.training.data.table import read_table
from pipeline.training.fusion import fit_svm
from pipeline.training.run import Run
from pipeline.training.train_classifier import STAGE, Wanted, train_on_examples
from pipeline.values import ClipSpec, FramesWithMotion, MotionSpec, UInt8Array

CLIP = ClipSpec(frames=4, height=32, width=32, fps=5.0, stride=4, motion=MotionSpec(pairs=4, height=32, width=32))
BLUEPRINT = Blueprint(Part("two_stream", {"backbone": "micro"}), Part("stream_fusion", {}), CLIP)
LABELS = ("blue left", "blue right", "red left", "red right")


def examples(folder: Path, groups: int, seed: int) -> Path:
    """Write films of a blue or a red thing that goes to the left or to the right: a picture tells the colour alone,
    motion the direction alone."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    rows = ["file,label,group"]
    for group in range(groups):
        ground, coat = rough(rng, 60, 160, 16), rough(rng, 0, 100, 6)
        for number, label in enumerate(LABELS):
            name = f"{group}-{number}.mp4"
            coloured = coat.copy()
            coloured[..., 0 if "red" in label else 2] += 120
            film(folder / name, ground, coloured, 1 if "right" in label else -1, int(rng.integers(64)))
            rows.append(f"{name},{label},{group}")
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    return folder / "data.csv"


def rough(rng: np.random.Generator, low: int, high: int, cells: int) -> UInt8Array:
    return np.kron(rng.integers(low, high, (cells, cells, 1)), np.ones((4, 4, 3))).astype(np.uint8)


def film(path: Path, ground: UInt8Array, thing: UInt8Array, direction: int, start: int) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for step in range(20):
            picture = ground.copy()
            picture[20:44, (np.arange(24) + start + 2 * direction * step) % 64] = thing
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def run(folder: Path) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    return Run(3, folder, folder, 1, lambda line: None)


@pytest.mark.slow
def test_both_streams_together_are_right_more_often_than_either(tmp_path: Path) -> None:
    """What is measured is what is served; the streams and their fusions are one training's weights."""
    stage = replace(STAGE, steps=60, batch=16, learning_rate=3e-3, validate_every=20)
    wanted = Wanted("two", BLUEPRINT, str(examples(tmp_path / "seen", 8, 0)), stage, mirror=False)
    train_on_examples(wanted, tmp_path / "model", run(tmp_path / "work"))
    unseen = str(examples(tmp_path / "unseen", 6, 1))
    shown, model = pictures(read_table(unseen), CLIP, tmp_path, print), load_model(tmp_path / "model")
    right = {}
    for fusion in FUSIONS:
        save_model(tmp_path / fusion, with_fusion(model, fusion))
        right[fusion] = clip_figures(predict(ModelWorker(tmp_path / fusion), shown), shown.classes).accuracy
    assert max(right["spatial"], right["temporal"]) < 0.75, right
    assert min(right["average"], right["svm"]) > max(right["spatial"], right["temporal"]) + 0.15, right
    assert evaluate_examples(tmp_path / "average", unseen, 10, print).accuracy == right["average"]


def with_fusion(model: StreamModel, fusion: str) -> StreamModel:
    temporal = Part("stream_fusion", {"fusion": fusion, "kind": "exclusive"})
    return replace(model, card=replace(model.card, temporal=temporal))


def card(labels: tuple[str, ...] = LABELS) -> ModelCard:
    sets = (LabelSet("label", "exclusive", labels),)
    temporal = Part("stream_fusion", {"fusion": "svm", "kind": "exclusive"})
    return replace(BLUEPRINT.card("two"), label_sets=sets, temporal=temporal)


def net(labels: tuple[str, ...] = LABELS) -> Classifier:
    torch.manual_seed(0)
    return Classifier(build(card(labels)), "cpu")


def test_a_stream_learns_as_if_it_were_alone() -> None:
    one, pixels, targets = net(), torch.randn(4, 4, 3, 32, 32), torch.tensor([0, 1, 2, 3])
    gradients = []
    for motion in (torch.randn(4, 4, 2, 32, 32), torch.randn(4, 4, 2, 32, 32)):
        one.zero_grad()
        _loss(one, Taught(pixels, targets, motion), smoothing=0.1).backward()
        gradients.append(
            [p.grad.clone() for p in (*one.encoder.spatial.parameters(), *one.temporal.spatial.parameters())]
        )
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second)
    assert all(p.grad is None for p in one.temporal.svm.parameters())


class Sure(torch.nn.Module):
    """Gives the logits it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.temporal = StreamFusion(2, logits=5, fusion="svm", kind="exclusive")

    def forward(self, logits_B2K: Tensor, motion: None) -> Tensor:
        return logits_B2K


class Said:
    """Of each example the spatial stream knows the colour, the temporal one the direction."""

    def __init__(self, classes: list[int]) -> None:
        self._classes = torch.tensor(classes)

    def plain(self) -> Iterator[Taught]:
        logits = torch.randn(len(self._classes), 2, 5, generator=torch.Generator().manual_seed(0))
        labels = torch.arange(4)
        logits[:, 0, 1:] += 8.0 * (labels // 2 == self._classes[:, None] // 2)
        logits[:, 1, 1:] += 8.0 * (labels % 2 == self._classes[:, None] % 2)
        yield Taught(logits, self._classes)


@pytest.mark.parametrize("classes", [[0, 1, 2, 3], [0, 3], [1, 2, 3]])
def test_the_svm_tells_what_it_was_fitted_to_and_knows_no_other_label(classes: list[int]) -> None:
    net, said = Sure(), Said(classes * 8)
    fit_svm(net, said, seed=0)
    [taught] = said.plain()
    margins = net.temporal.svm(svm_features(taught.pixels)).detach()
    unknown = [0, *(1 + label for label in range(4) if label not in classes)]
    assert set(margins[:, unknown].flatten().tolist()) == {NEVER}
    assert margins.argmax(1).tolist() == [1 + label for label in classes * 8]


def recorded(count: int = 6, mirror: bool = False) -> tuple[RecordedClips, Pictures]:
    """Two examples; each picture, and its motion, say their number."""
    numbers = np.arange(count)
    shown = np.broadcast_to(numbers[:, None, None, None] * 10, (count, 32, 32, 3)).astype(np.uint8)
    motion = np.broadcast_to(numbers[:, None, None, None, None], (count, 4, 2, 32, 32)).astype(np.float16)
    made = Pictures((shown, shown[:2]), (0, 1), (motion, motion[:2]))
    return RecordedClips(made, card(), mirror), made


def test_a_clip_has_the_motion_that_ends_with_its_last_picture() -> None:
    clips, made = recorded()
    cut = window(made.shown[0], 1, 4, made.motion(0))
    assert isinstance(cut, FramesWithMotion) and (cut.frames[-1, 0, 0, 0], cut.motion[0, 0, 0, 0]) == (40, 4)
    short = window(made.shown[1], 0, 4, made.motion(1))
    assert isinstance(short, FramesWithMotion) and (short.frames[-1, 0, 0, 0], short.motion[0, 0, 0, 0]) == (10, 1)
    [taught] = clips.plain()
    assert taught.motion is not None and taught.motion.shape == (4, 4, 2, 32, 32)
    assert taught.motion[:, 0, 0, 0, 0].tolist() == [3, 4, 5, 1] and taught.targets.tolist() == [0, 0, 0, 1]


def test_varied_clips_of_equal_seeds_have_equal_motion() -> None:
    clips, _ = recorded()
    one, other = clips.varied(6, (1, 2)), clips.varied(6, (1, 2))
    assert one.motion is not None and other.motion is not None and torch.equal(one.motion, other.motion)
    assert not torch.equal(one.motion, clips.varied(6, (1, 3)).motion)


def test_the_first_of_some_clips_keep_their_motion() -> None:
    taught = Taught(torch.zeros(3, 1), torch.arange(3), torch.arange(3))
    assert taught.first(2).motion.tolist() == [0, 1] and replace(taught, motion=None).first(2).motion is None
