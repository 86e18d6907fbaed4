"""Classifiers of clips: what they learn is served, a run goes on where it stopped and ends when its loss is none."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from pipeline.errors import ModelError, TrainingFailed, UsageError
from pipeline.evaluation.clips import clip_figures, interval, predict
from pipeline.models.build import load_model
from pipeline.models.card import Part
from pipeline.models.encoders.shift_cnn import ShiftCnn
from pipeline.models.ladder import Blueprint
from pipeline.models.worker import ModelWorker
from pipeline.training.classifier import window, windows
from pipeline.training.curve import read
from pipeline.training.data.pictures import pictures
from pipeline.training.data.table import read_table
from pipeline.training.run import Run
from pipeline.training.train_classifier import STAGE, Wanted, train_on_examples
from pipeline.values import ClipSpec

CLIP = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=4)
BLUEPRINT = Blueprint(Part("shift_cnn", {"widths": [8, 8], "blocks": [1]}), Part("linear", {}), CLIP)
STAGE = replace(STAGE, steps=24, batch=8, learning_rate=1e-2, validate_every=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return moving_data(tmp_path_factory.mktemp("data"))


def moving_data(folder: Path) -> Path:
    """Write films of something bright that moves to the right or to the left; six people do so."""
    folder.mkdir(exist_ok=True)
    rows = ["file,label,group"]
    for number in range(12):
        label = ("left", "right")[number % 2]
        rows.append(
            f"{_moving(folder / f'{number}.mp4', 1 if label == 'right' else -1, number).name},{label},{number // 2}"
        )
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    return folder / "data.csv"


def _moving(path: Path, direction: int, seed: int) -> Path:
    start = int(np.random.default_rng(seed).integers(32))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for step in range(10):
            picture = np.full((32, 32, 3), 40, np.uint8)
            picture[8:24, np.arange(8) + start + 6 * direction * step & 31] = 220
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def wanted(data: Path, **changed) -> Wanted:
    return Wanted(
        **{"name": "micro", "blueprint": BLUEPRINT, "data": str(data), "stage": STAGE, "mirror": False, **changed}
    )


def run(folder: Path, **changed) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    return Run(**({"seed": 3, "folder": folder, "cache": folder, "threads": 1, "log": lambda line: None} | changed))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train_on_examples(wanted(data), out / "model", run(out / "work"))
    return out / "model"


def test_what_was_learned_is_served_and_the_record_says_from_what(trained, data, tmp_path):
    worker = ModelWorker(trained)
    table = read_table(str(data))
    shown = pictures(table, CLIP, tmp_path, print)
    figures = clip_figures(predict(worker, shown), shown.classes)
    assert figures.examples == 12 and figures.accuracy > 0.75, "direction is not told by chance"
    record = worker.card.training
    assert record["examples"] == {"train": {"left": 4, "right": 4}, "validation": {"left": 2, "right": 2}}
    assert record["classifier"]["step"] == 24 and record["validation"]["examples"] == 4
    assert worker.card.labels == ("left", "right")
    assert [row["step"] for row in read(trained.parent / "work" / "classifier.csv")] == [8, 16, 24]
    assert cv2.imread(str(trained / "curve.png")) is not None


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(trained, data, tmp_path):
    def stop_at_16(line: str) -> None:
        if "validation" in line and "step 16" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_on_examples(wanted(data), tmp_path / "model", run(tmp_path / "work", log=stop_at_16))
    train_on_examples(wanted(data), tmp_path / "model", run(tmp_path / "work"))
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    curves = [read(folder / "work" / "classifier.csv") for folder in (tmp_path, trained.parent)]
    assert [[row["validation"] for row in curve] for curve in curves] == [[row["validation"] for row in curves[1]]] * 2


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_good(data, tmp_path):
    hot = replace(STAGE, learning_rate=1e30)
    with pytest.raises(TrainingFailed, match=r"the loss is (nan|inf) after step \d+; .* lower learning rate"):
        train_on_examples(wanted(data, stage=hot), tmp_path / "model", run(tmp_path / "work"))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "lack", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_batch_that_does_not_fit_is_told_with_one_that_does(lack, data, tmp_path, monkeypatch):
    forward = ShiftCnn.forward

    def narrow(self, clips):
        if len(clips) > 3:
            raise lack
        return forward(self, clips)

    monkeypatch.setattr(ShiftCnn, "forward", narrow)
    with pytest.raises(TrainingFailed, match="8 clips at once do not fit into memory; 2 do: --batch 2"):
        train_on_examples(wanted(data), tmp_path / "model", run(tmp_path / "work"))


def test_an_encoder_can_be_taken_over_and_left_as_it_is(trained, data, tmp_path):
    begun = wanted(data, start=str(trained), freeze_encoder=True)
    card = train_on_examples(begun, tmp_path / "model", run(tmp_path / "work"))
    assert card.training["start"]["name"] == "micro"
    weights = (load_model(folder).encoder.stem.conv.weight for folder in (trained, tmp_path / "model"))
    assert torch.equal(*weights)


def test_a_folder_of_another_run_is_not_gone_on_from(trained, data, tmp_path):
    other = wanted(data, stage=replace(STAGE, steps=5))
    with pytest.raises(UsageError, match="holds another run"):
        train_on_examples(other, tmp_path / "model", run(trained.parent / "work"))


def test_an_encoder_of_another_kind_is_no_start(trained, data, tmp_path):
    other = replace(BLUEPRINT, encoder=Part("shift_cnn", {"widths": [8, 16], "blocks": [1]}))
    with pytest.raises(ModelError, match="another encoder"):
        train_on_examples(wanted(data, blueprint=other, start=str(trained)), tmp_path / "model", run(tmp_path / "work"))


def test_a_short_example_repeats_its_last_picture_and_a_long_one_is_looked_at_all_over():
    shown = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    assert window(shown, 4, 4).ravel().tolist() == [4, 5, 5, 5]
    assert [clip.ravel().tolist() for clip in windows(shown, 4, 10)] == [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]
    assert [clip.ravel().tolist() for clip in windows(shown[:2], 4, 10)] == [[0, 1, 1, 1]]


def test_figures_by_hand():
    probs = np.float32([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    figures = clip_figures(probs, [0, 0, 1, 1])
    assert figures.confused == ((2, 0), (1, 1)) and figures.accuracy == 0.75 and figures.macro_recall == 0.75
    assert interval(45, 50) == pytest.approx((0.7864, 0.9565), abs=1e-4)  # Brown, Cai, DasGupta (2001): n=50
