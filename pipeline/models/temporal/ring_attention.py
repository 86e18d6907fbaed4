"""Memory as attention over the last steps, whose keys and values are kept.

A. Vaswani et al.: Attention Is All You Need, NIPS 2017; relative positions as a learned bias of each distance after
C. Raffel et al.: Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, JMLR 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from pipeline.models.temporal.residual import ResidualMemory


class Ring(nn.Module):
    """Causal self-attention of one step over itself and the `steps` − 1 before it.

    A score is lowered by a learned amount for each distance in steps, and for log(1 + seconds lost) since. Of each step
    its key, its value, the gap before it and whether there was one at all are kept: `state_size` numbers.

    Args:
        width: of a step; divided among the heads.
        steps: N, over which is attended.

    Raises:
        ValueError: the heads do not divide the width, or N is below 1.
    """

    def __init__(self, width: int, heads: int, steps: int) -> None:
        super().__init__()
        if heads < 1 or width % heads or steps < 1:
            raise ValueError(f"want heads that divide {width}, and 1 step or more; got {heads} and {steps}")
        self.heads, self.steps, self._row = heads, steps, 2 * width + 2
        self.state_size = (steps - 1) * self._row
        self.ask = nn.Linear(width, width)
        self.keep = nn.Linear(width, 2 * width)
        self.tell = nn.Linear(width, width)
        self.distance = nn.Parameter(torch.zeros(heads, steps))
        self.slope = nn.Parameter(torch.full((heads,), -2.0))

    def forward(self, x_BNW: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """What N steps find, B×N×W, and the state after the last."""
        batch, count, _ = x_BNW.shape
        new = torch.cat([self.keep(x_BNW), gap_s_BN[..., None], torch.ones_like(gap_s_BN)[..., None]], -1)
        rows = torch.cat([state_BS.view(batch, self.steps - 1, self._row), new], 1)
        found = self._attend(self.ask(x_BNW), rows.unfold(1, self.steps, 1).transpose(2, 3))
        kept: Tensor = rows[:, count:].reshape(batch, self.state_size)
        return self.tell(found), kept

    def _attend(self, asked_BNW: Tensor, rows_BNKR: Tensor) -> Tensor:
        """Each of N steps over its own K rows."""
        keys, values = (
            torch.unflatten(half, -1, (self.heads, -1)) for half in rows_BNKR[..., :-2].chunk(2, -1)
        )  # B×N×K×heads×width
        gap_s, there = rows_BNKR[..., -2], rows_BNKR[..., -1]
        lost_s = gap_s.flip(-1).cumsum(-1).flip(-1) - gap_s  # since each row
        scores = torch.einsum("bnhw,bnkhw->bnhk", torch.unflatten(asked_BNW, -1, (self.heads, -1)), keys)
        scores = scores * keys.shape[-1] ** -0.5 + self.distance
        scores = scores - softplus(self.slope)[:, None] * torch.log1p(lost_s)[:, :, None]
        weights = scores.masked_fill(there[:, :, None] == 0, -torch.inf).softmax(-1)
        return torch.einsum("bnhk,bnkhw->bnhw", weights, values).flatten(-2)


class RingAttention(ResidualMemory):
    """A memory of the last `steps` steps, whose keys and values are kept.

    Args:
        feature_size, logits, width, dropout: see `ResidualMemory`.
        heads: of the attention.
        steps: over which is attended, the newest among them.

    Raises:
        ValueError: see `Ring`.
    """

    def __init__(
        self, feature_size: int, logits: int, width: int, heads: int, steps: int, dropout: float = 0.2
    ) -> None:
        super().__init__(feature_size, logits, width, dropout)
        self.ring = Ring(width, heads, steps)
        self.state_size = self.ring.state_size

    def recall(self, x_BNW: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.ring(x_BNW, gap_s_BN, state_BS)
        return found
