"""Causal (2+1)D convolutions over a stream: what an ordinary net would pad with zeros is carried from clip to clip.

Spatial and temporal convolutions in turn: D. Tran, H. Wang, L. Torresani, J. Ray, Y. LeCun, M. Paluri: A Closer Look at
Spatiotemporal Convolutions for Action Recognition, CVPR 2018. Buffers between clips: D. Kondratyuk et al.: MoViNets:
Mobile Video Networks for Efficient Video Recognition, CVPR 2021.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from pipeline.models.temporal.base import TemporalModel


class CausalConv(TemporalModel):
    """Layers over the maps of all frames, each seeing its own past only; a linear head on the mean of a clip's frames.

    A frame costs what it would cost a 2D net, and none is computed twice: clips must not overlap.

    Args:
        feature_size: of the encoder, T·C·H·W.
        logits: outputs of the head.
        map: C, H and W of a frame's map, of which the feature holds T in a row.
        channels: of each layer.
        dilations: of each layer's temporal convolution, in frames.
        kernel_t: taps of each temporal convolution; (kernel_t − 1)·dilation maps are carried.

    Raises:
        ValueError: the parameters do not fit each other, or the feature.
    """

    of_frames = True

    def __init__(
        self,
        feature_size: int,
        logits: int,
        map: Sequence[int],
        channels: Sequence[int],
        dilations: Sequence[int],
        kernel_t: int = 3,
    ) -> None:
        super().__init__()
        if len(map) != 3 or feature_size % (map[0] * map[1] * map[2]):
            raise ValueError(f"the encoder's feature of {feature_size} numbers is no row of maps of {list(map)}")
        if not channels or len(channels) != len(dilations) or min(*channels, *dilations, kernel_t) < 1:
            raise ValueError(f"want channels and a dilation for each layer, got {list(channels)} and {list(dilations)}")
        self.map_CHW = tuple(map)
        below = (map[0], *channels)
        layers = [_Layer(*layer, kernel_t) for layer in zip(below[:-1], channels, dilations, strict=True)]
        self._sizes = [layer.carried * layer.channels * map[1] * map[2] for layer in layers]
        self.layers = nn.ModuleList(layers)
        self.state_size = sum(self._sizes)
        self.head = nn.Linear(channels[-1], logits)

    def initial_state(self, batch: int) -> Tensor:
        return self.head.weight.new_zeros(batch, self.state_size)

    def forward(self, x_BND: Tensor, gap_s_BN: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        batch, steps, _ = x_BND.shape
        maps_BFCHW, states = x_BND.reshape(batch, -1, *self.map_CHW), []
        for layer, flat in zip(self.layers, torch.split(state_BS, self._sizes, 1), strict=True):
            maps_BFCHW, state = layer(maps_BFCHW, flat)
            states.append(state)
        frames_BFC = maps_BFCHW.mean((3, 4))
        return self.head(frames_BFC.reshape(batch, steps, -1, frames_BFC.shape[2]).mean(2)), torch.cat(states, 1)


class _Layer(nn.Module):
    """A spatial convolution of each frame, then one over its time, with a residual around both where shapes agree."""

    def __init__(self, below: int, channels: int, dilation: int, kernel_t: int) -> None:
        super().__init__()
        self.channels, self.carried, self._dilation = channels, (kernel_t - 1) * dilation, dilation
        self.spatial = nn.Sequential(nn.Conv2d(below, channels, 3, padding=1), nn.GroupNorm(1, channels), nn.ReLU())
        self.temporal = nn.Conv3d(channels, channels, (kernel_t, 1, 1), dilation=(dilation, 1, 1))
        self.skip = nn.Identity() if below == channels else nn.Conv2d(below, channels, 1)

    def forward(self, x_BFCHW: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's maps of F frames, and the maps that are carried, flat."""
        batch, frames = x_BFCHW.shape[:2]
        flat = x_BFCHW.flatten(0, 1)
        own = torch.unflatten(self.spatial(flat), 0, (batch, frames))
        seen = torch.cat([state.reshape(batch, self.carried, *own.shape[2:]), own], 1)
        over_time = self.temporal(seen.transpose(1, 2)).transpose(1, 2)
        out = relu(over_time + torch.unflatten(self.skip(flat), 0, (batch, frames)))
        return out, seen[:, frames:].flatten(1)
