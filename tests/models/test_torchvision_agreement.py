"""From the same file: what longtake tells of it, and what torchvision's own transforms and net tell."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.models import get_model_weights

from pipeline.clock import ManualClock
from pipeline.hooks import Hooks
from pipeline.models.build import StreamModel, build, save_model
from pipeline.models.conversion import published_card
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.models.profile import detect_numerics
from pipeline.models.worker import ModelWorker
from pipeline.reader import Reader, ReadSettings
from pipeline.values import Checkpoint, Clip, ClipSpec, Float32Array, UInt8Array

FRAMES, CLIPS = 2, 40
SIZE = 360, 480
BEGINNING = Checkpoint(
    "film", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "none", "none", "film"
)


def filmed(path: Path, fps: int) -> Path:
    """A film whose every clip is of another scene: shapes over a gradient, which drift, no more colourful than life."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "18"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(CLIPS):
            scene = cv2.resize(rng.integers(0, 256, (4, 5, 3), np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
            for _ in range(12):
                at, radius = rng.integers(0, SIZE[::-1]), rng.integers(5, 90)
                cv2.circle(scene, tuple(map(int, at)), int(radius), rng.integers(0, 256, 3).tolist(), -1)
            grey = scene.mean(2, keepdims=True)
            scene = cv2.GaussianBlur((grey + 0.35 * (scene - grey)).astype(np.uint8), (0, 0), 1.0)
            drift = rng.integers(-12, 13, 2)
            for step in range(FRAMES):
                picture = np.roll(scene, tuple(step * drift), (0, 1))
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def decoded(path: Path) -> UInt8Array:
    """All frames as they are commonly read for torchvision: N×H×W×3."""
    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def cut(path: Path, spec: ClipSpec) -> list[Clip]:
    """The clips that a lane would be given."""
    reader = Reader("film", str(path), spec, ReadSettings(), Hooks(), ManualClock())
    return [item for item in reader.read(BEGINNING, threading.Event()) if isinstance(item, Clip)]


@dataclass(frozen=True)
class Shown:
    """A film, a net, and what the net tells of the film's clips as torchvision shows them."""

    film: Path
    model: StreamModel
    logits: Float32Array


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    torch.manual_seed(0)
    card = published_card("torchvision/mc3_18")
    model = build(replace(card, clip=replace(card.clip, frames=FRAMES, stride=FRAMES)))
    film = filmed(tmp_path_factory.mktemp("film") / "film.mp4", int(card.clip.fps))
    transforms = get_model_weights("mc3_18")["KINETICS400_V1"].transforms()
    clips = torch.from_numpy(decoded(film)).permute(0, 3, 1, 2).split(FRAMES)
    return Shown(film, model, opinionated(model, [transforms(clip) for clip in clips]))


def opinionated(model: StreamModel, clips_CTHW: Sequence[Tensor]) -> Float32Array:
    """Fresh weights find everything alike: let the classifier look at what differs; returns its logits."""
    assert isinstance(model.encoder, TorchvisionNet)
    net = model.encoder.net.eval()
    classifier, net.fc = net.fc, torch.nn.Identity()
    with torch.inference_mode():
        features = torch.cat([net(clip[None]) for clip in clips_CTHW])
    with torch.no_grad():
        classifier.weight.normal_()
        classifier.bias.copy_(-classifier.weight @ features.mean(0))
        net.fc = classifier
        return classifier(features).numpy()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ninety_five_of_a_hundred_clips_are_called_the_same(theirs: Shown, tmp_path: Path) -> None:
    """The rest is how colours are taken from the film: here interpolated, by `to_ndarray` taken from the nearest."""
    save_model(tmp_path, theirs.model)
    worker = ModelWorker(tmp_path, replace(detect_numerics("cpu"), dtype="float32"))
    ours = np.stack(worker.encode([clip.frames for clip in cut(theirs.film, theirs.model.card.clip)]))
    agreement = float((ours.argmax(1) == theirs.logits.argmax(1)).mean())
    difference = float(np.abs(ours - theirs.logits).mean() / theirs.logits.std())
    print(f"top-1 agreement {agreement:.3f}, mean logit difference {difference:.5f} of the logits' spread")
    assert len(ours) == len(theirs.logits) == CLIPS
    assert len(set(theirs.logits.argmax(1))) > CLIPS / 2, "the net tells these clips apart"
    assert agreement >= 0.95
    assert difference < 0.05
