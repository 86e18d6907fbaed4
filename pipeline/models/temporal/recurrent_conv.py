"""A recurrent convolutional network: its memory is a stack of maps, so it remembers where something was.

N. Ballas, L. Yao, C. Pal, A. Courville: Delving Deeper into Convolutional Networks for Learning Video Representations,
ICLR 2016. The LSTM gates are those of X. Shi, Z. Chen, H. Wang, D.-Y. Yeung, W.-K. Wong, W.-C. Woo: Convolutional LSTM
Network, NeurIPS 2015, without peepholes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.models.temporal.base import TemporalModel

Gates = Literal["vanilla", "gru", "lstm"]


class RecurrentConv(TemporalModel):
    """Layers of maps, each from its own map one step before and the layer below at this step, both by 2D convolutions.

    The head is linear on the spatial mean of the last layer's map.

    Args:
        feature_size: of the encoder, C·H·W.
        logits: outputs of the head.
        map: C, H and W of the feature, which is a flat map.
        channels: of each layer; two layers or more.
        kernel: of every convolution, odd: influence moves (kernel − 1) / 2 positions a step, and as much a layer.
        gates: what decides how much of a map is kept: nothing, those of a GRU, or those of an LSTM.

    A gap enters as one more channel of the feature's map, log(1 + seconds lost) everywhere.

    Raises:
        ValueError: the parameters do not fit each other, or the feature.
    """

    def __init__(
        self,
        feature_size: int,
        logits: int,
        map: Sequence[int],
        channels: Sequence[int],
        kernel: int = 3,
        gates: Gates = "gru",
    ) -> None:
        super().__init__()
        _require(feature_size, map, channels, kernel, gates)
        self.map_CHW = tuple(map)
        inputs = (map[0] + 1, *channels)
        self.cells = nn.ModuleList(
            RecurrentConvCell(below, own, kernel, gates) for below, own in zip(inputs, channels, strict=False)
        )
        self._sizes = [own * _GATES[gates].maps * map[1] * map[2] for own in channels]
        self.state_size = sum(self._sizes)
        self.head = nn.Linear(channels[-1], logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, self.state_size)

    def state_maps(self, state_BS: Tensor) -> list[Tensor]:
        """B×C×H×W of each layer, the lowest first; an LSTM's cell lies behind its hidden map, in C."""
        maps = torch.split(state_BS, self._sizes, 1)
        return [flat.reshape(len(flat), -1, *self.map_CHW[1:]) for flat in maps]

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        x, states = self._inputs(x_BND, gap_s_BN), []
        for cell, state_BCHW in zip(self.cells, self.state_maps(state_BS), strict=True):
            x, state = cell(x, state_BCHW)
            states.append(state.flatten(1))
        return self.head(x.mean((3, 4))), torch.cat(states, 1)

    def _inputs(self, x_BND: Tensor, gap_s_BN: Tensor) -> Tensor:
        x_BNCHW = x_BND.reshape(*x_BND.shape[:2], *self.map_CHW)
        gap = torch.log1p(gap_s_BN)[:, :, None, None, None].expand(-1, -1, 1, *self.map_CHW[1:])
        return torch.cat([x_BNCHW, gap], 2)


class RecurrentConvCell(nn.Module):
    """One layer: a convolution of what is below it, and one of its own map a step before."""

    def __init__(self, inputs: int, channels: int, kernel: int, gates: Gates) -> None:
        super().__init__()
        self._gates = _GATES[gates]
        outputs = channels * self._gates.convolved
        self.below = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.before = nn.Conv2d(channels, outputs, kernel, padding=kernel // 2)
        self.channels = channels

    def forward(self, x_BNCHW: Tensor, state_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's maps at N steps, and its state after the last."""
        flat: Tensor = self.below(x_BNCHW.flatten(0, 1))
        below = flat.reshape(*x_BNCHW.shape[:2], *flat.shape[1:])
        maps = []
        for x in below.unbind(1):
            hidden = state_BCHW[:, : self.channels]
            state_BCHW = self._gates.update(x, self.before(hidden), state_BCHW)
            maps.append(state_BCHW[:, : self.channels])
        return torch.stack(maps, 1), state_BCHW


def _vanilla(x: Tensor, h: Tensor, state: Tensor) -> Tensor:
    return torch.tanh(x + h)


def _gru(x: Tensor, h: Tensor, state: Tensor) -> Tensor:
    """As in `nn.GRU` the reset gate stands behind the convolution: one serves all gates, and reaches one kernel far."""
    reset_x, update_x, new_x = x.chunk(3, 1)
    reset_h, update_h, new_h = h.chunk(3, 1)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return new + torch.sigmoid(update_x + update_h) * (state - new)


def _lstm(x: Tensor, h: Tensor, state: Tensor) -> Tensor:
    admit, keep, new, show = (x + h).chunk(4, 1)
    cell = torch.sigmoid(keep) * state.chunk(2, 1)[1] + torch.sigmoid(admit) * torch.tanh(new)
    return torch.cat([torch.sigmoid(show) * torch.tanh(cell), cell], 1)


@dataclass(frozen=True)
class _Kind:
    """How many maps a layer's convolutions make, how many its state holds, and the state after a step."""

    convolved: int
    maps: int
    update: Callable[[Tensor, Tensor, Tensor], Tensor]


_GATES = {"vanilla": _Kind(1, 1, _vanilla), "gru": _Kind(3, 1, _gru), "lstm": _Kind(4, 2, _lstm)}


def _require(feature_size: int, map: Sequence[int], channels: Sequence[int], kernel: int, gates: str) -> None:
    if gates not in _GATES:
        raise ValueError(f"gates are one of {', '.join(_GATES)}, got {gates!r}")
    if len(channels) < 2:
        raise ValueError(f"a recurrent convolutional network has two layers or more, got channels {list(channels)}")
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel that keeps the map's size is odd, got {kernel}")
    if len(map) != 3 or map[0] * map[1] * map[2] != feature_size:
        raise ValueError(f"a map of {list(map)} is not the encoder's feature of {feature_size} numbers")
