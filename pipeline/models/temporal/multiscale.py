"""Memory of minutes and hours at constant cost: attention with fixed queries, kept as decayed sums.

With queries that do not depend on the step, softmax attention over everything seen becomes two running sums, and an
exponential decay of the weights makes them forget: Y. Zhao, P. Krähenbühl: Real-time Online Video Detection with
Temporal Smoothing Transformers (TeSTra), ECCV 2022. Here several half-lives stand side by side, and time is counted in
seconds, so that a gap ages the memory by its length.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from pipeline.models.temporal.residual import ResidualMemory
from pipeline.models.temporal.ring_attention import Ring

_CHUNK = 64  # steps whose sums are computed at once
_LEAST = 1e-6  # weight below which nothing is remembered


class DecayedSums(nn.Module):
    """For every fixed query and half-life the weighted mean of all values so far, and the weight itself.

    A step's weight is exp(sharpness · cosine of query and key), between e⁻ˢ and eˢ, halved with every half-life since.
    Of each query and half-life the weighted sum of the values and the sum of the weights are kept, in float32.

    Args:
        width: of a step.
        queries: how many are learned; each has a key and a value of width / queries numbers of its own.
        half_lives_s: seconds.
        step_s: seconds from one step to the next where nothing is lost.

    Raises:
        ValueError: the queries do not divide the width, or a time is not above 0.
    """

    _rates: Tensor

    def __init__(self, width: int, queries: int, half_lives_s: Sequence[float], step_s: float) -> None:
        super().__init__()
        if queries < 1 or width % queries or not half_lives_s or min(*half_lives_s, step_s) <= 0:
            raise ValueError(
                f"want queries that divide {width} and times above 0; got {queries}, {list(half_lives_s)} and {step_s}"
            )
        self.queries, self.step_s = queries, step_s
        self.found_size = len(half_lives_s) * (width + queries)
        self.state_size = self.found_size
        self.register_buffer("_rates", 1 / torch.tensor(half_lives_s, dtype=torch.float64), persistent=False)
        self.query = nn.Parameter(torch.randn(queries, width // queries))
        self.keep = nn.Linear(width, 2 * width)
        self.sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, x_BNW: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """B×N×F: means and log weights after each of N steps; and the state after the last."""
        keys, values = (torch.unflatten(half, -1, (self.queries, -1)) for half in self.keep(x_BNW).chunk(2, -1))
        cosine = (normalize(keys, dim=-1) * normalize(self.query, dim=-1)).sum(-1, keepdim=True)
        weight = torch.exp(self.sharpness.clamp(0, 8) * cosine)
        told = torch.cat([weight * values, weight], -1)  # B×N×Q×(w+1)
        sums = state_BS.view(len(state_BS), -1, *told.shape[2:])
        found = []
        for part, gap_s in zip(torch.split(told, _CHUNK, 1), torch.split(gap_s_BN, _CHUNK, 1), strict=True):
            all_sums = self._summed(part, gap_s, sums)
            found.append(all_sums)
            sums = all_sums[:, -1]
        return _read(torch.cat(found, 1)), sums.reshape(len(sums), -1)

    def _summed(self, told_BNQV: Tensor, gap_s_BN: Tensor, sums_BTQV: Tensor) -> Tensor:
        """B×N×T×Q×V: the decayed sums after each of N steps."""
        now_s = (gap_s_BN.double() + self.step_s).cumsum(1)  # since the sums, which may be days ago
        since_s = (now_s[:, :, None] - now_s[:, None]).clamp(min=0)
        kept = torch.exp2(-since_s[..., None] * self._rates) * torch.ones_like(since_s).tril()[..., None]
        faded = torch.exp2(-now_s[..., None] * self._rates)
        fresh = torch.einsum("bijt,bjqv->bitqv", kept.to(told_BNQV.dtype), told_BNQV)
        return fresh + torch.einsum("bit,btqv->bitqv", faded.to(told_BNQV.dtype), sums_BTQV)


def _read(sums_BNTQV: Tensor) -> Tensor:
    weight = sums_BNTQV[..., -1:]
    return torch.cat([sums_BNTQV[..., :-1] / (weight + _LEAST), torch.log1p(weight)], -1).flatten(2)


class MultiscaleMemory(ResidualMemory):
    """A memory of the last steps by attention, and of everything before by decayed sums.

    Args:
        feature_size, logits, width, dropout: see `ResidualMemory`.
        heads: of the attention over the last steps.
        recent: steps over which is attended, the newest among them.
        queries, half_lives_s, step_s: see `DecayedSums`.

    Raises:
        ValueError: see `Ring` and `DecayedSums`.
    """

    def __init__(
        self,
        feature_size: int,
        logits: int,
        width: int,
        heads: int,
        recent: int,
        queries: int,
        half_lives_s: Sequence[float],
        step_s: float,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(feature_size, logits, width, dropout)
        self.ring = Ring(width, heads, recent)
        self.sums = DecayedSums(width, queries, half_lives_s, step_s)
        self.state_size = self.ring.state_size + self.sums.state_size
        self.tell = nn.Sequential(nn.LayerNorm(self.sums.found_size), nn.Linear(self.sums.found_size, width))

    def recall(self, x_BNW: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        of_ring, of_sums = torch.split(state_BS, [self.ring.state_size, self.sums.state_size], 1)
        recent, of_ring = self.ring(x_BNW, gap_s_BN, of_ring)
        found, of_sums = self.sums(x_BNW, gap_s_BN, of_sums)
        return recent + self.tell(found), torch.cat([of_ring, of_sums], 1)
