"""A model swap: a stream's place and gaps go on under another model, its memory and its segments do not."""

from dataclasses import replace

import numpy as np

from pipeline.segment.segmenter import ended_now
from pipeline.values import Checkpoint, Commit


def handed_over(checkpoint: Checkpoint, model: str, numerics: str) -> Commit:
    """Return the commit that ends every open segment at a step border and clears what only the old model understands.

    It needs nothing of the old model, whose directory may be gone.

    Args:
        checkpoint: the last one under the old model.
        model: fingerprint of the next model.
        numerics: digest of the profile it computes under.
    """
    nothing = np.empty(0, np.float32)
    return Commit(
        stream=checkpoint.stream,
        epoch=checkpoint.epoch,
        first_step=checkpoint.step + 1,
        last_step=checkpoint.step,
        opened=(),
        still_open=(),
        closed=ended_now(checkpoint.stream, checkpoint.model, checkpoint.segmenter_state),
        gaps=(),
        scores=(),
        checkpoint=replace(checkpoint, model=model, numerics=numerics, temporal_state=nothing, segmenter_state=b""),
    )
