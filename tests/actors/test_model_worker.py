"""What the actor of a model worker answers, asked without Ray."""

import asyncio
import pickle
from dataclasses import replace

import numpy as np

from actors.model_worker import ModelWorkerActor
from pipeline.clip import Strip
from pipeline.models.card import Part
from pipeline.models.worker import ModelWorker
from pipeline.values import ClipSpec, FramesWithMotion, MotionSpec
from tests.models.micro import make_model_dir, micro_card

CLIP = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=2, motion=MotionSpec(3, 16, 24))


def test_clips_with_motion_are_answered_as_by_the_worker_itself(tmp_path):
    parts = {"encoder": Part("two_stream", {"backbone": "micro"}), "temporal": Part("stream_fusion", {})}
    directory = make_model_dir(tmp_path, card=replace(micro_card(CLIP), **parts))
    rng = np.random.default_rng(0)
    block = rng.integers(0, 256, (8, 16, 16, 3), np.uint8)
    motions = rng.normal(0, 2, (3, 3, 2, 16, 24)).astype(np.float16)
    clips = [FramesWithMotion(block[2 * at : 2 * at + 4], motion) for at, motion in enumerate(motions)]
    actor, worker = ModelWorkerActor(str(directory), "", threads=2, wait_s=0.0), ModelWorker(directory)
    strip, clip = pickle.loads(pickle.dumps((Strip.of(clips), clips[1])))  # noqa: S301 - our own bytes, as Ray has them
    features = asyncio.run(actor.encode(strip))
    assert features.tobytes() == np.stack(worker.encode(clips)).tobytes()
    answer = asyncio.run(actor.infer(clip, 0.5, None))
    assert answer.probs.tobytes() == worker.infer(clips[1], 0.5, None).probs.tobytes()
    assert len({row.tobytes() for row in features}) == 3
