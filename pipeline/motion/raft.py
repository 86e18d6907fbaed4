"""RAFT: Teed, Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020; torchvision's small one.

The one way to find motion that needs torch; loaded where a model asks for it only.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.models.optical_flow import RAFT, Raft_Small_Weights, raft_small

from pipeline.models.published import fit, load_state, published_file
from pipeline.motion.bounds import bounded
from pipeline.values import Float16Array, Float32Array, MotionSpec, Picture, UInt8Array


class Raft:
    """Looks at pictures as large as the network wants them; what it finds is scaled to h×w."""

    def __init__(self, spec: MotionSpec) -> None:
        self._size = spec.height, spec.width
        self._looked_at = spec.looked_at
        scales = spec.width / spec.looked_at[1], spec.height / spec.looked_at[0]
        self._to_size = torch.tensor(scales).reshape(2, 1, 1)
        self._net = _net()

    def seen(self, picture: Picture) -> UInt8Array:
        """Return the picture's pixels."""
        return picture.rgb(*self._looked_at)

    def between(self, before: UInt8Array, after: UInt8Array) -> Float16Array:
        """Return the displacements 2×h×w from one picture to the next."""
        with torch.inference_mode():
            field: Tensor = self._net(_input(before), _input(after))[-1]
            field = interpolate(field, self._size, mode="bilinear", antialias=True)
            found: Float32Array = (field[0] * self._to_size).numpy()
        return bounded(found)


def _input(picture: UInt8Array) -> Tensor:
    """1×3×H×W in −1…1, as torchvision's `OpticalFlow` transform makes it."""
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 127.5 - 1


@cache
def _net() -> RAFT:
    """The network with its published weights; shared, as it keeps nothing.

    Raises:
        ModelError: its weights are not there.
    """
    path = published_file(Raft_Small_Weights.C_T_V2)
    net = raft_small()
    fit(net, load_state(path), str(path))
    return net.eval()
