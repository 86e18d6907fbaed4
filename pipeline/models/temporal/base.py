"""What a temporal model is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class TemporalModel(nn.Module, ABC):
    """A network that turns features into logits and remembers; its memory is an argument.

    Its constructor takes the parameters of the card, `feature_size` of the encoder, and how many `logits` it gives.
    `forward` over a sequence and `step` by step agree for any chunking. A state is one flat vector per stream.
    `gap_s` is how many seconds were lost just before a step, 0 where nothing was.

    Attributes:
        state_size: numbers that are remembered of a stream.
        of_frames: the feature holds a clip's frames in a row, and each sees those before it only.
    """

    state_size: int
    of_frames = False

    @abstractmethod
    def initial_state(self, batch: int) -> Tensor:
        """B×S: the state of a stream that has seen nothing."""

    @abstractmethod
    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """N steps of B streams: B×N×C logits and the state after the last."""

    def step(self, x_BD: Tensor, gap_s_B: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """One step of B streams: B×C logits and the new state."""
        logits, state = self(x_BD[:, None], gap_s_B[:, None], state_BS)
        return logits[:, 0], state
