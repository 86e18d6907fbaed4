"""A recurrent model that takes a clip frame by frame, as CNN and RNN are joined in the LRCN.

J. Donahue, L. A. Hendricks, S. Guadarrama, M. Rohrbach, S. Venugopalan, K. Saenko, T. Darrell: Long-term Recurrent
Convolutional Networks for Visual Recognition and Description, CVPR 2015 (there an answer is the mean over a clip's
frames, here what is said after the newest).
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.gru import GruMemory
from pipeline.models.temporal.lstm import LstmMemory
from pipeline.models.temporal.recurrent_conv import RecurrentConv

RECURRENT: Mapping[str, Callable[..., TemporalModel]] = {
    "gru": GruMemory,
    "lstm": LstmMemory,
    "recurrent_conv": RecurrentConv,
}


class ByFrame(TemporalModel):
    """Steps of another model, one for each of a clip's frames; its answer after the newest is the clip's.

    No frame is to be seen twice: clips must not overlap. A gap lies before a clip's first frame.

    Args:
        feature_size: T·D of the encoder, the T frames' features in a row.
        logits: outputs of the head.
        frames: T.
        model: a name in `RECURRENT`.
        parameters: of that model.

    Raises:
        ValueError: the feature is not that of so many frames, or there is no such model.
    """

    of_frames = True

    def __init__(self, feature_size: int, logits: int, frames: int, model: str, **parameters: Any) -> None:
        super().__init__()
        if frames < 1 or feature_size % frames:
            raise ValueError(f"a feature of {feature_size} numbers is not that of {frames} frames")
        if model not in RECURRENT:
            raise ValueError(f"unknown recurrent model {model!r}; choose one of {', '.join(RECURRENT)}")
        self.frames = frames
        self.model = RECURRENT[model](feature_size // frames, logits, **parameters)
        self.state_size = self.model.state_size

    def initial_state(self, batch: int) -> Tensor:
        return self.model.initial_state(batch)

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        batch, steps, _ = x_BND.shape
        gap_s_BNF = gap_s_BN.new_zeros(batch, steps, self.frames)
        gap_s_BNF[..., 0] = gap_s_BN
        logits, state_BS = self.model(x_BND.reshape(batch, steps * self.frames, -1), gap_s_BNF.flatten(1), state_BS)
        return logits[:, self.frames - 1 :: self.frames], state_BS
