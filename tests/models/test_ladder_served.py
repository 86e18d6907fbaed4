"""Every row of the ladder is served: a model worker gives what the network gives, in whatever company."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.models.build import StreamModel, load_model, probabilities
from pipeline.models.ladder import MICRO, architectures
from pipeline.models.profile import detect_numerics
from pipeline.models.worker import ModelWorker
from pipeline.values import EncoderInput, Float32Array, FramesWithMotion, frames_and_motion
from tests.models.micro import make_model_dir

MICROS = [name for name in architectures() if name.endswith(MICRO)]
CLIPS = 3


@pytest.fixture(scope="module", params=MICROS)
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    _, blueprint = architectures()[request.param]
    return make_model_dir(tmp_path_factory.mktemp("row"), card=blueprint.card(request.param))


def clips(model: StreamModel) -> list[EncoderInput]:
    spec, rng = model.card.clip, np.random.default_rng(0)
    frames = rng.integers(0, 256, (CLIPS, spec.frames, spec.height, spec.width, 3), np.uint8)
    if spec.motion is None:
        return list(frames)
    shape = (CLIPS, spec.motion.pairs, 2, spec.motion.height, spec.motion.width)
    return [*map(FramesWithMotion, frames, rng.normal(0, 5, shape).astype(np.float16))]


def forward(model: StreamModel, clip: EncoderInput) -> Float32Array:
    """C probabilities of a stream's first clip, straight from the network."""
    mean, std = (torch.tensor(one) for one in (model.card.mean, model.card.std))
    frames, motion = frames_and_motion(clip)
    given = [((torch.from_numpy(frames) / 255 - mean) / std).permute(0, 3, 1, 2)[None]]
    if motion is not None:
        given.append(torch.from_numpy(motion).float()[None])
    with torch.inference_mode():
        logits, _ = model.temporal.step(model.encoder(*given), torch.zeros(1), model.temporal.initial_state(1))
        return probabilities(logits, model.card.label_sets)[0].numpy()


def test_a_worker_gives_what_the_network_gives(directory: Path) -> None:
    worker = ModelWorker(directory, replace(detect_numerics("cpu"), dtype="float32"))
    model = load_model(directory)
    for clip in clips(model):
        assert worker.infer(clip, 0.0, None).probs[0] == pytest.approx(forward(model, clip), abs=2e-5)


def test_the_bits_of_a_clip_do_not_depend_on_who_is_beside_it(directory: Path) -> None:
    worker = ModelWorker(directory, replace(detect_numerics("cpu"), dtype="float32", encode_bucket=2))
    shown = clips(load_model(directory))
    alone = [worker.encode([clip])[0].tobytes() for clip in shown]
    assert [row.tobytes() for row in worker.encode(shown)] == alone
    assert [row.tobytes() for row in worker.encode(shown[::-1])] == alone[::-1]
